// SPDX-License-Identifier: Apache-2.0
/*
 * Every event with all that it may have: no object in its line has a key twice, of which other
 * readers than ours see one at will, and it comes back as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/json.h"
#include "event/json.h"
#include "event/record.h"
#include "json_bed.h"

#define KEYS_MOST 64

/* The keys that were seen in an object that is still open. */
struct keys {
	char keys[KEYS_MOST][FIELD_PATH_MOST];
	size_t count;
};

static void add_key(struct keys *object, struct text key, const char *line)
{
	assert_true(key.length < FIELD_PATH_MOST);
	for (size_t i = 0; i < object->count; i++)
		if (text_equal(key, text_of(object->keys[i])))
			fail_msg("%s stands twice in an object of: %s", object->keys[i], line);
	assert_true(object->count < KEYS_MOST);
	memcpy(object->keys[object->count], key.data, key.length);
	object->keys[object->count++][key.length] = '\0';
}

static void expect_each_key_once(struct buffer *line)
{
	static struct keys objects[JSON_MOST_DEPTH + 1];
	_cleanup_json_ struct json_reader json = {};
	enum json_event event;

	json_init(&json, 4096);
	json_feed(&json, line->data, line->length);
	while ((event = json_next(&json)) > JSON_MORE && event != JSON_DONE) {
		assert_int_not_equal(event, JSON_TOO_DEEP);
		if (event == JSON_OBJECT)
			objects[json.depth].count = 0;
		else if (event == JSON_KEY)
			add_key(&objects[json.depth], json.text, buffer_string(line));
	}
	assert_int_equal(event, JSON_DONE);
	/* Nothing is behind it. */
	assert_int_equal(json_next(&json), JSON_MORE);
	assert_true(json_is_between(&json));
}

/* With `behind` each text is its field's name and these bytes. */
static void fill_field(struct record *record, enum field field, struct text behind)
{
	char room[FIELD_PATH_MOST + 8];
	struct text text = { room, strlen(field_rows[field].path) };

	memcpy(room, field_rows[field].path, text.length);
	memcpy(room + text.length, behind.data, behind.length);
	text.length += behind.length;
	switch (field_rows[field].type) {
	case TYPE_str:
		record_set_text(record, field, text);
		break;
	case TYPE_list: /* of each column of a list of objects as many */
		record_add_text(record, field, text);
		record_add_text(record, field, TEXT("second"));
		break;
	case TYPE_u64:
	case TYPE_time:
		record_set_number(record, field, field + 1u);
		break;
	case TYPE_i64:
		record_set_integer(record, field, -1 - (int64_t)field);
		break;
	case TYPE_bool:
		record_set_boolean(record, field, true);
		break;
	}
}

static void fill_all(struct record *record, struct text behind)
{
	unsigned int groups = event_rows[record->event].groups;

	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (field_rows[field].group & groups && field != FIELD_event_action &&
		    !record_has(record, (enum field)field))
			fill_field(record, (enum field)field, behind);
	assert_int_equal(record->error, 0);
}

static void expect_whole(struct json_bed *bed)
{
	json_bed_write_line(bed);
	expect_each_key_once(&bed->line);
	assert_int_equal(record_parse_json(bed->other, bed->line.data, bed->line.length), 0);
	json_bed_expect_same(bed);
}

static void unset_head(struct record *record)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (field != FIELD_event_action)
			record_unset(record, (enum field)field);
}

static void every_event_whole(void **state)
{
	const struct text behind[] = { TEXT(""), TEXT("\xff") }; /* and with names of bytes */
	struct json_bed *bed = *state;

	for (unsigned int event = 0; event < EVENT_COUNT; event++)
		for (size_t i = 0; i < 2; i++) {
			record_begin(bed->record, (enum event)event);
			unset_head(bed->record);
			fill_all(bed->record, behind[i]);
			expect_whole(bed);
		}
}

/* As correlate/actor.c does it: what is told of a process again and again is written once. */
static void every_event_with_a_part(void **state)
{
	struct json_bed *bed = *state;
	struct buffer json = {};
	struct record *known;

	assert_int_equal(record_new(&known), 0);
	for (unsigned int event = 0; event < EVENT_COUNT; event++) {
		struct record_part part = { FIELD_process_pid, FIELD_process_ancestry, {} };

		if (!(event_rows[event].groups & GROUP_ACTOR))
			continue;
		record_begin(known, EVENT_COUNT);
		for (unsigned int field = 0; field < FIELD_COUNT; field++)
			if (field_rows[field].group == GROUP_ACTOR)
				fill_field(known, (enum field)field, TEXT(""));
		buffer_clear(&json);
		record_append_members(known, part.first, part.last, &json);
		part.json = (struct text){ json.data, json.length };
		record_begin(bed->record, (enum event)event);
		unset_head(bed->record);
		record_lend_all(bed->record, known, &part);
		fill_all(bed->record, TEXT(""));
		assert_non_null(bed->record->part.json.data);
		expect_whole(bed);
	}
	record_free(known);
	buffer_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JSON_TEST(every_event_whole),
		JSON_TEST(every_event_with_a_part),
	};

	return cmocka_run_group_tests_name("keys of events", tests, NULL, NULL);
}
