/* SPDX-License-Identifier: Apache-2.0 */
/* A run of bytes that somebody else owns; not terminated, any byte may occur. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
	const char *data;
	size_t length;
};

#define TEXT(literal) ((struct text){ (literal), sizeof(literal) - 1 })

static inline struct text text_of(const char *string)
{
	return (struct text){ string, strlen(string) };
}

/* Of an array that may not be terminated. */
static inline struct text text_within(const char *array, size_t most)
{
	return (struct text){ array, strnlen(array, most) };
}

static inline bool text_equal(struct text a, struct text b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}
