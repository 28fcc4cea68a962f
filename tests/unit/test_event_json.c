// SPDX-License-Identifier: Apache-2.0
/*
 * The writer against json-c and iconv, which know JSON and UTF-8 from elsewhere; the parser against
 * the writer, against json-c's spelling of the same, and against damage.
 */
#include <errno.h>
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "event/json.h"
#include "event/nesting.h"
#include "event/record.h"
#include "json_bed.h"

#define ROUNDS 3000

static void every_record_comes_back(void **state)
{
	struct json_bed *bed = *state;

	for (int i = 0; i < ROUNDS; i++) {
		json_bed_draw_record(bed->record);
		json_bed_write_line(bed);
		assert_int_equal(record_parse_json(bed->other, bed->line.data, bed->line.length),
				 0);
		json_bed_expect_same(bed);
	}
}

static void assert_utf8_without_controls(const struct buffer *line)
{
	iconv_t converter = iconv_open("UTF-32LE", "UTF-8");
	size_t left = line->length, room = 4 * line->length;
	uint32_t *codes = malloc(room + 1);
	char *in = line->data, *out = (char *)codes;

	assert_true(converter != (iconv_t)-1);
	assert_true(iconv(converter, &in, &left, &out, &room) != (size_t)-1);
	iconv_close(converter);
	for (uint32_t *code = codes; (char *)code < out; code++) {
		assert_true(*code >= 0x20);
		assert_false(*code >= 0x7f && *code < 0xa0);
		assert_false(*code == 0x61c || *code == 0x200e || *code == 0x200f);
		assert_false(*code >= 0x2028 && *code <= 0x202e);
		assert_false(*code >= 0x2066 && *code <= 0x2069);
	}
	free(codes);
}

/* The member at a dotted path; duplicate keys show here, since json-c keeps the last one only. */
static struct json_object *member(struct json_object *object, const char *path)
{
	char part[FIELD_PATH_MOST];

	for (;;) {
		size_t length = strcspn(path, ".");

		memcpy(part, path, length);
		part[length] = '\0';
		if (!json_object_object_get_ex(object, part, &object))
			return NULL;
		if (!path[length])
			return object;
		path += length + 1;
	}
}

static bool same_text(struct json_object *object, struct text text)
{
	return json_object_is_type(object, json_type_string) &&
	       (size_t)json_object_get_string_len(object) == text.length &&
	       !memcmp(json_object_get_string(object), text.data, text.length);
}

static bool is_clean(struct text text)
{
	iconv_t converter = iconv_open("UTF-32LE", "UTF-8");
	uint32_t codes[1024];
	size_t left = text.length, room = sizeof(codes);
	char *in = (char *)text.data, *out = (char *)codes;
	bool clean = iconv(converter, &in, &left, &out, &room) != (size_t)-1;

	iconv_close(converter);
	return clean;
}

static void assert_hex(struct json_object *hex, struct text original)
{
	struct buffer expected = {};

	buffer_append_hex(&expected, original.data, original.length);
	assert_non_null(hex);
	assert_string_equal(json_object_get_string(hex), buffer_string(&expected));
	buffer_free(&expected);
}

static void assert_member(struct json_object *whole, enum field field, const struct value *value)
{
	struct json_object *found = member(whole, field_rows[field].path), *hex;
	char name[FIELD_PATH_MOST + 8];

	if (!found)
		fail_msg("%s is not in the line", field_rows[field].path);
	snprintf(name, sizeof(name), "%s_hex", field_rows[field].path);
	hex = member(whole, name);
	switch (field_rows[field].type) {
	case TYPE_str:
		if (is_clean(value->text)) {
			assert_true(same_text(found, value->text));
			assert_null(hex);
		} else {
			assert_non_null(memmem(json_object_get_string(found),
					       (size_t)json_object_get_string_len(found),
					       "\xef\xbf\xbd", 3));
			assert_hex(hex, value->text);
		}
		break;
	case TYPE_list:
		assert_int_equal(json_object_array_length(found), value->list.count);
		for (size_t i = 0; i < value->list.count; i++)
			if (is_clean(value->list.items[i]))
				assert_true(same_text(json_object_array_get_idx(found, i),
						      value->list.items[i]));
			else
				assert_hex(json_object_array_get_idx(hex, i), value->list.items[i]);
		break;
	case TYPE_u64:
		assert_true(json_object_get_uint64(found) == value->number);
		break;
	case TYPE_i64:
		assert_true(json_object_get_int64(found) == value->integer);
		break;
	case TYPE_bool:
		assert_true(json_object_is_type(found, json_type_boolean));
		assert_int_equal(json_object_get_boolean(found), value->boolean);
		break;
	case TYPE_time:
		assert_true(json_object_is_type(found, json_type_string));
		break;
	}
}

