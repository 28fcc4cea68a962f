// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text_list.h"
#include "correlate/actor.h"
#include "correlate/containers.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/users.h"
#include "event/json.h"
#include "event/record.h"
#include "fake_proc.h"

#define ID    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BOOT  "12345678-aaaa-bbbb-cccc-1234567890ab"
#define TICK  10000000ull
#define START (1000 * TICK)
#define WALL  1700000000000000000ll

struct fixture {
	char *folder;
	struct actor_context context;
	struct record *record;
	struct buffer json;
	bool redact_cut;
	int redactions;
};

/* Masks what follows "-p", as the real one does with far more. */
static int redact(void *user, const struct text_list *arguments, struct text_list *ret)
{
	struct fixture *fixture = user;

	fixture->redactions++;
	fixture->redact_cut = arguments->cut;
	for (size_t i = 0; i < arguments->count; i++) {
		bool secret = i > 0 && text_equal(text_list_at(arguments, i - 1), TEXT("-p"));

		text_list_append(ret, secret ? TEXT("[redacted]") : text_list_at(arguments, i));
	}
	return 0;
}

static int set_up(void **state)
{
	static const char passwd[] = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n";
	static const char config[] = "{\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx:1\"}}";
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct actor_context *context = &fixture->context;
	_cleanup_close_ int proc = -1;
	char path[512];

	fixture->folder = fake_folder();
	fake_file(fixture->folder, "passwd", passwd, sizeof(passwd) - 1);
	fake_file(fixture->folder, "containers/" ID "/config.v2.json", config, sizeof(config) - 1);
	proc = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(process_tree_new(proc, 0, 0, &context->tree), 0);
	snprintf(path, sizeof(path), "%s/passwd", fixture->folder);
	assert_int_equal(users_new(path, &context->users), 0);
	assert_int_equal(users_refresh(context->users, 0), 0);
	assert_int_equal(containers_new(&context->containers), 0);
	assert_int_equal(containers_add_root(context->containers, fixture->folder), 0);
	assert_int_equal(namespaces_new(&context->namespaces), 0);
	context->boot_id = BOOT;
	context->wall_offset_ns = WALL;
	context->redact = redact;
	context->redact_user = fixture;
	actor_connect(context);
	assert_int_equal(record_new(&fixture->record), 0);
	record_begin(fixture->record, EVENT_api_request);
	*state = fixture;
	return 0;
}

static int set_up_cache(void **state)
{
	int r = set_up(state);
	struct fixture *fixture = *state;

	return r ?: actor_cache_new(&fixture->context.cache);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	record_free(fixture->record);
	process_tree_free(fixture->context.tree);
	users_free(fixture->context.users);
	containers_free(fixture->context.containers);
	namespaces_free(fixture->context.namespaces);
	actor_cache_free(fixture->context.cache);
	buffer_free(&fixture->json);
	fake_remove(fixture->folder);
	free(fixture);
	return 0;
}

static struct wire_task client(void)
{
	return (struct wire_task){ .start = START + 7,
				   .parent_start = START,
				   .pid = 20,
				   .parent_pid = 10,
				   .uid = 0,
				   .gid = 1000,
				   .effective_uid = 0,
				   .effective_gid = 0,
				   .login_uid = 1000,
				   .session = 42,
				   .name = "docker",
				   .tty = "pts3" };
}

static void run(struct fixture *fixture, const struct wire_task *task, const char *executable,
		struct text args)
{
	struct process_exec exec = { .executable = text_of(executable),
				     .args = args,
				     .args_length = (uint32_t)args.length };

	assert_int_equal(process_tree_exec(fixture->context.tree, task, task->start, &exec), 0);
}

/* A shell that runs docker. */
static struct wire_task run_client(struct fixture *fixture)
{
	struct wire_task shell = { .pid = 10, .start = START, .name = "ba]sh" }, task = client();

