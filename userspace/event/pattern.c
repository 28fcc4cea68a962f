// SPDX-License-Identifier: Apache-2.0
#include "event/pattern.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "event/pattern_tree.h"
#include "event/utf8.h"

#define WORDS_MOST (PATTERN_POSITIONS_MOST / 64)

struct set {
	uint64_t words[WORDS_MOST];
};

struct pattern {
	unsigned int words; /* of a set of positions */
	bool matches_empty; /* a match needs no byte at all: everything matches */
	bool anchored;      /* every match begins at the subject's begin */
	bool bounded;       /* sees PATTERN_SUBJECT_MOST bytes only */
	struct set first, last;
	uint64_t *follow; /* [position][words]: which may come next */
	uint64_t *accept; /* [symbol][words]: which match it */
	uint64_t memory[];
};

struct builder {
	unsigned int positions;
	struct place {
		const struct symbols *symbols; /* that it matches */
		struct set follow;
	} * places;
};

/* A part of the automaton: where it can begin and end, and whether it can be nothing. */
struct part {
	struct set first, last;
	bool empty;
};

static void set_or(struct set *set, const struct set *more)
{
	for (unsigned int i = 0; i < WORDS_MOST; i++)
		set->words[i] |= more->words[i];
}

/* Whatever can end the one can be followed by whatever begins the other. */
static void connect(struct builder *builder, const struct set *last, const struct set *first)
{
	for (unsigned int i = 0; i < WORDS_MOST; i++)
		for (uint64_t bits = last->words[i]; bits; bits &= bits - 1)
			set_or(&builder->places[i * 64 + (unsigned int)__builtin_ctzll(bits)]
					.follow,
			       first);
}

/* `part` becomes itself and then `next`. */
static void join(struct builder *builder, struct part *part, const struct part *next)
{
	connect(builder, &part->last, &next->first);
	if (part->empty)
		set_or(&part->first, &next->first);
	if (next->empty)
		set_or(&part->last, &next->last);
	else
		part->last = next->last;
	part->empty = part->empty && next->empty;
}

static void build(struct builder *builder, const struct tree *tree, struct part *ret);

static void build_repeat(struct builder *builder, const struct tree *tree, struct part *ret)
{
	unsigned int copies = tree->most == TREE_NO_END ? tree->least : tree->most;
	struct part copy;

	*ret = (struct part){ .empty = true };
	if (copies == 0 && tree->most == TREE_NO_END)
		copies = 1;
	for (unsigned int i = 0; i < copies; i++) {
		build(builder, tree->left, &copy);
		if (tree->most == TREE_NO_END && i == copies - 1)
			connect(builder, &copy.last, &copy.first);
		if (i >= tree->least)
			copy.empty = true;
		join(builder, ret, &copy);
	}
}

static void build(struct builder *builder, const struct tree *tree, struct part *ret)
{
	struct part right;

	switch (tree->kind) {
	case TREE_EMPTY:
		*ret = (struct part){ .empty = true };
		return;
	case TREE_SYMBOLS:
		*ret = (struct part){};
		ret->first.words[builder->positions / 64] = 1ull << (builder->positions % 64);
		ret->last = ret->first;
		builder->places[builder->positions++].symbols = &tree->symbols;
		return;
	case TREE_SEQUENCE:
		build(builder, tree->left, ret);
		build(builder, tree->right, &right);
		join(builder, ret, &right);
		return;
	case TREE_EITHER:
		build(builder, tree->left, ret);
		build(builder, tree->right, &right);
		set_or(&ret->first, &right.first);
		set_or(&ret->last, &right.last);
		ret->empty = ret->empty || right.empty;
		return;
	case TREE_REPEAT:
		build_repeat(builder, tree, ret);
		return;
	}
}

static int freeze(const struct builder *builder, const struct part *whole, struct pattern **ret)
{
	unsigned int words = builder->positions / 64 + 1;
	size_t count = (size_t)words * (builder->positions + SYMBOL_COUNT);
	struct pattern *pattern = calloc(1, sizeof(*pattern) + count * sizeof(uint64_t));

	if (!pattern)
		return -ENOMEM;
	pattern->words = words;
	pattern->matches_empty = whole->empty;
	pattern->anchored = true;
	pattern->first = whole->first;
	pattern->last = whole->last;
	pattern->follow = pattern->memory;
	pattern->accept = pattern->memory + (size_t)words * builder->positions;
	for (unsigned int i = 0; i < builder->positions; i++) {
		uint64_t bit = 1ull << (i % 64);

		memcpy(pattern->follow + (size_t)i * words, builder->places[i].follow.words,
		       words * sizeof(uint64_t));
		for (unsigned int symbol = 0; symbol < SYMBOL_COUNT; symbol++)
			if (symbols_have(builder->places[i].symbols, symbol))
				pattern->accept[(size_t)symbol * words + i / 64] |= bit;
		if (whole->first.words[i / 64] & bit &&
		    !symbols_have(builder->places[i].symbols, SYMBOL_BEGIN))
			pattern->anchored = false;
	}
	*ret = pattern;
	return 0;
}

