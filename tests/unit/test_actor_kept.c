// SPDX-License-Identifier: Apache-2.0
/* What is kept of a process from one event to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "correlate/process.h"
#include "actor_bed.h"

static void test_a_command_line_is_masked_once(void **state)
{
	static const char masked[] = "\"args\":[\"docker\",\"login\",\"-p\",\"[redacted]\"]";
	struct actor_bed *bed = *state;
	struct wire_task task = bed_run_client(bed), child = bed_client();
	const struct process *process;
	struct text args;
	bool cut;

	child.pid = 21;
	child.parent_pid = 20;
	child.start++;
	for (int i = 0; i < 3; i++) {
		bed_fill_again(bed, &task);
		assert_non_null(strstr(bed_json_of(bed), masked));
	}
	/* A child runs the same program. */
	assert_int_equal(process_tree_fork(bed->context.tree, &child, task.start), 0);
	bed_fill_again(bed, &child);
	assert_non_null(strstr(bed_json_of(bed), masked));
	assert_int_equal(bed->redactions, 1);
	/* What it was before is not kept. */
	process = process_tree_find(bed->context.tree, task.pid, task.start);
	args = process_args(process, &cut);
	assert_null(memmem(args.data, args.length, "hunter2", 7));
	/* Another program has a command line of its own. */
	bed_run(bed, &task, "/bin/cat", TEXT("cat\0x\0"));
	bed_fill_again(bed, &task);
	assert_non_null(strstr(bed_json_of(bed), "\"args\":[\"cat\",\"x\"],\"args_cut\":false"));
	bed_fill_again(bed, &child);
	assert_non_null(strstr(bed_json_of(bed), masked));
	assert_int_equal(bed->redactions, 2);
	bed_run(bed, &task, "/bin/true", TEXT(""));
	bed_fill_again(bed, &task);
	assert_non_null(strstr(bed_json_of(bed), "\"args\":[],\"args_cut\":false"));
}

/* What is kept of a process must be what would be told of it anew. */
static void assert_as_anew(struct actor_bed *bed, const struct wire_task *task)
{
	struct actor_cache *cache = bed->context.cache;
	_cleanup_free_ char *kept = NULL;

	for (int i = 0; i < 2; i++) {
		bed_fill_again(bed, task);
		free(kept);
		kept = strdup(bed_json_of(bed));
		bed->context.cache = NULL;
		bed_fill_again(bed, task);
		bed->context.cache = cache;
		assert_string_equal(kept, bed_json_of(bed));
	}
}

static void test_kept_until_something_changes(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_run_client(bed), other = bed_client();
	struct wire_task shell = { .pid = 10, .start = START, .name = "renamed" };

	assert_as_anew(bed, &task);
	/* Its parent runs another program, and ends; it does so itself; it changes its name, its
	 * user, its terminal. */
	bed_run(bed, &shell, "/bin/renamed", TEXT("renamed\0"));
	assert_as_anew(bed, &task);
	bed_assert_text(bed, FIELD_process_parent_name, "renamed");
	process_tree_exit(bed->context.tree, shell.pid, shell.start, 0, START + 20);
	assert_as_anew(bed, &task);
	bed_run(bed, &task, "/bin/cat", TEXT("cat\0"));
	assert_as_anew(bed, &task);
	bed_assert_text(bed, FIELD_process_executable, "/bin/cat");
	strcpy(task.name, "kitten");
	assert_as_anew(bed, &task);
	bed_assert_text(bed, FIELD_process_name, "kitten");
	task.uid = 1000;
	assert_as_anew(bed, &task);
	bed_assert_text(bed, FIELD_user_name, "alice");
	strcpy(task.tty, "tty1");
	assert_as_anew(bed, &task);
	bed->context.wall_offset_ns++;
	assert_as_anew(bed, &task);
	/* The same place is another's. */
	other.pid += 64;
	strcpy(other.name, "other");
	assert_as_anew(bed, &other);
	assert_as_anew(bed, &task);
	other.pid = task.pid;
	other.start += 1000;
	assert_as_anew(bed, &other);
}

static void test_what_is_set_later_counts(void **state)
{
	struct actor_bed *bed = *state;
	struct wire_task task = bed_run_client(bed);

	bed_fill_again(bed, &task);
	record_set_string(bed->record, FIELD_process_name, "later");
	assert_non_null(strstr(bed_json_of(bed), "\"name\":\"later\""));
	bed_fill_again(bed, &task);
	record_unset(bed->record, FIELD_process_name);
	assert_null(strstr(bed_json_of(bed), "\"name\":\"docker\""));
	/* What was set before too. */
	record_begin(bed->record, EVENT_api_request);
	task.tty[0] = '\0';
	record_set_string(bed->record, FIELD_process_tty, "before");
	actor_fill(&bed->context, &task, bed->record);
	assert_non_null(strstr(bed_json_of(bed), "\"tty\":\"before\""));
	assert_non_null(strstr(bed_json_of(bed), "\"name\":\"docker\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CACHED(a_command_line_is_masked_once),
		WITH_CACHE(kept_until_something_changes),
		WITH_CACHE(what_is_set_later_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
