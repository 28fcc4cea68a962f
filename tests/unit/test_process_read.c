// SPDX-License-Identifier: Apache-2.0
/* The process tree and /proc: seeding, and what the probes did not tell. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "process_bed.h"

#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void make_three(struct process_bed *bed)
{
	/* The child has a lower pid than its parent: pids went round. */
	const struct fake_process init = { .pid = 1,
					   .ticks = 0,
					   .name = "systemd",
					   .executable = "/sbin/init",
					   .args = "/sbin/init\0",
					   .args_length = 11 };
	const struct fake_process shell = { .pid = 900,
					    .parent = 1,
					    .ticks = 1000,
					    .name = "my (sh) ell",
					    .executable = "/bin/sh",
					    .args = "-sh\0",
					    .args_length = 4,
					    .uid = 1000,
					    .login_uid = "1000" };
	const struct fake_process client = { .pid = 20,
					     .parent = 900,
					     .ticks = 1005,
					     .name = "docker",
					     .executable = "/usr/bin/docker",
					     .args = "docker\0ps\0",
					     .args_length = 10,
					     .uid = 1000,
					     .login_uid = "1000" };

	fake_process_make(bed->folder, &init);
	fake_process_make(bed->folder, &shell);
	fake_process_make(bed->folder, &client);
}

static void test_seed(void **state)
{
	struct process_bed *bed = *state;
	const struct process *process;
	struct process_statistics statistics;

	make_three(bed);
	fake_file(bed->folder, "uptime", "1", 1);
	fake_file(bed->folder, "12x/stat", "1", 1);
	fake_file(bed->folder, "77/stat", "garbage", 7);
	fake_file(bed->folder, "99999999999999999999/stat", "garbage", 7);
	assert_int_equal(process_tree_seed(bed->tree, START), 0);
	process_tree_statistics(bed->tree, &statistics);
	assert_int_equal(statistics.entries, 3);
	process = process_tree_find(bed->tree, 20, 1005 * TICK + 123);
	assert_non_null(process);
	bed_assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	assert_int_equal(process->uid, 1000);
	assert_int_equal(process->login_uid, 1000);
	assert_int_equal(process->session, 42);
	assert_string_equal(bed_ancestry(bed, process), "my (sh) ell[900] systemd[1] ");
	/* Again is no harm. */
	assert_int_equal(process_tree_seed(bed->tree, START), 0);
	process_tree_statistics(bed->tree, &statistics);
	assert_int_equal(statistics.entries, 3);
}

static void test_exact_start_is_adopted(void **state)
{
	struct process_bed *bed = *state;
	struct wire_task task =
		bed_task_of(20, 1005 * TICK + 9999999, 900, 1000 * TICK + 4, "docker");
	const struct process *process;

	make_three(bed);
	assert_int_equal(process_tree_seed(bed->tree, START), 0);
	assert_false(process_tree_find(bed->tree, 20, 0)->start_exact);
	/* One tick on is another process. */
	assert_null(process_tree_find(bed->tree, 20, 1006 * TICK));
	assert_null(process_tree_find(bed->tree, 20, 1004 * TICK + 9999999));
	process = process_tree_find_or_read(bed->tree, &task);
	assert_true(process->start_exact);
	assert_int_equal(process->start, 1005 * TICK + 9999999);
	bed_assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	/* From now on only that is it, in the same tick too. */
	assert_null(process_tree_find(bed->tree, 20, 1005 * TICK + 1));
	process_tree_exit(bed->tree, 20, 1005 * TICK + 1, 0, 2000 * TICK);
	assert_int_equal(process_tree_find(bed->tree, 20, 0)->ended, 0);
	assert_string_equal(bed_ancestry(bed, process), "my (sh) ell[900] systemd[1] ");
}

static void test_messages_that_waited_for_the_seed(void **state)
{
	struct process_bed *bed = *state;
	const struct process *process;

	make_three(bed);
	assert_int_equal(process_tree_seed(bed->tree, START), 0);
	/* Its fork and exec were on their way while /proc was read. */
	bed_forked(bed, 20, 1005 * TICK + 7, 900, 1000 * TICK + 8);
	process = process_tree_find(bed->tree, 20, 1005 * TICK + 7);
	bed_assert_program(process, "/bin/sh", "-sh\0", 4);
	bed_executed(bed, 20, 1005 * TICK + 7, "docker");
	process = process_tree_find(bed->tree, 20, 1005 * TICK + 7);
	bed_assert_program(process, "/bin/docker", "prog\0-a\0", 8);
	assert_string_equal(bed_ancestry(bed, process), "my (sh) ell[900] systemd[1] ");
}

