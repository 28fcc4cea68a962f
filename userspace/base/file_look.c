// SPDX-License-Identifier: Apache-2.0
#include "base/file_look.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

static enum file_type type_of(uint16_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return FILE_FILE;
	case S_IFDIR:
		return FILE_FOLDER;
	case S_IFLNK:
		return FILE_LINK;
	case S_IFSOCK:
		return FILE_SOCKET;
	default:
		return FILE_OTHER;
	}
}

/* No server has to be asked for what stands in it. */
static bool is_local(int fd)
{
	static const uint32_t remote[] = { NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
					   SMB2_SUPER_MAGIC, V9FS_MAGIC,      AFS_SUPER_MAGIC,
					   AFS_FS_MAGIC,     NCP_SUPER_MAGIC, CODA_SUPER_MAGIC,
					   CEPH_SUPER_MAGIC, FUSE_SUPER_MAGIC };
	struct statfs system;

	if (fstatfs(fd, &system) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
		if ((uint32_t)system.f_type == remote[i])
			return false;
	return true;
}

static uint64_t ns_of(struct statx_timestamp time)
{
	return (uint64_t)time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

static bool is_untouched(const struct file_look *look, const struct file_look *before)
{
	return before && before->sha256[0] && before->type == FILE_FILE &&
	       before->device == look->device && before->inode == look->inode &&
	       before->size == look->size && before->modified_ns == look->modified_ns &&
	       before->changed_ns == look->changed_ns;
}

/* All of it, but for what somebody adds meanwhile beyond the bound. */
static int read_file(int path_fd, unsigned int flags, struct file_look *look)
{
	_cleanup_digest_ struct digest *digest = NULL;
	_cleanup_close_ int fd = -1;
	bool keep = flags & FILE_LOOK_CONTENTS && look->size <= FILE_LOOK_CONTENTS_MOST;
	char name[40], piece[32768];
	uint64_t length = 0;
	ssize_t n;
	int r;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	/* O_NOATIME is refused to who is neither root nor the owner. */
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
	if (fd < 0)
		return 0;
	r = digest_new(&digest);
	if (r < 0)
		return r;
	while ((n = read(fd, piece, sizeof(piece))) > 0 && length <= FILE_LOOK_DIGEST_MOST) {
		length += (size_t)n;
		digest_add(digest, piece, (size_t)n);
		keep = keep && length <= FILE_LOOK_CONTENTS_MOST;
		if (keep)
			buffer_append(&look->contents, piece, (size_t)n);
	}
	if (!keep)
		buffer_clear(&look->contents);
	if (n < 0 || length > FILE_LOOK_DIGEST_MOST)
		return 0;
	return digest_end(digest, look->sha256) < 0 ? -EIO : look->contents.error;
}

/* From outside: of a name below folder, or of what folder is if the name is empty. */
static int look_at(int folder, const char *name, struct file_look *ret)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name[0] ? 0 : AT_EMPTY_PATH);
	struct statx status;

	buffer_clear(&ret->contents);
	*ret = (struct file_look){ .contents = ret->contents };
	if (statx(folder, name, flags, STATX_BASIC_STATS, &status) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	ret->type = type_of(status.stx_mode);
	ret->device = makedev(status.stx_dev_major, status.stx_dev_minor);
	ret->inode = status.stx_ino;
	ret->size = status.stx_size;
	ret->modified_ns = ns_of(status.stx_mtime);
	ret->changed_ns = ns_of(status.stx_ctime);
	ret->mode = status.stx_mode & 07777;
	ret->uid = status.stx_uid;
	ret->gid = status.stx_gid;
	ret->mounted = status.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return 0;
}

static bool has_digest(const struct file_look *look)
{
	return look->type == FILE_FILE && look->size <= FILE_LOOK_DIGEST_MOST;
}

int file_look(const char *path, unsigned int flags, const struct file_look *before,
	      struct file_look *ret)
{
	_cleanup_close_ int fd = -1;
	int r;

	r = look_at(AT_FDCWD, path, ret);
	if (r < 0 || !(flags & FILE_LOOK_DIGEST) || !has_digest(ret))
		return r;
	/* Only what is read is opened: a rule that watches for reading takes any open for one. What
	 * was opened may be another file than the name was a moment ago. */
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? look_at(AT_FDCWD, path, ret) : look_at(fd, "", ret);
	if (r < 0 || fd < 0 || !has_digest(ret) || !is_local(fd))
		return r;
	if (ret->size <= FILE_LOOK_SMALL || !(is_untouched(ret, before) || flags & FILE_LOOK_QUICK))
		return read_file(fd, flags, ret);
	if (is_untouched(ret, before))
		memcpy(ret->sha256, before->sha256, sizeof(ret->sha256));
	return 0;
}

int file_look_copy(const struct file_look *from, struct file_look *to)
{
	struct buffer contents = to->contents;

	*to = *from;
	to->contents = contents;
	buffer_clear(&to->contents);
	buffer_append(&to->contents, from->contents.data, from->contents.length);
	return to->contents.error;
}

void file_look_clear(struct file_look *look)
{
	buffer_free(&look->contents);
	*look = (struct file_look){};
}

const char *file_type_name(enum file_type type)
{
	static const char *const names[] = {
		[FILE_FILE] = "file",     [FILE_FOLDER] = "folder", [FILE_LINK] = "link",
		[FILE_SOCKET] = "socket", [FILE_OTHER] = "other",
	};

	return names[type];
}
