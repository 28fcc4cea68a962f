/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One frame, encoded and decoded: no I/O. What a decoder is given is hostile, and every length in
 * it is checked against what there is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/format.h"

struct buffer;

/* A HEADER in host order. `summary` points into the bytes that were decoded. */
struct trail_header {
	enum trail_type type;
	enum trail_class class;
	uint32_t flags;
	uint32_t types;
	unsigned int commit_index, commit_frames;
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint8_t boot_id[16];
	uint64_t frame;
	uint64_t wall_ns, boot_ns;
	uint64_t first_event, event_count;
	uint64_t commit_first_event, commit_event_count;
	uint64_t raw_length;
	uint8_t raw_hash[TRAIL_HASH_BYTES];
	uint8_t previous_hash[TRAIL_HASH_BYTES];
	const uint8_t *summary;
	uint32_t summary_length;
};

struct trail_seal {
	uint8_t next_public_key[TRAIL_KEY_BYTES];
	uint8_t signature[TRAIL_SIGNATURE_BYTES];
	enum trail_stored stored_kind;
	uint32_t stored_count; /* format.h */
	uint64_t stored_length;
	uint8_t stored_hash[TRAIL_HASH_BYTES];
};

/* Bytes of the magic number and the length in front of a skippable frame's content. */
#define TRAIL_SKIPPABLE_BYTES 8
#define TRAIL_SEAL_BYTES      (TRAIL_SKIPPABLE_BYTES + sizeof(struct trail_disk_seal))

/* Append the skippable frame with the HEADER and its summary. Errors stick to `out`. */
void trail_header_encode(const struct trail_header *header, struct buffer *out);
/* Append the skippable frame with the SEAL. */
void trail_seal_encode(const struct trail_seal *seal, struct buffer *out);

/*
 * How long the skippable frame at `data` is, magic and length included, from its first 8 bytes.
 * Returns 0; -EBADMSG when it does not begin with `magic` or its content is longer than `most`.
 */
int trail_skippable_length(const uint8_t *data, uint32_t magic, size_t most, size_t *ret_length);

/*
 * Decode a whole skippable frame of `length` bytes. Returns 0; -EPROTONOSUPPORT for another
 * version; -EBADMSG for anything that the format forbids.
 */
int trail_header_decode(const uint8_t *data, size_t length, struct trail_header *ret_header);
int trail_seal_decode(const uint8_t *data, size_t length, struct trail_seal *ret_seal);

/*
 * The bytes that a signature covers, and whose SHA-256 is the frame's hash: the content of the
 * HEADER's skippable frame, then the next public key. Appended to `out`.
 */
void trail_signed_bytes(const uint8_t *header, size_t header_length, const uint8_t *next_public_key,
			struct buffer *out);

/*
 * The length of the zstd frame whose bytes `read` returns, found from its block headers alone (RFC
 * 8878 section 3.1.1): `read` copies `length` bytes at `offset` from the frame's begin and returns
 * 0 or -errno. Returns 0; -EBADMSG when it is no zstd frame with content size and checksum and
 * without dictionary, or is longer than `most`; what `read` returned.
 */
typedef int (*trail_read_function)(void *context, uint64_t offset, void *data, size_t length);
int trail_zstd_length(trail_read_function read, void *context, uint64_t most, uint64_t *ret_length);

/*
 * The number of a line: it begins {"@timestamp":"...","event":{"id":"<16 hex>-N","sequence":N, with
 * these 16 digits, and N is written the same way twice. Returns 0 or -EBADMSG.
 */
int trail_line_sequence(const char *line, size_t length, const char *id16, uint64_t *ret_sequence);
