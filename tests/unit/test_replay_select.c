// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "commands/replay_select.h"
#include "event/filter.h"
#include "event/json.h"
#include "event/record.h"

#define WEB    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define EXEC   "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define EXEC_2 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

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

static void begin(struct record *record, enum event event)
{
	record_begin(record, event);
	record_set_number(record, FIELD_timestamp, 1);
}

static void ask(struct record *record, const char *operation, const char *type, const char *id,
		const char *name)
{
	begin(record, EVENT_api_request);
	record_set_string(record, FIELD_api_operation, operation);
	record_set_string(record, FIELD_target_type, type);
	if (id)
		record_set_string(record, FIELD_target_id, id);
	if (name)
		record_set_string(record, FIELD_target_name, name);
}

/* An event of a container whose name the engine's files did not tell. */
static void happen(struct record *record, enum event event, const char *id)
{
	begin(record, event);
	record_set_string(record, FIELD_container_id, id);
}

#define SELECTED(select, record)     assert_true(replay_select_record(select, record))
#define NOT_SELECTED(select, record) assert_false(replay_select_record(select, record))

static void test_life_of_a_container(void **state)
{
	static const enum event events[] = {
		EVENT_container_start,  EVENT_container_exec, EVENT_namespace_enter,
		EVENT_namespace_create, EVENT_capability_use, EVENT_oom_kill,
		EVENT_container_exit,
	};
	struct replay_select select = { .until_ns = UINT64_MAX, .container = "web" };
	struct record *record = *state;

	happen(record, EVENT_container_present, OTHER);
	NOT_SELECTED(&select, record);
	ask(record, "ContainerCreate", "container", WEB, "web");
	SELECTED(&select, record);
	ask(record, "ContainerStart", "container", NULL, WEB);
	SELECTED(&select, record);
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		happen(record, events[i], WEB);
		SELECTED(&select, record);
		happen(record, events[i], OTHER);
		NOT_SELECTED(&select, record);
	}
	ask(record, "NetworkConnect", "network", NULL, "net");
	NOT_SELECTED(&select, record);
	record_set_string(record, FIELD_declared_container, "web");
	SELECTED(&select, record);
	replay_select_clear(&select);
}

static void test_execs_of_a_container(void **state)
{
	struct replay_select select = { .until_ns = UINT64_MAX, .container = "web" };
	struct record *record = *state;

	ask(record, "ExecStart", "exec", NULL, EXEC);
	NOT_SELECTED(&select, record);
	ask(record, "ContainerExec", "container", WEB, "web");
	record_set_string(record, FIELD_exec_id, EXEC);
	SELECTED(&select, record);
	ask(record, "ContainerExec", "container", OTHER, "other");
	record_set_string(record, FIELD_exec_id, EXEC_2);
	NOT_SELECTED(&select, record);
	ask(record, "ExecStart", "exec", NULL, EXEC);
	SELECTED(&select, record);
	ask(record, "ExecInspect", "exec", NULL, EXEC_2);
	NOT_SELECTED(&select, record);
	begin(record, EVENT_api_answer);
	record_set_string(record, FIELD_target_type, "exec");
	record_set_string(record, FIELD_target_id, EXEC);
	SELECTED(&select, record);
	replay_select_clear(&select);
}

/* One that asks for an exec every few seconds, for days: the container's names stay known. */
static void test_many_execs(void **state)
{
	struct replay_select select = { .until_ns = UINT64_MAX, .container = "web" };
	struct record *record = *state;
	char id[65];

	for (unsigned int i = 0; i < 10 * REPLAY_EXECS_MOST; i++) {
		snprintf(id, sizeof(id), "%064u", i);
		ask(record, "ContainerExec", "container", NULL, "web");
		record_set_string(record, FIELD_exec_id, id);
		SELECTED(&select, record);
		ask(record, "ExecStart", "exec", NULL, id);
		SELECTED(&select, record);
	}
	ask(record, "ContainerCreate", "container", WEB, "web");
	SELECTED(&select, record);
	happen(record, EVENT_container_start, WEB);
	SELECTED(&select, record);
	replay_select_clear(&select);
}

static void test_what_is_only_called_so(void **state)
{
	struct replay_select select = { .until_ns = UINT64_MAX, .container = "redis" };
	struct record *record = *state;

	ask(record, "ImageCreate", "image", NULL, "redis");
	NOT_SELECTED(&select, record);
	ask(record, "VolumeCreate", "volume", NULL, "redis");
	NOT_SELECTED(&select, record);
	ask(record, "ContainerCreate", "container", NULL, "redis");
	SELECTED(&select, record);
	replay_select_clear(&select);
}

