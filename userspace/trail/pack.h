/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closed segments compressed again, harder, several payloads to a zstd frame: docs/trail-format.md,
 * Packing. What was signed stays as it is. Only who holds the trail's lock may do that.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct trail_pack {
	uint64_t searched;       /* in segments before this one there is nothing to pack */
	const atomic_bool *stop; /* looked at between two frames; NULL: never */
	/* Of what was packed and of what was left as it is, so far. */
	uint64_t segments, bytes_before, bytes_after;
	uint64_t damaged; /* segments that are not whole: those stay as they are */
};

/* Pack the next segment of the trail in `folder` that is not packed yet. Returns 1 when there was
 * one; 0; -ECANCELED; -errno: then nothing was changed. */
int trail_pack_next(int folder, struct trail_pack *pack);
