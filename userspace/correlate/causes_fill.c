// SPDX-License-Identifier: Apache-2.0
/* Who is behind an event of a container, or why nobody is named. */
#include <string.h>

#include "correlate/cause.h"
#include "correlate/causes.h"
#include "correlate/causes_private.h"
#include "correlate/difference.h"
#include "correlate/isolation.h"
#include "event/record.h"

#define REASON_MANUAL "by no engine's request: its ancestors show who made it"
#define REASON_MISSED                                                                              \
	"by no request that is known to have made it: before recording began, at another socket, " \
	"or its answer was not read"
#define REASON_FORGOT                                                                              \
	"not known any more: more was asked for than is kept, or was read when recording began"
#define REASON_BEFORE "made before recording began"
#define REASON_POLICY "the engine, by its restart policy"
#define REASON_NAMES  "several asked for a container of this name, and no answer was read"
#define REASON_NAME   "by its name: the answer, with the id of what came of it, was not read"
#define REASON_EXEC   "who started it: the answer, with its id, to who asked for it was not read"
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
	if (exec && exec->indirect)
		record_set_string(record, FIELD_entered_by_reason, REASON_EXEC);
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
	const struct entry *entry = causes_find(&causes->containers, id);

	return entry ? entry->declared : NULL;
}

/*
 * Who does not read the answer to a create leaves nobody to learn the id from. The engine has no
 * two containers of one name, so that it is most likely who asked for one: which is said. Of
 * several all but one were refused.
 */
static void settle_by_name(struct causes *causes, struct record *record)
{
	struct text id = record_text(record, FIELD_container_id);
	struct text name = record_text(record, FIELD_container_name);
	struct entry *entry, *found = NULL;
	bool several = false;

	/* Of one that is not known to be an engine's the name may be anybody's. */
	if (record->event != EVENT_container_start || name.length == 0 || !is_engines_id(id) ||
	    record_has(record, FIELD_doubts) || record_has(record, FIELD_created_by_reason))
		return;
	for (entry = causes->unanswered; entry; entry = entry->hh.next) {
		if (entry->act != ACT_CREATE || !entry->name ||
		    !text_equal(text_of(entry->name), name))
			continue;
		several |= found && !cause_same_user(found->causes[0], entry->causes[0]);
		found = found ?: entry;
	}
	if (several)
		record_set_string(record, FIELD_created_by_reason, REASON_NAMES);
	if (!found || several || causes_settle(causes, found, id) < 0)
		return;
	causes_forget(&causes->unanswered, found);
	causes_find(&causes->containers, id)->indirect = true;
}

/* The exec for which the process came; of another container's it cannot be one. */
static const struct entry *exec_of(struct causes *causes, const struct record *record)
{
	const struct entry *exec =
		causes_find(&causes->execs, record_text(record, FIELD_entered_by_exec_id));

	if (!exec || exec->about_length == 0 ||
	    text_equal((struct text){ exec->about, exec->about_length },
		       record_text(record, FIELD_container_id)))
		return exec;
	return NULL;
}

/* Who asked for it last, without an answer so far: an engine that is to restart a container may
 * take long to stop it. */
static void settle_start(struct causes *causes, struct text container)
{
	struct entry *entry, *last = NULL;

	for (entry = causes->unanswered; entry; entry = entry->hh.next)
		if (entry->act == ACT_START &&
		    text_equal((struct text){ entry->about, entry->about_length }, container))
			last = entry;
	if (last && causes_settle(causes, last, container) == 0)
		causes_forget(&causes->unanswered, last);
}

/* Its end may have been lost: then an engine that starts it again by itself is nobody. */
static struct entry *start_once(struct causes *causes, struct text id)
{
	struct entry *container = causes_find(&causes->containers, id);

	if (container && container->used) {
		cause_free(container->causes[CAUSE_STARTED]);
		container->causes[CAUSE_STARTED] = NULL;
	}
	if (!container || !container->causes[CAUSE_STARTED])
		settle_start(causes, id);
	container = causes_find(&causes->containers, id);
	if (container)
		container->used = container->causes[CAUSE_STARTED];
	return container;
}

void causes_fill(struct causes *causes, struct record *record)
{
	const struct isolation_peers peers = { declared_of, causes };
	const struct text id = record_text(record, FIELD_container_id);
	struct entry *container = causes_find(&causes->containers, id);
	const struct entry *exec = exec_of(causes, record);

	/* What its ancestors say is told where no request does; who started one that has ended was
	 * known then, or is not the one that is known now. */
	bool settled = record->event == EVENT_container_exit &&
		       record_has(record, FIELD_started_by_reason);

	if (record->event == EVENT_container_start)
		container = start_once(causes, id);
	if (container && container->causes[CAUSE_STARTED] && !settled)
		record_unset(record, FIELD_started_by_reason);
	if (container && container->causes[CAUSE_CREATED]) {
		record_unset(record, FIELD_created_by_reason);
	} else {
		settle_by_name(causes, record);
		container = causes_find(&causes->containers, id);
	}
	if (container && container->indirect)
		record_set_string(record, FIELD_created_by_reason, REASON_NAME);
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
