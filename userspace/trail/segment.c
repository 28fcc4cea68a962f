// SPDX-License-Identifier: Apache-2.0
#include "trail/segment.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "base/cleanup.h"
#include "trail/io.h"
#include "trail/sign.h"

int trail_segment_open(int folder, const char *name, struct trail_segment *ret_segment)
{
	_cleanup_close_ int fd = -1;
	uint64_t length;
	int r;

	*ret_segment = (struct trail_segment){ .fd = -1 };
	fd = trail_io_open(folder, name, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	r = trail_io_length(fd, &length);
	if (r < 0)
		return r;
	ret_segment->fd = TAKE_FD(fd);
	ret_segment->limit = length;
	return 0;
}

void trail_segment_close(struct trail_segment *segment)
{
	if (segment->fd > 0 && !segment->borrowed)
		close(segment->fd);
	buffer_free(&segment->header);
	buffer_free(&segment->stored);
	buffer_free(&segment->raw);
	buffer_free(&segment->signed_bytes);
	ZSTD_freeDCtx(segment->decompressor);
	free(segment->packed);
	*segment = (struct trail_segment){ .fd = -1 };
}

void trail_segment_borrow(struct trail_segment *segment, const struct trail_segment *other)
{
	segment->fd = other->fd;
	segment->borrowed = true;
	trail_segment_set_limit(segment, other->limit);
}

void trail_segment_set_limit(struct trail_segment *segment, uint64_t limit)
{
	segment->limit = limit;
	/* The window may hold bytes from behind the old limit, read before they were written. */
	segment->window_length = 0;
	buffer_clear(&segment->stored);
	buffer_clear(&segment->raw);
	segment->raw_failed = false;
	if (segment->packed)
		segment->packed->known = 0;
}

static int read_exactly(struct trail_segment *segment, uint64_t offset, void *data, size_t length)
{
	ssize_t n;

	if (offset > segment->limit || segment->limit - offset < length)
		return -ENODATA;
	n = trail_io_read(segment->fd, data, length, offset);
	if (n < 0)
		return (int)n;
	return (size_t)n == length ? 0 : -ENODATA;
}

/* Small reads that lie close together: a SEAL and the HEADER behind it come with one system call.
 */
static int read_window(struct trail_segment *segment, uint64_t offset, void *data, size_t length)
{
	if (offset > segment->limit || segment->limit - offset < length)
		return -ENODATA;
	if (length > TRAIL_WINDOW_BYTES)
		return read_exactly(segment, offset, data, length);
	if (offset < segment->window_offset ||
	    offset + length > segment->window_offset + segment->window_length) {
		uint64_t left = segment->limit - offset;
		ssize_t n = trail_io_read(segment->fd, segment->window,
					  left < TRAIL_WINDOW_BYTES ? left : TRAIL_WINDOW_BYTES,
					  offset);

		segment->window_length = 0;
		if (n < 0)
			return (int)n;
		segment->window_offset = offset;
		segment->window_length = (size_t)n;
		if ((size_t)n < length)
			return -ENODATA;
	}
	memcpy(data, segment->window + (offset - segment->window_offset), length);
	return 0;
}

struct stored_context {
	struct trail_segment *segment;
	uint64_t offset;
};

/* Block headers lie far apart: read alone, they do not drag the payload through memory. */
static int read_stored(void *context, uint64_t offset, void *data, size_t length)
{
	struct stored_context *stored = context;
	struct trail_segment *segment = stored->segment;
	uint64_t at = stored->offset + offset;

	if (at >= segment->window_offset &&
	    at + length <= segment->window_offset + segment->window_length)
		return read_window(segment, at, data, length);
	return read_exactly(segment, at, data, length);
}

static int read_header(struct trail_segment *segment, uint64_t offset,
		       struct trail_header *ret_header)
{
	uint8_t head[TRAIL_SKIPPABLE_BYTES];
	size_t length;
	int r;

	r = read_window(segment, offset, head, sizeof(head));
	if (r < 0)
		return r;
	r = trail_skippable_length(head, TRAIL_MAGIC_HEADER, TRAIL_HEADER_MOST, &length);
	if (r < 0)
		return r;
	buffer_clear(&segment->header);
	r = buffer_reserve(&segment->header, length);
	if (r < 0)
		return r;
	r = read_window(segment, offset, segment->header.data, length);
	if (r < 0)
		return r;
	segment->header.length = length;
	return trail_header_decode((const uint8_t *)segment->header.data, length, ret_header);
}

/* The length of what lies between HEADER and SEAL: a zstd frame, or nothing. */
static int find_stored(struct trail_segment *segment, uint64_t offset, uint64_t *ret_length)
{
	struct stored_context context = { segment, offset };
	uint64_t most = segment->limit - offset;
	uint8_t head[TRAIL_SKIPPABLE_BYTES];
	size_t length;
	int r;

	r = read_window(segment, offset, head, sizeof(head));
	if (r < 0)
		return r;
	if (trail_skippable_length(head, TRAIL_MAGIC_SEAL, TRAIL_HEADER_MOST, &length) == 0) {
		*ret_length = 0;
		return 0;
	}
	r = trail_zstd_length(read_stored, &context, TRAIL_STORED_MOST, ret_length);
	return r == 0 && *ret_length > most ? -ENODATA : r;
}

static bool seal_agrees(const struct trail_seal *seal, uint64_t stored_length)
{
	static const uint8_t none[TRAIL_HASH_BYTES];

	if (seal->stored_length != stored_length)
		return false;
	if (seal->stored_kind == TRAIL_STORED_ALONE || seal->stored_kind == TRAIL_STORED_PACKED)
		return stored_length > 0;
	return stored_length == 0 && memcmp(seal->stored_hash, none, sizeof(none)) == 0;
}

/* Where each payload of a zstd frame of several is, is known by those before it. */
static int add_member(struct trail_packed *packed, const struct trail_frame *frame, uint64_t raw_at)
{
	if (frame->header.raw_length > TRAIL_PACKED_RAW_MOST - raw_at)
		return -EBADMSG;
	packed->members[packed->known++] =
		(struct trail_packed_member){ frame->offset, frame->end_offset, raw_at,
					      raw_at + frame->header.raw_length };
	return 0;
}

static int begin_packed(struct trail_segment *segment, const struct trail_frame *frame)
{
	struct trail_packed *packed = segment->packed ?: malloc(sizeof(*packed));

	if (!packed)
		return -ENOMEM;
	segment->packed = packed;
	packed->known = 0;
	packed->count = frame->seal.stored_count;
	packed->stored_offset = frame->stored_offset;
	packed->stored_length = frame->stored_length;
	memcpy(packed->stored_hash, frame->seal.stored_hash, sizeof(packed->stored_hash));
	return add_member(packed, frame, 0);
}

static int find_within(struct trail_segment *segment, struct trail_frame *frame)
{
	struct trail_packed *packed = segment->packed;
	unsigned int index = frame->seal.stored_count;
	const struct trail_packed_member *before;
	int r = 0;

	/* One that was read before, or the next one. */
	if (!packed || packed->known == 0 || index > packed->known || index >= packed->count)
		return 0;
	before = &packed->members[index - 1];
	if (before->end_offset != frame->offset)
		return 0;
	if (index == packed->known)
		r = add_member(packed, frame, before->raw_end);
	frame->payload_offset = packed->stored_offset;
	frame->payload_length = packed->stored_length;
	frame->payload_at = before->raw_end;
	return r;
}

static int find_payload(struct trail_segment *segment, struct trail_frame *frame)
{
	switch (frame->seal.stored_kind) {
	case TRAIL_STORED_PRUNED:
		return 0;
	case TRAIL_STORED_WITHIN:
		return find_within(segment, frame);
	default:
		frame->payload_offset = frame->stored_offset;
		frame->payload_length = frame->stored_length;
		return frame->seal.stored_kind == TRAIL_STORED_PACKED ? begin_packed(segment, frame)
								      : 0;
	}
}

int trail_segment_frame(struct trail_segment *segment, uint64_t offset,
			struct trail_frame *ret_frame)
{
	struct trail_frame frame = { .offset = offset };
	uint8_t seal[TRAIL_SEAL_BYTES];
	int r;

	if (offset == segment->limit)
		return 0;
	r = read_header(segment, offset, &frame.header);
	if (r < 0)
		return r;
	frame.stored_offset = offset + segment->header.length;
	r = find_stored(segment, frame.stored_offset, &frame.stored_length);
	if (r < 0)
		return r;
	r = read_window(segment, frame.stored_offset + frame.stored_length, seal, sizeof(seal));
	if (r < 0)
		return r;
	r = trail_seal_decode(seal, sizeof(seal), &frame.seal);
	if (r < 0)
		return r;
	if (!seal_agrees(&frame.seal, frame.stored_length))
		return -EBADMSG;
	frame.end_offset = frame.stored_offset + frame.stored_length + sizeof(seal);
	r = find_payload(segment, &frame);
	if (r < 0)
		return r;
	*ret_frame = frame;
	return 1;
}

#define MARK_BYTES 16 /* a skippable frame's magic and length, then the magic of what is in it */

int trail_segment_find(struct trail_segment *segment, uint32_t magic, const char *what,
		       uint64_t *offset, uint64_t end)
{
	unsigned char bytes[64 << 10];
	uint32_t wanted = htole32(magic);

	while (*offset < end) {
		ssize_t length = trail_io_read(segment->fd, bytes, sizeof(bytes), *offset);

		if (length < MARK_BYTES)
			return length < 0 ? (int)length : 0;
		for (ssize_t i = 0; i + MARK_BYTES <= length; i++)
			if (memcmp(bytes + i, &wanted, sizeof(wanted)) == 0 &&
			    memcmp(bytes + i + 8, what, 8) == 0) {
				*offset += (uint64_t)i;
				return 1;
			}
		*offset += (uint64_t)length - MARK_BYTES + 1;
	}
	return 0;
}

int trail_segment_signed(struct trail_segment *segment, const struct trail_frame *frame,
			 const struct buffer **ret_bytes)
{
	buffer_clear(&segment->signed_bytes);
	trail_signed_bytes((const uint8_t *)segment->header.data, segment->header.length,
			   frame->seal.next_public_key, &segment->signed_bytes);
	*ret_bytes = &segment->signed_bytes;
	return segment->signed_bytes.error;
}

int trail_segment_hash(struct trail_segment *segment, const struct trail_frame *frame,
		       uint8_t *ret_hash)
{
	const struct buffer *bytes;
	int r = trail_segment_signed(segment, frame, &bytes);

	return r < 0 ? r : trail_hash(bytes->data, bytes->length, ret_hash);
}

static int load_stored(struct trail_segment *segment, const struct trail_frame *frame)
{
	int r;

	if (frame->payload_length == 0)
		return -EBADMSG;
	if (segment->stored.length > 0 && segment->stored_offset == frame->payload_offset)
		return 0;
	buffer_clear(&segment->stored);
	segment->stored_checked = false;
	r = buffer_reserve(&segment->stored, frame->payload_length);
	if (r < 0)
		return r;
	r = read_exactly(segment, frame->payload_offset, segment->stored.data,
			 frame->payload_length);
	if (r < 0)
		return r;
	segment->stored.length = frame->payload_length;
	segment->stored_offset = frame->payload_offset;
	return 0;
}

int trail_segment_read_part(const struct trail_segment *segment, const struct trail_frame *frame,
			    struct trail_segment *part)
{
	int r;

	trail_segment_borrow(part, segment);
	r = load_stored(part, frame);
	part->fd = -1;
	return r;
}

int trail_segment_check_stored(struct trail_segment *segment, const struct trail_frame *frame)
{
	const uint8_t *expected = frame->seal.stored_kind == TRAIL_STORED_WITHIN && segment->packed
					  ? segment->packed->stored_hash
					  : frame->seal.stored_hash;
	uint8_t hash[TRAIL_HASH_BYTES];
	int r;

	if (frame->seal.stored_kind == TRAIL_STORED_PRUNED)
		return 0;
	r = load_stored(segment, frame);
	if (r < 0 || segment->stored_checked)
		return r;
	r = trail_hash(segment->stored.data, segment->stored.length, hash);
	if (r < 0)
		return r;
	segment->stored_checked = memcmp(hash, expected, sizeof(hash)) == 0;
	return segment->stored_checked ? 0 : -EBADMSG;
}

/* What is stored, into `raw`: all payloads that are in it. */
static int decompress(struct trail_segment *segment, const struct trail_frame *frame)
{
	unsigned long long length =
		ZSTD_getFrameContentSize(segment->stored.data, segment->stored.length);
	bool alone = frame->seal.stored_kind == TRAIL_STORED_ALONE;
	size_t n;
	int r;

	if (alone ? length != frame->header.raw_length : length > TRAIL_PACKED_RAW_MOST)
		return -EBADMSG;
	buffer_clear(&segment->raw);
	r = buffer_reserve(&segment->raw, (size_t)length + 1);
	if (r < 0)
		return r;
	if (!segment->decompressor)
		segment->decompressor = ZSTD_createDCtx();
	if (!segment->decompressor)
		return -ENOMEM;
	n = ZSTD_decompressDCtx(segment->decompressor, segment->raw.data, (size_t)length,
				segment->stored.data, segment->stored.length);
	if (ZSTD_isError(n) || n != length)
		return -EBADMSG;
	segment->raw.length = (size_t)length;
	return 0;
}

int trail_segment_payload(struct trail_segment *segment, const struct trail_frame *frame,
			  const char **ret_data, size_t *ret_length)
{
	size_t length = frame->header.raw_length;
	int r;

	if (frame->seal.stored_kind == TRAIL_STORED_PRUNED)
		return -ENODATA;
	r = load_stored(segment, frame);
	if (r == 0 && segment->raw_failed && segment->raw_offset == frame->payload_offset)
		r = -EBADMSG;
	if (r == 0 && (segment->raw.length == 0 || segment->raw_offset != frame->payload_offset)) {
		r = decompress(segment, frame);
		segment->raw_failed = r == -EBADMSG;
		segment->raw_offset = frame->payload_offset;
	}
	if (r < 0)
		return r;
	if (frame->payload_at > segment->raw.length ||
	    length > segment->raw.length - frame->payload_at)
		return -EBADMSG;
	*ret_data = segment->raw.data + frame->payload_at;
	*ret_length = length;
	return 0;
}

int trail_segment_check_packed(struct trail_segment *segment, const struct trail_frame *last,
			       bool payload)
{
	const struct trail_packed *packed = segment->packed;
	const char *data;
	size_t length;
	int r;

	if (last->seal.stored_kind != TRAIL_STORED_WITHIN || !packed ||
	    packed->known != packed->count || last->seal.stored_count + 1 != packed->count)
		return -EBADMSG;
	r = payload ? trail_segment_payload(segment, last, &data, &length) : 0;
	if (r < 0 || !payload)
		return r;
	return last->payload_at + length == segment->raw.length ? 0 : -EBADMSG;
}
