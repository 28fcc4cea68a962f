/* SPDX-License-Identifier: Apache-2.0 */
/* A closed segment written anew, and put in the place of the old one: a crash leaves the one or the
 * other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trail/segment.h"

struct trail_rewrite {
	/* Write what is in `segment` to the empty file `fd`, and sync that. Returns 0 or -errno. */
	int (*write)(void *context, struct trail_segment *segment, int fd);
	void *context;
	/* The caller has the trail's lock. Otherwise it is taken while the new one takes the old
	 * one's place, where that is still what was read. */
	bool locked;
};

/* Returns 0; what `write` returned; -EBUSY where another has the lock; -ESTALE where the segment is
 * another one by now; -errno. But for 0 nothing was changed. */
int trail_rewrite(int folder, uint64_t first_frame, const struct trail_rewrite *rewrite);

/* Remove what a crash within that left. Returns 0 or -errno. */
int trail_rewrite_forget(int folder);
