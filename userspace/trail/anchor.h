/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors: frames of which is known from elsewhere that they were there. As text they are
 * TRAIL:FRAME:HASH, with 32 and 64 hexadecimal digits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/format.h"

struct trail_anchor {
	uint8_t trail_id[TRAIL_ID_BYTES]; /* zeros: of any trail */
	uint64_t frame;
	uint8_t hash[TRAIL_HASH_BYTES];
	bool last; /* and that there was none behind it: it then proves the end, as the key does */
};

/* Whether it is about the trail with this id. */
bool trail_anchor_is_of(const struct trail_anchor *anchor, const uint8_t *trail_id);

/* As text; room for it, with its zero. */
#define TRAIL_ANCHOR_TEXT_MOST (2 * TRAIL_ID_BYTES + 1 + 20 + 1 + 2 * TRAIL_HASH_BYTES + 1)
const char *trail_anchor_text(const uint8_t *trail_id, uint64_t frame, const uint8_t *hash,
			      char text[TRAIL_ANCHOR_TEXT_MOST]);

struct trail_anchors {
	struct trail_anchor *items; /* owned */
	size_t count;
};

/*
 * Add every anchor that stands in a text, whatever is around it: lines of a journal, a mail.
 * Returns how many, or -ENOMEM.
 */
int trail_anchors_add(struct trail_anchors *anchors, const char *text, size_t length);
void trail_anchors_free(struct trail_anchors *anchors);
