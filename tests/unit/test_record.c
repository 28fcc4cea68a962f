// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "event/nesting.h"
#include "event/record.h"

static int make_record(void **state)
{
	return record_new((struct record **)state);
}

static int drop_record(void **state)
{
	record_free(*state);
	return 0;
}

static void assert_text(struct text text, const char *expected)
{
	assert_non_null(text.data);
	assert_int_equal(text.length, strlen(expected));
	assert_memory_equal(text.data, expected, text.length);
}

static void table_can_be_nested(void **state)
{
	bool seen[FIELD_COUNT] = {};

	if (nesting_flaw)
		fail_msg("a path of the table cannot be written as JSON: %s", nesting_flaw);
	for (unsigned int place = 0; place < FIELD_COUNT; place++) {
		assert_false(seen[nestings[place].field]);
		seen[nestings[place].field] = true;
		assert_int_equal(nesting_places[nestings[place].field], place);
	}
}

/* An object that is left is never opened again: its key would stand twice. */
static void places_keep_prefixes_together(void **state)
{
	for (unsigned int a = 0; a < FIELD_COUNT; a++)
		for (unsigned int b = a + 2; b < FIELD_COUNT; b++)
			for (unsigned int between = a + 1; between < b; between++)
				assert_true(nesting_common(&nestings[a], &nestings[between]) >=
					    nesting_common(&nestings[a], &nestings[b]));
}

static void ids_and_actions_are_unique(void **state)
{
	for (unsigned int a = 0; a < EVENT_COUNT; a++) {
		assert_null(strchr(event_rows[a].action, '_'));
		assert_true(event_rows[a].groups & GROUP_HEAD);
		for (unsigned int b = a + 1; b < EVENT_COUNT; b++) {
			assert_int_not_equal(event_rows[a].id, event_rows[b].id);
			assert_string_not_equal(event_rows[a].action, event_rows[b].action);
		}
	}
}

static void fields_are_found_by_either_spelling(void **state)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		const char *name = field_rows[field].name, *path = field_rows[field].path;

		assert_null(strchr(name, '['));
		assert_int_equal(field_find(name, strlen(name)), field);
		assert_int_equal(field_find(path, strlen(path)), field);
		assert_int_equal(field_find(name, strlen(name) - 1), FIELD_COUNT);
	}
	assert_string_equal(field_rows[FIELD_declared_mounts_type].name,
			    "docktrail.declared.mounts.type");
	assert_int_equal(field_find("", 0), FIELD_COUNT);
	assert_int_equal(field_find("process", 7), FIELD_COUNT);
	assert_int_equal(field_find("process[].name", 14), FIELD_COUNT);
	assert_int_equal(field_find("process.name[]", 14), FIELD_COUNT);
	assert_int_equal(field_find("process.name\0", 13), FIELD_COUNT);
	assert_int_equal(field_find("docktrail.declared.mounts[][].type", 34), FIELD_COUNT);
}

static void long_names_are_no_fields(void **state)
{
	char name[5000];

	memset(name, 'a', sizeof(name));
	for (size_t length = 0; length < sizeof(name); length += 7)
		assert_int_equal(field_find(name, length), FIELD_COUNT);
}

static void events_are_found_by_action(void **state)
{
	for (unsigned int event = 0; event < EVENT_COUNT; event++) {
		const char *action = event_rows[event].action;

		assert_int_equal(event_find(action, strlen(action)), event);
		assert_int_equal(event_find(action, strlen(action) - 1), EVENT_COUNT);
		assert_int_equal(event_find(action, strlen(action) + 1), EVENT_COUNT);
	}
	assert_int_equal(event_find("api_request", 11), EVENT_COUNT);
	assert_int_equal(event_find("", 0), EVENT_COUNT);
}

static void begin_sets_what_the_table_knows(void **state)
{
	struct record *record = *state;

	record_begin(record, EVENT_recorder_loss);
	assert_int_equal(record->event, EVENT_recorder_loss);
	assert_text(record_text(record, FIELD_event_action), "recorder-loss");
	assert_text(record_text(record, FIELD_event_category), "process");
	assert_text(record_text(record, FIELD_event_type), "error");
	assert_text(record_text(record, FIELD_event_kind), "pipeline_error");
	assert_text(record_text(record, FIELD_event_outcome), "unknown");
	assert_int_equal(record_number(record, FIELD_event_severity), 50);
	record_begin(record, EVENT_recorder_heartbeat);
	assert_text(record_text(record, FIELD_event_kind), "metric");
	record_begin(record, EVENT_api_request);
	assert_text(record_text(record, FIELD_event_kind), "event");
}