	run(fixture, &shell, "/bin/bash", TEXT("-bash\0"));
	assert_int_equal(process_tree_fork(fixture->context.tree, &task, START), 0);
	run(fixture, &task, "/usr/bin/docker", TEXT("docker\0login\0-p\0hunter2\0"));
	return task;
}

static const char *json_of(struct fixture *fixture)
{
	buffer_clear(&fixture->json);
	record_append_json(fixture->record, &fixture->json);
	assert_int_equal(fixture->record->error, 0);
	return buffer_string(&fixture->json);
}

static void assert_text(struct fixture *fixture, enum field field, const char *expected)
{
	struct text text = record_text(fixture->record, field);

	assert_int_equal(record_has(fixture->record, field), expected != NULL);
	if (expected) {
		assert_int_equal(text.length, strlen(expected));
		assert_memory_equal(text.data, expected, text.length);
	}
}

static void test_caller(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = run_client(fixture);
	const char *json;

	actor_fill(&fixture->context, &task, fixture->record);
	json = json_of(fixture);
	assert_text(fixture, FIELD_process_entity_id, "12345678-20-10000000007");
	assert_int_equal(record_number(fixture->record, FIELD_process_pid), 20);
	assert_int_equal(record_number(fixture->record, FIELD_process_start),
			 (uint64_t)WALL + START + 7);
	assert_text(fixture, FIELD_process_name, "docker");
	assert_text(fixture, FIELD_process_executable, "/usr/bin/docker");
	assert_text(fixture, FIELD_process_tty, "pts/3");
	assert_int_equal(record_number(fixture->record, FIELD_process_parent_pid), 10);
	assert_text(fixture, FIELD_process_parent_name, "ba]sh");
	assert_text(fixture, FIELD_process_parent_executable, "/bin/bash");
	assert_text(fixture, FIELD_user_id, "0");
	assert_text(fixture, FIELD_user_name, "root");
	assert_text(fixture, FIELD_user_group_id, "1000");
	assert_text(fixture, FIELD_user_effective_id, "0");
	assert_text(fixture, FIELD_user_audit_id, "1000");
	assert_text(fixture, FIELD_user_audit_name, "alice");
	assert_int_equal(record_number(fixture->record, FIELD_session_id), 42);
	assert_text(fixture, FIELD_container_id, NULL);
	assert_text(fixture, FIELD_namespaces_pid, NULL);
	assert_non_null(strstr(json, "\"args\":[\"docker\",\"login\",\"-p\",\"[redacted]\"]"));
	assert_null(strstr(json, "hunter2"));
	assert_non_null(strstr(json, "\"args_cut\":false"));
	assert_non_null(strstr(json, "\"ancestry\":[\"ba]sh[10]\"]"));
}

static void fill_again(struct fixture *fixture, const struct wire_task *task)
{
	record_begin(fixture->record, EVENT_api_request);
	actor_fill(&fixture->context, task, fixture->record);
}

static void test_a_command_line_is_masked_once(void **state)
{
	static const char masked[] = "\"args\":[\"docker\",\"login\",\"-p\",\"[redacted]\"]";
	struct fixture *fixture = *state;
	struct wire_task task = run_client(fixture), child = client();
	const struct process *process;
	struct text args;
	bool cut;

	child.pid = 21;
	child.parent_pid = 20;
	child.start++;
	for (int i = 0; i < 3; i++) {
		fill_again(fixture, &task);
		assert_non_null(strstr(json_of(fixture), masked));
	}
	/* A child runs the same program. */
	assert_int_equal(process_tree_fork(fixture->context.tree, &child, task.start), 0);
	fill_again(fixture, &child);
	assert_non_null(strstr(json_of(fixture), masked));
	assert_int_equal(fixture->redactions, 1);
	/* What it was before is not kept. */
	process = process_tree_find(fixture->context.tree, task.pid, task.start);
	args = process_args(process, &cut);
	assert_null(memmem(args.data, args.length, "hunter2", 7));
	/* Another program has a command line of its own. */
	run(fixture, &task, "/bin/cat", TEXT("cat\0x\0"));
	fill_again(fixture, &task);
	assert_non_null(strstr(json_of(fixture), "\"args\":[\"cat\",\"x\"],\"args_cut\":false"));
	fill_again(fixture, &child);
	assert_non_null(strstr(json_of(fixture), masked));
	assert_int_equal(fixture->redactions, 2);
	run(fixture, &task, "/bin/true", TEXT(""));
	fill_again(fixture, &task);
	assert_non_null(strstr(json_of(fixture), "\"args\":[],\"args_cut\":false"));
}

