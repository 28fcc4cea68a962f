/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event of the kernel's audit says: who did which system call to which files, under which
 * keys. The kernel's own fields only; what a program wrote into audit is in audit_message.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "base/text_list.h"
#include "bpf/wire.h"
#include "correlate/audit_assemble.h"

#define AUDIT_PATHS_MOST 64 /* of one event; more are counted */

struct audit_path {
	uint32_t name; /* offset in `texts`; zero-terminated there; empty: the kernel did not know
			  it */
	uint64_t inode;
	uint32_t device; /* major << 20 | minor; 0: not known */
	char type[12];   /* NORMAL, PARENT, CREATE, DELETE, UNKNOWN */
};

struct audit_act {
	uint64_t time_ms, serial;
	uint32_t types[8]; /* of its records, as they came; 0: no more */
	uint32_t pid, parent_pid;
	uint32_t uid, gid, effective_uid, login_uid, session; /* WIRE_UNSET: not known, or none */
	int64_t arguments[4], exit;
	char call[32]; /* "openat"; empty: it was none, or one without a name */
	bool has_call, succeeded, has_exit;
	bool cut; /* something of it is missing */
	char name[WIRE_COMM + 1], tty[WIRE_TTY + 1];
	struct buffer texts; /* executable, folder, names, each zero-terminated; offset 0 is "" */
	uint32_t executable, folder, node;
	uint32_t user, effective_user, login_user; /* names, where auditd wrote them */
	uint32_t message,
		message_length; /* of the record that is about no call; 0: there is none */
	struct text_list keys;
	struct text_list command; /* as it was run; else what the process says of itself */
	struct audit_path paths[AUDIT_PATHS_MOST];
	size_t path_count, paths_left_out;
};

/* Read one; what was in `act` is gone, its memory kept. Zeroed before the first use. 0 or -ENOMEM.
 */
int audit_act_read(const struct audit_event *event, struct audit_act *act);

static inline const char *audit_act_text(const struct audit_act *act, uint32_t offset)
{
	return act->texts.length > offset ? act->texts.data + offset : "";
}

void audit_act_clear(struct audit_act *act);
