// SPDX-License-Identifier: Apache-2.0
#include "correlate/causes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/cause.h"
#include "correlate/causes_private.h"
#include "correlate/conversation.h"
#include "correlate/isolation.h"
#include "event/record.h"

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
		cause_free(entry->causes[i]);
	isolation_free(entry->declared);
	free(entry->name);
	free(entry);
}

void causes_forget(struct entry **table, struct entry *entry)
{
	HASH_DEL(*table, entry);
	entry_free(entry);
}

void causes_free(struct causes *causes)
{
	if (!causes)
		return;
	while (causes->containers)
		causes_forget(&causes->containers, causes->containers);
	while (causes->execs)
		causes_forget(&causes->execs, causes->execs);
	while (causes->unanswered)
		causes_forget(&causes->unanswered, causes->unanswered);
	free(causes);
}

struct entry *causes_find(struct entry **table, struct text key)
{
	struct entry *entry = NULL;

	if (key.length == 0 || key.length > KEY_MOST)
		return NULL;
	HASH_FIND(hh, *table, key.data, key.length, entry);
	return entry;
}

static struct entry *find_or_add(struct entry **table, struct text key, size_t most, bool *forgot)
{
	struct entry *entry = causes_find(table, key);

	if (entry) { /* to the end of the table's order */
		HASH_DEL(*table, entry);
	} else {
		if (HASH_COUNT(*table) >= most) {
			*forgot = true;
			causes_forget(table, *table);
		}
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

/* Who sent `record` instead of who stands there. */
static int take(struct cause **cause, const struct record *record)
{
	struct cause *new;
	int r = cause_new(record, &new);

	if (r < 0)
		return r;
	cause_free(*cause);
	*cause = new;
	return 0;
}

static bool asks(const struct record *record, const char *operation)
{
	return text_equal(record_text(record, FIELD_api_operation), text_of(operation));
}

/* By a policy, which an update can change. */
static void read_restarts(struct entry *entry, const struct record *record)
{
	static const struct text name = { "RestartPolicy=", sizeof("RestartPolicy=") - 1 };
	struct text item;

	for (size_t i = 0; (item = record_item(record, FIELD_declared_settings, i)).data; i++)
		if (item.length > name.length && memcmp(item.data, name.data, name.length) == 0)
			entry->restarts = item.length != name.length + 2 ||
					  memcmp(item.data + name.length, "no", 2) != 0;
}

static enum act act_of(const struct record *record)
{
	static const struct {
		const char *operation;
		enum act act;
	} acts[] = {
		{ "ContainerCreate", ACT_CREATE }, { "ContainerStart", ACT_START },
		{ "ContainerRestart", ACT_START }, { "ContainerExec", ACT_EXEC },
		{ "ExecStart", ACT_EXEC_START },   { "ContainerUpdate", ACT_UPDATE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (asks(record, acts[i].operation))
			return acts[i].act;
	return ACT_NONE;
}

/* What a create says of the container, besides who asks for it. */
static int take_declared(struct containers *resolver, struct entry *entry,
			 const struct record *record)
{
	entry->restarts = false;
	read_restarts(entry, record);
	isolation_free(entry->declared);
	entry->declared = NULL;
	/* Every create has one: of what has none (libpod's) the body was not read. */
	if (!record_has(record, FIELD_declared_image))
		return 0;
	return isolation_new(record, resolver, &entry->declared);
}

static void take_about(struct entry *entry, const struct record *record)
{
	struct text about = record_text(record, FIELD_target_id);

	entry->about_length = about.length <= KEY_MOST ? about.length : 0;
	if (entry->about_length > 0)
		memcpy(entry->about, about.data, about.length);
}

/* Its answer may still come; or somebody hung up before, and the engine does it nevertheless. */
static int note_unanswered(struct causes *causes, enum act act, struct containers *resolver,
			   const struct record *record)
{
	struct text id = record_text(record, FIELD_request_id);
	struct text name = record_text(record, FIELD_target_name);
	struct entry *entry;
	int r;

	if (id.length == 0 || id.length > KEY_MOST)
		return 0;
	entry = find_or_add(&causes->unanswered, id, CAUSES_UNANSWERED, &causes->forgot_containers);
	if (!entry)
		return -ENOMEM;
	entry->act = act;
	take_about(entry, record);
	free(entry->name);
	entry->name = name.length > 0 ? strndup(name.data, name.length) : NULL;
	r = take(&entry->causes[0], record);
	if (r == 0 && act == ACT_CREATE)
		r = take_declared(resolver, entry, record);
	if (r < 0)
		causes_forget(&causes->unanswered, entry);
	return r;
}

int causes_settle(struct causes *causes, struct entry *entry, struct text target)
{
	struct entry **table = entry->act == ACT_EXEC ? &causes->execs : &causes->containers;
	enum cause_role role = entry->act == ACT_START ? CAUSE_STARTED : CAUSE_CREATED;
	struct entry *to;
	bool same;

	if (target.length == 0 || target.length > KEY_MOST)
		return 0;
	to = entry->act == ACT_EXEC
		     ? find_or_add(table, target, CAUSES_EXECS, &causes->forgot_execs)
		     : find_or_add(table, target, CAUSES_CONTAINERS, &causes->forgot_containers);
	if (!to)
		return -ENOMEM;
	same = to->causes[role] &&
	       cause_sequence(to->causes[role]) == cause_sequence(entry->causes[0]);
	cause_free(to->causes[role]);
	to->causes[role] = entry->causes[0];
	entry->causes[0] = NULL;
	to->about_length = entry->about_length;
	memcpy(to->about, entry->about, sizeof(to->about));
	if (role == CAUSE_STARTED)
		to->started = WORD_ANSWERED;
	/* Its start may have been told before its answer came. */
	to->used &= role != CAUSE_STARTED || same;
	to->indirect &= role != CAUSE_CREATED;
	if (entry->act != ACT_CREATE)
		return 0;
	isolation_free(to->declared);
	to->declared = entry->declared;
	to->restarts = entry->restarts;
	entry->declared = NULL;
	return 0;
}

/* Who started it this time is known no more. */
static void clear_start(struct causes *causes, struct text container, uint64_t started_by)
{
	struct entry *entry = causes_find(&causes->containers, container);

	if (!entry || !entry->causes[CAUSE_STARTED] ||
	    cause_sequence(entry->causes[CAUSE_STARTED]) != started_by)
		return;
	cause_free(entry->causes[CAUSE_STARTED]);
	entry->causes[CAUSE_STARTED] = NULL;
}

static int learn_answer(struct causes *causes, const struct record *answer)
{
	struct entry *entry =
		causes_find(&causes->unanswered, record_text(answer, FIELD_request_id));
	struct text target;
	int r = 0;

	if (!entry)
		return 0;
	target = record_text(answer, entry->act == ACT_EXEC ? FIELD_exec_id : FIELD_target_id);
	if (entry->act == ACT_START)
		target = (struct text){ entry->about, entry->about_length };
	if (record_number(answer, FIELD_http_response_status_code) < 300)
		r = causes_settle(causes, entry, target);
	else if (entry->act == ACT_START)
		clear_start(causes, target, cause_sequence(entry->causes[0]));
	causes_forget(&causes->unanswered, entry);
	return r;
}

/* Of an exec whose id was read by nobody else: who has it started knows it. */
static int learn_starter(struct causes *causes, const struct record *start)
{
	struct text id = record_text(start, FIELD_target_id);
	struct entry *entry;

	if (id.length == 0)
		id = record_text(start, FIELD_target_name);
	entry = causes_find(&causes->execs, id);
	if (id.length == 0 || id.length > KEY_MOST || (entry && entry->causes[0]))
		return 0;
	entry = find_or_add(&causes->execs, id, CAUSES_EXECS, &causes->forgot_execs);
	if (!entry)
		return -ENOMEM;
	entry->indirect = true;
	return take(&entry->causes[0], start);
}

static enum word word_of(const struct record *record)
{
	if (record_has(record, FIELD_http_response_status_code))
		return WORD_ANSWERED;
	return text_equal(record_text(record, FIELD_api_reason), TEXT(REQUEST_UNFINISHED))
		       ? WORD_UNFINISHED
		       : WORD_UNANSWERED;
}

static int learn(struct causes *causes, struct containers *resolver, const struct record *record)
{
	struct text target = record_text(record, FIELD_target_id);
	bool answered = record_has(record, FIELD_http_response_status_code);
	struct entry **table = &causes->containers, *entry;
	size_t most = CAUSES_CONTAINERS;
	enum act act = act_of(record);
	enum cause_role role = act == ACT_START ? CAUSE_STARTED : CAUSE_CREATED;
	int r;

	if (record->event == EVENT_api_answer)
		return learn_answer(causes, record);
	if (record->event != EVENT_api_request || act == ACT_NONE ||
	    record_number(record, FIELD_http_response_status_code) >= 300)
		return 0;
	if (act == ACT_EXEC_START)
		return learn_starter(causes, record);
	if (act == ACT_EXEC) {
		table = &causes->execs;
		target = record_text(record, FIELD_exec_id);
		most = CAUSES_EXECS;
	} else if (act == ACT_UPDATE) {
		entry = causes_find(table, target);
		if (entry)
			read_restarts(entry, record);
		if (entry && entry->declared)
			isolation_update(entry->declared, record);
		return 0;
	}
	if (!answered || target.length == 0) {
		r = note_unanswered(causes, act, resolver, record);
		if (r < 0 || act != ACT_START)
			return r;
	}
	if (target.length == 0 || target.length > KEY_MOST)
		return 0;
	entry = find_or_add(table, target, most,
			    act == ACT_EXEC ? &causes->forgot_execs : &causes->forgot_containers);
	if (!entry)
		return -ENOMEM;
	/* Of one that was not answered nobody knows whether it started anything. */
	if (role == CAUSE_STARTED && entry->causes[CAUSE_STARTED] && !answered &&
	    word_of(record) <= entry->started)
		return 0;
	if (role == CAUSE_STARTED)
		entry->started = word_of(record);
	take_about(entry, record);
	entry->used &= role != CAUSE_STARTED;
	entry->indirect &= role != CAUSE_CREATED;
	r = take(&entry->causes[role], record);
	return r == 0 && act == ACT_CREATE ? take_declared(resolver, entry, record) : r;
}

int causes_learn(struct causes *causes, const struct record *record)
{
	return learn(causes, causes->resolver, record);
}

/* Who was called so then, nobody knows now. */
int causes_remember(struct causes *causes, const struct record *record)
{
	return act_of(record) == ACT_START ? 0 : learn(causes, NULL, record);
}

void causes_forgot(struct causes *causes)
{
	causes->forgot_containers = causes->forgot_execs = true;
}

/* What it started has ended: an answer that comes now starts nothing. */
static void forget_unanswered(struct causes *causes, uint64_t sequence)
{
	struct entry *entry, *next;

	HASH_ITER (hh, causes->unanswered, entry, next)
		if (entry->act == ACT_START && entry->causes[0] &&
		    cause_sequence(entry->causes[0]) == sequence)
			causes_forget(&causes->unanswered, entry);
}

void causes_ended(struct causes *causes, struct text container, uint64_t started_by)
{
	if (started_by)
		forget_unanswered(causes, started_by);
	clear_start(causes, container, started_by);
}
