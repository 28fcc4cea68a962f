// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "correlate/entries.h"
#include "correlate/process.h"
#include "fake_proc.h"
#include "actor_bed.h"

static void test_caller(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_run_client(bed);
	const char *json;

	actor_fill(&bed->context, &task, bed->record);
	json = bed_json_of(bed);
	bed_assert_text(bed, FIELD_process_entity_id, "12345678-20-10000000007");
	assert_int_equal(record_number(bed->record, FIELD_process_pid), 20);
	assert_int_equal(record_number(bed->record, FIELD_process_start),
			 (uint64_t)WALL + START + 7);
	bed_assert_text(bed, FIELD_process_name, "docker");
	bed_assert_text(bed, FIELD_process_executable, "/usr/bin/docker");
	bed_assert_text(bed, FIELD_process_tty, "pts/3");
	assert_int_equal(record_number(bed->record, FIELD_process_parent_pid), 10);
	bed_assert_text(bed, FIELD_process_parent_name, "ba]sh");
	bed_assert_text(bed, FIELD_process_parent_executable, "/bin/bash");
	bed_assert_text(bed, FIELD_user_id, "0");
	bed_assert_text(bed, FIELD_user_name, "root");
	bed_assert_text(bed, FIELD_user_group_id, "1000");
	bed_assert_text(bed, FIELD_user_effective_id, "0");
	bed_assert_text(bed, FIELD_user_audit_id, "1000");
	bed_assert_text(bed, FIELD_user_audit_name, "alice");
	assert_int_equal(record_number(bed->record, FIELD_session_id), 42);
	bed_assert_text(bed, FIELD_container_id, NULL);
	bed_assert_text(bed, FIELD_namespaces_pid, NULL);
	assert_non_null(strstr(json, "\"args\":[\"docker\",\"login\",\"-p\",\"[redacted]\"]"));
	assert_null(strstr(json, "hunter2"));
	assert_non_null(strstr(json, "\"args_cut\":false"));
	assert_non_null(strstr(json, "\"ancestry\":[\"ba]sh[10]\"]"));
}

static void test_without_redaction_no_arguments(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_run_client(bed);

	bed->context.redact = NULL;
	actor_fill(&bed->context, &task, bed->record);
	assert_false(record_has(bed->record, FIELD_process_args));
	assert_null(strstr(bed_json_of(bed), "hunter2"));
}

static void test_cut_arguments(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_client();
	struct process_exec exec = { .executable = TEXT("/x"),
				     .args = TEXT("x\0--pass"),
				     .args_length = 5000 };

	assert_int_equal(process_tree_exec(bed->context.tree, &task, START, &exec), 0);
	actor_fill(&bed->context, &task, bed->record);
	assert_true(bed->redact_cut);
	assert_non_null(strstr(bed_json_of(bed), "\"args\":[\"x\",\"--pass\"],\"args_cut\":true"));
}

static void test_unset_is_absent(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_client();

	task.login_uid = task.session = WIRE_UNSET;
	task.uid = 4711;
	task.tty[0] = '\0';
	task.parent_pid = 0;
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_user_id, "4711");
	bed_assert_text(bed, FIELD_user_name, NULL);
	bed_assert_text(bed, FIELD_user_audit_id, NULL);
	bed_assert_text(bed, FIELD_user_audit_name, NULL);
	bed_assert_text(bed, FIELD_process_tty, NULL);
	bed_assert_text(bed, FIELD_process_executable, NULL);
	assert_false(record_has(bed->record, FIELD_session_id));
	assert_false(record_has(bed->record, FIELD_process_args));
	assert_false(record_has(bed->record, FIELD_process_args_cut));
	assert_false(record_has(bed->record, FIELD_process_parent_pid));
	assert_false(record_has(bed->record, FIELD_process_ancestry));
}

