// SPDX-License-Identifier: Apache-2.0
/* say FD TEXT: writes TEXT to a descriptor that it inherited. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	size_t length;

	if (count != 3)
		return 64;
	length = strlen(arguments[2]);
	return write(atoi(arguments[1]), arguments[2], length) == (ssize_t)length ? 0 : 1;
}
