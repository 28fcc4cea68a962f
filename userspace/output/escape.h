/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile text made safe for a person's terminal; all output for people goes through here.
 *
 * What a terminal would obey or hide is shown instead: C0 and C1 controls and DEL (\n, \t, \r,
 * \xNN, \u00NN), bidirectional controls, line and paragraph separators, characters without a width
 * and tags
 * (\uNNNN, \UNNNNNNNN), bytes that are not UTF-8 (\xNN). A backslash is doubled, so that what was
 * escaped and what was written that way cannot be mistaken for each other.
 */
#pragma once

#include <stddef.h>

#include "base/text.h"

struct buffer;

void escape_append(struct buffer *buffer, struct text text);

/* One argument of a command line: within single quotes where a shell would need them. */
void escape_append_argument(struct buffer *buffer, struct text argument);

/* Columns that text takes on a terminal; wide characters take two. Of escaped text. */
size_t escape_columns(const char *text, size_t length);
