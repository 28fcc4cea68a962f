/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as lower-case hexadecimal digits. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 2 * count digits and a zero to `at`. Returns where the zero is. */
static inline char *hex_put(char *at, const void *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *byte = bytes;

	for (; count > 0; count--, byte++) {
		*at++ = digits[*byte >> 4];
		*at++ = digits[*byte & 15];
	}
	*at = '\0';
	return at;
}
