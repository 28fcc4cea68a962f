// SPDX-License-Identifier: Apache-2.0
#include "trail/checked.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "trail/io.h"
#include "trail/sign.h"

#define CHECK_BYTES 8

void trail_checked_end(struct buffer *text)
{
	uint8_t check[TRAIL_HASH_BYTES];

	if (!text->error)
		text->error = trail_hash(text->data, text->length, check);
	if (text->error)
		return;
	buffer_append_string(text, "check ");
	buffer_append_hex(text, check, CHECK_BYTES);
	buffer_append_char(text, '\n');
}

int trail_checked_read(int folder, const char *name, char *ret_text)
{
	_cleanup_close_ int fd = trail_io_open(folder, name, O_RDONLY, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = trail_io_read(fd, ret_text, TRAIL_CHECKED_MOST, 0);
	ret_text[n < 0 ? 0 : n] = '\0';
	return (int)n;
}

bool trail_checked_hex(const char *digits, uint8_t *ret_bytes, size_t length)
{
	if (strlen(digits) != 2 * length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (sscanf(digits + 2 * i, "%2hhx", &ret_bytes[i]) != 1)
			return false;
	return true;
}
