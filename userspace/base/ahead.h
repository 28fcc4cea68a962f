/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that several threads do ahead of the one who asks for it and takes it, in the order in which
 * it was asked for. No thread runs until there is more to do than the caller can begin with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define AHEAD_THREADS_MOST 16

struct ahead;

struct ahead_options {
	unsigned int threads; /* beside the caller's own: 0 as well, AHEAD_THREADS_MOST at most */
	size_t item_bytes;
	void (*work)(void *context, void *item); /* in any thread */
	void (*clear)(void *item);               /* free what an item owns */
	void *context;
};

/* How many threads beside the caller's can run at once: by sched_getaffinity(2). */
unsigned int ahead_threads(void);

/* Returns 0 or -ENOMEM; fewer threads than asked for are no error. */
int ahead_new(const struct ahead_options *options, struct ahead **ret);
/* Takes NULL. */
void ahead_free(struct ahead *ahead);

/*
 * An item that nobody works on, for the caller to fill: zeroed the first time, and then as it was
 * left. NULL: all are in use. ahead_ask() gives it away.
 */
void *ahead_room(struct ahead *ahead);
void ahead_ask(struct ahead *ahead);

/* The first of those asked for, when it is done: waits, or works on it here. The caller's until
 * ahead_take_back(). NULL: nothing was asked for. */
void *ahead_next(struct ahead *ahead);
/* The same without waiting: NULL as well where it is not done yet. */
void *ahead_ready(struct ahead *ahead);
void ahead_take_back(struct ahead *ahead);

/* Nothing is asked for any more, and nobody works on anything. */
void ahead_drop(struct ahead *ahead);
