// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/buffer.h"
#include "base/text.h"
#include "commands/replay_count.h"
#include "event/record.h"
#include "trail/frame.h"
#include "trail/summary.h"

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

/* A frame's summary, of events with these kinds and containers. */
static void make_frame(struct trail_header *header, struct buffer *summary, size_t events,
		       uint64_t raw_length)
{
	static struct trail_summary counting;

	trail_summary_clear(&counting, 1);
	for (size_t i = 0; i < events; i++) {
		char container[65];
		const struct trail_term terms[] = {
			{ TRAIL_TERM_KIND, i % 3 ? "api-request" : "oom-kill", i % 3 ? 11 : 8 },
			{ TRAIL_TERM_CONTAINER, container, 64 },
			{ TRAIL_TERM_USER, "1000", i % 2 ? 4 : 0 },
		};

		snprintf(container, sizeof(container), "%064zx", i / 2);
		trail_summary_add(&counting, 1 + i, terms, 3);
	}
	*header = (struct trail_header){ .event_count = events };
	trail_summary_encode(&counting, raw_length, summary);
	header->summary = (const uint8_t *)summary->data;
	header->summary_length = (uint32_t)summary->length;
}

static void test_frames(void **state)
{
	_cleanup_buffer_ struct buffer summary = {}, narrow = {};
	struct replay_count *count;
	struct trail_header header;

	make_frame(&header, &summary, 5, 1 << 20);
	assert_int_equal(replay_count_new(FIELD_event_action, &count), 0);
	assert_int_equal(replay_count_add_frame(count, &header), 1);
	assert_int_equal(replay_count_add_frame(count, &header), 1);
	expect(count, false, "count  event.action\n    6  api-request\n    4  oom-kill\n");
	replay_count_free(count);
	/* Who is no user is none. */
	assert_int_equal(replay_count_new(FIELD_user_id, &count), 0);
	assert_int_equal(replay_count_add_frame(count, &header), 1);
	expect(count, false, "count  user.id\n    3  -\n    2  1000\n");
	replay_count_free(count);
	assert_int_equal(replay_count_new(REPLAY_COUNT_CONTAINERS, &count), 0);
	assert_int_equal(replay_count_add_frame(count, &header), 1);
	expect(count, true,
	       "{\"field\":\"container\",\"value\":"
	       "\"0000000000000000000000000000000000000000000000000000000000000000\",\"count\":2}\n"
	       "{\"field\":\"container\",\"value\":"
	       "\"0000000000000000000000000000000000000000000000000000000000000001\",\"count\":2}\n"
	       "{\"field\":\"container\",\"value\":"
	       "\"0000000000000000000000000000000000000000000000000000000000000002\",\"count\":1}\n");
	replay_count_free(count);
	/* Nothing is said of other fields; nor where a list lacks values, or adds up to too much.
	 */
	assert_int_equal(replay_count_new(FIELD_url_path, &count), 0);
	assert_int_equal(replay_count_add_frame(count, &header), 0);
	replay_count_free(count);
	assert_int_equal(replay_count_new(FIELD_event_action, &count), 0);
	header.event_count = 4;
	assert_int_equal(replay_count_add_frame(count, &header), 0);
	replay_count_free(count);
	make_frame(&header, &narrow, 40, 100);
	assert_int_equal(replay_count_new(REPLAY_COUNT_CONTAINERS, &count), 0);
	assert_int_equal(replay_count_add_frame(count, &header), 0);
	expect(count, false, "");
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
		cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
