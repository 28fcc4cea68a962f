/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of auditd's, read line by line from wherever it is: a file, a pipe, standard input. Never
 * more of it in memory than a piece. Nothing of a line is parsed but its time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/text.h"

/* The kernel's longest record is MAX_AUDIT_MESSAGE_LENGTH, 8,970 bytes; auditd adds names to it. */
#define IMPORT_LINE_MOST (64u << 10)

struct import_log {
	const char *name; /* borrowed; "-": standard input */
	int fd;
	char *piece;
	size_t begin, end; /* of what is in `piece` and was not taken */
	bool ended, skipping;
	struct digest *digest;
	uint64_t bytes; /* read so far */
	uint64_t size;  /* of a file, when it was opened; 0 of what is none */
	uint64_t first_ms;
	/* What came of it, for whoever reads it. */
	uint64_t last_ms, records, events, bad;
	char sha256[DIGEST_TEXT];
};

/*
 * Open it and look for the time of its first record. Returns 0; -EBADMSG where its beginning has no
 * record; -EFBIG where it is compressed; -errno.
 */
int import_log_open(const char *name, struct import_log *log);

/*
 * The next line, without its end; valid until the next call. Returns 1; 0 at the end, with the
 * digest of all of it in `sha256`; -EMSGSIZE for a line that is longer than IMPORT_LINE_MOST, which
 * was passed over; -errno.
 */
int import_log_next(struct import_log *log, struct text *ret_line);

void import_log_close(struct import_log *log);
