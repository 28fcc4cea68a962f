// SPDX-License-Identifier: Apache-2.0
/* Containers as the kernel shows them: how one begins, who enters it, how it ends. */
#include "tests/bpf/program.h"

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

static const char *cgroup_root(void)
{
	return access("/sys/fs/cgroup/cgroup.procs", W_OK) == 0 ? "/sys/fs/cgroup"
								: "/sys/fs/cgroup/unified";
}

/* A container made by hand: a cgroup with an id in its name, and what runs in it. */
struct box {
	char id[WIRE_CONTAINER + 1], parent[200], cgroup[300];
};

static void box_make(struct box *box)
{
	static unsigned int count;

	snprintf(box->id, sizeof(box->id), "%08x%056x", (unsigned int)getpid(), ++count);
	snprintf(box->parent, sizeof(box->parent), "%s/docktrail-test", cgroup_root());
	snprintf(box->cgroup, sizeof(box->cgroup), "%s/%s", box->parent, box->id);
	if ((mkdir(box->parent, 0755) < 0 && errno != EEXIST) || mkdir(box->cgroup, 0755) < 0) {
		print_message("# skip: no cgroup can be made at %s: %s\n", box->cgroup,
			      strerror(errno));
		skip();
	}
}

static void box_remove(struct box *box)
{
	assert_int_equal(rmdir(box->cgroup), 0);
	rmdir(box->parent);
}

static int enter_cgroup(const struct box *box)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", box->cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -1;
}

static int begin_box(const struct program *program)
{
	return enter_cgroup(program->context) < 0 || unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0;
}

static bool is_of_box(const struct wire_task *task, const struct box *box)
{
	return memcmp(task->container, box->id, WIRE_CONTAINER) == 0;
}

static const struct wire_container_start *only_start(const struct scene *scene,
						     const struct box *box)
{
	const struct wire_container_start *found = NULL;

	SCENE_EACH (scene, container_start, record)
		if (is_of_box(&record->task, box)) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

static const struct wire_container_exit *only_end(const struct scene *scene, const struct box *box)
{
	const struct wire_container_exit *found = NULL;

	SCENE_EACH (scene, container_exit, record)
		if (is_of_box(&record->task, box)) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

static size_t count_entries(const struct scene *scene, const struct box *box)
{
	size_t count = 0;

	SCENE_EACH (scene, container_exec, record)
		count += is_of_box(&record->task, box);
	return count;
}

static const struct wire_container_exec *only_entry(const struct scene *scene,
						    const struct box *box)
{
	assert_int_equal(count_entries(scene, box), 1);
	SCENE_EACH (scene, container_exec, record)
		if (is_of_box(&record->task, box))
			return record;
	return NULL;
}

/* Its first process, which reads its standard input to the end. */
struct first {
	struct box box;
	struct program program;
	int ends[2];
	pid_t pid;
};

static int begin_first(const struct program *program)
{
	const struct first *first = program->context;

	return begin_box(&(struct program){ .context = &first->box }) ||
	       dup2(first->ends[0], STDIN_FILENO) < 0;
}

/* Started; that its program runs is not awaited. */
static void first_begin(struct first *first, char *const *arguments)
{
	static char *const cat[] = { "cat", NULL };

	first->program = (struct program){ arguments ? "/bin/sh" : "/bin/cat", arguments ?: cat,
					   begin_first, first };
	assert_int_equal(pipe2(first->ends, O_CLOEXEC), 0);
	first->pid = process_start(run_program, &first->program);
}

/* Returns once its program runs. */
static void first_start(struct scene *scene, struct first *first, char *const *arguments)
{
	double until = scene_clock() + scene_seconds(20);

	first_begin(first, arguments);
	while (scene_clock() < until) {
		scene_settle(scene);
		SCENE_EACH (scene, container_start, record)
			if (is_of_box(&record->task, &first->box))
				return;
	}
	fail_msg("the container did not begin");
}

static int first_stop(struct first *first)
{
	close(first->ends[0]);
	close(first->ends[1]);
	return process_wait(first->pid);
}

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
}

static int join_mount_namespace(const struct first *first)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)first->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? setns(fd, CLONE_NEWNS) : -1;
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
}

