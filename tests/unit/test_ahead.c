// SPDX-License-Identifier: Apache-2.0
/* Whoever does the work, it is taken in the order in which it was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <cmocka.h>

#include "base/ahead.h"
#include "base/cleanup.h"

#define WAIT_S 60

struct item {
	unsigned int number, result;
	char *owned;
};

static atomic_uint worked, cleared;

/* The first of four takes longest. */
static void square(void *context, void *user)
{
	struct item *item = user;

	for (volatile unsigned int i = 0; i < (item->number % 4 ? 10 : 20000); i++)
		;
	item->result = item->number * item->number;
	if (!item->owned)
		item->owned = malloc(1);
	worked++;
}

static void clear(void *user)
{
	struct item *item = user;

	cleared += item->owned != NULL;
	free(item->owned);
}

static struct ahead *begin(unsigned int threads, void (*work)(void *, void *), void *context)
{
	const struct ahead_options options = { .threads = threads,
					       .item_bytes = sizeof(struct item),
					       .work = work,
					       .clear = clear,
					       .context = context };
	struct ahead *ahead = NULL;

	worked = cleared = 0;
	assert_int_equal(ahead_new(&options, &ahead), 0);
	return ahead;
}

static void ask(struct ahead *ahead, unsigned int number)
{
	struct item *item = ahead_room(ahead);

	assert_non_null(item);
	item->number = number;
	item->result = 0;
	ahead_ask(ahead);
}

static void expect(struct ahead *ahead, unsigned int number)
{
	const struct item *item = ahead_next(ahead);

	assert_non_null(item);
	assert_int_equal(item->number, number);
	assert_int_equal(item->result, number * number);
	ahead_take_back(ahead);
}

static void test_order(void **state)
{
	static const unsigned int threads[] = { 0, 1, 3, 16, 40 };

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		struct ahead *ahead = begin(threads[i], square, NULL);
		unsigned int asked = 0, taken = 0;

		assert_null(ahead_next(ahead));
		assert_null(ahead_ready(ahead));
		while (taken < 3000) {
			while (asked < 3000 && ahead_room(ahead))
				ask(ahead, asked++);
			/* As many as fit, and never more. */
			assert_true(asked == 3000 || asked - taken >= 2);
			assert_true(asked - taken <= 2 * AHEAD_THREADS_MOST + 2);
			expect(ahead, taken++);
		}
		assert_null(ahead_next(ahead));
		assert_int_equal(worked, 3000);
		ahead_free(ahead);
		assert_true(cleared >= 2);
	}
}

static void test_drop(void **state)
{
	struct ahead *ahead = begin(3, square, NULL);
	unsigned int number = 0, after;

	for (int turn = 0; turn < 300; turn++) {
		while (ahead_room(ahead))
			ask(ahead, number++);
		if (turn % 3)
			expect(ahead, number - 8);
		ahead_drop(ahead);
		after = worked;
		assert_null(ahead_next(ahead));
		ask(ahead, 7);
		expect(ahead, 7);
		/* What was asked for before is not worked on any more. */
		assert_int_equal(worked, after + 1);
	}
	/* And with all of them still to be done. */
	while (ahead_room(ahead))
		ask(ahead, number++);
	ahead_free(ahead);
}

static void wait_for_leave(void *context, void *user)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	if (sem_timedwait(context, &until) < 0)
		abort();
	square(NULL, user);
}

static void test_ready(void **state)
{
	struct ahead *ahead;
	sem_t leave;

	sem_init(&leave, 0, 0);
	ahead = begin(2, wait_for_leave, &leave);
	ask(ahead, 3);
	ask(ahead, 4);
	assert_null(ahead_ready(ahead));
	sem_post(&leave);
	sem_post(&leave);
	expect(ahead, 3);
	expect(ahead, 4);
	/* Whoever asks alone has all of it at once. */
	ahead_free(ahead);
	ahead = begin(0, square, NULL);
	ask(ahead, 5);
	assert_non_null(ahead_ready(ahead));
	assert_int_equal(worked, 1);
	ahead_free(ahead);
	sem_destroy(&leave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_ready),
	};

	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
