// SPDX-License-Identifier: Apache-2.0
/* Containers as the kernel shows them: how one begins, who enters it, how it ends. */
#include "tests/bpf/box.h"
#include "tests/bpf/route.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t capabilities_of_this_process(const char *name)
{
	unsigned long long value = 0;
	char line[200];
	FILE *file = fopen("/proc/self/status", "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			sscanf(line + strlen(name), ":%llx", &value);
	fclose(file);
	return value;
}

static void a_container_begins_and_ends(struct scene *scene, const void *argument)
{
	char *arguments[] = { "leave", "7", NULL };
	struct box box;
	struct program program = { actor_path("leave"), arguments, begin_box, &box };
	const struct wire_container_start *start;
	const struct wire_container_exit *end;
	const struct wire_extent *users;
	uint32_t host[WIRE_NAMESPACES];
	pid_t pid;

	assert_int_equal(bpf_source_host_namespaces(scene->source, host), 0);
	box_make(&box);
	pid = process_start(run_program, &program);
	process_wait(pid);
	box_remove(&box);
	scene_settle(scene);
	start = only_start(scene, &box);
	end = only_end(scene, &box);
	assert_int_equal(count_entries(scene, &box), 0);
	assert_int_equal(start->task.pid, pid);
	assert_true(only_exec(scene, pid)->header.time <= start->header.time);
	assert_int_not_equal(start->task.namespaces[WIRE_NS_MNT], host[WIRE_NS_MNT]);
	assert_int_not_equal(start->task.namespaces[WIRE_NS_UTS], host[WIRE_NS_UTS]);
	assert_int_equal(start->capabilities_effective, capabilities_of_this_process("CapEff"));
	assert_int_equal(start->capabilities_permitted, capabilities_of_this_process("CapPrm"));
	assert_int_equal(start->capabilities_bounding, capabilities_of_this_process("CapBnd"));
	assert_int_equal(start->capabilities_ambient, capabilities_of_this_process("CapAmb"));
	assert_int_equal(start->no_new_privileges, 0);
	assert_int_equal(start->uid_extents, 1);
	assert_int_equal(start->uid_map.length, sizeof(*users));
	users = (const void *)record_bytes(&start->header, start->uid_map);
	assert_int_equal(users->inside, users->outside);
	assert_int_equal(end->task.pid, pid);
	assert_true(end->began <= start->header.time && end->began > start->task.start);
	assert_int_equal(WEXITSTATUS(end->status), 7);
	assert_int_equal(end->out_of_memory, 0);
	route_note(scene, "a container begins, and ends", "process", "seen", NULL);
}

static int enter_as_runtimes_do(const struct program *program)
{
	const struct first *first = program->context;

	return enter_cgroup(&first->box) < 0 || join_mount_namespace(first) < 0;
}

static bool has_exec(const struct scene *scene, pid_t pid)
{
	SCENE_EACH (scene, process_exec, record)
		if (record->task.pid == (uint32_t)pid)
			return true;
	return false;
}

/* The first test of all: nothing was looked at before. */
static void a_container_that_was_there_before(struct scene *scene, const void *argument)
{
	char *arguments[] = { "sh", "-c", "read line; /bin/true; exec cat", NULL };
	double until = scene_clock() + scene_seconds(20);
	const struct wire_container_start *start;
	struct first first;
	struct program entry = { actor_path("leave"), NULL, enter_as_runtimes_do, &first };
	pid_t pid;

	box_make(&first.box);
	first_begin(&first, arguments);
	while (!has_exec(scene, first.pid) && scene_clock() < until)
		scene_settle(scene);
	SCENE_EACH (scene, container_start, record)
		assert_false(is_of_box(&record->task, &first.box));
	assert_int_equal(bpf_source_sweep_containers(scene->source), 0);
	scene_settle(scene);
	start = only_start(scene, &first.box);
	assert_int_equal(start->present, 1);
	assert_int_equal(start->task.pid, first.pid);
	assert_int_equal(write(first.ends[1], "\n", 1), 1);
	pid = process_do(run_program, &entry);
	first_stop(&first);
	box_remove(&first.box);
	scene_settle(scene);
	assert_int_equal(only_entry(scene, &first.box)->task.pid, pid);
	only_end(scene, &first.box);
	only_start(scene, &first.box);
	route_note(scene, "a container that ran before", "container", "seen", NULL);
}

static void what_its_processes_run_is_no_entry(struct scene *scene, const void *argument)
{
	/* Of the second pair the parent is gone: it belongs to a subreaper, or to init. */
	char *arguments[] = {
		"sh", "-c",
		"/bin/true; (/bin/true) & (while [ -e /proc/$$ ]; do sleep 0.02; done; exec /bin/true) & exec cat",
		NULL
	};
	double until = scene_clock() + scene_seconds(20);
	struct first first;

	box_make(&first.box);
	first_start(scene, &first, arguments);
	first_stop(&first);
	/* Until all of them have ended. */
	while (rmdir(first.box.cgroup) < 0 && errno == EBUSY && scene_clock() < until)
		scene_settle(scene);
	assert_int_equal(access(first.box.cgroup, F_OK), -1);
	scene_settle(scene);
	only_start(scene, &first.box);
	assert_int_equal(count_entries(scene, &first.box), 0);
	assert_int_equal(WEXITSTATUS(only_end(scene, &first.box)->status), 0);
}

static int enter_by_namespace(const struct program *program)
{
	return join_mount_namespace(program->context);
}

static void an_entry(struct scene *scene, const void *argument)
{
	const uint8_t *how = argument;
	struct first first;
	struct program program = { actor_path("leave"), NULL,
				   *how == WIRE_ENTRY_RUNTIME ? enter_as_runtimes_do
							      : enter_by_namespace,
				   &first };
	const struct wire_container_exec *entry;
	pid_t pid;

	box_make(&first.box);
	first_start(scene, &first, NULL);
	pid = process_do(run_program, &program);
	scene_settle(scene);
	entry = only_entry(scene, &first.box);
	assert_int_equal(entry->task.pid, pid);
	assert_int_equal(entry->how, *how);
	assert_true(is_of_box(&only_exec(scene, pid)->task, &first.box));
	first_stop(&first);
	box_remove(&first.box);
	scene_settle(scene);
	only_start(scene, &first.box);
	only_end(scene, &first.box);
	route_note(scene,
		   *how == WIRE_ENTRY_RUNTIME ? "an entry into a container, by a runtime"
					      : "an entry into a container, by its namespaces",
		   "process", "seen", NULL);
}

static void who_leaves_the_cgroup_is_still_there(struct scene *scene, const void *argument)
{
	char script[400];
	char *arguments[] = { "sh", "-c", script, NULL };
	struct box box;
	struct program program = { "/bin/sh", arguments, begin_box, &box };
	bool found = false;

	box_make(&box);
	snprintf(script, sizeof(script), "echo 0 >%s/cgroup.procs; /bin/true; :", cgroup_root());
	process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	only_start(scene, &box);
	assert_int_equal(count_entries(scene, &box), 0);
	SCENE_EACH (scene, process_exec, record)
		found |= is_of_box(&record->task, &box) &&
			 record_is(&record->header, record->executable, "/usr/bin/true");
	assert_true(found);
	only_end(scene, &box);
}

static void a_container_may_begin_again(struct scene *scene, const void *argument)
{
	struct box box;
	struct program program = { actor_path("leave"), NULL, begin_box, &box };
	pid_t pids[2];
	size_t starts = 0, ends = 0;

	box_make(&box);
	for (int i = 0; i < 2; i++)
		pids[i] = process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	SCENE_EACH (scene, container_start, record)
		if (is_of_box(&record->task, &box))
			assert_int_equal(record->task.pid, pids[starts++]);
	SCENE_EACH (scene, container_exit, record)
		if (is_of_box(&record->task, &box))
			assert_int_equal(record->task.pid, pids[ends++]);
	assert_int_equal(starts, 2);
	assert_int_equal(ends, 2);
	assert_int_equal(count_entries(scene, &box), 0);
}

/* A cgroup that is called like a container makes nobody one who stays in the host's namespaces. */
static int only_enter_cgroup(const struct program *program)
{
	return enter_cgroup(program->context);
}

static void a_name_alone_is_no_container(struct scene *scene, const void *argument)
{
	struct box box;
	struct program program = { actor_path("leave"), NULL, only_enter_cgroup, &box };

	box_make(&box);
	process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	SCENE_EACH (scene, container_start, record)
		assert_false(is_of_box(&record->task, &box));
}

/* Nor is one that is called like a container which runs: its processes are not that one's. */
static void a_name_of_another_is_nobodys(struct scene *scene, const void *argument)
{
	struct first first;
	struct box false_box;
	struct program program = { actor_path("leave"), NULL, begin_box, &false_box };
	char container[WIRE_CONTAINER] = {};
	pid_t pid;

	box_make(&first.box);
	first_start(scene, &first, NULL);
	box_make_another(&false_box, &first.box);
	pid = process_do(run_program, &program);
	box_remove(&false_box);
	scene_settle(scene);
	only_start(scene, &first.box);
	assert_int_equal(count_entries(scene, &first.box), 0);
	assert_memory_equal(only_exec(scene, pid)->task.container, container, WIRE_CONTAINER);
	first_stop(&first);
	box_remove(&first.box);
	scene_settle(scene);
	only_end(scene, &first.box);
}

/* An actor that is called like a runtime: it runs what it is told in a new mount namespace. */
struct runtime {
	char path[100], leave[400];
	char *arguments[5];
};

static void runtime_make(struct scene *scene, struct runtime *runtime)
{
	snprintf(runtime->leave, sizeof(runtime->leave), "%s", actor_path("leave"));
	snprintf(runtime->path, sizeof(runtime->path), "%s/runc", scene->folder);
	copy_actor("unshare", runtime->path, 0755);
	runtime->arguments[0] = "runc";
	runtime->arguments[1] = runtime->leave;
	runtime->arguments[2] = NULL;
}

/* What a runtime makes is a container, whatever its cgroup is called. */
static void a_runtime_used_by_hand(struct scene *scene, const void *argument)
{
	struct runtime runtime;
	struct program program = { runtime.path, runtime.arguments, NULL, NULL };
	const struct wire_container_start *start = NULL;
	pid_t pid;

	runtime_make(scene, &runtime);
	pid = process_do(run_program, &program);
	scene_settle(scene);
	SCENE_EACH (scene, container_start, record)
		if (record->task.pid == (uint32_t)pid)
			start = record;
	assert_non_null(start);
	/* It has made no cgroup. */
	assert_memory_equal(start->task.container, "mnt-", 4);
	assert_int_equal(strtoul(start->task.container + 4, NULL, 10),
			 start->task.namespaces[WIRE_NS_MNT]);
}

/* Whoever is called so first: what a runtime makes in root's control group is the container. */
static void a_name_that_was_taken_before(struct scene *scene, const void *argument)
{
	struct first squatter;
	struct box real;
	struct runtime runtime;
	struct program program = { runtime.path, runtime.arguments, only_enter_cgroup, &real };
	const struct wire_container_start *start = NULL;
	pid_t pid;

	runtime_make(scene, &runtime);
	box_make(&squatter.box);
	first_start(scene, &squatter, NULL);
	assert_int_equal(only_start(scene, &squatter.box)->doubts, WIRE_DOUBT_RUNTIME);
	box_make_another(&real, &squatter.box);
	pid = process_do(run_program, &program);
	box_remove(&real);
	first_stop(&squatter);
	box_remove(&squatter.box);
	scene_settle(scene);
	SCENE_EACH (scene, container_start, record)
		if (record->task.pid == (uint32_t)pid)
			start = record;
	assert_non_null(start);
	assert_true(is_of_box(&start->task, &real));
	assert_int_equal(start->doubts, WIRE_DOUBT_ANOTHER);
	assert_int_equal(only_end(scene, &real)->task.pid, pid);
}

/* A user may make control groups where some were given to them, and call them as they like. */
static void a_users_control_group_is_no_container(struct scene *scene, const void *argument)
{
	struct box box;
	struct runtime runtime;
	struct program program = { runtime.leave, NULL, begin_box, &box };
	struct program made = { runtime.path, runtime.arguments, only_enter_cgroup, &box };

	runtime_make(scene, &runtime);
	box_make(&box);
	assert_int_equal(chown(box.cgroup, NOBODY, NOBODY), 0);
	process_do(run_program, &program);
	scene_settle(scene);
	SCENE_EACH (scene, container_start, record)
		assert_false(is_of_box(&record->task, &box));
	/* As rootless engines do. */
	process_do(run_program, &made);
	box_remove(&box);
	scene_settle(scene);
	assert_int_equal(only_start(scene, &box)->doubts, WIRE_DOUBT_OWNER);
}

/* What a runtime runs within, before the container's own program, is not its beginning. */
static void a_hook_of_the_runtime(struct scene *scene, const void *argument)
{
	struct box box;
	struct runtime runtime;
	struct program program = { runtime.path, runtime.arguments, only_enter_cgroup, &box };
	pid_t pid;

	runtime_make(scene, &runtime);
	runtime.arguments[1] = "--hook";
	runtime.arguments[2] = "/bin/true";
	runtime.arguments[3] = runtime.leave;
	runtime.arguments[4] = NULL;
	box_make(&box);
	pid = process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	assert_int_equal(only_start(scene, &box)->task.pid, pid);
	assert_int_equal(only_start(scene, &box)->doubts, 0);
	assert_int_equal(count_entries(scene, &box), 0);
	assert_int_equal(only_end(scene, &box)->task.pid, pid);
}

int main(void)
{
	static const uint8_t by_runtime = WIRE_ENTRY_RUNTIME, by_namespace = WIRE_ENTRY_NAMESPACE;
	static const struct scene_test tests[] = {
		SCENE_TEST(a_container_that_was_there_before),
		SCENE_TEST(a_container_begins_and_ends),
		SCENE_TEST(a_container_may_begin_again),
		SCENE_TEST(what_its_processes_run_is_no_entry),
		SCENE_TEST(a_name_alone_is_no_container),
		SCENE_TEST(a_name_of_another_is_nobodys),
		SCENE_TEST(who_leaves_the_cgroup_is_still_there),
		SCENE_TEST(a_runtime_used_by_hand),
		SCENE_TEST(a_name_that_was_taken_before),
		SCENE_TEST(a_users_control_group_is_no_container),
		SCENE_TEST(a_hook_of_the_runtime),
		{ "an_entry, by a runtime", an_entry, &by_runtime },
		{ "an_entry, by its namespaces", an_entry, &by_namespace },
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