/* From the places in `active` over one symbol; true if that ends a match. */
static inline __attribute__((always_inline)) bool step(const struct pattern *pattern,
						       unsigned int words, uint64_t *active,
						       const uint64_t *accept)
{
	uint64_t next[WORDS_MOST], ended = 0;

	for (unsigned int i = 0; i < words; i++)
		next[i] = pattern->first.words[i];
	for (unsigned int i = 0; i < words; i++)
		for (uint64_t bits = active[i]; bits; bits &= bits - 1) {
			const uint64_t *follow =
				pattern->follow +
				(size_t)(i * 64 + (unsigned int)__builtin_ctzll(bits)) * words;

			for (unsigned int j = 0; j < words; j++)
				next[j] |= follow[j];
		}
	for (unsigned int i = 0; i < words; i++) {
		active[i] = next[i] & accept[i];
		ended |= active[i] & pattern->last.words[i];
	}
	return ended;
}

/* An end of the subject is as many BEGIN or END as are asked for: on, until nothing new is reached.
 */
static bool step_end(const struct pattern *pattern, uint64_t *active, unsigned int ends)
{
	unsigned int words = pattern->words;
	uint64_t accept[WORDS_MOST] = {}, before[WORDS_MOST];
	bool more = true;

	for (unsigned int i = 0; i < words; i++) {
		if (ends & 1)
			accept[i] |= pattern->accept[(size_t)SYMBOL_BEGIN * words + i];
		if (ends & 2)
			accept[i] |= pattern->accept[(size_t)SYMBOL_END * words + i];
	}
	while (more) {
		memcpy(before, active, words * sizeof(uint64_t));
		if (step(pattern, words, active, accept))
			return true;
		more = false;
		for (unsigned int i = 0; i < words; i++) {
			active[i] |= before[i];
			more = more || active[i] != before[i];
		}
	}
	return false;
}

static inline __attribute__((always_inline)) bool run(const struct pattern *pattern,
						      unsigned int words, uint64_t *active,
						      struct text subject)
{
	const unsigned char *bytes = (const unsigned char *)subject.data;
	size_t inside = 0; /* bytes of the character at hand that are still to come */

	for (size_t i = 0; i < subject.length; i++) {
		unsigned int symbol = bytes[i];

		if (symbol >= 0x80) {
			if (inside) {
				inside--;
			} else {
				inside = utf8_length(bytes + i, subject.length - i);
				if (inside)
					inside--;
				else if (symbol < 0xc0)
					symbol += SYMBOL_STRAY - 0x80;
			}
		}
		if (step(pattern, words, active, pattern->accept + (size_t)symbol * words))
			return true;
		if (pattern->anchored) {
			uint64_t any = 0;

			for (unsigned int j = 0; j < words; j++)
				any |= active[j];
			if (!any)
				return false;
		}
	}
	return false;
}

bool pattern_match(const struct pattern *pattern, struct text subject)
{
	uint64_t active[WORDS_MOST] = {};
	bool cut = false;

	if (pattern->matches_empty)
		return true;
	if (pattern->bounded && subject.length > PATTERN_SUBJECT_MOST) {
		subject.length = PATTERN_SUBJECT_MOST;
		cut = true;
	}
	if (step_end(pattern, active, subject.length ? 1 : 3))
		return true;
	/* Most patterns have less than 64 positions: the loops over words then fall away. */
	if (pattern->words == 1 ? run(pattern, 1, active, subject)
				: run(pattern, pattern->words, active, subject))
		return true;
	return !cut && subject.length && step_end(pattern, active, 2);
}

void pattern_free(struct pattern *pattern)
{
	free(pattern);
}

static int compile(struct text text, struct pattern **ret, struct pattern_error *ret_error,
		   int (*parse)(struct pattern_parser *, const struct tree **))
{
	_cleanup_arena_ struct arena *arena = NULL;
	struct pattern_parser parser = { .text = text, .error = ret_error };
	const struct tree *tree;
	struct builder builder = {};
	struct part whole;
	int r;

	if (text.length > PATTERN_LENGTH_MOST) {
		*ret_error = (struct pattern_error){ PATTERN_LENGTH_MOST,
						     "longer than 256 bytes: shorten it, or join "
						     "parts with or" };
		return -EINVAL;
	}
	r = arena_new(&arena);
	if (r < 0)
		return r;
	parser.arena = arena;
	r = parse(&parser, &tree);
	if (r < 0)
		return r;
	if (tree->size > PATTERN_POSITIONS_MOST) {
		*ret_error = (struct pattern_error){ 0, "repeats too much: over 1024 steps when "
							"written out; lower the {counts}" };
		return -EINVAL;
	}
	/* A tree has at most as many positions as steps to build it. */
	builder.places = arena_allocate(arena, tree->size * sizeof(*builder.places));
	if (!builder.places)
		return -ENOMEM;
	memset(builder.places, 0, tree->size * sizeof(*builder.places));
	build(&builder, tree, &whole);
	return freeze(&builder, &whole, ret);
}

int pattern_compile_glob(struct text glob, struct pattern **ret, struct pattern_error *ret_error)
{
	return compile(glob, ret, ret_error, pattern_parse_glob);
}

int pattern_compile_regex(struct text regex, struct pattern **ret, struct pattern_error *ret_error)
{
	int r = compile(regex, ret, ret_error, pattern_parse_regex);

	if (r == 0)
		(*ret)->bounded = true;
	return r;
}
