/* SPDX-License-Identifier: Apache-2.0 */
/* What the names in rules/audit/docktrail.rules stand for on this host: absolute paths. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/text.h"
#include "base/text_list.h"

struct audit_paths {
	int root;                   /* descriptor of the host's root folder; borrowed */
	const char *const *sockets; /* paths and patterns, ended by NULL */
	struct text_list mounts;    /* of audit_paths_read_mounts(); the caller's to free */
};

/*
 * Find out where file systems are mounted that need not answer: those of servers, in the kernel or
 * in a program (FUSE), and automounts, which a look would mount. Returns 0 or -ENOMEM.
 */
int audit_paths_read_mounts(struct audit_paths *paths);

/* Whether an absolute path lies on such a one. Nothing is touched for it. */
bool audit_paths_far(const struct audit_paths *paths, const char *path);

struct audit_found {
	struct text_list paths; /* such as are not there, too, where something could come to be */
	/* From here on each of them lies in a folder of a user's, who can put a link to anything
	 * there. SIZE_MAX: none does. */
	size_t users_from;
	size_t left_out;   /* there are more */
	struct buffer why; /* there is none */
};

/*
 * The paths that `name` (without its @) stands for, into a zeroed `found`, which is the caller's to
 * clear in any case. Returns 0; -EINVAL for a name that is not known; -ENOMEM.
 */
int audit_paths_expand(const struct audit_paths *paths, const char *name,
		       struct audit_found *found);

void audit_found_clear(struct audit_found *found);

enum audit_path_kind {
	AUDIT_PATH_ABSENT,    /* nothing is there, but its folder is */
	AUDIT_PATH_NO_FOLDER, /* nor that */
	AUDIT_PATH_FOLDER,
	AUDIT_PATH_SOCKET,
	AUDIT_PATH_LINK,
	AUDIT_PATH_OTHER, /* a file, mostly */
};

/*
 * What is at an absolute path. `real` becomes the path without links among its folders, and where
 * the folder is not there the path as it stands.
 */
enum audit_path_kind audit_path_look(int root, const char *path, struct buffer *real);

/* Where a link leads in the end; appended to `real`. Returns 0 or -errno. */
int audit_path_follow(int root, const char *path, struct buffer *real);
