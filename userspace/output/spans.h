/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of words with their styles, escaped on the way in; laid out later, when it is known how
 * wide the columns are and how wide the terminal is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

/*    name     ANSI SGR */
#define STYLES(STYLE)                                                                              \
	STYLE(plain, "")                                                                           \
	STYLE(dim, "2")                                                                            \
	STYLE(strong, "1")                                                                         \
	STYLE(person, "1;36")                                                                      \
	STYLE(id, "36")                                                                            \
	STYLE(good, "32")                                                                          \
	STYLE(notice, "33")                                                                        \
	STYLE(alarm, "1;31")                                                                       \
	STYLE(attack, "1;37;41")

#define STYLE_ENUM(name, sgr) STYLE_##name,
enum style { STYLES(STYLE_ENUM) STYLE_COUNT };
#undef STYLE_ENUM

/* Of event.severity: 25 plain, 50 notice, 75 alarm, 100 attack. */
enum style style_of_severity(uint64_t severity);

struct span {
	uint32_t offset, length; /* in `bytes` */
	uint32_t columns;
	uint8_t style;
	uint8_t gap; /* blanks before it, where it is not the first of its line; 0 joins it on */
};

struct spans {
	struct buffer bytes; /* all texts, one after the other; sticky error */
	struct span *items;
	size_t count, capacity;
};

void spans_add(struct spans *spans, enum style style, unsigned int gap, struct text text);
/* Word by word, so that a long sentence breaks where words end. */
void spans_add_words(struct spans *spans, enum style style, unsigned int gap, struct text text);
/* The whole result is escaped: %s may be hostile. Cut at 1 KiB. */
void spans_printf(struct spans *spans, enum style style, unsigned int gap, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* As one argument of a command line, quoted where needed; a long one is cut, and its length told.
 */
void spans_add_argument(struct spans *spans, enum style style, unsigned int gap,
			struct text argument);

/* All spans of `more` behind these; its first one gets `gap`. */
void spans_join(struct spans *spans, const struct spans *more, unsigned int gap);

/* Columns on one line. */
size_t spans_columns(const struct spans *spans);
bool spans_equal(const struct spans *a, const struct spans *b);

struct layout {
	bool colour;
	size_t width;  /* of the terminal; 0: lines are not broken */
	size_t indent; /* of the lines that follow the first */
	size_t column; /* where the first one begins */
};

/* Append them as text, broken between spans that have a gap. Returns the column behind the last
 * one. No newline at the end. */
size_t spans_lay_out(const struct spans *spans, const struct layout *layout, struct buffer *out);

/* 0, or the -ENOMEM that left something out. */
int spans_error(const struct spans *spans);

void spans_clear(struct spans *spans);
/* Takes NULL. */
void spans_free(struct spans *spans);

#define _cleanup_spans_ __attribute__((cleanup(spans_free)))
