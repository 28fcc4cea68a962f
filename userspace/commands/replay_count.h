/* SPDX-License-Identifier: Apache-2.0 */
/* How often each value of a field occurs: replay --count-by. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "event/field.h"

/* Beyond, an event is counted with the others, and both the table and stderr say so. */
#define REPLAY_COUNT_VALUES_MOST 1000000u
#define REPLAY_COUNT_BYTES_MOST  (128u << 20) /* of all values together */

struct record;
struct replay_count;
struct trail_header;

/* In place of a field: every container that an event is of or about, as summaries count it. */
#define REPLAY_COUNT_CONTAINERS ((enum field)(FIELD_COUNT + 1))

/* Returns 0 or -ENOMEM. */
int replay_count_new(enum field field, struct replay_count **ret);
/* Takes NULL. */
void replay_count_free(struct replay_count *count);

/*
 * One more event. Of a list each different item counts once; a field that the event does not have
 * counts as absent; of containers those are counted that there are. Returns 0 or -ENOMEM.
 */
int replay_count_add(struct replay_count *count, const struct record *record);

/*
 * All events of a frame, by its signed summary. Returns 1; 0 when the summary does not tell, and
 * its events are to be added one by one; -ENOMEM.
 */
int replay_count_add_frame(struct replay_count *count, const struct trail_header *header);

/*
 * The most frequent first, and then by value: a table, or lines of JSON {"field", "value",
 * "count"}, where the value is null where the field is absent, and what is beyond the bounds has
 * "others": true instead. Returns 0, -ENOMEM, or the -errno of writing.
 */
int replay_count_write(const struct replay_count *count, FILE *out, bool json);

/* Events whose value did not fit in the bounds. */
uint64_t replay_count_others(const struct replay_count *count);
