// SPDX-License-Identifier: Apache-2.0
#include "correlate/container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/actor.h"
#include "correlate/capability.h"
#include "correlate/causes.h"
#include "correlate/container_start.h"
#include "correlate/containers.h"
#include "correlate/conversation.h"
#include "correlate/entries.h"
#include "correlate/message.h"
#include "correlate/monitor.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "event/json.h"
#include "event/record.h"

#define ISOLATION_GIVEN_AWAY 75
#define LOOK_SHARE           10 /* a tenth of the time at most */

/* An event that waits, as its line: what a record is lent may be gone by then. */
struct held {
	TAILQ_ENTRY(held) next;
	uint64_t until; /* boot clock: longer it does not */
	char container[WIRE_CONTAINER];
	struct buffer line;
};

struct container_watch {
	struct container_options options;
	struct capability_uses *uses;
	uint64_t ended_at; /* boot clock: of the container that is ending; 0 */
	struct record *record;
	struct monitor monitor;             /* of the event that is being made */
	TAILQ_HEAD(held_events, held) held; /* in the order in which they came */
	size_t held_count;
	uint64_t look_after; /* boot clock: at what is held, not before */
};

static void held_free(struct held *held)
{
	buffer_free(&held->line);
	free(held);
}

int container_watch_new(const struct container_options *options, struct container_watch **ret)
{
	struct container_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->options = *options;
	TAILQ_INIT(&watch->held);
	r = record_new(&watch->record);
	if (r == 0)
		r = capability_uses_new(&watch->uses);
	if (r < 0) {
		capability_uses_free(watch->uses);
		record_free(watch->record);
		free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

void container_watch_free(struct container_watch *watch)
{
	struct held *held;

	if (!watch)
		return;
	while ((held = TAILQ_FIRST(&watch->held))) {
		TAILQ_REMOVE(&watch->held, held, next);
		held_free(held);
	}
	capability_uses_free(watch->uses);
	record_free(watch->record);
	free(watch);
}

/* ---- what waits */

static bool waits(const struct container_watch *watch, struct text container)
{
	return watch->options.starting(watch->options.user, container);
}

static bool is_held(const struct container_watch *watch, struct text container)
{
	const struct held *held;

	TAILQ_FOREACH(held, &watch->held, next)
	if (text_equal(text_within(held->container, WIRE_CONTAINER), container))
		return true;
	return false;
}

static int release(struct container_watch *watch, struct held *held)
{
	int r = record_parse_json(watch->record, held->line.data, held->line.length);

	TAILQ_REMOVE(&watch->held, held, next);
	watch->held_count--;
	held_free(held);
	if (r == 0)
		watch->options.emit(watch->options.user, watch->record);
	return r;
}

int container_watch_release(struct container_watch *watch, bool all)
{
	struct held *held = TAILQ_FIRST(&watch->held), *next;
	uint64_t now = clock_boot_ns(), took;
	int r = 0, lost;

	if (!held || (!all && now < watch->look_after))
		return 0;
	for (; held; held = next) {
		next = TAILQ_NEXT(held, next);
		if (!all && now < held->until &&
		    waits(watch, text_within(held->container, WIRE_CONTAINER)))
			continue;
		lost = release(watch, held);
		r = r ?: lost;
	}
	/* Who has many requests pending makes each look long: then there are fewer. */
	took = clock_boot_ns() - now;
	if (took > NS_PER_MS)
		watch->look_after = now + LOOK_SHARE * took;
	return r;
}

static int hold(struct container_watch *watch, struct text container)
{
	struct held *held = calloc(1, sizeof(*held));
	int r = 0;

	if (!held)
		return -ENOMEM;
	memcpy(held->container, container.data, container.length);
	held->until = clock_boot_ns() + CONVERSATION_PATIENCE_NS;
	record_append_json(watch->record, &held->line);
	if (held->line.error || watch->record->error) {
		held_free(held);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&watch->held, held, next);
	if (++watch->held_count > CONTAINER_HELD_MOST)
		r = release(watch, TAILQ_FIRST(&watch->held));
	return r;
}

static int emit_or_hold(struct container_watch *watch)
{
	struct text container = record_text(watch->record, FIELD_container_id);

	if (container.length > 0 && (is_held(watch, container) || waits(watch, container)))
		return hold(watch, container);
	watch->options.emit(watch->options.user, watch->record);
	return 0;
}

/* ---- what they say */

static void look_at_monitor(struct container_watch *watch, const struct wire_task *task)
{
	struct process_tree *tree = watch->options.actors->tree;

	watch->monitor = (struct monitor){};
	if (task->container[0])
		monitor_read(tree, process_tree_find_or_read(tree, task), task->container,
			     &watch->monitor);
}

static struct record *begin(struct container_watch *watch, enum event event,
			    const struct wire_header *header, const struct wire_task *task)
{
	const struct actor_context *actors = watch->options.actors;
	struct record *record = watch->record;

	record_begin(record, event);
	record_set_number(record, FIELD_timestamp, actor_wall_ns(actors, header->time));
	record_set_string(record, FIELD_source, "tp_btf/sched_process_exec");
	record_set_string(record, FIELD_event_outcome, "success");
	actor_fill(actors, task, record);
	look_at_monitor(watch, task);
	/* An engine without files that are read, or whose container has no id of its own here. */
	if (watch->monitor.name.data && !record_has(record, FIELD_container_name))
		record_set_text(record, FIELD_container_name, watch->monitor.name);
	return record;
}

#define REASON_MADE    "no request for it was recorded, and podman needs none: see who started it"
#define REASON_STARTED "by podman without a request: its ancestors show who ran it"
#define REASON_POLICY  "podman, by its restart policy"
#define REASON_STARTER "no request for this start of it was recorded"

/* Of an engine that is a program and no service; causes_fill() knows better where it knows who. */
static void tell_by_hand(const struct container_watch *watch, struct record *record)
{
	if (watch->monitor.of != MONITOR_BY_HAND && watch->monitor.of != MONITOR_POLICY)
		return;
	record_set_string(record, FIELD_created_by_reason, REASON_MADE);
	record_set_string(record, FIELD_started_by_reason,
			  watch->monitor.of == MONITOR_POLICY ? REASON_POLICY : REASON_STARTED);
}

static int on_start(struct container_watch *watch, const struct wire_container_start *message)
{
	struct record *record =
		begin(watch, message->present ? EVENT_container_present : EVENT_container_start,
		      &message->header, &message->task);
	int r;

	if (message->present)
		record_set_string(record, FIELD_source, "iter/task");
	else
		tell_by_hand(watch, record);
	r = container_start_fill(message, record);
	if (r < 0)
		return r;
	return emit_or_hold(watch);
}

/* Should the ends of its processes be lost, whoever gets its numbers next is not told to be in its
 * namespaces. */
static void end_namespaces(struct container_watch *watch, const struct wire_container_exit *message)
{
	struct namespaces *namespaces = watch->options.actors->namespaces;
	char text[NAMESPACES_TEXT];
	const char *pid =
		namespaces ? namespaces_describe(namespaces, &message->task, WIRE_NS_PID, text)
			   : NULL;

	if (pid && strcmp(pid, "private") == 0)
		namespaces_end(namespaces, message->task.container, message->header.time);
}

static int on_exit_of(struct container_watch *watch, const struct wire_container_exit *message)
{
	struct record *record;
	char name[16];

	/* Its last counts stand before its end. */
	watch->ended_at = message->header.time;
	if (watch->options.count && capability_any_of(watch->uses, message->task.container))
		watch->options.count(watch->options.user, message->task.container);
	watch->ended_at = 0;
	record = begin(watch, EVENT_container_exit, &message->header, &message->task);
	end_namespaces(watch, message);
	record_set_string(record, FIELD_source, "tp_btf/sched_process_exit");
	if (WIFSIGNALED(message->status)) {
		const char *abbreviated = sigabbrev_np(WTERMSIG(message->status));

		if (abbreviated)
			snprintf(name, sizeof(name), "SIG%s", abbreviated);
		else
			snprintf(name, sizeof(name), "%d", WTERMSIG(message->status));
		record_set_string(record, FIELD_exit_signal, name);
	} else {
		record_set_number(record, FIELD_exit_code, (uint64_t)WEXITSTATUS(message->status));
	}
	if (message->header.time > message->began)
		record_set_number(record, FIELD_event_duration,
				  message->header.time - message->began);
	record_set_boolean(record, FIELD_exit_out_of_memory, message->out_of_memory);
	/* Now, and not when it is written: by then somebody may have started it again. Behind a
	 * start that waits, it waits for who that was. */
	if (watch->options.causes && !is_held(watch, record_text(record, FIELD_container_id))) {
		causes_fill(watch->options.causes, record);
		if (!record_has(record, FIELD_started_by_sequence))
			record_set_string(record, FIELD_started_by_reason, REASON_STARTER);
	}
	return emit_or_hold(watch);
}

/* ---- who came in */

static int on_exec(struct container_watch *watch, const struct wire_container_exec *message)
{
	struct monitor monitor;
	struct record *record;
	struct text id = {};
	int r;

	look_at_monitor(watch, &message->task);
	monitor = watch->monitor;
	/* Nobody asked an engine for one by hand, so that no request has its id. */
	if (message->how == WIRE_ENTRY_RUNTIME && monitor.has_exec && monitor.of != MONITOR_BY_HAND)
		id = (struct text){ monitor.exec_id, CONTAINER_ID };
	r = watch->options.actors->entries
		    ? entries_keep(watch->options.actors->entries, message->task.start, id)
		    : 0;
	record = begin(watch, EVENT_container_exec, &message->header, &message->task);
	if (id.length > 0)
		record_set_text(record, FIELD_exec_id, id);
	record_set_string(record, FIELD_exec_how,
			  message->how == WIRE_ENTRY_NAMESPACE ? "namespaces" : "runtime");
	return emit_or_hold(watch) ?: r;
}

static int on_oom(struct container_watch *watch, const struct wire_oom_kill *message)
{
	struct record *record = begin(watch, EVENT_oom_kill, &message->header, &message->task);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	record_set_string(record, FIELD_source, "tp_btf/mark_victim");
	record_set_string(record, FIELD_oom_scope, message->limit ? "cgroup" : "host");
	if (message->limit) {
		record_set_number(record, FIELD_oom_limit, message->limit * page);
		record_set_number(record, FIELD_oom_usage, message->usage * page);
	}
	record_set_number(record, FIELD_oom_anonymous, message->anonymous * page);
	record_set_number(record, FIELD_oom_file, message->file * page);
	record_set_number(record, FIELD_oom_shared, message->shared * page);
	record_set_integer(record, FIELD_oom_score_adjustment, message->score_adjustment);
	actor_fill_trigger(watch->options.actors, &message->trigger, record);
	return emit_or_hold(watch);
}

/* ---- capabilities */

static int on_capability(struct container_watch *watch, const struct wire_capability_use *message)
{
	struct record *record =
		begin(watch, EVENT_capability_use, &message->header, &message->task);
	int r = capability_first(watch->uses, message, record);

	record_set_string(record, FIELD_source, "cap_capable");
	return r ?: emit_or_hold(watch);
}

int container_capability(struct container_watch *watch, const struct wire_capability *kind,
			 uint64_t count, uint64_t now)
{
	const struct actor_context *actors = watch->options.actors;
	struct record *record = watch->record;

	if (!capability_counted(watch->uses, kind, count, record))
		return 0;
	record_set_number(record, FIELD_timestamp, actor_wall_ns(actors, watch->ended_at ?: now));
	record_set_string(record, FIELD_source, "cap_capable");
	actor_fill_container(actors, record);
	return emit_or_hold(watch);
}

void container_capability_forget(struct container_watch *watch, const struct wire_capability *kind)
{
	capability_forget(watch->uses, kind);
}

/* ---- namespaces afterwards */

static const char *const namespace_names[WIRE_NAMESPACES] = {
	[WIRE_NS_MNT] = "mnt",       [WIRE_NS_PID] = "pid",   [WIRE_NS_NET] = "net",
	[WIRE_NS_IPC] = "ipc",       [WIRE_NS_UTS] = "uts",   [WIRE_NS_USER] = "user",
	[WIRE_NS_CGROUP] = "cgroup", [WIRE_NS_TIME] = "time",
};

/* Whose namespaces a change led to. */
struct destination {
	struct text types[WIRE_NAMESPACES];
	size_t count;
	char owner[NAMESPACES_TEXT]; /* "host" or "container:<id>"; empty: new ones */
};

static void set_destination(const struct destination *to, struct record *record)
{
	struct text owner = text_of(to->owner), id;
	bool host = text_equal(owner, TEXT("host"));

	for (size_t i = 0; i < to->count; i++)
		record_add_text(record, FIELD_change_types, to->types[i]);
	if (!owner.length)
		return;
	record_set_string(record, FIELD_target_type, host ? "host" : "container");
	if (!host && owner.length > 10) {
		id = (struct text){ owner.data + 10, owner.length - 10 };
		record_set_text(record, FIELD_target_id, id);
	}
}

static const struct {
	const char *hook, *word;
} changes[] = {
	[WIRE_CHANGE_CLONE] = { "tp_btf/sched_process_fork", "clone" },
	[WIRE_CHANGE_FORK] = { "tp_btf/sched_process_fork", "fork" },
	[WIRE_CHANGE_EXEC] = { "tp_btf/sched_process_exec", "exec" },
	[WIRE_CHANGE_EXIT] = { "tp_btf/sched_process_exit", "exit" },
	[WIRE_CHANGE_SWITCH] = { "fexit/switch_task_namespaces", "switch" },
};

static int tell_change(struct container_watch *watch, const struct wire_namespace_change *message,
		       const struct destination *to)
{
	bool enters = to->owner[0];
	struct record *record =
		begin(watch, enters ? EVENT_namespace_enter : EVENT_namespace_create,
		      &message->header, &message->task);

	record_set_string(record, FIELD_source, changes[message->how].hook);
	record_set_string(record, FIELD_change_how, changes[message->how].word);
	set_destination(to, record);
	/* Out of a container: the host's, or another one's. */
	if (enters && message->task.container[0])
		record_raise_severity(record, ISOLATION_GIVEN_AWAY);
	return emit_or_hold(watch);
}

static int on_change(struct container_watch *watch, const struct wire_namespace_change *message)
{
	const struct namespaces *namespaces = watch->options.actors->namespaces;
	struct text bytes = message_text(&message->header, message->before);
	uint32_t before[WIRE_NAMESPACES];
	struct destination to[WIRE_NAMESPACES + 1] = {};
	size_t count = 0, j;
	int r = 0, lost;

	if (bytes.length != sizeof(before) || message->how >= ARRAY_SIZE(changes))
		return -EBADMSG;
	memcpy(before, bytes.data, sizeof(before));
	for (int i = 0; i < WIRE_NAMESPACES; i++) {
		char text[NAMESPACES_TEXT];
		const char *owner;

		if (message->task.namespaces[i] == before[i])
			continue;
		/* Back where its container is, is no news. */
		if (namespaces_usual(namespaces, &message->task, (enum wire_namespace)i))
			continue;
		owner = namespaces_describe(namespaces, &message->task, (enum wire_namespace)i,
					    text);
		if (owner && strcmp(owner, "private") == 0)
			owner = NULL;
		for (j = 0; j < count && strcmp(to[j].owner, owner ?: "") != 0; j++)
			;
		if (j == count)
			snprintf(to[count++].owner, NAMESPACES_TEXT, "%s", owner ?: "");
		to[j].types[to[j].count++] = text_of(namespace_names[i]);
	}
	for (j = 0; j < count; j++) {
		lost = tell_change(watch, message, &to[j]);
		r = r ?: lost;
	}
	return r;
}

int container_message(struct container_watch *watch, const struct wire_header *message)
{
	switch (message->message) {
	case WIRE_container_start:
		return on_start(watch, (const struct wire_container_start *)message);
	case WIRE_container_exec:
		return on_exec(watch, (const struct wire_container_exec *)message);
	case WIRE_container_exit:
		return on_exit_of(watch, (const struct wire_container_exit *)message);
	case WIRE_capability_use:
		return on_capability(watch, (const struct wire_capability_use *)message);
	case WIRE_namespace_change:
		return on_change(watch, (const struct wire_namespace_change *)message);
	case WIRE_oom_kill:
		return on_oom(watch, (const struct wire_oom_kill *)message);
	default:
		return 0;
	}
}
