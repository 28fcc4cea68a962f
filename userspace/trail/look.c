// SPDX-License-Identifier: Apache-2.0
#include "trail/look.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "trail/sign.h"

static int bad(struct trail_look *look, const char *reason)
{
	look->reason = reason;
	return -EBADMSG;
}

static int check_signature(struct trail_segment *segment, const struct trail_frame *frame,
			   const uint8_t *key, struct trail_look *look)
{
	const struct buffer *bytes;
	int r;

	r = trail_segment_signed(segment, frame, &bytes);
	if (r < 0)
		return r;
	r = trail_check_signature(key, bytes->data, bytes->length, frame->seal.signature);
	if (r != -EBADMSG)
		return r;
	return bad(look, frame->header.frame == 1
				 ? "the signature of the first frame is not by the root key"
				 : "the signature is not by the key that the frame before names");
}

/* The lines carry ascending numbers of the commit's range, and are as many as the header says. */
static int check_lines(const struct trail_header *header, const char *raw, size_t length,
		       struct trail_look *look)
{
	uint64_t count = 0, least = header->first_event, sequence;
	const char *end = raw + length;
	char id16[17];

	hex_put(id16, header->trail_id, 8);
	while (raw < end) {
		const char *newline = memchr(raw, '\n', (size_t)(end - raw));

		if (!newline || newline - raw > (ptrdiff_t)TRAIL_LINE_MOST ||
		    trail_line_sequence(raw, (size_t)(newline - raw), id16, &sequence) < 0)
			return -EBADMSG;
		if (sequence < least || (count == 0 && sequence != header->first_event) ||
		    sequence - header->commit_first_event >= header->commit_event_count)
			return -EBADMSG;
		if (header->commit_frames > 1)
			buffer_append(&look->numbers, &sequence, sizeof(sequence));
		least = sequence + 1;
		count++;
		raw = newline + 1;
	}
	return count == header->event_count ? look->numbers.error : -EBADMSG;
}

static int check_payload(struct trail_segment *segment, const struct trail_frame *frame,
			 struct trail_look *look)
{
	uint8_t hash[TRAIL_HASH_BYTES];
	const char *raw;
	size_t length;
	int r;

	r = trail_segment_check_stored(segment, frame);
	if (r < 0)
		return r == -EBADMSG ? bad(look, "the stored bytes were changed") : r;
	r = trail_segment_payload(segment, frame, &raw, &length);
	if (r < 0)
		return r == -EBADMSG ? bad(look, "the payload cannot be decompressed") : r;
	r = trail_hash(raw, length, hash);
	if (r < 0)
		return r;
	if (memcmp(hash, frame->header.raw_hash, sizeof(hash)) != 0)
		return bad(look, "the payload is not the one that was signed");
	r = check_lines(&frame->header, raw, length, look);
	return r == -EBADMSG ? bad(look, "the numbers of the events are not those of the header")
			     : r;
}

void trail_look_at(struct trail_segment *segment, const struct trail_frame *frame,
		   const uint8_t *key, uint64_t since_ns, struct trail_look *look)
{
	bool pruned = frame->seal.stored_kind == TRAIL_STORED_PRUNED;

	look->reason = NULL;
	look->skipped = !pruned && frame->header.wall_ns < since_ns;
	buffer_clear(&look->numbers);
	look->error = check_signature(segment, frame, key, look);
	if (look->error == 0 && !pruned && !look->skipped)
		look->error = check_payload(segment, frame, look);
	if (look->error == 0)
		look->error = trail_segment_hash(segment, frame, look->hash);
}

void trail_look_free(struct trail_look *look)
{
	buffer_free(&look->numbers);
}
