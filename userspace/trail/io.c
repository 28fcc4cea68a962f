// SPDX-License-Identifier: Apache-2.0
#include "trail/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

int trail_io_open(int folder, const char *name, int flags, mode_t mode)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not stop a reader. */
	int fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, mode);

	return fd < 0 ? -errno : fd;
}

int trail_io_open_folder(int at, const char *path, bool make, mode_t mode)
{
	int fd;

	if (make && mkdirat(at, path, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int trail_io_write(int fd, const void *data, size_t length, uint64_t offset)
{
	return file_write_all_at(fd, data, length, offset);
}

ssize_t trail_io_read(int fd, void *data, size_t length, uint64_t offset)
{
	size_t have = 0;

	while (have < length) {
		ssize_t n = pread(fd, (char *)data + have, length - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int trail_io_datasync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

int trail_io_sync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

int trail_io_truncate(int fd, uint64_t length)
{
	return ftruncate(fd, (off_t)length) < 0 ? -errno : 0;
}

int trail_io_length(int fd, uint64_t *ret_length)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	*ret_length = (uint64_t)status.st_size;
	return 0;
}

int trail_io_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

int trail_io_locked(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}
