// SPDX-License-Identifier: Apache-2.0
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/terminal.h"
#include "output/escape.h"
#include "output/quantity.h"
#include "output/spans.h"
#include "story_lines.h"

#define LINES "tests/data/story/evening.jsonl"

static void expect_escaped(struct text text, const char *expected)
{
	_cleanup_buffer_ struct buffer buffer = {};

	escape_append(&buffer, text);
	buffer_append_char(&buffer, '\0');
	assert_string_equal(buffer.data, expected);
}

static void test_controls(void **state)
{
	expect_escaped(TEXT("plain text, 100 %"), "plain text, 100 %");
	expect_escaped(TEXT("\x1b[2J\x1b]0;t\x07"), "\\x1b[2J\\x1b]0;t\\x07");
	expect_escaped(TEXT("a\nb\rc\td\0e\x7f"), "a\\nb\\rc\\td\\x00e\\x7f");
	/* C1: CSI as one character, and as a byte of Latin-1. */
	expect_escaped(TEXT("\xc2\x9b"
			    "2J"),
		       "\\u009b2J");
	expect_escaped(TEXT("\x9b"
			    "2J"),
		       "\\x9b2J");
	expect_escaped(TEXT("C:\\x1b"), "C:\\\\x1b");
	expect_escaped((struct text){}, "");
}

static void test_hidden(void **state)
{
	expect_escaped(TEXT("a\u202eb\u2066c\u200fd"), "a\\u202eb\\u2066c\\u200fd");
	expect_escaped(TEXT("a\u200bb\ufeffc\u00add"), "a\\u200bb\\ufeffc\\u00add");
	expect_escaped(TEXT("a\u2028b\u2029c"), "a\\u2028b\\u2029c");
	expect_escaped(TEXT("a\U000e0041b"), "a\\U000e0041b");
	expect_escaped(TEXT("gr\u00fc\u00dfe \u65e5\u672c \U0001f433 \ufffd"),
		       "gr\u00fc\u00dfe \u65e5\u672c \U0001f433 \ufffd");
}

