// SPDX-License-Identifier: Apache-2.0
#include "trail/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"

static int kernel_openat(int folder, const char *name, int flags, mode_t mode)
{
	return openat(folder, name, flags, mode);
}

const struct trail_io_calls trail_io_kernel = {
	.openat = kernel_openat,
	.mkdirat = mkdirat,
	.pread = pread,
	.pwrite = pwrite,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.ftruncate = ftruncate,
	.renameat = renameat,
	.unlinkat = unlinkat,
	.fallocate = fallocate,
};

static const struct trail_io_calls *beneath = &trail_io_kernel;

void trail_io_use(const struct trail_io_calls *calls)
{
	beneath = calls ?: &trail_io_kernel;
}

int trail_io_open(int folder, const char *name, int flags, mode_t mode)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not stop a reader. */
	int fd = beneath->openat(folder, name,
				 flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, mode);

	return fd < 0 ? -errno : fd;
}

int trail_io_open_folder(int at, const char *path, bool make, mode_t mode)
{
	int fd;

	if (make && beneath->mkdirat(at, path, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = beneath->openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int trail_io_write(int fd, const void *data, size_t length, uint64_t offset)
{
	const char *at = data;

	while (length > 0) {
		ssize_t n = beneath->pwrite(fd, at, length, (off_t)offset);

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

ssize_t trail_io_read(int fd, void *data, size_t length, uint64_t offset)
{
	size_t have = 0;

	while (have < length) {
		ssize_t n = beneath->pread(fd, (char *)data + have, length - have,
					   (off_t)(offset + have));

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
	return beneath->fdatasync(fd) < 0 ? -errno : 0;
}

int trail_io_sync(int fd)
{
	return beneath->fsync(fd) < 0 ? -errno : 0;
}

int trail_io_truncate(int fd, uint64_t length)
{
	return beneath->ftruncate(fd, (off_t)length) < 0 ? -errno : 0;
}

int trail_io_replace(int folder, const char *name, const void *data, size_t length, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	char beside[64];
	int r;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", name) >= sizeof(beside))
		return -ENAMETOOLONG;
	fd = trail_io_open(folder, beside, O_WRONLY | O_CREAT | O_TRUNC, mode);
	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = trail_io_write(fd, data, length, 0);
	if (r == 0)
		r = trail_io_sync(fd);
	return r < 0 ? r : trail_io_rename(folder, beside, folder, name);
}

int trail_io_unlink(int folder, const char *name)
{
	return beneath->unlinkat(folder, name, 0) < 0 ? -errno : 0;
}

int trail_io_reserve(int fd, uint64_t length)
{
	return beneath->fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)length) < 0 ? -errno : 0;
}

int trail_io_room(int fd, uint64_t *ret_bytes)
{
	struct statvfs status;

	if (fstatvfs(fd, &status) < 0)
		return -errno;
	*ret_bytes = (uint64_t)status.f_bavail * status.f_frsize;
	return 0;
}

/* Every file system looks behind the end then, also where the length stays (ext4_setattr()). */
int trail_io_release(int fd)
{
	uint64_t length;
	int r = trail_io_length(fd, &length);

	return r < 0 ? r : trail_io_truncate(fd, length);
}

int trail_io_rename(int from, const char *old_name, int to, const char *new_name)
{
	return beneath->renameat(from, old_name, to, new_name) < 0 ? -errno : 0;
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
