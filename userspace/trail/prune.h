/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dropping payloads of segments that are closed, oldest first, routine before evidence, once they
 * are due and the trail is larger than it may be. What is to be dropped is found first, then told
 * in a frame of type PRUNE that is committed, and only then dropped.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "trail/retention.h"

/* How far it is: all zero at first. */
struct trail_prune {
	uint64_t most_bytes; /* of all segments; beyond that something is dropped */
	/* The segment that is written to: it stays as it is, and so does what is called later,
	 * whoever put that there. 0: all but the last are closed. */
	uint64_t active;
	struct {
		uint64_t empty;    /* segments before this one have no payload of the class, */
		uint64_t searched; /* those before this one none that is due */
		uint64_t due_ns;   /* before then: the first that will be */
	} classes[TRAIL_CLASSES];
	const atomic_bool *stop; /* looked at between two frames; NULL: never */
};

/* Payloads of one class in one segment. */
struct trail_prune_step {
	uint64_t segment;
	enum trail_class class;
	uint64_t before_frame;      /* the first frame of the next segment */
	uint64_t frames, events;    /* whose payloads are due, */
	uint64_t bytes;             /* their bytes on the disk, */
	uint64_t first_ns, last_ns; /* and when they were made, the first and the last */
};

enum trail_prune_found {
	TRAIL_PRUNE_SMALL, /* the trail is not larger than it may be */
	TRAIL_PRUNE_STEP,  /* the next step */
	TRAIL_PRUNE_NONE,  /* it is, and nothing is due */
};

/*
 * What to drop next from the trail in `folder` at `now_ns`, on the wall clock. Returns an enum
 * trail_prune_found; -ECANCELED when it was stopped; -errno.
 */
int trail_prune_find(int folder, struct trail_prune *prune, uint64_t now_ns,
		     struct trail_prune_step *ret_step);

/*
 * Write the segment anew without the payloads of the step, and put it in the place of the old one:
 * a crash leaves the one or the other. The note must have been committed. Returns 0; -EBADMSG when
 * the segment is damaged, and nothing was changed; -ECANCELED; -errno.
 */
int trail_prune_segment(int folder, const struct trail_prune *prune,
			const struct trail_prune_step *step, uint64_t now_ns);

/* Remove what a crash within that left. Returns 0 or -errno. */
int trail_prune_forget(int folder);
