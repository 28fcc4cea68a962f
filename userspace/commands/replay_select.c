// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_select.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "event/filter.h"
#include "event/record.h"
#include "trail/frame.h"
#include "trail/summary.h"

bool replay_select_all(const struct replay_select *select)
{
	return select->since_ns == 0 && select->until_ns == UINT64_MAX && !select->filter &&
	       !select->container && !select->user;
}

bool replay_select_whole(const struct replay_select *select, const struct trail_header *header)
{
	uint64_t first, last;

	if (replay_select_all(select))
		return true;
	return !select->filter && !select->container && !select->user &&
	       trail_summary_time_range(header->summary, header->summary_length, &first, &last) ==
		       0 &&
	       first >= select->since_ns && last < select->until_ns;
}

/* Whether an event of the frame may have this value: by the lists that it is counted in. */
static bool may_be(void *user, enum field field, struct text value)
{
	static const struct {
		enum field field;
		uint8_t type;
	} lists[] = {
		{ FIELD_event_action, TRAIL_TERM_KIND },
		{ FIELD_container_id, TRAIL_TERM_CONTAINER },
		{ FIELD_user_id, TRAIL_TERM_USER },
		{ FIELD_api_operation, TRAIL_TERM_OPERATION },
		{ FIELD_audit_keys, TRAIL_TERM_KEY },
	};
	const struct trail_header *header = user;
	uint64_t count;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct trail_term term = { lists[i].type, value.data,
						 (uint32_t)value.length };

		if (lists[i].field == field)
			return value.length == 0 ||
			       trail_summary_find(header->summary, header->summary_length, &term,
						  &count) < 0 ||
			       count > 0;
	}
	return true;
}

bool replay_select_frame(const struct replay_select *select, const struct trail_header *header)
{
	uint64_t first, last;

	if (trail_summary_time_range(header->summary, header->summary_length, &first, &last) == 0 &&
	    (last < select->since_ns || first >= select->until_ns))
		return false;
	/* Other names of a container, uids of a user are learnt from what is passed over, too. */
	return !select->filter || select->container || select->user ||
	       filter_may_match(select->filter, may_be, (void *)header);
}

/* Stands in a line of JSON as it is (RFC 8259, 7): nothing in it has to be written otherwise. */
static bool is_plain(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f || text.data[i] == '"' ||
		    text.data[i] == '\\')
			return false;
	return true;
}

static bool stands_in(void *user, enum field field, struct text value)
{
	const struct text *line = user;

	return !is_plain(value) || memmem(line->data, line->length, value.data, value.length);
}

/* What is learnt from events that do not pass is in them, too. */
static bool passes_over_lines(const struct replay_select *select)
{
	return select->filter && replay_select_is_alone(select);
}

bool replay_select_line(const struct replay_select *select, struct text line)
{
	/* A character may be written by its number. */
	return !passes_over_lines(select) || filter_may_match(select->filter, stands_in, &line) ||
	       memmem(line.data, line.length, "\\u", 2);
}

static bool has_number_for_character(struct text lines)
{
	const char *end = lines.data + lines.length;

	for (const char *at = lines.data; (at = memchr(at, '\\', (size_t)(end - at))); at += 2)
		if (end - at < 2 || at[1] == 'u')
			return true;
	return false;
}

struct text replay_select_required(const struct replay_select *select, struct text lines)
{
	if (!passes_over_lines(select) || has_number_for_character(lines))
		return (struct text){};
	return filter_required(select->filter, is_plain);
}

bool replay_select_next_line(struct text lines, struct text required, size_t *at,
			     struct text *ret_line)
{
	const char *begin = lines.data + *at, *end = lines.data + lines.length, *newline;

	if (*at >= lines.length)
		return false;
	if (required.length > 0) {
		const char *found =
			memmem(begin, (size_t)(end - begin), required.data, required.length);

		if (!found)
			return false;
		newline = memrchr(begin, '\n', (size_t)(found - begin));
		begin = newline ? newline + 1 : begin;
		newline = memchr(found, '\n', (size_t)(end - found));
	} else {
		newline = memchr(begin, '\n', (size_t)(end - begin));
	}
	*ret_line = (struct text){ begin, (size_t)((newline ?: end) - begin) };
	*at = (size_t)((newline ?: end) - lines.data) + 1;
	return true;
}