static void what_its_processes_run_is_no_entry(struct scene *scene, const void *argument)
{
	/* Of the second pair the parent is gone: it belongs to a subreaper, or to init. */
	char *arguments[] = { "sh", "-c",
			      "/bin/true; (/bin/true) & (sleep 0.2; exec /bin/true) & exec cat",
			      NULL };
	struct first first;

	box_make(&first.box);
	first_start(scene, &first, arguments);
	first_stop(&first);
	scene_settle(scene);
	only_start(scene, &first.box);
	assert_int_equal(count_entries(scene, &first.box), 0);
	assert_int_equal(WEXITSTATUS(only_end(scene, &first.box)->status), 0);
	while (rmdir(first.box.cgroup) < 0 && errno == EBUSY)
		scene_settle(scene);
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
	false_box = first.box;
	snprintf(false_box.parent, sizeof(false_box.parent), "%s/docktrail-false", cgroup_root());
	snprintf(false_box.cgroup, sizeof(false_box.cgroup), "%s/%s", false_box.parent,
		 false_box.id);
	assert_int_equal(mkdir(false_box.parent, 0755), 0);
	assert_int_equal(mkdir(false_box.cgroup, 0755), 0);
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

/* What a runtime makes is a container, whatever its cgroup is called. */
static void a_runtime_used_by_hand(struct scene *scene, const void *argument)
{
	char runc[100], leave[400];
	char *arguments[] = { "runc", leave, NULL };
	struct program program = { runc, arguments, NULL, NULL };
	const struct wire_container_start *start = NULL;
	pid_t pid;

	snprintf(leave, sizeof(leave), "%s", actor_path("leave"));
	snprintf(runc, sizeof(runc), "%s/runc", scene->folder);
	copy_actor("unshare", runc, 0755);
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

/* ---- other namespaces than before */

static const struct wire_namespace_change *only_change(const struct scene *scene, pid_t pid)
{
	const struct wire_namespace_change *found = NULL;

	SCENE_EACH (scene, namespace_change, record)
		if (record->task.pid == (uint32_t)pid) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

/* Which of them differ, one bit each. */
static unsigned int changed(const struct wire_namespace_change *change)
{
	const uint32_t *before = (const void *)record_bytes(&change->header, change->before);
	unsigned int bits = 0;

	assert_int_equal(change->before.length, WIRE_NAMESPACES * sizeof(*before));
	for (int i = 0; i < WIRE_NAMESPACES; i++)
		bits |= (unsigned int)(before[i] != change->task.namespaces[i]) << i;
	return bits;
}

/* `unshare` in a container, which then runs a program. */
static void namespaces_that_a_container_makes(struct scene *scene, const void *argument)
{
	char unshare[400], leave[400];
	char *arguments[] = { "unshare", leave, NULL };
	struct box box;
	struct program program = { unshare, arguments, begin_box, &box };
	const struct wire_namespace_change *change;
	pid_t pid;

	snprintf(unshare, sizeof(unshare), "%s", actor_path("unshare"));
	snprintf(leave, sizeof(leave), "%s", actor_path("leave"));
	box_make(&box);
	pid = process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	only_start(scene, &box);
	change = only_change(scene, pid);
	assert_int_equal(changed(change), 1u << WIRE_NS_MNT);
	assert_int_equal(change->how, WIRE_CHANGE_EXEC);
	assert_true(is_of_box(&change->task, &box));
	assert_int_equal(count_entries(scene, &box), 0);
}

static void the_hosts_that_a_container_takes(struct scene *scene, const void *argument)
{
	char script[200];
	char *arguments[] = { "sh", "-c", script, NULL };
	uint32_t host[WIRE_NAMESPACES];
	struct box box;
	struct program program = { "/bin/sh", arguments, begin_box, &box };
	const struct wire_namespace_change *found = NULL;

	assert_int_equal(bpf_source_host_namespaces(scene->source, host), 0);
	snprintf(script, sizeof(script), "nsenter --uts --mount -t %d /bin/true; :", (int)getpid());
	box_make(&box);
	process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	SCENE_EACH (scene, namespace_change, record)
		if (is_of_box(&record->task, &box) && record->how == WIRE_CHANGE_EXEC) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	assert_int_equal(changed(found), 1u << WIRE_NS_MNT | 1u << WIRE_NS_UTS);
	assert_int_equal(found->task.namespaces[WIRE_NS_MNT], host[WIRE_NS_MNT]);
	assert_int_equal(found->task.namespaces[WIRE_NS_UTS], host[WIRE_NS_UTS]);
}

static int join_uts(const struct program *program)
{
	const struct first *first = program->context;
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/uts", (int)first->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? setns(fd, CLONE_NEWUTS) : -1;
}

/* Somebody of the host, without its mount namespace: no entry, but told. */
static void a_containers_that_the_host_takes(struct scene *scene, const void *argument)
{
	struct first first;
	struct program program = { actor_path("leave"), NULL, join_uts, &first };
	const struct wire_namespace_change *change;
	pid_t pid;

	box_make(&first.box);
	first_start(scene, &first, NULL);
	pid = process_do(run_program, &program);
	scene_settle(scene);
	change = only_change(scene, pid);
	assert_int_equal(changed(change), 1u << WIRE_NS_UTS);
	assert_int_equal(change->task.container[0], 0);
	assert_int_equal(change->task.namespaces[WIRE_NS_UTS],
			 only_start(scene, &first.box)->task.namespaces[WIRE_NS_UTS]);
	assert_int_equal(count_entries(scene, &first.box), 0);
	first_stop(&first);
	box_remove(&first.box);
}

/* ---- capabilities */

#define SYS_ADMIN 21
#define SYS_NICE  23

/* The second rung has a hook for them since 6.13 only. */
static void capabilities_needed(const struct scene *scene)
{
	const struct bpf_hook_state *states;
	size_t count = bpf_source_hooks(scene->source, &states);

	for (size_t i = 0; i < count; i++)
		if (strcmp(states[i].purpose, "capability") == 0 && states[i].attached)
			return;
	print_message("# skip: this kernel has no hook for capabilities on the rung %s\n",
		      scene->rung);
	skip();
}

/* Run a line of the shell in a container. */
static void run_line(struct scene *scene, struct box *box, const char *line)
{
	char *arguments[] = { "sh", "-c", (char *)line, NULL };
	struct program program = { "/bin/sh", arguments, begin_box, box };

	box_make(box);
	process_do(run_program, &program);
	box_remove(box);
	scene_settle(scene);
	only_start(scene, box);
}

static const struct wire_capability_use *only_use(const struct scene *scene, const struct box *box,
						  int capability)
{
	const struct wire_capability_use *found = NULL;

	SCENE_EACH (scene, capability_use, record)
		if (is_of_box(&record->task, box) && record->capability == capability &&
		    !record->borrowed) {
			assert_null(found);
			found = record;
		}
	return found;
}

struct counted {
	const struct box *box;
	int capability;
	uint64_t count;
};

static void add_up(void *context, const struct wire_capability *kind, uint64_t count)
{
	struct counted *counted = context;

	assert_memory_equal(kind->container, counted->box->id, WIRE_CONTAINER);
	if (kind->capability == counted->capability && !kind->borrowed)
		counted->count += count;
}

static void a_capability_that_is_used(struct scene *scene, const void *argument)
{
	struct box box;
	struct counted counted = { &box, SYS_NICE, 0 };
	const struct wire_capability_use *use;

	capabilities_needed(scene);
	run_line(scene, &box, "for i in 1 2 3 4 5 6 7; do nice -n -1 true; done; :");
	use = only_use(scene, &box, SYS_NICE);
	assert_non_null(use);
	assert_int_equal(use->denied, 0);
	assert_string_equal(use->task.name, "nice");
	assert_int_equal(bpf_source_capabilities(scene->source, box.id, add_up, &counted), 0);
	assert_int_equal(counted.count, 7);
	/* It is forgotten. */
	counted.count = 0;
	assert_int_equal(bpf_source_capabilities(scene->source, box.id, add_up, &counted), 0);
	assert_int_equal(counted.count, 0);
}

static void a_capability_that_is_refused(struct scene *scene, const void *argument)
{
	struct box box;
	struct counted counted = { &box, SYS_NICE, 0 };
	const struct wire_capability_use *use;

	capabilities_needed(scene);
	run_line(scene, &box,
		 "setpriv --bounding-set -sys_nice --inh-caps -sys_nice sh -c "
		 "'nice -n -1 true; nice -n -1 true' 2>/dev/null; :");
	use = only_use(scene, &box, SYS_NICE);
	assert_non_null(use);
	assert_int_equal(use->denied, 1);
	assert_int_equal(bpf_source_capabilities(scene->source, box.id, add_up, &counted), 0);
	assert_int_equal(counted.count, 2);
}

/* Each mapping of memory asks whether it may use the last of it: nobody wants to know. */
static void what_asks_for_memory_is_left_out(struct scene *scene, const void *argument)
{
	struct box box;

	capabilities_needed(scene);
	run_line(scene, &box,
		 "setpriv --reuid 65534 --clear-groups sh -c 'for i in 1 2 3 4 5 6 7 8 9; do "
		 "/bin/true; done'");
	assert_null(only_use(scene, &box, SYS_ADMIN));
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
		SCENE_TEST(namespaces_that_a_container_makes),
		SCENE_TEST(the_hosts_that_a_container_takes),
		SCENE_TEST(a_containers_that_the_host_takes),
		SCENE_TEST(a_capability_that_is_used),
		SCENE_TEST(a_capability_that_is_refused),
		SCENE_TEST(what_asks_for_memory_is_left_out),
		{ "an_entry, by a runtime", an_entry, &by_runtime },
		{ "an_entry, by its namespaces", an_entry, &by_namespace },
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
