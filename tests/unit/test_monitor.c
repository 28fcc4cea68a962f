// SPDX-License-Identifier: Apache-2.0
/* What is known of a container and an exec by the command lines above it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "correlate/monitor.h"
#include "process_bed.h"

#define CONTAINER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define EXEC      "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define NUMBERED  "mnt-4026532250"

#define MONITOR(unique)                                                                            \
	"conmon\0--api-version\0"                                                                  \
	"1\0-c\0" CONTAINER "\0-u\0" unique "\0-r\0/usr/bin/runc\0-n\0web\0"                       \
	"--exit-command-arg\0container\0--exit-command-arg\0cleanup\0--exit-command-arg\0-n\0"     \
	"--exit-command-arg\0no\0"
#define ARGS(words) ((struct text){ words, sizeof(words) - 1 })

/* One that its parent, the number before, forked and that runs this. */
static void run(struct process_bed *bed, uint32_t pid, const char *executable, struct text args)
{
	struct wire_task task = bed_task_of(pid, START + pid, pid - 1, START + pid - 1, "x");
	const struct process_exec exec = { text_of(executable), args, (uint32_t)args.length };

	bed_forked(bed, pid, START + pid, pid - 1, START + pid - 1);
	assert_int_equal(process_tree_exec(bed->tree, &task, START + SECOND, &exec), 0);
}

/* podman > conmon > conmon > runc > what is run. */
static struct monitor read_of(struct process_bed *bed, const char *executable, struct text podman,
			      struct text monitor, const char *container)
{
	char id[WIRE_CONTAINER] = {};
	struct monitor found;

	memcpy(id, container, strlen(container));
	run(bed, 50, executable, podman);
	run(bed, 51, "/usr/bin/conmon", monitor);
	bed_forked(bed, 52, START + 52, 51, START + 51);
	run(bed, 53, "/usr/bin/runc", ARGS("runc\0create\0"));
	run(bed, 54, "/bin/busybox", ARGS("sh\0"));
	monitor_read(bed->tree, process_tree_find(bed->tree, 54, START + 54), id, &found);
	return found;
}

static void assert_named(const struct monitor *found, const char *name)
{
	assert_true(text_equal(found->name, text_of(name)));
}

static void test_by_hand(void **state)
{
	struct monitor found = read_of(*state, "/usr/bin/podman", ARGS("podman\0run\0web\0"),
				       ARGS(MONITOR(CONTAINER)), CONTAINER);

	assert_int_equal(found.of, MONITOR_BY_HAND);
	assert_false(found.has_exec);
	assert_named(&found, "web");
}

static void test_service(void **state)
{
	struct monitor found = read_of(*state, "/usr/bin/podman",
				       ARGS("podman\0system\0service\0-t\0"
					    "0\0"),
				       ARGS(MONITOR(EXEC)), CONTAINER);

	assert_int_equal(found.of, MONITOR_ENGINE);
	assert_true(found.has_exec);
	assert_memory_equal(found.exec_id, EXEC, CONTAINER_ID);
	assert_named(&found, "web");
}

static void test_policy(void **state)
{
	struct monitor found = read_of(*state, "/usr/bin/podman",
				       ARGS("/usr/bin/podman\0--root\0/x\0container\0cleanup\0"),
				       ARGS(MONITOR(CONTAINER)), CONTAINER);

	assert_int_equal(found.of, MONITOR_POLICY);
}

/* Other engines have a monitor too, and anybody a program of that name. */
static void test_others(void **state)
{
	struct monitor found = read_of(*state, "/usr/bin/crio", ARGS("crio\0"),
				       ARGS(MONITOR(CONTAINER)), CONTAINER);

	assert_int_equal(found.of, MONITOR_ENGINE);
	found = read_of(*state, "/usr/bin/notpodman", ARGS("podman\0run\0"),
			ARGS(MONITOR(CONTAINER)), CONTAINER);
	assert_int_equal(found.of, MONITOR_ENGINE);
	found = read_of(*state, "podman", ARGS("podman\0run\0"), ARGS(MONITOR(CONTAINER)),
			CONTAINER);
	assert_int_equal(found.of, MONITOR_ENGINE);
}

