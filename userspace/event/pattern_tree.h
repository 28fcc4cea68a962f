/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two halves of event/pattern.h: what a parser makes and the automaton is made of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/pattern.h"

struct arena;

/*
 * What a position can match. A subject becomes symbols: its bytes, save that a continuation byte
 * (80..BF) outside of any character is STRAY + byte - 0x80, and BEGIN and END around them, of which
 * there are as many as a pattern likes.
 */
enum {
	SYMBOL_STRAY = 256,
	SYMBOL_BEGIN = SYMBOL_STRAY + 64,
	SYMBOL_END,
	SYMBOL_COUNT,
};

struct symbols {
	uint64_t bits[(SYMBOL_COUNT + 63) / 64];
};

static inline void symbols_add(struct symbols *symbols, unsigned int symbol)
{
	symbols->bits[symbol / 64] |= 1ull << (symbol % 64);
}

static inline bool symbols_have(const struct symbols *symbols, unsigned int symbol)
{
	return symbols->bits[symbol / 64] >> (symbol % 64) & 1;
}

enum tree_kind { TREE_EMPTY, TREE_SYMBOLS, TREE_SEQUENCE, TREE_EITHER, TREE_REPEAT };

#define TREE_NO_END UINT16_MAX

struct tree {
	enum tree_kind kind;
	struct symbols symbols;          /* TREE_SYMBOLS */
	const struct tree *left, *right; /* SEQUENCE, EITHER; REPEAT has a left only */
	uint16_t least, most;            /* REPEAT; TREE_NO_END: any number */
	uint32_t size;                   /* steps to build it, capped; at least its positions */
};

struct pattern_parser {
	struct text text;
	size_t at;
	unsigned int nesting;
	struct arena *arena;
	struct pattern_error *error; /* filled on -EINVAL */
};

/* Fills the error. Returns -EINVAL. */
int pattern_refuse(struct pattern_parser *parser, size_t offset, const char *message);

static inline bool pattern_at_end(const struct pattern_parser *parser)
{
	return parser->at >= parser->text.length;
}

/* The byte `ahead` of the place at hand, or -1 behind the end. */
static inline int pattern_peek(const struct pattern_parser *parser, size_t ahead)
{
	if (ahead >= parser->text.length - parser->at)
		return -1;
	return (unsigned char)parser->text.data[parser->at + ahead];
}

/* Trees lie in the parser's arena. NULL when memory is out, also for a part that is NULL: it is
 * looked at once, at the end of what a caller builds. */
struct tree *tree_new(struct pattern_parser *parser, enum tree_kind kind);
const struct tree *tree_pair(struct pattern_parser *parser, enum tree_kind kind,
			     const struct tree *left, const struct tree *right);
const struct tree *tree_repeat(struct pattern_parser *parser, const struct tree *left,
			       unsigned int least, unsigned int most);
const struct tree *tree_symbol(struct pattern_parser *parser, unsigned int symbol);
/* One character that is not among these ASCII ones. */
const struct tree *tree_character_but(struct pattern_parser *parser, const struct symbols *ascii);
/* The character at hand, whatever it is; goes on. */
const struct tree *tree_literal(struct pattern_parser *parser);

/* A set with the place at hand on its bracket; `escapes`: a glob's, with ! and \. */
int pattern_parse_set(struct pattern_parser *parser, bool escapes, const struct tree **ret);

/* Each returns 0 and a tree in the parser's arena; -EINVAL; -ENOMEM. */
int pattern_parse_glob(struct pattern_parser *parser, const struct tree **ret);
int pattern_parse_regex(struct pattern_parser *parser, const struct tree **ret);
