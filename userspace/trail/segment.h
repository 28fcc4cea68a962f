/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one segment: frames by offset, headers alone where that is enough, payloads on demand.
 * Every byte is hostile; memory is bounded by TRAIL_HEADER_MOST, TRAIL_STORED_MOST and
 * TRAIL_RAW_MOST.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "trail/frame.h"

/* The longest zstd frame that is read into memory: what 64 MiB that cannot be compressed come to.
 */
#define TRAIL_STORED_MOST (TRAIL_RAW_MOST + (1u << 20))

#define TRAIL_WINDOW_BYTES 8192

/* Frames whose payloads are in one zstd frame, as far as they have been read. */
struct trail_packed {
	uint64_t stored_offset, stored_length;
	uint8_t stored_hash[TRAIL_HASH_BYTES];
	unsigned int count, known; /* in all, and read so far; 0: none is known */
	struct trail_packed_member {
		uint64_t offset, end_offset;
		uint64_t raw_at, raw_end; /* in what the zstd frame decompresses to */
	} members[TRAIL_PACKED_MOST];
};

struct trail_segment {
	int fd;         /* -1 when closed */
	bool borrowed;  /* it is another segment's */
	uint64_t limit; /* what lies behind it is not looked at */
	uint64_t window_offset;
	size_t window_length;
	uint8_t window[TRAIL_WINDOW_BYTES];
	struct buffer header; /* the current frame's, as it lies there */
	struct buffer stored, raw, signed_bytes;
	uint64_t stored_offset; /* of what is in `stored`, where that is not empty; */
	bool stored_checked;    /* it has the hash that it should have */
	uint64_t raw_offset;    /* `raw` was made of what is stored there, where it is not empty; */
	bool raw_failed;        /* or that does not decompress */
	struct trail_packed *packed; /* the last that was met; NULL: none was */
	void *decompressor;          /* ZSTD_DCtx, made when first needed */
};

/* A frame where it lies. `header.summary` is valid until the next frame is read. */
struct trail_frame {
	struct trail_header header;
	struct trail_seal seal;
	uint64_t offset;        /* of the HEADER */
	uint64_t stored_offset; /* of the zstd frame */
	uint64_t stored_length; /* as found by walking it; equal to the seal's */
	uint64_t end_offset;    /* behind the SEAL */
	/* The zstd frame that its payload is in, its own or one before, and where there. Length 0:
	 * there is none, or it lies before the first frame that was read. */
	uint64_t payload_offset, payload_length, payload_at;
};

/*
 * Open `name` in `folder` (or AT_FDCWD); the limit is the file's length. `ret_segment` is zeroed
 * first. Returns 0 or -errno. trail_segment_close() takes a zeroed one and one with fd -1.
 */
int trail_segment_open(int folder, const char *name, struct trail_segment *ret_segment);
void trail_segment_close(struct trail_segment *segment);

/* Read the same file as `other`, up to its limit, as long as that is open: for another thread.
 * `segment` is zeroed with fd -1, or was borrowed before; its buffers are kept. */
void trail_segment_borrow(struct trail_segment *segment, const struct trail_segment *other);

/*
 * Read what is stored of a frame's payload into `part`, which from then on knows
 * trail_segment_payload() of this frame, and of those that are packed with it, and nothing else: it
 * needs no file, and may be another thread's. `part` is zeroed, or was used so before. Returns 0;
 * -EBADMSG where it is not known which payload_length it has; -ENODATA; -errno.
 */
int trail_segment_read_part(const struct trail_segment *segment, const struct trail_frame *frame,
			    struct trail_segment *part);

/* Look at the bytes up to `limit`, anew. */
void trail_segment_set_limit(struct trail_segment *segment, uint64_t limit);

/*
 * Read the frame at `offset`, without its payload. Returns 1; 0 when `offset` is the limit;
 * -ENODATA when the bytes end before the frame does; -EBADMSG when it is no frame; -EPROTONOSUPPORT
 * for another version; -errno.
 */
int trail_segment_frame(struct trail_segment *segment, uint64_t offset,
			struct trail_frame *ret_frame);

/*
 * The next place, from `*offset` to `end`, where a skippable frame with this magic number may begin
 * that has the eight bytes `what` in it: a HEADER or a SEAL behind damage. Returns 1, 0 without
 * one, -errno.
 */
int trail_segment_find(struct trail_segment *segment, uint32_t magic, const char *what,
		       uint64_t *offset, uint64_t end);

/* The bytes that the current frame's signature covers, until the next frame is read. 0 or -ENOMEM.
 */
int trail_segment_signed(struct trail_segment *segment, const struct trail_frame *frame,
			 const struct buffer **ret_bytes);

/* The current frame's hash, as the next frame quotes it. Returns 0 or -ENOMEM. */
int trail_segment_hash(struct trail_segment *segment, const struct trail_frame *frame,
		       uint8_t *ret_hash);

/* Compare the stored zstd frame that the payload is in with its SEAL. Returns 0, -EBADMSG, -errno.
 */
int trail_segment_check_stored(struct trail_segment *segment, const struct trail_frame *frame);

/*
 * Decompress the payload: exactly raw_length bytes, whose checksum (zstd's own) is good. Owned by
 * the segment until the next payload; of several that are packed together only the first takes
 * long. Returns 0; -ENODATA when it was pruned; -EBADMSG; -errno.
 */
int trail_segment_payload(struct trail_segment *segment, const struct trail_frame *frame,
			  const char **ret_data, size_t *ret_length);

/*
 * Of the last frame of several that are packed together: whether all of them are there, and, with
 * `payload`, nothing but their payloads is in the zstd frame. Returns 0, -EBADMSG, or as
 * trail_segment_payload().
 */
int trail_segment_check_packed(struct trail_segment *segment, const struct trail_frame *last,
			       bool payload);
