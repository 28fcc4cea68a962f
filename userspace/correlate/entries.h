/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who came into containers, by the start of the process that did (wire_task.entered): all that are
 * its children came for whom it came.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct entries;

#define ENTRIES_MOST 4096 /* beyond, the one that was not asked for for longest is forgotten */

/* Returns 0 or -ENOMEM. */
int entries_new(struct entries **ret);
/* Takes NULL. */
void entries_free(struct entries *entries);

/* `start`: boot clock, ns; `exec_id`: 64 digits; empty, where no engine's request is known to be
 * behind it, is not kept. What is there stays: it runs another program. Returns 0 or -ENOMEM. */
int entries_keep(struct entries *entries, uint64_t start, struct text exec_id);

/* Its exec id, or empty. Valid until the next entries_keep(). */
struct text entries_find(struct entries *entries, uint64_t start);

/* Was any forgotten? Then one that is not found may have been. */
bool entries_forgot(const struct entries *entries);
