// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a segment: what is taken for a frame lies within the file, is written so that it
 * reads the same again, and its payload is as long as it says.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "trail/frame.h"
#include "trail/segment.h"
#include "trail/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_BYTES (1u << 20)

/* What was read is written so that it reads the same. (Reserved bytes are signed, and passed over.)
 */
static void check_header(const struct trail_header *header, size_t length)
{
	_cleanup_buffer_ struct buffer first = {}, second = {};
	struct trail_header again;

	trail_header_encode(header, &first);
	if (first.length != length ||
	    trail_header_decode((const uint8_t *)first.data, first.length, &again) < 0)
		abort();
	trail_header_encode(&again, &second);
	if (second.length != length || memcmp(first.data, second.data, length) != 0)
		abort();
}

static void check_frame(struct trail_segment *segment, const struct trail_frame *frame,
			const uint8_t *data, size_t size)
{
	_cleanup_buffer_ struct buffer again = {};
	const char *raw;
	size_t length, header = frame->stored_offset - frame->offset;

	if (frame->end_offset > size || frame->stored_offset <= frame->offset ||
	    frame->stored_offset + frame->stored_length + TRAIL_SEAL_BYTES != frame->end_offset)
		abort();
	check_header(&frame->header, header);
	trail_seal_encode(&frame->seal, &again);
	if (again.length != TRAIL_SEAL_BYTES ||
	    memcmp(again.data, data + frame->end_offset - TRAIL_SEAL_BYTES, again.length) != 0)
		abort();
	/* A payload of many MiB is a matter of memory, not of parsing. */
	if (frame->header.raw_length > MOST_BYTES)
		return;
	if (trail_segment_payload(segment, frame, &raw, &length) >= 0 &&
	    (length != frame->header.raw_length || (length > 0 && !memchr(raw, raw[0], length))))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trail_segment segment = { .fd = memfd_create("segment", MFD_CLOEXEC) };
	struct trail_frame frame;
	uint64_t offset = 0;

	if (segment.fd < 0 || write(segment.fd, data, size) != (ssize_t)size)
		abort();
	trail_segment_set_limit(&segment, size);
	while (trail_segment_frame(&segment, offset, &frame) > 0) {
		if (frame.offset != offset || frame.end_offset <= offset)
			abort();
		offset = frame.end_offset;
		check_frame(&segment, &frame, data, size);
	}
	trail_segment_close(&segment);
	return 0;
}
