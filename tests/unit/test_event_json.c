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
#include <cmocka.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "event/json.h"
#include "event/nesting.h"
#include "event/record.h"

#define ROUNDS 3000

struct world {
	struct record *record, *other;
	struct buffer line;
};

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
	uint64_t z = random_state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % below;
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	random_state = 20260102;
	*state = world;
	return record_new(&world->record) | record_new(&world->other);
}

static int drop_world(void **state)
{
	struct world *world = *state;

	record_free(world->record);
	record_free(world->other);
	buffer_free(&world->line);
	free(world);
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
	size_t length = 0, count = draw(6);

	if (draw(8) == 0) {
		length = draw(size);
		for (size_t i = 0; i < length; i++)
			room[i] = (char)draw(256);
		return (struct text){ room, length };
	}
	while (count--) {
		const struct text *piece = &pieces[draw(sizeof(pieces) / sizeof(pieces[0]))];

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

	if (draw(2))
		return corners[draw(sizeof(corners) / sizeof(corners[0]))];
	return draw(UINT64_MAX) >> draw(64);
}

static void draw_list(struct record *record, enum field field)
{
	size_t count = draw(4) ? draw(6) : draw(40);
	char room[64];

	record_set_empty_list(record, field);
	for (size_t i = 0; i < count; i++)
		record_add_text(record, field, draw_text(room, sizeof(room)));
}

/* Columns of equal length; each row has a member, and a column that is there has an item. */
static void draw_objects(struct record *record, const struct nesting *list)
{
	size_t count = draw(5), columns = list->end - list->first;
	char room[64];

	if (count == 0) {
		record_set_empty_list(record, list->field);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t members = 1 + draw((1ull << columns) - 1);

		if (i == 0)
			members = draw(2) ? 1 : (1ull << columns) - 1;
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
		record_set_boolean(record, field, draw(2));
		break;
	case TYPE_time: /* until the end of the year 2500 */
		record_set_number(record, field, draw(16756761600ull * NS_PER_SECOND));
		break;
	}
}

static void draw_record(struct record *record)
{
	uint64_t of = 1 + draw(4);

	record_begin(record, (enum event)draw(EVENT_COUNT));
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (draw(of) == 0 && field != FIELD_event_action)
			draw_value(record, (enum field)field);
	assert_int_equal(record->error, 0);
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

static void assert_records_equal(struct world *world)
{
	const struct record *a = world->record, *b = world->other;

	assert_int_equal(a->event, b->event);
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		bool has = record_has(a, (enum field)field);

		if (has != record_has(b, (enum field)field) ||
		    (has &&
		     !equal_values(field_rows[field].type, &a->values[field], &b->values[field])))
			fail_msg("%s did not come back from: %s", field_rows[field].path,
				 buffer_string(&world->line));
	}
}

static void write_line(struct world *world)
{
	buffer_clear(&world->line);
	record_append_json(world->record, &world->line);
	assert_int_equal(world->line.error, 0);
}

static void every_record_comes_back(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < ROUNDS; i++) {
		draw_record(world->record);
		write_line(world);
		assert_int_equal(
			record_parse_json(world->other, world->line.data, world->line.length), 0);
		assert_records_equal(world);
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
	struct world *world = *state;

	for (int i = 0; i < ROUNDS / 3; i++) {
		struct json_object *whole;

		draw_record(world->record);
		write_line(world);
		assert_utf8_without_controls(&world->line);
		whole = parse_strictly(&world->line);
		for (unsigned int field = 0; field < FIELD_COUNT; field++)
			if (record_has(world->record, (enum field)field) &&
			    !nestings[nesting_places[field]].column_length)
				assert_member(whole, (enum field)field,
					      &world->record->values[field]);
		json_object_put(whole);
	}
}

/* Another writer's spelling of the same: spaces, \/ and its own escapes. */
static void other_spellings_mean_the_same(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < ROUNDS / 3; i++) {
		struct json_object *whole;
		const char *spelled;
		size_t length;

		draw_record(world->record);
		write_line(world);
		whole = parse_strictly(&world->line);
		spelled = json_object_to_json_string_length(
			whole, i % 2 ? JSON_C_TO_STRING_PRETTY : JSON_C_TO_STRING_SPACED, &length);
		assert_int_equal(record_parse_json(world->other, spelled, length), 0);
		assert_records_equal(world);
		json_object_put(whole);
	}
}

static void damage_never_crashes(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < ROUNDS; i++) {
		size_t at;
		int r;

		draw_record(world->record);
		write_line(world);
		for (uint64_t flips = 1 + draw(3); flips > 0; flips--)
			world->line.data[draw(world->line.length)] ^= (char)(1 << draw(8));
		r = record_parse_json(world->other, world->line.data, world->line.length);
		assert_true(r == 0 || r == -EBADMSG);
		at = draw(world->line.length);
		assert_int_equal(record_parse_json(world->other, world->line.data, at), -EBADMSG);
	}
}

