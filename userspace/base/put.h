/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short texts put together in an array that is known to be large enough, for what every event has:
 * snprintf() would be a tenth of its whole cost. Each returns where the next one goes; nothing is
 * terminated.
 */
#pragma once

#include <stdint.h>

#include "base/text.h"

#define PUT_NUMBER_MOST 20 /* digits */

static inline char *put_number(char *at, uint64_t number)
{
	char digits[PUT_NUMBER_MOST];
	size_t first = sizeof(digits);

	do
		digits[--first] = (char)('0' + number % 10);
	while (number /= 10);
	memcpy(at, digits + first, sizeof(digits) - first);
	return at + sizeof(digits) - first;
}

static inline char *put_text(char *at, struct text text)
{
	if (text.length)
		memcpy(at, text.data, text.length);
	return at + text.length;
}

/* What was put between `start` and `end`. */
static inline struct text put_between(const char *start, const char *end)
{
	return (struct text){ start, (size_t)(end - start) };
}
