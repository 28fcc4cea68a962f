/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one process asked for, gathered: the unit of a story. Also a line that stands alone (a loss,
 * a start), as a block with nothing but that line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "output/format.h"
#include "output/tell.h"

#define STORY_LINES_MOST 2000

struct story_line {
	uint64_t time_ns, last_ns; /* last_ns: of the last one that was folded into it */
	uint64_t request;          /* hash of the request id while the answer is to come; 0 */
	uint64_t stream;           /* hash of the connection that became a stream; 0 */
	unsigned int count;        /* how many the same in a row */
	unsigned int depth;        /* 1: came of the request above it */
	struct spans what, rest;
};

/* Requests that say nothing by themselves, counted by operation. */
struct story_noise {
	const char *operation;
	unsigned int count;
};

#define STORY_NOISE_KINDS 4

struct story_block {
	TAILQ_ENTRY(story_block) order, activity;
	char *key; /* of the process; owned; NULL for a line that stands alone */
	uint64_t hash;
	uint64_t first_ns, last_ns;
	size_t held; /* bytes of memory, about */
	struct spans header, ancestry;
	struct story_line *lines;
	size_t count, capacity;
	struct story_noise noise[STORY_NOISE_KINDS];
	unsigned int connects, closes, requests;
	bool closed;
	bool told;            /* its header has been shown */
	bool command_known;   /* the header has the command line */
	unsigned int waiting; /* lines with `request` set */
};

/* How a story is printed. */
struct story_page {
	struct format_options options;
	int day;           /* of the last time that was printed */
	uint64_t second;   /* of the last time that was printed in the gutter */
	size_t what_width; /* columns of `what` */
	bool parted;       /* a blank line, a day or nothing stands above: no other one is needed */
	bool alone;        /* what was printed last was a line that stands alone */
	struct buffer out;
};

struct story_block *story_block_new(const char *key, size_t key_length, uint64_t time_ns);
/* Takes NULL. */
void story_block_free(struct story_block *block);

/* Header and ancestry from the record, where they are not known yet. Returns 0 or -ENOMEM. */
int story_block_set_who(struct story_block *block, const struct record *record);

/* Whether it is noise; counted if so. */
bool story_block_add_noise(struct story_block *block, const struct record *record);
/* Forget the pings, if there is no other noise: not worth a header of its own. */
void story_block_drop_pings(struct story_block *block);
/* "12 x SystemPing, SystemVersion" as a line; nothing where there is none. Returns 0 or -ENOMEM. */
int story_block_end_noise(struct story_block *block, uint64_t time_ns);

/*
 * A line of its own, taken from `telling` (which is then empty). Folded into the last one if it
 * says the same and `fold` is set. *ret_line (may be NULL) is valid until the next line is added.
 * Returns 0 or -ENOMEM.
 */
int story_block_add(struct story_block *block, struct telling *telling, uint64_t time_ns, bool fold,
		    struct story_line **ret_line);
/* Drop the line at `i`. */
void story_block_drop(struct story_block *block, size_t i);

void story_page_begin(struct story_page *page, const struct format_options *options);

/* Append to page->out. */
void story_print_header(struct story_page *page, struct story_block *block, uint64_t time_ns);
void story_print_line(struct story_page *page, const struct story_line *line);
/* Header and all lines; for a line that stands alone just that. */
void story_print_block(struct story_page *page, struct story_block *block);