static void every_cut_line_is_refused(void **state)
{
	struct world *world = *state;

	draw_record(world->record);
	write_line(world);
	for (size_t length = 0; length < world->line.length; length++) {
		/* In memory of its own, so that a look behind the end is seen. */
		char *copy = malloc(length + !length);

		memcpy(copy, world->line.data, length);
		assert_int_equal(record_parse_json(world->other, copy, length), -EBADMSG);
		for (unsigned int field = 0; field < FIELD_COUNT; field++)
			assert_false(record_has(world->other, (enum field)field));
		free(copy);
	}
}

static void assert_written(struct world *world, const char *expected)
{
	write_line(world);
	assert_string_equal(buffer_string(&world->line), expected);
}

static void line_begins_as_the_verifier_expects(void **state)
{
	struct world *world = *state;

	record_begin(world->record, EVENT_api_request);
	record_set_number(world->record, FIELD_event_sequence, 7);
	record_set_string(world->record, FIELD_event_id, "0123456789abcdef-7");
	record_set_number(world->record, FIELD_timestamp, 1767323045678901234ull);
	assert_written(world,
		       "{\"@timestamp\":\"2026-01-02T03:04:05.678901234Z\",\"event\":{\"id\":"
		       "\"0123456789abcdef-7\",\"sequence\":7,\"kind\":\"event\","
		       "\"category\":\"api\",\"type\":\"access\",\"action\":\"api-request\","
		       "\"outcome\":\"unknown\",\"severity\":0}}");
}

static void nothing_is_an_empty_object(void **state)
{
	struct world *world = *state;

	record_begin(world->record, EVENT_COUNT);
	assert_written(world, "{}");
}

