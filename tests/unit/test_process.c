// SPDX-License-Identifier: Apache-2.0
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

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/process.h"
#include "fake_proc.h"

#define ID     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TICK   10000000ull
#define START  (1000 * TICK)
#define SECOND NS_PER_SECOND

struct fixture {
	char *folder;
	struct process_tree *tree;
	struct buffer text;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	_cleanup_close_ int proc = -1;

	fixture->folder = fake_folder();
	proc = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(process_tree_new(proc, 0, 0, &fixture->tree), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	process_tree_free(fixture->tree);
	fake_remove(fixture->folder);
	buffer_free(&fixture->text);
	free(fixture);
	return 0;
}

static struct wire_task task_of(uint32_t pid, uint64_t start, uint32_t parent,
				uint64_t parent_start, const char *name)
{
	struct wire_task task = { .pid = pid,
				  .start = start,
				  .parent_pid = parent,
				  .parent_start = parent_start,
				  .login_uid = WIRE_UNSET,
				  .session = WIRE_UNSET };

	memcpy(task.name, name, strlen(name));
	return task;
}

static void forked(struct fixture *fixture, uint32_t pid, uint64_t start, uint32_t parent,
		   uint64_t parent_start)
{
	struct wire_task task = task_of(pid, start, parent, parent_start, "forked");

	assert_int_equal(process_tree_fork(fixture->tree, &task, parent_start), 0);
}

static void executed(struct fixture *fixture, uint32_t pid, uint64_t start, const char *name)
{
	struct wire_task task = task_of(pid, start, 0, 0, name);
	char path[64];
	struct process_exec exec = { .args = { "prog\0-a\0", 8 }, .args_length = 8 };

	snprintf(path, sizeof(path), "/bin/%s", name);
	exec.executable = text_of(path);
	assert_int_equal(process_tree_exec(fixture->tree, &task, start, &exec), 0);
}

static void append_ancestor(void *context, uint32_t pid, const struct process *known)
{
	buffer_printf(context, "%s[%u] ", known ? known->name : "", pid);
}

/* "name[pid] name[pid] ", with "..." where it is cut. */
static const char *ancestry(struct fixture *fixture, const struct process *process)
{
	buffer_clear(&fixture->text);
	if (process_ancestry(fixture->tree, process, append_ancestor, &fixture->text))
		buffer_append_string(&fixture->text, "...");
	return buffer_string(&fixture->text);
}

static void assert_program(const struct process *process, const char *executable, const char *args,
			   size_t args_length)
{
	bool cut;
	struct text path = process_executable(process), line = process_args(process, &cut);

	assert_int_equal(path.length, executable ? strlen(executable) : 0);
	if (executable)
		assert_memory_equal(path.data, executable, path.length);
	else
		assert_null(path.data);
	assert_int_equal(line.length, args_length);
	if (args_length)
		assert_memory_equal(line.data, args, args_length);
}

static void test_fork_exec_exit(void **state)
{
	struct fixture *fixture = *state;
	const struct process *process;

	executed(fixture, 10, START, "shell");
	forked(fixture, 11, START + 5, 10, START);
	process = process_tree_find(fixture->tree, 11, START + 5);
	assert_program(process, "/bin/shell", "prog\0-a\0", 8);
	assert_string_equal(process->name, "forked");
	executed(fixture, 11, START + 5, "docker");
	process = process_tree_find(fixture->tree, 11, START + 5);
	assert_program(process, "/bin/docker", "prog\0-a\0", 8);
	assert_string_equal(process->name, "docker");
	assert_string_equal(ancestry(fixture, process), "shell[10] ");
	/* The parent still runs its own. */
	assert_program(process_tree_find(fixture->tree, 10, START), "/bin/shell", "prog\0-a\0", 8);

	process_tree_exit(fixture->tree, 11, START + 5, 256, START + SECOND);
	process = process_tree_find(fixture->tree, 11, START + 5);
	assert_int_equal(process->ended, START + SECOND);
	assert_int_equal(process->status, 256);
	/* Who it was can be told for a minute. */
	process_tree_exit(fixture->tree, 999, 1, 0, START + 61 * SECOND);
	assert_non_null(process_tree_find(fixture->tree, 11, START + 5));
	process_tree_exit(fixture->tree, 999, 1, 0, START + 61 * SECOND + 1);
	assert_null(process_tree_find(fixture->tree, 11, START + 5));
	assert_non_null(process_tree_find(fixture->tree, 10, START));
}

static void test_reused_pid(void **state)
{
	struct fixture *fixture = *state;
	struct process_statistics statistics;

	executed(fixture, 10, START, "shell");
	forked(fixture, 11, START + 5, 10, START);
	executed(fixture, 11, START + 5, "first");
	process_tree_exit(fixture->tree, 11, START + 5, 0, START + 6);
	forked(fixture, 11, START + 7, 10, START);
	executed(fixture, 11, START + 7, "second");
	assert_string_equal(process_tree_find(fixture->tree, 11, START + 5)->name, "first");
	assert_string_equal(process_tree_find(fixture->tree, 11, START + 7)->name, "second");
	assert_string_equal(process_tree_find(fixture->tree, 11, 0)->name, "second");
	assert_null(process_tree_find(fixture->tree, 11, START + 6));
	/* An exit that belongs to the first one ends nobody. */
	process_tree_exit(fixture->tree, 11, START + 5, 0, START + 8);
	assert_int_equal(process_tree_find(fixture->tree, 11, START + 7)->ended, 0);
	/* One whose exit was lost ends when its pid comes again. */
	forked(fixture, 11, START + 9, 10, START);
	assert_int_equal(process_tree_find(fixture->tree, 11, START + 7)->ended, START + 9);
	process_tree_statistics(fixture->tree, &statistics);
	assert_int_equal(statistics.exits_missed, 1);
	assert_int_equal(statistics.living, 2);
}

static void test_orphan_keeps_its_parent(void **state)
{
	struct fixture *fixture = *state;
	const struct process *process;
	struct wire_task task;

	executed(fixture, 10, START, "sshd");
	forked(fixture, 11, START + 1, 10, START);
	executed(fixture, 11, START + 1, "shell");
	forked(fixture, 12, START + 2, 11, START + 1);
	executed(fixture, 12, START + 2, "daemon");
	process_tree_exit(fixture->tree, 11, START + 1, 0, START + 3);
	/* An hour later the kernel has long handed it to init. */
	process_tree_exit(fixture->tree, 999, 1, 0, START + 3600 * SECOND);
	task = task_of(12, START + 2, 1, 1, "daemon");
	process = process_tree_find_or_read(fixture->tree, &task);
	assert_int_equal(process->parent_pid, 11);
	assert_string_equal(ancestry(fixture, process), "shell[11] sshd[10] ");
	/* With the last that descends from it the parent goes too. */
	process_tree_exit(fixture->tree, 12, START + 2, 0, START + 3601 * SECOND);
	assert_non_null(process_tree_find(fixture->tree, 11, START + 1));
	process_tree_exit(fixture->tree, 999, 1, 0, START + 3662 * SECOND);
	assert_null(process_tree_find(fixture->tree, 12, START + 2));
	assert_null(process_tree_find(fixture->tree, 11, START + 1));
	assert_non_null(process_tree_find(fixture->tree, 10, START));
}

static void test_arguments(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = task_of(10, START, 0, 0, "x");
	char many[WIRE_ARGS_MOST + 10] = "tail";
	struct process_exec exec = { .args = { "a\0\0b\0", 5 }, .args_length = 5 };
	const struct process *process;
	struct text args, arg;
	bool cut;

	assert_int_equal(process_tree_exec(fixture->tree, &task, START, &exec), 0);
	process = process_tree_find(fixture->tree, 10, START);
	args = process_args(process, &cut);
	assert_false(cut);
	assert_true(process_next_arg(&args, &arg) && text_equal(arg, TEXT("a")));
	assert_true(process_next_arg(&args, &arg) && text_equal(arg, TEXT("")));
	assert_true(process_next_arg(&args, &arg) && text_equal(arg, TEXT("b")));
	assert_false(process_next_arg(&args, &arg));
	assert_null(process_executable(process).data);

	exec = (struct process_exec){ .args = { many, sizeof(many) }, .args_length = 1u << 30 };
	assert_int_equal(process_tree_exec(fixture->tree, &task, START, &exec), 0);
	args = process_args(process_tree_find(fixture->tree, 10, START), &cut);
	assert_true(cut);
	assert_int_equal(args.length, WIRE_ARGS_MOST);

	/* A program without arguments, and one whose arguments could not be read. */
	exec = (struct process_exec){ .executable = TEXT("./here"), .args = TEXT("") };
	assert_int_equal(process_tree_exec(fixture->tree, &task, START, &exec), 0);
	args = process_args(process_tree_find(fixture->tree, 10, START), &cut);
	assert_true(args.data && args.length == 0 && !cut);
	assert_program(process_tree_find(fixture->tree, 10, START), "./here", NULL, 0);
	exec.args_length = 7;
	assert_int_equal(process_tree_exec(fixture->tree, &task, START, &exec), 0);
	args = process_args(process_tree_find(fixture->tree, 10, START), &cut);
	assert_true(!args.data && cut);
}

static void make_three(struct fixture *fixture)
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

