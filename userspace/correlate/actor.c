// SPDX-License-Identifier: Apache-2.0
#include "correlate/actor.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/put.h"
#include "base/text_list.h"
#include "correlate/containers.h"
#include "correlate/entries.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/sessions.h"
#include "correlate/users.h"
#include "event/json.h"
#include "event/record.h"

static const enum field namespace_fields[WIRE_NAMESPACES] = {
	[WIRE_NS_MNT] = FIELD_namespaces_mnt,       [WIRE_NS_PID] = FIELD_namespaces_pid,
	[WIRE_NS_NET] = FIELD_namespaces_net,       [WIRE_NS_IPC] = FIELD_namespaces_ipc,
	[WIRE_NS_UTS] = FIELD_namespaces_uts,       [WIRE_NS_USER] = FIELD_namespaces_user,
	[WIRE_NS_CGROUP] = FIELD_namespaces_cgroup, [WIRE_NS_TIME] = FIELD_namespaces_time,
};

static void learn_namespaces(void *context, const struct wire_task *task)
{
	namespaces_learn(context, task);
}

static void forget_namespaces(void *context, const char id[WIRE_CONTAINER])
{
	namespaces_forget(context, id);
}

void actor_connect(const struct actor_context *context)
{
	const struct process_listener listener = { learn_namespaces, forget_namespaces,
						   context->namespaces };

	process_tree_listen(context->tree, &listener);
}

struct wire_task actor_task(uint32_t pid, uint64_t start)
{
	return (struct wire_task){ .pid = pid,
				   .start = start,
				   .uid = WIRE_UNSET,
				   .gid = WIRE_UNSET,
				   .effective_uid = WIRE_UNSET,
				   .effective_gid = WIRE_UNSET,
				   .login_uid = WIRE_UNSET,
				   .session = WIRE_UNSET };
}

uint64_t actor_wall_ns(const struct actor_context *context, uint64_t boot_ns)
{
	return boot_ns + (uint64_t)context->wall_offset_ns;
}

void actor_entity_id(const struct actor_context *context, uint32_t pid, uint64_t start,
		     char ret[ENTITY_ID_MOST])
{
	char *at = put_text(ret, text_within(context->boot_id ?: "", 8));

	*at++ = '-';
	at = put_number(at, pid);
	*at++ = '-';
	at = put_number(at, start);
	*at = '\0';
}

static void set_fixed(struct record *record, enum field field, const char *text, size_t most)
{
	struct text known = text_within(text, most);

	if (known.length)
		record_set_text(record, field, known);
}

static void set_known(struct record *record, enum field field, struct text text)
{
	if (text.data)
		record_set_text(record, field, text);
}

static void set_id(struct record *record, enum field field, uint32_t id)
{
	if (id != WIRE_UNSET)
		record_set_number(record, field, id);
}

static void set_user_name(const struct actor_context *context, struct record *record,
			  enum field field, uint32_t uid)
{
	const char *name =
		context->users && uid != WIRE_UNSET ? users_name(context->users, uid) : NULL;

	/* Read anew only between messages. */
	if (name)
		record_lend_text(record, field, text_of(name));
}

/* The kernel calls the slave of a pseudo terminal "pts0" (tty_line_name), everybody else "pts/0".
 */
static void set_tty(struct record *record, const char tty[WIRE_TTY])
{
	bool pseudo = memcmp(tty, "pts", 3) == 0 && isdigit((unsigned char)tty[3]);
	char text[WIRE_TTY + 1], *at = text;

	if (!pseudo) {
		set_fixed(record, FIELD_process_tty, tty, WIRE_TTY);
		return;
	}
	at = put_text(at, TEXT("pts/"));
	at = put_text(at, text_within(tty + 3, WIRE_TTY - 3));
	record_set_text(record, FIELD_process_tty, put_between(text, at));
}

static void add_ancestor(void *context, uint32_t pid, const struct process *known)
{
	struct record *record = context;
	char text[WIRE_COMM + 16], *at = text;

	if (!record_has(record, FIELD_process_parent_pid)) {
		record_set_number(record, FIELD_process_parent_pid, pid);
		if (known) {
			set_fixed(record, FIELD_process_parent_name, known->name, WIRE_COMM);
			set_known(record, FIELD_process_parent_executable,
				  process_executable(known));
		}
	}
	at = put_text(at, text_within(known ? known->name : "", WIRE_COMM));
	*at++ = '[';
	at = put_number(at, pid);
	*at++ = ']';
	record_add_text(record, FIELD_process_ancestry, put_between(text, at));
}

