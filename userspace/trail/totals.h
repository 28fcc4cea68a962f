/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the summaries of a segment's frames come to: told in the first frame of the segment behind
 * it (TRAIL_TAG_SEGMENT), so that a search passes over a whole segment by one header.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "trail/frame.h"

#define TRAIL_TOTALS_MOST (48u << 10) /* bytes of the element's lists */

struct trail_totals {
	uint64_t first_frame, frame_count; /* 0 frames: there is nothing to tell */
	uint64_t first_event, event_count;
	uint64_t first_ns, last_ns;
	uint32_t incomplete; /* bit N: list N is, in one of the frames */
	uint32_t too_long;   /* bit N: not all of list N is kept here */
	/* Of each list, by its tag: the bytes that it takes, and its values. */
	uint32_t list_bytes[TRAIL_TAG_KEY + 1], list_counts[TRAIL_TAG_KEY + 1];
	struct trail_totals_item *items; /* owned, like all that follows */
	size_t item_count, item_room;
	struct buffer values;
	uint32_t *slots; /* a hash table of indices into `items`, 0 for free, else one more */
	size_t slot_count;
	uint64_t seed; /* of its hash: values come from strangers */
	int error;     /* why they are not those of all frames; 0: they are */
};

/* Begin a segment. Zeroed ones may be cleared; memory stays. trail_totals_free() takes zeroed ones.
 */
void trail_totals_clear(struct trail_totals *totals, uint64_t seed);
void trail_totals_free(struct trail_totals *totals);

/* Add a frame, by its summary. Returns 0; -EBADMSG for a summary that cannot be read; -ENOMEM. Both
 * stick. */
int trail_totals_add(struct trail_totals *totals, const struct trail_header *header);

/* Append the element for the segment behind it; nothing after an error. Those of `out` stick there.
 */
void trail_totals_encode(const struct trail_totals *totals, struct buffer *out);

/* ---- reading */

/*
 * What the first frame of a segment tells of the one before, as if that was one frame: `summary`
 * points into the frame's own, `frame` is the first one's number. Returns 0; -ENOENT when it tells
 * nothing; -EBADMSG.
 */
int trail_totals_decode(const struct trail_header *header, struct trail_header *ret_whole,
			uint64_t *ret_frame_count);

/*
 * Whether what the first frame of a segment tells of the one before is what that came to. Returns
 * 0, also where it tells nothing; -EBADMSG; -ENOMEM.
 */
int trail_totals_check(struct trail_totals *totals, const struct trail_header *header);