	fake_process_make(fixture->folder, &init);
	fake_process_make(fixture->folder, &shell);
	fake_process_make(fixture->folder, &client);
}

static void test_seed(void **state)
{
	struct fixture *fixture = *state;
	const struct process *process;
	struct process_statistics statistics;

	make_three(fixture);
	fake_file(fixture->folder, "uptime", "1", 1);
	fake_file(fixture->folder, "12x/stat", "1", 1);
	fake_file(fixture->folder, "77/stat", "garbage", 7);
	fake_file(fixture->folder, "99999999999999999999/stat", "garbage", 7);
	assert_int_equal(process_tree_seed(fixture->tree, START), 0);
	process_tree_statistics(fixture->tree, &statistics);
	assert_int_equal(statistics.entries, 3);
	process = process_tree_find(fixture->tree, 20, 1005 * TICK + 123);
	assert_non_null(process);
	assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	assert_int_equal(process->uid, 1000);
	assert_int_equal(process->login_uid, 1000);
	assert_int_equal(process->session, 42);
	assert_string_equal(ancestry(fixture, process), "my (sh) ell[900] systemd[1] ");
	/* Again is no harm. */
	assert_int_equal(process_tree_seed(fixture->tree, START), 0);
	process_tree_statistics(fixture->tree, &statistics);
	assert_int_equal(statistics.entries, 3);
}

