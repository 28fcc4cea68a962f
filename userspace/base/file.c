// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"

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
