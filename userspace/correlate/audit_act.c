// SPDX-License-Identifier: Apache-2.0
#include "correlate/audit_act.h"

#include <errno.h>
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ARGUMENTS_MOST 1024 /* of a command line that are looked for */
#define TITLE_MOST     127  /* MAX_PROCTITLE_AUDIT_LEN, kernel/audit.h, and a zero byte */

/* ---- one field */

static uint32_t number_of(struct text text)
{
	char digits[16], *end;
	unsigned long number;

	if (text.length == 0 || text.length >= sizeof(digits))
		return WIRE_UNSET;
	memcpy(digits, text.data, text.length);
	digits[text.length] = '\0';
	number = strtoul(digits, &end, 10);
	return *end || number > UINT32_MAX ? WIRE_UNSET : (uint32_t)number;
}

/* A name in quotes, or in hexadecimal digits; "(null)" is none. Returns where it stands. */
static uint32_t keep(struct audit_act *act, const struct audit_record *record, struct text name)
{
	uint32_t offset = (uint32_t)act->texts.length;
	struct text value = audit_record_field(record, name);

	if (!value.data || text_equal(value, TEXT("(null)")))
		return 0;
	audit_record_untrusted(record, name, &act->texts);
	buffer_append_char(&act->texts, '\0');
	return offset;
}

static void copy_name(struct audit_act *act, const struct audit_record *record, struct text name,
		      char *ret, size_t most)
{
	uint32_t offset = keep(act, record, name);

	snprintf(ret, most, "%s", offset ? audit_act_text(act, offset) : "");
	if (offset)
		act->texts.length = offset;
}

/* ---- records */

static void name_call(struct audit_act *act, int64_t architecture, int64_t call)
{
	int machine = audit_elf_to_machine((unsigned int)architecture);
	const char *name = machine < 0 ? NULL : audit_syscall_to_name((int)call, machine);

	snprintf(act->call, sizeof(act->call), "%s", name ?: "");
}

/* Several keys are parted by a byte 1, and then in hexadecimal digits. */
static int take_keys(struct audit_act *act, const struct audit_record *record)
{
	uint32_t offset = keep(act, record, TEXT("key"));
	const char *at = offset ? audit_act_text(act, offset) : "";
	int r = 0;

	while (r == 0 && *at) {
		size_t length = strcspn(at, (const char[]){ AUDIT_KEY_SEPARATOR, '\0' });

		r = text_list_append(&act->keys, (struct text){ at, length });
		at += length + (at[length] != '\0');
	}
	return r;
}

static void take_who(struct audit_act *act, const struct audit_record *record)
{
	static const struct {
		struct text name;
		size_t place;
	} numbers[] = {
#define AT(name, member) { TEXT(name), offsetof(struct audit_act, member) }
		AT("pid", pid),     AT("ppid", parent_pid),    AT("uid", uid),
		AT("gid", gid),     AT("euid", effective_uid), AT("auid", login_uid),
		AT("ses", session),
#undef AT
	};
	struct audit_fields fields = { .rest = record->body };
	bool seen[ARRAY_SIZE(numbers)] = {};

	while (audit_fields_next(&fields)) {
		/* What stands in here a program wrote. */
		if (text_equal(fields.name, TEXT("msg")))
			return;
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
			uint32_t *place = (uint32_t *)(void *)((char *)act + numbers[i].place);

			if (seen[i] || !text_equal(fields.name, numbers[i].name))
				continue;
			seen[i] = true;
			if (*place == WIRE_UNSET)
				*place = number_of(fields.value);
		}
	}
}

/* What auditd adds in its ENRICHED format: UID="alice". Where it knew none: UID="unknown(1000)". */
static void take_names(struct audit_act *act, const struct audit_record *record)
{
	const struct audit_record enriched = { .body = record->enriched };

	if (record->enriched.length == 0 || act->user)
		return;
	act->user = keep(act, &enriched, TEXT("UID"));
	act->effective_user = keep(act, &enriched, TEXT("EUID"));
	act->login_user = keep(act, &enriched, TEXT("AUID"));
}

