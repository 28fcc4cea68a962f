/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording to a trail. One thread appends and never waits for the disk; a thread of the writer's
 * own compresses, signs and writes what has gathered, one commit at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/batch.h"
#include "trail/format.h"
#include "trail/store.h"
#include "trail/summary.h"

struct trail_writer;

/* Zero means the default. */
struct trail_options {
	const char *folder;
	const char *state; /* NULL: folder/state */
	uint8_t boot_id[16];
	uint8_t machine_id[16];
	uint64_t
		commit_interval_ns; /* 1 s: the longest that a line waits for its commit to start */
	uint64_t urgent_ns;         /* 100 ms: the same for an urgent one */
	size_t commit_bytes; /* 1 MiB of lines: a commit starts at once, and a frame is no longer */
	size_t queue_bytes;  /* 16 MiB of lines that wait for the disk, the ones being written
				included */
	int level;           /* of zstd: 3 */
	uint64_t segment_bytes; /* 64 MiB: a segment ends with the commit that reaches it */
	uint64_t segment_ns;    /* 24 h: or with the first one that is this much later than its
				   first */
	const struct trail_retention *retention; /* told in the trail; NULL: all is kept for ever */
	bool begin_anew;   /* set a trail aside that cannot be continued, and begin a new one */
	bool reserve;      /* keep room on the disk for the active and the next segment */
	bool halt_on_full; /* where the disk takes nothing writing ends, and that is not waited out
			    */
};

struct trail_writer_stats {
	uint64_t frames, commits, events; /* committed since opening */
	uint64_t raw_bytes, stored_bytes; /* of these */
	uint64_t refused;                 /* appends that got -ENOBUFS */
	uint64_t committed_frame, committed_event, committed_offset;
	uint8_t head[TRAIL_HASH_BYTES]; /* hash of committed_frame */
	uint64_t last_commit_wall_ns; /* 0 before the first commit of this writer or an earlier one
				       */
	uint64_t last_commit_duration_ns, most_commit_duration_ns;
	uint64_t last_disk_ns, most_disk_ns;  /* the part of a commit that waited for the disk */
	size_t queue_bytes, most_queue_bytes; /* lines not yet committed */
	int error;                            /* 0 or the -errno that ended writing */
	uint64_t segment;                     /* first frame of the active one */
	int waiting_error;  /* 0, or why the disk does not take what is to be written: it waits */
	uint64_t failures;  /* writes and syncs after which it was not known what the disk has */
	int failure;        /* the last one's -errno */
	int reserve_error;  /* 0, or why no room is kept for the next segment */
	int rotation_error; /* 0, or why the last attempt to begin the next one failed */
};

/*
 * Open or make the trail in `folder` (0750; its parent must exist), recover it, start the thread.
 * Returns 0; -EBUSY when another recorder has it; -EUCLEAN when it is damaged and `begin_anew` is
 * not set, with ret_recovery telling how (the only output that is set on an error); -EACCES and the
 * like; -EINVAL for options out of range. What was found is the caller's to tell: RECOVERY and
 * NEWCHAIN (which is to be in the first commit) are entries like any other.
 */
int trail_writer_open(const struct trail_options *options, struct trail_writer **ret_writer,
		      struct trail_recovery *ret_recovery);

/* The number that the next appended event will have: from 1, without gaps for ever. */
uint64_t trail_writer_next_sequence(const struct trail_writer *writer);

/* The trail's id as 32 hexadecimal digits. `event.id` begins with the first 16 of them. */
const char *trail_writer_id(const struct trail_writer *writer);

/* The public key of frame 1 as 64 digits: for the operator to keep elsewhere. "" when root.pub is
 * gone. */
const char *trail_writer_root(const struct trail_writer *writer);

/*
 * Copy an entry into the batch that is being filled. Its line must begin as every line does, with
 * the next sequence number: see trail_line_sequence(). Returns 0; -ENOBUFS when too much waits for
 * the disk: the event has then got no number, and is to be counted as lost (the last quarter of the
 * queue is kept for evidence); -EINVAL for a line that does not belong here, -EMSGSIZE for one of
 * more than TRAIL_LINE_MOST, -ENOMEM; -EIO after writing has failed.
 */
int trail_writer_append(struct trail_writer *writer, const struct trail_entry *entry);

/* Commit all that was appended, and wait for it. Returns 0, -EIO after writing has failed, or
 * -EAGAIN: the disk takes nothing now. */
int trail_writer_sync(struct trail_writer *writer);

void trail_writer_get_stats(struct trail_writer *writer, struct trail_writer_stats *ret_stats);

/*
 * Commit what waits, end the thread, free everything; the next key stays in the state folder. Takes
 * NULL. Returns 0, or -EIO when not all of it could be written.
 */
int trail_writer_close(struct trail_writer *writer);
