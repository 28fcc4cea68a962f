// SPDX-License-Identifier: Apache-2.0
/* What audit alone recorded, as events. */
#include <libaudit.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/actor.h"
#include "correlate/audit_tell.h"
#include "correlate/process.h"
#include "correlate/sessions.h"
#include "correlate/started.h"
#include "correlate/witness_private.h"
#include "event/record.h"

static struct record *begin(struct witness *witness, enum event kind, const struct audit_act *act)
{
	struct record *record = witness->record;

	record_begin(record, kind);
	record_set_number(record, FIELD_timestamp, act->time_ms * NS_PER_MS);
	record_lend_text(record, FIELD_source, TEXT("audit"));
	record_lend_text(record, FIELD_witness, TEXT("audit"));
	if (act->has_call)
		record_set_string(record, FIELD_event_outcome,
				  act->succeeded ? "success" : "failure");
	audit_tell_actor(act, witness->options.actors, record);
	audit_tell_fill(act, witness->options.redact, record);
	return record;
}

static void emit(struct witness *witness, struct record *record)
{
	witness->options.emit(witness->options.user, record);
}

/* Whether it is a watched socket, whose path is appended to `ret`. */
static bool is_socket(const struct witness *witness, const struct audit_act *act,
		      const struct audit_path *path, struct buffer *ret)
{
	const struct witness_options *options = &witness->options;
	const char *known;

	if (options->history)
		return path->name && audit_tell_path(act, path, ret) == 0 && buffer_string(ret) &&
		       options->is_socket(options->socket_user, ret->data);
	known = path->inode ? options->socket_path(options->socket_user, path->inode, path->device)
			    : NULL;
	buffer_append_string(ret, known ?: "");
	return known != NULL;
}

static const struct audit_path *find_socket(const struct witness *witness,
					    const struct audit_act *act, struct buffer *ret)
{
	for (size_t i = 0; i < act->path_count; i++) {
		if (is_socket(witness, act, &act->paths[i], ret))
			return &act->paths[i];
		buffer_clear(ret);
	}
	return NULL;
}

static void tell_connect(struct witness *witness, const struct audit_act *act)
{
	_cleanup_buffer_ struct buffer name = {};
	const struct audit_path *path = find_socket(witness, act, &name);
	struct record *record;
	char device[24];

	if (!path) {
		witness->stats.left_out++;
		return;
	}
	record = begin(witness, EVENT_socket_connect, act);
	record_set_text(record, FIELD_socket_path, (struct text){ name.data, name.length });
	record_set_number(record, FIELD_socket_inode, path->inode);
	snprintf(device, sizeof(device), "%u:%u", path->device >> 20,
		 path->device & ((1u << 20) - 1));
	record_set_string(record, FIELD_socket_device, device);
	if (!act->succeeded && act->exit < 0)
		record_set_string(record, FIELD_error_code,
				  strerrorname_np((int)-act->exit) ?: "unknown");
	witness->stats.audit_alone += act->succeeded;
	emit(witness, record);
}

/* The kernel says 1 or 0, programs use a word. */
static void set_result(const struct audit_act *act, struct record *record)
{
	struct text result = audit_tell_value(act, TEXT("res"));
	bool done = text_equal(result, TEXT("1")) || text_equal(result, TEXT("success"));

	if (result.length)
		record_set_string(record, FIELD_event_outcome, done ? "success" : "failure");
}

static void tell_config(struct witness *witness, const struct audit_act *act)
{
	struct text operation = audit_tell_value(act, TEXT("op"));
	struct record *record = begin(witness, EVENT_audit_config, act);

	if (operation.length)
		record_set_text(record, FIELD_audit_operation, operation);
	set_result(act, record);
	if (act->pid != witness->options.own_pid && text_equal(operation, TEXT("remove_rule")))
		record_raise_severity(record, 100);
	/* Switched off, and the like. */
	if (audit_tell_value(act, TEXT("audit_enabled")).length &&
	    !text_equal(audit_tell_value(act, TEXT("audit_enabled")), TEXT("1")))
		record_raise_severity(record, 100);
	emit(witness, record);
}

/* ---- what programs say */

/* Known to be no process of a container's, and root's: of who is not known any more nothing is. */
static bool is_of_host(const struct witness *witness, const struct record *record)
{
	return (!witness->options.actors->tree || record_has(record, FIELD_process_start)) &&
	       !record_has(record, FIELD_container_id) &&
	       text_equal(record_text(record, FIELD_user_id), TEXT("0"));
}

static bool is_contained(const struct record *record)
{
	return record_has(record, FIELD_container_id);
}

static void tell_message(struct witness *witness, const struct audit_act *act)
{
	struct record *record = begin(witness, EVENT_audit_message, act);

	/* Programs of the host write what they do: sudo, cron, PAM. It is in audit's own log. */
	if (!is_contained(record) && !witness->options.history) {
		witness->stats.left_out++;
		return;
	}
	record_set_boolean(record, FIELD_audit_untrusted, true);
	if (is_contained(record))
		record_raise_severity(record, 100);
	emit(witness, record);
}

