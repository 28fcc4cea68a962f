// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "base/buffer.h"

static uint64_t now_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

uint64_t clock_wall_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

uint64_t clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_offset_ns(void)
{
	uint64_t tightest = UINT64_MAX;
	int64_t offset = 0;

	/* A reading that was interrupted between its two ends is wide; the narrowest one is the
	 * truth. */
	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_boot_ns(), wall = clock_wall_ns(), after = clock_boot_ns();

		if (after - before >= tightest)
			continue;
		tightest = after - before;
		offset = (int64_t)(wall - (before + (after - before) / 2));
	}
	return offset;
}

static void append_digits(char *at, unsigned int number, int digits)
{
	while (digits-- > 0) {
		at[digits] = (char)('0' + number % 10);
		number /= 10;
	}
}

void clock_append_rfc3339(struct buffer *buffer, uint64_t wall_ns)
{
	/* gmtime_r costs more than all the rest of a line: one second's text is kept. */
	static _Thread_local time_t kept = -1;
	static _Thread_local char text[] = "1970-01-01T00:00:00.000000000Z";
	time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
	struct tm tm;

	if (seconds != kept) {
		gmtime_r(&seconds, &tm);
		append_digits(text, (unsigned int)(tm.tm_year + 1900), 4);
		append_digits(text + 5, (unsigned int)tm.tm_mon + 1, 2);
		append_digits(text + 8, (unsigned int)tm.tm_mday, 2);
		append_digits(text + 11, (unsigned int)tm.tm_hour, 2);
		append_digits(text + 14, (unsigned int)tm.tm_min, 2);
		append_digits(text + 17, (unsigned int)tm.tm_sec, 2);
		kept = seconds;
	}
	append_digits(text + 20, (unsigned int)(wall_ns % NS_PER_SECOND), 9);
	buffer_append(buffer, text, sizeof(text) - 1);
}

static bool take_digits(const char **at, const char *end, int digits, int *ret)
{
	int number = 0;

	for (; digits > 0; digits--, (*at)++) {
		if (*at >= end || **at < '0' || **at > '9')
			return false;
		number = number * 10 + (**at - '0');
	}
	*ret = number;
	return true;
}

static bool take(const char **at, const char *end, char c)
{
	if (*at >= end || **at != c)
		return false;
	(*at)++;
	return true;
}

int clock_parse_rfc3339(const char *text, size_t length, uint64_t *ret_wall_ns)
{
	const char *at = text, *end = text + length;
	int fraction = 0, hours = 0, minutes = 0;
	struct tm tm = {};
	int64_t seconds;

	if (!take_digits(&at, end, 4, &tm.tm_year) || !take(&at, end, '-') ||
	    !take_digits(&at, end, 2, &tm.tm_mon) || !take(&at, end, '-') ||
	    !take_digits(&at, end, 2, &tm.tm_mday))
		return -EINVAL;
	if (!take(&at, end, 'T') && !take(&at, end, 't') && !take(&at, end, ' '))
		return -EINVAL;
	if (!take_digits(&at, end, 2, &tm.tm_hour) || !take(&at, end, ':') ||
	    !take_digits(&at, end, 2, &tm.tm_min) || !take(&at, end, ':') ||
	    !take_digits(&at, end, 2, &tm.tm_sec))
		return -EINVAL;
	if (take(&at, end, '.')) {
		int digit, unit = 100000000, taken = 0;

		for (; take_digits(&at, end, 1, &digit); unit /= 10, taken++)
			fraction += digit * unit;
		if (taken == 0 || taken > 9)
			return -EINVAL;
	}
	if (!take(&at, end, 'Z') && !take(&at, end, 'z')) {
		bool west = at < end && *at == '-';

		if (!take(&at, end, '+') && !take(&at, end, '-'))
			return -EINVAL;
		if (!take_digits(&at, end, 2, &hours) || !take(&at, end, ':') ||
		    !take_digits(&at, end, 2, &minutes) || hours > 23 || minutes > 59)
			return -EINVAL;
		if (west) {
			hours = -hours;
			minutes = -minutes;
		}
	}
	if (at != end || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60 || tm.tm_year < 1970 ||
	    tm.tm_year > 2500)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	seconds = timegm(&tm) - (hours * 3600 + minutes * 60);
	if (seconds < 0)
		return -EINVAL;
	*ret_wall_ns = (uint64_t)seconds * NS_PER_SECOND + (uint64_t)fraction;
	return 0;
}
