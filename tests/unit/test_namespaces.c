// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "correlate/namespaces.h"

#define HOST_MNT 0xf0000001u
#define HOST_NET 0xf0000000u
#define HOST_PID 0xeffffffcu
#define MADE     4026532000u /* the first that is made after boot */

static int set_up(void **state)
{
	const uint32_t host[WIRE_NAMESPACES] = {
		[WIRE_NS_MNT] = HOST_MNT, [WIRE_NS_NET] = HOST_NET
	};
	struct namespaces *namespaces;

	assert_int_equal(namespaces_new(&namespaces), 0);
	namespaces_set_host(namespaces, host);
	*state = namespaces;
	return 0;
}

static int tear_down(void **state)
{
	namespaces_free(*state);
	return 0;
}

/* A task in container `digit` (0: none), with all namespaces the host's but mnt, pid and net. */
static struct wire_task task_in(char digit, uint32_t mnt, uint32_t pid, uint32_t net)
{
	struct wire_task task = { .namespaces = { [WIRE_NS_MNT] = mnt,
						  [WIRE_NS_PID] = pid,
						  [WIRE_NS_NET] = net,
						  [WIRE_NS_IPC] = 0xefffffffu,
						  [WIRE_NS_UTS] = 0xeffffffeu,
						  [WIRE_NS_USER] = 0xeffffffdu,
						  [WIRE_NS_CGROUP] = 0xeffffffbu,
						  [WIRE_NS_TIME] = 0xeffffffau } };

	if (digit)
		memset(task.container, digit, WIRE_CONTAINER);
	return task;
}

static void assert_whose(struct namespaces *namespaces, const struct wire_task *task,
			 enum wire_namespace which, const char *expected)
{
	char text[NAMESPACES_TEXT];
	const char *whose = namespaces_describe(namespaces, task, which, text);

	if (!expected)
		assert_null(whose);
	else
		assert_string_equal(whose ?: "(unknown)", expected);
}

static const char *container(char digit)
{
	static char text[NAMESPACES_TEXT];

	strcpy(text, "container:");
	memset(text + 10, digit, WIRE_CONTAINER);
	text[10 + WIRE_CONTAINER] = '\0';
	return text;
}

static void test_host(void **state)
{
	struct wire_task task = task_in(0, HOST_MNT, HOST_PID, HOST_NET);

	for (enum wire_namespace i = 0; i < WIRE_NAMESPACES; i++)
		assert_whose(*state, &task, i, "host");
	task.namespaces[WIRE_NS_NET] = 0;
	assert_whose(*state, &task, WIRE_NS_NET, NULL);
	/* A service with a mount namespace of its own. */
	task.namespaces[WIRE_NS_MNT] = MADE + 9;
	namespaces_learn(*state, &task);
	assert_whose(*state, &task, WIRE_NS_MNT, "private");
}

static void test_containers(void **state)
{
	struct wire_task a = task_in('a', MADE, MADE + 1, MADE + 2);
	struct wire_task b = task_in('b', MADE + 3, MADE + 1, HOST_NET);
	struct wire_task entered = task_in(0, HOST_MNT, MADE + 1, MADE + 2);

	namespaces_learn(*state, &a);
	namespaces_learn(*state, &b);
	assert_whose(*state, &a, WIRE_NS_MNT, "private");
	assert_whose(*state, &a, WIRE_NS_PID, "private");
	assert_whose(*state, &a, WIRE_NS_IPC, "host");
	/* docker run --pid container:a --net host */
	assert_whose(*state, &b, WIRE_NS_MNT, "private");
	assert_whose(*state, &b, WIRE_NS_PID, container('a'));
	assert_whose(*state, &b, WIRE_NS_NET, "host");
	/* nsenter from the host */
	assert_whose(*state, &entered, WIRE_NS_PID, container('a'));
	assert_whose(*state, &entered, WIRE_NS_MNT, "host");
}

static void test_inums_come_again(void **state)
{
	struct wire_task a = task_in('a', MADE, MADE + 1, MADE + 2);
	struct wire_task b = task_in('b', MADE, MADE + 1, MADE + 2);
	const struct wire_task before = b;
	char text[NAMESPACES_TEXT];

	b.start = 1000;
	namespaces_learn(*state, &a);
	assert_whose(*state, &before, WIRE_NS_PID, container('a'));
	namespaces_forget(*state, a.container);
	namespaces_learn(*state, &b);
	assert_whose(*state, &b, WIRE_NS_PID, "private");
	assert_whose(*state, &a, WIRE_NS_PID, container('b'));
	/* But not if `a` had ended when `b` began. */
	assert_string_equal(namespaces_describe_ended(*state, &a, WIRE_NS_PID, 999, text),
			    "private");
	assert_string_equal(namespaces_describe_ended(*state, &a, WIRE_NS_PID, 1000, text),
			    container('b'));
	/* Of one that is not known nothing is forgotten. */
	namespaces_forget(*state, a.container);
	assert_whose(*state, &b, WIRE_NS_PID, "private");
}

