/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing run of bytes. A failed allocation is remembered in `error` and makes every later append
 * a no-op, so that a writer of many small pieces checks once, at the end.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
	char *data;      /* owned; not terminated unless buffer_string() was called */
	size_t length;   /* bytes in use */
	size_t capacity; /* bytes allocated */
	int error;       /* 0 or the first -errno, sticky until buffer_clear() */
};

/* Make room for `more` bytes behind the used ones. Returns 0, -ENOMEM, or the sticky error. */
int buffer_reserve(struct buffer *buffer, size_t more);

void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_append_string(struct buffer *buffer, const char *string);
void buffer_append_unsigned(struct buffer *buffer, uint64_t number);
void buffer_append_signed(struct buffer *buffer, int64_t number);
/* `length` bytes as 2 * length lower-case hexadecimal digits. */
void buffer_append_hex(struct buffer *buffer, const void *data, size_t length);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline void buffer_append_char(struct buffer *buffer, char c)
{
	if (buffer->length < buffer->capacity && !buffer->error)
		buffer->data[buffer->length++] = c;
	else
		buffer_append(buffer, &c, 1);
}

/* Remove the first `length` bytes, at most all of them. */
void buffer_consume(struct buffer *buffer, size_t length);

/* The contents, zero-terminated behind the used bytes; owned by the buffer. NULL on a sticky error.
 */
const char *buffer_string(struct buffer *buffer);

/* Empty it and forget the error; the memory is kept for the next use. */
void buffer_clear(struct buffer *buffer);

/* Give the memory back. Takes NULL. */
void buffer_free(struct buffer *buffer);

#define _cleanup_buffer_ __attribute__((cleanup(buffer_free)))
