// SPDX-License-Identifier: Apache-2.0
#include "output/quantity.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"

const char *quantity_duration(uint64_t duration_ns, char text[QUANTITY_MOST])
{
	uint64_t seconds = duration_ns / NS_PER_SECOND, ms = duration_ns / NS_PER_MS;

	if (ms < 100)
		snprintf(text, QUANTITY_MOST, "%" PRIu64 " ms", ms);
	else if (seconds < 10)
		snprintf(text, QUANTITY_MOST, "%" PRIu64 ".%02" PRIu64 " s", seconds,
			 ms % 1000 / 10);
	else if (seconds < 60)
		snprintf(text, QUANTITY_MOST, "%" PRIu64 " s", seconds);
	else if (seconds < 3600)
		snprintf(text, QUANTITY_MOST, "%" PRIu64 " min %" PRIu64 " s", seconds / 60,
			 seconds % 60);
	else if (seconds < 86400)
		snprintf(text, QUANTITY_MOST, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
			 seconds % 3600 / 60);
	else
		snprintf(text, QUANTITY_MOST, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400,
			 seconds % 86400 / 3600);
	return text;
}

const char *quantity_bytes(uint64_t bytes, char text[QUANTITY_MOST])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double amount = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, QUANTITY_MOST, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
		return text;
	}
	while (amount >= 1023.5 && unit + 1 < ARRAY_SIZE(units)) {
		amount /= 1024;
		unit++;
	}
	/* What was asked for as `-m 1g` is not "1.0". */
	snprintf(text, QUANTITY_MOST,
		 amount < 9.95 && amount != (double)(unsigned int)amount ? "%.1f %s" : "%.0f %s",
		 amount, units[unit]);
	return text;
}
