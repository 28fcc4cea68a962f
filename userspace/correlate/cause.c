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
	r = take(&entry->causes[role], record);
	if (r < 0 || role != CREATED || table != &causes->containers)
		return r;
	isolation_free(entry->declared);
	return isolation_new(record, &entry->declared);
}

int causes_remember(struct causes *causes, const struct record *record)
{
	if (asks(record, "ContainerStart") || asks(record, "ContainerRestart"))
		return 0;
	return causes_learn(causes, record);
}

static void fill(const struct cause *cause, enum role role, struct record *record)
{
	if (!cause->bytes)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (cause->texts[i].data)
			record_lend_text(record, parts[i].to[role], cause->texts[i]);
		else if (cause->numbers[i])
			record_set_number(record, parts[i].to[role], cause->numbers[i]);
	}
}

/* Why nobody is named. What the engine's files know of was asked of an engine. */
static void tell_reasons(const struct entry *container, struct record *record)
{
	bool engines = record_has(record, FIELD_container_name) ||
		       record_has(record, FIELD_container_image_name);
	bool created = container && container->causes[CREATED].bytes;

	if (record->event != EVENT_container_start && record->event != EVENT_container_present)
		return;
	if (!created)
		record_set_string(record, FIELD_created_by_reason,
				  !engines
					  ? "by no engine's request: its ancestors show who made it"
				  : record->event == EVENT_container_present
					  ? "made before recording began"
					  : "its request was not recorded");
	if (engines && record->event == EVENT_container_start &&
	    !(container && container->causes[STARTED].bytes))
		record_set_string(record, FIELD_started_by_reason, "the engine, by itself");
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
				  "by no engine's request: its ancestors show who did it");
}

void causes_fill(struct causes *causes, struct record *record)
{
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
		isolation_compare(container->declared, causes->resolver, record);
	if (exec && record->event != EVENT_api_request)
		fill(&exec->causes[0], ENTERED, record);
}

void causes_ended(struct causes *causes, struct text container)
{
	struct entry *entry = find(&causes->containers, container);

	if (!entry)
		return;
	free(entry->causes[STARTED].bytes);
	entry->causes[STARTED] = (struct cause){};
}
