/* SPDX-License-Identifier: Apache-2.0 */
/* A closed segment written anew, and put in the place of the old one: a crash leaves the one or the
 * other. Only who holds the trail's lock may do that. */
#pragma once

#include <stdint.h>

#include "trail/segment.h"

/* Write what is in `segment` to the empty file `fd`, and sync that. Returns 0 or -errno. */
typedef int (*trail_rewrite_function)(void *context, struct trail_segment *segment, int fd);

/* Returns 0; what `rewrite` returned: then nothing was changed; -errno. */
int trail_rewrite(int folder, uint64_t first_frame, trail_rewrite_function rewrite, void *context);

/* Remove what a crash within that left. Returns 0 or -errno. */
int trail_rewrite_forget(int folder);