static void test_exact_start_is_adopted(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = task_of(20, 1005 * TICK + 9999999, 900, 1000 * TICK + 4, "docker");
	const struct process *process;

	make_three(fixture);
	assert_int_equal(process_tree_seed(fixture->tree, START), 0);
	assert_false(process_tree_find(fixture->tree, 20, 0)->start_exact);
	/* One tick on is another process. */
	assert_null(process_tree_find(fixture->tree, 20, 1006 * TICK));
	assert_null(process_tree_find(fixture->tree, 20, 1004 * TICK + 9999999));
	process = process_tree_find_or_read(fixture->tree, &task);
	assert_true(process->start_exact);
	assert_int_equal(process->start, 1005 * TICK + 9999999);
	assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	/* From now on only that is it, in the same tick too. */
	assert_null(process_tree_find(fixture->tree, 20, 1005 * TICK + 1));
	process_tree_exit(fixture->tree, 20, 1005 * TICK + 1, 0, 2000 * TICK);
	assert_int_equal(process_tree_find(fixture->tree, 20, 0)->ended, 0);
	assert_string_equal(ancestry(fixture, process), "my (sh) ell[900] systemd[1] ");
}

static void test_messages_that_waited_for_the_seed(void **state)
{
	struct fixture *fixture = *state;
	const struct process *process;

	make_three(fixture);
	assert_int_equal(process_tree_seed(fixture->tree, START), 0);
	/* Its fork and exec were on their way while /proc was read. */
	forked(fixture, 20, 1005 * TICK + 7, 900, 1000 * TICK + 8);
	process = process_tree_find(fixture->tree, 20, 1005 * TICK + 7);
	assert_program(process, "/bin/sh", "-sh\0", 4);
	executed(fixture, 20, 1005 * TICK + 7, "docker");
	process = process_tree_find(fixture->tree, 20, 1005 * TICK + 7);
	assert_program(process, "/bin/docker", "prog\0-a\0", 8);
	assert_string_equal(ancestry(fixture, process), "my (sh) ell[900] systemd[1] ");
}

static void test_parent_of_clone_parent(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = task_of(12, START + 2, 10, START, "x");

	executed(fixture, 10, START, "runc");
	forked(fixture, 11, START + 1, 10, START);
	/* 11 makes a sibling: the message has 11's start and the pid of 10. */
	assert_int_equal(process_tree_fork(fixture->tree, &task, START + 1), 0);
	assert_string_equal(ancestry(fixture, process_tree_find(fixture->tree, 12, START + 2)),
			    "runc[10] ");
}

