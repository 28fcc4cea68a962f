/* SPDX-License-Identifier: Apache-2.0 */
/* Between old_head.c and old.c; of no use elsewhere. */
#pragma once

#include "trail/old.h"

/* A text that checks itself: docs/trail-format.md, "A new chain". Returns 0; -ENOENT; -EBADMSG;
 * -errno.
 */
int trail_old_read_head(int folder, const char *name, struct trail_old_head *ret_head);
int trail_old_write_head(int folder, const char *name, const struct trail_old_head *head);
