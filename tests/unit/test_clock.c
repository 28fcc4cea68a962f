// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"

static const char *spell(struct buffer *buffer, uint64_t wall_ns)
{
	buffer_clear(buffer);
	clock_append_rfc3339(buffer, wall_ns);
	return buffer_string(buffer);
}

static void known_times_are_spelled(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};

	assert_string_equal(spell(&buffer, 0), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(spell(&buffer, 1), "1970-01-01T00:00:00.000000001Z");
	assert_string_equal(spell(&buffer, 951782399999999999ull),
			    "2000-02-28T23:59:59.999999999Z");
	assert_string_equal(spell(&buffer, 951868799000000000ull),
			    "2000-02-29T23:59:59.000000000Z");
	assert_string_equal(spell(&buffer, 1767323045678901234ull),
			    "2026-01-02T03:04:05.678901234Z");
	assert_string_equal(spell(&buffer, 4107542400000000000ull),
			    "2100-03-01T00:00:00.000000000Z");
	assert_string_equal(spell(&buffer, UINT64_MAX), "2554-07-21T23:34:33.709551615Z");
}

static void assert_reads(const char *text, uint64_t expected)
{
	uint64_t wall_ns = 0;

	if (clock_parse_rfc3339(text, strlen(text), &wall_ns) != 0)
		fail_msg("refused: %s", text);
	if (wall_ns != expected)
		fail_msg("%s read as %ju", text, (uintmax_t)wall_ns);
}

static void every_form_is_read(void **state)
{
	assert_reads("1970-01-01T00:00:00Z", 0);
	assert_reads("2026-01-02T03:04:05Z", 1767323045000000000ull);
	assert_reads("2026-01-02t03:04:05z", 1767323045000000000ull);
	assert_reads("2026-01-02 03:04:05Z", 1767323045000000000ull);
	assert_reads("2026-01-02T03:04:05.6Z", 1767323045600000000ull);
	assert_reads("2026-01-02T03:04:05.678901234Z", 1767323045678901234ull);
	assert_reads("2026-01-02T05:34:05+02:30", 1767323045000000000ull);
	assert_reads("2026-01-01T22:04:05-05:00", 1767323045000000000ull);
	assert_reads("2026-01-02T03:04:05-00:00", 1767323045000000000ull);
	assert_reads("2016-12-31T23:59:60Z", 1483228800000000000ull); /* a leap second */
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"2026",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05.1234567890Z",
		"2026-01-02T03:04:05Zx",
		"2026-01-02T03:04:05Z ",
		" 2026-01-02T03:04:05Z",
		"2026-01-02X03:04:05Z",
		"2026-00-02T03:04:05Z",
		"2026-13-02T03:04:05Z",
		"2026-01-00T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"2026-01-02T24:04:05Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:61Z",
		"2026-1-2T03:04:05Z",
		"+026-01-02T03:04:05Z",
		"2026-01-02T03:04:05+0100",
		"2026-01-02T03:04:05+24:00",
		"2026-01-02T03:04:05+01:60",
		"2026-01-02T03:04:05+01",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"9999-01-02T03:04:05Z",
	};
	uint64_t wall_ns = 42;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (clock_parse_rfc3339(texts[i], strlen(texts[i]), &wall_ns) != -EINVAL)
			fail_msg("taken for a time: %s", texts[i]);
	assert_int_equal(wall_ns, 42);
}

/* In memory of its own length, so that a look behind the end is seen. */
static void cut_texts_are_refused(void **state)
{
	static const char text[] = "2026-01-02T03:04:05.678901234+01:00";

	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		char *copy = malloc(length + !length);
		uint64_t wall_ns;

		memcpy(copy, text, length);
		assert_int_equal(clock_parse_rfc3339(copy, length, &wall_ns), -EINVAL);
		free(copy);
	}
}

/* Against the C library, over the whole range that is read back. */
static void spelling_and_reading_agree(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};
	uint64_t random = 20260102;
	char expected[64], seconds_text[32];
	struct tm tm;

	for (int i = 0; i < 20000; i++) {
		uint64_t wall_ns;
		time_t seconds;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		wall_ns = (random >> 1) % (16756761600ull * NS_PER_SECOND); /* until 2501 */
		seconds = (time_t)(wall_ns / NS_PER_SECOND);
		gmtime_r(&seconds, &tm);
		strftime(seconds_text, sizeof(seconds_text), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(expected, sizeof(expected), "%s.%09uZ", seconds_text,
			 (unsigned int)(wall_ns % NS_PER_SECOND));
		assert_string_equal(spell(&buffer, wall_ns), expected);
		assert_reads(expected, wall_ns);
		/* Both of one second and of another one, since the last second's text is kept. */
		assert_reads(spell(&buffer, wall_ns ^ 1), wall_ns ^ 1);
	}
}

static void clocks_run_together(void **state)
{
	uint64_t boot = clock_boot_ns(), wall = clock_wall_ns();
	int64_t offset = clock_wall_offset_ns();
	uint64_t boot_after = clock_boot_ns();
	int64_t apart = (int64_t)(boot + (uint64_t)offset - wall);

	assert_true(boot_after >= boot);
	/* As far as the time that the readings took, and a step of the wall clock between them. */
	assert_true(llabs(apart) < (int64_t)(boot_after - boot + 10 * NS_PER_SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_times_are_spelled),
		cmocka_unit_test(every_form_is_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(cut_texts_are_refused),
		cmocka_unit_test(spelling_and_reading_agree),
		cmocka_unit_test(clocks_run_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
