// SPDX-License-Identifier: Apache-2.0
/*
 * close_in PID FD: PID closes its descriptor FD, in place of the next system call that it begins,
 * and then does that one (ptrace(2)). A debugger's `call` would do, but writes registers that some
 * hypervisors refuse to be written. For x86-64 alone.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>

#ifdef __x86_64__

#define INSTRUCTION_BYTES 2 /* of `syscall` */

/* Until it stops. Returns the signal, with 0x80 where it begins or ends a system call. */
static int await_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		errx(1, "%d did not stop", pid);
	return WSTOPSIG(status);
}

/* On to where it begins a system call, or ends the one that it has begun. */
static void go_on(pid_t pid)
{
	do {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
			err(1, "%d", pid);
	} while (await_stop(pid) != (SIGTRAP | 0x80));
}

int main(int count, char **arguments)
{
	struct user_regs_struct before, during;
	pid_t pid = count > 2 ? atoi(arguments[1]) : 0;

	if (!pid)
		errx(64, "usage: close_in PID FD");
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		err(1, "%d", pid);
	await_stop(pid);
	/* Whatever it stood in when it was stopped has ended: the next stop is a begin. */
	go_on(pid);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &before) < 0)
		err(1, "registers of %d", pid);
	during = before;
	during.orig_rax = SYS_close;
	during.rdi = (unsigned long long)atoi(arguments[2]);
	if (ptrace(PTRACE_SETREGS, pid, NULL, &during) < 0)
		err(1, "registers of %d", pid);
	go_on(pid);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &during) < 0)
		err(1, "registers of %d", pid);
	before.rip -= INSTRUCTION_BYTES;
	before.rax = before.orig_rax;
	before.orig_rax = -1ull;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &before) < 0 ||
	    ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		err(1, "%d goes on", pid);
	if (during.rax != 0)
		errx(1, "close(%s): error %lld", arguments[2], -(long long)during.rax);
	return 0;
}

#else

int main(void)
{
	errx(1, "written for x86-64 alone");
}

#endif