static void test_not_utf8(void **state)
{
	expect_escaped(TEXT("a\xff\xfe"), "a\\xff\\xfe");
	/* Longer than needed, a surrogate, above the last one, cut short. */
	expect_escaped(TEXT("\xc0\xaf"), "\\xc0\\xaf");
	expect_escaped(TEXT("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
	expect_escaped(TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80");
	expect_escaped(TEXT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
	expect_escaped(TEXT("\xe6\x97"), "\\xe6\\x97");
}

/* Whatever comes in, what goes out is printable UTF-8 without a control. */
static void test_every_byte(void **state)
{
	char bytes[512];
	_cleanup_buffer_ struct buffer once = {};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 131 + i / 7);
	escape_append(&once, (struct text){ bytes, sizeof(bytes) });
	for (size_t i = 0; i < once.length; i++)
		assert_true((unsigned char)once.data[i] >= 0x20 && once.data[i] != 0x7f);
}

static void expect_argument(struct text text, const char *expected)
{
	_cleanup_buffer_ struct buffer buffer = {};

	escape_append_argument(&buffer, text);
	assert_string_equal(buffer_string(&buffer), expected);
}

static void test_arguments(void **state)
{
	expect_argument(TEXT("--pid=host"), "--pid=host");
	expect_argument(TEXT("/:/host"), "/:/host");
	expect_argument(TEXT(""), "''");
	expect_argument(TEXT("two words"), "'two words'");
	expect_argument(TEXT("$(id)"), "'$(id)'");
	expect_argument(TEXT("it's"), "\"it's\"");
	expect_argument(TEXT("it's $HOME"), "'it'\\''s $HOME'");
	expect_argument(TEXT("a\033b"), "'a\\x1bb'");
	expect_argument(TEXT("gr\u00fcn"), "gr\u00fcn");
}

static void test_columns(void **state)
{
	static const char wide[] = "\u65e5\u672c", combined[] = "e\u0301";

	assert_int_equal(escape_columns("abc", 3), 3);
	assert_int_equal(escape_columns(wide, sizeof(wide) - 1), 4);
	assert_int_equal(escape_columns(combined, sizeof(combined) - 1), 1);
	assert_int_equal(escape_columns("\xff", 1), 1);
}

static void test_lay_out(void **state)
{
	_cleanup_spans_ struct spans spans = {};
	_cleanup_buffer_ struct buffer out = {};
	struct layout layout = { .width = 12, .indent = 2, .colour = true };

	spans_add(&spans, STYLE_plain, 2, TEXT("one"));
	spans_add(&spans, STYLE_plain, 1, TEXT("two"));
	spans_add(&spans, STYLE_alarm, 1, TEXT("three"));
	/* Joined on: it goes with the word before it. */
	spans_add(&spans, STYLE_plain, 0, TEXT("four"));
	spans_add(&spans, STYLE_plain, 1, TEXT("longer-than-a-line"));
	spans_add(&spans, STYLE_plain, 1, TEXT("end"));
	assert_int_equal(spans_columns(&spans), 3 + 4 + 6 + 4 + 19 + 4);
	spans_lay_out(&spans, &layout, &out);
	assert_string_equal(buffer_string(&out),
			    "one two\n  \033[1;31mthree\033[mfour\n  longer-than-a-line\n  end");
	buffer_clear(&out);
	layout = (struct layout){};
	assert_int_equal(spans_lay_out(&spans, &layout, &out), 40);
	assert_string_equal(buffer_string(&out), "one two threefour longer-than-a-line end");
}

static void test_quantities(void **state)
{
	char text[QUANTITY_MOST];

	assert_string_equal(quantity_duration(0, text), "0 ms");
	assert_string_equal(quantity_duration(99999999, text), "99 ms");
	assert_string_equal(quantity_duration(420000000, text), "0.42 s");
	assert_string_equal(quantity_duration(12000000000ull, text), "12 s");
	assert_string_equal(quantity_duration(363000000000ull, text), "6 min 3 s");
	assert_string_equal(quantity_duration(7500000000000ull, text), "2 h 5 min");
	assert_string_equal(quantity_duration(UINT64_MAX, text), "213503 d 23 h");
	assert_string_equal(quantity_bytes(1, text), "1 byte");
	assert_string_equal(quantity_bytes(1023, text), "1023 bytes");
	assert_string_equal(quantity_bytes(1024, text), "1 KiB");
	assert_string_equal(quantity_bytes(1229, text), "1.2 KiB");
	assert_string_equal(quantity_bytes(10200, text), "10 KiB");
	assert_string_equal(quantity_bytes(1048575, text), "1.0 MiB");
	assert_string_equal(quantity_bytes(64 << 20, text), "64 MiB");
	assert_string_equal(quantity_bytes(3ull << 30, text), "3 GiB");
	assert_string_equal(quantity_bytes(UINT64_MAX, text), "16 EiB");
}

static void test_text_format(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "text", &(struct format_options){});
	tell_file(&telling, LINES);
	tell_expect(&telling, "tests/data/story/evening.text");
}

/* Lines of the longest names that are usual stand below each other; an action is said once. */
static void test_text_columns(void **state)
{
	static const char first[] =
		"{\"@timestamp\":\"2026-11-22T00:00:00Z\",\"event\":{\"action\":"
		"\"container-exit\"},\"process\":{\"pid\":1,\"name\":\"sh\"},\"user\":{"
		"\"name\":\"a\"},\"container\":{\"name\":\"web\"}}";
	static const char second[] =
		"{\"@timestamp\":\"2026-11-22T00:00:00Z\",\"event\":{\"action\":"
		"\"recorder-heartbeat\"},\"process\":{\"pid\":21220,\"name\":"
		"\"runc:[0:PARENT]\"},\"user\":{\"name\":\"postgresql\"}}";
	struct telling_of_lines telling;
	const char *line;

	tell_begin(&telling, "text", &(struct format_options){});
	tell_line(&telling, first, sizeof(first) - 1);
	tell_line(&telling, second, sizeof(second) - 1);
	tell_flush(&telling);
	line = strchr(telling.text, '\n') + 1;
	assert_int_equal(strstr(telling.text, "\"web\"") - telling.text,
			 strstr(line, "recorder alive") - line);
	assert_ptr_equal(strstr(strstr(telling.text, "container-exit") + 1, "container-exit"),
			 NULL);
	tell_end(&telling);
}

static void test_json_format(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "json", &(struct format_options){ .colour = true, .width = 40 });
	tell_file(&telling, LINES);
	/* Byte for byte. */
	tell_expect(&telling, LINES);
}

/* No line of any human format lets a control through, whatever the trail says. */
static void test_hostile_line(void **state)
{
	static const char line[] =
		"{\"@timestamp\":\"2026-11-22T00:00:00Z\",\"event\":{\"action\":\"api-request\",\"severity\":75},"
		"\"process\":{\"pid\":1,\"entity_id\":\"\\u001b[2J\",\"name\":\"\\u001b[1m\",\"args\":[\"\\u001b]0;x\\u0007\","
		"\"\\u202e\"],\"ancestry\":[\"\\u009b[1]\",\"\\r[2]\"]},\"user\":{\"id\":\"\\u001b\",\"name\":\"\\u001bc\"},"
		"\"container\":{\"name\":\"\\u001b\",\"id\":\"\\u001b\"},\"url\":{\"path\":\"/\\u001b\",\"query\":\"\\u001b\"},"
		"\"http\":{\"request\":{\"method\":\"\\u001b\"}},\"docktrail\":{\"connector\":{\"process\":{\"pid\":1,\"name\":"
		"\"\\u001b\"}},\"api\":{\"state\":\"ambiguous\",\"reason\":\"\\u001b\",\"raw\":\"\\u001b\"},\"target\":{"
		"\"type\":\"\\u001b\",\"id\":\"\\u001b\",\"name\":\"\\u001b\"},\"declared\":{\"image\":\"\\u001b\",\"command\":"
		"[\"\\u001b\"],\"user\":\"\\u001b\",\"namespaces\":{\"pid\":\"container:\\u001b\"},\"mounts\":[{\"type\":\"\\u001b\","
		"\"source\":\"\\u001b\",\"target\":\"\\u001b\",\"mode\":\"\\u001b\"}],\"devices\":[\"\\u001b\"],\"capabilities\":"
		"{\"add\":[\"\\u001b\"]},\"security_options\":[\"\\u001b\"],\"sysctls\":[\"\\u001b\"]}}}";
	static const char *const formats[] = { "story", "text" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct telling_of_lines telling;

		tell_begin(&telling, formats[i], &(struct format_options){});
		tell_line(&telling, line, sizeof(line) - 1);
		assert_int_equal(telling.format->finish(telling.state), 0);
		tell_flush(&telling);
		assert_true(telling.length > 100);
		for (size_t at = 0; at < telling.length; at++)
			assert_true(telling.text[at] == '\n' ||
				    (unsigned char)telling.text[at] >= 0x20);
		assert_null(strstr(telling.text, "\u202e"));
		assert_null(strstr(telling.text, "\xc2\x9b"));
		tell_end(&telling);
	}
}

static void test_write_error(void **state)
{
	struct telling_of_lines telling;
	struct text line = TEXT(
		"{\"@timestamp\":\"2026-11-22T00:00:00Z\",\"event\":{\"action\":\"recorder-start\"}}");

	for (size_t i = 0; format_at(i); i++) {
		FILE *full = fopen("/dev/full", "w");
		void *format_state = NULL;
		int r;

		assert_non_null(full);
		setvbuf(full, NULL, _IONBF, 0);
		tell_begin(&telling, format_at(i)->name, &(struct format_options){});
		tell_line(&telling, line.data, line.length);
		assert_int_equal(
			format_at(i)->new (full, &(struct format_options){}, &format_state), 0);
		r = format_at(i)->write(format_state, telling.record, line);
		assert_int_equal(r ?: format_at(i)->finish(format_state), -28 /* ENOSPC */);
		format_at(i)->free(format_state);
		tell_end(&telling);
		fclose(full);
	}
}

static void test_colour(void **state)
{
	enum colour colour;

	assert_int_equal(colour_parse("never", &colour), 0);
	assert_false(terminal_colour(1, colour));
	assert_int_equal(colour_parse("always", &colour), 0);
	assert_true(terminal_colour(1, colour));
	assert_int_equal(colour_parse("sometimes", &colour), -22);
	setenv("NO_COLOR", "1", 1);
	assert_false(terminal_colour(1, COLOUR_AUTO));
	assert_true(terminal_colour(1, COLOUR_ALWAYS));
	assert_int_equal(terminal_width(-1), 0);
}

static int set_locale(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controls),    cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_not_utf8),    cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_arguments),   cmocka_unit_test(test_columns),
		cmocka_unit_test(test_lay_out),     cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_text_format), cmocka_unit_test(test_text_columns),
		cmocka_unit_test(test_json_format), cmocka_unit_test(test_hostile_line),
		cmocka_unit_test(test_write_error), cmocka_unit_test(test_colour),
	};

	return cmocka_run_group_tests(tests, set_locale, NULL);
}
