// SPDX-License-Identifier: Apache-2.0
#include "trail/anchor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "trail/checked.h"

bool trail_anchor_is_of(const struct trail_anchor *anchor, const uint8_t *trail_id)
{
	static const uint8_t any[TRAIL_ID_BYTES];

	return memcmp(anchor->trail_id, any, sizeof(any)) == 0 ||
	       memcmp(anchor->trail_id, trail_id, sizeof(any)) == 0;
}

const char *trail_anchor_text(const uint8_t *trail_id, uint64_t frame, const uint8_t *hash,
			      char text[TRAIL_ANCHOR_TEXT_MOST])
{
	char *at = hex_put(text, trail_id, TRAIL_ID_BYTES);

	at += sprintf(at, ":%" PRIu64 ":", frame);
	hex_put(at, hash, TRAIL_HASH_BYTES);
	return text;
}

/* Digits and colons without anything between: an anchor, or something that looks like one. A colon
 * on either side belongs to the text around it. */
static bool parse(const char *word, size_t length, struct trail_anchor *ret_anchor)
{
	char text[TRAIL_ANCHOR_TEXT_MOST], id[2 * TRAIL_ID_BYTES + 1],
		hash[2 * TRAIL_HASH_BYTES + 1];
	struct trail_anchor anchor = {};
	int end = 0;

	for (; length > 0 && *word == ':'; word++)
		length--;
	while (length > 0 && word[length - 1] == ':')
		length--;
	if (length >= sizeof(text))
		return false;
	memcpy(text, word, length);
	text[length] = '\0';
	if (sscanf(text, "%32[0-9a-f]:%20" SCNu64 ":%64[0-9a-f]%n", id, &anchor.frame, hash,
		   &end) != 3 ||
	    (size_t)end != length || anchor.frame == 0 ||
	    !trail_checked_hex(id, anchor.trail_id, sizeof(anchor.trail_id)) ||
	    !trail_checked_hex(hash, anchor.hash, sizeof(anchor.hash)))
		return false;
	*ret_anchor = anchor;
	return true;
}

static size_t word_length(const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && strchr("0123456789abcdef:", text[n]) && text[n])
		n++;
	return n;
}

int trail_anchors_add(struct trail_anchors *anchors, const char *text, size_t length)
{
	int added = 0;

	for (size_t at = 0; at < length;) {
		size_t n = word_length(text + at, length - at);
		struct trail_anchor anchor, *more;

		if (parse(text + at, n, &anchor)) {
			more = reallocarray(anchors->items, anchors->count + 1, sizeof(*more));
			if (!more)
				return -ENOMEM;
			anchors->items = more;
			more[anchors->count++] = anchor;
			added++;
		}
		at += n + 1;
	}
	return added;
}

void trail_anchors_free(struct trail_anchors *anchors)
{
	free(anchors->items);
	*anchors = (struct trail_anchors){};
}
