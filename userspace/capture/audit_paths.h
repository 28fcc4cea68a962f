/* SPDX-License-Identifier: Apache-2.0 */
/* What the names in rules/audit/docktrail.rules stand for on this host: absolute paths. */
#pragma once

#include <sys/types.h>

#include "base/buffer.h"
#include "base/text.h"
#include "base/text_list.h"

struct audit_paths {
	int root;                   /* descriptor of the host's root folder; borrowed */
	const char *const *sockets; /* paths and patterns, ended by NULL */
};

/*
 * Append the paths that `name` (without its @) stands for; such as are not there where something
 * could come to be. None: `why` says so. Returns 0; -EINVAL for a name that is not known; -ENOMEM.
 */
int audit_paths_expand(const struct audit_paths *paths, const char *name, struct text_list *ret,
		       struct buffer *why);

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