static void test_unknown_is_read(void **state)
{
	struct process_bed *bed = *state;
	struct wire_task task = bed_task_of(20, 1005 * TICK + 3, 900, 1000 * TICK + 4, "docker");
	const struct process *process;

	make_three(bed);
	process = process_tree_find_or_read(bed->tree, &task);
	assert_true(process->start_exact);
	bed_assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	assert_string_equal(bed_ancestry(bed, process), "my (sh) ell[900] systemd[1] ");
	/* What was read does not change with /proc. */
	fake_process_end(bed->folder, 20);
	fake_process_end(bed->folder, 900);
	process = process_tree_find_or_read(bed->tree, &task);
	bed_assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	assert_string_equal(bed_ancestry(bed, process), "my (sh) ell[900] systemd[1] ");
}

static void test_another_in_proc_is_not_taken(void **state)
{
	struct process_bed *bed = *state;
	struct wire_task task = bed_task_of(20, 1004 * TICK, 900, 999 * TICK, "gone");
	const struct process *process;

	make_three(bed);
	task.uid = 33;
	process = process_tree_find_or_read(bed->tree, &task);
	assert_string_equal(process->name, "gone");
	assert_int_equal(process->uid, 33);
	bed_assert_program(process, NULL, NULL, 0);
	assert_true(process->ended != 0);
	/* Nor is the parent, whose pid is another's now too. */
	assert_string_equal(bed_ancestry(bed, process), "[900] ...");
	/* The same process with another program meanwhile: its arguments are of another act. */
	task = bed_task_of(20, 1005 * TICK, 900, 1000 * TICK, "curl");
	process = process_tree_find_or_read(bed->tree, &task);
	assert_string_equal(process->name, "curl");
	bed_assert_program(process, NULL, NULL, 0);
	assert_string_equal(bed_ancestry(bed, process), "my (sh) ell[900] systemd[1] ");
}

static void test_a_younger_one_is_no_parent(void **state)
{
	struct process_bed *bed = *state;
	const struct fake_process child = { .pid = 20, .parent = 900, .ticks = 1000, .name = "c" };
	const struct fake_process other = { .pid = 900, .parent = 20, .ticks = 1002, .name = "o" };

	/* Between the reading of the two the parent ended, and its pid was given away. */
	fake_process_make(bed->folder, &child);
	fake_process_make(bed->folder, &other);
	assert_int_equal(process_tree_seed(bed->tree, START), 0);
	assert_string_equal(bed_ancestry(bed, process_tree_find(bed->tree, 20, 0)), "[900] ...");
	assert_string_equal(bed_ancestry(bed, process_tree_find(bed->tree, 900, 0)),
			    "c[20] [900] ...");
}

static void test_identify(void **state)
{
	struct process_bed *bed = *state;
	struct wire_task task, exact = bed_task_of(20, 1005 * TICK + 3, 900, 0, "docker");

	make_three(bed);
	assert_int_equal(process_tree_identify(bed->tree, 21, &task), -ESRCH);
	assert_int_equal(process_tree_identify(bed->tree, 0, &task), -ESRCH);
	assert_int_equal(process_tree_identify(bed->tree, 20, &task), 0);
	assert_string_equal(task.name, "docker");
	assert_int_equal(task.start, 0);
	assert_int_equal(task.effective_gid, 1003);
	process_tree_find_or_read(bed->tree, &exact);
	assert_int_equal(process_tree_identify(bed->tree, 20, &task), 0);
	assert_int_equal(task.start, 1005 * TICK + 3);
	/* The tree alone. */
	fake_process_end(bed->folder, 20);
	assert_int_equal(process_tree_identify(bed->tree, 20, &task), 0);
	assert_string_equal(task.name, "docker");
	assert_int_equal(task.gid, WIRE_UNSET);
	process_tree_exit(bed->tree, 20, 1005 * TICK + 3, 0, START);
	assert_int_equal(process_tree_identify(bed->tree, 20, &task), -ESRCH);
}

