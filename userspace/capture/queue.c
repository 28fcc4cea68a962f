// SPDX-License-Identifier: Apache-2.0
#include "capture/queue.h"

#include <errno.h>

#include "base/clock.h"

/*
 * A stamp is taken before the ring's place is reserved: a probe that was interrupted in between
 * brings a record that is this much older than what was read meanwhile.
 */
#define SLACK_NS (2 * NS_PER_MS)

void queue_fill_begin(struct queue *queue)
{
	if (queue->read == queue->bytes.length) {
		buffer_clear(&queue->bytes);
		queue->read = 0;
	} else if (queue->read > queue->bytes.length / 2) {
		buffer_consume(&queue->bytes, queue->read);
		queue->read = 0;
	}
	queue->fill_from = queue->bytes.length;
	queue->filled_at = clock_boot_ns();
	queue->full = false;
}

/* How long a message is without its tail. */
static const uint16_t message_bytes[WIRE_MESSAGES] = {
#define BYTES(name, ring, meaning) [WIRE_##name] = sizeof(struct wire_##name),
	MESSAGES(BYTES)
#undef BYTES
};

int queue_push(void *context, void *data, size_t size)
{
	static const char padding[8];
	struct queue *queue = context;
	const struct wire_header *header = data;

	if (size < sizeof(*header) || header->length < sizeof(*header) || header->length > size ||
	    header->message >= WIRE_MESSAGES || header->tail > header->length ||
	    header->tail < message_bytes[header->message]) {
		queue->malformed++;
		return 0;
	}
	buffer_append(&queue->bytes, data, header->length);
	buffer_append(&queue->bytes, padding, -(size_t)header->length & 7);
	if (queue->bytes.error)
		return queue->bytes.error;
	queue->last = header->time;
	if (queue->bytes.length - queue->fill_from >= QUEUE_FILL_MOST) {
		queue->full = true;
		return QUEUE_FULL;
	}
	return 0;
}

static const struct wire_header *head(const struct queue *queue)
{
	if (queue->read >= queue->bytes.length)
		return NULL;
	return (const struct wire_header *)(queue->bytes.data + queue->read);
}

static uint64_t horizon(const struct queue *queues, size_t count)
{
	uint64_t horizon = UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		uint64_t known = queues[i].full ? queues[i].last : queues[i].filled_at;

		if (known < horizon)
			horizon = known;
	}
	return horizon > SLACK_NS ? horizon - SLACK_NS : 0;
}

int queue_merge(struct queue *queues, size_t count, bool all,
		int (*handler)(void *, const struct wire_header *), void *context)
{
	uint64_t until = all ? UINT64_MAX : horizon(queues, count);
	int handed = 0;

	for (;;) {
		const struct wire_header *oldest = NULL, *record;
		size_t from = 0;
		int r;

		for (size_t i = 0; i < count; i++) {
			record = head(&queues[i]);
			if (record && record->time <= until &&
			    (!oldest || record->time < oldest->time)) {
				oldest = record;
				from = i;
			}
		}
		if (!oldest)
			return handed;
		queues[from].read += (oldest->length + 7u) & ~7u;
		r = handler(context, oldest);
		if (r < 0)
			return r;
		handed++;
	}
}

void queue_clear(struct queue *queue)
{
	buffer_free(&queue->bytes);
	*queue = (struct queue){};
}
