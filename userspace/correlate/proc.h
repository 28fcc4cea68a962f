/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process as /proc shows it (proc(5)). Everything there may be chosen by the process: bounded,
 * never trusted to be well formed. What has gone in the meantime is an error, never a guess.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "bpf/wire.h"

/* What to read beside names, ids and times: each part costs a few system calls more. */
enum {
	PROC_PROGRAM = 1, /* executable and arguments */
	PROC_CONTAINER = 2,
	PROC_NAMESPACES = 4,
};

struct proc_process {
	/*
	 * `start` is the boot clock's last tick at or before the start: /proc has no more
	 * (do_task_stat). parent_start is 0. What could not be read is 0, or WIRE_UNSET for login
	 * uid and session.
	 */
	struct wire_task task;
	bool ended;               /* a zombie: nothing of it runs any more */
	struct buffer executable; /* as the link has it, " (deleted)" included; empty: unknown */
	struct buffer args;       /* each ended by NUL, at most WIRE_ARGS_MOST bytes */
	bool args_cut;            /* there was more */
};

/* Nanoseconds in one tick of the start times in /proc: 10 ms on every kernel that Debian builds. */
uint64_t proc_tick_ns(void);

/*
 * Read process `pid` under `proc` (a descriptor of /proc) with these `parts`. All of it is of one
 * process: its folder, once opened, never shows another that got the same pid; what it no longer
 * shows stays unknown. `ret` must be zeroed before the first use and may be used again;
 * proc_process_clear() frees what it owns. Returns 0; -ESRCH when there is no such process (any
 * more); -EBADMSG when its stat makes no sense; -ENOMEM or another -errno.
 */
int proc_read(int proc, uint32_t pid, unsigned int parts, struct proc_process *ret);

void proc_process_clear(struct proc_process *process);

/* The kernel's name of a terminal (tty_line_name), "pts0" or "ttyS1"; empty for none or an unknown
 * driver. `device` is tty_nr of proc(5). */
void proc_tty_name(uint32_t device, char ret[WIRE_TTY]);

/*
 * The 64 digits of the container that a /proc/PID/cgroup tells of, in the unified tree where there
 * is one, the innermost, as the probes take it (bpf/task.bpf.h). Returns whether there is one.
 */
bool proc_container(struct text cgroups, char ret[WIRE_CONTAINER]);

/* The eight inums of a process into `ret`, 0 where the kernel does not let us look. */
void proc_namespaces(int proc, uint32_t pid, uint32_t ret[WIRE_NAMESPACES]);
