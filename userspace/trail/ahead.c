// SPDX-License-Identifier: Apache-2.0
#include "trail/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* A frame's memory is kept for the next one, unless that is more than frames have as a rule. */
#define KEPT_BYTES (4u << 20)

enum state { EMPTY, ASKED, TAKEN, DONE };

/* Only `state` is shared; the rest belongs to whoever that says has it. */
struct place {
	enum state state;
	struct trail_segment segment; /* its file is another's */
	struct trail_frame frame;
	uint8_t key[TRAIL_KEY_BYTES];
	struct trail_look look;
};

struct trail_ahead {
	pthread_mutex_t lock;
	pthread_cond_t asked, done;
	bool ending;
	pthread_t threads[TRAIL_AHEAD_THREADS];
	unsigned int thread_count;
	uint64_t since_ns;
	/* A ring: those between `first` and `first` + `count` have a frame, in order. */
	struct place *places;
	unsigned int place_count, first, count;
	bool handed_out; /* the first one is the caller's */
	uint64_t bytes;  /* of payloads in it */
	/* Where it goes on. */
	uint64_t offset;
	uint8_t key[TRAIL_KEY_BYTES];
	int end; /* what trail_segment_frame() said: 1 as long as there are more */
};

static struct place *place_at(struct trail_ahead *ahead, unsigned int index)
{
	return &ahead->places[(ahead->first + index) % ahead->place_count];
}

static uint64_t bytes_of(const struct place *place)
{
	return place->frame.header.raw_length + place->frame.stored_length;
}

/* The first frame that nobody looks at yet; with the lock held. */
static struct place *find_asked(struct trail_ahead *ahead)
{
	for (unsigned int i = 0; i < ahead->count; i++)
		if (place_at(ahead, i)->state == ASKED)
			return place_at(ahead, i);
	return NULL;
}

/* With the lock held, which is given up meanwhile. */
static void look_at(struct trail_ahead *ahead, struct place *place)
{
	place->state = TAKEN;
	pthread_mutex_unlock(&ahead->lock);
	trail_look_at(&place->segment, &place->frame, place->key, ahead->since_ns, &place->look);
	pthread_mutex_lock(&ahead->lock);
	place->state = DONE;
	pthread_cond_signal(&ahead->done);
}

static void *work(void *context)
{
	struct trail_ahead *ahead = context;
	struct place *place;

	pthread_mutex_lock(&ahead->lock);
	while (!ahead->ending) {
		place = find_asked(ahead);
		if (place)
			look_at(ahead, place);
		else
			pthread_cond_wait(&ahead->asked, &ahead->lock);
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

/* Signals are the caller's. */
static void start_threads(struct trail_ahead *ahead, unsigned int threads)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (ahead->thread_count < threads && ahead->thread_count < TRAIL_AHEAD_THREADS &&
	       pthread_create(&ahead->threads[ahead->thread_count], NULL, work, ahead) == 0)
		ahead->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int trail_ahead_new(unsigned int threads, uint64_t since_ns, struct trail_ahead **ret_ahead)
{
	_cleanup_free_ struct trail_ahead *ahead = calloc(1, sizeof(*ahead));
	unsigned int most = threads < TRAIL_AHEAD_THREADS ? threads : TRAIL_AHEAD_THREADS;

	if (!ahead)
		return -ENOMEM;
	/* One is the caller's, and as many again wait. */
	ahead->place_count = 2 * most + 2;
	ahead->places = calloc(ahead->place_count, sizeof(*ahead->places));
	if (!ahead->places)
		return -ENOMEM;
	for (unsigned int i = 0; i < ahead->place_count; i++)
		ahead->places[i].segment.fd = -1;
	ahead->since_ns = since_ns;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->asked, NULL);
	pthread_cond_init(&ahead->done, NULL);
	start_threads(ahead, most);
	*ret_ahead = TAKE_PTR(ahead);
	return 0;
}

void trail_ahead_stop(struct trail_ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	for (unsigned int i = 0; i < ahead->place_count; i++) {
		struct place *place = &ahead->places[i];

		if (place->state == ASKED)
			place->state = EMPTY;
		while (place->state == TAKEN)
			pthread_cond_wait(&ahead->done, &ahead->lock);
		place->state = EMPTY;
	}
	ahead->first = ahead->count = 0;
	pthread_mutex_unlock(&ahead->lock);
	ahead->handed_out = false;
	ahead->bytes = 0;
}

void trail_ahead_free(struct trail_ahead *ahead)
{
	if (!ahead)
		return;
	trail_ahead_stop(ahead);
	pthread_mutex_lock(&ahead->lock);
	ahead->ending = true;
	pthread_cond_broadcast(&ahead->asked);
	pthread_mutex_unlock(&ahead->lock);
	while (ahead->thread_count > 0)
		pthread_join(ahead->threads[--ahead->thread_count], NULL);
	for (unsigned int i = 0; i < ahead->place_count; i++) {
		trail_segment_close(&ahead->places[i].segment);
		trail_look_free(&ahead->places[i].look);
	}
	pthread_cond_destroy(&ahead->asked);
	pthread_cond_destroy(&ahead->done);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead->places);
	free(ahead);
}

