// SPDX-License-Identifier: Apache-2.0
#include "correlate/actor.h"

#include "base/put.h"
#include "correlate/actor_private.h"
#include "correlate/containers.h"
#include "correlate/entries.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/sessions.h"
#include "correlate/users.h"
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
	record_set_text(record, FIELD_container_name, names.name);
	record_set_text(record, FIELD_container_image_name, names.image);
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

void actor_fill(const struct actor_context *context, const struct wire_task *task,
		struct record *record)
{
	struct wire_task whole = *task;
	bool complete = complete_task(context, record, &whole);
	uint64_t ended = end_of(context, &whole);

	actor_fill_process(context, &whole, complete, record);
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
	actor_set_fixed(record, fields->name, whole.name, WIRE_COMM);
	set_id(record, fields->user, whole.uid);
	set_user_name(context, record, fields->user_name, whole.uid);
	if (process)
		record_set_text(record, fields->executable, process_executable(process));
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
	actor_set_fixed(record, FIELD_oom_trigger_container_id, task->container, WIRE_CONTAINER);
}
