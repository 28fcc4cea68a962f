/* SPDX-License-Identifier: Apache-2.0 */
/* What one commit will write: lines by class, counted as they come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "trail/format.h"
#include "trail/retention.h"
#include "trail/summary.h"

struct trail_batch_part {
	struct buffer raw; /* the payload: lines, each with its newline */
	struct trail_summary summary;
	uint32_t types;
	uint64_t first_event, event_count;
	struct trail_pruned pruned; /* with PRUNE among the types */
};

struct trail_batch {
	struct trail_batch *next;
	struct trail_batch_part part[TRAIL_CLASSES];
	uint64_t first_event, event_count;
	size_t raw_bytes;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC: when its commit is to start at the latest */
};

struct trail_entry {
	uint8_t type;  /* TRAIL_START, DATA, HEARTBEAT, LOSS, RECOVERY, STOP, PRUNE, NEWCHAIN */
	uint8_t class; /* enum trail_class; everything but DATA becomes evidence */
	bool urgent;   /* severity 75 and more: its commit starts within urgent_ns */
	uint64_t time_ns;
	const char *line; /* one JSON object, without newline */
	size_t length;
	const struct trail_term *terms; /* exactly one of them is the kind */
	size_t term_count;
	const struct trail_pruned *pruned; /* of PRUNE */
};

/* NULL on -ENOMEM. trail_batch_free() takes NULL. */
struct trail_batch *trail_batch_new(void);
void trail_batch_free(struct trail_batch *batch);

/* Make it empty; its memory stays. `seed` goes to the hash tables. */
void trail_batch_clear(struct trail_batch *batch, uint64_t seed);

static inline unsigned int trail_entry_class(const struct trail_entry *entry)
{
	return entry->type == TRAIL_DATA ? entry->class : TRAIL_EVIDENCE;
}

/* Whether its kind can still be counted here. */
bool trail_batch_fits(const struct trail_batch *batch, const struct trail_entry *entry);

/* Add an entry that was checked and fits. Returns 0, or -ENOMEM and nothing was added. */
int trail_batch_add(struct trail_batch *batch, const struct trail_entry *entry, uint64_t sequence);
