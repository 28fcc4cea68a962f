/* SPDX-License-Identifier: Apache-2.0 */
/* What `docktrail replay` was asked, and doing it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/terminal.h"
#include "commands/replay_select.h"
#include "event/field.h"
#include "output/format.h"

struct replay {
	const char *name;           /* for messages: "docktrail replay" */
	const char *trail, *folder; /* folder: what to wait on; NULL for segments */
	const char *const *paths;
	size_t path_count;
	const struct format *format;
	enum colour colour;
	bool follow, local;
	enum field count_by; /* FIELD_COUNT: show the events themselves */
	struct replay_select select;
};

/* ---- replay_words.c: on stderr */

/* None of what was named is there, or may be read: -errno. Returns the exit status. */
int replay_say_no_trail(const struct replay *replay, int error);
/* Where trails were set aside before the one that was shown. */
void replay_say_older_trails(const struct replay *replay);
/* Events that may have been asked for, and whose payloads were dropped by policy. */
void replay_say_gone(const struct replay *replay, uint64_t events, uint64_t last_wall_ns);
/* Where the container that was asked for was called otherwise before. */
void replay_say_other_name(const struct replay *replay);

/* Shows it on stdout, says on stderr what went wrong. Returns the exit status. */
int replay_run(struct replay *replay);
