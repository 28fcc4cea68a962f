/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment written anew with other payloads, or with the same ones stored otherwise: headers,
 * signatures and what they sign stay as they are.
 */
#pragma once

#include <stdatomic.h>

#include "trail/segment.h"

enum trail_copy_choice {
	TRAIL_COPY_WHOLE,  /* the frame as it is */
	TRAIL_COPY_HEADER, /* HEADER and SEAL, the payload dropped */
};

/* What to do with a frame: an enum trail_copy_choice, or -errno to end. */
typedef int (*trail_copy_function)(void *context, const struct trail_frame *frame);

/*
 * Write the frames of `segment`, up to its limit, to the empty file `fd`, and sync that. Of
 * payloads that are packed together those that are kept are packed again, where some are
 * dropped. Returns 0; -EBADMSG when what is there is damaged; what `choose` returned; -errno.
 */
int trail_copy(struct trail_segment *segment, int fd, trail_copy_function choose, void *context);

/*
 * The same with all payloads, several to a zstd frame (docs/trail-format.md, Packing). Each is
 * compared with its hash before. Returns 0, -EBADMSG, -ECANCELED when `*stop` is set, -errno.
 */
int trail_copy_packed(struct trail_segment *segment, int fd, const atomic_bool *stop);

/* Whether trail_copy_packed() would find anything to pack. Returns 1, 0, -ECANCELED, -errno. */
int trail_copy_would_pack(struct trail_segment *segment, const atomic_bool *stop);
