/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The on-disk format of a trail, version 1: docs/trail-format.md describes the same to the byte.
 *
 *   [ zstd skippable 0x184D2A5D ] HEADER = struct trail_disk_header, then the summary
 *   [ zstd frame ]                newline-delimited JSON
 *   [ zstd skippable 0x184D2A5E ] SEAL = struct trail_disk_seal
 *
 * All numbers are little-endian. Numbers of types, terms and tags are for ever.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define TRAIL_VERSION 1

#define TRAIL_MAGIC_HEADER 0x184D2A5Du /* RFC 8878 section 3.1.2, skippable frames */
#define TRAIL_MAGIC_SEAL   0x184D2A5Eu
#define TRAIL_MAGIC_ZSTD   0xFD2FB528u /* RFC 8878 section 3.1.1 */

#define TRAIL_ID_BYTES        16
#define TRAIL_HASH_BYTES      32 /* SHA-256 */
#define TRAIL_KEY_BYTES       32 /* an Ed25519 seed, and an Ed25519 public key */
#define TRAIL_SIGNATURE_BYTES 64

/* What a reader accepts at most. A writer stays far below. */
#define TRAIL_HEADER_MOST  (64u << 10)
#define TRAIL_RAW_MOST     (64u << 20)
#define TRAIL_LINE_MOST    (4u << 20)
#define TRAIL_COMMIT_MOST  16          /* frames of one commit; a writer makes one or two */
#define TRAIL_SUMMARY_MOST (16u << 10) /* and an eighth of the raw payload */

/*
 * The type of a line. A frame's type is the greatest of its lines' types: the order is that of
 * significance. The set of all of them stands in the header as bits.
 */
enum trail_type {
	TRAIL_DATA = 1,
	TRAIL_HEARTBEAT = 2,
	TRAIL_LOSS = 3,
	TRAIL_START = 4,
	TRAIL_RECOVERY = 5,
	TRAIL_STOP = 6,
	TRAIL_PRUNE = 7,     /* payloads dropped by policy */
	TRAIL_NEWCHAIN = 10, /* a new chain that quotes the head of the old one */
	TRAIL_TYPE_MOST = 31,
};

enum trail_class {
	TRAIL_ROUTINE = 0,
	TRAIL_EVIDENCE = 1, /* severity 25 and more, and everything about the recorder */
	TRAIL_CLASSES = 2,
};

/* Header flags. Readers ignore those that they do not know: they are signed. */
#define TRAIL_FLAG_SUMMARY_INCOMPLETE 0x1u

/* Tags of the summary's elements. Readers skip those that they do not know. */
enum trail_tag {
	TRAIL_TAG_TIME_RANGE = 1,
	TRAIL_TAG_KIND = 2,
	TRAIL_TAG_CONTAINER = 3,
	TRAIL_TAG_USER = 4,
	TRAIL_TAG_OPERATION = 5,
	TRAIL_TAG_BLOOM = 6,    /* reserved: a filter of other terms */
	TRAIL_TAG_SEGMENT = 7,  /* struct trail_disk_segment: what the segment before came to */
	TRAIL_TAG_PRUNED = 8,   /* struct trail_pruned: which payloads are gone */
	TRAIL_TAG_OLD_HEAD = 9, /* NEWCHAIN: struct trail_disk_old_head */
	TRAIL_TAG_KEY = 10,
	TRAIL_TAG_RETENTION = 11, /* struct trail_retention: how long payloads are kept */
};

/* What an entry may be counted by: the tags of lists. */
enum trail_term_type {
	TRAIL_TERM_KIND = TRAIL_TAG_KIND,
	TRAIL_TERM_CONTAINER = TRAIL_TAG_CONTAINER,
	TRAIL_TERM_USER = TRAIL_TAG_USER,
	TRAIL_TERM_OPERATION = TRAIL_TAG_OPERATION,
	TRAIL_TERM_KEY = TRAIL_TAG_KEY,
};

/* An element of the summary, followed by its value. */
struct trail_disk_tag {
	uint16_t tag;
	uint16_t flags; /* bit 0: the list is incomplete; what stands in it is exact all the same */
	uint32_t length;
};

#define TRAIL_TAG_INCOMPLETE 0x1u

/* An item of a list (tags 2 to 5, 10), followed by `length` bytes. Not padded, not aligned. */
struct trail_disk_count {
	uint8_t count[4];
	uint8_t length;
	uint8_t encoding;
};

/* The value of TRAIL_TAG_SEGMENT; behind it elements as in a summary, of all its frames. */
struct trail_disk_segment {
	uint64_t first_frame, frame_count;
	uint64_t first_event, event_count;
};

/* The value of TRAIL_TAG_OLD_HEAD: what the chain before this one came to. */
struct trail_disk_old_head {
	uint32_t reason; /* enum trail_damage */
	uint32_t reserved;
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint64_t frame; /* the last one that can be read in its log; 0: none */
	uint8_t hash[TRAIL_HASH_BYTES];
	uint64_t key_frame; /* the one that its key followed on; 0: there was no good key */
	uint8_t key_hash[TRAIL_HASH_BYTES];
};

