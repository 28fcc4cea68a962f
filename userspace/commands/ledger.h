/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step of every event: its secrets masked, numbered, as a line in a trail. Shared by the
 * scribe, who writes what happens, and import, which writes what others recorded before.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "trail/writer.h"

struct record;
struct record_options;
struct redact;

/* Zeroed before the first use, but for what the caller sets. */
struct ledger {
	bool recording; /* set by the caller: it must go on, whatever becomes of the disk */
	struct trail_writer *writer;
	struct trail_recovery recovery; /* what was found when it was opened */
	struct redact *redact;          /* by the configuration's rules */
	struct buffer line;
	/* What every event says of its host; what is empty is not known. */
	char host_id[33], host_name[HOST_NAME_MAX + 1], boot_id[37];
};

/*
 * Open the trail, on the machine this runs on. Returns 0, or -errno with a sentence for people in
 * `problem`.
 */
int ledger_open(struct ledger *ledger, const struct record_options *options,
		struct buffer *problem);

/*
 * Write an event that is complete; the record gets its number, and is masked. Returns 0; -ENOBUFS
 * when too much waits for the disk (trail_writer_sync() waits for it), -EIO after writing has
 * failed, -ENOMEM; others for what makes no line.
 */
int ledger_write(struct ledger *ledger, struct record *record);

/* Commit, close, free. Returns 0 or -EIO. */
int ledger_close(struct ledger *ledger);
