// SPDX-License-Identifier: Apache-2.0
#include "trail/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "trail/io.h"
#include "trail/sign.h"

#define OUT_BYTES (1u << 20)

/* What is packed together: more of it is smaller, and has to be decompressed for each of it. */
#define PACKED_BYTES (8u << 20)
#define PACKED_LEVEL 19
#define FAST_LEVEL   3

/* Frames that are stored together, in the old segment or in the new one. */
struct together {
	struct trail_frame frames[TRAIL_PACKED_MOST];
	int choices[TRAIL_PACKED_MOST];
	unsigned int count;
	uint64_t raw_bytes;
};

struct copy {
	struct trail_segment *segment;
	int fd;
	uint64_t at;
	struct buffer out;
	ZSTD_CCtx *compressor;
	struct together *together;
	struct buffer raw; /* of those that are packed now */
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
static int copy_bytes(struct copy *copy, uint64_t from, uint64_t to)
{
	size_t length = to - from;
	ssize_t n;
	int r = buffer_reserve(&copy->out, length);

	if (r < 0)
		return r;
	n = trail_io_read(copy->segment->fd, copy->out.data + copy->out.length, length, from);
	if (n < 0)
		return (int)n;
	if ((size_t)n != length)
		return -EBADMSG;
	copy->out.length += length;
	return copy->out.length >= OUT_BYTES ? write_out(copy) : 0;
}

static int copy_frame(struct copy *copy, const struct trail_frame *frame)
{
	return copy_bytes(copy, frame->offset, frame->end_offset);
}

/* HEADER and SEAL, with no bytes in between. */
static int copy_header(struct copy *copy, const struct trail_frame *frame, enum trail_stored kind,
		       uint32_t count)
{
	struct trail_seal seal = frame->seal;
	int r = copy_bytes(copy, frame->offset, frame->stored_offset);

	if (r < 0)
		return r;
	seal.stored_kind = kind;
	seal.stored_count = count;
	seal.stored_length = 0;
	memset(seal.stored_hash, 0, sizeof(seal.stored_hash));
	trail_seal_encode(&seal, &copy->out);
	return copy->out.error;
}

/* HEADER, `raw` compressed, SEAL. */
static int copy_compressed(struct copy *copy, const struct trail_frame *frame,
			   enum trail_stored kind, uint32_t count, struct text raw, int level)
{
	struct trail_seal seal = frame->seal;
	int r = copy_bytes(copy, frame->offset, frame->stored_offset);
	size_t most = ZSTD_compressBound(raw.length), n;
	char *to;

