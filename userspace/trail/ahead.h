/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a log, looked at by several threads ahead of the one who takes them in order. At
 * most TRAIL_AHEAD_BYTES of payloads are held at a time, or a single one.
 */
#pragma once

#include "trail/look.h"

#define TRAIL_AHEAD_BYTES (256u << 20)

struct trail_ahead;

/* `threads` as base/ahead.h says; payloads that were made before `since_ns` are not looked at.
 * Returns 0 or -ENOMEM. */
int trail_ahead_new(unsigned int threads, uint64_t since_ns, struct trail_ahead **ret_ahead);
/* Takes NULL. */
void trail_ahead_free(struct trail_ahead *ahead);

/* Begin at the start of `segment`, which must stay open until trail_ahead_stop(); `key` checks its
 * first frame. */
void trail_ahead_begin(struct trail_ahead *ahead, const struct trail_segment *segment,
		       const uint8_t *key);

/* Nobody reads it any more. */
void trail_ahead_stop(struct trail_ahead *ahead);

/* The next frame, and what was seen of it, both until the next call. Returns as
 * trail_segment_frame(). */
int trail_ahead_next(struct trail_ahead *ahead, const struct trail_frame **ret_frame,
		     const struct trail_look **ret_look);