static void begin_forgets_all_that_was(void **state)
{
	struct record *record = *state;

	record_begin(record, EVENT_api_request);
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (field_rows[field].type == TYPE_list)
			record_add_text(record, (enum field)field, TEXT("x"));
		else if (field_rows[field].type == TYPE_str)
			record_set_string(record, (enum field)field, "x");
	record_set_text(record, FIELD_process_pid, TEXT("not its type"));
	assert_int_equal(record->error, -EINVAL);
	record_begin(record, EVENT_COUNT);
	assert_int_equal(record->error, 0);
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		assert_false(record_has(record, (enum field)field));
	record_add_text(record, FIELD_process_args, TEXT("new"));
	assert_int_equal(record->values[FIELD_process_args].list.count, 1);
}

static void setters_copy(void **state)
{
	struct record *record = *state;
	char bytes[] = "docker";

	record_begin(record, EVENT_api_request);
	record_set_string(record, FIELD_process_name, bytes);
	record_add_text(record, FIELD_process_args, text_of(bytes));
	memset(bytes, 'x', sizeof(bytes) - 1);
	assert_text(record_text(record, FIELD_process_name), "docker");
	assert_text(record->values[FIELD_process_args].list.items[0], "docker");
}

static void unknown_is_absent_and_empty_is_not(void **state)
{
	struct record *record = *state;

	record_begin(record, EVENT_api_request);
	assert_null(record_text(record, FIELD_process_name).data);
	assert_int_equal(record_number(record, FIELD_process_pid), 0);
	record_set_text(record, FIELD_process_name, (struct text){});
	record_set_string(record, FIELD_process_tty, NULL);
	record_add_text(record, FIELD_process_args, (struct text){});
	assert_false(record_has(record, FIELD_process_name));
	assert_false(record_has(record, FIELD_process_tty));
	assert_false(record_has(record, FIELD_process_args));
	record_set_string(record, FIELD_process_name, "");
	assert_true(record_has(record, FIELD_process_name));
	assert_text(record_text(record, FIELD_process_name), "");
	record_unset(record, FIELD_process_name);
	assert_false(record_has(record, FIELD_process_name));
	assert_int_equal(record->error, 0);
}

static void numbers_go_where_they_fit(void **state)
{
	struct record *record = *state;

	record_begin(record, EVENT_api_request);
	record_set_number(record, FIELD_user_id, 0);
	record_set_number(record, FIELD_user_audit_id, UINT64_MAX);
	record_set_number(record, FIELD_process_pid, UINT64_MAX);
	record_set_number(record, FIELD_timestamp, 1);
	record_set_integer(record, FIELD_recorder_clock_step_ns, INT64_MIN);
	record_set_boolean(record, FIELD_declared_privileged, false);
	assert_text(record_text(record, FIELD_user_id), "0");
	assert_text(record_text(record, FIELD_user_audit_id), "18446744073709551615");
	assert_true(record_number(record, FIELD_process_pid) == UINT64_MAX);
	assert_true(record->values[FIELD_recorder_clock_step_ns].integer == INT64_MIN);
	assert_true(record_has(record, FIELD_declared_privileged));
	assert_int_equal(record->error, 0);
}

static void wrong_types_stick(void **state)
{
	struct record *record = *state;

	record_begin(record, EVENT_api_request);
	record_set_string(record, FIELD_process_pid, "1");
	assert_int_equal(record->error, -EINVAL);
	assert_false(record_has(record, FIELD_process_pid));
	record_begin(record, EVENT_api_request);
	record_set_number(record, FIELD_process_args, 1);
	record_set_integer(record, FIELD_process_pid, 1);
	record_set_boolean(record, FIELD_process_pid, true);
	record_add_text(record, FIELD_process_name, TEXT("x"));
	record_set_empty_list(record, FIELD_process_tty);
	assert_int_equal(record->error, -EINVAL);
	assert_false(record_has(record, FIELD_process_args));
	assert_false(record_has(record, FIELD_process_pid));
	assert_false(record_has(record, FIELD_process_name));
	assert_false(record_has(record, FIELD_process_tty));
}

