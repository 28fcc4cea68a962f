// SPDX-License-Identifier: Apache-2.0
#include "trail/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ahead.h"
#include "base/cleanup.h"

/* A frame's memory is kept for the next one, unless that is more than frames have as a rule. */
#define KEPT_BYTES (4u << 20)

struct item {
	struct trail_segment segment; /* its file is another's */
	struct trail_frame frame;
	uint8_t key[TRAIL_KEY_BYTES];
	struct trail_look look;
};

struct trail_ahead {
	struct ahead *ahead;
	uint64_t since_ns;
	struct item *taken; /* the caller's */
	uint64_t bytes;     /* of payloads that are held */
	/* Where it goes on. */
	const struct trail_segment *segment;
	uint64_t offset;
	uint8_t key[TRAIL_KEY_BYTES];
	int end; /* what trail_segment_frame() said: 1 as long as there are more */
};

static uint64_t bytes_of(const struct item *item)
{
	return item->frame.header.raw_length + item->frame.stored_length;
}

static void look_at(void *context, void *user)
{
	const struct trail_ahead *ahead = context;
	struct item *item = user;

	trail_look_at(&item->segment, &item->frame, item->key, ahead->since_ns, &item->look);
}

static void clear(void *user)
{
	struct item *item = user;

	trail_segment_close(&item->segment);
	trail_look_free(&item->look);
}

int trail_ahead_new(unsigned int threads, uint64_t since_ns, struct trail_ahead **ret_ahead)
{
	_cleanup_free_ struct trail_ahead *ahead = calloc(1, sizeof(*ahead));
	struct ahead_options options = { .threads = threads,
					 .item_bytes = sizeof(struct item),
					 .work = look_at,
					 .clear = clear,
					 .context = ahead };
	int r;

	if (!ahead)
		return -ENOMEM;
	ahead->since_ns = since_ns;
	r = ahead_new(&options, &ahead->ahead);
	if (r < 0)
		return r;
	*ret_ahead = TAKE_PTR(ahead);
	return 0;
}

void trail_ahead_stop(struct trail_ahead *ahead)
{
	ahead_drop(ahead->ahead);
	ahead->taken = NULL;
	ahead->bytes = 0;
}

void trail_ahead_free(struct trail_ahead *ahead)
{
	if (!ahead)
		return;
	ahead_free(ahead->ahead);
	free(ahead);
}

void trail_ahead_begin(struct trail_ahead *ahead, const struct trail_segment *segment,
		       const uint8_t *key)
{
	ahead->segment = segment;
	ahead->offset = 0;
	ahead->end = 1;
	memcpy(ahead->key, key, sizeof(ahead->key));
}

/* Headers are read in order here, which tells where the next one is and which key it has. */
static void ask(struct trail_ahead *ahead, struct item *item)
{
	trail_segment_borrow(&item->segment, ahead->segment);
	ahead->end = trail_segment_frame(&item->segment, ahead->offset, &item->frame);
	if (ahead->end <= 0)
		return;
	memcpy(item->key, ahead->key, sizeof(item->key));
	memcpy(ahead->key, item->frame.seal.next_public_key, sizeof(ahead->key));
	ahead->offset = item->frame.end_offset;
	ahead->bytes += bytes_of(item);
	ahead_ask(ahead->ahead);
}

static void take_back(struct trail_ahead *ahead)
{
	struct item *item = TAKE_PTR(ahead->taken);
	uint64_t bytes = bytes_of(item);

	if (bytes > KEPT_BYTES) {
		buffer_free(&item->segment.raw);
		buffer_free(&item->segment.stored);
		buffer_free(&item->look.numbers);
	}
	ahead->bytes -= bytes;
	ahead_take_back(ahead->ahead);
}

int trail_ahead_next(struct trail_ahead *ahead, const struct trail_frame **ret_frame,
		     const struct trail_look **ret_look)
{
	struct item *item;

	if (ahead->taken)
		take_back(ahead);
	while (ahead->end > 0 && ahead->bytes < TRAIL_AHEAD_BYTES &&
	       (item = ahead_room(ahead->ahead)))
		ask(ahead, item);
	ahead->taken = ahead_next(ahead->ahead);
	if (!ahead->taken)
		return ahead->end;
	*ret_frame = &ahead->taken->frame;
	*ret_look = &ahead->taken->look;
	return 1;
}
