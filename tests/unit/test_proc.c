// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "correlate/proc.h"
#include "fake_proc.h"

#define ID    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OTHER "1111111111111111111111111111111122222222222222222222222222222222"
#define ALL   (PROC_PROGRAM | PROC_CONTAINER | PROC_NAMESPACES)

struct fixture {
	char *folder;
	int proc;
	struct proc_process read;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->folder = fake_folder();
	fixture->proc = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->proc);
	fake_remove(fixture->folder);
	proc_process_clear(&fixture->read);
	free(fixture);
	return 0;
}

static void test_reads_all_parts(void **state)
{
	struct fixture *fixture = *state;
	struct proc_process *read = &fixture->read;
	struct fake_process process = {
		.pid = 77,
		.parent = 3,
		.ticks = 12345,
		.name = "a) (b c",
		.executable = "/opt/with space (deleted)",
		.args = "one\0\0three\0",
		.args_length = 11,
		.uid = 1000,
		.login_uid = "501",
		.cgroup = "1:cpu:/docker/" OTHER "\n0::/system.slice/docker-" ID ".scope\n",
		.mount_namespace = 4026532000u,
		.tty = (unsigned int)(136 << 8 | 5),
	};

	fake_process_make(fixture->folder, &process);
	assert_int_equal(proc_read(fixture->proc, 77, ALL, read), 0);
	assert_int_equal(read->task.pid, 77);
	assert_int_equal(read->task.parent_pid, 3);
	assert_int_equal(read->task.start, 123450000000ull);
	assert_string_equal(read->task.name, "a) (b c");
	assert_string_equal(read->task.tty, "pts5");
	assert_int_equal(read->task.uid, 1000);
	assert_int_equal(read->task.effective_uid, 1001);
	assert_int_equal(read->task.gid, 1002);
	assert_int_equal(read->task.effective_gid, 1003);
	assert_int_equal(read->task.login_uid, 501);
	assert_int_equal(read->task.session, 42);
	assert_memory_equal(read->task.container, ID, 64);
	assert_int_equal(read->task.namespaces[WIRE_NS_MNT], 4026532000u);
	assert_int_equal(read->task.namespaces[WIRE_NS_PID], 0);
	assert_string_equal(buffer_string(&read->executable), "/opt/with space (deleted)");
	assert_int_equal(read->args.length, 11);
	assert_memory_equal(read->args.data, "one\0\0three\0", 11);
	assert_false(read->args_cut);
	assert_false(read->ended);
}

static void test_hostile_names(void **state)
{
	static const char *const names[] = {
		"", ")", "((((", ") S 1 1 1", "a\nUid:\t0\t0\n", "x)\n", ") Z 9 9 9 9 9 9 9 9 9 9"
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct fake_process process = {
			.pid = 5, .parent = 2, .ticks = 9, .name = names[i], .uid = 7
		};

		fake_process_make(fixture->folder, &process);
		assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), 0);
		assert_int_equal(fixture->read.task.parent_pid, 2);
		assert_int_equal(fixture->read.task.start, 90000000);
		assert_int_equal(fixture->read.task.uid, 7);
		assert_false(fixture->read.ended);
		assert_true(strncmp(fixture->read.task.name, names[i], WIRE_COMM - 1) == 0);
		assert_int_equal(fixture->read.task.name[WIRE_COMM - 1], 0);
	}
}

static void test_broken_stat(void **state)
{
	static const char *const stats[] = {
		"",
		"5",
		"5 (",
		"5 (x",
		"5 (x)",
		"5 (x) ",
		"5 (x) S",
		"5 (x) S 1 1 1 1 1 1 1",
		"5 (x) S -1 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 0 5 1",
		"5 (x) S 1 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 0 99999999999999999999999 1",
		"5 (x) S 1 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 0 18446744073709551615 1",
		"5 (x) S 99999999999 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 0 5 1",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(stats); i++) {
		fake_file(fixture->folder, "5/stat", stats[i], strlen(stats[i]));
		assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), -EBADMSG);
	}
}

static void test_not_there(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), -ESRCH);
	snprintf(path, sizeof(path), "%s/5", fixture->folder);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), -ESRCH);
	/* Neither waits nor follows. */
	snprintf(path, sizeof(path), "%s/5/stat", fixture->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), -EINVAL);
	snprintf(path, sizeof(path), "%s/6", fixture->folder);
	assert_int_equal(symlink("5", path), 0);
	assert_true(proc_read(fixture->proc, 6, ALL, &fixture->read) < 0);
}

static void test_only_stat(void **state)
{
	struct fixture *fixture = *state;
	const char *stat = "5 (x) S 1 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 0 5 1";

	fake_file(fixture->folder, "5/stat", stat, strlen(stat));
	assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), 0);
	assert_int_equal(fixture->read.task.uid, WIRE_UNSET);
	assert_int_equal(fixture->read.task.gid, WIRE_UNSET);
	assert_int_equal(fixture->read.task.login_uid, WIRE_UNSET);
	assert_int_equal(fixture->read.task.session, WIRE_UNSET);
	assert_int_equal(fixture->read.task.container[0], 0);
	assert_int_equal(fixture->read.executable.length, 0);
	assert_int_equal(fixture->read.args.length, 0);
}

