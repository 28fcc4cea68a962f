/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of JSON (RFC 8259) that is fed in pieces and asked for one event after the other. It
 * does not recurse, keeps no tree and allocates nothing for a token that lies whole in one piece;
 * memory is bounded by the length of one text. What it was fed may end anywhere.
 *
 *	json_feed(reader, data, length);
 *	while ((event = json_next(reader)) > JSON_MORE)
 *		...
 *	if (event == JSON_ERROR)
 *		...
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

/* Values nested deeper are passed over, each as one JSON_TOO_DEEP. */
#define JSON_MOST_DEPTH 64

enum json_event {
	JSON_ERROR = -1, /* not JSON, or no memory: reader->error; stays so */
	JSON_MORE = 0,   /* everything fed is read */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,    /* text */
	JSON_STRING, /* text */
	JSON_NUMBER, /* text: as written */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
	JSON_TOO_DEEP,
	JSON_DONE, /* one whole value has been read; the next call begins another */
};

struct json_reader {
	/*
	 * Of a key or string: unescaped UTF-8; what is not UTF-8, and surrogates alone, as U+FFFD.
	 * Zero bytes may occur. Valid until the next call.
	 */
	struct text text;
	size_t text_length; /* how long it would be without the bound */
	bool text_cut;      /* longer than the bound: this is its beginning, whole characters */
	unsigned depth;     /* of open objects and arrays */
	int error;          /* behind JSON_ERROR: -EBADMSG or -ENOMEM */

	/* private */
	const char *at, *end;
	struct buffer kept; /* of a token that is no slice of the piece */
	size_t most_text;
	uint64_t objects; /* a bit for each open level: an object */
	uint8_t expect, token, escape, escape_digits, sequence_length, sequence_need;
	uint8_t sequence_low, sequence_high, literal_at;
	bool key, finished, skip_in_string, skip_escaped;
	uint16_t unit, surrogate;
	unsigned skip_depth;
	const char *literal;
	char sequence[4];
};

/* `most_text` is the bound on a key, string or number in bytes. Zero-initialised memory is fine. */
void json_init(struct json_reader *reader, size_t most_text);

/* Begin anew with another input; the memory is kept. */
void json_reset(struct json_reader *reader);

/*
 * The next piece. It has to stay until json_next() has said JSON_MORE, or the reader is reset;
 * what is left of an earlier piece is given up.
 */
void json_feed(struct json_reader *reader, const void *data, size_t length);

/* Nothing comes after this piece: a number at its very end is whole. */
void json_finish(struct json_reader *reader);

/* The next event. */
enum json_event json_next(struct json_reader *reader);

/* True between values: nothing is open. */
bool json_is_between(const struct json_reader *reader);

/* Give the memory back. Takes NULL. */
void json_free(struct json_reader *reader);

#define _cleanup_json_ __attribute__((cleanup(json_free)))
