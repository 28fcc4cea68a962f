// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/text_list.h"

/* The events as text: {}[] k:text s:text n:text t f z, ^ too deep, . done, ! error; (N) where cut.
 */
static void describe(struct json_reader *reader, struct buffer *out)
{
	static const char letters[] = "?{}[]ksntfz^.";
	enum json_event event;

	while ((event = json_next(reader)) > JSON_MORE) {
		buffer_append_char(out, letters[event]);
		if (event < JSON_KEY || event > JSON_NUMBER)
			continue;
		buffer_append_char(out, ':');
		buffer_append(out, reader->text.data, reader->text.length);
		if (reader->text_cut)
			buffer_printf(out, "(%zu)", reader->text_length);
		buffer_append_char(out, ' ');
	}
	if (event == JSON_ERROR)
		buffer_append_char(out, '!');
}

static void read_pieces(const char *json, size_t length, size_t most, size_t first, size_t piece,
			struct buffer *out)
{
	_cleanup_json_ struct json_reader reader;
	size_t at = 0, part = first;

	json_init(&reader, most);
	buffer_clear(out);
	for (; at < length && !reader.error; at += part, part = piece) {
		/* A copy of its own, so that a read beyond the piece is seen. */
		char *copy;

		if (part > length - at)
			part = length - at;
		copy = malloc(part);
		assert_non_null(copy);
		memcpy(copy, json + at, part);
		json_feed(&reader, copy, part);
		describe(&reader, out);
		if (at + part >= length && !reader.error) {
			json_finish(&reader);
			describe(&reader, out);
		}
		free(copy);
	}
	assert_int_equal(out->error, 0);
}

static void expect_bounded(const char *json, size_t length, size_t most, const char *expected)
{
	_cleanup_buffer_ struct buffer out = {};

	for (size_t first = 1; first <= length; first++) {
		read_pieces(json, length, most, first, length, &out);
		assert_string_equal(buffer_string(&out), expected);
	}
	for (size_t piece = 1; piece < 5; piece++) {
		read_pieces(json, length, most, piece, piece, &out);
		assert_string_equal(buffer_string(&out), expected);
	}
}

static void expect(const char *json, const char *expected)
{
	expect_bounded(json, strlen(json), 1000, expected);
}

static void test_values(void **state)
{
	expect("{}", "{}.");
	expect(" [ ] ", "[].");
	expect("{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"e\"}}",
	       "{k:a n:1 k:b [tfz]k:c {k:d s:e }}.");
	expect("\"x\"", "s:x .");
	expect("12", "n:12 .");
	expect("-0.5e+3 ", "n:-0.5e+3 .");
	expect("[1,-2.25,3E7,0]", "[n:1 n:-2.25 n:3E7 n:0 ].");
	expect("true", "t.");
	expect("{\"a\":{}}\r\n{\"b\":[]} 3", "{k:a {}}.{k:b []}.n:3 .");
	expect("  \t\r\n", "");
}

static void test_strings(void **state)
{
	expect("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[s:\"\\/\b\f\n\r\t ].");
	expect("\"\\u0041\\u00e9\\u20AC\"", "s:A\xc3\xa9\xe2\x82\xac .");
	expect("\"\\ud83d\\ude00\"", "s:\xf0\x9f\x98\x80 .");
	expect("\"a\\ud83db\"", "s:a\xef\xbf\xbd"
				"b .");
	expect("\"\\ud83d\"", "s:\xef\xbf\xbd .");
	expect("\"\\ud83d\\n\"", "s:\xef\xbf\xbd\n .");
	expect("\"\\ud83d\\ud83d\\ude00\"", "s:\xef\xbf\xbd\xf0\x9f\x98\x80 .");
	expect("\"\\ude00x\"", "s:\xef\xbf\xbdx .");
	expect("\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
	       "s:caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 .");
	/* What is not UTF-8: each byte one U+FFFD, as Go does. */
	expect("\"a\xff"
	       "b\"",
	       "s:a\xef\xbf\xbd"
	       "b .");
	expect("\"\xc3\"", "s:\xef\xbf\xbd .");
	expect("\"\xe2\x82\"", "s:\xef\xbf\xbd\xef\xbf\xbd .");
	expect("\"\xe2\x82\\n\"", "s:\xef\xbf\xbd\xef\xbf\xbd\n .");
	expect("\"\xe2\x82\xe2\x82\xac\"", "s:\xef\xbf\xbd\xef\xbf\xbd\xe2\x82\xac .");
	expect("\"\xc0\x80\"", "s:\xef\xbf\xbd\xef\xbf\xbd .");
	expect("\"\xed\xa0\x80\"", "s:\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd .");
	expect("\"\xf4\x90\x80\x80\"", "s:\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd .");
	expect("{\"K\\u0065y\":0}", "{k:Key n:0 }.");
}

static void test_zero_byte_in_string(void **state)
{
	struct json_reader reader;

	json_init(&reader, 10);
	json_feed(&reader, "\"a\\u0000b\"", 10);
	assert_int_equal(json_next(&reader), JSON_STRING);
	assert_int_equal(reader.text.length, 3);
	assert_memory_equal(reader.text.data, "a\0b", 3);
	json_free(&reader);
}

