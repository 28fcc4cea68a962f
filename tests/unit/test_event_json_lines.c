// SPDX-License-Identifier: Apache-2.0
/* Lines that are written down here: how they are spelled, what is refused, skipped, bounded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "event/json.h"
#include "event/record.h"
#include "json_bed.h"

static void assert_written(struct json_bed *bed, const char *expected)
{
	json_bed_write_line(bed);
	assert_string_equal(buffer_string(&bed->line), expected);
}

static void line_begins_as_the_verifier_expects(void **state)
{
	struct json_bed *bed = *state;

	record_begin(bed->record, EVENT_api_request);
	record_set_number(bed->record, FIELD_event_sequence, 7);
	record_set_string(bed->record, FIELD_event_id, "0123456789abcdef-7");
	record_set_number(bed->record, FIELD_timestamp, 1767323045678901234ull);
	assert_written(bed, "{\"@timestamp\":\"2026-01-02T03:04:05.678901234Z\",\"event\":{\"id\":"
			    "\"0123456789abcdef-7\",\"sequence\":7,\"kind\":\"event\","
			    "\"category\":\"api\",\"type\":\"access\",\"action\":\"api-request\","
			    "\"outcome\":\"unknown\",\"severity\":0}}");
}

static void nothing_is_an_empty_object(void **state)
{
	struct json_bed *bed = *state;

	record_begin(bed->record, EVENT_COUNT);
	assert_written(bed, "{}");
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
	struct json_bed *bed = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[200];

		record_begin(bed->record, EVENT_COUNT);
		record_set_text(bed->record, FIELD_process_name, cases[i].text);
		snprintf(expected, sizeof(expected), "{\"process\":%s}", cases[i].json);
		assert_written(bed, expected);
	}
}

static void lists_and_objects_are_spelled(void **state)
{
	struct json_bed *bed = *state;
	struct record *record = bed->record;

	record_begin(record, EVENT_COUNT);
	record_add_text(record, FIELD_process_args, TEXT("ok"));
	record_add_text(record, FIELD_process_args, TEXT("\xfe"));
	record_add_text(record, FIELD_process_args, TEXT(""));
	record_set_empty_list(record, FIELD_process_ancestry);
	assert_written(bed, "{\"process\":{\"args\":[\"ok\",\"\xef\xbf\xbd\",\"\"],"
			    "\"args_hex\":[\"\",\"fe\",\"\"],\"ancestry\":[]}}");

	record_begin(record, EVENT_COUNT);
	record_add_text(record, FIELD_declared_mounts_type, TEXT("bind"));
	record_add_text(record, FIELD_declared_mounts_type, TEXT("tmpfs"));
	record_add_text(record, FIELD_declared_mounts_source, TEXT("/\xff"));
	record_add_text(record, FIELD_declared_mounts_source, (struct text){});
	record_set_string(record, FIELD_witness, "bpf");
	assert_written(bed, "{\"docktrail\":{\"declared\":{\"mounts\":[{\"type\":\"bind\","
			    "\"source\":\"/\xef\xbf\xbd\",\"source_hex\":\"2fff\"},"
			    "{\"type\":\"tmpfs\"}]},\"witness\":\"bpf\"}}");

	record_begin(record, EVENT_COUNT);
	record_set_empty_list(record, FIELD_declared_mounts_mode);
	assert_written(bed, "{\"docktrail\":{\"declared\":{\"mounts\":[]}}}");
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
	struct json_bed *bed = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (record_parse_json(bed->other, lines[i], strlen(lines[i])) != -EBADMSG)
			fail_msg("taken for a line: %s", lines[i]);
	assert_int_equal(record_parse_json(bed->other, "{" ACTION "}\0", sizeof("{" ACTION "}")),
			 -EBADMSG);
}

static void parse(struct json_bed *bed, const char *line)
{
	if (record_parse_json(bed->other, line, strlen(line)) != 0)
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
	struct json_bed *bed = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(bed, lines[i]);
		if (count_present(bed->other) != 1)
			fail_msg("something was read from: %s", lines[i]);
	}
	parse(bed, "{\"event\":{\"action\":\"brand-new\"}}");
	assert_int_equal(bed->other->event, EVENT_COUNT);
}

static void assert_parsed(struct json_bed *bed, enum field field, struct text expected)
{
	assert_true(text_equal(record_text(bed->other, field), expected));
}

static void escapes_are_undone(void **state)
{
	struct json_bed *bed = *state;

	parse(bed, "{" ACTION ",\"process\":{\"name\":\"\\u0041\\u00e9\\u20AC\\ud83d\\udc33"
		   "\\\"\\\\\\/\\b\\f\\n\\r\\t\"}}");
	assert_parsed(bed, FIELD_process_name,
		      TEXT("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\"\\/\b\f\n\r\t"));
	parse(bed, "{" ACTION ",\"process\":{\"name\":\"\\ud83dx\\udc33\\ud83d\\ud83d\\udc33\"}}");
	assert_parsed(bed, FIELD_process_name,
		      TEXT("\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x90\xb3"));
	parse(bed, "{\"\\u0065vent\":{\"acti\\u006fn\":\"api-re\\u0071uest\"}}\n");
	assert_int_equal(bed->other->event, EVENT_api_request);
	parse(bed, " { " ACTION " ,\t\"process\" :\r{ \"name\" : \"a\\u0000b\" , "
		   "\"name_hex\" : \"6g\" , \"args\" : [ \"x\" , 1 , \"y\" ] } } \n");
	assert_parsed(bed, FIELD_process_name, TEXT("a\0b"));
	assert_int_equal(bed->other->values[FIELD_process_args].list.count, 2);
}

static void the_last_of_two_counts(void **state)
{
	struct json_bed *bed = *state;
	const struct value *types = &bed->other->values[FIELD_declared_mounts_type];

	parse(bed, "{" ACTION ",\"process\":{\"pid\":1,\"args\":[\"a\",\"b\"]},"
		   "\"process\":{\"pid\":2,\"args\":[\"c\"]}}");
	assert_int_equal(record_number(bed->other, FIELD_process_pid), 2);
	assert_int_equal(bed->other->values[FIELD_process_args].list.count, 1);
	parse(bed, "{" ACTION ",\"docktrail\":{\"declared\":{\"mounts\":[{\"mode\":\"x\"}],"
		   "\"mounts\":[{},{\"type\":\"a\",\"type\":\"b\"},{}]}}}");
	assert_int_equal(types->list.count, 3);
	assert_null(types->list.items[0].data);
	assert_memory_equal(types->list.items[1].data, "b", 1);
	assert_null(types->list.items[2].data);
	assert_false(record_has(bed->other, FIELD_declared_mounts_mode));
}

static void depth_is_bounded(void **state)
{
	struct json_bed *bed = *state;
	char line[200];

	for (int depth = 1; depth < 60; depth++) {
		int length = snprintf(
			line, sizeof(line), "{" ACTION ",\"a\":%.*s%.*s}", depth,
			"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
			"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");

		assert_int_equal(record_parse_json(bed->other, line, (size_t)length),
				 depth <= 15 ? 0 : -EBADMSG);
	}
}

static void size_is_bounded(void **state)
{
	struct json_bed *bed = *state;
	size_t length = RECORD_LINE_MOST + 1;
	char *line = malloc(length);
	struct buffer many = {};

	memset(line, ' ', length);
	memcpy(line, "{" ACTION "}", strlen("{" ACTION "}"));
	assert_int_equal(record_parse_json(bed->other, line, length), -EBADMSG);
	assert_int_equal(record_parse_json(bed->other, line, length - 1), 0);
	free(line);
	buffer_append_string(&many, "{" ACTION ",\"docktrail\":{\"declared\":{\"mounts\":[{}");
	for (unsigned int i = 0; i < RECORD_ITEMS_MOST; i++)
		buffer_append_string(&many, ",{}");
	buffer_append_string(&many, "]}}}");
	assert_int_equal(record_parse_json(bed->other, many.data, many.length), -EBADMSG);
	buffer_free(&many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JSON_TEST(line_begins_as_the_verifier_expects),
		JSON_TEST(nothing_is_an_empty_object),
		JSON_TEST(texts_are_escaped),
		JSON_TEST(lists_and_objects_are_spelled),
		JSON_TEST(what_is_not_json_is_refused),
		JSON_TEST(unknown_names_and_types_are_skipped),
		JSON_TEST(escapes_are_undone),
		JSON_TEST(the_last_of_two_counts),
		JSON_TEST(depth_is_bounded),
		JSON_TEST(size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
