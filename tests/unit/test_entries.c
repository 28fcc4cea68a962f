// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "correlate/entries.h"

#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_who_came_for_whom(void **state)
{
	struct entries *entries;

	assert_int_equal(entries_new(&entries), 0);
	assert_int_equal(entries_keep(entries, 1, TEXT(ID)), 0);
	assert_int_equal(entries_keep(entries, 2, (struct text){}), 0);
	assert_true(text_equal(entries_find(entries, 1), TEXT(ID)));
	assert_int_equal(entries_find(entries, 2).length, 0);
	assert_int_equal(entries_find(entries, 3).length, 0);
	/* Another program of the same process came for the same. */
	assert_int_equal(entries_keep(entries, 1, TEXT(OTHER)), 0);
	assert_true(text_equal(entries_find(entries, 1), TEXT(ID)));
	entries_free(entries);
	entries_free(NULL);
}

static void test_who_was_asked_for_stays(void **state)
{
	struct entries *entries;

	assert_int_equal(entries_new(&entries), 0);
	for (uint64_t i = 1; i <= ENTRIES_MOST; i++)
		assert_int_equal(entries_keep(entries, i, TEXT(ID)), 0);
	assert_false(entries_forgot(entries));
	assert_true(text_equal(entries_find(entries, 1), TEXT(ID)));
	/* What says nothing takes nobody's place. */
	assert_int_equal(entries_keep(entries, ENTRIES_MOST + 1, (struct text){}), 0);
	assert_false(entries_forgot(entries));
	assert_int_equal(entries_keep(entries, ENTRIES_MOST + 2, TEXT(ID)), 0);
	assert_true(entries_forgot(entries));
	assert_int_equal(entries_find(entries, 2).length, 0);
	assert_true(text_equal(entries_find(entries, 1), TEXT(ID)));
	assert_true(text_equal(entries_find(entries, ENTRIES_MOST + 2), TEXT(ID)));
	entries_free(entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_came_for_whom),
		cmocka_unit_test(test_who_was_asked_for_stays),
	};

	return cmocka_run_group_tests_name("entries", tests, NULL, NULL);
}