static int mask_args(const struct actor_context *context, const struct process *process)
{
	_cleanup_text_list_ struct text_list whole = {}, masked = {};
	bool cut;
	struct text args = process_args(process, &cut);
	int r = text_list_append_terminated(&whole, args.data, args.length);

	whole.cut |= cut;
	if (r == 0)
		r = context->redact(context->redact_user, &whole, &masked);
	if (r < 0)
		return r;
	/* Of no arguments there are no bytes: known to be none. */
	return process_tree_mask_args(context->tree, process,
				      (struct text){ masked.bytes.data ?: "", masked.bytes.length },
				      whole.cut || masked.cut);
}

/* Nothing of a command line is written that was not masked. */
static void fill_args(const struct actor_context *context, const struct process *process,
		      struct record *record)
{
	struct text args, arg;
	bool cut;

	if (!context->redact || !process_args(process, &cut).data)
		return;
	record_set_empty_list(record, FIELD_process_args);
	if (!process_args_masked(process) && mask_args(context, process) < 0) {
		record_set_boolean(record, FIELD_process_args_cut, true);
		return;
	}
	/* A copy of it all: the program may be gone before the event is written. */
	args = process_args(process, &cut);
	args.data = arena_copy(record->arena, args.data, args.length);
	if (!args.data)
		args.length = 0;
	while (process_next_arg(&args, &arg))
		record_lend_item(record, FIELD_process_args, arg);
	record_set_boolean(record, FIELD_process_args_cut, cut || !args.data);
}

static void fill_process(const struct actor_context *context, const struct wire_task *task,
			 const struct process *process, struct record *record)
{
	char entity[ENTITY_ID_MOST];

	if (task->pid)
		record_set_number(record, FIELD_process_pid, task->pid);
	if (task->pid && task->start) {
		actor_entity_id(context, task->pid, task->start, entity);
		record_set_string(record, FIELD_process_entity_id, entity);
		record_set_number(record, FIELD_process_start, actor_wall_ns(context, task->start));
	}
	set_fixed(record, FIELD_process_name, task->name, WIRE_COMM);
	set_tty(record, task->tty);
	if (!process)
		return;
	set_known(record, FIELD_process_executable, process_executable(process));
	fill_args(context, process, record);
	if (process_ancestry(context->tree, process, add_ancestor, record))
		record_add_text(record, FIELD_process_ancestry, TEXT("..."));
}

void actor_fill_user(const struct actor_context *context, const struct wire_task *task,
		     struct record *record)
{
	record_unset(record, FIELD_user_name);
	record_unset(record, FIELD_user_audit_name);
	set_id(record, FIELD_user_id, task->uid);
	set_user_name(context, record, FIELD_user_name, task->uid);
	set_id(record, FIELD_user_group_id, task->gid);
	set_id(record, FIELD_user_effective_id, task->effective_uid);
	set_id(record, FIELD_user_audit_id, task->login_uid);
	set_user_name(context, record, FIELD_user_audit_name, task->login_uid);
	set_id(record, FIELD_session_id, task->session);
	if (context->sessions && task->session != WIRE_UNSET)
		record_set_string(record, FIELD_session_source_ip,
				  sessions_address(context->sessions, task->session));
}

void actor_fill_container(const struct actor_context *context, struct record *record)
{
	struct text id = record_text(record, FIELD_container_id);
	struct container_names names;

	if (!context->containers)
		return;
	containers_as_of(context->containers, record_number(record, FIELD_timestamp));
	if (containers_find(context->containers, id, &names) < 0)
		return;
	set_known(record, FIELD_container_name, names.name);
	set_known(record, FIELD_container_image_name, names.image);
}

#define REASON_ENTERED "it came with who entered by no known request: see its container-exec"
#define REASON_FORGOTTEN                                                                           \
	"by no known request, or one that is not known any more: see its container-exec"

#define REASON_BEFORE                                                                              \
	"there when recording began, and no child of the container's first process: for whom it "  \
	"came is not known"

