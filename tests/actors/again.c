// SPDX-License-Identifier: Apache-2.0
/*
 * again PID PROGRAM ARGUMENT...: runs the program in a child that has this pid, which has to be
 * free: what chance does on a host whose pids have gone round, at once. Ends as the child did; 75
 * where somebody else has the pid, 77 where the kernel does not let it choose.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	pid_t wanted = count > 2 ? atoi(arguments[1]) : 0, child;
	struct clone_args how = { .exit_signal = SIGCHLD,
				  .set_tid = (uint64_t)(uintptr_t)&wanted,
				  .set_tid_size = 1 };
	int status;

	if (wanted <= 0)
		return 64;
	child = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
	if (child == 0) {
		execv(arguments[2], arguments + 2);
		_exit(126);
	}
	if (child < 0) {
		perror("clone3");
		return errno == EEXIST ? 75 : 77;
	}
	if (waitpid(child, &status, 0) != child)
		return 70;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
