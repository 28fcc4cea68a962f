/* SPDX-License-Identifier: Apache-2.0 */
/* What a frame shows of itself, whatever the frames before it say: for many threads at once, each
 * with a segment of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "trail/segment.h"

struct trail_look {
	int error;          /* 0; -EBADMSG: see `reason`; -errno */
	const char *reason; /* of -EBADMSG; not owned */
	bool skipped;       /* its payload was not looked at, as was asked */
	/* Where its commit has several frames: the numbers of its events (uint64_t), ascending and
	 * of the commit's range; owned. */
	struct buffer numbers;
	uint8_t hash[TRAIL_HASH_BYTES]; /* as the next frame quotes it */
};

/*
 * Look at the frame that was just read from `segment`: its signature by `key`, and, if it was made
 * at `since_ns` or later, its payload and lines. `look` is zeroed the first time, and can be used
 * again.
 */
void trail_look_at(struct trail_segment *segment, const struct trail_frame *frame,
		   const uint8_t *key, uint64_t since_ns, struct trail_look *look);
void trail_look_free(struct trail_look *look);