static bool is_session(const struct audit_act *act)
{
	struct text operation = audit_tell_value(act, TEXT("op"));

	return (act->types[0] != AUDIT_USER_START && act->types[0] != AUDIT_USER_END) ||
	       text_equal(operation, TEXT("PAM:session_open")) ||
	       text_equal(operation, TEXT("PAM:session_close"));
}

/*
 * The kernel's own word (LOGIN) says that a session begins; where from only the program that lets
 * people in knows, and any root can say that. Of a container's nothing is believed.
 */
static void tell_login(struct witness *witness, const struct audit_act *act, enum event kind)
{
	struct text address = audit_tell_value(act, TEXT("addr"));
	bool kernel = act->types[0] == AUDIT_LOGIN;
	struct record *record = begin(witness, kind, act);

	if (is_contained(record) && !kernel) {
		tell_message(witness, act);
		return;
	}
	if (!is_session(act)) {
		witness->stats.left_out++;
		return;
	}
	if (!kernel)
		record_set_boolean(record, FIELD_audit_untrusted, true);
	set_result(act, record);
	if (kind == EVENT_user_login && address.length && is_of_host(witness, record) &&
	    sessions_learn(witness->options.sessions, act->session, address) == 0) {
		record_set_text(record, FIELD_source_ip, address);
		record_set_text(record, FIELD_session_source_ip, address);
	}
	emit(witness, record);
}

bool witness_is_about_isolation(const struct audit_act *act)
{
	for (size_t i = 0; i < act->keys.count; i++)
		if (text_equal(text_list_at(&act->keys, i), TEXT("docktrail-mount")) ||
		    text_equal(text_list_at(&act->keys, i), TEXT("docktrail-namespace")))
			return true;
	return false;
}

/* What is mounted over a folder hides everything below. Over the root it hides nothing from who
 * runs already. */
static bool hides_below(const struct audit_act *act, const char *path)
{
	static const char *const calls[] = { "mount", "umount", "umount2", "move_mount" };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (strcmp(act->call, calls[i]) == 0)
			return strcmp(path, "/") != 0;
	return false;
}

/* "//", "/./" and "/../" as a lookup would take them, were there no links. */
static void normalise(char *path)
{
	char *to = path;

	for (const char *at = path; *at;) {
		size_t length = strcspn(at + 1, "/");

		if (*at != '/')
			return; /* relative: nothing is known of where */
		if (length == 2 && at[1] == '.' && at[2] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (length > 1 || (length == 1 && at[1] != '.')) {
			memmove(to, at, length + 1);
			to += length + 1;
		}
		at += length + 1;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

bool witness_is_watched(const struct witness *witness, const struct audit_act *act)
{
	const struct witness_options *options = &witness->options;
	_cleanup_buffer_ struct buffer path = {};

	for (size_t i = 0; i < act->path_count && options->watched; i++) {
		const struct audit_path *item = &act->paths[i];

		buffer_clear(&path);
		if (audit_tell_path(act, item, &path) < 0 || !buffer_string(&path))
			continue;
		normalise(path.data);
		if (options->watched(options->socket_user, path.data, item->inode, item->device,
				     hides_below(act, path.data)))
			return true;
	}
	return false;
}

/*
 * Services of the host mount and change namespaces all day, and so do those who make containers: of
 * who does it by hand the probes tell what it comes to. Who it is is asked of what is known
 * already: nobody is to make us read /proc as often as he likes.
 */
static bool is_telling(const struct witness *witness, const struct audit_act *act)
{
	const struct actor_context *actors = witness->options.actors;
	const char *container;

	if (!witness_is_about_isolation(act) || witness->options.history ||
	    witness_is_watched(witness, act))
		return true;
	container = actors->tree
			    ? process_tree_container_at(actors->tree, act->pid,
							act->time_ms * NS_PER_MS -
								(uint64_t)actors->wall_offset_ns)
			    : NULL;
	return container && started_before(witness->started, text_within(container, WIRE_CONTAINER),
					   act->time_ms * NS_PER_MS);
}

static void tell_hit(struct witness *witness, const struct audit_act *act, enum event kind)
{
	/* The sweep reads what rules are about. */
	if (act->pid == witness->options.own_pid || !is_telling(witness, act)) {
		witness->stats.left_out++;
		return;
	}
	emit(witness, begin(witness, kind, act));
}

void witness_tell(struct witness *witness, const struct act *act)
{
	switch (act->kind) {
	case EVENT_socket_connect:
		tell_connect(witness, &act->act);
		return;
	case EVENT_audit_config:
		tell_config(witness, &act->act);
		return;
	case EVENT_user_login:
	case EVENT_user_logout:
		tell_login(witness, &act->act, act->kind);
		return;
	case EVENT_audit_message:
		tell_message(witness, &act->act);
		return;
	default:
		tell_hit(witness, &act->act, act->kind);
	}
}
