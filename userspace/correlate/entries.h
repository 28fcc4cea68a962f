/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who came into containers, by the start of the process that did (wire_task.entered): all that are
 * its children came for whom it came.
 */
#pragma once

#include <stdint.h>

#include "base/text.h"

struct entries;

#define ENTRIES_MOST 4096 /* beyond, the oldest is forgotten */

/* Returns 0 or -ENOMEM. */
int entries_new(struct entries **ret);
/* Takes NULL. */
void entries_free(struct entries *entries);

/* `start`: boot clock, ns; `exec_id`: 64 digits, or empty where no engine's request is known to be
 * behind it. What is there stays: it runs another program. Returns 0 or -ENOMEM. */
int entries_keep(struct entries *entries, uint64_t start, struct text exec_id);

/* Its exec id, or empty. Valid until the next entries_keep(). */
struct text entries_find(const struct entries *entries, uint64_t start);
