/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be seen of a file without changing it or waiting for it: a FIFO, a device and an
 * automount are looked at from outside. A path on a file server may let the caller wait all the
 * same, as long as that server does not answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"

#define FILE_LOOK_DIGEST_MOST   (16u << 20) /* a larger file has no digest */
#define FILE_LOOK_SMALL         (1u << 20)  /* what is larger is read only when it was touched */
#define FILE_LOOK_CONTENTS_MOST (64u << 10) /* of a larger file nothing is kept */

enum file_type { FILE_ABSENT, FILE_FILE, FILE_FOLDER, FILE_LINK, FILE_SOCKET, FILE_OTHER };

struct file_look {
	enum file_type type;
	uint64_t device; /* makedev(3) */
	uint64_t inode, size;
	uint64_t modified_ns, changed_ns; /* UTC: of the contents; of the inode */
	uint32_t mode, uid, gid;          /* permissions alone */
	bool mounted;                     /* something is mounted here (STATX_ATTR_MOUNT_ROOT) */
	char sha256[DIGEST_TEXT];         /* empty: not looked at, or not to be read */
	struct buffer contents;           /* empty likewise */
};

enum file_look_flags {
	FILE_LOOK_DIGEST = 1,   /* of a regular file on a file system of this machine */
	FILE_LOOK_CONTENTS = 2, /* and what stands in it */
	FILE_LOOK_QUICK = 4,    /* of a large one no digest, but what an earlier look had */
};

/*
 * Look at an absolute path; a link at its end is not followed. `before`, where it is not NULL, is
 * an earlier look at it: of a file that its inode says was not touched since, nothing large is read
 * again. Zeroed before the first use. Returns 0, also where nothing is there; -ENOMEM, -errno.
 */
int file_look(const char *path, unsigned int flags, const struct file_look *before,
	      struct file_look *ret);

/* Returns 0 or -ENOMEM. */
int file_look_copy(const struct file_look *from, struct file_look *to);

void file_look_clear(struct file_look *look);

/* "file", "folder"; NULL of what is absent. */
const char *file_type_name(enum file_type type);
