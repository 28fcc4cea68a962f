// SPDX-License-Identifier: Apache-2.0
#include "event/record.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "event/nesting.h"

/* A list has room for the next power of two of its items, and for this many from the first. */
#define LIST_ROOM 4u

int record_new(struct record **ret)
{
	struct record *record = malloc(sizeof(*record));
	int r;

	if (!record)
		return -ENOMEM;
	r = arena_new(&record->arena);
	if (r < 0) {
		free(record);
		return r;
	}
	record_begin(record, EVENT_COUNT);
	*ret = record;
	return 0;
}

void record_free(struct record *record)
{
	if (!record)
		return;
	arena_free(record->arena);
	free(record);
}

static bool is_within(const struct record_part *part, enum field field)
{
	return part->json.data && field >= part->first && field <= part->last;
}

/* What was written of it before no longer holds. */
static void part_with(struct record *record, enum field field)
{
	if (is_within(&record->part, field))
		record->part = (struct record_part){};
}

static void mark(struct record *record, enum field field)
{
	part_with(record, field);
	record->present[field / 64] |= 1ull << (field % 64);
}

static void fail(struct record *record, int error)
{
	if (!record->error)
		record->error = error;
}

static bool is_type(struct record *record, enum field field, enum field_type type)
{
	if (field_rows[field].type == type)
		return true;
	fail(record, -EINVAL);
	return false;
}

void record_begin(struct record *record, enum event event)
{
	const struct event_row *row;

	arena_reset(record->arena);
	memset(record->present, 0, sizeof(record->present));
	record->part = (struct record_part){};
	record->error = 0;
	record->event = event;
	if (event >= EVENT_COUNT)
		return;
	row = &event_rows[event];
	record_lend_text(record, FIELD_event_kind, text_of(row->kind));
	record_lend_text(record, FIELD_event_category, text_of(row->category));
	record_lend_text(record, FIELD_event_type, text_of(row->type));
	record_lend_text(record, FIELD_event_action, text_of(row->action));
	record_lend_text(record, FIELD_event_outcome, TEXT("unknown"));
	record_set_number(record, FIELD_event_severity, row->severity);
}

static bool copy_text(struct record *record, struct text *text)
{
	const char *copy = arena_copy(record->arena, text->data, text->length);

	if (!copy) {
		fail(record, -ENOMEM);
		return false;
	}
	text->data = copy;
	return true;
}

void record_lend_text(struct record *record, enum field field, struct text text)
{
	if (!is_type(record, field, TYPE_str) || !text.data)
		return;
	record->values[field].text = text;
	mark(record, field);
}

void record_set_text(struct record *record, enum field field, struct text text)
{
	if (text.data && copy_text(record, &text))
		record_lend_text(record, field, text);
}

void record_set_string(struct record *record, enum field field, const char *string)
{
	if (string)
		record_set_text(record, field, text_of(string));
}

void record_set_number(struct record *record, enum field field, uint64_t number)
{
	enum field_type type = field_rows[field].type;
	char digits[20];
	size_t at = sizeof(digits);

	if (type == TYPE_u64 || type == TYPE_time) {
		record->values[field].number = number;
		mark(record, field);
		return;
	}
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	record_set_text(record, field, (struct text){ digits + at, sizeof(digits) - at });
}

void record_set_integer(struct record *record, enum field field, int64_t integer)
{
	if (!is_type(record, field, TYPE_i64))
		return;
	record->values[field].integer = integer;
	mark(record, field);
}

void record_set_boolean(struct record *record, enum field field, bool boolean)
{
	if (!is_type(record, field, TYPE_bool))
		return;
	record->values[field].boolean = boolean;
	mark(record, field);
}

/* A place behind the last item; NULL and a sticky error when memory is out. */
static struct text *add_item(struct record *record, enum field field)
{
	struct value *value = &record->values[field];
	size_t count = record_has(record, field) ? value->list.count : 0;
	struct text *items = value->list.items;

	if (count == 0 || (count >= LIST_ROOM && (count & (count - 1)) == 0)) {
		size_t room = count == 0 ? LIST_ROOM : 2 * count;

		items = arena_allocate(record->arena, room * sizeof(*items));
		if (!items) {
			fail(record, -ENOMEM);
			return NULL;
		}
		if (count)
			memcpy(items, value->list.items, count * sizeof(*items));
	}
	value->list.items = items;
	value->list.count = count + 1;
	mark(record, field);
	return &items[count];
}

