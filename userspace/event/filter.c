// SPDX-License-Identifier: Apache-2.0
#include "event/filter.h"

#include <stdlib.h>

#include "base/arena.h"
#include "event/filter_tree.h"
#include "event/pattern.h"
#include "event/record.h"

/* Whether an operator holds for what is `order` (below, at or above 0) to its value. */
static bool ordered(enum filter_relation relation, int order)
{
	switch (relation) {
	case FILTER_EQUAL:
	case FILTER_IN:
		return order == 0;
	case FILTER_DIFFERENT:
		return order != 0;
	case FILTER_LESS:
		return order < 0;
	case FILTER_LESS_EQUAL:
		return order <= 0;
	case FILTER_GREATER:
		return order > 0;
	case FILTER_GREATER_EQUAL:
		return order >= 0;
	default:
		return false;
	}
}

static int compare_bytes(struct text a, struct text b)
{
	size_t both = a.length < b.length ? a.length : b.length;
	int order = both ? memcmp(a.data, b.data, both) : 0;

	return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* Decimal digits only, of any length; the value is known to be so. */
static bool compare_digits(struct text text, struct text value, int *ret_order)
{
	if (text.length == 0)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	for (; text.length > 1 && text.data[0] == '0'; text.length--)
		text.data++;
	for (; value.length > 1 && value.data[0] == '0'; value.length--)
		value.data++;
	if (text.length != value.length)
		*ret_order = text.length < value.length ? -1 : 1;
	else
		*ret_order = memcmp(text.data, value.data, text.length);
	return true;
}

static bool match_text(const struct filter_node *node, const struct filter_value *value,
		       struct text text)
{
	int order;

	switch (node->relation) {
	case FILTER_EQUAL:
	case FILTER_IN:
		return text_equal(text, value->text);
	case FILTER_DIFFERENT:
		return !text_equal(text, value->text);
	case FILTER_GLOB:
	case FILTER_REGEX:
		return pattern_match(value->pattern, text);
	default:
		if (!value->decimal)
			order = compare_bytes(text, value->text);
		else if (!compare_digits(text, value->text, &order))
			return false;
		return ordered(node->relation, order);
	}
}

static bool match_list(const struct filter_node *node, const struct filter_value *value,
		       const struct value *list)
{
	for (size_t i = 0; i < list->list.count; i++)
		if (list->list.items[i].data && match_text(node, value, list->list.items[i]))
			return true;
	return false;
}

static bool match_value(const struct filter_node *node, const struct filter_value *value,
			const struct value *actual)
{
	switch (field_rows[node->field].type) {
	case TYPE_str:
		return match_text(node, value, actual->text);
	case TYPE_list:
		return match_list(node, value, actual);
	case TYPE_u64:
	case TYPE_time:
		return ordered(node->relation,
			       (actual->number > value->number) - (actual->number < value->number));
	case TYPE_i64:
		return ordered(node->relation, (actual->integer > value->integer) -
						       (actual->integer < value->integer));
	case TYPE_bool:
		return ordered(node->relation, actual->boolean != value->boolean);
	}
	return false;
}

static bool match_comparison(const struct filter_node *node, const struct record *record)
{
	if (!record_has(record, node->field))
		return false;
	if (node->relation == FILTER_EXISTS)
		return true;
	for (const struct filter_value *value = node->value; value; value = value->next)
		if (match_value(node, value, &record->values[node->field]))
			return true;
	return false;
}

/* Recursion is as deep as the expression nests: FILTER_DEPTH_MOST. */
static bool match_node(const struct filter_node *node, const struct record *record)
{
	const struct filter_node *operand;

	switch (node->kind) {
	case FILTER_AND:
		for (operand = node->child; operand; operand = operand->next)
			if (!match_node(operand, record))
				return false;
		return true;
	case FILTER_OR:
		for (operand = node->child; operand; operand = operand->next)
			if (match_node(operand, record))
				return true;
		return false;
	case FILTER_NOT:
		return !match_node(node->child, record);
	case FILTER_COMPARISON:
		return match_comparison(node, record);
	}
	return false;
}

bool filter_match(const struct filter *filter, const struct record *record)
{
	return match_node(filter->root, record);
}

struct doubt {
	bool (*may_be)(void *user, enum field field, struct text value);
	void *user;
};

/* A comparison that only some texts, as they stand there, make true. */
static bool names_texts(const struct filter_node *node)
{
	enum field_type type = field_rows[node->field].type;

	return (node->relation == FILTER_EQUAL || node->relation == FILTER_IN) &&
	       (type == TYPE_str || type == TYPE_list);
}

static bool may_match(const struct filter_node *node, const struct doubt *doubt)
{
	const struct filter_node *operand;

	switch (node->kind) {
	case FILTER_AND:
		for (operand = node->child; operand; operand = operand->next)
			if (!may_match(operand, doubt))
				return false;
		return true;
	case FILTER_OR:
		for (operand = node->child; operand; operand = operand->next)
			if (may_match(operand, doubt))
				return true;
		return false;
	case FILTER_COMPARISON:
		break;
	default:
		return true;
	}
	if (!names_texts(node))
		return true;
	for (const struct filter_value *value = node->value; value; value = value->next)
		if (doubt->may_be(doubt->user, node->field, value->text))
			return true;
	return false;
}

bool filter_may_match(const struct filter *filter,
		      bool (*may_be)(void *user, enum field field, struct text value), void *user)
{
	return may_match(filter->root, &(struct doubt){ may_be, user });
}

static struct text required(const struct filter_node *node, bool (*fits)(struct text value))
{
	struct text longest = {}, one;

	switch (node->kind) {
	case FILTER_AND:
		for (const struct filter_node *at = node->child; at; at = at->next) {
			one = required(at, fits);
			if (one.length > longest.length)
				longest = one;
		}
		return longest;
	case FILTER_COMPARISON:
		if (names_texts(node) && !node->value->next && fits(node->value->text))
			return node->value->text;
		return longest;
	default:
		return longest;
	}
}

struct text filter_required(const struct filter *filter, bool (*fits)(struct text value))
{
	return required(filter->root, fits);
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	for (struct filter_pattern *at = filter->patterns; at; at = at->next)
		pattern_free(at->pattern);
	arena_free(filter->arena);
	free(filter);
}

const char *filter_usage(void)
{
	return "An expression compares fields with values:\n"
	       "  docktrail.api.operation == ContainerCreate and user.id != 0\n"
	       "  process.executable ~ '/usr/*/docker' or url.path =~ '/containers/[0-9a-f]+/exec'\n"
	       "  docktrail.declared.mounts.source in (/, /etc, /root) and @timestamp > -2h\n"
	       "  exists container.id and not (http.response.status_code < 400)\n"
	       "\n"
	       "  == != < <= > >=   numbers (also 0x1f), times, true and false, texts by their bytes\n"
	       "  ~                 glob: * ? [a-z] [!a-z]; * crosses /; the whole text must match\n"
	       "  =~                POSIX extended regular expression, at most 256 bytes\n"
	       "  in (A, B)         equal to one of them\n"
	       "  exists NAME       known, whatever it is\n"
	       "  and or not ( )    not binds strongest, or weakest\n"
	       "\n"
	       "Names are the paths in the JSON (`docktrail events` lists them). A list matches if one\n"
	       "item does. A comparison with a field that is absent is false, != too: `not A == B`\n"
	       "includes absent ones. Texts with spaces or any of ( ) \" ' , = ! < > ~ & | \\ go into\n"
	       "quotes: \"...\" knows \\\" \\\\ \\n \\t \\r \\xHH, in '...' every character is itself.\n"
	       "Times: 2026-01-02T03:04:05Z, 2026-01-02 (this machine's zone), -90s -15m -2h -3d -1w,\n"
	       "now, today, yesterday.\n";
}
