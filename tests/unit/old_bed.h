/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of trails that are set aside share. */
#pragma once

#include "tests/unit/trail_bed.h"
#include "trail/key.h"
#include "trail/old.h"

#define OLD_FRAMES 3 /* START, and two commits: event N is in frame N */

extern const struct trail_options old_anew; /* begin_anew */

void old_make_trail(struct bed *bed);
/* Goes on in its place, as a recorder does, and ends. */
void old_record_anew(struct bed *bed);
/* The trail that was set aside, judged with what its successor's first frame quotes of it. */
struct trail_verdict old_verify(const struct bed *bed, const char *folder,
				const struct trail_old_head *quoted);
/* The only good key, and its slot. */
void old_load_key(const struct bed *bed, struct trail_key *ret_key, unsigned int *ret_slot);
