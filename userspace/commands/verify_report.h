/* SPDX-License-Identifier: Apache-2.0 */
/* What `docktrail verify` says: for people, or as JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/terminal.h"
#include "commands/verify_old.h"
#include "trail/verify.h"

struct verify_report {
	struct trail_verdict verdict;
	struct verify_olds olds;
	bool root_is_own; /* the root that was given is the file that lies in the trail */
	bool json;
	enum colour colour;
};

/* Print it to stdout. Returns 0, -ENOMEM or -errno of writing. */
int verify_report_print(const struct verify_report *report);
