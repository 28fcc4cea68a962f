/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When containers began: what is done in one before that is done by who makes it. Learnt from the
 * events that say so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define STARTED_MOST 4096 /* the oldest goes first */

struct started;

/* Returns 0 or -ENOMEM. */
int started_new(struct started **ret);
/* Takes NULL. */
void started_free(struct started *started);

/* A container, by its whole id, began at this time, UTC ns. Returns 0, -EINVAL or -ENOMEM. */
int started_learn(struct started *started, struct text id, uint64_t wall_ns);

/* Whether it was known to run at this time. */
bool started_before(const struct started *started, struct text id, uint64_t wall_ns);