/* Its first process has ended, and of the others nobody heard. */
static void test_end(void **state)
{
	struct wire_task first = task_in('a', MADE, MADE + 1, MADE + 2);
	struct wire_task other = task_in('b', MADE, MADE + 1, MADE + 2);

	first.start = 10;
	namespaces_learn(*state, &first);
	assert_whose(*state, &other, WIRE_NS_PID, container('a'));
	namespaces_end(*state, first.container, 100);
	/* One that was begun before and is told of later. */
	first.start = 50;
	namespaces_learn(*state, &first);
	assert_whose(*state, &other, WIRE_NS_PID, "private");
	assert_true(namespaces_usual(*state, &first, WIRE_NS_PID));
	other.start = 110;
	namespaces_learn(*state, &other);
	assert_whose(*state, &first, WIRE_NS_PID, container('b'));
	/* Begun again. */
	first = task_in('a', MADE + 5, MADE + 6, MADE + 7);
	first.start = 200;
	namespaces_learn(*state, &first);
	other = task_in('c', MADE + 8, MADE + 9, MADE + 7);
	assert_whose(*state, &other, WIRE_NS_NET, container('a'));
	assert_true(namespaces_usual(*state, &first, WIRE_NS_PID));
}

static void test_made_later_is_nobodys(void **state)
{
	struct wire_task a = task_in('a', MADE, MADE + 1, MADE + 2);
	struct wire_task sandbox = task_in('a', MADE + 5, MADE + 6, MADE + 2);
	struct wire_task b = task_in('b', MADE + 5, MADE + 6, MADE + 7);

	namespaces_learn(*state, &a);
	namespaces_learn(*state, &sandbox);
	assert_whose(*state, &sandbox, WIRE_NS_PID, "private");
	assert_whose(*state, &sandbox, WIRE_NS_NET, "private");
	/* It ended unseen, and a new container got what it had. */
	namespaces_learn(*state, &b);
	assert_whose(*state, &b, WIRE_NS_MNT, "private");
	assert_whose(*state, &b, WIRE_NS_PID, "private");
}

static void test_runc_is_not_the_first(void **state)
{
	/* In the container's cgroup, still in the host's namespaces. */
	struct wire_task runc = task_in('a', HOST_MNT, HOST_PID, MADE + 8);
	struct wire_task a = task_in('a', MADE, MADE + 1, MADE + 2);
	struct wire_task b = task_in('b', MADE + 3, MADE + 1, MADE + 8);

	namespaces_learn(*state, &runc);
	namespaces_learn(*state, &a);
	namespaces_learn(*state, &b);
	assert_whose(*state, &b, WIRE_NS_PID, container('a'));
	assert_whose(*state, &b, WIRE_NS_NET, "private");
}

static void test_unknown_host(void **state)
{
	struct namespaces *namespaces;
	struct wire_task task = task_in('a', MADE, MADE + 1, MADE + 2);

	assert_int_equal(namespaces_new(&namespaces), 0);
	namespaces_learn(namespaces, &task);
	assert_whose(namespaces, &task, WIRE_NS_MNT, NULL);
	assert_whose(namespaces, &task, WIRE_NS_PID, "private");
	assert_whose(namespaces, &task, WIRE_NS_UTS, "host");
	task = task_in('b', MADE + 4, MADE + 1, MADE + 2);
	assert_whose(namespaces, &task, WIRE_NS_PID, container('a'));
	namespaces_free(namespaces);
}

static void test_many_containers(void **state)
{
	struct wire_task task = task_in('a', 1, 1, 1), first, last;
	char expected[24];

	snprintf(expected, sizeof(expected), "container:%08xa", 5 * NAMESPACES_CONTAINERS - 1);
	for (uint32_t i = 0; i < 5 * NAMESPACES_CONTAINERS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%08x", i);
		memcpy(task.container, id, 8);
		task.namespaces[WIRE_NS_MNT] = MADE + 3 * i;
		task.namespaces[WIRE_NS_PID] = MADE + 3 * i + 1;
		task.namespaces[WIRE_NS_NET] = MADE + 3 * i + 2;
		namespaces_learn(*state, &task);
		/* The first one is heard of all the time, and stays. */
		if (i == 0)
			first = task;
		else
			namespaces_learn(*state, &first);
	}
	last = task;
	memset(task.container, 'c', WIRE_CONTAINER);
	task.namespaces[WIRE_NS_PID] = first.namespaces[WIRE_NS_PID];
	task.namespaces[WIRE_NS_NET] = last.namespaces[WIRE_NS_NET];
	assert_whose(*state, &first, WIRE_NS_MNT, "private");
	assert_memory_equal(
		namespaces_describe(*state, &task, WIRE_NS_PID, (char[NAMESPACES_TEXT]){}),
		"container:00000000a", 19);
	assert_memory_equal(
		namespaces_describe(*state, &task, WIRE_NS_NET, (char[NAMESPACES_TEXT]){}),
		expected, 19);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(host),
		TEST(containers),
		TEST(inums_come_again),
		TEST(end),
		TEST(made_later_is_nobodys),
		TEST(runc_is_not_the_first),
		TEST(unknown_host),
		TEST(many_containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