static int take_call(struct audit_act *act, const struct audit_record *record)
{
	static const struct text names[] = { TEXT("a0"), TEXT("a1"), TEXT("a2"), TEXT("a3") };
	int64_t architecture, call;

	act->has_call = true;
	if (audit_record_number(record, TEXT("arch"), 16, &architecture) &&
	    audit_record_number(record, TEXT("syscall"), 10, &call))
		name_call(act, architecture, call);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		audit_record_number(record, names[i], 16, &act->arguments[i]);
	act->has_exit = audit_record_number(record, TEXT("exit"), 10, &act->exit);
	act->succeeded = text_equal(audit_record_field(record, TEXT("success")), TEXT("yes"));
	take_who(act, record);
	copy_name(act, record, TEXT("comm"), act->name, sizeof(act->name));
	copy_name(act, record, TEXT("tty"), act->tty, sizeof(act->tty));
	if (strcmp(act->tty, "(none)") == 0)
		act->tty[0] = '\0';
	act->executable = keep(act, record, TEXT("exe"));
	return take_keys(act, record);
}

/* "00:1a", hexadecimal. */
static uint32_t device_of(struct text text)
{
	unsigned int major, minor;
	char copy[16];

	if (text.length >= sizeof(copy))
		return 0;
	memcpy(copy, text.data ?: "", text.length);
	copy[text.length] = '\0';
	return sscanf(copy, "%x:%x", &major, &minor) == 2 ? major << 20 | minor : 0;
}

static void take_path(struct audit_act *act, const struct audit_record *record)
{
	struct text type = audit_record_field(record, TEXT("nametype"));
	struct audit_path *path;
	int64_t inode;

	if (act->path_count == AUDIT_PATHS_MOST) {
		act->paths_left_out++;
		act->cut = true;
		return;
	}
	path = &act->paths[act->path_count++];
	*path = (struct audit_path){ .name = keep(act, record, TEXT("name")) };
	if (audit_record_number(record, TEXT("inode"), 10, &inode))
		path->inode = (uint64_t)inode;
	path->device = device_of(audit_record_field(record, TEXT("dev")));
	snprintf(path->type, sizeof(path->type), "%.*s", (int)type.length, type.data ?: "");
}

/*
 * a0="docker" a1=..., over several records where they are long, and a long one in pieces: a1_len=N
 * a1[0]=... a1[1]=... (audit_log_execve_info). Fields come in their order.
 */
static int take_arguments(struct audit_act *act, const struct audit_record *record,
			  struct buffer *piece)
{
	struct audit_fields fields = { .rest = record->body };
	int r = 0;

	while (r == 0 && audit_fields_next(&fields)) {
		const struct audit_record one = {
			.body = { fields.name.data, (size_t)(fields.rest.data - fields.name.data) }
		};
		const char *bracket;

		if (fields.name.length < 2 || fields.name.data[0] != 'a' ||
		    fields.name.data[1] < '0' || fields.name.data[1] > '9' ||
		    memmem(fields.name.data, fields.name.length, "_len", 4))
			continue;
		if (act->command.count >= ARGUMENTS_MOST) {
			act->cut = true;
			break;
		}
		bracket = memchr(fields.name.data, '[', fields.name.length);
		/* A piece that is not the first goes on with the one before. */
		if (piece->length && (!bracket || bracket[1] == '0')) {
			r = text_list_append(&act->command,
					     (struct text){ piece->data, piece->length });
			buffer_clear(piece);
		}
		if (bracket) {
			audit_record_untrusted(&one, fields.name, piece);
			continue;
		}
		{
			_cleanup_buffer_ struct buffer whole = {};

			audit_record_untrusted(&one, fields.name, &whole);
			if (whole.error)
				return -ENOMEM;
			if (r == 0)
				r = text_list_append(&act->command, (struct text){ whole.data ?: "",
										   whole.length });
		}
	}
	return r;
}

