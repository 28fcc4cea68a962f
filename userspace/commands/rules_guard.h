/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are loaded for the time of a recording, and stay loaded. */
#pragma once

#include <stdint.h>

#include "commands/rules.h"

struct rules_guard {
	struct rules rules;
	struct audit_rule_data **mine; /* owned copies: what is taken away at the end */
	size_t mine_count;
	/* Where they are noted, with the boot they are of: a recording that was killed leaves its
	 * rules behind, and the next one takes them for its own. Owned. */
	char *note;
	size_t there, waiting, refused; /* by the first load */
	int error;                      /* the last refusal */
};

enum rules_guard_news {
	RULES_GUARD_MISSING,  /* it was loaded, and somebody took it away */
	RULES_GUARD_RESTORED, /* it is loaded again */
	RULES_GUARD_ADDED,    /* what it is about has come */
	RULES_GUARD_DROPPED,  /* what it is about has gone, or is something else */
};

/*
 * Load what is wanted and not there; `state` is the folder for the note. Returns 0 or -ENOMEM; what
 * is refused is counted.
 */
int rules_guard_load(struct rules_guard *guard, const char *state);

/*
 * Look at the kernel again: load what is missing, and, of a new plan of the host (borrowed until
 * the next look), what has come; take away what was loaded and is not wanted any more. Immutable
 * rules are only looked at. Returns 0 or -errno.
 */
int rules_guard_check(struct rules_guard *guard, const struct audit_plan *plan,
		      void (*tell)(void *user, enum rules_guard_news news,
				   const struct audit_rule_data *rule),
		      void *user);

/*
 * Take away what was loaded, but for what `docktrail rules install` has made its own meanwhile, and
 * forget all. Returns how many could not be taken away: those stay noted.
 */
size_t rules_guard_end(struct rules_guard *guard);