static void test_command_lines(void **state)
{
	struct fixture *fixture = *state;
	struct fake_process process = { .pid = 5, .ticks = 9, .name = "x" };
	char long_args[WIRE_ARGS_MOST + 100];

	/* What setproctitle leaves: no NUL at the end, or a run of them. */
	process.args = "sshd: alice@pts/0";
	process.args_length = strlen(process.args);
	fake_process_make(fixture->folder, &process);
	assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), 0);
	assert_int_equal(fixture->read.args.length, process.args_length + 1);
	process.args = "nginx: worker\0\0\0\0\0\0\0";
	process.args_length = 20;
	fake_process_make(fixture->folder, &process);
	assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), 0);
	assert_int_equal(fixture->read.args.length, 14);

	memset(long_args, 'x', sizeof(long_args));
	process.args = long_args;
	process.args_length = sizeof(long_args);
	fake_process_make(fixture->folder, &process);
	assert_int_equal(proc_read(fixture->proc, 5, ALL, &fixture->read), 0);
	assert_int_equal(fixture->read.args.length, WIRE_ARGS_MOST);
	assert_true(fixture->read.args_cut);
}

static void test_zombies(void **state)
{
	struct fixture *fixture = *state;
	const char *stat = "6 (x) Z 1 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 2 0 5 1";
	struct fake_process process = { .pid = 5, .ticks = 9, .name = "x", .state = 'Z' };

	fake_process_make(fixture->folder, &process);
	assert_int_equal(proc_read(fixture->proc, 5, 0, &fixture->read), 0);
	assert_true(fixture->read.ended);
	/* The leader has ended, another thread lives. */
	fake_file(fixture->folder, "6/stat", stat, strlen(stat));
	assert_int_equal(proc_read(fixture->proc, 6, 0, &fixture->read), 0);
	assert_false(fixture->read.ended);
}

static void check_tty(unsigned int major, unsigned int minor, const char *expected)
{
	/* new_encode_dev() */
	uint32_t device = (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
	char name[WIRE_TTY];

	proc_tty_name(device, name);
	assert_string_equal(name, expected);
}

static void test_tty_names(void **state)
{
	check_tty(0, 0, "");
	check_tty(136, 0, "pts0");
	check_tty(136, 300, "pts300");
	check_tty(136, 1048575, "pts1048575");
	check_tty(137, 1, "pts257");
	check_tty(4, 1, "tty1");
	check_tty(4, 64, "ttyS0");
	check_tty(5, 1, "console");
	check_tty(204, 64, "ttyAMA0");
	check_tty(229, 0, "hvc0");
	check_tty(99, 1, "");
}

static void test_containers(void **state)
{
	static const struct {
		const char *cgroups, *id;
	} cases[] = {
		{ "", NULL },
		{ "0::/\n", NULL },
		{ "0::/docker/" ID "\n", ID },
		{ "0::/docker/" ID, ID },
		{ "0::/docker/" ID "/below/it\n", ID },
		{ "0::/system.slice/docker-" ID ".scope\n", ID },
		{ "0::/machine.slice/libpod-" ID ".scope/container\n", ID },
		{ "0::/docker/" OTHER "/docker/" ID "\n", ID },
		{ "4:memory:/docker/" ID "\n0::/\n", ID },
		{ "4:memory:/docker/" OTHER "\n0::/docker/" ID "\n", ID },
		{ "0::/docker/" ID "\n4:memory:/docker/" OTHER "\n", ID },
		{ "0::/docker/A" ID "x\n", NULL },
		{ "0::/docker/" ID "x\n", NULL },
		{ "garbage without a colon " ID "\n::\n:\n\n0:", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char id[WIRE_CONTAINER];
		bool found = proc_container(text_of(cases[i].cgroups), id);

		assert_int_equal(found, cases[i].id != NULL);
		if (found)
			assert_memory_equal(id, cases[i].id, WIRE_CONTAINER);
	}
}

static void test_this_process(void **state)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct proc_process read = {};
	char path[256];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
	unsigned int inum;

	assert_int_equal(proc_read(proc, (uint32_t)getpid(), ALL, &read), 0);
	assert_int_equal(read.task.parent_pid, getppid());
	assert_int_equal(read.task.uid, getuid());
	assert_int_equal(read.task.effective_gid, getegid());
	assert_int_equal(read.executable.length, length);
	assert_memory_equal(read.executable.data, path, (size_t)length);
	assert_true(read.args.length > 0);
	length = readlink("/proc/self/ns/uts", path, sizeof(path) - 1);
	path[length] = '\0';
	assert_int_equal(sscanf(path, "uts:[%u]", &inum), 1);
	assert_int_equal(read.task.namespaces[WIRE_NS_UTS], inum);
	proc_process_clear(&read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads_all_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken_stat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_stat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_command_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zombies, set_up, tear_down),
		cmocka_unit_test(test_tty_names),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