static void test_without_redaction_no_arguments(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = run_client(fixture);

	fixture->context.redact = NULL;
	actor_fill(&fixture->context, &task, fixture->record);
	assert_false(record_has(fixture->record, FIELD_process_args));
	assert_null(strstr(json_of(fixture), "hunter2"));
}

static void test_cut_arguments(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = client();
	struct process_exec exec = { .executable = TEXT("/x"),
				     .args = TEXT("x\0--pass"),
				     .args_length = 5000 };

	assert_int_equal(process_tree_exec(fixture->context.tree, &task, START, &exec), 0);
	actor_fill(&fixture->context, &task, fixture->record);
	assert_true(fixture->redact_cut);
	assert_non_null(strstr(json_of(fixture), "\"args\":[\"x\",\"--pass\"],\"args_cut\":true"));
}

static void test_unset_is_absent(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = client();

	task.login_uid = task.session = WIRE_UNSET;
	task.uid = 4711;
	task.tty[0] = '\0';
	task.parent_pid = 0;
	actor_fill(&fixture->context, &task, fixture->record);
	assert_text(fixture, FIELD_user_id, "4711");
	assert_text(fixture, FIELD_user_name, NULL);
	assert_text(fixture, FIELD_user_audit_id, NULL);
	assert_text(fixture, FIELD_user_audit_name, NULL);
	assert_text(fixture, FIELD_process_tty, NULL);
	assert_text(fixture, FIELD_process_executable, NULL);
	assert_false(record_has(fixture->record, FIELD_session_id));
	assert_false(record_has(fixture->record, FIELD_process_args));
	assert_false(record_has(fixture->record, FIELD_process_args_cut));
	assert_false(record_has(fixture->record, FIELD_process_parent_pid));
	assert_false(record_has(fixture->record, FIELD_process_ancestry));
}

static void test_in_a_container(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = client();

	memcpy(task.container, ID, WIRE_CONTAINER);
	task.namespaces[WIRE_NS_PID] = 4026532001u;
	task.namespaces[WIRE_NS_UTS] = 0xeffffffeu;
	actor_fill(&fixture->context, &task, fixture->record);
	assert_text(fixture, FIELD_container_id, ID);
	assert_text(fixture, FIELD_container_name, "web");
	assert_text(fixture, FIELD_container_image_name, "nginx:1");
	assert_text(fixture, FIELD_namespaces_pid, "private");
	assert_text(fixture, FIELD_namespaces_uts, "host");
	assert_text(fixture, FIELD_namespaces_mnt, NULL);
	/* Somebody else in it, until its last process ends. */
	memset(task.container, '0', WIRE_CONTAINER);
	task.pid = 21;
	record_begin(fixture->record, EVENT_api_request);
	actor_fill(&fixture->context, &task, fixture->record);
	assert_text(fixture, FIELD_namespaces_pid, "container:" ID);
	assert_text(fixture, FIELD_container_name, NULL);
}