static bool is_digits(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!isxdigit((unsigned char)text.data[i]))
			return false;
	return text.length > 0;
}

static bool names(const struct replay_select *select, struct text value)
{
	struct text asked = text_of(select->container);

	if (value.length == 0)
		return false;
	if (text_equal(value, asked))
		return true;
	if (asked.length >= 4 && value.length == 64 && is_digits(asked) && is_digits(value) &&
	    memcmp(value.data, asked.data, asked.length) == 0)
		return true;
	for (size_t i = 0; i < select->alias_count; i++)
		if (text_equal(value, text_of(select->aliases[i])))
			return true;
	return false;
}

#define PASSED_BITS 65536u

static unsigned int passed_bit(struct text id)
{
	char digits[5] = {};

	memcpy(digits, id.data, 4);
	return (unsigned int)strtoul(digits, NULL, 16);
}

/* Its events stood before it was known that it is meant: it was called otherwise then. */
static void pass_over(struct replay_select *select, struct text id)
{
	if (id.length != 64 || !is_digits(id))
		return;
	if (!select->passed)
		select->passed = calloc(PASSED_BITS / 8, 1);
	if (select->passed)
		select->passed[passed_bit(id) / 8] |= (unsigned char)(1u << passed_bit(id) % 8);
}

static void note_passed(struct replay_select *select, struct text id)
{
	if (!select->passed || select->under_another_name[0] || !is_digits(id) ||
	    !(select->passed[passed_bit(id) / 8] >> passed_bit(id) % 8 & 1))
		return;
	memcpy(select->under_another_name, id.data, sizeof(select->under_another_name) - 1);
}

/* `docker start web` knows the name and `docker stop fc98` the id: whoever asked for one means
 * both. An id is for ever; a name is not, so that only ids are learnt from names. */
static void learn(struct replay_select *select, struct text id)
{
	if (id.length != 64 || names(select, id) || select->alias_count == REPLAY_ALIASES_MOST)
		return;
	if (!select->aliases)
		select->aliases = calloc(REPLAY_ALIASES_MOST, sizeof(*select->aliases));
	if (!select->aliases)
		return;
	memcpy(select->aliases[select->alias_count++], id.data, id.length);
	note_passed(select, id);
}

/* Whoever starts an exec or asks after it names only the exec. An engine that is asked for one
 * every few seconds must not use up the room: the oldest goes. */
static void learn_exec(struct replay_select *select, struct text id)
{
	if (id.length == 0 || id.length > sizeof(*select->execs))
		return;
	if (!select->execs)
		select->execs = calloc(REPLAY_EXECS_MOST, sizeof(*select->execs));
	if (!select->execs)
		return;
	memset(select->execs[select->exec_next], 0, sizeof(*select->execs));
	memcpy(select->execs[select->exec_next], id.data, id.length);
	select->exec_next = (select->exec_next + 1) % REPLAY_EXECS_MOST;
}

static bool is_known_exec(const struct replay_select *select, struct text id)
{
	if (!select->execs || id.length == 0 || id.length > sizeof(*select->execs))
		return false;
	for (size_t i = 0; i < REPLAY_EXECS_MOST; i++)
		if (memcmp(select->execs[i], id.data, id.length) == 0 &&
		    (id.length == sizeof(*select->execs) || select->execs[i][id.length] == '\0'))
			return true;
	return false;
}

/* An image, a volume or a network may be called as the container is. */
static bool same_target(struct replay_select *select, const struct record *record)
{
	struct text type = record_text(record, FIELD_target_type);
	struct text id = record_text(record, FIELD_target_id),
		    name = record_text(record, FIELD_target_name);
	bool container = text_equal(type, TEXT("container"));

	if (text_equal(type, TEXT("exec")))
		return is_known_exec(select, id) || is_known_exec(select, name);
	if ((type.length && !container) || (!names(select, id) && !names(select, name)))
		return false;
	if (container)
		learn(select, id);
	learn_exec(select, record_text(record, FIELD_exec_id));
	return true;
}

