/* SPDX-License-Identifier: Apache-2.0 */
/* Checking frames in order, from the root on: everything that the frames themselves can prove. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trail/look.h"
#include "trail/old.h"
#include "trail/retention.h"
#include "trail/totals.h"

/* Signed notes that something is missing, counted by the kinds of events that tell of it. */
struct trail_gaps {
	uint64_t losses;     /* recorder-loss */
	uint64_t recoveries; /* recorder-recovery */
	uint64_t degraded;   /* recorder-degraded */
	uint64_t clock_steps;
	uint64_t new_chains; /* recorder-newchain */
};

/* Payloads of one class that are gone, and the note that says so. */
struct trail_gone {
	uint64_t frames, events;
	uint64_t last_frame, last_wall_ns; /* the last one of them */
	uint64_t due_ns;                   /* when they might all be dropped */
	uint64_t before_frame; /* by the note that reaches furthest: those before it; 0: none */
	uint64_t noted_ns;     /* when that frame was made */
};

struct trail_chain {
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint8_t next_key[TRAIL_KEY_BYTES]; /* checks the next frame */
	uint8_t hash[TRAIL_HASH_BYTES];    /* of the last frame */
	uint64_t next_frame, next_event;
	/* The commit that is being read. */
	unsigned int commit_frames, commit_left;
	uint64_t commit_first_event, commit_event_count, commit_seen;
	uint8_t *
		commit_bits; /* one for each of its events, owned; NULL for a commit of one frame */
	uint32_t commit_types;
	/* Sums over whole frames. */
	uint64_t events, raw_bytes, stored_bytes;
	uint64_t last_wall_ns;
	uint64_t skipped_frames; /* whose payloads were not looked at */
	struct trail_gaps gaps;
	struct trail_retention retention; /* in force */
	struct trail_gone gone[TRAIL_CLASSES];
	bool at_segment_begin;      /* the next frame is the first one of a segment */
	struct trail_totals totals; /* of the segment's frames so far; owned */
	uint64_t seed;              /* of its hash table */
	struct trail_old_head
		old; /* what frame 1 quotes; its reason is 0 where it quotes nothing */
};

/* Begin before frame 1, which `root` has signed. Returns 0 or -errno. */
int trail_chain_begin(struct trail_chain *chain, const uint8_t *root);
void trail_chain_end(struct trail_chain *chain);

/* The next frame is the first one of a segment. */
void trail_chain_begin_segment(struct trail_chain *chain);

/*
 * Check a frame as the next one, whose signature was looked at by `next_key`. Returns 0 and counts
 * it; -EBADMSG with a reason that says what is wrong; -errno.
 */
int trail_chain_check(struct trail_chain *chain, const struct trail_frame *frame,
		      const struct trail_look *look, const char **ret_reason);
