/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What still verifies of a trail that is damaged. Payloads that are gone break no chain, for the
 * hash of each is signed in its header. Behind a header that is gone a new run of frames begins,
 * which nothing connects with the root: it counts as far as an anchor confirms its end, since each
 * frame names the hash of the one before. A key state proves nothing of it: whoever made up the
 * frames made up the key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/verify.h"

/* Frames one behind the other, each continuing the one before and signed as that says. */
struct trail_run {
	uint64_t first_frame, last_frame;  /* of those that are shown, or of all where none is */
	bool from_root, anchored;          /* what proves them; neither: nothing does */
	uint64_t events;                   /* shown */
	uint64_t lost_frames, lost_events; /* whose payload is not what was signed, or is gone */
};

struct trail_salvage_options {
	const uint8_t *root; /* of frame 1; NULL: the folder's own root.pub */
	const struct trail_anchor *anchors;
	size_t anchor_count;
	/* The lines of a frame that is proven, in order. Returns 0, or -errno to end. */
	int (*payload)(void *context, const char *data, size_t length);
	/* A run has ended; nothing was shown of one that is not proven. Returns 0 or -errno. */
	int (*run)(void *context, const struct trail_run *run);
	void *context;
};

#define TRAIL_RUNS_MOST 4096 /* whoever writes garbage makes many: -E2BIG behind these */

/* Memory is bounded: the runs, and one frame. Returns 0; -ENOENT without a segment; -errno. */
int trail_salvage(const char *folder, const struct trail_salvage_options *options);