static bool same_container(struct replay_select *select, const struct record *record)
{
	struct text own_id = record_text(record, FIELD_container_id);
	struct text own_name = record_text(record, FIELD_container_name);

	if (same_target(select, record))
		return true;
	if (names(select, own_id) || names(select, own_name)) {
		learn(select, own_id);
		return true;
	}
	/* It joins a network, or is committed. */
	if (names(select, record_text(record, FIELD_declared_container)))
		return true;
	pass_over(select, own_id);
	if (text_equal(record_text(record, FIELD_target_type), TEXT("container")))
		pass_over(select, record_text(record, FIELD_target_id));
	return false;
}

static bool parse_uid(struct text text, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (!isdigit((unsigned char)text.data[i]) || *ret > UINT32_MAX)
			return false;
		*ret = *ret * 10 + (uint64_t)(text.data[i] - '0');
	}
	return text.length > 0;
}

static bool is_known_uid(const struct replay_select *select, struct text text)
{
	uint64_t uid;

	if (!parse_uid(text, &uid))
		return false;
	for (size_t i = 0; i < select->uid_count; i++)
		if (select->uids[i] == uid)
			return true;
	return false;
}

static void learn_uid(struct replay_select *select, struct text name, struct text text)
{
	uint64_t uid;

	if (!text_equal(name, text_of(select->user)) || select->uid_count == REPLAY_UIDS_MOST ||
	    is_known_uid(select, text) || !parse_uid(text, &uid))
		return;
	select->uids[select->uid_count++] = uid;
}

/* Whose act an event is: the process's that did it, and of whoever asked for it. */
static const struct who {
	enum field name, id, login, login_id;
} whose[] = {
#define WHO(prefix)                                                                                \
	{                                                                                          \
		FIELD_##prefix##user_name, FIELD_##prefix##user_id,                                \
			FIELD_##prefix##user_audit_name, FIELD_##prefix##user_audit_id             \
	}
	WHO(),
	WHO(created_by_),
	WHO(started_by_),
	WHO(entered_by_),
#undef WHO
	/* Of whom a proxy asks for, no login is known. */
	{ FIELD_downstream_user_name, FIELD_downstream_user_id, FIELD_downstream_user_name,
	  FIELD_downstream_user_id },
};

static bool is_uid_of(const struct replay_select *select, const struct record *record)
{
	for (size_t i = 0; i < ARRAY_SIZE(whose); i++)
		if (is_known_uid(select, record_text(record, whose[i].id)) ||
		    is_known_uid(select, record_text(record, whose[i].login_id)))
			return true;
	return is_known_uid(select, record_text(record, FIELD_user_effective_id));
}

/* Somebody who became root by sudo is still who logged in, and is root too. */
static bool same_user(struct replay_select *select, const struct record *record)
{
	struct text asked = text_of(select->user);
	bool same = false;
	uint64_t uid;

	if (parse_uid(asked, &uid)) {
		select->uids[0] = uid;
		select->uid_count = 1;
		return is_uid_of(select, record);
	}
	/* Of the superuser the name is the same on every machine. */
	learn_uid(select, TEXT("root"), TEXT("0"));
	for (size_t i = 0; i < ARRAY_SIZE(whose); i++) {
		struct text name = record_text(record, whose[i].name);
		struct text login = record_text(record, whose[i].login);

		learn_uid(select, name, record_text(record, whose[i].id));
		learn_uid(select, login, record_text(record, whose[i].login_id));
		same = same || text_equal(name, asked) || text_equal(login, asked);
	}
	return same || is_known_uid(select, record_text(record, FIELD_user_effective_id));
}

static bool in_time(const struct replay_select *select, const struct record *record)
{
	uint64_t time_ns = record_number(record, FIELD_timestamp);

	return time_ns >= select->since_ns && time_ns < select->until_ns;
}

bool replay_select_is_alone(const struct replay_select *select)
{
	return !select->container && !select->user;
}

bool replay_select_alone(const struct replay_select *select, const struct record *record)
{
	return in_time(select, record) && (!select->filter || filter_match(select->filter, record));
}

bool replay_select_record(struct replay_select *select, const struct record *record)
{
	if (!in_time(select, record))
		return false;
	if (select->container && !same_container(select, record))
		return false;
	if (select->user && !same_user(select, record))
		return false;
	return !select->filter || filter_match(select->filter, record);
}

void replay_select_clear(struct replay_select *select)
{
	if (!select)
		return;
	filter_free(select->filter);
	free(select->aliases);
	free(select->execs);
	free(select->passed);
	*select = (struct replay_select){};
}