/*
 * What the process has as its command line (audit_log_proctitle): its own word, of which the kernel
 * takes 128 bytes.
 */
static int take_title(struct audit_act *act, const struct audit_record *record)
{
	_cleanup_buffer_ struct buffer title = {};
	int r;

	if (act->command.count || !act->has_call ||
	    !audit_record_untrusted(record, TEXT("proctitle"), &title) ||
	    (title.length == 6 && memcmp(title.data, "(null)", 6) == 0))
		return title.error;
	r = text_list_append_terminated(&act->command, title.data, title.length);
	/* Only now: a list that is cut takes nothing more. */
	act->command.cut |= title.length >= TITLE_MOST;
	return r;
}

/* What is about audit itself, or the word of a program. */
static void take_message(struct audit_act *act, const struct audit_record *record)
{
	take_who(act, record);
	if (act->message)
		return;
	act->message = (uint32_t)act->texts.length;
	act->message_length = (uint32_t)record->body.length;
	buffer_append(&act->texts, record->body.data, record->body.length);
	buffer_append_char(&act->texts, '\0');
}

static void reset(struct audit_act *act, const struct audit_event *event)
{
	struct buffer texts = act->texts;
	struct text_list keys = act->keys, command = act->command;

	buffer_clear(&texts);
	text_list_clear(&keys);
	text_list_clear(&command);
	*act = (struct audit_act){ .time_ms = event->time_ms,
				   .serial = event->serial,
				   .pid = WIRE_UNSET,
				   .parent_pid = WIRE_UNSET,
				   .uid = WIRE_UNSET,
				   .gid = WIRE_UNSET,
				   .effective_uid = WIRE_UNSET,
				   .login_uid = WIRE_UNSET,
				   .session = WIRE_UNSET,
				   .cut = event->cut || !event->whole,
				   .texts = texts,
				   .keys = keys,
				   .command = command };
	buffer_append_char(&act->texts, '\0');
}

int audit_act_read(const struct audit_event *event, struct audit_act *act)
{
	_cleanup_buffer_ struct buffer piece = {};
	size_t types = 0;
	int r = 0;

	reset(act, event);
	if (event->count > 0 && event->records[0].node.length) {
		act->node = (uint32_t)act->texts.length;
		buffer_append(&act->texts, event->records[0].node.data,
			      event->records[0].node.length);
		buffer_append_char(&act->texts, '\0');
	}
	for (size_t i = 0; r == 0 && i < event->count; i++) {
		const struct audit_record *record = &event->records[i];

		if (types < ARRAY_SIZE(act->types) &&
		    (types == 0 || act->types[types - 1] != record->type))
			act->types[types++] = record->type;
		take_names(act, record);
		switch (record->type) {
		case AUDIT_SYSCALL:
			r = take_call(act, record);
			break;
		case AUDIT_PATH:
			take_path(act, record);
			break;
		case AUDIT_CWD:
			act->folder = keep(act, record, TEXT("cwd"));
			break;
		case AUDIT_EXECVE:
			r = take_arguments(act, record, &piece);
			break;
		case AUDIT_PROCTITLE:
			r = take_title(act, record);
			break;
		case AUDIT_SOCKADDR:
		case AUDIT_CAPSET:
		case AUDIT_MMAP:
			break;
		case AUDIT_CONFIG_CHANGE:
			r = take_keys(act, record); /* of the rule that was changed */
			take_message(act, record);
			break;
		default:
			take_message(act, record);
		}
	}
	if (r == 0 && piece.length)
		r = text_list_append(&act->command, (struct text){ piece.data, piece.length });
	/* Of an argument that is not all there what looks like a secret's begin is one. */
	act->command.cut |= act->cut;
	return r ?: act->texts.error ?: piece.error;
}

void audit_act_clear(struct audit_act *act)
{
	buffer_free(&act->texts);
	text_list_free(&act->keys);
	text_list_free(&act->command);
}
