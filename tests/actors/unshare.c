// SPDX-License-Identifier: Apache-2.0
/* Runs the program that its arguments name in a mount namespace of its own. */
#include <sched.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	if (count < 2 || unshare(CLONE_NEWNS) < 0)
		return 90;
	execv(arguments[1], arguments + 1);
	return 91;
}