static void test_namespaces_are_forgotten_with_the_container(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = client();

	memcpy(task.container, ID, WIRE_CONTAINER);
	task.namespaces[WIRE_NS_PID] = 4026532001u;
	run(fixture, &task, "/init", TEXT("init\0"));
	actor_fill(&fixture->context, &task, fixture->record);
	process_tree_exit(fixture->context.tree, task.pid, task.start, 0, START + 9);
	memset(task.container, '0', WIRE_CONTAINER);
	task.start += 1000;
	record_begin(fixture->record, EVENT_api_request);
	actor_fill(&fixture->context, &task, fixture->record);
	assert_text(fixture, FIELD_namespaces_pid, "private");
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
	struct fixture *fixture = *state;
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

	fake_process_make(fixture->folder, &portainer);
	record_set_number(fixture->record, FIELD_timestamp, (uint64_t)WALL + START + TICK);
	actor_fill(&fixture->context, &task, fixture->record);
	assert_text(fixture, FIELD_process_name, "portainer");
	assert_text(fixture, FIELD_process_executable, "/portainer");
	assert_text(fixture, FIELD_user_name, "alice");
	assert_text(fixture, FIELD_user_audit_id, NULL);
	assert_text(fixture, FIELD_container_name, "web");
	/* Its start is known by the tick only. */
	assert_text(fixture, FIELD_process_entity_id, NULL);
	assert_false(record_has(fixture->record, FIELD_process_start));

	record_begin(fixture->record, EVENT_api_request);
	actor_fill(&fixture->context, &gone, fixture->record);
	assert_int_equal(record_number(fixture->record, FIELD_process_pid), 31);
	assert_text(fixture, FIELD_process_name, NULL);
	assert_text(fixture, FIELD_user_id, NULL);
}

static void test_a_pid_that_is_anothers_by_now(void **state)
{
	struct fixture *fixture = *state;
	struct fake_process later = { .pid = 30,
				      .ticks = 1002,
				      .name = "other",
				      .executable = "/other",
				      .args = "x\0",
				      .args_length = 2 };
	struct wire_task task = only_pid(30);

	fake_process_make(fixture->folder, &later);
	record_set_number(fixture->record, FIELD_timestamp, (uint64_t)WALL + START + TICK);
	actor_fill(&fixture->context, &task, fixture->record);
	actor_fill_connector(&fixture->context, &task, fixture->record);
	assert_int_equal(record_number(fixture->record, FIELD_process_pid), 30);
	assert_text(fixture, FIELD_process_name, NULL);
	assert_text(fixture, FIELD_process_executable, NULL);
	assert_false(record_has(fixture->record, FIELD_process_args));
	assert_text(fixture, FIELD_user_id, NULL);
	assert_text(fixture, FIELD_connector_process_name, NULL);
	assert_text(fixture, FIELD_connector_process_executable, NULL);
}

static void test_connector(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = run_client(fixture);

	actor_fill_connector(&fixture->context, &task, fixture->record);
	assert_int_equal(record_number(fixture->record, FIELD_connector_process_pid), 20);
	assert_text(fixture, FIELD_connector_process_entity_id, "12345678-20-10000000007");
	assert_text(fixture, FIELD_connector_process_name, "docker");
	assert_text(fixture, FIELD_connector_process_executable, "/usr/bin/docker");
	assert_text(fixture, FIELD_connector_user_id, "0");
	assert_text(fixture, FIELD_connector_user_name, "root");
	assert_false(record_has(fixture->record, FIELD_process_pid));
}

static void test_hostile_texts(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = client();

	/* Not terminated, in no encoding. */
	memset(task.name, 0xff, WIRE_COMM);
	memset(task.tty, '9', WIRE_TTY);
	memcpy(task.tty, "pts", 3);
	actor_fill(&fixture->context, &task, fixture->record);
	assert_int_equal(record_text(fixture->record, FIELD_process_name).length, WIRE_COMM);
	assert_text(fixture, FIELD_process_tty, "pts/9999999999999");
	assert_non_null(json_of(fixture));
}

static void test_nothing_but_the_task(void **state)
{
	struct fixture *fixture = *state;
	const struct actor_context bare = {};
	struct wire_task task = client();

	memcpy(task.container, ID, WIRE_CONTAINER);
	actor_fill(&bare, &task, fixture->record);
	actor_fill_connector(&bare, &task, fixture->record);
	assert_text(fixture, FIELD_user_id, "0");
	assert_text(fixture, FIELD_container_id, ID);
	assert_text(fixture, FIELD_user_name, NULL);
}

