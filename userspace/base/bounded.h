/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that may never come back, for a caller who cannot wait for it: it is done by a thread of its
 * own. A system call that a file server holds up can be ended by no signal but SIGKILL.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOUNDED_MOST 8192

struct bounded {
	pthread_mutex_t lock;
	pthread_cond_t asked, answered;
	bool running, busy;
	void (*work)(void *argument);
	_Alignas(max_align_t) char argument[BOUNDED_MOST];
};

#define BOUNDED_INIT                                                                               \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, .asked = PTHREAD_COND_INITIALIZER,              \
		.answered = PTHREAD_COND_INITIALIZER                                               \
	}

/*
 * Let the thread, which begins with the first call and never ends, do work(copy), the copy being of
 * the `size` bytes of `argument`, and copy it back. For a `bounded` of static storage. Returns 0;
 * -ETIMEDOUT after patience_ns, what comes of it later being dropped; -EBUSY, at once, while
 * earlier work has not come back; -E2BIG; -errno where no thread can be had.
 */
int bounded_call(struct bounded *bounded, void (*work)(void *argument), void *argument, size_t size,
		 uint64_t patience_ns);