static void test_errors(void **state)
{
	static const char *const bad[] = {
		"}",     "]",    "[}",      "{]",          "{\"a\"}",    "{\"a\" 1}",
		"{1:2}", "{,}",  "[,]",     "[1,]",        "{\"a\":1,}", "[1 2]",
		"tru ",  "nul]", "[01]",    "[1.]",        "[.5]",       "[-]",
		"[1e]",  "[+1]", "\"\\x\"", "\"\\u12g4\"", "\"\n\"",     "\"\x01\"",
		"[1e+]", "'a'",  "[--1]",   "{\"a\":}",    "truE ",      "\"\\",
	};

	for (size_t i = 0; i + 1 < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_buffer_ struct buffer out = {};
		size_t length = strlen(bad[i]);

		for (size_t first = 1; first <= length; first++) {
			read_pieces(bad[i], length, 100, first, length, &out);
			if (out.length == 0 || out.data[out.length - 1] != '!')
				fail_msg("%s was taken: %s", bad[i], buffer_string(&out));
		}
	}
}

static void test_error_stays(void **state)
{
	_cleanup_json_ struct json_reader reader;

	json_init(&reader, 10);
	json_feed(&reader, "}", 1);
	assert_int_equal(json_next(&reader), JSON_ERROR);
	assert_int_equal(reader.error, -EBADMSG);
	json_feed(&reader, "1 ", 2);
	assert_int_equal(json_next(&reader), JSON_ERROR);
	json_reset(&reader);
	json_feed(&reader, "1 ", 2);
	assert_int_equal(json_next(&reader), JSON_NUMBER);
}

static void test_truncated(void **state)
{
	expect("{\"a\":[1,{\"b\":\"cd", "{k:a [n:1 {k:b ");
	expect("{\"a\":tr", "{k:a ");
	expect("{\"a", "{");
	expect("{\"a\":\"x\\u00", "{k:a ");
}

static void test_bounds(void **state)
{
	expect_bounded("[\"abcdef\",\"abc\",12345]", 22, 3, "[s:abc(6) s:abc n:123(5) ].");
	/* A number that is too long is not checked, however it comes. */
	expect_bounded("[1-2-3]", 7, 3, "[n:1-2(5) ].");
	/* A character is whole or absent. */
	expect_bounded("\"a\xe2\x82\xac\"", 6, 3, "s:a(4) .");
	expect_bounded("\"a\xe2\x82\xac"
		       "b\"",
		       7, 3, "s:a(5) .");
	expect_bounded("\"a\\u20acb\"", 10, 3, "s:a(5) .");
	expect_bounded("{\"abcd\":1}", 10, 3, "{k:abc(4) n:1 }.");
}

static void test_depth(void **state)
{
	_cleanup_buffer_ struct buffer json = {}, expected = {};

	buffer_append_string(&json, "{\"a\":");
	buffer_append_string(&expected, "{k:a ");
	for (size_t i = 0; i < 9000; i++)
		buffer_append_char(&json, '[');
	buffer_append_string(&json, "{\"]\\\"]\":\"\\\\\"}");
	for (size_t i = 0; i < 9000; i++)
		buffer_append_char(&json, ']');
	buffer_append_string(&json, ",\"b\":1}");
	for (size_t i = 0; i < JSON_MOST_DEPTH - 1; i++)
		buffer_append_char(&expected, '[');
	buffer_append_char(&expected, '^');
	for (size_t i = 0; i < JSON_MOST_DEPTH - 1; i++)
		buffer_append_char(&expected, ']');
	buffer_append_string(&expected, "k:b n:1 }.");
	for (size_t piece = 1; piece < json.length; piece += 1 + piece / 3) {
		_cleanup_buffer_ struct buffer out = {};

		read_pieces(json.data, json.length, 100, piece, piece, &out);
		assert_string_equal(buffer_string(&out), buffer_string(&expected));
	}
}

static void test_between(void **state)
{
	_cleanup_json_ struct json_reader reader;

	json_init(&reader, 10);
	assert_true(json_is_between(&reader));
	json_feed(&reader, "[1", 2);
	while (json_next(&reader) > JSON_MORE)
		;
	assert_false(json_is_between(&reader));
	json_feed(&reader, "]", 1);
	while (json_next(&reader) > JSON_MORE)
		;
	assert_true(json_is_between(&reader));
}

static void test_text_list(void **state)
{
	_cleanup_text_list_ struct text_list list = {}, other = {};
	char big[1000] = {};

	assert_int_equal(text_list_append_terminated(&list, "a\0\0bc", 5), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(text_list_at(&list, 0).data, "a");
	assert_int_equal(text_list_at(&list, 1).length, 0);
	assert_string_equal(text_list_at(&list, 2).data, "bc");
	assert_int_equal(text_list_append(&other, TEXT("x\0y")), 0);
	assert_int_equal(text_list_append_all(&list, &other), 0);
	assert_int_equal(text_list_at(&list, 3).length, 3);
	assert_false(list.cut);
	text_list_clear(&list);
	for (size_t i = 0; i < 66; i++)
		assert_int_equal(text_list_append(&list, (struct text){ big, sizeof(big) }), 0);
	assert_true(list.cut);
	assert_int_equal(list.count, 66);
	assert_int_equal(list.bytes.length, TEXT_LIST_MOST_BYTES);
	text_list_clear(&list);
	for (size_t i = 0; i < TEXT_LIST_MOST_ITEMS + 1; i++)
		assert_int_equal(text_list_append(&list, TEXT("")), 0);
	assert_int_equal(list.count, TEXT_LIST_MOST_ITEMS);
	assert_true(list.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_zero_byte_in_string),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_error_stays),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_text_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
