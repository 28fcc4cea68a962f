/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closed segments compressed again, harder, several payloads to a zstd frame: docs/trail-format.md,
 * Packing. What was signed stays as it is.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct trail_pack {
	uint64_t before;         /* the segment that is written to: it and what is called later stay
				    as they are; 0: all but the last are closed */
	uint64_t searched;       /* in segments before this one there is nothing to pack */
	bool locked;             /* the caller has the trail's lock: trail/rewrite.h */
	const atomic_bool *stop; /* looked at between two frames; NULL: never */
	/* Of what was packed and of what was left as it is, so far. */
	uint64_t segments, bytes_before, bytes_after;
	uint64_t damaged; /* segments that are not whole: those stay as they are */
};

/* Pack the next segment of the trail in `folder` that is not packed yet. Returns 1 when there was
 * one; 0; -ECANCELED; -errno, as trail_rewrite(): then nothing was changed. */
int trail_pack_next(int folder, struct trail_pack *pack);
