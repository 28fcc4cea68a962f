// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

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

#include "base/buffer.h"
#include "base/cleanup.h"

#define LINKS_MAX 40 /* MAXSYMLINKS, include/linux/namei.h */

int file_read(int folder, const char *path, size_t most, struct buffer *contents)
{
	_cleanup_close_ int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t before = contents->length;
	struct stat status;
	int r;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	for (;;) {
		size_t have = contents->length - before;
		size_t room = most - have < 65536 ? most - have : 65536;
		ssize_t n;

		if (room == 0) {
			char more;

			n = read(fd, &more, 1);
			return n < 0 ? -errno : n > 0 ? -EFBIG : 0;
		}
		r = buffer_reserve(contents, room);
		if (r < 0)
			return r;
		n = read(fd, contents->data + contents->length, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		contents->length += (size_t)n;
	}
}

int file_write_all(int fd, const void *data, size_t length)
{
	const char *at = data;

	while (length > 0) {
		ssize_t n = write(fd, at, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

int file_write_all_at(int fd, const void *data, size_t length, uint64_t offset)
{
	const char *at = data;

	while (length > 0) {
		ssize_t n = pwrite(fd, at, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

int file_replace(int folder, const char *path, const void *data, size_t length, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	char beside[256];
	int r;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return -ENAMETOOLONG;
	fd = openat(folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = file_write_all(fd, data, length);
	if (r < 0)
		return r;
	return renameat(folder, beside, folder, path) < 0 ? -errno : 0;
}

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

int file_identify(const char *path, struct file_identity *ret)
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