static struct json_object *parse_strictly(const struct buffer *line)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *whole;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	whole = json_tokener_parse_ex(tokener, line->data, (int)line->length);
	if (!whole || json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != line->length)
		fail_msg("no JSON: %.*s", (int)line->length, line->data);
	json_tokener_free(tokener);
	return whole;
}

static void every_line_is_json_and_says_all(void **state)
{
	struct json_bed *bed = *state;

	for (int i = 0; i < ROUNDS / 3; i++) {
		struct json_object *whole;

		json_bed_draw_record(bed->record);
		json_bed_write_line(bed);
		assert_utf8_without_controls(&bed->line);
		whole = parse_strictly(&bed->line);
		for (unsigned int field = 0; field < FIELD_COUNT; field++)
			if (record_has(bed->record, (enum field)field) &&
			    !nestings[nesting_places[field]].column_length)
				assert_member(whole, (enum field)field,
					      &bed->record->values[field]);
		json_object_put(whole);
	}
}

/* Another writer's spelling of the same: spaces, \/ and its own escapes. */
static void other_spellings_mean_the_same(void **state)
{
	struct json_bed *bed = *state;

	for (int i = 0; i < ROUNDS / 3; i++) {
		struct json_object *whole;
		const char *spelled;
		size_t length;

		json_bed_draw_record(bed->record);
		json_bed_write_line(bed);
		whole = parse_strictly(&bed->line);
		spelled = json_object_to_json_string_length(
			whole, i % 2 ? JSON_C_TO_STRING_PRETTY : JSON_C_TO_STRING_SPACED, &length);
		assert_int_equal(record_parse_json(bed->other, spelled, length), 0);
		json_bed_expect_same(bed);
		json_object_put(whole);
	}
}

static void damage_never_crashes(void **state)
{
	struct json_bed *bed = *state;

	for (int i = 0; i < ROUNDS; i++) {
		size_t at;
		int r;

		json_bed_draw_record(bed->record);
		json_bed_write_line(bed);
		for (uint64_t flips = 1 + json_bed_draw(3); flips > 0; flips--)
			bed->line.data[json_bed_draw(bed->line.length)] ^=
				(char)(1 << json_bed_draw(8));
		r = record_parse_json(bed->other, bed->line.data, bed->line.length);
		assert_true(r == 0 || r == -EBADMSG);
		at = json_bed_draw(bed->line.length);
		assert_int_equal(record_parse_json(bed->other, bed->line.data, at), -EBADMSG);
	}
}

static void every_cut_line_is_refused(void **state)
{
	struct json_bed *bed = *state;

	json_bed_draw_record(bed->record);
	json_bed_write_line(bed);
	for (size_t length = 0; length < bed->line.length; length++) {
		/* In memory of its own, so that a look behind the end is seen. */
		char *copy = malloc(length + !length);

		memcpy(copy, bed->line.data, length);
		assert_int_equal(record_parse_json(bed->other, copy, length), -EBADMSG);
		for (unsigned int field = 0; field < FIELD_COUNT; field++)
			assert_false(record_has(bed->other, (enum field)field));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JSON_TEST(every_record_comes_back),
		JSON_TEST(every_line_is_json_and_says_all),
		JSON_TEST(other_spellings_mean_the_same),
		JSON_TEST(damage_never_crashes),
		JSON_TEST(every_cut_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