static void test_unknown_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = task_of(20, 1005 * TICK + 3, 900, 1000 * TICK + 4, "docker");
	const struct process *process;

	make_three(fixture);
	process = process_tree_find_or_read(fixture->tree, &task);
	assert_true(process->start_exact);
	assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	assert_string_equal(ancestry(fixture, process), "my (sh) ell[900] systemd[1] ");
	/* What was read does not change with /proc. */
	fake_process_end(fixture->folder, 20);
	fake_process_end(fixture->folder, 900);
	process = process_tree_find_or_read(fixture->tree, &task);
	assert_program(process, "/usr/bin/docker", "docker\0ps\0", 10);
	assert_string_equal(ancestry(fixture, process), "my (sh) ell[900] systemd[1] ");
}

static void test_another_in_proc_is_not_taken(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task = task_of(20, 1004 * TICK, 900, 999 * TICK, "gone");
	const struct process *process;

	make_three(fixture);
	task.uid = 33;
	process = process_tree_find_or_read(fixture->tree, &task);
	assert_string_equal(process->name, "gone");
	assert_int_equal(process->uid, 33);
	assert_program(process, NULL, NULL, 0);
	assert_true(process->ended != 0);
	/* Nor is the parent, whose pid is another's now too. */
	assert_string_equal(ancestry(fixture, process), "[900] ...");
	/* The same process with another program meanwhile: its arguments are of another act. */
	task = task_of(20, 1005 * TICK, 900, 1000 * TICK, "curl");
	process = process_tree_find_or_read(fixture->tree, &task);
	assert_string_equal(process->name, "curl");
	assert_program(process, NULL, NULL, 0);
	assert_string_equal(ancestry(fixture, process), "my (sh) ell[900] systemd[1] ");
}

static void test_a_younger_one_is_no_parent(void **state)
{
	struct fixture *fixture = *state;
	const struct fake_process child = { .pid = 20, .parent = 900, .ticks = 1000, .name = "c" };
	const struct fake_process other = { .pid = 900, .parent = 20, .ticks = 1002, .name = "o" };

	/* Between the reading of the two the parent ended, and its pid was given away. */
	fake_process_make(fixture->folder, &child);
	fake_process_make(fixture->folder, &other);
	assert_int_equal(process_tree_seed(fixture->tree, START), 0);
	assert_string_equal(ancestry(fixture, process_tree_find(fixture->tree, 20, 0)),
			    "[900] ...");
	assert_string_equal(ancestry(fixture, process_tree_find(fixture->tree, 900, 0)),
			    "c[20] [900] ...");
}

static void test_fork_heard_after_the_parents_exit(void **state)
{
	struct fixture *fixture = *state;

	executed(fixture, 10, START, "shell");
	process_tree_exit(fixture->tree, 10, START, 0, START + 2);
	forked(fixture, 11, START + 1, 10, START);
	process_tree_exit(fixture->tree, 999, 1, 0, START + 3600 * SECOND);
	assert_string_equal(ancestry(fixture, process_tree_find(fixture->tree, 11, START + 1)),
			    "shell[10] ");
	process_tree_exit(fixture->tree, 11, START + 1, 0, START + 3600 * SECOND);
	process_tree_exit(fixture->tree, 999, 1, 0, START + 3661 * SECOND);
	assert_null(process_tree_find(fixture->tree, 10, START));
}

static void test_identify(void **state)
{
	struct fixture *fixture = *state;
	struct wire_task task, exact = task_of(20, 1005 * TICK + 3, 900, 0, "docker");

	make_three(fixture);
	assert_int_equal(process_tree_identify(fixture->tree, 21, &task), -ESRCH);
	assert_int_equal(process_tree_identify(fixture->tree, 0, &task), -ESRCH);
	assert_int_equal(process_tree_identify(fixture->tree, 20, &task), 0);
	assert_string_equal(task.name, "docker");
	assert_int_equal(task.start, 0);
	assert_int_equal(task.effective_gid, 1003);
	process_tree_find_or_read(fixture->tree, &exact);
	assert_int_equal(process_tree_identify(fixture->tree, 20, &task), 0);
	assert_int_equal(task.start, 1005 * TICK + 3);
	/* The tree alone. */
	fake_process_end(fixture->folder, 20);
	assert_int_equal(process_tree_identify(fixture->tree, 20, &task), 0);
	assert_string_equal(task.name, "docker");
	assert_int_equal(task.gid, WIRE_UNSET);
	process_tree_exit(fixture->tree, 20, 1005 * TICK + 3, 0, START);
	assert_int_equal(process_tree_identify(fixture->tree, 20, &task), -ESRCH);
}

