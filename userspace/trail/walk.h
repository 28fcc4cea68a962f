/* SPDX-License-Identifier: Apache-2.0 */
/* From frame to frame of one segment, by what their headers say of each other: of recovery.c and
 * old.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trail/segment.h"

/* How far the log has been read, and what the next frame must continue. */
struct trail_walk {
	struct trail_segment *segment;
	struct trail_frame frame; /* the last one, where there was one */
	uint64_t offset;
	uint64_t next_frame, next_event; /* next_event 0: not known */
	uint8_t hash[TRAIL_HASH_BYTES];  /* of the last frame */
	bool hash_known;
	uint64_t first_wall_ns; /* of the segment's first frame */
	uint32_t commit_types;
	uint64_t commit_begin_frame;
	unsigned int commit_left; /* frames that the commit still lacks */
};

/*
 * Move over the next frame by its header and seal. Returns 1, 0 at the end; -EBADMSG when it is
 * none, or not the one that belongs here, -ENODATA, -EPROTONOSUPPORT: trail_segment_frame();
 * -errno.
 */
int trail_walk_frame(struct trail_walk *walk, const uint8_t *trail_id);

/*
 * The signature, both hashes and the payload of the frame just walked over; without a `public_key`
 * all but the signature. Returns 0, -EBADMSG, -errno.
 */
int trail_walk_check(struct trail_walk *walk, const uint8_t *public_key);
