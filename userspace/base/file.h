/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes, and replacing a file in one step. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buffer;

/*
 * Append what `path` under `folder` (a descriptor or AT_FDCWD) holds to `contents`, at most `most`
 * bytes. Never blocks on a FIFO or a device: only regular files and what procfs shows as such are
 * read. Returns 0; -EFBIG when there is more (`contents` then has the first `most` bytes); -errno.
 */
int file_read(int folder, const char *path, size_t most, struct buffer *contents);

/* Write all of it. Returns 0 or -errno. */
int file_write_all(int fd, const void *data, size_t length);

/*
 * Replace `path` under `folder` by a new file of `mode` with these contents: written beside it and
 * renamed over it, so that a reader sees the old or the new one, never a part. Not fsynced.
 */
int file_replace(int folder, const char *path, const void *data, size_t length, mode_t mode);

/* Which file a path leads to; zeros: not known. */
struct file_identity {
	uint64_t device, inode;
};

/*
 * Of an absolute path, links followed, without waiting for a server or for a name to be looked up
 * on a disk: what the kernel does not have at hand is not known (openat2(2), RESOLVE_CACHED,
 * since 5.12; statx(2), AT_STATX_DONT_SYNC). Returns 0 or -errno; -EAGAIN for that.
 */
int file_identify(const char *path, struct file_identity *ret);

/*
 * A process that the kernel audits makes it ask the server all the same (audit_copy_inode() wants
 * the capabilities of a file). Once this was called, file_identify() waits a tenth of a second for
 * that, -EAGAIN, and knows nothing more until that server has answered; each call takes some 20 µs
 * longer for it. For one thread, before it looks.
 */
void file_identify_audited(void);
