// SPDX-License-Identifier: Apache-2.0
#include "trail/walk.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "trail/sign.h"

/* Whether a frame is the one that belongs here, by its header. */
static bool continues(const struct trail_walk *walk, const struct trail_header *header,
		      const uint8_t *trail_id)
{
	if (memcmp(header->trail_id, trail_id, TRAIL_ID_BYTES) != 0 ||
	    header->frame != walk->next_frame)
		return false;
	if (walk->hash_known && memcmp(header->previous_hash, walk->hash, sizeof(walk->hash)) != 0)
		return false;
	if (walk->commit_left > 0)
		return header->commit_frames == walk->frame.header.commit_frames &&
		       header->commit_index == walk->frame.header.commit_index + 1 &&
		       header->commit_first_event == walk->frame.header.commit_first_event &&
		       header->commit_event_count == walk->frame.header.commit_event_count;
	return header->commit_index == 0 &&
	       (!walk->next_event || header->commit_first_event == walk->next_event);
}

int trail_walk_frame(struct trail_walk *walk, const uint8_t *trail_id)
{
	struct trail_frame frame;
	int r;

	r = trail_segment_frame(walk->segment, walk->offset, &frame);
	if (r <= 0)
		return r;
	if (!continues(walk, &frame.header, trail_id))
		return -EBADMSG;
	r = trail_segment_hash(walk->segment, &frame, walk->hash);
	if (r < 0)
		return r;
	walk->hash_known = true;
	if (walk->offset == 0)
		walk->first_wall_ns = frame.header.wall_ns;
	if (walk->commit_left == 0) {
		walk->commit_begin_frame = frame.header.frame;
		walk->commit_left = frame.header.commit_frames;
		walk->commit_types = 0;
		walk->next_event =
			frame.header.commit_first_event + frame.header.commit_event_count;
	}
	walk->commit_left--;
	walk->commit_types |= frame.header.types;
	walk->next_frame++;
	walk->offset = frame.end_offset;
	walk->frame = frame;
	return 1;
}

int trail_walk_check(struct trail_walk *walk, const uint8_t *public_key)
{
	uint8_t hash[TRAIL_HASH_BYTES];
	const struct buffer *bytes;
	const char *raw;
	size_t length;
	int r;

	r = trail_segment_signed(walk->segment, &walk->frame, &bytes);
	if (r == 0 && public_key)
		r = trail_check_signature(public_key, bytes->data, bytes->length,
					  walk->frame.seal.signature);
	if (r == 0)
		r = trail_segment_check_stored(walk->segment, &walk->frame);
	if (r == 0)
		r = trail_segment_payload(walk->segment, &walk->frame, &raw, &length);
	if (r == 0)
		r = trail_hash(raw, length, hash);
	if (r == 0 && memcmp(hash, walk->frame.header.raw_hash, sizeof(hash)) != 0)
		r = -EBADMSG;
	return r;
}
