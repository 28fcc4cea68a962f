// SPDX-License-Identifier: Apache-2.0
#include "event/pattern_tree.h"

#include <errno.h>

#include "base/arena.h"
#include "event/utf8.h"

/* Of a tree that is too large anyway; times any count it fits into 32 bits. */
#define SIZE_CAP (1u << 20)

int pattern_refuse(struct pattern_parser *parser, size_t offset, const char *message)
{
	*parser->error = (struct pattern_error){ offset, message };
	return -EINVAL;
}

struct tree *tree_new(struct pattern_parser *parser, enum tree_kind kind)
{
	struct tree *tree = arena_allocate(parser->arena, sizeof(*tree));

	if (tree)
		*tree = (struct tree){ .kind = kind, .size = 1 };
	return tree;
}

const struct tree *tree_pair(struct pattern_parser *parser, enum tree_kind kind,
			     const struct tree *left, const struct tree *right)
{
	struct tree *tree = left && right ? tree_new(parser, kind) : NULL;

	if (!tree)
		return NULL;
	tree->left = left;
	tree->right = right;
	tree->size = left->size + right->size;
	if (tree->size > SIZE_CAP)
		tree->size = SIZE_CAP;
	return tree;
}

const struct tree *tree_repeat(struct pattern_parser *parser, const struct tree *left,
			       unsigned int least, unsigned int most)
{
	struct tree *tree = left ? tree_new(parser, TREE_REPEAT) : NULL;
	unsigned int copies = most == TREE_NO_END ? least : most;

	if (!tree)
		return NULL;
	tree->left = left;
	tree->least = (uint16_t)least;
	tree->most = (uint16_t)most;
	tree->size = left->size * (copies ? copies : 1);
	if (tree->size > SIZE_CAP)
		tree->size = SIZE_CAP;
	return tree;
}

const struct tree *tree_symbol(struct pattern_parser *parser, unsigned int symbol)
{
	struct tree *tree = tree_new(parser, TREE_SYMBOLS);

	if (!tree)
		return NULL;
	symbols_add(&tree->symbols, symbol);
	/* A byte of the pattern that is no character means that byte wherever it stands. */
	if (symbol >= 0x80 && symbol < 0xc0)
		symbols_add(&tree->symbols, SYMBOL_STRAY + symbol - 0x80);
	return tree;
}

const struct tree *tree_character_but(struct pattern_parser *parser, const struct symbols *ascii)
{
	struct tree *head = tree_new(parser, TREE_SYMBOLS);
	struct tree *inside = tree_new(parser, TREE_SYMBOLS);

	if (!head || !inside)
		return NULL;
	for (unsigned int symbol = 0; symbol < SYMBOL_BEGIN; symbol++)
		if (symbol >= 0x80 && symbol < 0xc0)
			symbols_add(&inside->symbols, symbol);
		else if (symbol >= 0x80 || !symbols_have(ascii, symbol))
			symbols_add(&head->symbols, symbol);
	return tree_pair(parser, TREE_SEQUENCE, head, tree_repeat(parser, inside, 0, TREE_NO_END));
}

const struct tree *tree_literal(struct pattern_parser *parser)
{
	const unsigned char *bytes = (const unsigned char *)parser->text.data + parser->at;
	size_t length = utf8_length(bytes, parser->text.length - parser->at);
	const struct tree *tree = tree_symbol(parser, bytes[0]);

	for (size_t i = 1; i < length; i++)
		tree = tree_pair(parser, TREE_SEQUENCE, tree, tree_symbol(parser, bytes[i]));
	parser->at += length ? length : 1;
	return tree;
}

