// SPDX-License-Identifier: Apache-2.0
/* Asks the kernel for CAP_SYS_NICE as often as its argument says, and for CAP_SYS_CHROOT once. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	unsigned long checks = count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
	int nice = getpriority(PRIO_PROCESS, 0);

	if (checks == 0)
		return 90;
	/* The way down is asked for, the way back is free. */
	while (checks--)
		if (setpriority(PRIO_PROCESS, 0, nice - 1) < 0 ||
		    setpriority(PRIO_PROCESS, 0, nice) < 0)
			return 91;
	return chroot("/") < 0 ? 92 : 0;
}