static void test_ancestry_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	const char *text;
	size_t count = 0;

	executed(fixture, 1, 1, "init");
	for (uint32_t pid = 2; pid < 60; pid++)
		forked(fixture, pid, pid, pid - 1, pid - 1);
	text = ancestry(fixture, process_tree_find(fixture->tree, 59, 59));
	assert_memory_equal(text, "forked[58] forked[57] ", 22);
	for (const char *at = text; (at = strchr(at, '[')); at++)
		count++;
	assert_int_equal(count, PROCESS_ANCESTORS);
	assert_non_null(strstr(text, " ..."));
	assert_non_null(strstr(ancestry(fixture, process_tree_find(fixture->tree, 33, 33)),
			       "forked[2] init[1] "));
	assert_null(strstr(buffer_string(&fixture->text), "..."));
	/* A parent that nothing is known of. */
	forked(fixture, 70, 70, 69, 69);
	assert_string_equal(ancestry(fixture, process_tree_find(fixture->tree, 70, 70)),
			    "[69] ...");
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
	struct fixture *fixture = *state;
	struct heard heard = {};
	const struct process_listener listener = { hear_contained, hear_empty, &heard };
	struct fake_process inside = { .pid = 50,
				       .ticks = 30,
				       .name = "late",
				       .cgroup = "0::/docker/" ID "\n",
				       .mount_namespace = 4026532001u };
	struct wire_task task = task_of(60, START, 50, 30 * TICK, "init");

	process_tree_listen(fixture->tree, &listener);
	make_three(fixture);
	fake_process_make(fixture->folder, &inside);
	inside.pid = 51;
	inside.ticks = 29;
	fake_process_make(fixture->folder, &inside);
	assert_int_equal(process_tree_seed(fixture->tree, START), 0);
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.contained[0], 51);
	assert_int_equal(heard.contained[1], 50);

	memcpy(task.container, ID, WIRE_CONTAINER);
	assert_int_equal(process_tree_fork(fixture->tree, &task, 0), 0);
	process_tree_exit(fixture->tree, 50, 30 * TICK, 0, START);
	process_tree_exit(fixture->tree, 51, 29 * TICK, 0, START);
	process_tree_exit(fixture->tree, 51, 29 * TICK, 0, START);
	assert_int_equal(heard.empties, 0);
	/* The last one leaves for another cgroup. */
	memset(task.container, 0, WIRE_CONTAINER);
	process_tree_find_or_read(fixture->tree, &task);
	assert_int_equal(heard.empties, 1);
	assert_string_equal(heard.empty, ID);
	process_tree_exit(fixture->tree, 60, START, 0, START);
	assert_int_equal(heard.empties, 1);
}

/* A real child, known to /proc by its tick, to us by what it says of itself. */
static void test_this_machine(void **state)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct fixture fixture = {};
	const struct process *self;
	struct wire_task task;
	uint64_t before, after;
	char expected[64];
	pid_t child;

	assert_int_equal(process_tree_new(proc, 0, 0, &fixture.tree), 0);
	assert_int_equal(process_tree_seed(fixture.tree, clock_boot_ns()), 0);
	self = process_tree_find(fixture.tree, (uint32_t)getpid(), 0);
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
	assert_int_equal(process_tree_identify(fixture.tree, (uint32_t)child, &task), 0);
	snprintf(expected, sizeof(expected), "%s[%d] ", self->name, getpid());
	assert_memory_equal(ancestry(&fixture, process_tree_find(fixture.tree, (uint32_t)child, 0)),
			    expected, strlen(expected));
	/* The start in /proc is the tick of the boot clock's ns that a probe would tell. */
	self = process_tree_find(fixture.tree, (uint32_t)child, 0);
	assert_true(self->start >= before / TICK * TICK && self->start <= after);
	task.start = self->start + TICK - 1;
	assert_ptr_equal(process_tree_find_or_read(fixture.tree, &task), self);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	process_tree_free(fixture.tree);
	buffer_free(&fixture.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fork_exec_exit),
		TEST(reused_pid),
		TEST(orphan_keeps_its_parent),
		TEST(arguments),
		TEST(seed),
		TEST(exact_start_is_adopted),
		TEST(messages_that_waited_for_the_seed),
		TEST(parent_of_clone_parent),
		TEST(unknown_is_read),
		TEST(another_in_proc_is_not_taken),
		TEST(a_younger_one_is_no_parent),
		TEST(fork_heard_after_the_parents_exit),
		TEST(identify),
		TEST(ancestry_is_bounded),
		TEST(containers),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
