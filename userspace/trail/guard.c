// SPDX-License-Identifier: Apache-2.0
#include "trail/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/io.h"

#define DEEPEST 4096 /* PATH_MAX has no longer way up */

static void name_it(int folder, struct trail_exposure *exposure, const struct stat *status)
{
	char link[32];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
	length = readlink(link, exposure->path, sizeof(exposure->path) - 1);
	exposure->path[length > 0 ? length : 0] = '\0';
	if (length <= 0)
		snprintf(exposure->path, sizeof(exposure->path), "a folder above it");
	exposure->owner = status->st_uid;
	exposure->mode = status->st_mode & 07777;
}

static bool is_another(uid_t user)
{
	return user != 0 && user != geteuid();
}

/* Whether somebody else could put another folder in the place of what is below it. */
static bool is_open(const struct stat *status, bool above)
{
	return status->st_mode & (S_IWGRP | S_IWOTH) && !(above && status->st_mode & S_ISVTX);
}

int trail_guard(int folder, struct trail_exposure *ret_exposure)
{
	struct trail_exposure found = {};
	struct stat status, below = {};
	_cleanup_close_ int parent = -1;
	int at = folder;

	for (unsigned int up = 0; up < DEEPEST; up++) {
		int next;

		if (fstat(at, &status) < 0)
			return -errno;
		if (up > 0 && status.st_dev == below.st_dev && status.st_ino == below.st_ino)
			break; /* the root leads to itself */
		if (is_open(&status, up > 0) || (up == 0 && is_another(status.st_uid))) {
			*ret_exposure = (struct trail_exposure){};
			name_it(at, ret_exposure, &status);
			return -EPERM;
		}
		if (is_another(status.st_uid) && !found.path[0]) {
			name_it(at, &found, &status);
			found.by_owner_above = true;
		}
		below = status;
		next = trail_io_open(at, "..", O_PATH | O_DIRECTORY, 0);
		if (next < 0)
			return next;
		closep(&parent);
		parent = at = next;
	}
	*ret_exposure = found;
	return 0;
}