/* Each of an exec's processes knows whose it is; who came by himself is told so. */
static void test_who_entered(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_client();

	memcpy(task.container, ID, WIRE_CONTAINER);
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_entered_by_exec_id, NULL);
	bed_assert_text(bed, FIELD_entered_by_reason, NULL);
	assert_int_equal(entries_keep(bed->context.entries, 7, TEXT(ID)), 0);
	task.entered = 7;
	record_begin(bed->record, EVENT_api_request);
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_entered_by_exec_id, ID);
	bed_assert_text(bed, FIELD_entered_by_reason, NULL);
	task.entered = 8;
	record_begin(bed->record, EVENT_api_request);
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_entered_by_exec_id, NULL);
	assert_true(record_has(bed->record, FIELD_entered_by_reason));
}

static void test_in_a_container(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_client();

	memcpy(task.container, ID, WIRE_CONTAINER);
	task.namespaces[WIRE_NS_PID] = 4026532001u;
	task.namespaces[WIRE_NS_UTS] = 0xeffffffeu;
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_container_id, ID);
	bed_assert_text(bed, FIELD_container_name, "web");
	bed_assert_text(bed, FIELD_container_image_name, "nginx:1");
	bed_assert_text(bed, FIELD_namespaces_pid, "private");
	bed_assert_text(bed, FIELD_namespaces_uts, "host");
	bed_assert_text(bed, FIELD_namespaces_mnt, NULL);
	/* Somebody else in it, until its last process ends. */
	memset(task.container, '0', WIRE_CONTAINER);
	task.pid = 21;
	record_begin(bed->record, EVENT_api_request);
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_namespaces_pid, "container:" ID);
	bed_assert_text(bed, FIELD_container_name, NULL);
}

static void test_namespaces_are_forgotten_with_the_container(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_client();

	memcpy(task.container, ID, WIRE_CONTAINER);
	task.namespaces[WIRE_NS_PID] = 4026532001u;
	bed_run(bed, &task, "/init", TEXT("init\0"));
	actor_fill(&bed->context, &task, bed->record);
	process_tree_exit(bed->context.tree, task.pid, task.start, 0, START + 9);
	memset(task.container, '0', WIRE_CONTAINER);
	task.start += 1000;
	record_begin(bed->record, EVENT_api_request);
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_namespaces_pid, "private");
}

/* What is told of a process after its end is neither learnt nor mixed up with what came later. */
static void test_namespaces_of_who_has_ended(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_client(), next;

	memcpy(task.container, ID, WIRE_CONTAINER);
	task.namespaces[WIRE_NS_PID] = 4026532001u;
	bed_run(bed, &task, "/init", TEXT("init\0"));
	actor_fill(&bed->context, &task, bed->record);
	process_tree_exit(bed->context.tree, task.pid, task.start, 0, START + 9);
	bed_fill_again(bed, &task);
	bed_assert_text(bed, FIELD_namespaces_pid, "private");
	next = task;
	memset(next.container, '0', WIRE_CONTAINER);
	next.pid++;
	next.start += 1000;
	bed_run(bed, &next, "/init", TEXT("init\0"));
	bed_fill_again(bed, &next);
	bed_assert_text(bed, FIELD_namespaces_pid, "private");
	bed_fill_again(bed, &task);
	bed_assert_text(bed, FIELD_namespaces_pid, "private");
}

static struct wire_task only_pid(uint32_t pid)
{
	return (struct wire_task){ .pid = pid,
				   .uid = WIRE_UNSET,
				   .gid = WIRE_UNSET,
				   .effective_uid = WIRE_UNSET,
				   .effective_gid = WIRE_UNSET,
				   .login_uid = WIRE_UNSET,
				   .session = WIRE_UNSET };
}