struct heard {
	char empty[WIRE_CONTAINER + 1];
	unsigned int empties;
	uint32_t contained[4];
	unsigned int count;
};

static void hear_empty(void *context, const char id[WIRE_CONTAINER])
{
	struct heard *heard = context;

	memcpy(heard->empty, id, WIRE_CONTAINER);
	heard->empties++;
}

static void hear_contained(void *context, const struct wire_task *task)
{
	struct heard *heard = context;

	assert_true(heard->count < 4);
	assert_int_equal(task->namespaces[WIRE_NS_MNT], 4026532001u);
	heard->contained[heard->count++] = task->pid;
}

static void test_containers(void **state)
{
	struct process_bed *bed = *state;
	struct heard heard = {};
	const struct process_listener listener = { hear_contained, hear_empty, &heard };
	struct fake_process inside = { .pid = 50,
				       .ticks = 30,
				       .name = "late",
				       .cgroup = "0::/docker/" ID "\n",
				       .mount_namespace = 4026532001u };
	struct wire_task task = bed_task_of(60, START, 50, 30 * TICK, "init");

	process_tree_listen(bed->tree, &listener);
	make_three(bed);
	fake_process_make(bed->folder, &inside);
	inside.pid = 51;
	inside.ticks = 29;
	fake_process_make(bed->folder, &inside);
	assert_int_equal(process_tree_seed(bed->tree, START), 0);
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.contained[0], 51);
	assert_int_equal(heard.contained[1], 50);

	memcpy(task.container, ID, WIRE_CONTAINER);
	assert_int_equal(process_tree_fork(bed->tree, &task, 0), 0);
	process_tree_exit(bed->tree, 50, 30 * TICK, 0, START);
	process_tree_exit(bed->tree, 51, 29 * TICK, 0, START);
	process_tree_exit(bed->tree, 51, 29 * TICK, 0, START);
	assert_int_equal(heard.empties, 0);
	/* The last one leaves for another cgroup. */
	memset(task.container, 0, WIRE_CONTAINER);
	process_tree_find_or_read(bed->tree, &task);
	assert_int_equal(heard.empties, 1);
	assert_string_equal(heard.empty, ID);
	process_tree_exit(bed->tree, 60, START, 0, START);
	assert_int_equal(heard.empties, 1);
}

/* A real child, known to /proc by its tick, to us by what it says of itself. */
static void test_this_machine(void **state)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct process_bed bed = {};
	const struct process *self;
	struct wire_task task;
	uint64_t before, after;
	char expected[64];
	pid_t child;

	assert_int_equal(process_tree_new(proc, 0, 0, &bed.tree), 0);
	assert_int_equal(process_tree_seed(bed.tree, clock_boot_ns()), 0);
	self = process_tree_find(bed.tree, (uint32_t)getpid(), 0);
	assert_non_null(self);
	assert_int_equal(self->parent_pid, getppid());
	assert_true(process_executable(self).length > 0);
	before = clock_boot_ns();
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	after = clock_boot_ns();
	assert_int_equal(process_tree_identify(bed.tree, (uint32_t)child, &task), 0);
	snprintf(expected, sizeof(expected), "%s[%d] ", self->name, getpid());
	assert_memory_equal(bed_ancestry(&bed, process_tree_find(bed.tree, (uint32_t)child, 0)),
			    expected, strlen(expected));
	/* The start in /proc is the tick of the boot clock's ns that a probe would tell. */
	self = process_tree_find(bed.tree, (uint32_t)child, 0);
	assert_true(self->start >= before / TICK * TICK && self->start <= after);
	task.start = self->start + TICK - 1;
	assert_ptr_equal(process_tree_find_or_read(bed.tree, &task), self);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	process_tree_free(bed.tree);
	buffer_free(&bed.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(seed),
		TEST(exact_start_is_adopted),
		TEST(messages_that_waited_for_the_seed),
		TEST(unknown_is_read),
		TEST(another_in_proc_is_not_taken),
		TEST(a_younger_one_is_no_parent),
		TEST(identify),
		TEST(containers),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
