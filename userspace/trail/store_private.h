/* SPDX-License-Identifier: Apache-2.0 */
/* Between commit.c, commit_write.c, rotate.c and store.c; of no use elsewhere. */
#pragma once

#include "trail/store.h"

/* Whether it says that there is no room: nothing was written then, and it may be tried again. */
bool trail_store_no_room(int error);

/* fdatasync(2): one that found no room has lost what it was to sync, which is -EIO. */
int trail_store_synced(int fd);

/* The key file on the disk, with the next frame's key alone in it; a new one where the old one
 * fails. Returns 0 or -errno. */
int trail_store_sync_key(struct trail_store *store);

/* When a trail was opened: what its last segment, or the one before, has come to so far. Returns 0
 * or -errno. */
int trail_store_count(struct trail_store *store);

/*
 * Cut off what lies behind the segment's end, and begin the next one: for frames that have no room
 * in it, or that are not known to be whole there. Returns 0 or -errno: to be called again.
 */
int trail_store_leave_segment(struct trail_store *store);
