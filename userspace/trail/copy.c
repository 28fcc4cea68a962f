// SPDX-License-Identifier: Apache-2.0
#include "trail/copy.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "trail/io.h"

#define OUT_BYTES (1u << 20)

struct copy {
	int fd;
	uint64_t at;
	struct buffer out;
};

static int write_out(struct copy *copy)
{
	int r = copy->out.error;

	if (r == 0)
		r = trail_io_write(copy->fd, copy->out.data, copy->out.length, copy->at);
	copy->at += copy->out.length;
	buffer_clear(&copy->out);
	return r;
}

/* [from, to) of the segment. */
static int copy_bytes(struct copy *copy, const struct trail_segment *segment, uint64_t from,
		      uint64_t to)
{
	size_t length = to - from;
	ssize_t n;
	int r = buffer_reserve(&copy->out, length);

	if (r < 0)
		return r;
	n = trail_io_read(segment->fd, copy->out.data + copy->out.length, length, from);
	if (n < 0)
		return (int)n;
	if ((size_t)n != length)
		return -EBADMSG;
	copy->out.length += length;
	return copy->out.length >= OUT_BYTES ? write_out(copy) : 0;
}

static int copy_header(struct copy *copy, const struct trail_segment *segment,
		       const struct trail_frame *frame)
{
	struct trail_seal seal = frame->seal;
	int r = copy_bytes(copy, segment, frame->offset, frame->stored_offset);

	if (r < 0)
		return r;
	seal.stored_kind = TRAIL_STORED_PRUNED;
	seal.stored_length = 0;
	memset(seal.stored_hash, 0, sizeof(seal.stored_hash));
	trail_seal_encode(&seal, &copy->out);
	return copy->out.error;
}

int trail_copy(struct trail_segment *segment, int fd, trail_copy_function choose, void *context)
{
	struct copy copy = { .fd = fd };
	struct trail_frame frame;
	uint64_t offset = 0;
	int r;

	while ((r = trail_segment_frame(segment, offset, &frame)) > 0) {
		r = choose(context, &frame);
		if (r == TRAIL_COPY_WHOLE)
			r = copy_bytes(&copy, segment, frame.offset, frame.end_offset);
		else if (r == TRAIL_COPY_HEADER)
			r = copy_header(&copy, segment, &frame);
		if (r < 0)
			break;
		offset = frame.end_offset;
	}
	if (r == 0)
		r = write_out(&copy);
	buffer_free(&copy.out);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	return trail_io_sync(fd);
}
