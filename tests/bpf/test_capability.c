// SPDX-License-Identifier: Apache-2.0
/* Capabilities that are asked for in containers. */
#include "tests/bpf/box.h"
#include "tests/bpf/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYS_ADMIN  21
#define SYS_NICE   23
#define SYS_CHROOT 18

#define USED "a capability that a container's program uses"

/* The second rung has a hook for them since 6.13 only. */
static void capabilities_needed(const struct scene *scene)
{
	const struct bpf_hook_state *states;
	size_t count = bpf_source_hooks(scene->source, &states);

	assert_int_equal(bpf_source_sweep_containers(scene->source), 0);
	for (size_t i = 0; i < count; i++)
		if (strcmp(states[i].purpose, "capability") == 0 && states[i].attached)
			return;
	route_note(scene, USED, "capability", "unseen",
		   "this kernel has no hook for it on this rung");
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

static void add_up(void *context, const struct wire_capability *kind, uint64_t count, bool last)
{
	struct counted *counted = context;

	assert_memory_equal(kind->container, counted->box->id, WIRE_CONTAINER);
	if (kind->capability == counted->capability && !kind->borrowed)
		counted->count += count;
	assert_true(last);
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
	route_note(scene, USED, "capability", "seen", NULL);
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

#define CHECKS "100000"

/* However often one is asked for, the first of another is told, and each is counted. */
static void a_flood_of_checks(struct scene *scene, const void *argument)
{
	char *arguments[] = { "checks", CHECKS, NULL };
	struct box box;
	struct program program = { actor_path("checks"), arguments, begin_box, &box };
	struct counted counted = { &box, SYS_NICE, 0 };
	struct wire_count losses[WIRE_MESSAGES][WIRE_LOSSES];
	uint64_t lost = 0;

	capabilities_needed(scene);
	box_make(&box);
	process_do(run_program, &program);
	box_remove(&box);
	scene_settle(scene);
	assert_non_null(only_use(scene, &box, SYS_NICE));
	assert_non_null(only_use(scene, &box, SYS_CHROOT));
	assert_int_equal(bpf_source_capabilities(scene->source, box.id, add_up, &counted), 0);
	assert_int_equal(counted.count, strtoul(CHECKS, NULL, 10));
	assert_int_equal(bpf_source_losses(scene->source, losses), 0);
	for (int reason = 0; reason < WIRE_LOSSES; reason++)
		lost += losses[WIRE_capability_use][reason].records;
	assert_int_equal(lost, 0);
}

static void note_nothing(void *context, const struct wire_capability *kind, uint64_t count,
			 bool last)
{
}

static void note_kind(void *context, const struct wire_capability *kind, uint64_t count, bool last)
{
	struct counted *counted = context;

	if (memcmp(kind->container, counted->box->id, WIRE_CONTAINER) != 0)
		return;
	assert_int_equal(kind->inode, 0);
	assert_true(last);
	counted->count += kind->capability == counted->capability ? count : 0;
}

/* With a pid namespace that is not its own, a container's first process does not take all others
 * with it. They must not take the room of those that run. */
static void what_outlives_its_container(struct scene *scene, const void *argument)
{
	char *arguments[] = {
		"sh", "-c", "exec 3<&0; (read line <&3; nice -n -1 true; nice -n -1 true) & exit 0",
		NULL
	};
	double until = scene_clock() + scene_seconds(20);
	struct first first;
	struct counted counted = { &first.box, SYS_NICE, 0 };
	size_t ends = 0;

	capabilities_needed(scene);
	box_make(&first.box);
	first_start(scene, &first, arguments);
	process_wait(first.pid);
	/* As the recorder does when it hears of the end. */
	assert_int_equal(bpf_source_capabilities(scene->source, first.box.id, note_nothing, NULL),
			 0);
	assert_int_equal(write(first.ends[1], "\n", 1), 1);
	while (rmdir(first.box.cgroup) < 0 && errno == EBUSY && scene_clock() < until)
		scene_settle(scene);
	close(first.ends[0]);
	close(first.ends[1]);
	SCENE_EACH (scene, container_exit, record)
		ends += is_of_box(&record->task, &first.box);
	assert_int_equal(ends, 1);
	/* As the recorder looks now and then. */
	assert_int_equal(bpf_source_capabilities(scene->source, NULL, note_kind, &counted), 0);
	assert_int_equal(counted.count, 2);
	assert_int_equal(bpf_source_capabilities(scene->source, NULL, note_kind, &counted), 0);
	assert_int_equal(counted.count, 2);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(a_capability_that_is_used),
		SCENE_TEST(a_capability_that_is_refused),
		SCENE_TEST(what_asks_for_memory_is_left_out),
		SCENE_TEST(what_outlives_its_container),
		SCENE_TEST(a_flood_of_checks),
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
