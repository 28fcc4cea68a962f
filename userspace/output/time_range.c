// SPDX-License-Identifier: Apache-2.0
#include "output/time_range.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct reading {
	const char *text, *at;
	struct time_error *error;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct reading *reading, const char *format,
						       ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reading->error->message, sizeof(reading->error->message), format, arguments);
	va_end(arguments);
	reading->error->column = (size_t)(reading->at - reading->text) + 1;
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take(struct reading *reading, char c)
{
	if (*reading->at != c)
		return false;
	reading->at++;
	return true;
}

/* Exactly `digits` of them, with a value within the bounds; `what` names it in the error. */
static int take_number(struct reading *reading, int digits, int least, int most, const char *what,
		       int *ret)
{
	const char *at = reading->at;
	int number = 0;

	for (int i = 0; i < digits; i++, at++) {
		if (!is_digit(*at))
			return wrong(reading, "the %s has %d digits", what, digits);
		number = number * 10 + (*at - '0');
	}
	if (number < least || number > most)
		return wrong(reading, "there is no %s %d: it is %d to %d", what, number, least,
			     most);
	reading->at = at;
	*ret = number;
	return 0;
}

static int days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int take_date(struct reading *reading, struct tm *tm)
{
	int year = 0, month = 0, day = 0, r;

	r = take_number(reading, 4, 1970, 2500, "year", &year);
	if (r < 0)
		return r;
	if (!take(reading, '-'))
		return wrong(reading, "a date is YYYY-MM-DD");
	r = take_number(reading, 2, 1, 12, "month", &month);
	if (r < 0)
		return r;
	if (!take(reading, '-'))
		return wrong(reading, "a date is YYYY-MM-DD");
	r = take_number(reading, 2, 1, days_of_month(year, month), "day", &day);
	if (r < 0)
		return r;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return 0;
}

static int take_clock(struct reading *reading, struct tm *tm, uint64_t *ret_fraction_ns)
{
	uint64_t fraction = 0, unit = NS_PER_SECOND / 10;
	int r;

	r = take_number(reading, 2, 0, 23, "hour", &tm->tm_hour);
	if (r < 0)
		return r;
	if (!take(reading, ':'))
		return wrong(reading, "a time of day is HH:MM or HH:MM:SS");
	r = take_number(reading, 2, 0, 59, "minute", &tm->tm_min);
	if (r < 0)
		return r;
	if (take(reading, ':')) {
		r = take_number(reading, 2, 0, 60, "second", &tm->tm_sec);
		if (r < 0)
			return r;
		if (take(reading, '.')) {
			if (!is_digit(*reading->at))
				return wrong(reading, "a fraction has one to nine digits");
			for (; is_digit(*reading->at); reading->at++, unit /= 10)
				fraction += (uint64_t)(*reading->at - '0') * unit;
		}
	}
	*ret_fraction_ns = fraction;
	return 0;
}

/* "Z", "+01:00", "-0530"; *ret_given is false where there is none. */
static int take_zone(struct reading *reading, bool *ret_given, long *ret_offset)
{
	bool east = *reading->at == '+';
	int hours = 0, minutes = 0, r;

	*ret_offset = 0;
	*ret_given = take(reading, 'Z') || take(reading, 'z');
	if (*ret_given || !(take(reading, '+') || take(reading, '-')))
		return 0;
	r = take_number(reading, 2, 0, 23, "hour of the zone", &hours);
	if (r < 0)
		return r;
	if (take(reading, ':') || is_digit(*reading->at)) {
		r = take_number(reading, 2, 0, 59, "minute of the zone", &minutes);
		if (r < 0)
			return r;
	}
	*ret_given = true;
	*ret_offset = (east ? 1 : -1) * (hours * 3600L + minutes * 60L);
	return 0;
}

static int finish(struct reading *reading, struct tm *tm, bool zoned, long offset,
		  uint64_t fraction_ns, uint64_t *ret_ns)
{
	time_t seconds;

	if (*reading->at)
		return wrong(reading, "this is left over");
	tm->tm_isdst = -1;
	seconds = zoned ? timegm(tm) - offset : mktime(tm);
	if (seconds < 0) {
		reading->at = reading->text;
		return wrong(reading, "that is before 1970");
	}
	*ret_ns = (uint64_t)seconds * NS_PER_SECOND + fraction_ns;
	return 0;
}

static int parse_moment(struct reading *reading, struct tm *tm, bool date_known, uint64_t *ret_ns)
{
	uint64_t fraction = 0;
	bool zoned = false;
	long offset = 0;
	int r = 0;

	if (!date_known) {
		r = take_date(reading, tm);
		if (r < 0)
			return r;
	}
	if (date_known || take(reading, 'T') || take(reading, 't') || take(reading, ' ')) {
		r = take_clock(reading, tm, &fraction);
		if (r == 0)
			r = take_zone(reading, &zoned, &offset);
	}
	return r < 0 ? r : finish(reading, tm, zoned, offset, fraction, ret_ns);
}

static int parse_ago(struct reading *reading, uint64_t now_ns, uint64_t *ret_ns)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 'w', 604800 }, { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t ago = 0;

	do {
		uint64_t number = 0;
		size_t unit = 0;

		if (!is_digit(*reading->at))
			return wrong(reading, "a number is missing: -2h, -30m, -1d12h");
		for (; is_digit(*reading->at); reading->at++)
			number = number < 1000000000 ? number * 10 + (uint64_t)(*reading->at - '0')
						     : number;
		while (unit < ARRAY_SIZE(units) && units[unit].unit != *reading->at)
			unit++;
		if (unit == ARRAY_SIZE(units))
			return wrong(reading,
				     "a unit is missing: w d h m s, as in -2h, -30m, -1d12h");
		reading->at++;
		ago += number * units[unit].seconds;
	} while (*reading->at);
	if (ago > now_ns / NS_PER_SECOND) {
		reading->at = reading->text;
		return wrong(reading, "that is before 1970");
	}
	*ret_ns = now_ns - ago * NS_PER_SECOND;
	return 0;
}

int time_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns, struct time_error *ret_error)
{
	struct reading reading = { .text = text, .at = text, .error = ret_error };
	time_t now = (time_t)(now_ns / NS_PER_SECOND);
	bool today = strncmp(text, "today", 5) == 0, yesterday = strncmp(text, "yesterday", 9) == 0;
	struct tm tm = {};

	if (strcmp(text, "now") == 0) {
		*ret_ns = now_ns;
		return 0;
	}
	if (take(&reading, '-'))
		return parse_ago(&reading, now_ns, ret_ns);
	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (today || yesterday) {
		tm.tm_mday -= yesterday;
		reading.at += today ? 5 : 9;
		if (take(&reading, ' '))
			return parse_moment(&reading, &tm, true, ret_ns);
		return finish(&reading, &tm, false, 0, 0, ret_ns);
	}
	if (is_digit(text[0]) && is_digit(text[1]) && text[2] == ':')
		return parse_moment(&reading, &tm, true, ret_ns);
	if (!is_digit(text[0]))
		return wrong(&reading,
			     "not a time: 2026-11-22T14:05:30Z, 2026-11-22, 14:05, today, "
			     "yesterday, -2h, -30m");
	tm = (struct tm){};
	return parse_moment(&reading, &tm, false, ret_ns);
}