/* For whom the one came into the container of which this is a child. */
static void fill_entry(const struct actor_context *context, const struct wire_task *task,
		       struct record *record)
{
	struct text exec_id = entries_find(context->entries, task->entered);

	if (task->entered == WIRE_ENTERED_BEFORE)
		record_set_string(record, FIELD_entered_by_reason, REASON_BEFORE);
	else if (exec_id.length > 0)
		record_set_text(record, FIELD_entered_by_exec_id, exec_id);
	else
		record_set_string(record, FIELD_entered_by_reason,
				  entries_forgot(context->entries) ? REASON_FORGOTTEN
								   : REASON_ENTERED);
}

static void fill_container(const struct actor_context *context, const struct wire_task *task,
			   struct record *record)
{
	if (!task->container[0])
		return;
	record_set_text(record, FIELD_container_id, text_within(task->container, WIRE_CONTAINER));
	actor_fill_container(context, record);
	if (context->entries && task->entered)
		fill_entry(context, task, record);
}

/*
 * When it ended, or UINT64_MAX: the end of a connection is told after that of who opened it, at
 * times. To be asked before the tree looks for whom it does not know, and finds nobody.
 */
static uint64_t end_of(const struct actor_context *context, const struct wire_task *task)
{
	const struct process *process =
		context->tree ? process_tree_find(context->tree, task->pid, task->start) : NULL;

	return process && process->ended ? process->ended : UINT64_MAX;
}

static void fill_namespaces(const struct actor_context *context, const struct wire_task *task,
			    uint64_t ended, struct record *record)
{
	char text[NAMESPACES_TEXT];

	if (!context->namespaces)
		return;
	if (ended == UINT64_MAX)
		namespaces_learn(context->namespaces, task);
	for (enum wire_namespace i = WIRE_NS_MNT; i < WIRE_NAMESPACES; i++) {
		const char *whose =
			namespaces_describe_ended(context->namespaces, task, i, ended, text);

		if (whose)
			record_set_string(record, namespace_fields[i], whose);
	}
}

/*
 * Completes a task that has only its pid. Returns whether the tree may be asked for it: not where
 * the pid was given to another process since.
 */
static bool complete_task(const struct actor_context *context, const struct record *record,
			  struct wire_task *task)
{
	uint64_t when = record_number(record, FIELD_timestamp);
	const struct process *process;
	struct wire_task found;

	if (!context->tree || !task->pid)
		return false;
	if (task->start)
		return true;
	if (process_tree_identify(context->tree, task->pid, &found) < 0)
		return false;
	process = process_tree_find(context->tree, task->pid, found.start);
	if (!process || (when && actor_wall_ns(context, process->start) > when))
		return false;
	*task = found;
	return true;
}

static void describe(const struct actor_context *context, const struct wire_task *task,
		     struct record *record)
{
	fill_process(context, task, process_tree_find_or_read(context->tree, task), record);
}

/* ---- what was told last */

#define KNOWN_MOST 64

struct known {
	struct wire_task task;
	uint64_t changes; /* of the tree when it was told */
	int64_t wall_offset_ns;
	struct record *record; /* the object "process", */
	struct buffer json;    /* and how it stands in a line */
};

struct actor_cache {
	struct known known[KNOWN_MOST]; /* by pid */
};

int actor_cache_new(struct actor_cache **ret)
{
	struct actor_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	*ret = cache;
	return 0;
}

void actor_cache_free(struct actor_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < KNOWN_MOST; i++) {
		record_free(cache->known[i].record);
		buffer_free(&cache->known[i].json);
	}
	free(cache);
}

static bool is_current(const struct known *known, const struct actor_context *context,
		       const struct wire_task *task)
{
	return known->json.length > 0 && known->changes == process_tree_changes(context->tree) &&
	       known->wall_offset_ns == context->wall_offset_ns &&
	       memcmp(&known->task, task, sizeof(*task)) == 0;
}

static int tell(const struct actor_context *context, const struct wire_task *task,
		struct known *known)
{
	int r;

