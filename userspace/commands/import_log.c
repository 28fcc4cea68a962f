// SPDX-License-Identifier: Apache-2.0
#include "commands/import_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "correlate/audit_record.h"

#define PIECE (4 * IMPORT_LINE_MOST)

/* More of the file behind what is there. Returns 0 or -errno. */
static int fill(struct import_log *log)
{
	ssize_t n;

	memmove(log->piece, log->piece + log->begin, log->end - log->begin);
	log->end -= log->begin;
	log->begin = 0;
	do
		n = read(log->fd, log->piece + log->end, PIECE - log->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	log->ended = n == 0;
	digest_add(log->digest, log->piece + log->end, (size_t)n);
	log->end += (size_t)n;
	log->bytes += (size_t)n;
	return 0;
}

/* gzip, xz, zstd, bzip2 by how they begin. */
static bool is_compressed(const struct import_log *log)
{
	static const struct text magics[] = { TEXT("\x1f\x8b"),
					      TEXT("\xfd"
						   "7zXZ"),
					      TEXT("\x28\xb5\x2f\xfd"), TEXT("BZh") };

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (log->end >= magics[i].length &&
		    memcmp(log->piece, magics[i].data, magics[i].length) == 0)
			return true;
	return false;
}

/* A rotated log may begin within an event, an old one with what was written over: not with another
 * thing altogether. */
static int find_first(struct import_log *log)
{
	const char *at = log->piece, *end = log->piece + log->end;

	if (is_compressed(log))
		return -EFBIG;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)) ?: end;
		struct audit_record record;

		if (audit_record_parse_line((struct text){ at, (size_t)(newline - at) }, &record) ==
		    0) {
			log->first_ms = record.time_ms;
			return 0;
		}
		at = newline + 1;
	}
	return -EBADMSG;
}

static int begin(struct import_log *log)
{
	struct stat status;
	int r;

	log->fd = strcmp(log->name, "-") == 0 ? dup(STDIN_FILENO)
					      : open(log->name, O_RDONLY | O_CLOEXEC);
	if (log->fd < 0 || fstat(log->fd, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	log->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
	r = digest_new(&log->digest);
	log->piece = malloc(PIECE);
	if (r < 0 || !log->piece)
		return -ENOMEM;
	while (r == 0 && !log->ended && log->end < PIECE)
		r = fill(log);
	return r ?: find_first(log);
}

int import_log_open(const char *name, struct import_log *log)
{
	int r;

	*log = (struct import_log){ .name = name, .fd = -1 };
	r = begin(log);
	if (r < 0)
		import_log_close(log);
	return r;
}

static int take_line(struct import_log *log, size_t length, struct text *ret_line)
{
	bool skipped = log->skipping;

	*ret_line = (struct text){ log->piece + log->begin, length };
	log->begin += length;
	log->skipping = false;
	if (log->begin < log->end)
		log->begin++; /* its end */
	return skipped || length > IMPORT_LINE_MOST ? -EMSGSIZE : 1;
}

int import_log_next(struct import_log *log, struct text *ret_line)
{
	for (;;) {
		const char *from = log->piece + log->begin;
		size_t left = log->end - log->begin;
		const char *newline = left ? memchr(from, '\n', left) : NULL;
		int r;

		if (newline)
			return take_line(log, (size_t)(newline - from), ret_line);
		if (log->ended && (left || log->skipping))
			return take_line(log, left, ret_line);
		if (log->ended)
			return digest_end(log->digest, log->sha256);
		if (left > IMPORT_LINE_MOST) {
			log->skipping = true;
			log->begin = log->end;
		}
		r = fill(log);
		if (r < 0)
			return r;
	}
}

void import_log_close(struct import_log *log)
{
	closep(&log->fd);
	log->fd = -1;
	free(log->piece);
	log->piece = NULL;
	digest_free(log->digest);
	log->digest = NULL;
}
