/* SPDX-License-Identifier: Apache-2.0 */
/* Who else can take a trail away: a folder is as safe as what leads to it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct trail_exposure {
	char path[512]; /* the folder that others can change; "": there is none */
	uid_t owner;
	mode_t mode; /* permissions alone */
	/* It is not the trail's or the state's own, but one above, and only its owner can change
	 * it: the home of whoever called sudo(8). To be told, not to be refused. */
	bool by_owner_above;
};

/*
 * Look at a folder and at all above it, by descriptors, so that no name is looked up twice. Others
 * are all but root and the effective user. A folder above may be writable for all where it is
 * sticky (inode(7)): nobody renames there what is not theirs.
 * Returns 0 where only they can change it, or `by_owner_above`; -EPERM with `ret_exposure` set;
 * -errno.
 */
int trail_guard(int folder, struct trail_exposure *ret_exposure);
