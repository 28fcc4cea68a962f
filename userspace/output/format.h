/* SPDX-License-Identifier: Apache-2.0 */
/* FORMATS: how records are laid out for a reader. A format is one file and one row here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

struct record;

/*      name   for people */
#define FORMATS(FORMAT)                                                                            \
	FORMAT(story, "what each process asked for and what came of it, told in blocks")           \
	FORMAT(text, "one aligned line an event")                                                  \
	FORMAT(json, "the lines as they are stored, byte for byte")

struct format_options {
	bool colour;
	bool local;   /* times in the local time zone; otherwise UTC */
	bool follow;  /* events are shown as they come: nothing is held back to gather it */
	size_t width; /* of the terminal; 0 where it is none */
};

struct format {
	const char *name, *summary;
	/* A new state that writes to `out` (borrowed). Returns 0 or -ENOMEM. */
	int (*new)(FILE *out, const struct format_options *options, void **ret_state);
	/* One event: the record, and its line as stored, without a newline. Returns 0, -ENOMEM, or
	 * the -errno of writing (-EPIPE: nobody reads on). Does not flush. */
	int (*write)(void *state, const struct record *record, struct text line);
	/* All that was held back. The state can be written to again after it. */
	int (*finish)(void *state);
	/* Takes NULL. Writes nothing. */
	void (*free)(void *state);
};

/* Row `i` of the table; NULL behind the last one. */
const struct format *format_at(size_t i);
/* NULL if there is none of that name. */
const struct format *format_find(const char *name);

/* Write `text` to `out`. Returns 0 or -errno. */
int format_put(FILE *out, struct text text);

/* What each format's file defines; called through the table. */
#define FORMAT_FUNCTIONS(name, summary)                                                            \
	int format_##name##_new(FILE *out, const struct format_options *options,                   \
				void **ret_state);                                                 \
	int format_##name##_write(void *state, const struct record *record, struct text line);     \
	int format_##name##_finish(void *state);                                                   \
	void format_##name##_free(void *state);
FORMATS(FORMAT_FUNCTIONS)
#undef FORMAT_FUNCTIONS