static void test_only_a_pid(void **state)
{
	struct actor_bed *bed = *state;
	struct fake_process portainer = { .pid = 30,
					  .ticks = 1000,
					  .name = "portainer",
					  .executable = "/portainer",
					  .args = "/portainer\0",
					  .args_length = 11,
					  .uid = 1000,
					  .login_uid = "4294967295",
					  .cgroup = "0::/docker/" ID "\n" };
	struct wire_task task = only_pid(30), gone = only_pid(31);

	fake_process_make(bed->folder, &portainer);
	record_set_number(bed->record, FIELD_timestamp, (uint64_t)WALL + START + TICK);
	actor_fill(&bed->context, &task, bed->record);
	bed_assert_text(bed, FIELD_process_name, "portainer");
	bed_assert_text(bed, FIELD_process_executable, "/portainer");
	bed_assert_text(bed, FIELD_user_name, "alice");
	bed_assert_text(bed, FIELD_user_audit_id, NULL);
	bed_assert_text(bed, FIELD_container_name, "web");
	/* Its start is known by the tick only. */
	bed_assert_text(bed, FIELD_process_entity_id, NULL);
	assert_false(record_has(bed->record, FIELD_process_start));

	record_begin(bed->record, EVENT_api_request);
	actor_fill(&bed->context, &gone, bed->record);
	assert_int_equal(record_number(bed->record, FIELD_process_pid), 31);
	bed_assert_text(bed, FIELD_process_name, NULL);
	bed_assert_text(bed, FIELD_user_id, NULL);
}

static void test_a_pid_that_is_anothers_by_now(void **state)
{
	struct actor_bed *bed = *state;
	struct fake_process later = { .pid = 30,
				      .ticks = 1002,
				      .name = "other",
				      .executable = "/other",
				      .args = "x\0",
				      .args_length = 2 };
	struct wire_task task = only_pid(30);

	fake_process_make(bed->folder, &later);
	record_set_number(bed->record, FIELD_timestamp, (uint64_t)WALL + START + TICK);
	actor_fill(&bed->context, &task, bed->record);
	actor_fill_connector(&bed->context, &task, bed->record);
	assert_int_equal(record_number(bed->record, FIELD_process_pid), 30);
	bed_assert_text(bed, FIELD_process_name, NULL);
	bed_assert_text(bed, FIELD_process_executable, NULL);
	assert_false(record_has(bed->record, FIELD_process_args));
	bed_assert_text(bed, FIELD_user_id, NULL);
	bed_assert_text(bed, FIELD_connector_process_name, NULL);
	bed_assert_text(bed, FIELD_connector_process_executable, NULL);
}

static void test_connector(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_run_client(bed);

	actor_fill_connector(&bed->context, &task, bed->record);
	assert_int_equal(record_number(bed->record, FIELD_connector_process_pid), 20);
	bed_assert_text(bed, FIELD_connector_process_entity_id, "12345678-20-10000000007");
	bed_assert_text(bed, FIELD_connector_process_name, "docker");
	bed_assert_text(bed, FIELD_connector_process_executable, "/usr/bin/docker");
	bed_assert_text(bed, FIELD_connector_user_id, "0");
	bed_assert_text(bed, FIELD_connector_user_name, "root");
	assert_false(record_has(bed->record, FIELD_process_pid));
}

static void test_hostile_texts(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_client();

	/* Not terminated, in no encoding. */
	memset(task.name, 0xff, WIRE_COMM);
	memset(task.tty, '9', WIRE_TTY);
	memcpy(task.tty, "pts", 3);
	actor_fill(&bed->context, &task, bed->record);
	assert_int_equal(record_text(bed->record, FIELD_process_name).length, WIRE_COMM);
	bed_assert_text(bed, FIELD_process_tty, "pts/9999999999999");
	assert_non_null(bed_json_of(bed));
}

static void test_nothing_but_the_task(void **state)
{
	struct actor_bed *bed = *state;
	const struct actor_context bare = {};
	struct wire_task task = bed_client();

	memcpy(task.container, ID, WIRE_CONTAINER);
	actor_fill(&bare, &task, bed->record);
	actor_fill_connector(&bare, &task, bed->record);
	bed_assert_text(bed, FIELD_user_id, "0");
	bed_assert_text(bed, FIELD_container_id, ID);
	bed_assert_text(bed, FIELD_user_name, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CACHED(caller),
		TEST(without_redaction_no_arguments),
		CACHED(cut_arguments),
		CACHED(unset_is_absent),
		CACHED(in_a_container),
		CACHED(who_entered),
		CACHED(namespaces_are_forgotten_with_the_container),
		CACHED(namespaces_of_who_has_ended),
		CACHED(only_a_pid),
		CACHED(a_pid_that_is_anothers_by_now),
		CACHED(connector),
		CACHED(hostile_texts),
		TEST(nothing_but_the_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