static void test_who_is_behind_it(void **state)
{
	static const enum field names[] = {
		FIELD_user_name,
		FIELD_user_audit_name,
		FIELD_created_by_user_name,
		FIELD_created_by_user_audit_name,
		FIELD_started_by_user_name,
		FIELD_started_by_user_audit_name,
		FIELD_entered_by_user_name,
		FIELD_entered_by_user_audit_name,
		FIELD_downstream_user_name,
	};
	static const enum field ids[] = {
		FIELD_user_id,
		FIELD_user_audit_id,
		FIELD_user_effective_id,
		FIELD_created_by_user_id,
		FIELD_created_by_user_audit_id,
		FIELD_started_by_user_id,
		FIELD_started_by_user_audit_id,
		FIELD_entered_by_user_id,
		FIELD_entered_by_user_audit_id,
		FIELD_downstream_user_id,
	};
	struct replay_select by_name = { .until_ns = UINT64_MAX, .user = "alice" };
	struct replay_select by_id = { .until_ns = UINT64_MAX, .user = "1001" };
	struct record *record = *state;

	begin(record, EVENT_container_exit);
	NOT_SELECTED(&by_name, record);
	NOT_SELECTED(&by_id, record);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		begin(record, EVENT_container_start);
		record_set_string(record, names[i], "bob");
		NOT_SELECTED(&by_name, record);
		record_set_string(record, names[i], "alice");
		SELECTED(&by_name, record);
	}
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		begin(record, EVENT_container_start);
		record_set_string(record, ids[i], "1002");
		NOT_SELECTED(&by_id, record);
		record_set_string(record, ids[i], "1001");
		SELECTED(&by_id, record);
	}
	replay_select_clear(&by_name);
	replay_select_clear(&by_id);
}

/* An effective uid has no name of its own in an event. */
static void test_uid_of_a_name(void **state)
{
	struct replay_select select = { .until_ns = UINT64_MAX, .user = "alice" };
	struct record *record = *state;

	begin(record, EVENT_api_request);
	record_set_string(record, FIELD_user_effective_id, "1001");
	NOT_SELECTED(&select, record);
	begin(record, EVENT_container_start);
	record_set_string(record, FIELD_created_by_user_audit_name, "alice");
	record_set_string(record, FIELD_created_by_user_audit_id, "1001");
	SELECTED(&select, record);
	begin(record, EVENT_api_request);
	record_set_string(record, FIELD_user_effective_id, "1001");
	SELECTED(&select, record);
	replay_select_clear(&select);
}

/* A line is passed over without being parsed only where the event would not pass. */
static void test_lines(void **state)
{
	static const char *const names[] = { "web",       "a \"b\"",      "back\\slash",
					     "tab\there", "\xc3\xa4\xff", "del\x7f",
					     "",          "/a/b",         "api-request" };
	struct record *record = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			_cleanup_buffer_ struct buffer line = {}, text = {};
			struct replay_select select = { .until_ns = UINT64_MAX };
			struct filter_error error;
			struct text required;
			bool may;

			ask(record, "ContainerStart", "container", WEB, names[i]);
			record_append_json(record, &line);
			assert_int_equal(line.error, 0);
			buffer_append_string(&text, "docktrail.target.name == \"");
			for (const char *at = names[j]; *at; at++)
				buffer_printf(&text, "\\x%02x", (unsigned char)*at);
			buffer_append_string(&text,
					     "\" and event.action in (oom-kill, api-request)");
			assert_int_equal(
				filter_compile(buffer_string(&text), &select.filter, &error), 0);
			may = replay_select_line(&select, (struct text){ line.data, line.length });
			assert_int_equal(replay_select_record(&select, record), i == j);
			assert_true(may || i != j);
			if (strcmp(names[j], "/a/b") == 0 &&
			    !memmem(line.data, line.length, "\\u", 2))
				assert_int_equal(may, i == j);
			required = replay_select_required(&select,
							  (struct text){ line.data, line.length });
			assert_true(i != j || !required.data ||
				    memmem(line.data, line.length, required.data, required.length));
			if (strcmp(names[j], "/a/b") == 0 &&
			    !memmem(line.data, line.length, "\\u", 2))
				assert_true(text_equal(required, TEXT("/a/b")));
			/* Whoever learns names from what does not pass looks at all of it. */
			select.user = "nobody";
			assert_true(replay_select_line(&select, TEXT("{}")));
			assert_null(replay_select_required(&select, TEXT("{}")).data);
			select.user = NULL;
			replay_select_clear(&select);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life_of_a_container, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_execs_of_a_container, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_execs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_only_called_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_behind_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_uid_of_a_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
