// SPDX-License-Identifier: Apache-2.0
/*
 * What plain zstd makes of lines: standard input, cut at the last newline before each 256 KiB, each
 * part a frame of its own at level 3. Prints `events N` and `bytes N`.
 */
#include <stddef.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "tests/bench/measure.h"

#define FRAME_BYTES (256u << 10)

static uint64_t events, bytes;

static void compress_frame(const char *lines, size_t length)
{
	size_t room = ZSTD_compressBound(length);
	_cleanup_free_ char *out = malloc(room);
	size_t stored = out ? ZSTD_compress(out, room, lines, length, 3) : 0;

	if (!out || ZSTD_isError(stored)) {
		fputs("zstd failed\n", stderr);
		exit(1);
	}
	bytes += stored;
	for (const char *at = lines; (at = memchr(at, '\n', length - (size_t)(at - lines))); at++)
		events++;
}

int main(void)
{
	_cleanup_free_ char *lines = malloc(FRAME_BYTES);
	size_t length = 0, whole;
	ssize_t n;

	while (lines && (n = read(0, lines + length, FRAME_BYTES - length)) > 0) {
		const char *end;

		length += (size_t)n;
		if (length < FRAME_BYTES)
			continue;
		end = memrchr(lines, '\n', length);
		whole = end ? (size_t)(end + 1 - lines) : length;
		compress_frame(lines, whole);
		length -= whole;
		memmove(lines, lines + whole, length);
	}
	if (length > 0)
		compress_frame(lines, length);
	printf("events %llu\nbytes %llu\n", (unsigned long long)events, (unsigned long long)bytes);
	return 0;
}
