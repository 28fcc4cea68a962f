/* SPDX-License-Identifier: Apache-2.0 */
/* A segment written anew with fewer payloads: headers, seals and signatures stay as they are. */
#pragma once

#include "trail/segment.h"

enum trail_copy_choice {
	TRAIL_COPY_WHOLE,  /* the frame as it is */
	TRAIL_COPY_HEADER, /* HEADER and SEAL, the payload dropped */
};

/* What to do with a frame: an enum trail_copy_choice, or -errno to end. */
typedef int (*trail_copy_function)(void *context, const struct trail_frame *frame);

/*
 * Write the frames of `segment`, up to its limit, to the empty file `fd`, and sync that. Returns 0;
 * -EBADMSG when what is there is damaged; what `choose` returned; -errno.
 */
int trail_copy(struct trail_segment *segment, int fd, trail_copy_function choose, void *context);
