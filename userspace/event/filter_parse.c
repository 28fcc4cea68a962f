// SPDX-License-Identifier: Apache-2.0
#include "event/filter_tree.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"

static int parse_or(struct filter_parser *parser, struct filter_node **ret);

static bool at_word(const struct filter_parser *parser, const char *word)
{
	return parser->token.kind == FILTER_TOKEN_WORD &&
	       text_equal(parser->token.text, text_of(word));
}

static struct filter_node *new_node(struct filter_parser *parser, enum filter_kind kind)
{
	struct filter_node *node = arena_allocate(parser->filter->arena, sizeof(*node));

	if (node)
		*node = (struct filter_node){ .kind = kind };
	return node;
}

/* A comparison whose name is the word at hand; goes on to what follows it. */
static int take_name(struct filter_parser *parser, struct filter_node **ret)
{
	struct filter_node *node;
	enum field field;

	if (parser->token.kind == FILTER_TOKEN_END)
		return filter_refuse(parser, parser->token.start,
				     "the expression stops here: a comparison such as "
				     "process.name == docker is missing");
	if (parser->token.kind == FILTER_TOKEN_STRING)
		return filter_refuse(parser, parser->token.start,
				     "a comparison begins with the name of a field, without "
				     "quotes");
	if (at_word(parser, "and") || at_word(parser, "or") || at_word(parser, "in"))
		return filter_refuse(parser, parser->token.start,
				     "a comparison is missing before %s",
				     filter_excerpt(parser->token.text).text);
	if (parser->token.kind != FILTER_TOKEN_WORD)
		return filter_refuse(
			parser, parser->token.start, "the name of a field is missing before %s",
			filter_excerpt((struct text){ parser->expression.data + parser->token.start,
						      parser->token.length })
				.text);
	field = field_find(parser->token.text.data, parser->token.text.length);
	if (field == FIELD_COUNT)
		return filter_refuse_name(parser);
	node = new_node(parser, FILTER_COMPARISON);
	if (!node)
		return -ENOMEM;
	node->field = field;
	*ret = node;
	return filter_next(parser);
}

static int take_value(struct filter_parser *parser, const struct filter_node *node,
		      struct filter_value **ret)
{
	struct filter_value *value = arena_allocate(parser->filter->arena, sizeof(*value));
	int r;

	if (!value)
		return -ENOMEM;
	*value = (struct filter_value){};
	r = filter_read_value(parser, node->field, node->relation, value);
	if (r < 0)
		return r;
	*ret = value;
	return filter_next(parser);
}

/* ( value, value ... ) with the place at hand behind `in`. */
static int take_values(struct filter_parser *parser, struct filter_node *node)
{
	const struct filter_value **last = &node->value;
	struct filter_value *value;
	int r;

	if (parser->token.kind != FILTER_TOKEN_OPEN)
		return filter_refuse(parser, parser->token.start,
				     "in takes a list: write in (one, two)");
	do {
		r = filter_next(parser);
		if (r == 0)
			r = take_value(parser, node, &value);
		if (r < 0)
			return r;
		*last = value;
		last = &value->next;
	} while (parser->token.kind == FILTER_TOKEN_COMMA);
	if (parser->token.kind != FILTER_TOKEN_CLOSE)
		return filter_refuse(parser, parser->token.start,
				     "the list of in goes on with , or ends with )");
	return filter_next(parser);
}

/* Whether an operator means something for the type of a field; refuses at the operator. */
static int check_operator(struct filter_parser *parser, const struct filter_node *node)
{
	const struct field_row *row = &field_rows[node->field];
	bool text = row->type == TYPE_str || row->type == TYPE_list;

	if ((node->relation == FILTER_GLOB || node->relation == FILTER_REGEX) && !text)
		return filter_refuse(parser, parser->token.start,
				     "~ and =~ match text, and %s is a %s: compare with == or <",
				     row->name, field_type_name(row->type));
	if (row->type == TYPE_bool && node->relation != FILTER_EQUAL &&
	    node->relation != FILTER_DIFFERENT)
		return filter_refuse(parser, parser->token.start,
				     "%s is true or false: compare with == or !=", row->name);
	return 0;
}

