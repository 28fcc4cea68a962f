/* SPDX-License-Identifier: Apache-2.0 */
/* Batches on their way from the appending to the writing thread. Not locked: the writer does that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "trail/batch.h"

struct trail_queue {
	struct trail_batch *filling; /* NULL when there is nothing in it yet */
	struct trail_batch *full;    /* closed ones, oldest first */
	struct trail_batch *last;
	struct trail_batch *spare;
	size_t full_count, spare_count;
	size_t count, most; /* of all batches, the one being written included */
	uint64_t hash_seed;
};

/* At most `most` batches at a time. */
void trail_queue_init(struct trail_queue *queue, size_t most);
void trail_queue_free(struct trail_queue *queue);

/* Begin to fill a batch, when none is being filled. Returns 0, -ENOBUFS when there are enough,
 * -ENOMEM. */
int trail_queue_begin(struct trail_queue *queue);
/* Put the batch that is being filled behind the full ones. */
void trail_queue_close(struct trail_queue *queue);
/* trail_batch_add() to the one being filled. */
int trail_queue_add(struct trail_queue *queue, const struct trail_entry *entry, uint64_t sequence);

/* The next batch to be written, full or not; NULL when there is none. It must be given back. */
struct trail_batch *trail_queue_take(struct trail_queue *queue);
void trail_queue_give_back(struct trail_queue *queue, struct trail_batch *batch);
