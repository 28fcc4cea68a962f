/* SPDX-License-Identifier: Apache-2.0 */
/* What the other end of a descriptor can show: a person's terminal or a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* "auto", "always", "never". Returns 0, or -EINVAL for anything else. */
int colour_parse(const char *text, enum colour *ret);

/*
 * Whether to colour what goes to `fd`. AUTO: only a terminal that is not "dumb", and not where
 * NO_COLOR is set to anything but "" (no-color.org).
 */
bool terminal_colour(int fd, enum colour colour);

/* Columns of the terminal behind `fd`, at least 40; 0 where it is none: lines are not broken. */
size_t terminal_width(int fd);
