/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed summary of a frame: counted while lines are appended, encoded when the frame is built,
 * and read back element by element. Counts are of events that carry a value, and exact where they
 * stand; a list that could not hold all values says that it is incomplete. Counts by kind are
 * always complete.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/format.h"

struct buffer;

/* A value that an event is counted by. A value of more than 255 bytes makes its list incomplete. */
struct trail_term {
	uint8_t type; /* enum trail_term_type */
	const char *value;
	uint32_t length;
};

/*
 * Kinds are bounded so that they always fit: at most this many of at most so many bytes in a frame.
 * A writer closes the batch when one more would come.
 */
#define TRAIL_KINDS_MOST       64
#define TRAIL_KIND_LENGTH_MOST 48
#define TRAIL_TERMS_MOST       16 /* of one event */
#define TRAIL_TERM_LENGTH_MOST 255

#define TRAIL_SUMMARY_SLOTS   1024 /* a power of two, twice the entries and more */
#define TRAIL_SUMMARY_ENTRIES 448  /* beside the kinds */
#define TRAIL_SUMMARY_BYTES   (32u << 10)

struct trail_summary_slot {
	uint32_t hash;
	uint32_t count; /* 0: free */
	uint32_t offset;
	uint8_t type;
	uint8_t length;
};

/* Counting. About 50 KiB, no allocation; zero-initialised, then trail_summary_clear(). */
struct trail_summary {
	struct trail_summary_slot slots[TRAIL_SUMMARY_SLOTS];
	char bytes[TRAIL_SUMMARY_BYTES + TRAIL_KINDS_MOST * TRAIL_KIND_LENGTH_MOST];
	uint32_t used_bytes; /* of all values */
	uint32_t kind_bytes; /* of these, those of kinds */
	uint32_t kinds, others;
	uint32_t incomplete; /* bit N: list N lacks values */
	uint64_t first_ns, last_ns;
	uint64_t seed; /* of the hash: values come from strangers */
};

void trail_summary_clear(struct trail_summary *summary, uint64_t seed);

/*
 * Whether these terms are such as can be counted: known types, exactly one kind, of 1 to 48 bytes,
 * and not more than 16 in all. Returns 0 or -EINVAL.
 */
int trail_summary_check(const struct trail_term *terms, size_t count);

/* Whether the elements with this tag are lists: of an enum trail_term_type. */
bool trail_summary_is_list(unsigned int tag);

/* Whether the kind among these terms still fits in. */
bool trail_summary_fits(const struct trail_summary *summary, const struct trail_term *terms,
			size_t count);

/* Count one event: each value once, however often it stands in the terms. */
void trail_summary_add(struct trail_summary *summary, uint64_t time_ns,
		       const struct trail_term *terms, size_t count);

/*
 * Append the encoded elements for a payload of `raw_length` bytes. Returns whether any list is
 * incomplete; errors stick to `out`.
 */
bool trail_summary_encode(const struct trail_summary *summary, uint64_t raw_length,
			  struct buffer *out);

/* Append one element as it is; or its head alone, whose length is set when its value is there. */
void trail_summary_append(struct buffer *out, unsigned int tag, const void *value, size_t length);
void trail_summary_append_tag(struct buffer *out, unsigned int tag, unsigned int flags,
			      size_t length);
void trail_summary_set_length(struct buffer *out, size_t begin);

/* A hash of a value for tables in memory: another one with each seed, and each type. */
uint32_t trail_summary_hash(uint64_t seed, unsigned int type, const void *value, size_t length);

/* ---- reading ---- */

struct trail_summary_element {
	unsigned int tag;
	bool incomplete;
	const uint8_t *value;
	size_t length;
};

/*
 * The element at `*at` of an encoded summary, which is then moved behind it. Returns 1, 0 at the
 * end, or -EBADMSG.
 */
int trail_summary_next(const uint8_t *summary, size_t length, size_t *at,
		       struct trail_summary_element *ret_element);

/* An item of a list as it lies there. */
struct trail_summary_item {
	uint32_t count;
	uint8_t encoding; /* enum trail_encoding */
	uint8_t length;
	const uint8_t *value;
};

/* The item at `*at` of a list's value, which is then moved behind it. Returns 1, 0 at the end, or
 * -EBADMSG. */
int trail_summary_next_item(const struct trail_summary_element *list, size_t *at,
			    struct trail_summary_item *ret_item);

struct trail_summary_count {
	uint32_t count;
	char value[2 * TRAIL_TERM_LENGTH_MOST + 1]; /* as it was counted, terminated */
	size_t length;
};

/* The same, decoded. */
int trail_summary_next_count(const struct trail_summary_element *list, size_t *at,
			     struct trail_summary_count *ret_count);

/*
 * How many events of a frame carry `value` in list `type`. Returns 0 with the exact count, which
 * may be 0; -ENODATA when the list is incomplete and does not name the value; -EBADMSG.
 */
int trail_summary_find(const uint8_t *summary, size_t length, const struct trail_term *term,
		       uint64_t *ret_count);

/* The earliest and latest time of the frame's events. Returns 0, -ENODATA without one, -EBADMSG. */
int trail_summary_time_range(const uint8_t *summary, size_t length, uint64_t *ret_first_ns,
			     uint64_t *ret_last_ns);
