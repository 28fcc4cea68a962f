// SPDX-License-Identifier: Apache-2.0
#include "trail/queue.h"

#include <errno.h>

/* One is filled, one is written, two wait for their turn; what a flood needed beyond that goes
 * back. */
#define SPARES_MOST 2

void trail_queue_init(struct trail_queue *queue, size_t most)
{
	*queue = (struct trail_queue){ .most = most };
}

static void free_all(struct trail_batch *batch)
{
	while (batch) {
		struct trail_batch *next = batch->next;

		trail_batch_free(batch);
		batch = next;
	}
}

void trail_queue_free(struct trail_queue *queue)
{
	free_all(queue->filling);
	free_all(queue->full);
	free_all(queue->spare);
	*queue = (struct trail_queue){};
}

int trail_queue_begin(struct trail_queue *queue)
{
	struct trail_batch *batch = queue->spare;

	if (batch) {
		queue->spare = batch->next;
		queue->spare_count--;
	} else {
		if (queue->count >= queue->most)
			return -ENOBUFS;
		batch = trail_batch_new();
		if (!batch)
			return -ENOMEM;
		queue->count++;
	}
	trail_batch_clear(batch, queue->hash_seed);
	queue->filling = batch;
	return 0;
}

void trail_queue_close(struct trail_queue *queue)
{
	if (queue->full)
		queue->last->next = queue->filling;
	else
		queue->full = queue->filling;
	queue->last = queue->filling;
	queue->filling = NULL;
	queue->full_count++;
}

int trail_queue_add(struct trail_queue *queue, const struct trail_entry *entry, uint64_t sequence)
{
	int r = trail_batch_add(queue->filling, entry, sequence);

	if (r < 0 && queue->filling->event_count == 0) {
		/* An empty batch is nothing to commit: it must not be found. */
		trail_queue_give_back(queue, queue->filling);
		queue->filling = NULL;
	}
	return r;
}

struct trail_batch *trail_queue_take(struct trail_queue *queue)
{
	struct trail_batch *batch = queue->full;

	if (!batch) {
		batch = queue->filling;
		queue->filling = NULL;
		return batch;
	}
	queue->full = batch->next;
	queue->full_count--;
	batch->next = NULL;
	return batch;
}

void trail_queue_give_back(struct trail_queue *queue, struct trail_batch *batch)
{
	if (queue->spare_count >= SPARES_MOST) {
		queue->count--;
		trail_batch_free(batch);
		return;
	}
	batch->next = queue->spare;
	queue->spare = batch;
	queue->spare_count++;
}
