/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of JSON (RFC 8259) in a line that may be written to, behind which SCAN_PADDING zero
 * bytes lie: no control character is valid anywhere in it, so that the zeros end every scan and the
 * bounds need no look of their own. Private to event/json_parse.c.
 *
 * Functions return 0 or -EBADMSG, and leave parser->at behind what they took.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define SCAN_DEPTH_MOST 16
#define SCAN_PADDING    16u /* at least what a look at eight bytes needs */

struct record;

struct parser {
	struct record *record;
	char *at;
	unsigned int depth; /* objects and lists around it */
};

/* -1 if it is none. */
int scan_hex_digit(char c);

/* The rest of a string from its first backslash at `at`, unescaped where it lies: that never makes
 * it longer. */
int scan_escaped(struct parser *parser, char *start, char *at, struct text *ret);

/* A number as JSON spells it; *ret_whole says whether it is an integer of at most 64 bits. */
int scan_number(struct parser *parser, bool *ret_negative, bool *ret_whole, uint64_t *ret_number);

/* Any value at all, to its end. */
int scan_skip(struct parser *parser);

static inline void skip_space(struct parser *parser)
{
	while (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n' ||
	       *parser->at == '\r')
		parser->at++;
}

static inline bool take(struct parser *parser, char c)
{
	if (__builtin_expect(*parser->at != c, 0)) {
		skip_space(parser);
		if (*parser->at != c)
			return false;
	}
	parser->at++;
	return true;
}

/* A bit is set in the lowest byte, at the latest, that is a quote, a backslash or a control. */
static inline uint64_t stops(const char *at)
{
	const uint64_t each = 0x0101010101010101ull;
	uint64_t word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return ((word - each * 0x20) | ((word ^ each * '"') - each) |
		((word ^ each * '\\') - each)) &
	       ~word & each * 0x80;
}

/* A string; parser->at stands on its quote. */
static inline int take_string(struct parser *parser, struct text *ret)
{
	char *start = ++parser->at, *at = start;
	uint64_t found;

	while (!(found = stops(at)))
		at += 8;
	at += (unsigned int)__builtin_ctzll(found) / 8;
	if (__builtin_expect(*at != '"', 0))
		return scan_escaped(parser, start, at, ret);
	*ret = (struct text){ start, (size_t)(at - start) };
	parser->at = at + 1;
	return 0;
}

/* Begins an object or a list: takes its bracket, and its end if it is empty. */
static inline int enter(struct parser *parser, char end, bool *ret_empty)
{
	if (parser->depth >= SCAN_DEPTH_MOST)
		return -EBADMSG;
	parser->at++;
	*ret_empty = take(parser, end);
	parser->depth += !*ret_empty;
	return 0;
}

/* Behind a member: 1 for another one, 0 for the end. */
static inline int go_on(struct parser *parser, char end)
{
	if (take(parser, ','))
		return 1;
	if (!take(parser, end))
		return -EBADMSG;
	parser->depth--;
	return 0;
}

static inline int take_key(struct parser *parser, struct text *ret)
{
	int r;

	skip_space(parser);
	if (*parser->at != '"')
		return -EBADMSG;
	r = take_string(parser, ret);
	if (r < 0)
		return r;
	if (!take(parser, ':'))
		return -EBADMSG;
	skip_space(parser);
	return 0;
}