void record_lend_item(struct record *record, enum field field, struct text item)
{
	struct text *place;

	if (!is_type(record, field, TYPE_list))
		return;
	if (!item.data && !nestings[nesting_places[field]].column_length)
		return;
	place = add_item(record, field);
	if (place)
		*place = item;
}

void record_add_text(struct record *record, enum field field, struct text item)
{
	if (!item.data || copy_text(record, &item))
		record_lend_item(record, field, item);
}

void record_set_empty_list(struct record *record, enum field field)
{
	const struct nesting *nesting = &nestings[nesting_places[field]];
	unsigned int first = nesting_places[field], end = first + 1;

	if (!is_type(record, field, TYPE_list))
		return;
	if (nesting->column_length) {
		first = nesting->first;
		end = nesting->end;
	}
	for (unsigned int place = first; place < end; place++) {
		record->values[nestings[place].field].list.items = NULL;
		record->values[nestings[place].field].list.count = 0;
		mark(record, nestings[place].field);
	}
}

void record_lend_all(struct record *record, const struct record *from,
		     const struct record_part *part)
{
	bool whole = nesting_is_table_order;

	for (unsigned int field = part->first; field <= part->last; field++)
		whole &= !record_has(record, (enum field)field);
	for (size_t i = 0; i < ARRAY_SIZE(from->present); i++)
		for (uint64_t bits = from->present[i]; bits; bits &= bits - 1) {
			enum field field =
				(enum field)(i * 64 + (unsigned int)__builtin_ctzll(bits));

			record->values[field] = from->values[field];
			mark(record, field);
		}
	if (whole)
		record->part = *part;
}

static void copy_value(struct record *to, enum field field, const struct value *value)
{
	switch (field_rows[field].type) {
	case TYPE_str:
		record_set_text(to, field, value->text);
		return;
	case TYPE_list:
		if (value->list.count == 0)
			record_set_empty_list(to, field);
		for (size_t i = 0; i < value->list.count; i++)
			record_add_text(to, field, value->list.items[i]);
		return;
	default:
		to->values[field] = *value;
		mark(to, field);
	}
}

void record_copy(struct record *to, const struct record *from)
{
	record_begin(to, from->event);
	memset(to->present, 0, sizeof(to->present));
	for (size_t i = 0; i < ARRAY_SIZE(from->present); i++)
		for (uint64_t bits = from->present[i]; bits; bits &= bits - 1) {
			enum field field =
				(enum field)(i * 64 + (unsigned int)__builtin_ctzll(bits));

			copy_value(to, field, &from->values[field]);
		}
	if (from->error && !to->error)
		to->error = from->error;
}

void record_copy_groups(struct record *to, const struct record *from, unsigned int groups)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (field_rows[field].group & groups && record_has(from, (enum field)field)) {
			record_unset(to, (enum field)field);
			copy_value(to, (enum field)field, &from->values[field]);
		}
}

void record_unset(struct record *record, enum field field)
{
	part_with(record, field);
	record->present[field / 64] &= ~(1ull << (field % 64));
}

void record_raise_severity(struct record *record, unsigned int severity)
{
	if (record_number(record, FIELD_event_severity) < severity)
		record_set_number(record, FIELD_event_severity, severity);
}

struct text record_text(const struct record *record, enum field field)
{
	if (!record_has(record, field) || field_rows[field].type != TYPE_str)
		return (struct text){};
	return record->values[field].text;
}

uint64_t record_number(const struct record *record, enum field field)
{
	enum field_type type = field_rows[field].type;

	if (!record_has(record, field) || (type != TYPE_u64 && type != TYPE_time))
		return 0;
	return record->values[field].number;
}

size_t record_count(const struct record *record, enum field field)
{
	if (!record_has(record, field) || field_rows[field].type != TYPE_list)
		return 0;
	return record->values[field].list.count;
}

struct text record_item(const struct record *record, enum field field, size_t index)
{
	if (index >= record_count(record, field))
		return (struct text){};
	return record->values[field].list.items[index];
}