	if (r == 0)
		r = buffer_reserve(&copy->out, most);
	if (r < 0)
		return r;
	if (!copy->compressor)
		copy->compressor = ZSTD_createCCtx();
	if (!copy->compressor)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(copy->compressor, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(copy->compressor, ZSTD_c_checksumFlag, 1);
	to = copy->out.data + copy->out.length;
	n = ZSTD_compress2(copy->compressor, to, most, raw.data, raw.length);
	if (ZSTD_isError(n))
		return -ENOMEM;
	seal.stored_kind = kind;
	seal.stored_count = count;
	seal.stored_length = n;
	r = trail_hash(to, n, seal.stored_hash);
	if (r < 0)
		return r;
	copy->out.length += n;
	trail_seal_encode(&seal, &copy->out);
	return copy->out.length >= OUT_BYTES ? write_out(copy) : copy->out.error;
}

static int finish(struct copy *copy, int r)
{
	if (r == 0)
		r = write_out(copy);
	buffer_free(&copy->out);
	buffer_free(&copy->raw);
	ZSTD_freeCCtx(copy->compressor);
	free(copy->together);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	return trail_io_sync(copy->fd);
}

static int begin(struct copy *copy, struct trail_segment *segment, int fd)
{
	*copy = (struct copy){ .segment = segment,
			       .fd = fd,
			       .together = calloc(1, sizeof(*copy->together)) };
	return copy->together ? 0 : -ENOMEM;
}

/* ---- with fewer payloads */

/* Nothing is packed that is not what was signed: damage is evidence, and stays as it is. */
static int add_payload(struct copy *copy, const struct trail_frame *frame)
{
	uint8_t hash[TRAIL_HASH_BYTES];
	const char *data;
	size_t length;
	int r = trail_segment_payload(copy->segment, frame, &data, &length);

	if (r == 0)
		r = trail_hash(data, length, hash);
	if (r == 0 && memcmp(hash, frame->header.raw_hash, sizeof(hash)) != 0)
		r = -EBADMSG;
	if (r < 0)
		return r;
	buffer_append(&copy->raw, data, length);
	return copy->raw.error;
}

static bool keeps_all(const struct together *together)
{
	for (unsigned int i = 0; i < together->count; i++)
		if (together->choices[i] != TRAIL_COPY_WHOLE)
			return false;
	return true;
}

/* Payloads that are kept, side by side, of those that were packed together: packed again, but
 * faster. */
static int pack_kept(struct copy *copy, const struct trail_frame *frames, unsigned int count)
{
	int r = 0;

	buffer_clear(&copy->raw);
	for (unsigned int i = 0; r == 0 && i < count; i++)
		r = add_payload(copy, &frames[i]);
	if (r == 0)
		r = copy_compressed(copy, &frames[0],
				    count > 1 ? TRAIL_STORED_PACKED : TRAIL_STORED_ALONE, count,
				    (struct text){ copy->raw.data, copy->raw.length }, FAST_LEVEL);
	for (unsigned int i = 1; r == 0 && i < count; i++)
		r = copy_header(copy, &frames[i], TRAIL_STORED_WITHIN, i);
	return r;
}

static int copy_apart(struct copy *copy)
{
	const struct together *together = copy->together;
	unsigned int i = 0, kept;
	int r = 0;

	while (r == 0 && i < together->count) {
		for (kept = 0;
		     i + kept < together->count && together->choices[i + kept] == TRAIL_COPY_WHOLE;)
			kept++;
		r = kept > 0 ? pack_kept(copy, &together->frames[i], kept)
			     : copy_header(copy, &together->frames[i], TRAIL_STORED_PRUNED, 1);
		i += kept > 0 ? kept : 1;
	}
	return r;
}

/* Those that were packed together, all of them. */
static int copy_together(struct copy *copy)
{
	struct together *together = copy->together;
	int r = 0;

	if (together->count > 0 && keeps_all(together))
		r = copy_bytes(copy, together->frames[0].offset,
			       together->frames[together->count - 1].end_offset);
	else if (together->count > 0)
		/* One of them is missing. */
		r = together->count == together->frames[0].seal.stored_count ? copy_apart(copy)
									     : -EBADMSG;
	together->count = 0;
	return r;
}

static int copy_chosen(struct copy *copy, const struct trail_frame *frame, int choice)
{
	struct together *together = copy->together;
	bool within = frame->seal.stored_kind == TRAIL_STORED_WITHIN;
	int r = within ? 0 : copy_together(copy);

	if (r < 0)
		return r;
	if (!within && frame->seal.stored_kind != TRAIL_STORED_PACKED)
		return choice == TRAIL_COPY_WHOLE
			       ? copy_frame(copy, frame)
			       : copy_header(copy, frame, TRAIL_STORED_PRUNED, 1);
	/* One whose payload is nowhere, or one too many. */
	if (within && (frame->seal.stored_count != together->count || frame->payload_length == 0))
		return -EBADMSG;
	together->frames[together->count] = *frame;
	together->choices[together->count++] = choice;
	/* Damage is evidence: what is not whole is not made whole. */
	if (together->count == together->frames[0].seal.stored_count && !keeps_all(together)) {
		r = trail_segment_check_stored(copy->segment, frame);
		if (r == 0)
			r = trail_segment_check_packed(copy->segment, frame, true);
	}
	return r;
}

int trail_copy(struct trail_segment *segment, int fd, trail_copy_function choose, void *context)
{
	struct trail_frame frame;
	uint64_t offset = 0;
	struct copy copy;
	int r = begin(&copy, segment, fd);

	while (r == 0 && (r = trail_segment_frame(segment, offset, &frame)) > 0) {
		offset = frame.end_offset;
		r = choose(context, &frame);
		if (r >= 0)
			r = copy_chosen(&copy, &frame, r);
	}
	if (r == 0)
		r = copy_together(&copy);
	return finish(&copy, r);
}

/* ---- packed */

static bool is_stopped(const atomic_bool *stop)
{
	return stop && atomic_load(stop);
}

static bool fits(const struct together *together, const struct trail_frame *frame)
{
	return together->count < TRAIL_PACKED_MOST &&
	       together->raw_bytes + frame->header.raw_length <= PACKED_BYTES;
}

static int add_frame(struct copy *copy, const struct trail_frame *frame)
{
	struct together *together = copy->together;
	int r = trail_segment_check_stored(copy->segment, frame);

	if (r == 0)
		r = add_payload(copy, frame);
	if (r < 0)
		return r;
	together->frames[together->count++] = *frame;
	together->raw_bytes += frame->header.raw_length;
	return 0;
}

static int pack_together(struct copy *copy)
{
	struct together *together = copy->together;
	struct text raw = { copy->raw.data, copy->raw.length };
	unsigned int count = together->count;
	int r = 0;

	if (count == 1)
		r = copy_frame(copy, &together->frames[0]);
	else if (count > 1)
		r = copy_compressed(copy, &together->frames[0], TRAIL_STORED_PACKED, count, raw,
				    PACKED_LEVEL);
	for (unsigned int i = 1; r == 0 && i < count; i++)
		r = copy_header(copy, &together->frames[i], TRAIL_STORED_WITHIN, i);
	together->count = 0;
	together->raw_bytes = 0;
	buffer_clear(&copy->raw);
	return r;
}

int trail_copy_packed(struct trail_segment *segment, int fd, const atomic_bool *stop)
{
	struct trail_frame frame;
	uint64_t offset = 0;
	struct copy copy;
	int r = begin(&copy, segment, fd);

	while (r == 0 && (r = trail_segment_frame(segment, offset, &frame)) > 0) {
		bool alone = frame.seal.stored_kind == TRAIL_STORED_ALONE;

		offset = frame.end_offset;
		r = is_stopped(stop) ? -ECANCELED : 0;
		if (r == 0 && (!alone || !fits(copy.together, &frame)))
			r = pack_together(&copy);
		if (r == 0)
			r = alone && fits(copy.together, &frame) ? add_frame(&copy, &frame)
								 : copy_frame(&copy, &frame);
	}
	if (r == 0)
		r = pack_together(&copy);
	return finish(&copy, r);
}

int trail_copy_would_pack(struct trail_segment *segment, const atomic_bool *stop)
{
	uint64_t before = PACKED_BYTES + 1, offset = 0; /* `before`: bytes of the last frame */
	struct trail_frame frame;
	int r;

	while ((r = trail_segment_frame(segment, offset, &frame)) > 0) {
		bool alone = frame.seal.stored_kind == TRAIL_STORED_ALONE;

		if (is_stopped(stop))
			return -ECANCELED;
		if (alone && before + frame.header.raw_length <= PACKED_BYTES)
			return 1;
		before = alone ? frame.header.raw_length : PACKED_BYTES + 1;
		offset = frame.end_offset;
	}
	return r;
}