static int parse_comparison(struct filter_parser *parser, struct filter_node **ret)
{
	struct filter_value *value;
	struct filter_node *node = NULL;
	bool exists = at_word(parser, "exists");
	int r = exists ? filter_next(parser) : 0;

	if (r == 0)
		r = take_name(parser, &node);
	if (r < 0)
		return r;
	*ret = node;
	node->relation = FILTER_EXISTS;
	if (exists)
		return 0;
	if (at_word(parser, "exists"))
		return filter_next(parser);
	if (at_word(parser, "in")) {
		node->relation = FILTER_IN;
		r = filter_next(parser);
		return r < 0 ? r : take_values(parser, node);
	}
	if (at_word(parser, "not"))
		return filter_refuse(parser, parser->token.start,
				     "not stands before the comparison: write not %s in (...)",
				     field_rows[node->field].name);
	if (parser->token.kind != FILTER_TOKEN_OPERATOR)
		return filter_refuse(parser, parser->token.start,
				     "an operator is missing behind %s: == != < <= > >= ~ =~ in "
				     "exists",
				     field_rows[node->field].name);
	node->relation = parser->token.relation;
	r = check_operator(parser, node);
	if (r == 0)
		r = filter_next(parser);
	if (r == 0)
		r = take_value(parser, node, &value);
	if (r < 0)
		return r;
	node->value = value;
	return 0;
}

static int enter(struct filter_parser *parser)
{
	if (parser->depth >= FILTER_DEPTH_MOST)
		return filter_refuse(parser, parser->token.start,
				     "more than %d parentheses and nots inside each other",
				     FILTER_DEPTH_MOST);
	parser->depth++;
	return filter_next(parser);
}

static int parse_parentheses(struct filter_parser *parser, struct filter_node **ret)
{
	size_t start = parser->token.start;
	int r = enter(parser);

	if (r == 0)
		r = parse_or(parser, ret);
	if (r < 0)
		return r;
	parser->depth--;
	if (parser->token.kind == FILTER_TOKEN_END)
		return filter_refuse(parser, start, "this parenthesis has no end: add )");
	if (parser->token.kind != FILTER_TOKEN_CLOSE)
		return filter_refuse(parser, parser->token.start,
				     "expected and, or, or ) after the comparison");
	return filter_next(parser);
}

static int parse_not(struct filter_parser *parser, struct filter_node **ret)
{
	struct filter_node *node, *operand;
	int r;

	if (parser->token.kind == FILTER_TOKEN_OPEN)
		return parse_parentheses(parser, ret);
	if (!at_word(parser, "not"))
		return parse_comparison(parser, ret);
	node = new_node(parser, FILTER_NOT);
	if (!node)
		return -ENOMEM;
	r = enter(parser);
	if (r == 0)
		r = parse_not(parser, &operand);
	if (r < 0)
		return r;
	parser->depth--;
	node->child = operand;
	*ret = node;
	return 0;
}

/* Operands of one level with `word` between them; a single one stands for itself. */
static int parse_chain(struct filter_parser *parser, const char *word, struct filter_node **ret)
{
	bool is_and = !strcmp(word, "and");
	struct filter_node *first, *last, *chain;
	int r = is_and ? parse_not(parser, &first) : parse_chain(parser, "and", &first);

	if (r < 0)
		return r;
	*ret = first;
	if (!at_word(parser, word))
		return 0;
	chain = new_node(parser, is_and ? FILTER_AND : FILTER_OR);
	if (!chain)
		return -ENOMEM;
	chain->child = first;
	for (last = first; at_word(parser, word);) {
		struct filter_node *next;

		r = filter_next(parser);
		if (r == 0)
			r = is_and ? parse_not(parser, &next) : parse_chain(parser, "and", &next);
		if (r < 0)
			return r;
		last->next = next;
		last = next;
	}
	*ret = chain;
	return 0;
}

static int parse_or(struct filter_parser *parser, struct filter_node **ret)
{
	return parse_chain(parser, "or", ret);
}

static int parse_whole(struct filter_parser *parser)
{
	struct filter_node *root;
	int r;

	if (parser->expression.length > FILTER_LENGTH_MOST)
		return filter_refuse(parser, FILTER_LENGTH_MOST,
				     "longer than %d bytes: shorten the expression",
				     FILTER_LENGTH_MOST);
	r = filter_next(parser);
	if (r == 0)
		r = parse_or(parser, &root);
	if (r < 0)
		return r;
	parser->filter->root = root;
	if (parser->token.kind == FILTER_TOKEN_END)
		return 0;
	if (parser->token.kind == FILTER_TOKEN_CLOSE)
		return filter_refuse(parser, parser->token.start, "a ) without its (");
	return filter_refuse(parser, parser->token.start,
			     "expected and or or here; a value with spaces goes into quotes");
}

static void filter_freep(struct filter **filter)
{
	filter_free(*filter);
}

int filter_compile(const char *text, struct filter **ret, struct filter_error *ret_error)
{
	__attribute__((cleanup(filter_freep))) struct filter *filter = calloc(1, sizeof(*filter));
	struct filter_parser parser = { .expression = text_of(text), .error = ret_error };
	int r;

	if (!filter)
		return -ENOMEM;
	r = arena_new(&filter->arena);
	if (r < 0)
		return r;
	parser.filter = filter;
	r = parse_whole(&parser);
	if (r < 0)
		return r;
	*ret = filter;
	filter = NULL;
	return 0;
}
