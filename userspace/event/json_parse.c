// SPDX-License-Identifier: Apache-2.0
/*
 * Reads one line of a trail. The line is copied once, into the record's memory, and strings are
 * unescaped where they lie (that never makes them longer); values point into the copy. Zeros behind
 * it end every scan, so that the bounds need no look of their own.
 *
 * What does not fit a field's type is skipped like an unknown name: a later version may write more
 * than this one knows, and what it can read must stay readable.
 */
#include "event/json.h"

#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "event/json_scan.h"
#include "event/nesting.h"
#include "event/record.h"

static int parse_value(struct parser *parser, unsigned int node);

static int parse_number(struct parser *parser, enum field field)
{
	bool negative, whole;
	uint64_t number;
	int r;

	if (*parser->at != '-' && (*parser->at < '0' || *parser->at > '9'))
		return scan_skip(parser);
	r = scan_number(parser, &negative, &whole, &number);
	if (r < 0 || !whole)
		return r;
	if (field_rows[field].type == TYPE_u64) {
		if (!negative)
			record_set_number(parser->record, field, number);
	} else if (number <= (uint64_t)INT64_MAX + negative) {
		record_set_integer(parser->record, field,
				   negative ? (int64_t)-number : (int64_t)number);
	}
	return 0;
}

static int parse_text(struct parser *parser, enum field field)
{
	struct text text;
	uint64_t wall_ns;
	int r;

	if (*parser->at != '"')
		return scan_skip(parser);
	r = take_string(parser, &text);
	if (r < 0)
		return r;
	if (field_rows[field].type == TYPE_str)
		record_lend_text(parser->record, field, text);
	else if (clock_parse_rfc3339(text.data, text.length, &wall_ns) == 0)
		record_set_number(parser->record, field, wall_ns);
	return 0;
}

static int parse_boolean(struct parser *parser, enum field field)
{
	if (*parser->at == 't' || *parser->at == 'f')
		record_set_boolean(parser->record, field, *parser->at == 't');
	return scan_skip(parser);
}

/* A list of strings; anything else among them is left out. */
static int parse_list(struct parser *parser, enum field field)
{
	struct text item;
	bool empty;
	int r;

	if (*parser->at != '[')
		return scan_skip(parser);
	r = enter(parser, ']', &empty);
	if (r < 0)
		return r;
	record_set_empty_list(parser->record, field);
	if (empty)
		return 0;
	do {
		if (parser->record->values[field].list.count >= RECORD_ITEMS_MOST)
			return -EBADMSG;
		skip_space(parser);
		if (*parser->at == '"') {
			r = take_string(parser, &item);
			record_lend_item(parser->record, field, item);
		} else {
			r = scan_skip(parser);
		}
		if (r < 0)
			return r;
		r = go_on(parser, ']');
	} while (r > 0);
	return r;
}

