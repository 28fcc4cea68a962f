/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every system call by which the trail changes or reads a file, so that tests can put a table of
 * functions beneath that counts, fails, cuts and reorders them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What lies beneath: system calls as they are, with errno. */
struct trail_io_calls {
	int (*openat)(int folder, const char *name, int flags, mode_t mode);
	int (*mkdirat)(int folder, const char *name, mode_t mode);
	ssize_t (*pread)(int fd, void *data, size_t length, off_t offset);
	ssize_t (*pwrite)(int fd, const void *data, size_t length, off_t offset);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd);
	int (*ftruncate)(int fd, off_t length);
	int (*renameat)(int from, const char *old_name, int to, const char *new_name);
	int (*unlinkat)(int folder, const char *name, int flags);
	int (*fallocate)(int fd, int mode, off_t offset, off_t length);
};

extern const struct trail_io_calls trail_io_kernel;

/* Put another table beneath, for tests; NULL: the kernel's again. Not while a trail is open. */
void trail_io_use(const struct trail_io_calls *calls);

/* openat(2) with O_CLOEXEC, O_NOFOLLOW and O_NOCTTY. Returns a descriptor or -errno. */
int trail_io_open(int folder, const char *name, int flags, mode_t mode);

/* Open a folder, made with `mode` when it is not there; its parent must be. Returns a descriptor or
 * -errno. */
int trail_io_open_folder(int at, const char *path, bool make, mode_t mode);

/* Write all of it at `offset`. Returns 0 or -errno. */
int trail_io_write(int fd, const void *data, size_t length, uint64_t offset);

/* Read up to `length` bytes at `offset`: fewer at the end of the file only. Returns the count or
 * -errno. */
ssize_t trail_io_read(int fd, void *data, size_t length, uint64_t offset);

/* fdatasync(2) and fsync(2). A failed one must not be called again: the pages may be marked clean.
 */
int trail_io_datasync(int fd);
int trail_io_sync(int fd);

int trail_io_truncate(int fd, uint64_t length);

/* Replace a file of a folder by one of these contents, which are on the disk before the name leads
 * to them. The name itself is there for sure once the folder is synced. Returns 0 or -errno. */
int trail_io_replace(int folder, const char *name, const void *data, size_t length, mode_t mode);

/* unlinkat(2) of a file. Returns 0 or -errno. */
int trail_io_unlink(int folder, const char *name);

/*
 * Keep room for the first `length` bytes without making the file longer (fallocate(2),
 * FALLOC_FL_KEEP_SIZE). Returns 0; -EOPNOTSUPP where the file system cannot; -errno.
 */
int trail_io_reserve(int fd, uint64_t length);
/* Bytes that may still be written to the file system of `fd`: fstatvfs(3). Returns 0 or -errno. */
int trail_io_room(int fd, uint64_t *ret_bytes);
/* Give back what was kept behind the end of the file, which stays as it is. Returns 0 or -errno. */
int trail_io_release(int fd);

/* renameat(2). Returns 0 or -errno. */
int trail_io_rename(int from, const char *old_name, int to, const char *new_name);

/* The length of a regular file; -EINVAL for anything else. */
int trail_io_length(int fd, uint64_t *ret_length);

/*
 * A write lock on the open file description (F_OFD_SETLK, fcntl(2)): gone when the last copy of the
 * descriptor is. Unlike flock(2), whether it is held can be asked without taking it.
 * Returns 0, -EBUSY when another holds it, -errno.
 */
int trail_io_lock(int fd);
/* Returns 1 when some other holds the write lock, 0 when none does, -errno. */
int trail_io_locked(int fd);