void trail_ahead_begin(struct trail_ahead *ahead, const struct trail_segment *segment,
		       const uint8_t *key)
{
	ahead->offset = 0;
	ahead->end = 1;
	memcpy(ahead->key, key, sizeof(ahead->key));
	for (unsigned int i = 0; i < ahead->place_count; i++)
		trail_segment_borrow(&ahead->places[i].segment, segment);
}

/* Headers are read in order here, which tells where the next one is and which key it has. */
static void ask(struct trail_ahead *ahead)
{
	struct place *place = place_at(ahead, ahead->count);

	ahead->end = trail_segment_frame(&place->segment, ahead->offset, &place->frame);
	if (ahead->end <= 0)
		return;
	memcpy(place->key, ahead->key, sizeof(place->key));
	memcpy(ahead->key, place->frame.seal.next_public_key, sizeof(ahead->key));
	ahead->offset = place->frame.end_offset;
	ahead->bytes += bytes_of(place);
	pthread_mutex_lock(&ahead->lock);
	place->state = ASKED;
	ahead->count++;
	pthread_cond_signal(&ahead->asked);
	pthread_mutex_unlock(&ahead->lock);
}

static void take_back(struct trail_ahead *ahead)
{
	struct place *place = place_at(ahead, 0);
	uint64_t bytes = bytes_of(place);

	if (bytes > KEPT_BYTES) {
		buffer_free(&place->segment.raw);
		buffer_free(&place->segment.stored);
		buffer_free(&place->look.numbers);
	}
	pthread_mutex_lock(&ahead->lock);
	place->state = EMPTY;
	ahead->first = (ahead->first + 1) % ahead->place_count;
	ahead->count--;
	pthread_mutex_unlock(&ahead->lock);
	ahead->bytes -= bytes;
	ahead->handed_out = false;
}

int trail_ahead_next(struct trail_ahead *ahead, const struct trail_frame **ret_frame,
		     const struct trail_look **ret_look)
{
	struct place *place;

	if (ahead->handed_out)
		take_back(ahead);
	while (ahead->end > 0 && ahead->count < ahead->place_count &&
	       (ahead->count == 0 || ahead->bytes < TRAIL_AHEAD_BYTES))
		ask(ahead);
	if (ahead->count == 0)
		return ahead->end;
	place = place_at(ahead, 0);
	pthread_mutex_lock(&ahead->lock);
	while (place->state != DONE)
		if (place->state == ASKED)
			look_at(ahead, place);
		else
			pthread_cond_wait(&ahead->done, &ahead->lock);
	pthread_mutex_unlock(&ahead->lock);
	ahead->handed_out = true;
	*ret_frame = &place->frame;
	*ret_look = &place->look;
	return 1;
}
