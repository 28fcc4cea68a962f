/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the dotted paths of the fields nest as JSON: worked out once, before main(), so that the
 * writer copies ready-made keys and the parser finds a key with one look-up. Private to event/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "event/field.h"

/* Objects around a key, the outermost not counted. */
#define NESTING_DEPTH_MOST 7

/*
 * One for each field, in the order of a line: the table's, save that everything with a common
 * prefix follows the first of its kind. An object is never opened twice, which would make duplicate
 * keys.
 */
struct nesting {
	enum field field;
	/* Path parts as JSON: "docktrail":{"declared":{"user": and 16 bytes that may be read, so
	 * that it is copied in blocks. For a column of a list of objects it ends with the list. */
	char opening[FIELD_PATH_MOST + 4 * (NESTING_DEPTH_MOST + 1) + 16];
	uint8_t begins[NESTING_DEPTH_MOST + 1]; /* where in `opening` the part of a depth begins */
	uint8_t length;                         /* of `opening` */
	uint8_t depth;                          /* how many objects it opens */
	uint64_t objects; /* the number of the object at depth i + 1 in byte i, from 1 */
	/* Columns of a list of objects: "type": and the places [first, end) that share the list. */
	char column[FIELD_PATH_MOST + 3];
	uint8_t column_length; /* 0 for any other field */
	uint16_t first, end;
};

extern struct nesting nestings[FIELD_COUNT];

/* The place of a field in `nestings`. */
extern uint16_t nesting_places[FIELD_COUNT];

/* Whether places are the same as fields: the table stands in the order of a line. */
extern bool nesting_is_table_order;

/* NULL, or what is wrong with the table of fields; a test asks. */
extern const char *nesting_flaw;

/* Depth at which two fields part: how many objects around both are the same. */
static inline unsigned int nesting_common(const struct nesting *a, const struct nesting *b)
{
	uint64_t differ = (a->objects ^ b->objects) | 1ull << (8 * b->depth);

	return (unsigned int)__builtin_ctzll(differ) / 8;
}

enum nesting_kind {
	NESTING_UNKNOWN, /* no field is called so */
	NESTING_OBJECT,
	NESTING_LIST, /* of objects: `field` is its first column in the order of a line */
	NESTING_FIELD,
	NESTING_HEX, /* the original bytes of a field that is not UTF-8 */
};

struct nesting_node {
	uint16_t parent; /* 0 is the line itself */
	uint8_t kind;
	uint8_t key_length;
	uint16_t field;
	const char *key;
};

/* Mixes the ends of a key with where it stands. Eight bytes from `key` must be readable. */
static inline uint32_t nesting_hash(unsigned int parent, const char *key, size_t length)
{
	uint64_t head, tail = 0;

	memcpy(&head, key, 8);
	if (length >= 8)
		memcpy(&tail, key + length - 8, 8);
	else
		head &= (1ull << (8 * length)) - 1;
	head = (head ^ tail * 3 ^ (uint64_t)parent << 56 ^ length << 48) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(head >> 40);
}

/*
 * The node called `key` in the object `parent`, or 0. Eight bytes from `key` must be readable,
 * however short it is.
 */
unsigned int nesting_find(unsigned int parent, const char *key, size_t length);

extern struct nesting_node nesting_nodes[];
