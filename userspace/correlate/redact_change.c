// SPDX-License-Identifier: Apache-2.0
/* Instructions of a Dockerfile as `docker commit --change` and `docker import --change` bring them.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "correlate/redact_private.h"

#define MOST_ARGUMENT_BYTES 4096

enum keep {
	KEEP_NAME,    /* carries values: only the instruction's own name */
	KEEP_TEXT,    /* by the rules for text */
	KEEP_COMMAND, /* by those for command lines */
};

/*
 * What a change may be (builder/dockerfile's validCommitCommands). Anything else is masked whole:
 * the engine joins changes by a new line, so that one may go on with the ENV of the one before it,
 * and ONBUILD may have any instruction behind it.
 */
static const struct {
	const char *name;
	enum keep keep;
} instructions[] = {
	{ "ARG", KEEP_NAME },    { "CMD", KEEP_COMMAND },     { "ENTRYPOINT", KEEP_COMMAND },
	{ "ENV", KEEP_NAME },    { "EXPOSE", KEEP_TEXT },     { "HEALTHCHECK", KEEP_COMMAND },
	{ "LABEL", KEEP_NAME },  { "STOPSIGNAL", KEEP_TEXT }, { "USER", KEEP_TEXT },
	{ "VOLUME", KEEP_TEXT }, { "WORKDIR", KEEP_TEXT },
};

static void append_line(const struct redact *redact, struct text line, struct buffer *ret)
{
	_cleanup_text_list_ struct text_list whole = {}, masked = {};
	int r = text_list_append(&whole, line);

	if (r == 0)
		r = redact_arguments(redact, &whole, &masked);
	if (r < 0)
		ret->error = r;
	else if (!whole.cut && masked.count == 1)
		buffer_append(ret, text_list_at(&masked, 0).data, text_list_at(&masked, 0).length);
	else
		redact_mask(ret, line);
}

/* ["id", "-u"]. Returns 0, -EBADMSG for what is none, or -ENOMEM. */
static int read_list(struct text command, struct text_list *ret)
{
	_cleanup_json_ struct json_reader json = {};
	enum json_event event;
	int r = 0;

	json_init(&json, MOST_ARGUMENT_BYTES);
	json_feed(&json, command.data, command.length);
	if (json_next(&json) != JSON_ARRAY)
		return -EBADMSG;
	while (r == 0 && (event = json_next(&json)) == JSON_STRING)
		r = json.text_cut ? -EBADMSG : text_list_append(ret, json.text);
	if (r < 0)
		return r;
	return event == JSON_ARRAY_END ? 0 : json.error == -ENOMEM ? -ENOMEM : -EBADMSG;
}

static bool same(const struct text_list *one, const struct text_list *other)
{
	bool same = one->count == other->count && !one->cut && !other->cut;

	for (size_t i = 0; same && i < one->count; i++)
		same = text_equal(text_list_at(one, i), text_list_at(other, i));
	return same;
}

/* CMD id, or CMD ["id"]: of a list all is masked if something of it would be. */
static void append_command(const struct redact *redact, struct text command, struct buffer *ret)
{
	_cleanup_text_list_ struct text_list list = {}, masked = {};
	size_t start = 0;
	int r;

	while (start < command.length &&
	       (command.data[start] != '[' || redact_mask_length(redact_skip(command, start))))
		start++;
	if (start == command.length) {
		append_line(redact, command, ret);
		return;
	}
	/* HEALTHCHECK --interval=5s CMD ["id"] */
	redact_text(redact, (struct text){ command.data, start }, false, ret);
	command = redact_skip(command, start);
	r = read_list(command, &list);
	if (r == 0)
		r = redact_arguments(redact, &list, &masked);
	if (r == 0 && same(&list, &masked))
		buffer_append(ret, command.data, command.length);
	else
		redact_mask(ret, command);
	if (r == -ENOMEM)
		ret->error = r;
}

void redact_change(const struct redact *redact, struct text change, struct buffer *ret)
{
	size_t start = 0, end;

	while (start < change.length && redact_is_space(change.data[start]))
		start++;
	end = start;
	while (end < change.length && isalpha((unsigned char)change.data[end]))
		end++;
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		struct text rest = redact_skip(change, end);

		if (strlen(instructions[i].name) != end - start ||
		    strncasecmp(instructions[i].name, change.data + start, end - start) != 0 ||
		    (rest.length > 0 && !redact_is_space(*rest.data)) ||
		    memchr(change.data, '\n', change.length) ||
		    memchr(change.data, '\r', change.length))
			continue;
		end += rest.length > 0;
		rest = redact_skip(change, end);
		buffer_append(ret, change.data, end);
		if (instructions[i].keep == KEEP_NAME)
			redact_mask(ret, rest);
		else if (instructions[i].keep == KEEP_COMMAND)
			append_command(redact, rest, ret);
		else
			redact_text(redact, rest, false, ret);
		return;
	}
	redact_mask(ret, change);
}
