// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the program that its arguments name in a mount namespace of its own; with --hook PROGRAM in
 * front of them that one first, in a child, as runc runs hooks within a container.
 */
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	if (count < 2 || unshare(CLONE_NEWNS) < 0)
		return 90;
	if (count > 3 && strcmp(arguments[1], "--hook") == 0) {
		pid_t pid = fork();

		if (pid == 0)
			execl(arguments[2], arguments[2], NULL);
		if (pid <= 0 || waitpid(pid, NULL, 0) != pid)
			return 92;
		arguments += 2;
	}
	execv(arguments[1], arguments + 1);
	return 91;
}
