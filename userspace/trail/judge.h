/* SPDX-License-Identifier: Apache-2.0 */
/* Between the walk over a trail (verify.c) and the verdict (judge.c); of no use elsewhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/chain.h"
#include "trail/committed.h"
#include "trail/key.h"
#include "trail/verify.h"

/* All that a verdict is made of. */
struct trail_judge {
	const struct trail_verify_options *options;
	int folder;
	bool live;
	struct trail_key_state keys;
	const struct trail_key *older, *newer; /* NULL where there is none */
	const char *no_keys;                   /* why there is none */
	bool told;                             /* `committed` is good */
	struct trail_committed committed;
	struct trail_chain chain;
	/* After the last whole commit: */
	struct trail_chain whole; /* its commit_bits and totals are not owned and not used */
	uint64_t *segments;
	size_t segment_count, segment;
	uint64_t end_offset;          /* in that segment */
	uint64_t rest_bytes;          /* behind it */
	int broken;                   /* why the walk ended before the end: -ENODATA, -EBADMSG; 0 */
	bool misplaced;               /* by what does not belong there: no crash leaves that */
	bool end_anchored;            /* an anchor says that the last frame was the last */
	struct trail_anchor *anchors; /* those that were given, by frame; owned */
	size_t anchor_at;             /* the first that may be of a frame to come */
	bool over;                    /* at what is in progress */
	struct trail_ahead *ahead;    /* owned */
	uint64_t done_bytes, all_bytes;
	struct trail_verdict *verdict;
};

/* Set verdict and reason. */
__attribute__((format(printf, 3, 4))) void trail_judge_conclude(struct trail_judge *judge,
								enum trail_verdict_code code,
								const char *format, ...);

/*
 * The verdict on a log that was walked to its end, to what is in progress, or to what is broken.
 * Returns 0; 1 when the recorder may have said meanwhile what is missed: it is to be walked again.
 */
int trail_judge(struct trail_judge *judge);
