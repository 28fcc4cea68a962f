// SPDX-License-Identifier: Apache-2.0
/*
 * A trail that has grown too large: payloads that are due are dropped, one class of one segment
 * after the other. That is said in the trail first, and done once it stands there for sure. A
 * thread of its own reads and writes the old segments, when nothing else wants the machine;
 * everything else is done here.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "commands/recorder.h"
#include "trail/prune.h"

#define EVERY_NS (60 * NS_PER_SECOND)

/* ioprio_set(2), which glibc does not wrap: linux/ioprio.h. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE        (3 << 13)

enum prune_state {
	PRUNE_IDLE,
	PRUNE_FIND, /* the thread's */
	PRUNE_FOUND,
	PRUNE_TOLD, /* the note is on its way to the disk */
	PRUNE_DROP, /* the thread's */
	PRUNE_DROPPED,
	PRUNE_END,
};

struct recorder_prune {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turned; /* `state` is another one */
	enum prune_state state;
	atomic_bool stop;
	int folder;
	/* The thread's while it is at work, else the recorder's. */
	struct trail_prune prune;
	struct trail_prune_step step;
	int result;
	/* The recorder's. */
	uint64_t due;      /* boot clock */
	uint64_t segment;  /* the active one, when it was asked last */
	uint64_t sequence; /* of the note */
	bool none_told;
	int error_told;
};

/* ---- the thread */

static void be_lazy(void)
{
	const struct sched_param none = {};

	/* Where that is not allowed it is only less considerate. */
	(void)sched_setscheduler(0, SCHED_IDLE, &none);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

static int work(struct recorder_prune *prune, enum prune_state state)
{
	if (state == PRUNE_FIND)
		return trail_prune_find(prune->folder, &prune->prune, clock_wall_ns(),
					&prune->step);
	return trail_prune_segment(prune->folder, &prune->prune, &prune->step, clock_wall_ns());
}

static void *run(void *user)
{
	struct recorder_prune *prune = user;

	be_lazy();
	pthread_mutex_lock(&prune->lock);
	while (prune->state != PRUNE_END) {
		enum prune_state state = prune->state;

		if (state != PRUNE_FIND && state != PRUNE_DROP) {
			pthread_cond_wait(&prune->turned, &prune->lock);
			continue;
		}
		pthread_mutex_unlock(&prune->lock);
		prune->result = work(prune, state);
		pthread_mutex_lock(&prune->lock);
		if (prune->state == state)
			prune->state++;
	}
	pthread_mutex_unlock(&prune->lock);
	return NULL;
}

/* ---- the recorder's side */

static enum prune_state state_of(struct recorder_prune *prune)
{
	enum prune_state state;

	pthread_mutex_lock(&prune->lock);
	state = prune->state;
	pthread_mutex_unlock(&prune->lock);
	return state;
}

static void turn(struct recorder_prune *prune, enum prune_state state)
{
	pthread_mutex_lock(&prune->lock);
	prune->state = state;
	pthread_cond_signal(&prune->turned);
	pthread_mutex_unlock(&prune->lock);
}

static void tell_error(struct recorder *recorder, int error)
{
	struct recorder_prune *prune = recorder->prune;
	char reason[160];

	if (error == prune->error_told)
		return;
	prune->error_told = error;
	snprintf(reason, sizeof(reason), "nothing can be dropped from the trail, which grows: %s",
		 strerror(-error));
	recorder_say_degraded(recorder, reason);
	fprintf(stderr, "docktrail: %s\n", reason);
}

static void tell_none(struct recorder *recorder)
{
	static const char reason[] = "the trail is larger than retention_size, and nothing in it "
				     "may be dropped yet: it grows";

	if (recorder->prune->none_told)
		return;
	recorder->prune->none_told = true;
	recorder_say_degraded(recorder, reason);
	fprintf(stderr, "docktrail: %s\n", reason);
}

/* What was found is told. Returns the state that follows. */
static enum prune_state take_found(struct recorder *recorder)
{
	struct recorder_prune *prune = recorder->prune;

	if (prune->result < 0)
		tell_error(recorder, prune->result);
	else if (prune->result == TRAIL_PRUNE_NONE && prune->prune.most_bytes)
		tell_none(recorder);
	if (prune->result != TRAIL_PRUNE_STEP)
		return PRUNE_IDLE;
	prune->none_told = false;
	prune->sequence = scribe_next_sequence(recorder->scribe);
	recorder_say_pruned(recorder, &prune->step);
	/* Where it had no room in the queue it is found again later. */
	return scribe_next_sequence(recorder->scribe) > prune->sequence ? PRUNE_TOLD : PRUNE_IDLE;
}

static bool is_committed(const struct recorder *recorder)
{
	struct scribe_stats stats;

	scribe_get_stats(recorder->scribe, &stats);
	return stats.trail.committed_event >= recorder->prune->sequence;
}

/* Now and then, and when another segment was closed. */
static void ask(struct recorder *recorder, uint64_t now)
{
	struct recorder_prune *prune = recorder->prune;
	struct scribe_stats stats;

	scribe_get_stats(recorder->scribe, &stats);
	if (now < prune->due && stats.trail.segment == prune->segment)
		return;
	prune->due = now + EVERY_NS;
	prune->segment = stats.trail.segment;
	/* Where the disk is nearly full, all that is due goes. */
	prune->prune.most_bytes =
		stats.trail.reserve_error ? 0 : recorder->options->retention_bytes;
	prune->prune.active = stats.trail.segment;
	turn(prune, PRUNE_FIND);
}

void recorder_prune(struct recorder *recorder, uint64_t now)
{
	struct recorder_prune *prune = recorder->prune;

	if (!prune)
		return;
	switch (state_of(prune)) {
	case PRUNE_IDLE:
		ask(recorder, now);
		return;
	case PRUNE_FOUND:
		turn(prune, take_found(recorder));
		return;
	case PRUNE_TOLD:
		if (is_committed(recorder))
			turn(prune, PRUNE_DROP);
		return;
	case PRUNE_DROPPED:
		if (prune->result < 0)
			tell_error(recorder, prune->result);
		else
			prune->due = now; /* there may be more */
		turn(prune, PRUNE_IDLE);
		return;
	default:
		return;
	}
}

void recorder_begin_prune(struct recorder *recorder)
{
	struct recorder_prune *prune;
	int r;

	if (!recorder->options->retention_bytes)
		return;
	prune = calloc(1, sizeof(*prune));
	r = prune ? 0 : -ENOMEM;
	if (r == 0) {
		prune->folder = recorder->trail_folder;
		prune->prune.stop = &prune->stop;
		pthread_mutex_init(&prune->lock, NULL);
		pthread_cond_init(&prune->turned, NULL);
		r = -pthread_create(&prune->thread, NULL, run, prune);
	}
	if (r < 0) {
		free(prune);
		fprintf(stderr, "docktrail: nothing is dropped from the trail: %s\n", strerror(-r));
		return;
	}
	recorder->prune = prune;
}

/* What is half done is given up: a segment is the old one or the new one. */
void recorder_end_prune(struct recorder *recorder)
{
	struct recorder_prune *prune = recorder->prune;

	if (!prune)
		return;
	recorder->prune = NULL;
	atomic_store(&prune->stop, true);
	turn(prune, PRUNE_END);
	pthread_join(prune->thread, NULL);
	pthread_cond_destroy(&prune->turned);
	pthread_mutex_destroy(&prune->lock);
	free(prune);
}
