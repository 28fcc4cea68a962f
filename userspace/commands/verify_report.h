/* SPDX-License-Identifier: Apache-2.0 */
/* What `docktrail verify` says: for people, or as JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/terminal.h"
#include "commands/verify_coverage.h"
#include "commands/verify_old.h"
#include "trail/verify.h"

struct verify_report {
	struct trail_verdict verdict;
	struct verify_olds olds;
	struct verify_coverage coverage;
	bool root_is_own; /* the root that was given is the file that lies in the trail */
	bool json;
	enum colour colour;
};

/* Print it to `out`. Returns 0, -ENOMEM or -errno of writing. */
int verify_report_print(const struct verify_report *report, FILE *out);

/*
 * verify_salvage.c: print the lines that still verify of the trail, and say on stderr, by `name`,
 * which frames they are of, and what is lost. Of `how` the root and the anchors are used. Returns 0
 * or -errno.
 */
int verify_salvage(const char *name, const char *trail, const struct trail_verify_options *how);
