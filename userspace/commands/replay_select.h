/* SPDX-License-Identifier: Apache-2.0 */
/* Which events a reader asked for: by time, by container, by user, by filter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct filter;
struct record;
struct trail_header;

#define REPLAY_ALIASES_MOST 256
#define REPLAY_ALIAS_LENGTH 80
#define REPLAY_EXECS_MOST   256
#define REPLAY_EXEC_LENGTH  64
#define REPLAY_UIDS_MOST    16

struct replay_select {
	uint64_t since_ns, until_ns; /* at `since` and after, before `until`; 0 and UINT64_MAX */
	struct filter *filter;       /* owned; NULL: all */
	const char *container;       /* id, at least four digits of one, or name; NULL: all */
	/* Other names of that container, learnt from the events that name both: owned. */
	char (*aliases)[REPLAY_ALIAS_LENGTH];
	size_t alias_count;
	/* By the first digits of their ids, containers whose events were passed over: 65,536 bits,
	 * owned; and the alias of which that is so, but for chance. Empty: none. */
	unsigned char *passed;
	char under_another_name[13];
	/* The execs in it that were asked for last, in turn: owned. */
	char (*execs)[REPLAY_EXEC_LENGTH];
	size_t exec_next;
	const char *user; /* uid or name: of the process, real or effective, of the login, or of
			   * whoever had the container made, started it or asked for the exec */
	/* What uids that name had so far: effective ones have no name in an event. */
	uint64_t uids[REPLAY_UIDS_MOST];
	size_t uid_count;
};

/* Whether every record passes: then none needs to be looked at. */
bool replay_select_all(const struct replay_select *select);
/* Whether every event of a frame passes, by its header alone. */
bool replay_select_whole(const struct replay_select *select, const struct trail_header *header);
/* Whether some event of a frame can pass, by its header alone. */
bool replay_select_frame(const struct replay_select *select, const struct trail_header *header);
/* Whether the event of a line can pass, by its bytes alone: where not, it need not be parsed. */
bool replay_select_line(const struct replay_select *select, struct text line);
/* A text that stands in each line of these that can pass; no data where there is none. */
struct text replay_select_required(const struct replay_select *select, struct text lines);
/* The next line of these, at `*at` or behind it, that has `required` in it; false: none has. */
bool replay_select_next_line(struct text lines, struct text required, size_t *at,
			     struct text *ret_line);
bool replay_select_record(struct replay_select *select, const struct record *record);
/* Whether what passes depends on no other event: then replay_select_alone() says the same, in any
 * thread. */
bool replay_select_is_alone(const struct replay_select *select);
bool replay_select_alone(const struct replay_select *select, const struct record *record);

/* Takes NULL. */
void replay_select_clear(struct replay_select *select);
