/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `committed`: how far the trail may be read. A text of fixed length that checks itself, written in
 * place after the frames that it names have reached the disk.
 */
#pragma once

#include <stdint.h>

#include "trail/format.h"

#define TRAIL_COMMITTED_FILE "committed"

struct trail_committed {
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint64_t frame;   /* last committed frame, 0 before the first */
	uint64_t event;   /* last committed event */
	uint64_t segment; /* first frame of the segment that it is in */
	uint64_t offset;  /* where it ends there */
	uint64_t wall_ns; /* when it was committed */
	uint8_t hash[TRAIL_HASH_BYTES];
};

/* Write it in place. Not synced: it is a hint of what is already on the disk. Returns 0 or -errno.
 */
int trail_committed_write(int fd, const struct trail_committed *committed);

/* Put a new file in its place, where the old one cannot be written. Returns its descriptor or
 * -errno. */
int trail_committed_replace(int folder, const struct trail_committed *committed);

/*
 * Read it; a reader that meets a write in progress tries again a few times. Returns 0; -ENOENT
 * without the file; -EBADMSG when it does not check; -errno.
 */
int trail_committed_read(int folder, struct trail_committed *ret_committed);