static bool in_class(const char *name, size_t length, int c, bool *ret_known)
{
	bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
	bool digit = c >= '0' && c <= '9', graph = c > ' ' && c < 0x7f;
	const struct {
		const char *name;
		bool in;
	} classes[] = {
		{ "alnum", lower || upper || digit },
		{ "alpha", lower || upper },
		{ "blank", c == ' ' || c == '\t' },
		{ "cntrl", c < ' ' || c == 0x7f },
		{ "digit", digit },
		{ "graph", graph },
		{ "lower", lower },
		{ "print", graph || c == ' ' },
		{ "punct", graph && !lower && !upper && !digit },
		{ "space", c == ' ' || (c >= '\t' && c <= '\r') },
		{ "upper", upper },
		{ "xdigit", digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') },
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (!strncmp(classes[i].name, name, length) && !classes[i].name[length]) {
			*ret_known = true;
			return classes[i].in;
		}
	return false;
}

/* [:name:] with the place at hand on its bracket. */
static int parse_class(struct pattern_parser *parser, struct symbols *symbols)
{
	size_t start = parser->at;
	const char *name = parser->text.data + start + 2;
	size_t length = 0;
	bool known = false;

	while (length < parser->text.length - start - 2 && name[length] >= 'a' &&
	       name[length] <= 'z' && length < 6)
		length++;
	parser->at += 2 + length;
	if (pattern_peek(parser, 0) == ':' && pattern_peek(parser, 1) == ']')
		for (int c = 0; c < 0x80; c++)
			if (in_class(name, length, c, &known))
				symbols_add(symbols, (unsigned int)c);
	if (!known)
		return pattern_refuse(parser, start,
				      "unknown class: [:alpha:], [:digit:], [:alnum:], "
				      "[:space:] and so on are known");
	parser->at += 2;
	return 0;
}

/* One end of a range or a single character of a set. */
static int take_member(struct pattern_parser *parser, bool escapes, unsigned int *ret)
{
	if (escapes && pattern_peek(parser, 0) == '\\')
		parser->at++;
	if (pattern_at_end(parser))
		return pattern_refuse(parser, parser->at, "the set has no end: add ]");
	if (pattern_peek(parser, 0) >= 0x80)
		return pattern_refuse(
			parser, parser->at,
			"a set holds ASCII characters only: write such a one outside of []");
	*ret = (unsigned int)pattern_peek(parser, 0);
	parser->at++;
	return 0;
}

static int parse_member(struct pattern_parser *parser, bool escapes, struct symbols *symbols)
{
	unsigned int from, to;
	size_t start = parser->at;
	int r;

	if (pattern_peek(parser, 0) == '[') {
		if (pattern_peek(parser, 1) == ':')
			return parse_class(parser, symbols);
		if (pattern_peek(parser, 1) == '.' || pattern_peek(parser, 1) == '=')
			return pattern_refuse(parser, start,
					      "collating elements are not supported: name "
					      "the characters");
	}
	r = take_member(parser, escapes, &from);
	if (r < 0)
		return r;
	to = from;
	if (pattern_peek(parser, 0) == '-' && pattern_peek(parser, 1) >= 0 &&
	    pattern_peek(parser, 1) != ']') {
		parser->at++;
		r = take_member(parser, escapes, &to);
		if (r < 0)
			return r;
	}
	if (to < from)
		return pattern_refuse(parser, start, "the range runs backwards: swap its ends");
	for (; from <= to; from++)
		symbols_add(symbols, from);
	return 0;
}

int pattern_parse_set(struct pattern_parser *parser, bool escapes, const struct tree **ret)
{
	struct tree *tree = tree_new(parser, TREE_SYMBOLS);
	size_t start = parser->at++, first;
	bool but;
	int r;

	if (!tree)
		return -ENOMEM;
	but = pattern_peek(parser, 0) == '^' || (escapes && pattern_peek(parser, 0) == '!');
	parser->at += but;
	for (first = parser->at; pattern_peek(parser, 0) != ']' || parser->at == first;) {
		if (pattern_at_end(parser))
			return pattern_refuse(parser, start, "the set has no end: add ]");
		r = parse_member(parser, escapes, &tree->symbols);
		if (r < 0)
			return r;
	}
	parser->at++;
	*ret = but ? tree_character_but(parser, &tree->symbols) : tree;
	return *ret ? 0 : -ENOMEM;
}

static int parse_glob_character(struct pattern_parser *parser, const struct tree **ret)
{
	static const struct symbols none;
	struct tree *any;

	switch (pattern_peek(parser, 0)) {
	case '*':
		parser->at++;
		any = tree_new(parser, TREE_SYMBOLS);
		for (unsigned int symbol = 0; any && symbol < SYMBOL_BEGIN; symbol++)
			symbols_add(&any->symbols, symbol);
		*ret = tree_repeat(parser, any, 0, TREE_NO_END);
		break;
	case '?':
		parser->at++;
		*ret = tree_character_but(parser, &none);
		break;
	case '[':
		return pattern_parse_set(parser, true, ret);
	case '\\':
		parser->at++;
		if (pattern_at_end(parser))
			return pattern_refuse(parser, parser->at - 1,
					      "nothing follows the backslash: "
					      "write \\\\ for one");
		*ret = tree_literal(parser);
		break;
	default:
		*ret = tree_literal(parser);
		break;
	}
	return *ret ? 0 : -ENOMEM;
}

int pattern_parse_glob(struct pattern_parser *parser, const struct tree **ret)
{
	const struct tree *whole = tree_symbol(parser, SYMBOL_BEGIN), *next;
	int r;

	while (!pattern_at_end(parser)) {
		r = parse_glob_character(parser, &next);
		if (r < 0)
			return r;
		whole = tree_pair(parser, TREE_SEQUENCE, whole, next);
	}
	*ret = tree_pair(parser, TREE_SEQUENCE, whole, tree_symbol(parser, SYMBOL_END));
	return *ret ? 0 : -ENOMEM;
}
