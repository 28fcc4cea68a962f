// SPDX-License-Identifier: Apache-2.0
/* POSIX.1-2017, section 9.4: extended regular expressions. */
#include "event/pattern_tree.h"

#include <errno.h>

static int parse_either(struct pattern_parser *parser, const struct tree **ret);

static int parse_group(struct pattern_parser *parser, const struct tree **ret)
{
	size_t start = parser->at++;
	int r;

	if (parser->nesting >= PATTERN_NESTING_MOST)
		return pattern_refuse(parser, start, "more than 16 groups inside each other");
	parser->nesting++;
	r = parse_either(parser, ret);
	if (r < 0)
		return r;
	parser->nesting--;
	if (pattern_peek(parser, 0) != ')')
		return pattern_refuse(parser, start,
				      "the group has no end: add ), or write \\( for a "
				      "parenthesis");
	parser->at++;
	return 0;
}

static int parse_atom(struct pattern_parser *parser, const struct tree **ret)
{
	static const struct symbols none;
	int c = pattern_peek(parser, 0);

	switch (c) {
	case '(':
		return parse_group(parser, ret);
	case '[':
		return pattern_parse_set(parser, false, ret);
	case '*':
	case '+':
	case '?':
	case '{':
		return pattern_refuse(parser, parser->at,
				      "nothing to repeat before it: write \\ before a "
				      "character that stands for itself");
	case '.':
		parser->at++;
		*ret = tree_character_but(parser, &none);
		break;
	case '^':
	case '$':
		parser->at++;
		*ret = tree_symbol(parser, c == '^' ? SYMBOL_BEGIN : SYMBOL_END);
		break;
	case '\\':
		c = pattern_peek(parser, 1);
		if (c < 0)
			return pattern_refuse(parser, parser->at,
					      "nothing follows the backslash: write "
					      "\\\\ for one");
		if (c >= '1' && c <= '9')
			return pattern_refuse(
				parser, parser->at,
				"back-references are not supported: their time has no bound");
		if (c == '0' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			return pattern_refuse(parser, parser->at,
					      "unknown escape: POSIX has [[:digit:]], "
					      "[[:space:]], [[:alnum:]_]");
		parser->at++;
		*ret = tree_literal(parser);
		break;
	default:
		*ret = tree_literal(parser);
		break;
	}
	return *ret ? 0 : -ENOMEM;
}

static bool take_count(struct pattern_parser *parser, unsigned int *ret)
{
	unsigned int count = 0;
	bool any = false;

	for (; pattern_peek(parser, 0) >= '0' && pattern_peek(parser, 0) <= '9';
	     parser->at++, any = true)
		if (count <= PATTERN_REPEAT_MOST)
			count = count * 10 + (unsigned int)(pattern_peek(parser, 0) - '0');
	*ret = count;
	return any;
}

/* {n}, {n,} or {n,m} with the place at hand on its brace. */
static int parse_counts(struct pattern_parser *parser, unsigned int *ret_least,
			unsigned int *ret_most)
{
	size_t start = parser->at++;
	bool good = take_count(parser, ret_least);

	*ret_most = *ret_least;
	if (good && pattern_peek(parser, 0) == ',') {
		parser->at++;
		if (!take_count(parser, ret_most))
			*ret_most = TREE_NO_END;
	}
	if (!good || pattern_peek(parser, 0) != '}' || *ret_most < *ret_least)
		return pattern_refuse(parser, start,
				      "not a count: write {2}, {2,} or {2,5}, or \\{ for a "
				      "brace");
	if (*ret_least > PATTERN_REPEAT_MOST ||
	    (*ret_most > PATTERN_REPEAT_MOST && *ret_most != TREE_NO_END))
		return pattern_refuse(parser, start, "a count is at most 255");
	parser->at++;
	return 0;
}

static bool is_anchor(const struct tree *tree)
{
	return tree->kind == TREE_SYMBOLS && (symbols_have(&tree->symbols, SYMBOL_BEGIN) ||
					      symbols_have(&tree->symbols, SYMBOL_END));
}

/* An atom and how often. */
static int parse_piece(struct pattern_parser *parser, const struct tree **ret)
{
	const struct tree *tree;
	int r = parse_atom(parser, &tree);

	if (r < 0)
		return r;
	for (;;) {
		size_t start = parser->at;
		unsigned int least = 0, most = TREE_NO_END;
		int c = pattern_peek(parser, 0);

		if (c != '*' && c != '+' && c != '?' && c != '{')
			break;
		if (is_anchor(tree))
			return pattern_refuse(parser, start, "^ and $ cannot be repeated");
		if (c == '{') {
			r = parse_counts(parser, &least, &most);
			if (r < 0)
				return r;
		} else {
			parser->at++;
			least = c == '+';
			most = c == '?' ? 1 : TREE_NO_END;
		}
		tree = tree_repeat(parser, tree, least, most);
		if (!tree)
			return -ENOMEM;
		if (tree->size > PATTERN_POSITIONS_MOST)
			return pattern_refuse(parser, start,
					      "repeats too much: over 1024 steps when "
					      "written out; lower the {counts}");
	}
	*ret = tree;
	return 0;
}

static int parse_sequence(struct pattern_parser *parser, const struct tree **ret)
{
	const struct tree *whole = tree_new(parser, TREE_EMPTY), *next = NULL;
	int r;

	while (!pattern_at_end(parser) && pattern_peek(parser, 0) != '|' &&
	       pattern_peek(parser, 0) != ')') {
		r = parse_piece(parser, &next);
		if (r < 0)
			return r;
		whole = tree_pair(parser, TREE_SEQUENCE, whole, next);
	}
	*ret = whole;
	return whole ? 0 : -ENOMEM;
}

static int parse_either(struct pattern_parser *parser, const struct tree **ret)
{
	const struct tree *whole, *next;
	int r = parse_sequence(parser, &whole);

	while (r == 0 && pattern_peek(parser, 0) == '|') {
		parser->at++;
		r = parse_sequence(parser, &next);
		if (r == 0)
			whole = tree_pair(parser, TREE_EITHER, whole, next);
	}
	if (r < 0)
		return r;
	*ret = whole;
	return whole ? 0 : -ENOMEM;
}

int pattern_parse_regex(struct pattern_parser *parser, const struct tree **ret)
{
	int r = parse_either(parser, ret);

	if (r < 0)
		return r;
	if (!pattern_at_end(parser))
		return pattern_refuse(parser, parser->at,
				      "a ) without its (: write \\) for a parenthesis");
	return 0;
}
