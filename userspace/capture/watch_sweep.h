/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweep: all files that rules are about, looked at one after the other, for changes that no
 * record tells of. Reads the host's files alone, and may have to wait for a file server: not for
 * the thread that reads rings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file_look.h"
#include "base/text_list.h"
#include "capture/audit_plan.h"

#define WATCH_FILES_MOST  2048 /* of one sweep; what is more is counted */
#define WATCH_FOLDER_MOST 256  /* of one folder and all below it, likewise */

struct watch_file {
	char *path;
	unsigned int flags; /* enum file_look_flags */
	bool unseen;        /* it could not be looked at, now or ever before: `look` says nothing */
	struct file_look look;
};

struct watch_sweep {
	struct watch_file *files; /* by path */
	size_t count, left_out;
	struct text_list cut; /* folders of which not everything was taken */
	uint64_t began_ns;    /* UTC */
};

/*
 * Look at the programs, units, configuration, keys and folders of a plan; not at sockets. Of keys
 * and credentials, and of all that might be one, only from outside. `before`: the last sweep, or
 * NULL; what cannot be looked at now stays as it was there. `quick`: no large file is read. Returns
 * 0, -ENOMEM, -errno.
 */
int watch_sweep(const struct audit_plan *plan, const struct watch_sweep *before, bool quick,
		struct watch_sweep *ret);

/* The file with this path; NULL: it was not looked at. */
const struct watch_file *watch_sweep_find(const struct watch_sweep *sweep, const char *path);

/* Whether a file that was not found in this sweep may have been passed over. */
bool watch_sweep_passes(const struct watch_sweep *sweep, const char *path);

void watch_sweep_clear(struct watch_sweep *sweep);
