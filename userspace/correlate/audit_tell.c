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

static enum event kind_of_type(uint32_t type)
{
	switch (type) {
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
		return audit_record_is_user(type) ? EVENT_audit_message : EVENT_COUNT;
	}
}

/* SYSCALL need not come first: what a security module or seccomp has to say of the call does. */
enum event audit_tell_kind(const struct audit_act *act)
{
	for (size_t i = 0; i < ARRAY_SIZE(act->types) && act->types[i]; i++) {
		enum event kind = kind_of_type(act->types[i]);

		if (kind != EVENT_COUNT)
			return kind;
	}
	if (!act->has_call || act->keys.count == 0)
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

/* An argument of 32 bits, which records show without their sign. */
static bool is_cwd(int64_t argument)
{
	return (int32_t)argument == AT_FDCWD;
}

/* Whether a relative name is of the folder that a descriptor stands for, which no record names. */
static bool is_of_descriptor(const struct audit_act *act)
{
	if (is_call(act, "symlinkat"))
		return !is_cwd(act->arguments[1]);
	if (is_call(act, "renameat") || is_call(act, "renameat2") || is_call(act, "linkat"))
		return !is_cwd(act->arguments[0]) || !is_cwd(act->arguments[2]);
	return (strstr(act->call, "at") && strcmp(strstr(act->call, "at"), "at") == 0 &&
		!is_cwd(act->arguments[0])) ||
	       ((is_call(act, "openat2") || is_call(act, "fchmodat2")) &&
		!is_cwd(act->arguments[0]));
}

int audit_tell_path(const struct audit_act *act, const struct audit_path *path, struct buffer *ret)
{
	const char *name = audit_act_text(act, path->name);
	const char *folder = is_of_descriptor(act) ? "" : audit_act_text(act, act->folder);

	if (*name && *name != '/' && *folder) {
		buffer_append_string(ret, folder);
		if (folder[1])
			buffer_append_char(ret, '/');
	}
	buffer_append_string(ret, strncmp(name, "./", 2) == 0 ? name + 2 : name);
	return ret->error;
}

static void fill_object(const struct audit_act *act, struct record *record)
{
	const struct audit_path *object = object_of(act);
	_cleanup_buffer_ struct buffer path = {};

	if (!object || !object->name)
		return;
	if (audit_tell_path(act, object, &path) < 0)
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
	if (inside) {
		const char *end = memrchr(inside + 5, '\'',
					  (size_t)(message + act->message_length - inside) - 5);

		fields.rest = (struct text){
			inside + 5, (size_t)((end ?: message + act->message_length) - inside) - 5
		};
	}
	while (audit_fields_next(&fields))
		if (text_equal(fields.name, name))
			return fields.value;
	return (struct text){};
}

/*
 * What the kernel took of an exec; else what the process says of itself, where nothing better is
 * known.
 */
static void fill_command(const struct audit_act *act, const struct redact *redact,
			 struct record *record)
{
	_cleanup_text_list_ struct text_list masked = {};

	if (act->command.count == 0 || (!is_exec(act) && record_has(record, FIELD_process_args)))
		return;
	if (redact_arguments(redact, &act->command, &masked) < 0)
		record->error = -ENOMEM;
	for (size_t i = 0; i < masked.count; i++)
		record_add_text(record, FIELD_audit_command, text_list_at(&masked, i));
	if (masked.cut || act->cut)
		record_set_boolean(record, FIELD_audit_cut, true);
}

/* A command line that a program wrote as one text: sudo's, which a shell would read. */
static void fill_shell_command(const struct audit_record *message, struct text name,
			       const struct redact *redact, struct record *record)
{
	_cleanup_text_list_ struct text_list shell = {}, masked = {};
	_cleanup_buffer_ struct buffer line = {};
	int r = text_list_append(&shell, TEXT("sh"));

	audit_record_untrusted(message, name, &line);
	r = r ?: text_list_append(&shell, TEXT("-c"));
	r = r ?: text_list_append(&shell, (struct text){ line.data ?: "", line.length });
	r = r ?: redact_arguments(redact, &shell, &masked);
	if (r < 0 || line.error)
		record->error = -ENOMEM;
	else
		record_add_text(record, FIELD_audit_command, text_list_at(&masked, 2));
}

/* In hexadecimal digits no secret is seen: what was run is told apart, what was typed not at all.
 */
static bool is_hidden(struct text name)
{
	return text_equal(name, TEXT("cmd")) || text_equal(name, TEXT("data")) ||
	       text_equal(name, TEXT("proctitle"));
}

static void fill_message(const struct audit_act *act, const struct redact *redact,
			 struct record *record)
{
	const char *text = audit_act_text(act, act->message), *end = text + act->message_length;
	const char *inside = memmem(text, act->message_length, "msg='", 5);
	struct audit_fields fields = { .rest = { text, act->message_length } };
	_cleanup_buffer_ struct buffer told = {};

	if (inside)
		fields.rest = (struct text){ inside + 5, (size_t)(end - inside) - 5 };
	while (audit_fields_next(&fields)) {
		const struct audit_record one = { .body = { fields.name.data,
							    (size_t)(end - fields.name.data) } };

		if (!is_hidden(fields.name))
			continue;
		if (text_equal(fields.name, TEXT("cmd")) &&
		    !record_has(record, FIELD_audit_command))
			fill_shell_command(&one, fields.name, redact, record);
		buffer_append(&told, text, (size_t)(fields.value.data - text));
		buffer_printf(&told, "[redacted len=%zu]", fields.value.length);
		text = fields.value.data + fields.value.length;
	}
	buffer_append(&told, text, (size_t)(end - text));
	if (told.error)
		record->error = -ENOMEM;
	else
		record_set_text(record, FIELD_audit_message,
				(struct text){ told.data ?: "", told.length });
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
	fill_command(act, redact, record);
	if (act->message)
		fill_message(act, redact, record);
	if (act->cut)
		record_set_boolean(record, FIELD_audit_cut, true);
}

/* ---- who */

/* As auditd knew them when it was done: better than what a file of users says now. */
static void set_name(const struct audit_act *act, uint32_t name, struct record *record,
		     enum field field)
{
	const char *text = audit_act_text(act, name);

	if (*text && strncmp(text, "unknown(", 8) != 0 && strcmp(text, "unset") != 0)
		record_set_string(record, field, text);
}

void audit_tell_actor(const struct audit_act *act, const struct actor_context *actors,
		      struct record *record)
{
	struct wire_task task, ids;

	if (act->node)
		record_set_string(record, FIELD_host_name, audit_act_text(act, act->node));
	if (act->pid == WIRE_UNSET || act->pid == 0)
		return;
	if (!actors->tree ||
	    process_tree_identify_at(actors->tree, act->pid,
				     act->time_ms * NS_PER_MS - (uint64_t)actors->wall_offset_ns,
				     &task) < 0)
		task = actor_task(act->pid, 0);
	actor_fill(actors, &task, record);
	record_set_number(record, FIELD_process_pid, act->pid);
	ids = actor_task(act->pid, 0);
	ids.uid = act->uid;
	ids.gid = act->gid;
	ids.effective_uid = act->effective_uid;
	ids.login_uid = act->login_uid;
	ids.session = act->session;
	actor_fill_user(actors, &ids, record);
	set_name(act, act->user, record, FIELD_user_name);
	set_name(act, act->login_user, record, FIELD_user_audit_name);
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
