// SPDX-License-Identifier: Apache-2.0
/* The process tree under load: what it costs is bounded, whatever processes do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "correlate/process_store.h"

#define MS 1000000ull

static struct wire_task task_of(uint32_t pid, uint64_t start, uint32_t parent,
				uint64_t parent_start)
{
	return (struct wire_task){ .pid = pid,
				   .start = start,
				   .parent_pid = parent,
				   .parent_start = parent_start,
				   .name = "busy" };
}

static void forked(struct process_tree *tree, uint32_t pid, uint64_t start, uint32_t parent,
		   uint64_t parent_start)
{
	struct wire_task task = task_of(pid, start, parent, parent_start);

	assert_int_equal(process_tree_fork(tree, &task, parent_start), 0);
}

static void executed(struct process_tree *tree, uint32_t pid, uint64_t start, size_t args_length)
{
	static char args[WIRE_ARGS_MOST];
	struct wire_task task = task_of(pid, start, 0, 0);
	struct process_exec exec = { .executable = TEXT("/usr/bin/some-program"),
				     .args = { args, args_length },
				     .args_length = (uint32_t)args_length };

	assert_int_equal(process_tree_exec(tree, &task, start, &exec), 0);
}

/* Every entry is in exactly one list and one bucket, and everything that is counted is right. */
static void check(const struct process_tree *tree)
{
	const struct process_store *store = &tree->store;
	size_t listed = 0, living = 0, found = 0, bytes = 0;

	for (int list = LIST_LIVING; list < LISTS; list++) {
		uint32_t older = 0;

		for (uint32_t i = store->oldest[list]; i; i = store->slots[i].newer) {
			const struct process *process = &store->slots[i];

			assert_int_equal(process->list, list);
			assert_int_equal(process->older, older);
			assert_int_equal(process->ended != 0, list != LIST_LIVING);
			if (list == LIST_ENDED)
				assert_int_equal(process->children, 0);
			if (list == LIST_INNER)
				assert_true(process->children > 0);
			bytes += sizeof(*process);
			living += list == LIST_LIVING;
			listed++;
			older = i;
		}
		assert_int_equal(store->newest[list], older);
	}
	for (uint32_t i = 0; i <= store->bucket_mask; i++)
		for (uint32_t at = store->buckets[i]; at; at = store->slots[at].next)
			found++;
	assert_int_equal(listed, store->statistics.entries);
	assert_int_equal(found, listed);
	assert_int_equal(living, store->statistics.living);
	assert_true(listed <= store->capacity);
	assert_true(store->statistics.bytes >= bytes);
	assert_true(store->statistics.bytes <= store->bytes_bound);
	assert_true(store->statistics.bytes_most <= store->bytes_bound);
}

static struct process_tree *new_tree(size_t entries, size_t bytes)
{
	struct process_tree *tree;

	assert_int_equal(process_tree_new(-1, entries, bytes, &tree), 0);
	return tree;
}

static void test_hundred_thousand_short_lives(void **state)
{
	struct process_tree *tree = new_tree(0, 0);
	struct process_statistics statistics;
	uint64_t start = 0;

	executed(tree, 1, 1, 10);
	for (uint32_t i = 0; i < 100000; i++) {
		start = (i + 1) * MS / 10; /* all within ten seconds */
		forked(tree, 2 + i % 32000, start, 1, 1);
		executed(tree, 2 + i % 32000, start, 200);
		process_tree_exit(tree, 2 + i % 32000, start, 0, start + 1);
	}
	check(tree);
	process_tree_statistics(tree, &statistics);
	assert_int_equal(statistics.living, 1);
	assert_true(statistics.evicted_ended > 60000);
	assert_int_equal(statistics.evicted_living, 0);
	assert_int_equal(statistics.refused, 0);
	/* The last ones are there, and who forked them. */
	assert_non_null(process_tree_find(tree, 2 + 99999 % 32000, start));
	assert_non_null(process_tree_find(tree, 1, 1));
	process_tree_free(tree);
}

static void test_hundred_thousand_that_stay(void **state)
{
	struct process_tree *tree = new_tree(0, 0);
	struct process_statistics statistics;

	executed(tree, 1, 1, 10);
	for (uint32_t i = 0; i < 100000; i++)
		forked(tree, 2 + i, (i + 2) * MS, 1, 1);
	check(tree);
	process_tree_statistics(tree, &statistics);
	assert_int_equal(statistics.entries, PROCESS_TREE_ENTRIES);
	assert_true(statistics.evicted_living > 67000);
	assert_int_equal(statistics.refused, 0);
	/* Their common parent has children: it is not what goes. */
	assert_non_null(process_tree_find(tree, 1, 1));
	assert_non_null(process_tree_find(tree, 100001, 100001 * MS));
	process_tree_free(tree);
}

static void test_chain_of_the_ended(void **state)
{
	struct process_tree *tree = new_tree(1000, 1u << 20);
	struct process_statistics statistics;

	/* Each forks and ends: everything descends from all before. */
	executed(tree, 1, MS, 10);
	for (uint32_t i = 1; i < 100000; i++) {
		forked(tree, i + 1, (i + 1) * MS, i, i * MS);
		process_tree_exit(tree, i, i * MS, 0, (i + 1) * MS);
	}
	check(tree);
	process_tree_statistics(tree, &statistics);
	assert_int_equal(statistics.entries, 1000);
	assert_int_equal(statistics.refused, 0);
	/* Nothing to do with it, and begun before: a chain takes nothing from the living. */
	assert_int_equal(statistics.evicted_living, 0);
	/* The chain goes with its end, after a minute. */
	process_tree_exit(tree, 100000, 100000 * MS, 0, 100001 * MS);
	process_tree_exit(tree, 1u << 30, 1, 0, 100001 * MS + PROCESS_KEPT_NS + 1);
	process_tree_statistics(tree, &statistics);
	assert_int_equal(statistics.entries, 0);
	assert_int_equal(statistics.bytes, 0);
	process_tree_free(tree);
}

