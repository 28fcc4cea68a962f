// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "commands/replay_count.h"
#include "event/record.h"

static void expect(const struct replay_count *count, bool json, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_int_equal(replay_count_write(count, out, json), 0);
	fclose(out);
	assert_string_equal(text, expected);
}

static int set_up(void **state)
{
	struct record *record;

	assert_int_equal(record_new(&record), 0);
	*state = record;
	return 0;
}

static int tear_down(void **state)
{
	record_free(*state);
	return 0;
}

static void add_text(struct replay_count *count, struct record *record, const char *text)
{
	record_begin(record, EVENT_api_request);
	record_set_string(record, FIELD_url_path, text);
	assert_int_equal(replay_count_add(count, record), 0);
}

static void test_texts(void **state)
{
	struct record *record = *state;
	struct replay_count *count;

	assert_int_equal(replay_count_new(FIELD_url_path, &count), 0);
	expect(count, false, "");
	expect(count, true, "");
	add_text(count, record, "/b");
	add_text(count, record, "/a");
	add_text(count, record, "/c");
	add_text(count, record, "/c");
	add_text(count, record, NULL);
	add_text(count, record, "-");
	add_text(count, record, "-");
	add_text(count, record, "-");
	add_text(count, record, "");
	add_text(count, record, "\x1b\"\\\xc3\xa4\xf0\x9f\x90\xb3\xff");
	/* What is absent is no text: it is first among what is as frequent. */
	expect(count, false,
	       "count  url.path\n"
	       "    3  \"-\"\n"
	       "    2  /c\n"
	       "    1  -\n"
	       "    1  \"\"\n"
	       "    1  \\x1b\"\\\\\xc3\xa4\xf0\x9f\x90\xb3\\xff\n"
	       "    1  /a\n"
	       "    1  /b\n");
	expect(count, true,
	       "{\"field\":\"url.path\",\"value\":\"-\",\"count\":3}\n"
	       "{\"field\":\"url.path\",\"value\":\"/c\",\"count\":2}\n"
	       "{\"field\":\"url.path\",\"value\":null,\"count\":1}\n"
	       "{\"field\":\"url.path\",\"value\":\"\",\"count\":1}\n"
	       "{\"field\":\"url.path\",\"value\":\"\\u001b\\\"\\\\\\u00e4\\ud83d\\udc33\\ufffd\","
	       "\"value_hex\":\"1b225cc3a4f09f90b3ff\",\"count\":1}\n"
	       "{\"field\":\"url.path\",\"value\":\"/a\",\"count\":1}\n"
	       "{\"field\":\"url.path\",\"value\":\"/b\",\"count\":1}\n");
	replay_count_free(count);
}

static void test_numbers(void **state)
{
	static const uint64_t numbers[] = { 100, 9, 100, 20, UINT64_MAX };
	struct record *record = *state;
	struct replay_count *count;

	assert_int_equal(replay_count_new(FIELD_process_pid, &count), 0);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		record_begin(record, EVENT_api_request);
		record_set_number(record, FIELD_process_pid, numbers[i]);
		assert_int_equal(replay_count_add(count, record), 0);
	}
	expect(count, true,
	       "{\"field\":\"process.pid\",\"value\":100,\"count\":2}\n"
	       "{\"field\":\"process.pid\",\"value\":9,\"count\":1}\n"
	       "{\"field\":\"process.pid\",\"value\":20,\"count\":1}\n"
	       "{\"field\":\"process.pid\",\"value\":18446744073709551615,\"count\":1}\n");
	replay_count_free(count);
	replay_count_free(NULL);
}

static void test_lists_and_booleans(void **state)
{
	struct record *record = *state;
	struct replay_count *lists, *flags;

	assert_int_equal(replay_count_new(FIELD_process_args, &lists), 0);
	assert_int_equal(replay_count_new(FIELD_process_args_cut, &flags), 0);
	for (int i = 0; i < 3; i++) {
		record_begin(record, EVENT_api_request);
		for (int j = 0; i < 2 && j < 3; j++)
			record_add_text(record, FIELD_process_args, j < 2 ? TEXT("a") : TEXT("b"));
		if (i == 2)
			record_set_empty_list(record, FIELD_process_args);
		else
			record_set_boolean(record, FIELD_process_args_cut, i == 1);
		assert_int_equal(replay_count_add(lists, record), 0);
		assert_int_equal(replay_count_add(flags, record), 0);
	}
	expect(lists, false, "count  process.args\n    2  a\n    2  b\n    1  -\n");
	expect(flags, true,
	       "{\"field\":\"process.args_cut\",\"value\":null,\"count\":1}\n"
	       "{\"field\":\"process.args_cut\",\"value\":false,\"count\":1}\n"
	       "{\"field\":\"process.args_cut\",\"value\":true,\"count\":1}\n");
	replay_count_free(lists);
	replay_count_free(flags);
}

/* Those that are there still grow; of what is new only the number is kept, and it is told. */
static void test_too_many(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct record *record = *state;
	struct replay_count *count;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_int_equal(replay_count_new(FIELD_process_pid, &count), 0);
	record_begin(record, EVENT_api_request);
	for (uint64_t i = 0; i < REPLAY_COUNT_VALUES_MOST + 7; i++) {
		record_set_number(record, FIELD_process_pid, i);
		assert_int_equal(replay_count_add(count, record), 0);
	}
	record_set_number(record, FIELD_process_pid, 5);
	assert_int_equal(replay_count_add(count, record), 0);
	assert_int_equal(replay_count_others(count), 7);
	assert_int_equal(replay_count_write(count, out, true), 0);
	fclose(out);
	assert_int_equal(strncmp(text, "{\"field\":\"process.pid\",\"value\":5,\"count\":2}\n", 43),
			 0);
	assert_string_equal(text + length - 48,
			    "\n{\"field\":\"process.pid\",\"others\":true,\"count\":7}\n" + 1);
	replay_count_free(count);
}

static void test_too_long(void **state)
{
	struct record *record = *state;
	struct replay_count *count;
	size_t length = 1u << 20;
	_cleanup_free_ char *text = calloc(1, length + 1);

	assert_non_null(text);
	assert_int_equal(replay_count_new(FIELD_url_path, &count), 0);
	for (unsigned int i = 0; i < REPLAY_COUNT_BYTES_MOST / length + 3; i++) {
		memset(text, 'a', length);
		text[0] = (char)(' ' + i);
		add_text(count, record, text);
	}
	assert_int_equal(replay_count_others(count), 3);
	replay_count_free(count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_texts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lists_and_booleans, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
