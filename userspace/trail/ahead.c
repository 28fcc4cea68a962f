// SPDX-License-Identifier: Apache-2.0
#include "trail/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ahead.h"
#include "base/cleanup.h"

/* A frame's memory is kept for the next one, unless that is more than frames have as a rule. */
#define KEPT_BYTES (4u << 20)

/* A frame, and what was seen of it. */
struct seen {
	struct trail_frame frame;
	struct buffer header; /* as it lies there: the segment's own goes on to another frame */
	uint8_t key[TRAIL_KEY_BYTES];
	struct trail_look look;
};

/* One frame, or several that are packed together: what is decompressed at once. */
struct item {
	struct trail_segment segment; /* its file is another's */
	struct seen *frames;
	unsigned int count, room, next;
	uint64_t bytes; /* that it is held to take */
	int end;        /* what trail_segment_frame() said behind the last one that is packed */
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

/* What it takes at most: the lengths of what is packed are known when it is decompressed. */
static uint64_t bytes_of(const struct item *item)
{
	const struct seen *first = &item->frames[0];
	uint64_t bytes =
		first->frame.stored_length + (first->frame.seal.stored_kind == TRAIL_STORED_ALONE
						      ? first->frame.header.raw_length
						      : TRAIL_PACKED_RAW_MOST);

	for (unsigned int i = 0; i < item->count; i++)
		bytes += item->frames[i].frame.header.summary_length;
	return bytes;
}

static void fail(struct trail_look *look, int error, const char *reason)
{
	if (look->error < 0)
		return;
	look->error = error;
	look->reason = error == -EBADMSG ? reason : NULL;
}

/* What is packed together is whole, or none of it is: what is in none of its frames is nobody's. */
static void check_packed(const struct trail_ahead *ahead, struct item *item)
{
	const struct trail_frame *last = &item->frames[item->count - 1].frame;
	int r;

	/* It could not be read, which says nothing of what is there. */
	if (item->end < 0 && item->end != -EBADMSG && item->end != -ENODATA)
		r = item->end;
	else
		r = trail_segment_check_packed(&item->segment, last,
					       last->header.wall_ns >= ahead->since_ns);
	if (r < 0)
		fail(&item->frames[0].look, r, "what is packed is not what its frames have");
}

/* What is behind a bad one is not asked for. */
static void look_at(void *context, void *user)
{
	const struct trail_ahead *ahead = context;
	struct item *item = user;

	for (unsigned int i = 0; i < item->count; i++) {
		struct seen *seen = &item->frames[i];
		struct buffer own = item->segment.header;

		item->segment.header = seen->header;
		trail_look_at(&item->segment, &seen->frame, seen->key, ahead->since_ns,
			      &seen->look);
		item->segment.header = own;
		if (seen->look.error < 0)
			break;
	}
	if (item->frames[0].frame.seal.stored_kind >= TRAIL_STORED_PACKED)
		check_packed(ahead, item);
}

static void clear(void *user)
{
	struct item *item = user;

	trail_segment_close(&item->segment);
	for (unsigned int i = 0; i < item->room; i++) {
		buffer_free(&item->frames[i].header);
		trail_look_free(&item->frames[i].look);
	}
	free(item->frames);
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

static struct seen *add_frame(struct item *item)
{
	if (item->count == item->room) {
		unsigned int room = item->room ? 2 * item->room : 1;
		struct seen *frames = reallocarray(item->frames, room, sizeof(*frames));

		if (!frames)
			return NULL;
		memset(frames + item->room, 0, (room - item->room) * sizeof(*frames));
		item->frames = frames;
		item->room = room;
	}
	return &item->frames[item->count];
}

/* The next frame, where it belongs to the item: headers are read in order here, which tells where
 * the next one is and which key it has. Returns 1; 0 where it does not; -errno. */
static int read_next(struct trail_ahead *ahead, struct item *item)
{
	struct seen *seen = add_frame(item);
	struct buffer header;
	int r;

	if (!seen)
		return -ENOMEM;
	r = trail_segment_frame(&item->segment, ahead->offset, &seen->frame);
	if (r <= 0) {
		ahead->end = item->end = r;
		return 0;
	}
	if (item->count > 0 && (seen->frame.seal.stored_kind != TRAIL_STORED_WITHIN ||
				seen->frame.payload_offset != item->frames[0].frame.payload_offset))
		return 0;
	memcpy(seen->key, ahead->key, sizeof(seen->key));
	memcpy(ahead->key, seen->frame.seal.next_public_key, sizeof(ahead->key));
	ahead->offset = seen->frame.end_offset;
	/* Read once: what is looked at is what led to the next one. */
	header = seen->header;
	seen->header = item->segment.header;
	item->segment.header = header;
	item->count++;
	return 1;
}

static int ask(struct trail_ahead *ahead, struct item *item)
{
	int r;

	trail_segment_borrow(&item->segment, ahead->segment);
	item->count = item->next = 0;
	item->end = 1;
	r = read_next(ahead, item);
	while (r > 0 && item->frames[0].frame.seal.stored_kind == TRAIL_STORED_PACKED &&
	       item->count < item->frames[0].frame.seal.stored_count)
		r = read_next(ahead, item);
	if (r < 0 || item->count == 0)
		return r;
	item->bytes = bytes_of(item);
	ahead->bytes += item->bytes;
	ahead_ask(ahead->ahead);
	return 0;
}

static void take_back(struct trail_ahead *ahead)
{
	struct item *item = TAKE_PTR(ahead->taken);

	if (item->bytes > KEPT_BYTES) {
		buffer_free(&item->segment.raw);
		buffer_free(&item->segment.stored);
		for (unsigned int i = 0; i < item->count; i++)
			buffer_free(&item->frames[i].look.numbers);
	}
	ahead->bytes -= item->bytes;
	ahead_take_back(ahead->ahead);
}

int trail_ahead_next(struct trail_ahead *ahead, const struct trail_frame **ret_frame,
		     const struct trail_look **ret_look)
{
	struct item *item;
	struct seen *seen;
	int r = 0;

	if (ahead->taken && ahead->taken->next == ahead->taken->count)
		take_back(ahead);
	while (r == 0 && ahead->end > 0 && ahead->bytes < TRAIL_AHEAD_BYTES &&
	       (item = ahead_room(ahead->ahead)))
		r = ask(ahead, item);
	if (r < 0)
		return r;
	if (!ahead->taken)
		ahead->taken = ahead_next(ahead->ahead);
	if (!ahead->taken)
		return ahead->end;
	seen = &ahead->taken->frames[ahead->taken->next++];
	*ret_frame = &seen->frame;
	*ret_look = &seen->look;
	return 1;
}
