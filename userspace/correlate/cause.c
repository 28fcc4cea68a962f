// SPDX-License-Identifier: Apache-2.0
#include "correlate/cause.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#define HASH_NONFATAL_OOM          1
#include <uthash.h>

#include "base/cleanup.h"
#include "correlate/difference.h"
#include "correlate/isolation.h"
#include "event/record.h"

#define KEY_MOST 64 /* digits of an id */

/* Whose fields they become; entered_by is kept by the exec, the others by the container. */
enum role { CREATED, STARTED, ENTERED, ROLES };

/* What a request says of who sent it; where a proxy passed it on, of who asked the proxy. */
static const struct {
	enum field sender, downstream, to[ROLES];
} parts[] = {
#define PART(sender, downstream, name)                                                             \
	{                                                                                          \
		sender, downstream,                                                                \
		{                                                                                  \
			FIELD_created_by_##name, FIELD_started_by_##name, FIELD_entered_by_##name  \
		}                                                                                  \
	}
	PART(FIELD_event_sequence, FIELD_event_sequence, sequence),
	PART(FIELD_user_id, FIELD_downstream_user_id, user_id),
	PART(FIELD_user_name, FIELD_downstream_user_name, user_name),
	PART(FIELD_user_audit_id, FIELD_COUNT, user_audit_id),
	PART(FIELD_user_audit_name, FIELD_COUNT, user_audit_name),
	PART(FIELD_session_id, FIELD_COUNT, session_id),
	PART(FIELD_process_pid, FIELD_downstream_process_pid, process_pid),
	PART(FIELD_process_entity_id, FIELD_downstream_process_entity_id, process_entity_id),
	PART(FIELD_process_name, FIELD_downstream_process_name, process_name),
	PART(FIELD_process_executable, FIELD_downstream_process_executable, process_executable),
#undef PART
};

#define SEQUENCE 0 /* its place among them */

/* A text with data NULL, and a number 0, are absent. */
struct cause {
	uint64_t numbers[ARRAY_SIZE(parts)];
	struct text texts[ARRAY_SIZE(parts)]; /* in `bytes` */
	char *bytes;                          /* owned; NULL: nobody is known */
};

struct entry {
	char key[KEY_MOST];
	size_t key_length;
	struct isolation *declared; /* of a container; NULL: not known */
	struct cause causes[2];     /* of a container CREATED and STARTED; of an exec the first */
	bool restarts;              /* by a policy that its request declared */
	bool refused;               /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct causes {
	struct containers *resolver;
	struct entry *containers, *execs; /* the one that was used last is the last */
};

int causes_new(struct containers *containers, struct causes **ret)
{
	struct causes *causes = calloc(1, sizeof(*causes));

	if (!causes)
		return -ENOMEM;
	causes->resolver = containers;
	*ret = causes;
	return 0;
}

static void entry_free(struct entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(entry->causes); i++)
		free(entry->causes[i].bytes);
	isolation_free(entry->declared);
	free(entry);
}

static void forget(struct entry **table, struct entry *entry)
{
	HASH_DEL(*table, entry);
	entry_free(entry);
}

void causes_free(struct causes *causes)
{
	if (!causes)
		return;
	while (causes->containers)
		forget(&causes->containers, causes->containers);
	while (causes->execs)
		forget(&causes->execs, causes->execs);
	free(causes);
}

static struct entry *find(struct entry **table, struct text key)
{
	struct entry *entry = NULL;

	if (key.length == 0 || key.length > KEY_MOST)
		return NULL;
	HASH_FIND(hh, *table, key.data, key.length, entry);
	return entry;
}

static struct entry *find_or_add(struct entry **table, struct text key, size_t most)
{
	struct entry *entry = find(table, key);

	if (entry) { /* to the end of the table's order */
		HASH_DEL(*table, entry);
	} else {
		if (HASH_COUNT(*table) >= most)
			forget(table, *table);
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return NULL;
		memcpy(entry->key, key.data, key.length);
		entry->key_length = key.length;
	}
	HASH_ADD_KEYPTR(hh, *table, entry->key, entry->key_length, entry);
	if (!entry->refused)
		return entry;
	entry_free(entry);
	return NULL;
}

static int take(struct cause *cause, const struct record *record)
{
	bool passed_on = record_has(record, FIELD_downstream_process_pid);
	struct cause new = {};
	size_t length = 1;
	char *at;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		enum field from = passed_on ? parts[i].downstream : parts[i].sender;

		if (from == FIELD_COUNT || !record_has(record, from))
			continue;
		if (field_rows[from].type == TYPE_str)
			new.texts[i] = record_text(record, from);
		else
			new.numbers[i] = record_number(record, from);
		length += new.texts[i].length;
	}
	new.bytes = at = malloc(length);
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!new.texts[i].data)
			continue;
		memcpy(at, new.texts[i].data, new.texts[i].length);
		new.texts[i].data = at;
		at += new.texts[i].length;
	}
	free(cause->bytes);
	*cause = new;
	return 0;
}

static bool asks(const struct record *record, const char *operation)
{
	return text_equal(record_text(record, FIELD_api_operation), text_of(operation));
}

static bool restarts(const struct record *create)
{
	const struct value *settings = &create->values[FIELD_declared_settings];
	static const struct text name = { "RestartPolicy=", sizeof("RestartPolicy=") - 1 };

	for (size_t i = 0; record_has(create, FIELD_declared_settings) && i < settings->list.count;
	     i++) {
		struct text item = settings->list.items[i];

		if (item.length > name.length && memcmp(item.data, name.data, name.length) == 0)
			return item.length != name.length + 2 ||
			       memcmp(item.data + name.length, "no", 2) != 0;
	}
	return false;
}

