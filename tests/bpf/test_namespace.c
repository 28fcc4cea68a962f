// SPDX-License-Identifier: Apache-2.0
/* Processes that are in other namespaces than before. */
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

/* setns and unshare are seen as they are done; else what came of them a little later. */
static bool tells_switches(const struct scene *scene)
{
	const struct bpf_hook_state *states;
	size_t count = bpf_source_hooks(scene->source, &states);

	for (size_t i = 0; i < count; i++)
		if (strcmp(states[i].purpose, "setns") == 0 && states[i].attached)
			return true;
	return false;
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

	assert_int_equal(bpf_source_sweep_containers(scene->source), 0);
	snprintf(unshare, sizeof(unshare), "%s", actor_path("unshare"));
	snprintf(leave, sizeof(leave), "%s", actor_path("leave"));
	box_make(&box);
	pid = process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	only_start(scene, &box);
	change = only_change(scene, pid);
	assert_int_equal(changed(change), 1u << WIRE_NS_MNT);
	assert_int_equal(change->how,
			 tells_switches(scene) ? WIRE_CHANGE_SWITCH : WIRE_CHANGE_EXEC);
	assert_true(is_of_box(&change->task, &box));
	assert_int_equal(count_entries(scene, &box), 0);
	route_note(scene, "namespaces that a container makes", "process, setns", "seen", NULL);
}

static void the_hosts_that_a_container_takes(struct scene *scene, const void *argument)
{
	char script[200];
	char *arguments[] = { "sh", "-c", script, NULL };
	uint32_t host[WIRE_NAMESPACES];
	struct box box;
	struct program program = { "/bin/sh", arguments, begin_box, &box };
	unsigned int bits = 0;

	assert_int_equal(bpf_source_sweep_containers(scene->source), 0);
	assert_int_equal(bpf_source_host_namespaces(scene->source, host), 0);
	snprintf(script, sizeof(script), "nsenter --uts --mount -t %d /bin/true; :", (int)getpid());
	box_make(&box);
	process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	/* By each call, where that is seen; else by the program that it runs. */
	SCENE_EACH (scene, namespace_change, record) {
		if (!is_of_box(&record->task, &box) || record->how == WIRE_CHANGE_CLONE)
			continue;
		assert_int_equal(record->how,
				 tells_switches(scene) ? WIRE_CHANGE_SWITCH : WIRE_CHANGE_EXEC);
		assert_int_equal(bits & changed(record), 0);
		bits |= changed(record);
		if (changed(record) & 1u << WIRE_NS_MNT)
			assert_int_equal(record->task.namespaces[WIRE_NS_MNT], host[WIRE_NS_MNT]);
		if (changed(record) & 1u << WIRE_NS_UTS)
			assert_int_equal(record->task.namespaces[WIRE_NS_UTS], host[WIRE_NS_UTS]);
	}
	assert_int_equal(bits, 1u << WIRE_NS_MNT | 1u << WIRE_NS_UTS);
	route_note(scene, "namespaces of the host that a container takes", "process, setns", "seen",
		   NULL);
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

	assert_int_equal(bpf_source_sweep_containers(scene->source), 0);
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
	route_note(scene, "namespaces of a container that the host takes", "process, setns", "seen",
		   NULL);
}

static int be_back_before_anything(const struct program *program)
{
	int own = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	return own < 0 || join_uts(program) < 0 || setns(own, CLONE_NEWUTS) < 0;
}

/* In and out again, before it does anything else: seen where the calls are. */
static void who_is_back_before_anything(struct scene *scene, const void *argument)
{
	struct first first;
	struct program program = { actor_path("leave"), NULL, be_back_before_anything, &first };
	uint32_t host[WIRE_NAMESPACES];
	size_t seen = 0;
	pid_t pid;

	assert_int_equal(bpf_source_sweep_containers(scene->source), 0);
	assert_int_equal(bpf_source_host_namespaces(scene->source, host), 0);
	box_make(&first.box);
	first_start(scene, &first, NULL);
	pid = process_do(run_program, &program);
	scene_settle(scene);
	SCENE_EACH (scene, namespace_change, record) {
		if (record->task.pid != (uint32_t)pid)
			continue;
		assert_int_equal(record->how, WIRE_CHANGE_SWITCH);
		assert_int_equal(record->task.namespaces[WIRE_NS_UTS] == host[WIRE_NS_UTS],
				 seen++ > 0);
	}
	assert_int_equal(seen, tells_switches(scene) ? 2 : 0);
	first_stop(&first);
	box_remove(&first.box);
	route_note(
		scene, "namespaces that are taken and left again at once", "setns",
		seen ? "seen" : "unseen",
		"namespaces that a process has taken and left again before it made a process, ran a "
		"program or ended");
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(namespaces_that_a_container_makes),
		SCENE_TEST(the_hosts_that_a_container_takes),
		SCENE_TEST(a_containers_that_the_host_takes),
		SCENE_TEST(who_is_back_before_anything),
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
