/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a story that is being told: found by process, closed when they fall silent or grow
 * long, printed in the order in which they began. What is held is bounded: 256 open blocks, 32 MiB.
 */
#pragma once

#include <sys/queue.h>

#include "output/story_block.h"

TAILQ_HEAD(story_blocks, story_block);

struct story {
	FILE *out;
	struct story_page page;
	struct story_blocks blocks;  /* in the order in which they began */
	struct story_blocks active;  /* the open ones with a process, the longest silent first */
	struct story_block *current; /* follow: whose header was printed last */
	size_t open, held;
	uint64_t now_ns; /* event time */
	struct telling telling;
};

/* Of an id; never 0. */
uint64_t story_hash(struct text text);

/* The open block of the process with this entity id, or NULL. */
struct story_block *story_find_open(struct story *story, struct text process);
/* The open block of the record's process, or a new one. Returns 0 or -ENOMEM. */
int story_find(struct story *story, const struct record *record, struct story_block **ret);

/*
 * A line from story->telling. *ret_line (may be NULL) holds until the next one. With story_added()
 * the block is shown, in a story that is followed, from line `from` on, and closed if it has grown
 * long.
 */
int story_add(struct story *story, struct story_block *block, bool fold,
	      struct story_line **ret_line);
int story_added(struct story *story, struct story_block *block, size_t from);
/* story->telling as a line that stands alone. */
int story_alone(struct story *story);

/* The line that waits for the answer to `request`, or that is the stream `stream`; 0 is neither.
 * NULL if there is none. */
struct story_line *story_find_line(struct story *story, uint64_t request, uint64_t stream,
				   struct story_block **ret_block);

/* Something happened in it: it is not silent. */
void story_touch(struct story *story, struct story_block *block);
/* Bring the books up to date after block->held has changed from `held`. */
void story_account(struct story *story, const struct story_block *block, size_t held);
/* What was counted as noise becomes a line, unless it is not worth one. Returns 0 or -ENOMEM. */
int story_end_noise(struct story *story, struct story_block *block, uint64_t time_ns);
void story_drop_line(struct story *story, struct story_block *block, size_t i);

/* Close what is silent, and keep what is held in bounds. */
int story_tidy(struct story *story);
/* Close and print everything. */
int story_close_all(struct story *story);
void story_clear(struct story *story);