int causes_learn(struct causes *causes, const struct record *record)
{
	struct text target = record_text(record, FIELD_target_id);
	struct entry **table = &causes->containers, *entry;
	size_t most = CAUSES_CONTAINERS;
	enum role role = CREATED;
	int r;

	if (record->event != EVENT_api_request ||
	    record_number(record, FIELD_http_response_status_code) >= 300)
		return 0;
	if (asks(record, "ContainerStart") || asks(record, "ContainerRestart")) {
		role = STARTED;
	} else if (asks(record, "ContainerExec")) {
		table = &causes->execs;
		target = record_text(record, FIELD_exec_id);
		most = CAUSES_EXECS;
	} else if (asks(record, "ContainerUpdate")) {
		entry = find(table, target);
		if (entry && entry->declared)
			isolation_update(entry->declared, record);
		return 0;
	} else if (!asks(record, "ContainerCreate")) {
		return 0;
	}
	if (target.length == 0 || target.length > KEY_MOST)
		return 0;
	entry = find_or_add(table, target, most);
	if (!entry)
		return -ENOMEM;
	/* Of one that was not answered nobody knows whether it started anything. */
	if (role == STARTED && entry->causes[STARTED].bytes &&
	    !record_has(record, FIELD_http_response_status_code))
		return 0;
	r = take(&entry->causes[role], record);
	if (r < 0 || role != CREATED || table != &causes->containers)
		return r;
	entry->restarts = restarts(record);
	isolation_free(entry->declared);
	return isolation_new(record, causes->resolver, &entry->declared);
}

int causes_remember(struct causes *causes, const struct record *record)
{
	if (asks(record, "ContainerStart") || asks(record, "ContainerRestart"))
		return 0;
	return causes_learn(causes, record);
}

static void fill(const struct cause *cause, enum role role, struct record *record)
{
	if (!cause->bytes || record_has(record, parts[SEQUENCE].to[role]))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (cause->texts[i].data)
			record_lend_text(record, parts[i].to[role], cause->texts[i]);
		else if (cause->numbers[i])
			record_set_number(record, parts[i].to[role], cause->numbers[i]);
	}
}

#define REASON_MANUAL "by no engine's request: its ancestors show who made it"
#define REASON_MISSED "its request was not recorded: to another engine's socket, or not read"
#define REASON_BEFORE "made before recording began"
#define REASON_POLICY "the engine, by its restart policy"
#define REASON_UNSEEN                                                                              \
	"no request for it was recorded: the engine by itself, or one that is not read"

static bool is_engines_id(struct text id)
{
	for (size_t i = 0; i < id.length; i++)
		if (!memchr("0123456789abcdef", id.data[i], 16))
			return false;
	return id.length == KEY_MOST;
}

/* Why nobody is named. Not more than is known: that an engine's files cannot be read, or that no
 * request was seen, does not say that there was none. */
static void tell_reasons(const struct entry *container, struct record *record)
{
	bool engines = is_engines_id(record_text(record, FIELD_container_id));
	bool named = record_has(record, FIELD_container_name) ||
		     record_has(record, FIELD_container_image_name);
	const char *reason = REASON_MANUAL;

	if (record->event != EVENT_container_start && record->event != EVENT_container_present)
		return;
	if (engines)
		reason = record->event == EVENT_container_present && named ? REASON_BEFORE
									   : REASON_MISSED;
	if (!container || !container->causes[CREATED].bytes)
		record_set_string(record, FIELD_created_by_reason, reason);
	if (!engines || record->event != EVENT_container_start ||
	    (container && container->causes[STARTED].bytes))
		return;
	record_set_string(record, FIELD_started_by_reason,
			  container && container->restarts ? REASON_POLICY : REASON_UNSEEN);
}

/* An engine's own execs are healthchecks; what containerd is asked for by hand has no such id. */
static void tell_why_entered(const struct entry *exec, struct record *record)
{
	if (record->event != EVENT_container_exec || exec)
		return;
	if (record_has(record, FIELD_exec_id))
		record_set_string(
			record, FIELD_entered_by_reason,
			"no request for it was recorded: a healthcheck, or asked for before");
	else
		record_set_string(record, FIELD_entered_by_reason,
				  "no request for it is known: its ancestors show who did it");
}

static const struct isolation *declared_of(void *user, struct text id)
{
	struct causes *causes = user;
	const struct entry *entry = find(&causes->containers, id);

	return entry ? entry->declared : NULL;
}

void causes_fill(struct causes *causes, struct record *record)
{
	const struct isolation_peers peers = { declared_of, causes };
	const struct entry *container =
		find(&causes->containers, record_text(record, FIELD_container_id));
	const struct entry *exec = find(&causes->execs, record_text(record, FIELD_exec_id));

	if (container) {
		fill(&container->causes[CREATED], CREATED, record);
		fill(&container->causes[STARTED], STARTED, record);
	}
	tell_reasons(container, record);
	tell_why_entered(exec, record);
	if (container && container->declared && record->event == EVENT_container_start)
		isolation_compare(container->declared, &peers, record);
	if (exec && record->event != EVENT_api_request)
		fill(&exec->causes[0], ENTERED, record);
}

void causes_ended(struct causes *causes, struct text container, uint64_t started_by)
{
	struct entry *entry = find(&causes->containers, container);

	if (!entry || entry->causes[STARTED].numbers[SEQUENCE] != started_by)
		return;
	free(entry->causes[STARTED].bytes);
	entry->causes[STARTED] = (struct cause){};
}