static void texts_are_escaped(void **state)
{
	static const struct {
		struct text text;
		const char *json;
	} cases[] = {
		{ TEXT("a"), "{\"name\":\"a\"}" },
		{ TEXT("1234567\x1f"), "{\"name\":\"1234567\\u001f\"}" },
		{ TEXT("\"\\/"), "{\"name\":\"\\\"\\\\/\"}" },
		{ TEXT("\b\t\n\f\r"), "{\"name\":\"\\b\\t\\n\\f\\r\"}" },
		{ TEXT("a\0b"), "{\"name\":\"a\\u0000b\"}" },
		{ TEXT("\x7f"), "{\"name\":\"\\u007f\"}" },
		{ TEXT("\xc2\x9b"), "{\"name\":\"\\u009b\"}" },
		{ TEXT("\xe2\x80\xa8\xe2\x80\xa9"), "{\"name\":\"\\u2028\\u2029\"}" },
		{ TEXT("\xe2\x80\xae\xe2\x81\xa6\xd8\x9c"),
		  "{\"name\":\"\\u202e\\u2066\\u061c\"}" },
		{ TEXT("\xc2\xa0\xc3\xa9\xf0\x9f\x90\xb3"),
		  "{\"name\":\"\xc2\xa0\xc3\xa9\xf0\x9f\x90\xb3\"}" },
		{ TEXT("\xff"), "{\"name\":\"\xef\xbf\xbd\",\"name_hex\":\"ff\"}" },
		{ TEXT("a\xed\xa0\x80"),
		  "{\"name\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"name_hex\":\"61eda080\"}" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[200];

		record_begin(world->record, EVENT_COUNT);
		record_set_text(world->record, FIELD_process_name, cases[i].text);
		snprintf(expected, sizeof(expected), "{\"process\":%s}", cases[i].json);
		assert_written(world, expected);
	}
}

static void lists_and_objects_are_spelled(void **state)
{
	struct world *world = *state;
	struct record *record = world->record;

	record_begin(record, EVENT_COUNT);
	record_add_text(record, FIELD_process_args, TEXT("ok"));
	record_add_text(record, FIELD_process_args, TEXT("\xfe"));
	record_add_text(record, FIELD_process_args, TEXT(""));
	record_set_empty_list(record, FIELD_process_ancestry);
	assert_written(world, "{\"process\":{\"args\":[\"ok\",\"\xef\xbf\xbd\",\"\"],"
			      "\"args_hex\":[\"\",\"fe\",\"\"],\"ancestry\":[]}}");

	record_begin(record, EVENT_COUNT);
	record_add_text(record, FIELD_declared_mounts_type, TEXT("bind"));
	record_add_text(record, FIELD_declared_mounts_type, TEXT("tmpfs"));
	record_add_text(record, FIELD_declared_mounts_source, TEXT("/\xff"));
	record_add_text(record, FIELD_declared_mounts_source, (struct text){});
	record_set_string(record, FIELD_witness, "bpf");
	assert_written(world, "{\"docktrail\":{\"declared\":{\"mounts\":[{\"type\":\"bind\","
			      "\"source\":\"/\xef\xbf\xbd\",\"source_hex\":\"2fff\"},"
			      "{\"type\":\"tmpfs\"}]},\"witness\":\"bpf\"}}");

	record_begin(record, EVENT_COUNT);
	record_set_empty_list(record, FIELD_declared_mounts_mode);
	assert_written(world, "{\"docktrail\":{\"declared\":{\"mounts\":[]}}}");
}

#define ACTION "\"event\":{\"action\":\"api-request\"}"

static void what_is_not_json_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"null",
		"[]",
		"\"event\"",
		"{}",
		"{\"event\":{}}",
		"{\"event\":{\"action\":1}}",
		"{" ACTION "}x",
		"{" ACTION "}{}",
		"{" ACTION ",}",
		"{," ACTION "}",
		"{" ACTION,
		"{" ACTION " \"a\":1}",
		"{" ACTION ",a:1}",
		"{" ACTION ",'a':1}",
		"{" ACTION ",\"a\" 1}",
		"{" ACTION ",\"a\":}",
		"{" ACTION ",\"a\":01}",
		"{" ACTION ",\"a\":-}",
		"{" ACTION ",\"a\":1.}",
		"{" ACTION ",\"a\":.5}",
		"{" ACTION ",\"a\":1e}",
		"{" ACTION ",\"a\":+1}",
		"{" ACTION ",\"a\":0x1}",
		"{" ACTION ",\"a\":tru}",
		"{" ACTION ",\"a\":True}",
		"{" ACTION ",\"a\":NaN}",
		"{" ACTION ",\"a\":\"\n\"}",
		"{" ACTION ",\"a\":\"\\x\"}",
		"{" ACTION ",\"a\":\"\\u12g4\"}",
		"{" ACTION ",\"a\":[1,]}",
		"{" ACTION ",\"a\":[1 2]}",
		"{" ACTION ",\"a\":[1}}",
		"{" ACTION ",\"a\":{1:2}}",
		"{" ACTION ",\"process\":{\"args\":[\"a\",]}}",
		"{" ACTION ",\"process\":{\"pid\":1,}}",
		"{" ACTION ",\"process\":{\"pid\":00}}",
		"{" ACTION ",\"process\":{\"args_cut\":fals}}",
		"{" ACTION "}\f",
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (record_parse_json(world->other, lines[i], strlen(lines[i])) != -EBADMSG)
			fail_msg("taken for a line: %s", lines[i]);
	assert_int_equal(record_parse_json(world->other, "{" ACTION "}\0", sizeof("{" ACTION "}")),
			 -EBADMSG);
}

static void parse(struct world *world, const char *line)
{
	if (record_parse_json(world->other, line, strlen(line)) != 0)
		fail_msg("refused: %s", line);
}

static unsigned int count_present(const struct record *record)
{
	unsigned int count = 0;

	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		count += record_has(record, (enum field)field);
	return count;
}

static void unknown_names_and_types_are_skipped(void **state)
{
	static const char *const lines[] = {
		"{\"new\":{\"a\":[{\"b\":[]},1,-2.5e+3,true,false,null,\"\\\"\"]}," ACTION "}",
		"{" ACTION ",\"process\":1}",
		"{" ACTION ",\"process\":[{\"pid\":1}]}",
		"{" ACTION ",\"process\":{\"pid\":\"1\",\"pid_hex\":\"00\",\"nam\":\"x\"}}",
		"{" ACTION ",\"process\":{\"pid\":-1,\"pid\":1.0,\"pid\":1e3,\"pid\":null}}",
		"{" ACTION ",\"process\":{\"pid\":18446744073709551616}}",
		"{" ACTION ",\"process\":{\"name\":{\"a\":1},\"args\":\"x\",\"args_cut\":\"x\"}}",
		"{" ACTION ",\"process\":{\"start\":\"yesterday\",\"name_hex\":\"61\"}}",
		"{" ACTION ",\"docktrail\":{\"declared\":{\"mounts\":{\"type\":\"x\"}}}}",
		"{" ACTION ",\"docktrail\":{\"declared\":{\"mounts\":[1,\"x\",{\"type\":2}]}}}",
		"{" ACTION ",\"docktrail\":{\"recorder\":{\"clock\":{\"step_ns\":"
		"9223372036854775808}}}}",
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(world, lines[i]);
		if (count_present(world->other) != 1)
			fail_msg("something was read from: %s", lines[i]);
	}
	parse(world, "{\"event\":{\"action\":\"brand-new\"}}");
	assert_int_equal(world->other->event, EVENT_COUNT);
}