/* What is kept of a process must be what would be told of it anew. */
static void assert_as_anew(struct fixture *fixture, const struct wire_task *task)
{
	struct actor_cache *cache = fixture->context.cache;
	_cleanup_free_ char *kept = NULL;

	for (int i = 0; i < 2; i++) {
		fill_again(fixture, task);
		free(kept);
		kept = strdup(json_of(fixture));
		fixture->context.cache = NULL;
		fill_again(fixture, task);
		fixture->context.cache = cache;
		assert_string_equal(kept, json_of(fixture));
	}
}

static void test_kept_until_something_changes(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = run_client(fixture), other = client();
	struct wire_task shell = { .pid = 10, .start = START, .name = "renamed" };

	assert_as_anew(fixture, &task);
	/* Its parent runs another program, and ends; it does so itself; it changes its name, its
	 * user, its terminal. */
	run(fixture, &shell, "/bin/renamed", TEXT("renamed\0"));
	assert_as_anew(fixture, &task);
	assert_text(fixture, FIELD_process_parent_name, "renamed");
	process_tree_exit(fixture->context.tree, shell.pid, shell.start, 0, START + 20);
	assert_as_anew(fixture, &task);
	run(fixture, &task, "/bin/cat", TEXT("cat\0"));
	assert_as_anew(fixture, &task);
	assert_text(fixture, FIELD_process_executable, "/bin/cat");
	strcpy(task.name, "kitten");
	assert_as_anew(fixture, &task);
	assert_text(fixture, FIELD_process_name, "kitten");
	task.uid = 1000;
	assert_as_anew(fixture, &task);
	assert_text(fixture, FIELD_user_name, "alice");
	strcpy(task.tty, "tty1");
	assert_as_anew(fixture, &task);
	fixture->context.wall_offset_ns++;
	assert_as_anew(fixture, &task);
	/* The same place is another's. */
	other.pid += 64;
	strcpy(other.name, "other");
	assert_as_anew(fixture, &other);
	assert_as_anew(fixture, &task);
	other.pid = task.pid;
	other.start += 1000;
	assert_as_anew(fixture, &other);
}

static void test_what_is_set_later_counts(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = run_client(fixture);

	fill_again(fixture, &task);
	record_set_string(fixture->record, FIELD_process_name, "later");
	assert_non_null(strstr(json_of(fixture), "\"name\":\"later\""));
	fill_again(fixture, &task);
	record_unset(fixture->record, FIELD_process_name);
	assert_null(strstr(json_of(fixture), "\"name\":\"docker\""));
	/* What was set before too. */
	record_begin(fixture->record, EVENT_api_request);
	task.tty[0] = '\0';
	record_set_string(fixture->record, FIELD_process_tty, "before");
	actor_fill(&fixture->context, &task, fixture->record);
	assert_non_null(strstr(json_of(fixture), "\"tty\":\"before\""));
	assert_non_null(strstr(json_of(fixture), "\"name\":\"docker\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
/* Both ways. */
#define CACHED(name)                                                                               \
	cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down),                           \
		cmocka_unit_test_setup_teardown(test_##name, set_up_cache, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CACHED(caller),
		CACHED(a_command_line_is_masked_once),
		cmocka_unit_test_setup_teardown(test_kept_until_something_changes, set_up_cache,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_set_later_counts, set_up_cache,
						tear_down),
		TEST(without_redaction_no_arguments),
		CACHED(cut_arguments),
		CACHED(unset_is_absent),
		CACHED(in_a_container),
		CACHED(namespaces_are_forgotten_with_the_container),
		CACHED(only_a_pid),
		CACHED(a_pid_that_is_anothers_by_now),
		CACHED(connector),
		CACHED(hostile_texts),
		TEST(nothing_but_the_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