	buffer_clear(&known->json);
	if (!known->record) {
		r = record_new(&known->record);
		if (r < 0)
			return r;
	}
	record_begin(known->record, EVENT_COUNT);
	describe(context, task, known->record);
	record_append_members(known->record, FIELD_process_pid, FIELD_process_ancestry,
			      &known->json);
	r = known->record->error ?: known->json.error;
	if (r < 0) {
		buffer_clear(&known->json);
		return r;
	}
	known->task = *task;
	known->changes = process_tree_changes(context->tree);
	known->wall_offset_ns = context->wall_offset_ns;
	return 0;
}

static void describe_known(const struct actor_context *context, const struct wire_task *task,
			   struct record *record)
{
	struct known *known = &context->cache->known[task->pid % KNOWN_MOST];
	struct record_part part = { FIELD_process_pid, FIELD_process_ancestry, {} };

	if (!is_current(known, context, task) && tell(context, task, known) < 0) {
		describe(context, task, record);
		return;
	}
	part.json = (struct text){ known->json.data, known->json.length };
	record_lend_all(record, known->record, &part);
}

void actor_fill(const struct actor_context *context, const struct wire_task *task,
		struct record *record)
{
	struct wire_task whole = *task;
	bool complete = complete_task(context, record, &whole);
	uint64_t ended = end_of(context, &whole);

	if (!complete)
		fill_process(context, &whole, NULL, record);
	else if (context->cache && whole.start)
		describe_known(context, &whole, record);
	else
		describe(context, &whole, record);
	actor_fill_user(context, &whole, record);
	if (context->audit && task->unaudited && record->event == EVENT_socket_connect)
		record_lend_text(record, FIELD_witness_reason,
				 TEXT("the process is older than audit"));
	fill_container(context, &whole, record);
	fill_namespaces(context, &whole, ended, record);
}

/* Somebody else beside the actor, by fewer fields. */
struct other_fields {
	enum field pid, entity, name, executable, user, user_name;
};

static void fill_other(const struct actor_context *context, const struct wire_task *task,
		       const struct other_fields *fields, struct record *record)
{
	struct wire_task whole = *task;
	const struct process *process = NULL;
	char entity[ENTITY_ID_MOST];

	if (complete_task(context, record, &whole))
		process = process_tree_find_or_read(context->tree, &whole);
	if (whole.pid)
		record_set_number(record, fields->pid, whole.pid);
	if (whole.pid && whole.start) {
		actor_entity_id(context, whole.pid, whole.start, entity);
		record_set_string(record, fields->entity, entity);
	}
	set_fixed(record, fields->name, whole.name, WIRE_COMM);
	set_id(record, fields->user, whole.uid);
	set_user_name(context, record, fields->user_name, whole.uid);
	if (process)
		set_known(record, fields->executable, process_executable(process));
}

void actor_fill_connector(const struct actor_context *context, const struct wire_task *task,
			  struct record *record)
{
	static const struct other_fields fields = {
		.pid = FIELD_connector_process_pid,
		.entity = FIELD_connector_process_entity_id,
		.name = FIELD_connector_process_name,
		.executable = FIELD_connector_process_executable,
		.user = FIELD_connector_user_id,
		.user_name = FIELD_connector_user_name,
	};

	fill_other(context, task, &fields, record);
}

void actor_fill_downstream(const struct actor_context *context, const struct wire_task *task,
			   struct record *record)
{
	static const struct other_fields fields = {
		.pid = FIELD_downstream_process_pid,
		.entity = FIELD_downstream_process_entity_id,
		.name = FIELD_downstream_process_name,
		.executable = FIELD_downstream_process_executable,
		.user = FIELD_downstream_user_id,
		.user_name = FIELD_downstream_user_name,
	};

	fill_other(context, task, &fields, record);
}

void actor_fill_trigger(const struct actor_context *context, const struct wire_task *task,
			struct record *record)
{
	static const struct other_fields fields = {
		.pid = FIELD_oom_trigger_process_pid,
		.entity = FIELD_oom_trigger_process_entity_id,
		.name = FIELD_oom_trigger_process_name,
		.executable = FIELD_oom_trigger_process_executable,
		.user = FIELD_oom_trigger_user_id,
		.user_name = FIELD_oom_trigger_user_name,
	};

	fill_other(context, task, &fields, record);
	set_fixed(record, FIELD_oom_trigger_container_id, task->container, WIRE_CONTAINER);
}
