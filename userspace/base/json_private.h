/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader's two halves share: json.c has the grammar, json_text.c what is in a text. */
#pragma once

#include "base/json.h"

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* after '[' */
	EXPECT_KEY_OR_END,   /* after '{' */
	EXPECT_KEY,          /* after ',' in an object */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
	EXPECT_DONE, /* a whole value was given out, JSON_DONE was not yet */
};

enum token { TOKEN_NONE, TOKEN_STRING, TOKEN_NUMBER, TOKEN_LITERAL, TOKEN_SKIP };

/* Nothing more can be read. */
static inline enum json_event json_fail(struct json_reader *reader, int error)
{
	reader->error = error;
	return JSON_ERROR;
}

/* What a value leaves behind: a comma, or the end of it all. */
static inline enum json_event json_value(struct json_reader *reader, enum json_event event)
{
	reader->token = TOKEN_NONE;
	reader->expect = reader->depth ? EXPECT_COMMA_OR_END : EXPECT_DONE;
	return event;
}

/*
 * Append one whole character, or a run of `divisible` single bytes, to the text that is being put
 * together. Beyond the bound it is only counted; where memory fails, kept.error says so.
 */
void json_keep(struct json_reader *reader, const char *data, size_t length, bool divisible);

/* A token's text is whole: `length` is what it would be without the bound. */
enum json_event json_give_text(struct json_reader *reader, struct text text, size_t length);

/* Behind the opening quote: mostly the string is a slice of the piece. */
enum json_event json_begin_string(struct json_reader *reader, bool key);

/* A string that needs more than a slice: escapes, bytes that are not UTF-8, or cut by a piece. */
enum json_event json_next_in_string(struct json_reader *reader);
