// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "process_bed.h"

static void test_fork_exec_exit(void **state)
{
	struct process_bed *bed = *state;
	const struct process *process;

	bed_executed(bed, 10, START, "shell");
	bed_forked(bed, 11, START + 5, 10, START);
	process = process_tree_find(bed->tree, 11, START + 5);
	bed_assert_program(process, "/bin/shell", "prog\0-a\0", 8);
	assert_string_equal(process->name, "forked");
	bed_executed(bed, 11, START + 5, "docker");
	process = process_tree_find(bed->tree, 11, START + 5);
	bed_assert_program(process, "/bin/docker", "prog\0-a\0", 8);
	assert_string_equal(process->name, "docker");
	assert_string_equal(bed_ancestry(bed, process), "shell[10] ");
	/* The parent still runs its own. */
	bed_assert_program(process_tree_find(bed->tree, 10, START), "/bin/shell", "prog\0-a\0", 8);

	process_tree_exit(bed->tree, 11, START + 5, 256, START + SECOND);
	process = process_tree_find(bed->tree, 11, START + 5);
	assert_int_equal(process->ended, START + SECOND);
	assert_int_equal(process->status, 256);
	/* Who it was can be told for a minute. */
	process_tree_exit(bed->tree, 999, 1, 0, START + 61 * SECOND);
	assert_non_null(process_tree_find(bed->tree, 11, START + 5));
	process_tree_exit(bed->tree, 999, 1, 0, START + 61 * SECOND + 1);
	assert_null(process_tree_find(bed->tree, 11, START + 5));
	assert_non_null(process_tree_find(bed->tree, 10, START));
}

static void test_reused_pid(void **state)
{
	struct process_bed *bed = *state;
	struct process_statistics statistics;

	bed_executed(bed, 10, START, "shell");
	bed_forked(bed, 11, START + 5, 10, START);
	bed_executed(bed, 11, START + 5, "first");
	process_tree_exit(bed->tree, 11, START + 5, 0, START + 6);
	bed_forked(bed, 11, START + 7, 10, START);
	bed_executed(bed, 11, START + 7, "second");
	assert_string_equal(process_tree_find(bed->tree, 11, START + 5)->name, "first");
	assert_string_equal(process_tree_find(bed->tree, 11, START + 7)->name, "second");
	assert_string_equal(process_tree_find(bed->tree, 11, 0)->name, "second");
	assert_null(process_tree_find(bed->tree, 11, START + 6));
	/* An exit that belongs to the first one ends nobody. */
	process_tree_exit(bed->tree, 11, START + 5, 0, START + 8);
	assert_int_equal(process_tree_find(bed->tree, 11, START + 7)->ended, 0);
	/* One whose exit was lost ends when its pid comes again. */
	bed_forked(bed, 11, START + 9, 10, START);
	assert_int_equal(process_tree_find(bed->tree, 11, START + 7)->ended, START + 9);
	process_tree_statistics(bed->tree, &statistics);
	assert_int_equal(statistics.exits_missed, 1);
	assert_int_equal(statistics.living, 2);
}

static void test_orphan_keeps_its_parent(void **state)
{
	struct process_bed *bed = *state;
	const struct process *process;
	struct wire_task task;

	bed_executed(bed, 10, START, "sshd");
	bed_forked(bed, 11, START + 1, 10, START);
	bed_executed(bed, 11, START + 1, "shell");
	bed_forked(bed, 12, START + 2, 11, START + 1);
	bed_executed(bed, 12, START + 2, "daemon");
	process_tree_exit(bed->tree, 11, START + 1, 0, START + 3);
	/* An hour later the kernel has long handed it to init. */
	process_tree_exit(bed->tree, 999, 1, 0, START + 3600 * SECOND);
	task = bed_task_of(12, START + 2, 1, 1, "daemon");
	process = process_tree_find_or_read(bed->tree, &task);
	assert_int_equal(process->parent_pid, 11);
	assert_string_equal(bed_ancestry(bed, process), "shell[11] sshd[10] ");
	/* With the last that descends from it the parent goes too. */
	process_tree_exit(bed->tree, 12, START + 2, 0, START + 3601 * SECOND);
	assert_non_null(process_tree_find(bed->tree, 11, START + 1));
	process_tree_exit(bed->tree, 999, 1, 0, START + 3662 * SECOND);
	assert_null(process_tree_find(bed->tree, 12, START + 2));
	assert_null(process_tree_find(bed->tree, 11, START + 1));
	assert_non_null(process_tree_find(bed->tree, 10, START));
}