/* What a monitor says of one container is nothing about another. */
static void test_of_another(void **state)
{
	struct monitor found = read_of(*state, "/usr/bin/podman", ARGS("podman\0run\0"),
				       ARGS(MONITOR(EXEC)), OTHER);

	assert_int_equal(found.of, MONITOR_NONE);
	assert_false(found.has_exec);
	assert_null(found.name.data);
}

static void test_numbered(void **state)
{
	struct monitor found = read_of(*state, "/usr/bin/podman", ARGS("podman\0run\0"),
				       ARGS(MONITOR(CONTAINER)), NUMBERED);

	assert_int_equal(found.of, MONITOR_BY_HAND);
	assert_named(&found, "web");
}

static void test_odd_lines(void **state)
{
	struct monitor found =
		read_of(*state, "/usr/bin/podman", (struct text){}, ARGS("conmon\0-n\0"), NUMBERED);

	assert_null(found.name.data);
	assert_int_equal(found.of, MONITOR_ENGINE); /* nobody knows how podman was run */
	found = read_of(*state, "/usr/bin/podman", ARGS("podman\0"),
			ARGS("conmon\0-u\0not-an-id\0-c"), NUMBERED);
	assert_false(found.has_exec);
	found = read_of(*state, "/usr/bin/podman", ARGS("podman\0"), (struct text){}, CONTAINER);
	assert_int_equal(found.of, MONITOR_NONE);
	monitor_read(((struct process_bed *)*state)->tree, NULL, CONTAINER, &found);
	assert_int_equal(found.of, MONITOR_NONE);
}

/* containerd's folder of an exec names its container: that of another one says nothing of this. */
static void test_pid_file(void **state)
{
	struct process_bed *bed = *state;
	struct monitor found;
	char id[WIRE_CONTAINER];

	memcpy(id, CONTAINER, sizeof(id));
	run(bed, 51, "/usr/bin/runc",
	    ARGS("runc\0exec\0--pid-file\0/run/x/moby/" CONTAINER "/" EXEC ".pid\0"));
	run(bed, 52, "/bin/busybox", ARGS("sh\0"));
	monitor_read(bed->tree, process_tree_find(bed->tree, 52, START + 52), id, &found);
	assert_true(found.has_exec);
	assert_memory_equal(found.exec_id, EXEC, CONTAINER_ID);
	memcpy(id, OTHER, sizeof(id));
	monitor_read(bed->tree, process_tree_find(bed->tree, 52, START + 52), id, &found);
	assert_false(found.has_exec);
	run(bed, 51, "/usr/bin/runc",
	    ARGS("runc\0exec\0--pid-file\0/x/" EXEC ".pid\0--pid-file\0"));
	monitor_read(bed->tree, process_tree_find(bed->tree, 52, START + 52), id, &found);
	assert_false(found.has_exec);
}

/* Whoever is in the container may call himself what he likes. */
static void test_from_within(void **state)
{
	struct process_bed *bed = *state;
	const struct process_exec exec = { TEXT("/tmp/conmon"), ARGS(MONITOR(EXEC)), 0 };
	struct monitor found;
	char id[WIRE_CONTAINER];

	memcpy(id, CONTAINER, sizeof(id));
	for (uint32_t pid = 61; pid < 64; pid++) {
		struct wire_task task =
			bed_task_of(pid, START + pid, pid - 1, START + pid - 1, "x");

		memcpy(task.container, id, sizeof(id));
		bed_forked(bed, pid, START + pid, pid - 1, START + pid - 1);
		assert_int_equal(process_tree_exec(bed->tree, &task, START + SECOND, &exec), 0);
	}
	monitor_read(bed->tree, process_tree_find(bed->tree, 63, START + 63), id, &found);
	assert_int_equal(found.of, MONITOR_NONE);
	assert_false(found.has_exec);
	assert_null(found.name.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_hand),   TEST(service),  TEST(policy),
		TEST(others),    TEST(numbered), TEST(of_another),
		TEST(odd_lines), TEST(pid_file), TEST(from_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
