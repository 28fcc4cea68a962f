// SPDX-License-Identifier: Apache-2.0
/*
 * close_in PID FD: PID closes its descriptor FD, by a system call that it is made to do where it
 * stands in one (ptrace(2)). A debugger's `call` would do, but writes registers that some
 * hypervisors refuse to be written. For x86-64 alone.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>

#ifdef __x86_64__

static void await_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		errx(1, "%d did not stop", pid);
}

int main(int count, char **arguments)
{
	struct user_regs_struct before, during;
	pid_t pid = count > 2 ? atoi(arguments[1]) : 0;

	if (!pid)
		errx(64, "usage: close_in PID FD");
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		err(1, "%d", pid);
	await_stop(pid);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &before) < 0)
		err(1, "registers of %d", pid);
	if ((long long)before.orig_rax < 0)
		errx(1, "%d is in no system call", pid);
	during = before;
	during.rip -= 2; /* the instruction that brought it there */
	during.rax = SYS_close;
	during.rdi = (unsigned long long)atoi(arguments[2]);
	during.orig_rax = -1ull;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &during) < 0 ||
	    ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
		err(1, "a step of %d", pid);
	await_stop(pid);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &during) < 0 ||
	    ptrace(PTRACE_SETREGS, pid, NULL, &before) < 0 ||
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
