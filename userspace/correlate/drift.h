/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watched file is not what it was: what is different, and by whom, where audit saw somebody at
 * it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/file_look.h"

struct actor_context;
struct drifts;
struct record;
struct redact;

#define DRIFT_HITS_MOST  128 /* touched files that are remembered, the last ones */
#define DRIFT_LINES_MOST 100 /* of a diff */
#define DRIFT_LINE_MOST  400 /* bytes of one */

/* How long before the earlier of two looks somebody may have opened what he wrote to later. */
#define DRIFT_OPEN_NS 20000000000ull

/* Its process tree tells whether who touched a file still lived; NULL, or without one: not known.
 * Returns 0 or -ENOMEM. */
int drifts_new(const struct actor_context *actors, struct drifts **ret);
/* Takes NULL. */
void drifts_free(struct drifts *drifts);

/*
 * A watch-hit that stands in the trail. Returns 1 where the file may have been changed by it, so
 * that a look at it is worth while; 0; or -ENOMEM.
 */
int drifts_hit(struct drifts *drifts, const struct record *hit);

/*
 * Whether something is different, and who was seen at it is not known so far: audit may be behind.
 * As drifts_fill().
 */
bool drifts_waits(struct drifts *drifts, const char *path, const struct file_look *before,
		  const struct file_look *after, uint64_t since);

/*
 * What is different between two looks at `path`, `since` being the time of the earlier one (UTC
 * ns): the groups FILE and DRIFT, and, of the last one who was seen at it, ACTOR and CAUSE. Where
 * nobody was, the severity is 100 if audit should have seen it (`witnessed`), else 75. False:
 * nothing is different. The record keeps a failed allocation.
 */
bool drifts_fill(struct drifts *drifts, const char *path, const struct file_look *before,
		 const struct file_look *after, uint64_t since, bool witnessed,
		 const struct redact *redact, struct record *record);