static void assert_parsed(struct world *world, enum field field, struct text expected)
{
	assert_true(text_equal(record_text(world->other, field), expected));
}

static void escapes_are_undone(void **state)
{
	struct world *world = *state;

	parse(world, "{" ACTION ",\"process\":{\"name\":\"\\u0041\\u00e9\\u20AC\\ud83d\\udc33"
		     "\\\"\\\\\\/\\b\\f\\n\\r\\t\"}}");
	assert_parsed(world, FIELD_process_name,
		      TEXT("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\"\\/\b\f\n\r\t"));
	parse(world,
	      "{" ACTION ",\"process\":{\"name\":\"\\ud83dx\\udc33\\ud83d\\ud83d\\udc33\"}}");
	assert_parsed(world, FIELD_process_name,
		      TEXT("\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x90\xb3"));
	parse(world, "{\"\\u0065vent\":{\"acti\\u006fn\":\"api-re\\u0071uest\"}}\n");
	assert_int_equal(world->other->event, EVENT_api_request);
	parse(world, " { " ACTION " ,\t\"process\" :\r{ \"name\" : \"a\\u0000b\" , "
		     "\"name_hex\" : \"6g\" , \"args\" : [ \"x\" , 1 , \"y\" ] } } \n");
	assert_parsed(world, FIELD_process_name, TEXT("a\0b"));
	assert_int_equal(world->other->values[FIELD_process_args].list.count, 2);
}

static void the_last_of_two_counts(void **state)
{
	struct world *world = *state;
	const struct value *types = &world->other->values[FIELD_declared_mounts_type];

	parse(world, "{" ACTION ",\"process\":{\"pid\":1,\"args\":[\"a\",\"b\"]},"
		     "\"process\":{\"pid\":2,\"args\":[\"c\"]}}");
	assert_int_equal(record_number(world->other, FIELD_process_pid), 2);
	assert_int_equal(world->other->values[FIELD_process_args].list.count, 1);
	parse(world, "{" ACTION ",\"docktrail\":{\"declared\":{\"mounts\":[{\"mode\":\"x\"}],"
		     "\"mounts\":[{},{\"type\":\"a\",\"type\":\"b\"},{}]}}}");
	assert_int_equal(types->list.count, 3);
	assert_null(types->list.items[0].data);
	assert_memory_equal(types->list.items[1].data, "b", 1);
	assert_null(types->list.items[2].data);
	assert_false(record_has(world->other, FIELD_declared_mounts_mode));
}

static void depth_is_bounded(void **state)
{
	struct world *world = *state;
	char line[200];

	for (int depth = 1; depth < 60; depth++) {
		int length = snprintf(
			line, sizeof(line), "{" ACTION ",\"a\":%.*s%.*s}", depth,
			"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
			"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");

		assert_int_equal(record_parse_json(world->other, line, (size_t)length),
				 depth <= 15 ? 0 : -EBADMSG);
	}
}

static void size_is_bounded(void **state)
{
	struct world *world = *state;
	size_t length = RECORD_LINE_MOST + 1;
	char *line = malloc(length);
	struct buffer many = {};

	memset(line, ' ', length);
	memcpy(line, "{" ACTION "}", strlen("{" ACTION "}"));
	assert_int_equal(record_parse_json(world->other, line, length), -EBADMSG);
	assert_int_equal(record_parse_json(world->other, line, length - 1), 0);
	free(line);
	buffer_append_string(&many, "{" ACTION ",\"docktrail\":{\"declared\":{\"mounts\":[{}");
	for (unsigned int i = 0; i < RECORD_ITEMS_MOST; i++)
		buffer_append_string(&many, ",{}");
	buffer_append_string(&many, "]}}}");
	assert_int_equal(record_parse_json(world->other, many.data, many.length), -EBADMSG);
	buffer_free(&many);
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(every_record_comes_back),
		WORLD_TEST(every_line_is_json_and_says_all),
		WORLD_TEST(other_spellings_mean_the_same),
		WORLD_TEST(damage_never_crashes),
		WORLD_TEST(every_cut_line_is_refused),
		WORLD_TEST(line_begins_as_the_verifier_expects),
		WORLD_TEST(nothing_is_an_empty_object),
		WORLD_TEST(texts_are_escaped),
		WORLD_TEST(lists_and_objects_are_spelled),
		WORLD_TEST(what_is_not_json_is_refused),
		WORLD_TEST(unknown_names_and_types_are_skipped),
		WORLD_TEST(escapes_are_undone),
		WORLD_TEST(the_last_of_two_counts),
		WORLD_TEST(depth_is_bounded),
		WORLD_TEST(size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
