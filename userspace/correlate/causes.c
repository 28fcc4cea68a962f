// SPDX-License-Identifier: Apache-2.0
#include "correlate/causes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#define HASH_NONFATAL_OOM          1
#include <uthash.h>

#include "base/cleanup.h"
#include "correlate/cause.h"
#include "correlate/difference.h"
#include "correlate/isolation.h"
#include "event/record.h"

#define KEY_MOST 64 /* digits of an id */

/* What came of a request, if it was granted. */
enum act { ACT_NONE, ACT_CREATE, ACT_START, ACT_EXEC, ACT_UPDATE };

struct entry {
	char key[KEY_MOST];
	size_t key_length;
	enum act act;         /* of a request that was not answered: what it asks for, */
	char *name;           /* how a container is to be called (owned; NULL: not told), */
	char about[KEY_MOST]; /* and which one is to be started, or has the exec */
	size_t about_length;
	struct isolation *declared; /* of a container; NULL: not known */
	/* Of a container who created and who started it, of an exec who asked for it, of a request
	 * who sent it: the first. Owned; NULL: nobody is known. */
	struct cause *causes[2];
	bool used;     /* who started it is told: the next start is another one's */
	bool restarts; /* by a policy that its request declared */
	bool refused;  /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct causes {
	struct containers *resolver;
	/* The one that was used last is the last. By container, by exec, by request. */
	struct entry *containers, *execs, *unanswered;
	bool forgot_containers, forgot_execs; /* there were more */
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
		cause_free(entry->causes[i]);
	isolation_free(entry->declared);
	free(entry->name);
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
	while (causes->unanswered)
		forget(&causes->unanswered, causes->unanswered);
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

static struct entry *find_or_add(struct entry **table, struct text key, size_t most, bool *forgot)
{
	struct entry *entry = find(table, key);

	if (entry) { /* to the end of the table's order */
		HASH_DEL(*table, entry);
	} else {
		if (HASH_COUNT(*table) >= most) {
			*forgot = true;
			forget(table, *table);
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

static enum act act_of(const struct record *record)
{
	static const struct {
		const char *operation;
		enum act act;
	} acts[] = {
		{ "ContainerCreate", ACT_CREATE }, { "ContainerStart", ACT_START },
		{ "ContainerRestart", ACT_START }, { "ContainerExec", ACT_EXEC },
		{ "ContainerUpdate", ACT_UPDATE },
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
	entry->restarts = restarts(record);
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
		forget(&causes->unanswered, entry);
	return r;
}

/* From the request, of which `entry` was kept, to what came of it. */
static int settle(struct causes *causes, struct entry *entry, struct text target)
{
	struct entry **table = entry->act == ACT_EXEC ? &causes->execs : &causes->containers;
	enum cause_role role = entry->act == ACT_START ? CAUSE_STARTED : CAUSE_CREATED;
	struct entry *to;

	if (target.length == 0 || target.length > KEY_MOST)
		return 0;
	to = entry->act == ACT_EXEC
		     ? find_or_add(table, target, CAUSES_EXECS, &causes->forgot_execs)
		     : find_or_add(table, target, CAUSES_CONTAINERS, &causes->forgot_containers);
	if (!to)
		return -ENOMEM;
	cause_free(to->causes[role]);
	to->causes[role] = entry->causes[0];
	entry->causes[0] = NULL;
	to->about_length = entry->about_length;
	memcpy(to->about, entry->about, sizeof(to->about));
	to->used &= role != CAUSE_STARTED;
	if (entry->act != ACT_CREATE)
		return 0;
	isolation_free(to->declared);
	to->declared = entry->declared;
	to->restarts = entry->restarts;
	entry->declared = NULL;
	return 0;
}

static int learn_answer(struct causes *causes, const struct record *answer)
{
	struct entry *entry = find(&causes->unanswered, record_text(answer, FIELD_request_id));
	struct text target;
	int r = 0;

	if (!entry)
		return 0;
	target = record_text(answer, entry->act == ACT_EXEC ? FIELD_exec_id : FIELD_target_id);
	if (entry->act == ACT_START)
		target = (struct text){ entry->about, entry->about_length };
	if (record_number(answer, FIELD_http_response_status_code) < 300)
		r = settle(causes, entry, target);
	else if (entry->act == ACT_START)
		causes_ended(causes, target, cause_sequence(entry->causes[0]));
	forget(&causes->unanswered, entry);
	return r;
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
	if (act == ACT_EXEC) {
		table = &causes->execs;
		target = record_text(record, FIELD_exec_id);
		most = CAUSES_EXECS;
	} else if (act == ACT_UPDATE) {
		entry = find(table, target);
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
	if (role == CAUSE_STARTED && entry->causes[CAUSE_STARTED] && !answered)
		return 0;
	take_about(entry, record);
	entry->used &= role != CAUSE_STARTED;
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

#define REASON_MANUAL "by no engine's request: its ancestors show who made it"
#define REASON_MISSED                                                                              \
	"its request was not recorded: before recording began, at another socket, or not read"
#define REASON_FORGOT                                                                              \
	"not known any more: more was asked for than is kept, or was read when recording began"
#define REASON_BEFORE "made before recording began"
#define REASON_POLICY "the engine, by its restart policy"
#define REASON_NAMES  "several asked for a container of this name, and no answer was read"
#define REASON_NAME   "by its name: the answer, with the id of what came of it, was not read"
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
static void tell_reasons(const struct causes *causes, const struct entry *container,
			 struct record *record)
{
	bool engines = is_engines_id(record_text(record, FIELD_container_id));
	bool named = record_has(record, FIELD_container_name) ||
		     record_has(record, FIELD_container_image_name);
	const char *reason = REASON_MANUAL;

	if (record->event != EVENT_container_start && record->event != EVENT_container_present)
		return;
	if (engines)
		reason = causes->forgot_containers                           ? REASON_FORGOT
			 : record->event == EVENT_container_present && named ? REASON_BEFORE
									     : REASON_MISSED;
	if ((!container || !container->causes[CAUSE_CREATED]) &&
	    !record_has(record, FIELD_created_by_reason))
		record_set_string(record, FIELD_created_by_reason, reason);
	if (!engines || record_has(record, FIELD_started_by_reason) ||
	    record->event != EVENT_container_start ||
	    (container && container->causes[CAUSE_STARTED]))
		return;
	record_set_string(record, FIELD_started_by_reason,
			  container && container->restarts ? REASON_POLICY : REASON_UNSEEN);
}

/* An engine's own execs are healthchecks; what containerd is asked for by hand has no such id. */
static void tell_why_entered(const struct causes *causes, const struct entry *exec,
			     struct record *record)
{
	if (exec)
		return;
	if (record_has(record, FIELD_entered_by_exec_id))
		record_set_string(record, FIELD_entered_by_reason,
				  causes->forgot_execs
					  ? REASON_FORGOT
					  : "no request for it was recorded: a healthcheck, or "
					    "asked for before");
	else if (record->event == EVENT_container_exec)
		record_set_string(record, FIELD_entered_by_reason,
				  "no request for it is known: its ancestors show who did it");
}

static const struct isolation *declared_of(void *user, struct text id)
{
	struct causes *causes = user;
	const struct entry *entry = find(&causes->containers, id);

	return entry ? entry->declared : NULL;
}

/*
 * Who does not read the answer to a create leaves nobody to learn the id from. The engine has no
 * two containers of one name, so that it is most likely who asked for one: which is said. Of
 * several all but one were refused.
 */
static struct entry *settle_by_name(struct causes *causes, struct record *record)
{
	struct text id = record_text(record, FIELD_container_id);
	struct text name = record_text(record, FIELD_container_name);
	struct entry *entry, *found = NULL;
	unsigned int count = 0;

	/* Of one that is not known to be an engine's the name may be anybody's. */
	if (record->event != EVENT_container_start || name.length == 0 || !is_engines_id(id) ||
	    record_has(record, FIELD_doubts) || record_has(record, FIELD_created_by_reason))
		return NULL;
	for (entry = causes->unanswered; entry; entry = entry->hh.next)
		if (entry->act == ACT_CREATE && entry->name &&
		    text_equal(text_of(entry->name), name)) {
			found = entry;
			count++;
		}
	if (count > 1)
		record_set_string(record, FIELD_created_by_reason, REASON_NAMES);
	if (count != 1 || settle(causes, found, id) < 0)
		return NULL;
	forget(&causes->unanswered, found);
	record_set_string(record, FIELD_created_by_reason, REASON_NAME);
	return find(&causes->containers, id);
}

/* The exec for which the process came; of another container's it cannot be one. */
static const struct entry *exec_of(struct causes *causes, const struct record *record)
{
	const struct entry *exec =
		find(&causes->execs, record_text(record, FIELD_entered_by_exec_id));

	if (!exec || exec->about_length == 0 ||
	    text_equal((struct text){ exec->about, exec->about_length },
		       record_text(record, FIELD_container_id)))
		return exec;
	return NULL;
}

/* Its end may have been lost: then an engine that starts it again by itself is nobody. */
static void start_once(struct entry *container)
{
	if (container->used) {
		cause_free(container->causes[CAUSE_STARTED]);
		container->causes[CAUSE_STARTED] = NULL;
	}
	container->used = container->causes[CAUSE_STARTED];
}

void causes_fill(struct causes *causes, struct record *record)
{
	const struct isolation_peers peers = { declared_of, causes };
	struct entry *container =
		find(&causes->containers, record_text(record, FIELD_container_id));
	const struct entry *exec = exec_of(causes, record);

	/* What its ancestors say is told where no request does; who started one that has ended was
	 * known then, or is not the one that is known now. */
	bool settled = record->event == EVENT_container_exit &&
		       record_has(record, FIELD_started_by_reason);

	if (container && record->event == EVENT_container_start)
		start_once(container);
	if (container && container->causes[CAUSE_STARTED] && !settled)
		record_unset(record, FIELD_started_by_reason);
	if (container && container->causes[CAUSE_CREATED])
		record_unset(record, FIELD_created_by_reason);
	else
		container = settle_by_name(causes, record) ?: container;
	if (container) {
		cause_fill(container->causes[CAUSE_CREATED], CAUSE_CREATED, record);
		if (!settled)
			cause_fill(container->causes[CAUSE_STARTED], CAUSE_STARTED, record);
	}
	tell_reasons(causes, container, record);
	tell_why_entered(causes, exec, record);
	if (container && container->declared && record->event == EVENT_container_start)
		isolation_compare(container->declared, &peers, record);
	if (exec)
		cause_fill(exec->causes[0], CAUSE_ENTERED, record);
}

void causes_ended(struct causes *causes, struct text container, uint64_t started_by)
{
	struct entry *entry = find(&causes->containers, container);

	if (!entry || !entry->causes[CAUSE_STARTED] ||
	    cause_sequence(entry->causes[CAUSE_STARTED]) != started_by)
		return;
	cause_free(entry->causes[CAUSE_STARTED]);
	entry->causes[CAUSE_STARTED] = NULL;
}
