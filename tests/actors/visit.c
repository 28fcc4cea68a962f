// SPDX-License-Identifier: Apache-2.0
/*
 * visit PID FILE: takes the mount namespace of the process PID, makes FILE there and goes back to
 * its own, before it forks, runs a program or ends: nsenter without anything that shows. Linked
 * statically: it runs in a container that has nothing else.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	char path[64];
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), other, file;

	if (count != 3 || own < 0)
		return 64;
	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", arguments[1]);
	other = open(path, O_RDONLY | O_CLOEXEC);
	if (other < 0 || setns(other, CLONE_NEWNS) < 0) {
		perror(path);
		return 1;
	}
	file = open(arguments[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0 || setns(own, CLONE_NEWNS) < 0) {
		perror(arguments[2]);
		return 2;
	}
	return 0;
}
