/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trail with the payloads of a window of time alone: all headers and seals are there, so that
 * whoever has the root's key checks the whole chain, and that nothing of the window is missing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "trail/anchor.h"

/* Frames with events from `since_ns` on and before `until_ns`, on the wall clock; and those in
 * which the recorder tells of itself, for what it could see then. */
struct trail_excerpt {
	uint64_t since_ns, until_ns;
	/* The lines of a frame whose payload is kept, in order. Returns 0, or -errno to end. */
	int (*payload)(void *context, const char *data, size_t length);
	void *context;
	/* Set by trail_excerpt(), of the trail: */
	uint64_t segments, frames, events;
	uint64_t kept_frames, kept_events; /* with events in the window, */
	uint64_t gone_frames, gone_events; /* and those of them that were dropped before */
	uint64_t damaged_segments;         /* copied as they lie there */
	uint64_t first_ns, last_ns;        /* when its first frame was made, and its last */
	struct trail_anchor head;          /* its last frame */
};

/*
 * Copy the trail in the folder `from` to the empty folder `to`, up to what is committed. Returns 0;
 * -ENOENT without a segment; -errno.
 */
int trail_excerpt(int from, int to, struct trail_excerpt *excerpt);
