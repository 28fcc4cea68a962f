/* SPDX-License-Identifier: Apache-2.0 */
/* The trails that were set aside before the one that is verified: each against what its successor
 * quotes of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "trail/verify.h"

struct verify_old {
	char folder[sizeof(TRAIL_OLD_FOLDER) + TRAIL_OLD_NAME_BYTES]; /* in the trail's; "": gone */
	struct trail_old_head quoted;
	struct trail_verdict verdict; /* where it is there */
};

struct verify_olds {
	struct verify_old *items; /* owned */
	size_t count;
	size_t unused_anchors; /* of neither the successor nor any of them */
};

/*
 * Verify what `successor` quotes, what that quotes, and so on; of `how` the anchors and the
 * progress are used. Owned by the caller. Returns 0 or -errno.
 */
int verify_old(const char *trail, const struct trail_verdict *successor,
	       const struct trail_verify_options *how, struct verify_olds *ret_olds);