/* Hexadecimal digits become bytes where they stand. */
static bool decode_hex(struct text *text)
{
	char *bytes = (char *)text->data;

	if (text->length % 2)
		return false;
	for (size_t i = 0; i < text->length / 2; i++) {
		int high = scan_hex_digit(bytes[2 * i]), low = scan_hex_digit(bytes[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (char)(high << 4 | low);
	}
	text->length /= 2;
	return true;
}

/* The original of one text, or of item `index` of a list: an empty one says that the text is right.
 */
static int restore(struct parser *parser, enum field field, size_t index)
{
	struct value *value = &parser->record->values[field];
	struct text original;
	int r;

	if (*parser->at != '"')
		return scan_skip(parser);
	r = take_string(parser, &original);
	if (r < 0 || !record_has(parser->record, field) || original.length == 0 ||
	    !decode_hex(&original))
		return r;
	if (field_rows[field].type == TYPE_str)
		value->text = original;
	else if (index < value->list.count)
		value->list.items[index] = original;
	return 0;
}

static int parse_hex(struct parser *parser, enum field field)
{
	bool empty;
	int r;

	if (field_rows[field].type == TYPE_str)
		return restore(parser, field, 0);
	if (*parser->at != '[')
		return scan_skip(parser);
	r = enter(parser, ']', &empty);
	if (r < 0 || empty)
		return r;
	for (size_t index = 0;; index++) {
		skip_space(parser);
		r = restore(parser, field, index);
		if (r < 0)
			return r;
		r = go_on(parser, ']');
		if (r <= 0)
			return r;
	}
}

/* Holes up to item `index`, so that columns stay beside each other; true if it is the next one. */
static bool fill_column(struct record *record, enum field field, size_t index)
{
	if (!record_has(record, field))
		record->values[field].list.count = 0;
	while (record->values[field].list.count < index && !record->error)
		record_lend_item(record, field, (struct text){});
	return record->values[field].list.count == index;
}

/* One member of object `index` of a list of objects. */
static int parse_column(struct parser *parser, unsigned int node, size_t index)
{
	enum field field = (enum field)nesting_nodes[node].field;
	struct text item;
	int r;

	if (nesting_nodes[node].kind == NESTING_HEX)
		return restore(parser, field, index);
	if (nesting_nodes[node].kind != NESTING_FIELD || *parser->at != '"')
		return scan_skip(parser);
	r = take_string(parser, &item);
	if (r < 0)
		return r;
	if (fill_column(parser->record, field, index))
		record_lend_item(parser->record, field, item);
	else if (!parser->record->error)
		parser->record->values[field].list.items[index] = item;
	return 0;
}

static int parse_columns(struct parser *parser, unsigned int node, size_t index)
{
	struct text key;
	bool empty;
	int r;

	if (*parser->at != '{')
		return scan_skip(parser);
	r = enter(parser, '}', &empty);
	if (r < 0 || empty)
		return r;
	do {
		r = take_key(parser, &key);
		if (r < 0)
			return r;
		r = parse_column(parser, nesting_find(node, key.data, key.length), index);
		if (r < 0)
			return r;
		r = go_on(parser, '}');
	} while (r > 0);
	return r;
}

static int parse_objects(struct parser *parser, unsigned int node)
{
	const struct nesting *list = &nestings[nesting_places[nesting_nodes[node].field]];
	size_t count = 0;
	bool empty;
	int r;

	if (*parser->at != '[')
		return scan_skip(parser);
	r = enter(parser, ']', &empty);
	if (r < 0)
		return r;
	record_set_empty_list(parser->record, list->field);
	if (empty)
		return 0;
	for (unsigned int place = list->first; place < list->end; place++)
		record_unset(parser->record, nestings[place].field);
	do {
		if (count >= RECORD_ITEMS_MOST)
			return -EBADMSG;
		skip_space(parser);
		r = parse_columns(parser, node, count++);
		if (r < 0)
			return r;
		r = go_on(parser, ']');
	} while (r > 0);
	for (unsigned int place = list->first; place < list->end; place++)
		if (record_has(parser->record, nestings[place].field))
			fill_column(parser->record, nestings[place].field, count);
	return r;
}

static int parse_object(struct parser *parser, unsigned int node)
{
	struct text key;
	bool empty;
	int r;

	if (*parser->at != '{')
		return scan_skip(parser);
	r = enter(parser, '}', &empty);
	if (r < 0 || empty)
		return r;
	do {
		r = take_key(parser, &key);
		if (r < 0)
			return r;
		r = parse_value(parser, nesting_find(node, key.data, key.length));
		if (r < 0)
			return r;
		r = go_on(parser, '}');
	} while (r > 0);
	return r;
}

static int parse_field(struct parser *parser, enum field field)
{
	switch (field_rows[field].type) {
	case TYPE_str:
	case TYPE_time:
		return parse_text(parser, field);
	case TYPE_u64:
	case TYPE_i64:
		return parse_number(parser, field);
	case TYPE_bool:
		return parse_boolean(parser, field);
	case TYPE_list:
		return parse_list(parser, field);
	}
	return scan_skip(parser);
}

/* The value of the member that is `node`. */
static int parse_value(struct parser *parser, unsigned int node)
{
	enum field field = (enum field)nesting_nodes[node].field;

	if (node == 0)
		return scan_skip(parser);
	switch ((enum nesting_kind)nesting_nodes[node].kind) {
	case NESTING_OBJECT:
		return parse_object(parser, node);
	case NESTING_LIST:
		return parse_objects(parser, node);
	case NESTING_FIELD:
		return parse_field(parser, field);
	case NESTING_HEX:
		return parse_hex(parser, field);
	case NESTING_UNKNOWN:
		break;
	}
	return scan_skip(parser);
}

static int parse_line(struct record *record, const char *line, size_t length)
{
	struct parser parser = { .record = record };
	struct text action;
	char *copy;
	int r;

	if (length > RECORD_LINE_MOST)
		return -EBADMSG;
	copy = arena_allocate(record->arena, length + SCAN_PADDING);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, line, length);
	memset(copy + length, 0, SCAN_PADDING);
	parser.at = copy;
	skip_space(&parser);
	if (*parser.at != '{')
		return -EBADMSG;
	r = parse_object(&parser, 0);
	if (r < 0)
		return r;
	skip_space(&parser);
	if (parser.at != copy + length || !record_has(record, FIELD_event_action))
		return -EBADMSG;
	if (record->error)
		return record->error;
	action = record_text(record, FIELD_event_action);
	record->event = event_find(action.data, action.length);
	return 0;
}

int record_parse_json(struct record *record, const char *line, size_t length)
{
	int r;

	record_begin(record, EVENT_COUNT);
	r = parse_line(record, line, length);
	if (r < 0)
		record_begin(record, EVENT_COUNT);
	return r;
}
