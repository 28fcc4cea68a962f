// SPDX-License-Identifier: Apache-2.0
#include "json_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "event/json.h"
#include "event/nesting.h"

static uint64_t random_state;

uint64_t json_bed_draw(uint64_t below)
{
	random_state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
	uint64_t z = random_state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % below;
}

int json_bed_set_up(void **state)
{
	struct json_bed *bed = calloc(1, sizeof(*bed));

	random_state = 20260102;
	*state = bed;
	return record_new(&bed->record) | record_new(&bed->other);
}

int json_bed_tear_down(void **state)
{
	struct json_bed *bed = *state;

	record_free(bed->record);
	record_free(bed->other);
	buffer_free(&bed->line);
	free(bed);
	return 0;
}

/* Pieces that are hostile to some layer each. */
static const struct text pieces[] = {
	TEXT(""),
	TEXT("docker"),
	TEXT("0123456789abcdef"),
	TEXT("\""),
	TEXT("\\"),
	TEXT("\\u0041\\n"),
	TEXT("\n\t\r\b\f"),
	TEXT("\0"),
	TEXT("\x1b[31m"),
	TEXT("\x7f"),
	TEXT("\xc2\x85"),         /* C1 */
	TEXT("\xe2\x80\xa8"),     /* U+2028 */
	TEXT("\xe2\x80\xae"),     /* right-to-left override */
	TEXT("\xc3\xa9\xc3\xa8"), /* two letters */
	TEXT("\xe2\x82\xac"),     /* euro */
	TEXT("\xf0\x9f\x90\xb3"), /* a whale */
	TEXT("\xef\xbf\xbd"),     /* a true U+FFFD */
	TEXT("\xef\xbf\xbf"),     /* a noncharacter, valid all the same */
	TEXT("\xff"),             /* never valid */
	TEXT("\x80\x80"),         /* stray */
	TEXT("\xc0\xaf"),         /* overlong */
	TEXT("\xed\xa0\x80"),     /* a surrogate */
	TEXT("\xf4\x90\x80\x80"), /* beyond the end */
	TEXT("\xf0\x9f\x90"),     /* cut off */
	TEXT("_hex"),
};

static struct text draw_text(char *room, size_t size)
{
	size_t length = 0, count = json_bed_draw(6);

	if (json_bed_draw(8) == 0) {
		length = json_bed_draw(size);
		for (size_t i = 0; i < length; i++)
			room[i] = (char)json_bed_draw(256);
		return (struct text){ room, length };
	}
	while (count--) {
		const struct text *piece =
			&pieces[json_bed_draw(sizeof(pieces) / sizeof(pieces[0]))];

		if (length + piece->length > size)
			break;
		memcpy(room + length, piece->data, piece->length);
		length += piece->length;
	}
	return (struct text){ room, length };
}

static uint64_t draw_number(void)
{
	static const uint64_t corners[] = { 0,
					    1,
					    UINT32_MAX,
					    (uint64_t)INT64_MAX,
					    (uint64_t)INT64_MAX + 1,
					    UINT64_MAX - 1,
					    UINT64_MAX };

	if (json_bed_draw(2))
		return corners[json_bed_draw(sizeof(corners) / sizeof(corners[0]))];
	return json_bed_draw(UINT64_MAX) >> json_bed_draw(64);
}

static void draw_list(struct record *record, enum field field)
{
	size_t count = json_bed_draw(4) ? json_bed_draw(6) : json_bed_draw(40);
	char room[64];

	record_set_empty_list(record, field);
	for (size_t i = 0; i < count; i++)
		record_add_text(record, field, draw_text(room, sizeof(room)));
}

/* Columns of equal length; each row has a member, and a column that is there has an item. */
static void draw_objects(struct record *record, const struct nesting *list)
{
	size_t count = json_bed_draw(5), columns = list->end - list->first;
	char room[64];

	if (count == 0) {
		record_set_empty_list(record, list->field);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t members = 1 + json_bed_draw((1ull << columns) - 1);

		if (i == 0)
			members = json_bed_draw(2) ? 1 : (1ull << columns) - 1;
		for (size_t c = 0; c < columns; c++) {
			enum field field = nestings[list->first + c].field;

			if (i > 0 && !record_has(record, field))
				members = members & ~(1ull << c) ? members & ~(1ull << c) : 1;
		}
		for (size_t c = 0; c < columns; c++) {
			enum field field = nestings[list->first + c].field;

			if (members >> c & 1)
				record_add_text(record, field, draw_text(room, sizeof(room)));
			else if (i > 0 && record_has(record, field))
				record_add_text(record, field, (struct text){});
		}
	}
}

static void draw_value(struct record *record, enum field field)
{
	const struct nesting *nesting = &nestings[nesting_places[field]];
	char room[300];

	switch (field_rows[field].type) {
	case TYPE_str:
		record_set_text(record, field, draw_text(room, sizeof(room)));
		break;
	case TYPE_list:
		if (!nesting->column_length)
			draw_list(record, field);
		else if (nesting_places[field] == nesting->first)
			draw_objects(record, nesting);
		break;
	case TYPE_u64:
		record_set_number(record, field, draw_number());
		break;
	case TYPE_i64:
		record_set_integer(record, field, (int64_t)draw_number());
		break;
	case TYPE_bool:
		record_set_boolean(record, field, json_bed_draw(2));
		break;
	case TYPE_time: /* until the end of the year 2500 */
		record_set_number(record, field, json_bed_draw(16756761600ull * NS_PER_SECOND));
		break;
	}
}

void json_bed_draw_record(struct record *record)
{
	uint64_t of = 1 + json_bed_draw(4);

	record_begin(record, (enum event)json_bed_draw(EVENT_COUNT));
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (json_bed_draw(of) == 0 && field != FIELD_event_action)
			draw_value(record, (enum field)field);
	assert_int_equal(record->error, 0);
}

void json_bed_write_line(struct json_bed *bed)
{
	buffer_clear(&bed->line);
	record_append_json(bed->record, &bed->line);
	assert_int_equal(bed->line.error, 0);
}

static bool equal_lists(const struct value *a, const struct value *b)
{
	if (a->list.count != b->list.count)
		return false;
	for (size_t i = 0; i < a->list.count; i++)
		if (!a->list.items[i].data != !b->list.items[i].data ||
		    !text_equal(a->list.items[i], b->list.items[i]))
			return false;
	return true;
}

static bool equal_values(enum field_type type, const struct value *a, const struct value *b)
{
	switch (type) {
	case TYPE_str:
		return text_equal(a->text, b->text);
	case TYPE_list:
		return equal_lists(a, b);
	case TYPE_u64:
	case TYPE_time:
		return a->number == b->number;
	case TYPE_i64:
		return a->integer == b->integer;
	case TYPE_bool:
		return a->boolean == b->boolean;
	}
	return false;
}

void json_bed_expect_same(struct json_bed *bed)
{
	const struct record *a = bed->record, *b = bed->other;

	assert_int_equal(a->event, b->event);
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		bool has = record_has(a, (enum field)field);

		if (has != record_has(b, (enum field)field) ||
		    (has &&
		     !equal_values(field_rows[field].type, &a->values[field], &b->values[field])))
			fail_msg("%s did not come back from: %s", field_rows[field].path,
				 buffer_string(&bed->line));
	}
}
