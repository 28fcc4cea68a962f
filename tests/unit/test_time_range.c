// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "output/time_range.h"
#include "output/when.h"

/* 2026-11-22T14:05:30.5Z, a Sunday; in Berlin an hour later. */
#define NOW (1795356330ull * NS_PER_SECOND + NS_PER_SECOND / 2)

static void expect(const char *text, const char *stamp)
{
	struct time_error error = {};
	char got[WHEN_MOST];
	uint64_t ns = 0;

	if (time_parse(text, NOW, &ns, &error) < 0)
		fail_msg("\"%s\": column %zu: %s", text, error.column, error.message);
	if (strcmp(when_stamp(ns, false, got), stamp) != 0)
		fail_msg("\"%s\" is %s, not %s", text, got, stamp);
}

static void expect_error(const char *text, size_t column, const char *word)
{
	struct time_error error = {};
	uint64_t ns = 42;

	assert_int_equal(time_parse(text, NOW, &ns, &error), -22);
	assert_int_equal(ns, 42);
	if (error.column != column || !strstr(error.message, word))
		fail_msg("\"%s\": column %zu: %s", text, error.column, error.message);
}

static int in_berlin(void **state)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static void test_rfc3339(void **state)
{
	expect("2026-11-22T14:05:30Z", "2026-11-22T14:05:30.000Z");
	expect("2026-11-22t14:05:30.25z", "2026-11-22T14:05:30.250Z");
	expect("2026-11-22T14:05:30.123456789123Z", "2026-11-22T14:05:30.123Z");
	expect("2026-11-22T14:05:30+02:00", "2026-11-22T12:05:30.000Z");
	expect("2026-11-22T14:05:30-0530", "2026-11-22T19:35:30.000Z");
	expect("2026-11-22 14:05Z", "2026-11-22T14:05:00.000Z");
	expect("2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z");
}

static void test_local(void **state)
{
	expect("2026-11-22 14:05", "2026-11-22T13:05:00.000Z");
	expect("2026-07-01 14:05", "2026-07-01T12:05:00.000Z");
	expect("2026-11-22", "2026-11-21T23:00:00.000Z");
	expect("14:05", "2026-11-22T13:05:00.000Z");
	expect("00:00:01", "2026-11-21T23:00:01.000Z");
	expect("today", "2026-11-21T23:00:00.000Z");
	expect("yesterday", "2026-11-20T23:00:00.000Z");
	expect("yesterday 09:30", "2026-11-21T08:30:00.000Z");
	expect("now", "2026-11-22T14:05:30.500Z");
}

static void test_ago(void **state)
{
	expect("-2h", "2026-11-22T12:05:30.500Z");
	expect("-30m", "2026-11-22T13:35:30.500Z");
	expect("-3d", "2026-11-19T14:05:30.500Z");
	expect("-1w", "2026-11-15T14:05:30.500Z");
	expect("-1d12h", "2026-11-21T02:05:30.500Z");
	expect("-90s", "2026-11-22T14:04:00.500Z");
}

static void test_errors(void **state)
{
	expect_error("", 1, "not a time");
	expect_error("tomorrow", 1, "not a time");
	expect_error("2026-13-01", 6, "no month 13");
	expect_error("2026-02-29", 9, "no day 29");
	expect_error("2026-11-22T25:00Z", 12, "no hour 25");
	expect_error("2026-11-22T14:61", 15, "no minute 61");
	expect_error("2026-11-22T14", 14, "HH:MM");
	expect_error("2026-11-22T14:05:30.Z", 21, "fraction");
	expect_error("2026-11-22T14:05:30Zulu", 21, "left over");
	expect_error("2026-11-22x", 11, "left over");
	expect_error("2026/11/22", 5, "YYYY-MM-DD");
	expect_error("today noon", 7, "hour");
	expect_error("todayx", 6, "left over");
	expect_error("-2", 3, "unit");
	expect_error("-2y", 3, "unit");
	expect_error("-h", 2, "number");
	expect_error("-", 2, "number");
	expect_error("-99999999999999999999w", 1, "1970");
	expect_error("1969-12-31", 1, "no year 1969");
	expect_error("\033[31m", 1, "not a time");
}

static void test_when(void **state)
{
	char text[WHEN_MOST];

	assert_string_equal(when_clock(NOW, false, text), "14:05:30");
	assert_string_equal(when_clock(NOW, true, text), "15:05:30");
	assert_string_equal(when_day(NOW, false, text), "Sunday 22 November 2026  UTC");
	assert_string_equal(when_day(NOW, true, text), "Sunday 22 November 2026  CET");
	assert_string_equal(when_stamp(NOW, true, text), "2026-11-22T15:05:30.500+01:00");
	/* Nothing that stands in a trail makes it fail. */
	assert_non_null(when_stamp(UINT64_MAX, true, text));
	assert_non_null(when_day(UINT64_MAX, false, text));
	assert_int_not_equal(when_day_number(NOW, false),
			     when_day_number(NOW + 86400 * NS_PER_SECOND, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339), cmocka_unit_test(test_local),
		cmocka_unit_test(test_ago),     cmocka_unit_test(test_errors),
		cmocka_unit_test(test_when),
	};

	return cmocka_run_group_tests(tests, in_berlin, NULL);
}
