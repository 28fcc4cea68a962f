/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long payloads are kept, and the note that says which are gone: docs/trail-format.md,
 * "Retention". Headers and seals stay for ever.
 */
#pragma once

#include <stdint.h>

#include "trail/frame.h"

#define TRAIL_NEVER UINT64_MAX

/*
 * For how long after it was made a frame of a class keeps its payload at least, in ns; TRAIL_NEVER:
 * for ever. Signed while it is in force: a frame's are those that were told last, in it or before.
 */
struct trail_retention {
	uint64_t floor_ns[TRAIL_CLASSES];
};

/* Payloads of frames of a class before this one may be gone; 0: none may. */
struct trail_pruned {
	uint64_t before_frame[TRAIL_CLASSES];
};

/* When the payload of a frame may be dropped, on the wall clock; TRAIL_NEVER. */
uint64_t trail_retention_due(const struct trail_retention *retention,
			     const struct trail_header *header);

/* The elements of a summary: append them; find them. Returns 0; -ENOENT when there is none;
 * -EBADMSG. */
void trail_retention_encode(const struct trail_retention *retention, struct buffer *out);
int trail_retention_decode(const struct trail_header *header,
			   struct trail_retention *ret_retention);
void trail_pruned_encode(const struct trail_pruned *pruned, struct buffer *out);
int trail_pruned_decode(const struct trail_header *header, struct trail_pruned *ret_pruned);
