/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a trail's folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/format.h"

#define TRAIL_LOCK_FILE    "lock"
#define TRAIL_ROOT_FILE    "root.pub"
#define TRAIL_NEXT_FILE    "next"
#define TRAIL_TORN_FOLDER  "torn"
#define TRAIL_STATE_FOLDER "state"

#define TRAIL_SEGMENT_NAME_BYTES 32 /* 20 digits, ".jsonl.zst" and the zero */

/* The name of the segment whose first frame has this number. */
void trail_segment_name(uint64_t first_frame, char ret_name[TRAIL_SEGMENT_NAME_BYTES]);
/* The reverse. Returns false for any other file's name. */
bool trail_segment_parse(const char *name, uint64_t *ret_first_frame);

/* Call `each` with the name of everything in a folder, in any order, until it returns other than 0.
 * Returns that, 0, or -errno. */
int trail_folder_each(int folder, int (*each)(void *context, const char *name), void *context);

/* Whether a file with this name is part of a trail, other than its lock, its key, and old trails.
 */
bool trail_folder_belongs(const char *name);

/*
 * The first frames of all segments of a folder, ascending; owned by the caller. `ret_false`, where
 * it is not NULL: whether a file is called like a segment with a number that no frame has. Returns
 * 0 or -errno.
 */
int trail_segment_list(int folder, uint64_t **ret_first_frames, size_t *ret_count, bool *ret_false);

/* root.pub: the public key of frame 1 as 64 hexadecimal digits and a newline. -EBADMSG for anything
 * else. */
int trail_root_read(int folder, uint8_t *ret_public_key);
int trail_root_write(int folder, const uint8_t *public_key);

/* Whether a recorder holds the trail's lock. Returns 1, 0, or -errno; without a lock file 0. */
int trail_is_live(int folder);
