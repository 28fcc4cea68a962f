/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind a container: who asked for it, who started it this time, and who asked for an exec
 * in it. Learnt from the requests that were written, and put into every event of the container.
 */
#pragma once

#include <stdint.h>

#include "base/text.h"

struct causes;
struct containers;
struct record;

/* Beyond, the one that was not heard of for longest is forgotten. */
#define CAUSES_CONTAINERS 4096
#define CAUSES_EXECS      4096
#define CAUSES_UNANSWERED 1024

/* `containers` resolves what one container declares of another; may be NULL. Returns 0 or -ENOMEM.
 */
int causes_new(struct containers *containers, struct causes **ret);
/* Takes NULL. */
void causes_free(struct causes *causes);

/* An api-request was written, with its number, or the api-answer to one; other events are ignored.
 * Returns 0 or -ENOMEM. */
int causes_learn(struct causes *causes, const struct record *record);

/*
 * The same from a line of the trail that an earlier recorder wrote: who had containers made, and
 * execs. Not who started them: that may have been somebody else since.
 */
int causes_remember(struct causes *causes, const struct record *record);

/* There was more to remember than was read. */
void causes_forgot(struct causes *causes);

/*
 * The groups CAUSE and, of a container-start, DIFFERENCE, by container.id and
 * docktrail.entered_by.exec_id; lent, so that the record is to be written before the next
 * causes_learn(). A record without a container is left as it is. Where the answer to a create was
 * not read, its container is found by the name that it was to have, if only one asked for it, and
 * the reason says so.
 */
void causes_fill(struct causes *causes, struct record *record);

/* The container has ended that was started by the request of this number: who starts it again does
 * so anew, and may have asked before this end. */
void causes_ended(struct causes *causes, struct text container, uint64_t started_by);
