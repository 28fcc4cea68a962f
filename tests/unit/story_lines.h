/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a trail, told by a format into memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "output/format.h"

struct telling_of_lines {
	char *text; /* owned: what was written so far, after tell_flush() */
	size_t length;
	FILE *file;
	const struct format *format;
	void *state;
	struct record *record;
};

void tell_begin(struct telling_of_lines *telling, const char *format,
		const struct format_options *options);
/* One line of JSON. */
void tell_line(struct telling_of_lines *telling, const char *line, size_t length);
/* A file of them. */
void tell_file(struct telling_of_lines *telling, const char *path);
void tell_flush(struct telling_of_lines *telling);
/* Finish, compare with the file `golden`, free. */
void tell_expect(struct telling_of_lines *telling, const char *golden);
void tell_end(struct telling_of_lines *telling);
