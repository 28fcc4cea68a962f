// SPDX-License-Identifier: Apache-2.0
#include "correlate/audit_tell.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/actor.h"
#include "correlate/process.h"
#include "correlate/redact.h"
#include "event/record.h"

/* ---- which event */

static bool is_call(const struct audit_act *act, const char *name)
{
	return strcmp(act->call, name) == 0;
}

static bool is_exec(const struct audit_act *act)
{
	return is_call(act, "execve") || is_call(act, "execveat");
}

static bool is_connect(const struct audit_act *act)
{
	return is_call(act, "connect") || is_call(act, "socketcall");
}

enum event audit_tell_kind(const struct audit_act *act)
{
	switch (act->types[0]) {
	case AUDIT_SYSCALL:
		break;
	case AUDIT_CONFIG_CHANGE:
	case AUDIT_FEATURE_CHANGE:
	case AUDIT_DAEMON_START ... AUDIT_FIRST_EVENT - 1:
		return EVENT_audit_config;
	case AUDIT_LOGIN:
	case AUDIT_USER_LOGIN:
	case AUDIT_USER_START:
		return EVENT_user_login;
	case AUDIT_USER_LOGOUT:
	case AUDIT_USER_END:
		return EVENT_user_logout;
	default:
		return (act->types[0] >= AUDIT_FIRST_USER_MSG &&
			act->types[0] <= AUDIT_LAST_USER_MSG) ||
				       (act->types[0] >= AUDIT_FIRST_USER_MSG2 &&
					act->types[0] <= AUDIT_LAST_USER_MSG2)
			       ? EVENT_audit_message
			       : EVENT_COUNT;
	}
	for (size_t i = 1; i < ARRAY_SIZE(act->types) && act->types[i]; i++)
		if (act->types[i] == AUDIT_CONFIG_CHANGE)
			return EVENT_audit_config;
	if (act->keys.count == 0)
		return EVENT_COUNT;
	return is_exec(act)      ? EVENT_process_exec
	       : is_connect(act) ? EVENT_socket_connect
				 : EVENT_watch_hit;
}

/* ---- what was done */

static const struct {
	const char *calls; /* with a blank on both sides of each */
	const char *operation;
} operations[] = {
	{ " rename renameat renameat2 ", "rename" },
	{ " unlink unlinkat rmdir ", "delete" },
	{ " link linkat symlink symlinkat ", "link" },
	{ " mkdir mkdirat mknod mknodat creat ", "create" },
	{ " chmod fchmod fchmodat fchmodat2 ", "mode" },
	{ " chown fchown lchown fchownat chown32 lchown32 fchown32 ", "owner" },
	{ " setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr ", "attributes" },
	{ " truncate ftruncate truncate64 ftruncate64 ", "truncate" },
	{ " mount move_mount fsmount open_tree pivot_root ", "mount" },
	{ " umount umount2 ", "unmount" },
	{ " bind ", "bind" },
};

static bool has_path(const struct audit_act *act, const char *type)
{
	for (size_t i = 0; i < act->path_count; i++)
		if (strcmp(act->paths[i].type, type) == 0)
			return true;
	return false;
}

/* Flags of an open stand in its second argument, or third; openat2 has them behind a pointer. */
static const char *open_operation(const struct audit_act *act)
{
	int64_t flags = is_call(act, "open") ? act->arguments[1] : act->arguments[2];

	if (has_path(act, "CREATE"))
		return "create";
	if (is_call(act, "openat2"))
		return "open";
	if (flags & O_TRUNC)
		return "truncate";
	return (flags & O_ACCMODE) == O_RDONLY ? "read" : "write";
}

static const char *operation_of(const struct audit_act *act)
{
	char word[sizeof(act->call) + 2];

	if (strncmp(act->call, "open", 4) == 0 && !is_call(act, "open_tree"))
		return open_operation(act);
	snprintf(word, sizeof(word), " %s ", act->call);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (strstr(operations[i].calls, word))
			return operations[i].operation;
	return act->call[0] ? act->call : NULL;
}

/* What it is about: the last name that is no folder on the way. */
static const struct audit_path *object_of(const struct audit_act *act)
{
	for (size_t i = act->path_count; i-- > 0;)
		if (strcmp(act->paths[i].type, "PARENT") != 0 && act->paths[i].name)
			return &act->paths[i];
	return act->path_count ? &act->paths[0] : NULL;
}

static void fill_object(const struct audit_act *act, struct record *record)
{
	const struct audit_path *object = object_of(act);
	const char *name = object ? audit_act_text(act, object->name) : "";
	const char *folder = audit_act_text(act, act->folder);
	_cleanup_buffer_ struct buffer path = {};

	if (!*name)
		return;
	if (*name != '/' && *folder) {
		buffer_append_string(&path, folder);
		if (folder[1])
			buffer_append_char(&path, '/');
	}
	buffer_append_string(&path, strncmp(name, "./", 2) == 0 ? name + 2 : name);
	if (path.error)
		record->error = -ENOMEM;
	else
		record_set_text(record, FIELD_file_path, (struct text){ path.data, path.length });
}

