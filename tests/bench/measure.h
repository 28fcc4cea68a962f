/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench programs share: clocks, the smallest of several repetitions, and how they fail. */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * CPU time of this thread: what an act costs the one who does it. Preemption by others does not
 * count, their traces in the caches do.
 */
#define MEASURE_CPU  CLOCK_THREAD_CPUTIME_ID
#define MEASURE_WALL CLOCK_MONOTONIC

static inline uint64_t measure_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void measure_pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* A bench that cannot do its act has no result: it says why and ends. */
_Noreturn static inline void measure_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static inline int measure_must(int result, const char *what)
{
	if (result < 0)
		measure_die(what);
	return result;
}
