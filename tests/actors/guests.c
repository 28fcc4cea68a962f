// SPDX-License-Identifier: Apache-2.0
/*
 * guests COUNT PROGRAM ARGUMENT...: so many children, each in namespaces that any user may make,
 * run the program; to be called like a runtime. Prints "there" when all have, and ends, with the
 * children, on a signal. 77 where the kernel gives no user namespace.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	int most = count > 2 ? atoi(arguments[1]) : 0;

	if (most <= 0)
		return 64;
	for (int i = 0; i < most; i++) {
		int ready[2];
		char byte;
		pid_t child;

		if (pipe(ready) < 0)
			return 71;
		child = fork();
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(ready[0]);
			if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) <
			    0) {
				perror("unshare");
				_exit(77);
			}
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (write(ready[1], "x", 1) != 1)
				_exit(71);
			close(ready[1]);
			execv(arguments[2], arguments + 2);
			_exit(126);
		}
		close(ready[1]);
		if (child < 0 || read(ready[0], &byte, 1) != 1)
			return 77;
		close(ready[0]);
	}
	puts("there");
	fflush(stdout);
	for (;;)
		pause();
}
