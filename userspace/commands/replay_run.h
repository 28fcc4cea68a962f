/* SPDX-License-Identifier: Apache-2.0 */
/* What `docktrail replay` was asked, and doing it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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

/* Shows it on stdout, says on stderr what went wrong. Returns the exit status. */
int replay_run(struct replay *replay);
