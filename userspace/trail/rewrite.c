// SPDX-License-Identifier: Apache-2.0
#include "trail/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/io.h"

#define NEW_SUFFIX ".new"
#define NEW_BYTES  (TRAIL_SEGMENT_NAME_BYTES + sizeof(NEW_SUFFIX) + 16)

/* Whoever may read the old one may read the new one, and where that cannot be had nobody else. */
static int take_over_owner(int fd, const struct stat *old)
{
	struct stat own;

	if (fstat(fd, &own) < 0)
		return -errno;
	if ((own.st_uid != old->st_uid || own.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid) < 0)
		return 0;
	return fchmod(fd, old->st_mode & 0777) < 0 ? -errno : 0;
}

static int open_beside(int folder, const char *name, const struct stat *old)
{
	_cleanup_close_ int fd = -1;
	int r;

	(void)trail_io_unlink(folder, name);
	fd = trail_io_open(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return fd;
	r = take_over_owner(fd, old);
	if (r == 0)
		return TAKE_FD(fd);
	(void)trail_io_unlink(folder, name);
	return r;
}

static bool is_still(int folder, const char *name, const struct stat *old)
{
	struct stat now;

	return fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == old->st_dev &&
	       now.st_ino == old->st_ino && now.st_size == old->st_size;
}

static int replace(int folder, const char *beside, const char *name)
{
	int r = trail_io_rename(folder, beside, folder, name);

	return r < 0 ? r : trail_io_sync(folder);
}

/* A copy of a trail may have no lock; nobody records to it then. */
static int open_lock(int folder)
{
	int fd = trail_io_open(folder, TRAIL_LOCK_FILE, O_RDWR, 0);

	return fd == -ENOENT ? trail_io_open(folder, TRAIL_LOCK_FILE, O_RDWR | O_CREAT, 0640) : fd;
}

static int replace_locked(int folder, const char *beside, const char *name, const struct stat *old)
{
	_cleanup_close_ int lock = open_lock(folder);
	int r = lock < 0 ? lock : trail_io_lock(lock);

	if (r == 0 && !is_still(folder, name, old))
		r = -ESTALE;
	return r < 0 ? r : replace(folder, beside, name);
}

int trail_rewrite(int folder, uint64_t first_frame, const struct trail_rewrite *rewrite)
{
	char name[TRAIL_SEGMENT_NAME_BYTES], beside[NEW_BYTES];
	_cleanup_close_ int fd = -1;
	struct trail_segment segment;
	struct stat old;
	int r;

	trail_segment_name(first_frame, name);
	/* Two that have no lock have two names. */
	if (rewrite->locked)
		snprintf(beside, sizeof(beside), "%s" NEW_SUFFIX, name);
	else
		snprintf(beside, sizeof(beside), "%s.%d" NEW_SUFFIX, name, (int)getpid());
	r = trail_segment_open(folder, name, &segment);
	if (r == 0 && fstat(segment.fd, &old) < 0)
		r = -errno;
	if (r == 0) {
		fd = open_beside(folder, beside, &old);
		r = fd < 0 ? fd : rewrite->write(rewrite->context, &segment, fd);
	}
	trail_segment_close(&segment);
	if (r == 0)
		r = rewrite->locked ? replace(folder, beside, name)
				    : replace_locked(folder, beside, name, &old);
	if (r < 0 && fd >= 0)
		(void)trail_io_unlink(folder, beside);
	return r;
}

/* <segment>.new, <segment>.<pid>.new */
static int forget_one(void *context, const char *name)
{
	static const char ending[] = ".jsonl.zst";
	size_t digits = 20 + strlen(ending), length = strlen(name);
	char segment[TRAIL_SEGMENT_NAME_BYTES];
	uint64_t first_frame;

	if (length < digits + strlen(NEW_SUFFIX) ||
	    strcmp(name + length - strlen(NEW_SUFFIX), NEW_SUFFIX) != 0)
		return 0;
	memcpy(segment, name, digits);
	segment[digits] = '\0';
	return trail_segment_parse(segment, &first_frame)
		       ? trail_io_unlink(*(const int *)context, name)
		       : 0;
}

int trail_rewrite_forget(int folder)
{
	return trail_folder_each(folder, forget_one, &folder);
}
