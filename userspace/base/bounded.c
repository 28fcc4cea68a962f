// SPDX-License-Identifier: Apache-2.0
#include "base/bounded.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void *serve(void *argument)
{
	struct bounded *bounded = argument;

	pthread_mutex_lock(&bounded->lock);
	for (;;) {
		while (!bounded->busy)
			pthread_cond_wait(&bounded->asked, &bounded->lock);
		pthread_mutex_unlock(&bounded->lock);
		/* Nobody else touches work and argument as long as it is busy. */
		bounded->work(bounded->argument);
		pthread_mutex_lock(&bounded->lock);
		bounded->busy = false;
		pthread_cond_signal(&bounded->answered);
	}
	return NULL;
}

/* All signals are the caller's: a handler must not run in this one. */
static int start(struct bounded *bounded)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, serve, bounded);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return -r;
	pthread_detach(thread);
	bounded->running = true;
	return 0;
}

static int call(struct bounded *bounded, uint64_t patience_ns)
{
	struct timespec until;
	uint64_t ns;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = (uint64_t)until.tv_nsec + patience_ns;
	until.tv_sec += (time_t)(ns / NS_PER_SECOND);
	until.tv_nsec = (long)(ns % NS_PER_SECOND);
	bounded->busy = true;
	pthread_cond_signal(&bounded->asked);
	while (bounded->busy && r == 0)
		r = pthread_cond_clockwait(&bounded->answered, &bounded->lock, CLOCK_MONOTONIC,
					   &until);
	return bounded->busy ? -r : 0;
}

int bounded_call(struct bounded *bounded, void (*work)(void *argument), void *argument, size_t size,
		 uint64_t patience_ns)
{
	int r = 0;

	if (size > BOUNDED_MOST)
		return -E2BIG;
	pthread_mutex_lock(&bounded->lock);
	if (bounded->busy)
		r = -EBUSY;
	else if (!bounded->running)
		r = start(bounded);
	if (r == 0) {
		bounded->work = work;
		memcpy(bounded->argument, argument, size);
		r = call(bounded, patience_ns);
		if (r == 0)
			memcpy(argument, bounded->argument, size);
	}
	pthread_mutex_unlock(&bounded->lock);
	return r;
}
