/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of several rings in one order. Each ring is nearly in order of time by itself; between
 * them, what one of them says may only be believed once the others have been read up to the same
 * moment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "bpf/wire.h"

struct queue {
	struct buffer bytes; /* records, each padded to 8 */
	size_t read;         /* where the first one that was not handed over begins */
	size_t fill_from;    /* bytes.length when this fill began */
	uint64_t filled_at;  /* boot clock when the fill began */
	uint64_t last;       /* time of the youngest record */
	bool full;           /* the fill was ended early: more is in the ring */
	uint64_t malformed;  /* records that were not what a probe of this build writes */
};

enum { QUEUE_FULL = -105 /* -ENOBUFS */, QUEUE_FILL_MOST = 8 * 1024 * 1024 };

void queue_fill_begin(struct queue *queue);

/*
 * A ring_buffer sample callback (libbpf): copies one record. Returns QUEUE_FULL once a fill has
 * taken QUEUE_FILL_MOST bytes, so that a flood in one ring does not starve the others; that record
 * is taken.
 */
int queue_push(void *queue, void *data, size_t size);

/*
 * Hand over everything that is older than the moment at which the fills began and than the last
 * record of a ring that was not read to its end, in order of time; or everything, with `all`.
 * Returns the number of records, or what the handler said if it is negative.
 */
int queue_merge(struct queue *queues, size_t count, bool all,
		int (*handler)(void *, const struct wire_header *), void *context);

void queue_clear(struct queue *queue);
