// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/bounded.h"
#include "base/clock.h"

struct sum {
	int a, b, result;
	int gate; /* read from first, if it is not 0 */
};

static void add(void *argument)
{
	struct sum *sum = argument;
	char byte;

	if (sum->gate && read(sum->gate, &byte, 1) != 1)
		return;
	sum->result = sum->a + sum->b;
}

static void test_it_comes_back(void **state)
{
	static struct bounded bounded = BOUNDED_INIT;

	for (int i = 0; i < 1000; i++) {
		struct sum sum = { .a = i, .b = 1 };

		assert_int_equal(bounded_call(&bounded, add, &sum, sizeof(sum), 10 * NS_PER_SECOND),
				 0);
		assert_int_equal(sum.result, i + 1);
	}
}

static void test_it_does_not(void **state)
{
	static struct bounded bounded = BOUNDED_INIT;
	struct sum held = { .a = 1, .b = 1 }, next = { .a = 2, .b = 2 };
	uint64_t until;
	int gate[2], r;

	assert_int_equal(pipe(gate), 0);
	held.gate = gate[0];
	assert_int_equal(bounded_call(&bounded, add, &held, sizeof(held), NS_PER_MS), -ETIMEDOUT);
	assert_int_equal(held.result, 0);
	assert_int_equal(bounded_call(&bounded, add, &next, sizeof(next), 10 * NS_PER_SECOND),
			 -EBUSY);
	assert_int_equal(write(gate[1], "", 1), 1);
	until = clock_boot_ns() + 10 * NS_PER_SECOND;
	do
		r = bounded_call(&bounded, add, &next, sizeof(next), 10 * NS_PER_SECOND);
	while (r == -EBUSY && clock_boot_ns() < until && usleep(1000) == 0);
	assert_int_equal(r, 0);
	assert_int_equal(next.result, 4);
	/* What came too late went nowhere. */
	assert_int_equal(held.result, 0);
	close(gate[0]);
	close(gate[1]);
}

static void test_what_is_too_large(void **state)
{
	static struct bounded bounded = BOUNDED_INIT;
	static char large[BOUNDED_MOST + 1];

	assert_int_equal(bounded_call(&bounded, add, large, sizeof(large), 0), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_comes_back),
		cmocka_unit_test(test_it_does_not),
		cmocka_unit_test(test_what_is_too_large),
	};

	return cmocka_run_group_tests_name("bounded", tests, NULL, NULL);
}
