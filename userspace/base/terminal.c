// SPDX-License-Identifier: Apache-2.0
#include "base/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int colour_parse(const char *text, enum colour *ret)
{
	if (strcmp(text, "auto") == 0)
		*ret = COLOUR_AUTO;
	else if (strcmp(text, "always") == 0)
		*ret = COLOUR_ALWAYS;
	else if (strcmp(text, "never") == 0)
		*ret = COLOUR_NEVER;
	else
		return -EINVAL;
	return 0;
}

bool terminal_colour(int fd, enum colour colour)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	if (colour != COLOUR_AUTO)
		return colour == COLOUR_ALWAYS;
	if (no_colour && *no_colour)
		return false;
	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

size_t terminal_width(int fd)
{
	struct winsize size = {};

	if (!isatty(fd))
		return 0;
	/* A serial console does not know its size and says 0. */
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col < 40 ? 40 : size.ws_col;
}