enum trail_encoding {
	TRAIL_TEXT = 0,
	TRAIL_HEX = 1, /* lower-case hexadecimal digits, two to a byte */
};

struct trail_disk_header {
	uint8_t magic[8]; /* "DKTFRAME" */
	uint16_t version;
	uint8_t type;  /* enum trail_type: the greatest of its lines */
	uint8_t class; /* enum trail_class */
	uint32_t flags;
	uint32_t header_length; /* of this structure and the summary: the skippable frame's content
				 */
	uint32_t summary_length;
	uint32_t types; /* bit N: a line of type N is in the frame */
	uint16_t commit_index;
	uint16_t commit_frames; /* frames of the commit that this one is number commit_index of */
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint8_t boot_id[16];
	uint64_t frame; /* from 1 */
	uint64_t wall_ns;
	uint64_t boot_ns;
	uint64_t first_event; /* smallest event number in this frame */
	uint64_t event_count;
	uint64_t commit_first_event;
	uint64_t commit_event_count; /* events of all frames of the commit */
	uint64_t raw_length;
	uint8_t raw_hash[TRAIL_HASH_BYTES];
	uint8_t previous_hash[TRAIL_HASH_BYTES]; /* 0 in frame 1 */
	uint8_t reserved[32];                    /* 0, ignored by readers: signed */
};

/* What stands between HEADER and SEAL. */
enum trail_stored {
	TRAIL_STORED_ALONE = 0,  /* one zstd frame with this frame's payload */
	TRAIL_STORED_PRUNED = 1, /* nothing, the payload was dropped by policy */
	TRAIL_STORED_PACKED = 2, /* one zstd frame with the payloads of this frame and of those
				    behind it that are TRAIL_STORED_WITHIN */
	TRAIL_STORED_WITHIN = 3, /* nothing: the payload is in the zstd frame of one before */
};

#define TRAIL_PACKED_MOST     512         /* frames whose payloads are in one zstd frame */
#define TRAIL_PACKED_RAW_MOST (16u << 20) /* bytes of these payloads together */

struct trail_disk_seal {
	uint8_t magic[8]; /* "DKTFSEAL" */
	uint8_t next_public_key[TRAIL_KEY_BYTES];
	uint8_t signature[TRAIL_SIGNATURE_BYTES]; /* over HEADER, then next_public_key */
	/* From here on outside the signature: `pack` and pruning write it anew. */
	uint32_t stored_kind;
	uint32_t stored_count; /* packed: frames whose payloads are in the zstd frame; within: how
				  many of those are before this one; else 1 */
	uint64_t stored_length;
	uint8_t stored_hash[TRAIL_HASH_BYTES]; /* SHA-256 of the zstd frame as it lies there */
};

/* One of the two slots of the key file, each alone in TRAIL_SLOT_BYTES so that a torn write cannot
 * hurt the other. */
struct trail_disk_slot {
	uint8_t magic[8]; /* "DKTRKEY" and a zero byte */
	uint16_t version;
	uint16_t flags;
	uint32_t reserved0;
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint8_t machine_id[16];
	uint8_t boot_id[16];
	uint64_t frame; /* the frame that this key signs */
	uint8_t seed[TRAIL_KEY_BYTES];
	uint8_t public_key[TRAIL_KEY_BYTES];
	uint8_t previous_hash[TRAIL_HASH_BYTES]; /* of the frame before it: 0 for frame 1 */
	uint64_t first_event;                    /* the number of the first event that it signs */
	uint8_t reserved[48];
	uint8_t check[TRAIL_HASH_BYTES]; /* SHA-256 of all before it */
};

#define TRAIL_SLOT_BYTES 4096
#define TRAIL_SLOTS      2

#define TRAIL_HEADER_MAGIC "DKTFRAME"
#define TRAIL_SEAL_MAGIC   "DKTFSEAL"
#define TRAIL_SLOT_MAGIC   "DKTRKEY"

_Static_assert(sizeof(struct trail_disk_tag) == 8, "on-disk");
_Static_assert(sizeof(struct trail_disk_count) == 6, "on-disk");
_Static_assert(sizeof(struct trail_disk_segment) == 32, "on-disk");
_Static_assert(sizeof(struct trail_disk_old_head) == 104, "on-disk");
_Static_assert(sizeof(struct trail_disk_header) == 224, "on-disk");
_Static_assert(offsetof(struct trail_disk_header, trail_id) == 32, "on-disk");
_Static_assert(offsetof(struct trail_disk_header, frame) == 64, "on-disk");
_Static_assert(offsetof(struct trail_disk_header, raw_hash) == 128, "on-disk");
_Static_assert(sizeof(struct trail_disk_seal) == 152, "on-disk");
_Static_assert(offsetof(struct trail_disk_seal, stored_kind) == 104, "on-disk");
_Static_assert(sizeof(struct trail_disk_slot) == 256, "on-disk");
_Static_assert(offsetof(struct trail_disk_slot, frame) == 64, "on-disk");
_Static_assert(offsetof(struct trail_disk_slot, check) == 224, "on-disk");
