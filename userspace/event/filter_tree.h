/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the filter share; private to them. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "event/field.h"
#include "event/filter.h"

struct arena;
struct pattern;

enum filter_relation {
	FILTER_EQUAL,
	FILTER_DIFFERENT,
	FILTER_LESS,
	FILTER_LESS_EQUAL,
	FILTER_GREATER,
	FILTER_GREATER_EQUAL,
	FILTER_GLOB,
	FILTER_REGEX,
	FILTER_IN,
	FILTER_EXISTS,
};

struct filter_value {
	const struct filter_value *next; /* the next one of an `in` */
	struct text text;                /* str, list */
	bool decimal;                    /* ... and written as a number: has an order of its own */
	uint64_t number;                 /* u64, time */
	int64_t integer;
	bool boolean;
	struct pattern *pattern; /* ~ and =~ */
};

enum filter_kind { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_COMPARISON };

struct filter_node {
	enum filter_kind kind;
	const struct filter_node *child; /* and, or, not: the first operand */
	const struct filter_node *next;  /* the next operand of what this one belongs to */
	enum field field;
	enum filter_relation relation;
	const struct filter_value *value;
};

/* Patterns are the one thing that does not lie in the filter's arena. */
struct filter_pattern {
	struct pattern *pattern;
	struct filter_pattern *next;
};

struct filter {
	struct arena *arena;
	struct filter_pattern *patterns;
	const struct filter_node *root;
};

enum filter_token_kind {
	FILTER_TOKEN_END,
	FILTER_TOKEN_WORD,
	FILTER_TOKEN_STRING,
	FILTER_TOKEN_OPERATOR,
	FILTER_TOKEN_OPEN,
	FILTER_TOKEN_CLOSE,
	FILTER_TOKEN_COMMA,
};

struct filter_token {
	enum filter_token_kind kind;
	enum filter_relation relation;
	size_t start, length; /* in the expression */
	struct text text;     /* of a word, or the decoded string */
};

struct filter_parser {
	struct text expression;
	size_t at;
	struct filter_token token; /* the one at hand */
	unsigned int depth;        /* of parentheses and nots around it */
	struct filter *filter;
	struct filter_error *error;
};

/* For a message: at most 40 printable characters of a text, quoted. */
struct filter_excerpt {
	char text[48];
};
struct filter_excerpt filter_excerpt(struct text text);

/* Fills the error with the column of `offset` (from 0). Returns -EINVAL. */
int filter_refuse(struct filter_parser *parser, size_t offset, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads the next token into parser->token. Returns 0, -EINVAL, -ENOMEM. */
int filter_next(struct filter_parser *parser);

/* Where in the expression byte `offset` of the decoded text of the token stands. */
size_t filter_token_offset(const struct filter_parser *parser, size_t offset);

/* The value at hand as the field's type; fills *value, does not go on. Returns 0, -EINVAL, -ENOMEM.
 */
int filter_read_value(struct filter_parser *parser, enum field field, enum filter_relation relation,
		      struct filter_value *value);

/* The refusal of a name that no field has. Returns -EINVAL. */
int filter_refuse_name(struct filter_parser *parser);
