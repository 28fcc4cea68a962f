// SPDX-License-Identifier: Apache-2.0
#include "output/when.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static struct tm parts(uint64_t wall_ns, bool local)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
	struct tm tm = {};

	if (local)
		localtime_r(&seconds, &tm);
	else
		gmtime_r(&seconds, &tm);
	return tm;
}

const char *when_clock(uint64_t wall_ns, bool local, char text[WHEN_MOST])
{
	struct tm tm = parts(wall_ns, local);

	snprintf(text, WHEN_MOST, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	return text;
}

/* Not strftime: its words change with the locale, and what is shown should not. */
const char *when_day(uint64_t wall_ns, bool local, char text[WHEN_MOST])
{
	static const char *const days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
					    "Thursday", "Friday", "Saturday" };
	static const char *const months[] = { "January",   "February", "March",    "April",
					      "May",       "June",     "July",     "August",
					      "September", "October",  "November", "December" };
	struct tm tm = parts(wall_ns, local);

	snprintf(text, WHEN_MOST, "%s %d %s %d  %s", days[tm.tm_wday % 7], tm.tm_mday,
		 months[tm.tm_mon % 12], tm.tm_year + 1900,
		 local && tm.tm_zone ? tm.tm_zone : "UTC");
	return text;
}

const char *when_stamp(uint64_t wall_ns, bool local, char text[WHEN_MOST])
{
	struct tm tm = parts(wall_ns, local);
	long offset = local ? tm.tm_gmtoff / 60 : 0, amount = offset < 0 ? -offset : offset;
	int length = snprintf(text, WHEN_MOST, "%04d-%02d-%02dT%02d:%02d:%02d.%03u",
			      tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			      tm.tm_sec, (unsigned int)(wall_ns % NS_PER_SECOND / NS_PER_MS));

	if (length < 0 || length >= WHEN_MOST)
		return text;
	if (local)
		snprintf(text + length, WHEN_MOST - (size_t)length, "%c%02ld:%02ld",
			 offset < 0 ? '-' : '+', amount / 60, amount % 60);
	else
		snprintf(text + length, WHEN_MOST - (size_t)length, "Z");
	return text;
}

int when_day_number(uint64_t wall_ns, bool local)
{
	struct tm tm = parts(wall_ns, local);

	return (tm.tm_year + 1900) * 1000 + tm.tm_yday;
}
