/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A headline and labelled rows, for people:
 *
 *   RECORDING  since 02:14, pid 811
 *   sockets    /run/docker.sock  watched
 *              /var/run/docker.sock  absent
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "output/spans.h"

struct paragraph {
	bool colour;
	size_t width; /* of the terminal; 0: lines are not broken */
	struct spans row;
	struct buffer out;
	bool open; /* a row has been begun */
};

void paragraph_headline(struct paragraph *page, enum style style, const char *headline,
			const char *meaning);
/* A new row. An empty or NULL label goes on with the one above. The text is escaped; "" adds none.
 */
void paragraph_row(struct paragraph *page, const char *label, enum style style, const char *format,
		   ...) __attribute__((format(printf, 4, 5)));
/* More words in the row. */
void paragraph_more(struct paragraph *page, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* More words, padded to a column of `width`. */
void paragraph_cell(struct paragraph *page, enum style style, size_t width, const char *text);

/* Returns 0, -ENOMEM or -errno of writing. */
int paragraph_print(struct paragraph *page, FILE *out);
/* Takes NULL. */
void paragraph_free(struct paragraph *page);
