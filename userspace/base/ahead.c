// SPDX-License-Identifier: Apache-2.0
#include "base/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum state { EMPTY, ASKED, TAKEN, DONE };

/* Only `state` is shared; the item belongs to whoever that says has it. */
struct place {
	enum state state;
	void *item;
};

struct ahead {
	struct ahead_options options;
	pthread_mutex_t lock;
	pthread_cond_t asked, done;
	bool ending;
	pthread_t threads[AHEAD_THREADS_MOST];
	unsigned int thread_count;
	/* A ring: those between `first` and `first` + `count` were asked for, in order. */
	struct place *places;
	unsigned int place_count, first, count;
	unsigned char *items;
};

unsigned int ahead_threads(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	return (unsigned int)CPU_COUNT(&set) - 1;
}

static struct place *place_at(struct ahead *ahead, unsigned int index)
{
	return &ahead->places[(ahead->first + index) % ahead->place_count];
}

/* The first that nobody works on yet; with the lock held. */
static struct place *find_asked(struct ahead *ahead)
{
	for (unsigned int i = 0; i < ahead->count; i++)
		if (place_at(ahead, i)->state == ASKED)
			return place_at(ahead, i);
	return NULL;
}

/* With the lock held, which is given up meanwhile. */
static void work_on(struct ahead *ahead, struct place *place)
{
	place->state = TAKEN;
	pthread_mutex_unlock(&ahead->lock);
	ahead->options.work(ahead->options.context, place->item);
	pthread_mutex_lock(&ahead->lock);
	place->state = DONE;
	pthread_cond_signal(&ahead->done);
}

static void *work(void *context)
{
	struct ahead *ahead = context;
	struct place *place;

	pthread_mutex_lock(&ahead->lock);
	while (!ahead->ending) {
		place = find_asked(ahead);
		if (place)
			work_on(ahead, place);
		else
			pthread_cond_wait(&ahead->asked, &ahead->lock);
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

/* Signals are the caller's. Where none can be started the caller does it all. */
static void start_thread(struct ahead *ahead)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (pthread_create(&ahead->threads[ahead->thread_count], NULL, work, ahead) == 0)
		ahead->thread_count++;
	else
		ahead->options.threads = ahead->thread_count;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int ahead_new(const struct ahead_options *options, struct ahead **ret)
{
	_cleanup_free_ struct ahead *ahead = calloc(1, sizeof(*ahead));
	size_t align = _Alignof(max_align_t);
	size_t bytes = (options->item_bytes + align - 1) / align * align;

	if (!ahead)
		return -ENOMEM;
	ahead->options = *options;
	if (ahead->options.threads > AHEAD_THREADS_MOST)
		ahead->options.threads = AHEAD_THREADS_MOST;
	/* One is the caller's, and as many again wait. */
	ahead->place_count = 2 * ahead->options.threads + 2;
	ahead->places = calloc(ahead->place_count, sizeof(*ahead->places));
	ahead->items = calloc(ahead->place_count, bytes);
	if (!ahead->places || !ahead->items) {
		free(ahead->places);
		free(ahead->items);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < ahead->place_count; i++)
		ahead->places[i].item = ahead->items + i * bytes;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->asked, NULL);
	pthread_cond_init(&ahead->done, NULL);
	*ret = TAKE_PTR(ahead);
	return 0;
}

void ahead_drop(struct ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	for (unsigned int i = 0; i < ahead->place_count; i++) {
		struct place *place = &ahead->places[i];

		while (place->state == TAKEN)
			pthread_cond_wait(&ahead->done, &ahead->lock);
		place->state = EMPTY;
	}
	ahead->first = ahead->count = 0;
	pthread_mutex_unlock(&ahead->lock);
}

void ahead_free(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->ending = true;
	pthread_cond_broadcast(&ahead->asked);
	pthread_mutex_unlock(&ahead->lock);
	while (ahead->thread_count > 0)
		pthread_join(ahead->threads[--ahead->thread_count], NULL);
	for (unsigned int i = 0; i < ahead->place_count; i++)
		ahead->options.clear(ahead->places[i].item);
	pthread_cond_destroy(&ahead->asked);
	pthread_cond_destroy(&ahead->done);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead->places);
	free(ahead->items);
	free(ahead);
}

void *ahead_room(struct ahead *ahead)
{
	return ahead->count == ahead->place_count ? NULL : place_at(ahead, ahead->count)->item;
}

void ahead_ask(struct ahead *ahead)
{
	if (ahead->count > 0 && ahead->thread_count < ahead->options.threads)
		start_thread(ahead);
	pthread_mutex_lock(&ahead->lock);
	place_at(ahead, ahead->count)->state = ASKED;
	ahead->count++;
	pthread_cond_signal(&ahead->asked);
	pthread_mutex_unlock(&ahead->lock);
}

void *ahead_next(struct ahead *ahead)
{
	struct place *place = place_at(ahead, 0);

	if (ahead->count == 0)
		return NULL;
	pthread_mutex_lock(&ahead->lock);
	while (place->state != DONE)
		if (place->state == ASKED)
			work_on(ahead, place);
		else
			pthread_cond_wait(&ahead->done, &ahead->lock);
	pthread_mutex_unlock(&ahead->lock);
	return place->item;
}

void *ahead_ready(struct ahead *ahead)
{
	bool done;

	if (ahead->count == 0 || ahead->options.threads == 0)
		return ahead_next(ahead);
	pthread_mutex_lock(&ahead->lock);
	done = place_at(ahead, 0)->state == DONE;
	pthread_mutex_unlock(&ahead->lock);
	return done ? place_at(ahead, 0)->item : NULL;
}

void ahead_take_back(struct ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	place_at(ahead, 0)->state = EMPTY;
	ahead->first = (ahead->first + 1) % ahead->place_count;
	ahead->count--;
	pthread_mutex_unlock(&ahead->lock);
}