static void test_chain_of_the_living(void **state)
{
	struct process_tree *tree = new_tree(1000, 1u << 20);
	struct wire_task task = task_of(3000, 3000 * MS, 2999, 2999 * MS);
	struct process_statistics statistics;

	for (uint32_t i = 1; i < 3000; i++)
		forked(tree, i + 1, (i + 1) * MS, i, i * MS);
	check(tree);
	process_tree_statistics(tree, &statistics);
	assert_int_equal(statistics.entries, 1000);
	assert_true(statistics.refused + statistics.evicted_living > 1900);
	/* Who acts is known for that moment all the same. */
	task.uid = 7;
	assert_int_equal(process_tree_find_or_read(tree, &task)->uid, 7);
	assert_string_equal(process_tree_find_or_read(tree, &task)->name, "busy");
	process_tree_free(tree);
}

static void test_long_command_lines(void **state)
{
	struct process_tree *tree = new_tree(0, 0);
	struct process_statistics statistics;

	executed(tree, 1, 1, 10);
	for (uint32_t i = 2; i < 20000; i++) {
		forked(tree, i, i * MS, 1, 1);
		executed(tree, i, i * MS, WIRE_ARGS_MOST);
	}
	check(tree);
	process_tree_statistics(tree, &statistics);
	assert_true(statistics.bytes <= PROCESS_TREE_BYTES);
	assert_true(statistics.entries > 2500);
	/* A thousand forks share one command line. */
	for (uint32_t i = 0; i < 1000; i++)
		forked(tree, 30000 + i, (30000 + i) * MS, 19999, 19999 * MS);
	process_tree_statistics(tree, &statistics);
	assert_int_equal(statistics.refused, 0);
	check(tree);
	process_tree_free(tree);
}

static void test_an_ancestor_stays(void **state)
{
	struct process_tree *tree = new_tree(4, 1u << 13);

	executed(tree, 1, 1, 10);
	forked(tree, 2, 2, 1, 1);
	forked(tree, 3, 3, 2, 2);
	forked(tree, 4, 4, 1, 1);
	forked(tree, 5, 5, 1, 1);
	/* 2 was unused for longest, but 3 descends from it. */
	assert_non_null(process_tree_find(tree, 2, 2));
	assert_null(process_tree_find(tree, 3, 3));
	assert_non_null(process_tree_find(tree, 4, 4));
	check(tree);
	process_tree_free(tree);
}

static uint32_t random_below(uint64_t *seed, uint32_t bound)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33) % bound;
}

/* Any order of any messages, with pids and starts that often collide. */
static void one_step(struct process_tree *tree, uint64_t *seed, uint64_t now)
{
	uint32_t pid = random_below(seed, 40);
	uint64_t start = random_below(seed, 4) * 15 * MS * (1 + random_below(seed, 2));
	uint32_t parent = random_below(seed, 40);
	uint64_t parent_start = random_below(seed, 4) * 15 * MS;
	struct wire_task task = task_of(pid, start, parent, parent_start);
	struct wire_task identified;

	if (random_below(seed, 3) == 0)
		memset(task.container, 'a' + (int)random_below(seed, 3), WIRE_CONTAINER);
	switch (random_below(seed, 7)) {
	case 0:
	case 1:
		process_tree_fork(tree, &task, parent_start);
		break;
	case 2:
		executed(tree, pid, start, random_below(seed, 3000));
		break;
	case 3:
		process_tree_exit(tree, pid, start, 0, now);
		break;
	case 4:
		assert_non_null(process_tree_find_or_read(tree, &task));
		break;
	case 5:
		process_tree_identify(tree, pid, &identified);
		break;
	default:
		process_store_advance(&tree->store, now);
	}
}

static void ignore(void *context, uint32_t pid, const struct process *known)
{
}

static void test_any_order(void **state)
{
	for (uint64_t round = 0; round < 30; round++) {
		struct process_tree *tree = new_tree(round % 2 ? 8 : 30, 1u << 13 << round % 3);
		uint64_t seed = round, now = 0;

		for (int i = 0; i < 3000; i++) {
			const struct process *process;

			now += random_below(&seed, 1000) * MS;
			one_step(tree, &seed, now);
			if (i % 16 == 0)
				check(tree);
			process = process_tree_find(tree, random_below(&seed, 40), 0);
			if (process)
				process_ancestry(tree, process, ignore, NULL);
		}
		process_tree_free(tree);
	}
}

static void test_bounds_of_bounds(void **state)
{
	struct process_tree *tree;

	assert_int_equal(process_tree_new(-1, 1, 0, &tree), -EINVAL);
	assert_int_equal(process_tree_new(-1, SIZE_MAX, 0, &tree), -EINVAL);
	assert_int_equal(process_tree_new(-1, 0, 1, &tree), -EINVAL);
	process_tree_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hundred_thousand_short_lives),
		cmocka_unit_test(test_hundred_thousand_that_stay),
		cmocka_unit_test(test_chain_of_the_ended),
		cmocka_unit_test(test_chain_of_the_living),
		cmocka_unit_test(test_long_command_lines),
		cmocka_unit_test(test_an_ancestor_stays),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_bounds_of_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