static void lists_keep_their_items(void **state)
{
	struct record *record = *state;
	char text[32];

	record_begin(record, EVENT_api_request);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "item %d", i);
		record_add_text(record, FIELD_process_args, text_of(text));
		record_add_text(record, FIELD_process_ancestry, text_of(text));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "item %d", i);
		assert_text(record->values[FIELD_process_args].list.items[i], text);
		assert_text(record->values[FIELD_process_ancestry].list.items[i], text);
	}
	record_set_empty_list(record, FIELD_process_args);
	assert_true(record_has(record, FIELD_process_args));
	assert_int_equal(record->values[FIELD_process_args].list.count, 0);
	record_add_text(record, FIELD_process_args, TEXT("again"));
	assert_int_equal(record->values[FIELD_process_args].list.count, 1);
}

static void columns_have_holes_and_are_empty_together(void **state)
{
	struct record *record = *state;

	record_begin(record, EVENT_api_request);
	record_add_text(record, FIELD_declared_mounts_source, (struct text){});
	record_add_text(record, FIELD_declared_mounts_source, TEXT("/"));
	assert_int_equal(record->values[FIELD_declared_mounts_source].list.count, 2);
	assert_null(record->values[FIELD_declared_mounts_source].list.items[0].data);
	record_set_empty_list(record, FIELD_declared_mounts_mode);
	assert_true(record_has(record, FIELD_declared_mounts_type));
	assert_int_equal(record->values[FIELD_declared_mounts_source].list.count, 0);
	assert_false(record_has(record, FIELD_declared_devices));
}

static void severity_only_rises(void **state)
{
	struct record *record = *state;

	record_begin(record, EVENT_recorder_start);
	record_raise_severity(record, 10);
	assert_int_equal(record_number(record, FIELD_event_severity), 25);
	record_raise_severity(record, 75);
	assert_int_equal(record_number(record, FIELD_event_severity), 75);
}

static void arena_gives_separate_aligned_memory(void **state)
{
	_cleanup_arena_ struct arena *arena = NULL;
	unsigned char *kept[200];

	assert_int_equal(arena_new(&arena), 0);
	for (int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 200; i++) {
			kept[i] = arena_allocate(arena, i * (unsigned int)round);
			assert_non_null(kept[i]);
			assert_int_equal((uintptr_t)kept[i] % _Alignof(max_align_t), 0);
			memset(kept[i], (int)i, i * (unsigned int)round);
		}
		for (unsigned int i = 0; i < 200; i++)
			for (unsigned int j = 0; j < i * (unsigned int)round; j++)
				assert_int_equal(kept[i][j], i);
		arena_reset(arena);
	}
	assert_null(arena_allocate(arena, SIZE_MAX));
	assert_null(arena_allocate(arena, SIZE_MAX - 15));
	assert_non_null(arena_allocate(arena, 8 * ARENA_KEPT));
	assert_non_null(arena_copy(arena, NULL, 0));
	arena_reset(arena);
	assert_memory_equal(arena_copy(arena, "after", 5), "after", 5);
	arena_free(NULL);
}

int main(void)
{
#define RECORD_TEST(name) cmocka_unit_test_setup_teardown(name, make_record, drop_record)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_can_be_nested),
		cmocka_unit_test(places_keep_prefixes_together),
		cmocka_unit_test(ids_and_actions_are_unique),
		cmocka_unit_test(fields_are_found_by_either_spelling),
		cmocka_unit_test(long_names_are_no_fields),
		cmocka_unit_test(events_are_found_by_action),
		RECORD_TEST(begin_sets_what_the_table_knows),
		RECORD_TEST(begin_forgets_all_that_was),
		RECORD_TEST(setters_copy),
		RECORD_TEST(unknown_is_absent_and_empty_is_not),
		RECORD_TEST(numbers_go_where_they_fit),
		RECORD_TEST(wrong_types_stick),
		RECORD_TEST(lists_keep_their_items),
		RECORD_TEST(columns_have_holes_and_are_empty_together),
		RECORD_TEST(severity_only_rises),
		cmocka_unit_test(arena_gives_separate_aligned_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
