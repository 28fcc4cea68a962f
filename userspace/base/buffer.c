// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t need, capacity;
	char *data;

	if (buffer->error)
		return buffer->error;
	if (__builtin_add_overflow(buffer->length, more, &need))
		return buffer->error = -ENOMEM;
	if (need <= buffer->capacity)
		return 0;
	capacity = buffer->capacity < 128 ? 128 : buffer->capacity;
	while (capacity < need)
		if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
			return buffer->error = -ENOMEM;
	data = realloc(buffer->data, capacity);
	if (!data)
		return buffer->error = -ENOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

void buffer_append(struct buffer *buffer, const void *data, size_t length)
{
	if (length == 0 || buffer_reserve(buffer, length) < 0)
		return;
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
}

void buffer_append_string(struct buffer *buffer, const char *string)
{
	buffer_append(buffer, string, strlen(string));
}

void buffer_append_unsigned(struct buffer *buffer, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	buffer_append(buffer, digits + at, sizeof(digits) - at);
}

void buffer_append_signed(struct buffer *buffer, int64_t number)
{
	if (number < 0)
		buffer_append_char(buffer, '-');
	buffer_append_unsigned(buffer, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void buffer_append_hex(struct buffer *buffer, const void *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	if (buffer_reserve(buffer, 2 * length) < 0)
		return;
	for (size_t i = 0; i < length; i++) {
		buffer->data[buffer->length++] = digits[bytes[i] >> 4];
		buffer->data[buffer->length++] = digits[bytes[i] & 15];
	}
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0) {
		buffer->error = buffer->error ?: -EINVAL;
		return;
	}
	if (buffer_reserve(buffer, (size_t)length + 1) < 0)
		return;
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
}

void buffer_consume(struct buffer *buffer, size_t length)
{
	if (length > buffer->length)
		length = buffer->length;
	buffer->length -= length;
	if (buffer->length)
		memmove(buffer->data, buffer->data + length, buffer->length);
}

const char *buffer_string(struct buffer *buffer)
{
	if (buffer_reserve(buffer, 1) < 0)
		return NULL;
	buffer->data[buffer->length] = '\0';
	return buffer->data;
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->error = 0;
}

void buffer_free(struct buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->data);
	*buffer = (struct buffer){};
}
