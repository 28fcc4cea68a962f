// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bounded.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define LINKS_MAX   40 /* MAXSYMLINKS, include/linux/namei.h */
#define PATIENCE_NS (100 * NS_PER_MS)

/* As O_PATH, of what the kernel has at hand: a descriptor, or -errno. */
static int open_at_hand(const char *path, uint64_t flags, struct statx *status)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_CACHED };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)), r;

	/* Nothing is asked for by name: what a file system has at hand it says anyway, and FUSE
	 * would ask its server for what is named and not at hand (fuse_update_get_attr()). */
	if (fd >= 0 && statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, status) == 0)
		return fd;
	r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/*
 * Replace the first link in `path` by what it says: -ENOENT when there is none that may be read. Of
 * a disk only: a server, which has no device of its own, may let us wait.
 */
static int expand_link(char path[static PATH_MAX])
{
	char name[PATH_MAX], target[PATH_MAX], expanded[PATH_MAX];

	for (size_t end = 1, folder = 0; path[folder]; folder = end++) {
		struct statx status;
		_cleanup_close_ int fd = -1;
		ssize_t length;

		end += strcspn(path + end, "/");
		snprintf(name, sizeof(name), "%.*s", (int)end, path);
		fd = open_at_hand(name, O_NOFOLLOW, &status);
		if (fd < 0)
			return fd;
		if (!S_ISLNK(status.stx_mode))
			continue;
		length = status.stx_dev_major ? readlinkat(fd, "", target, sizeof(target)) : -1;
		if (length < 0)
			return -ENOENT;
		if ((size_t)snprintf(expanded, sizeof(expanded), "%.*s/%.*s%s",
				     *target == '/' ? 0 : (int)folder, path, (int)length, target,
				     path + end) >= sizeof(expanded))
			return -ENAMETOOLONG;
		strcpy(path, expanded);
		return 0;
	}
	return -ENOENT;
}

static int identify(const char *path, struct file_identity *ret)
{
	char expanded[PATH_MAX];
	struct statx status;
	_cleanup_close_ int fd = open_at_hand(path, 0, &status);

	/* A link whose time of last access is due is not followed that way (pick_link in
	 * fs/namei.c): then we read it, which brings its time up to date as well. */
	if (fd == -EAGAIN && strlen(path) < sizeof(expanded)) {
		strcpy(expanded, path);
		for (int links = 0; fd == -EAGAIN && links < LINKS_MAX; links++) {
			if (expand_link(expanded) < 0)
				return -EAGAIN;
			fd = open_at_hand(expanded, 0, &status);
		}
	}
	if (fd < 0)
		return fd;
	*ret = (struct file_identity){ makedev(status.stx_dev_major, status.stx_dev_minor),
				       status.stx_ino };
	return 0;
}

struct question {
	char path[PATH_MAX];
	struct file_identity file;
	int result;
};

static void answer(void *argument)
{
	struct question *question = argument;

	question->result = identify(question->path, &question->file);
}

static bool audited;

void file_identify_audited(void)
{
	audited = true;
}

int file_identify(const char *path, struct file_identity *ret)
{
	static struct bounded server = BOUNDED_INIT;
	struct question question = {};
	int r;

	if (!audited)
		return identify(path, ret);
	if (strlen(path) >= sizeof(question.path))
		return -ENAMETOOLONG;
	strcpy(question.path, path);
	r = bounded_call(&server, answer, &question, sizeof(question), PATIENCE_NS);
	if (r == -ETIMEDOUT || r == -EBUSY)
		return -EAGAIN;
	if (r == 0 && question.result == 0)
		*ret = question.file;
	return r ?: question.result;
}