static void fill_paths(const struct audit_act *act, struct record *record)
{
	for (size_t i = 0; i < act->path_count; i++) {
		const struct audit_path *path = &act->paths[i];
		char inode[24], device[24];

		snprintf(inode, sizeof(inode), "%llu", (unsigned long long)path->inode);
		snprintf(device, sizeof(device), "%u:%u", path->device >> 20,
			 path->device & ((1u << 20) - 1));
		record_add_text(record, FIELD_audit_paths_name,
				text_of(audit_act_text(act, path->name)));
		record_add_text(record, FIELD_audit_paths_inode,
				path->inode ? text_of(inode) : (struct text){});
		record_add_text(record, FIELD_audit_paths_device,
				path->inode ? text_of(device) : (struct text){});
		record_add_text(record, FIELD_audit_paths_type, text_of(path->type));
	}
}

const char *audit_tell_type(uint32_t type, char number[24])
{
	const char *name = audit_msg_type_to_name((int)type);

	if (!name)
		snprintf(number, 24, "UNKNOWN[%u]", type);
	return name ?: number;
}

struct text audit_tell_value(const struct audit_act *act, struct text name)
{
	/* What a program wrote stands in one pair of quotes: look inside. */
	const char *message = audit_act_text(act, act->message);
	struct audit_fields fields = { .rest = { message, act->message_length } };
	const char *inside;

	if (!act->message)
		return (struct text){};
	inside = memmem(message, act->message_length, "msg='", 5);
	if (inside)
		fields.rest = (struct text){ inside + 5,
					     act->message_length - (size_t)(inside - message) - 5 };
	while (audit_fields_next(&fields))
		if (text_equal(fields.name, name))
			return fields.value;
	return (struct text){};
}

static void fill_command(const struct audit_act *act, const struct redact *redact,
			 struct record *record)
{
	_cleanup_text_list_ struct text_list masked = {};

	if (redact_arguments(redact, &act->command, &masked) < 0)
		record->error = -ENOMEM;
	for (size_t i = 0; i < masked.count; i++)
		record_add_text(record, FIELD_audit_command, text_list_at(&masked, i));
	if (masked.cut || act->cut)
		record_set_boolean(record, FIELD_audit_cut, true);
}

void audit_tell_fill(const struct audit_act *act, const struct redact *redact,
		     struct record *record)
{
	char number[24];

	record_set_number(record, FIELD_audit_serial, act->serial);
	for (size_t i = 0; i < ARRAY_SIZE(act->types) && act->types[i]; i++)
		record_add_text(record, FIELD_audit_types,
				text_of(audit_tell_type(act->types[i], number)));
	for (size_t i = 0; i < act->keys.count; i++)
		record_add_text(record, FIELD_audit_keys, text_list_at(&act->keys, i));
	if (act->call[0])
		record_set_string(record, FIELD_audit_syscall, act->call);
	if (act->has_exit && !act->succeeded && act->exit < 0)
		record_set_string(record, FIELD_audit_error,
				  strerrorname_np((int)-act->exit) ?: "unknown");
	if (act->has_call && record->event == EVENT_watch_hit) {
		record_set_string(record, FIELD_audit_operation, operation_of(act));
		fill_object(act, record);
	}
	if (act->folder)
		record_set_string(record, FIELD_audit_folder, audit_act_text(act, act->folder));
	fill_paths(act, record);
	if (act->command.count)
		fill_command(act, redact, record);
	if (act->message)
		record_set_text(
			record, FIELD_audit_message,
			(struct text){ audit_act_text(act, act->message), act->message_length });
	if (act->cut)
		record_set_boolean(record, FIELD_audit_cut, true);
}

/* ---- who */

static void set_id(struct record *record, enum field field, uint32_t id)
{
	if (id != WIRE_UNSET)
		record_set_number(record, field, id);
}

void audit_tell_actor(const struct audit_act *act, const struct actor_context *actors,
		      struct record *record)
{
	struct wire_task task;

	if (act->pid == WIRE_UNSET || act->pid == 0)
		return;
	if (!actors->tree ||
	    process_tree_identify_at(actors->tree, act->pid,
				     act->time_ms * NS_PER_MS - (uint64_t)actors->wall_offset_ns,
				     &task) < 0)
		task = actor_task(act->pid, 0);
	actor_fill(actors, &task, record);
	record_set_number(record, FIELD_process_pid, act->pid);
	set_id(record, FIELD_user_id, act->uid);
	set_id(record, FIELD_user_effective_id, act->effective_uid);
	set_id(record, FIELD_user_group_id, act->gid);
	set_id(record, FIELD_user_audit_id, act->login_uid);
	set_id(record, FIELD_session_id, act->session);
	if (act->parent_pid != WIRE_UNSET && !record_has(record, FIELD_process_parent_pid))
		record_set_number(record, FIELD_process_parent_pid, act->parent_pid);
	if (act->name[0])
		record_set_string(record, FIELD_process_name, act->name);
	if (act->executable)
		record_set_string(record, FIELD_process_executable,
				  audit_act_text(act, act->executable));
	if (act->tty[0] && !record_has(record, FIELD_process_tty))
		record_set_string(record, FIELD_process_tty, act->tty);
}