static void test_arguments(void **state)
{
	struct process_bed *bed = *state;
	struct wire_task task = bed_task_of(10, START, 0, 0, "x");
	char many[WIRE_ARGS_MOST + 10] = "tail";
	struct process_exec exec = { .args = { "a\0\0b\0", 5 }, .args_length = 5 };
	const struct process *process;
	struct text args, arg;
	bool cut;

	assert_int_equal(process_tree_exec(bed->tree, &task, START, &exec), 0);
	process = process_tree_find(bed->tree, 10, START);
	args = process_args(process, &cut);
	assert_false(cut);
	assert_true(process_next_arg(&args, &arg) && text_equal(arg, TEXT("a")));
	assert_true(process_next_arg(&args, &arg) && text_equal(arg, TEXT("")));
	assert_true(process_next_arg(&args, &arg) && text_equal(arg, TEXT("b")));
	assert_false(process_next_arg(&args, &arg));
	assert_null(process_executable(process).data);

	exec = (struct process_exec){ .args = { many, sizeof(many) }, .args_length = 1u << 30 };
	assert_int_equal(process_tree_exec(bed->tree, &task, START, &exec), 0);
	args = process_args(process_tree_find(bed->tree, 10, START), &cut);
	assert_true(cut);
	assert_int_equal(args.length, WIRE_ARGS_MOST);

	/* A program without arguments, and one whose arguments could not be read. */
	exec = (struct process_exec){ .executable = TEXT("./here"), .args = TEXT("") };
	assert_int_equal(process_tree_exec(bed->tree, &task, START, &exec), 0);
	args = process_args(process_tree_find(bed->tree, 10, START), &cut);
	assert_true(args.data && args.length == 0 && !cut);
	bed_assert_program(process_tree_find(bed->tree, 10, START), "./here", NULL, 0);
	exec.args_length = 7;
	assert_int_equal(process_tree_exec(bed->tree, &task, START, &exec), 0);
	args = process_args(process_tree_find(bed->tree, 10, START), &cut);
	assert_true(!args.data && cut);
}

static void test_ancestry_is_bounded(void **state)
{
	struct process_bed *bed = *state;
	const char *text;
	size_t count = 0;

	bed_executed(bed, 1, 1, "init");
	for (uint32_t pid = 2; pid < 60; pid++)
		bed_forked(bed, pid, pid, pid - 1, pid - 1);
	text = bed_ancestry(bed, process_tree_find(bed->tree, 59, 59));
	assert_memory_equal(text, "forked[58] forked[57] ", 22);
	for (const char *at = text; (at = strchr(at, '[')); at++)
		count++;
	assert_int_equal(count, PROCESS_ANCESTORS);
	assert_non_null(strstr(text, " ..."));
	assert_non_null(strstr(bed_ancestry(bed, process_tree_find(bed->tree, 33, 33)),
			       "forked[2] init[1] "));
	assert_null(strstr(buffer_string(&bed->text), "..."));
	/* A parent that nothing is known of. */
	bed_forked(bed, 70, 70, 69, 69);
	assert_string_equal(bed_ancestry(bed, process_tree_find(bed->tree, 70, 70)), "[69] ...");
}

static void test_parent_of_clone_parent(void **state)
{
	struct process_bed *bed = *state;
	struct wire_task task = bed_task_of(12, START + 2, 10, START, "x");

	bed_executed(bed, 10, START, "runc");
	bed_forked(bed, 11, START + 1, 10, START);
	/* 11 makes a sibling: the message has 11's start and the pid of 10. */
	assert_int_equal(process_tree_fork(bed->tree, &task, START + 1), 0);
	assert_string_equal(bed_ancestry(bed, process_tree_find(bed->tree, 12, START + 2)),
			    "runc[10] ");
}

static void test_fork_heard_after_the_parents_exit(void **state)
{
	struct process_bed *bed = *state;

	bed_executed(bed, 10, START, "shell");
	process_tree_exit(bed->tree, 10, START, 0, START + 2);
	bed_forked(bed, 11, START + 1, 10, START);
	process_tree_exit(bed->tree, 999, 1, 0, START + 3600 * SECOND);
	assert_string_equal(bed_ancestry(bed, process_tree_find(bed->tree, 11, START + 1)),
			    "shell[10] ");
	process_tree_exit(bed->tree, 11, START + 1, 0, START + 3600 * SECOND);
	process_tree_exit(bed->tree, 999, 1, 0, START + 3661 * SECOND);
	assert_null(process_tree_find(bed->tree, 10, START));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fork_exec_exit),
		TEST(reused_pid),
		TEST(orphan_keeps_its_parent),
		TEST(arguments),
		TEST(ancestry_is_bounded),
		TEST(parent_of_clone_parent),
		TEST(fork_heard_after_the_parents_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
