/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trail open for writing: its files, the key of the next frame, and the end of the log. One
 * commit is one call; who waits for the disk is the business of trail/writer.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "trail/batch.h"
#include "trail/committed.h"
#include "trail/guard.h"
#include "trail/key.h"
#include "trail/old.h"
#include "trail/segment.h"
#include "trail/totals.h"

/* What was found when a trail was opened. */
enum trail_found {
	TRAIL_FOUND_NOTHING, /* made anew */
	TRAIL_FOUND_CLEAN,   /* the log ends with its last commit */
	TRAIL_FOUND_KEPT,    /* the last commit had reached the disk, but not been acknowledged */
	TRAIL_FOUND_TORN, /* the last commit had reached the disk in part, or not at all: cut off */
	TRAIL_FOUND_DAMAGE, /* nothing was changed, nothing can be written: -EUCLEAN */
};

struct trail_recovery {
	enum trail_found found;
	enum trail_damage damage;
	char segment[32];         /* with damage: the file */
	uint64_t damage_offset;   /* and where in it */
	bool ended_without_stop;  /* the last commit has no STOP: the recorder was killed */
	uint64_t last_frame;      /* 0 when there was none */
	uint64_t last_event;      /* likewise */
	uint64_t last_wall_ns;    /* when the last frame was made */
	uint64_t committed_event; /* the last that had been acknowledged, as far as `committed` says
				   */
	uint64_t kept_frames;     /* whole, but not yet acknowledged */
	uint64_t kept_events;
	uint64_t torn_bytes; /* cut off the end */
	char torn_file[128]; /* where they are now, under the trail's folder; "" without any */
	/* Before frame 1: the trail that was set aside for this one; its reason is
	 * TRAIL_DAMAGE_NONE when none was. */
	struct trail_old_head old;
	struct trail_exposure exposure; /* of the trail's folder or of its state's */
};

/* Frames that are built and signed, in trail_store.out, and what the store is once they are on the
 * disk. */
struct trail_prepared {
	enum {
		TRAIL_STEP_KEY,       /* the next key is to be stored */
		TRAIL_STEP_FRAMES,    /* and synced: the frames are to be written */
		TRAIL_STEP_ERASE,     /* and synced: the old key is to be erased */
		TRAIL_STEP_COMMITTED, /* `committed` is to be written */
		TRAIL_STEPS
	} step;
	struct trail_key key;
	struct trail_committed head;
	unsigned int frames;
	size_t frame_at[TRAIL_CLASSES]; /* where they begin */
	uint64_t begin_ns;              /* CLOCK_MONOTONIC */
};

struct trail_store {
	int folder, lock, state, key_file, segment_file, committed_file;
	int next_file;        /* room for the next segment, under TRAIL_NEXT_FILE; -1: none */
	struct trail_key key; /* of the next frame */
	unsigned int slot;    /* where it lies */
	uint8_t root_key[TRAIL_KEY_BYTES];
	bool root_known;
	uint64_t segment;                   /* first frame of the active segment */
	uint64_t offset;                    /* its end */
	uint64_t segment_wall_ns;           /* of its first frame; 0: it has none */
	uint64_t segment_bytes, segment_ns; /* when the next one is begun */
	bool reserve;                       /* keep room for the active and the next segment */
	int reserve_error;                  /* 0, or -ENOSPC, -EDQUOT: there is no `next` */
	bool cut_at_end; /* there may be a part of frames behind the end, which were not written */
	/* A write to it or a sync of it failed, for another reason than room: what the disk has of
	 * it is not known, and it is not written again. What belongs there goes to a new file. */
	bool segment_failed, key_failed, committed_failed;
	uint64_t failures;   /* such writes and syncs */
	int failure;         /* the last one's -errno */
	uint64_t reserve_ns; /* CLOCK_MONOTONIC: of the last attempt */
	struct trail_prepared prepared;
	struct trail_totals totals;   /* of the active segment */
	struct trail_totals previous; /* of the one before, for its first frame to tell */
	struct trail_retention retention;
	bool retention_known;
	struct trail_old_head old;   /* what a NEWCHAIN line quotes */
	struct trail_committed head; /* the last commit */
	int level;                   /* of zstd */
	void *compressor;            /* ZSTD_CCtx */
	struct buffer out, summary, signed_bytes;
};

#define TRAIL_STORE_CLOSED                                                                         \
	{                                                                                          \
		.folder = -1, .lock = -1, .state = -1, .key_file = -1, .segment_file = -1,         \
		.committed_file = -1, .next_file = -1                                              \
	}

struct trail_store_options {
	const char *folder;
	const char *state; /* NULL: folder/state */
	uint8_t boot_id[16], machine_id[16];
	int level;
	/* A segment ends with the commit that makes it this long, or that comes this long after its
	 * first one. */
	uint64_t segment_bytes, segment_ns;
	const struct trail_retention *retention; /* NULL: nothing is ever dropped */
	bool begin_anew; /* set a trail aside that cannot be continued, and begin a new one */
	bool reserve; /* keep room on the disk for what is left of the active segment and the next
			 one */
};

/*
 * Open or make the trail and recover it: see docs/trail-format.md for what is done in each state.
 * Returns 0; -EBUSY when another recorder has it; -EPERM with
 * ret_recovery->exposure set when others can change its folders; -EUCLEAN with ret_recovery set
 * when it is damaged; -errno.
 */
int trail_store_open(const struct trail_store_options *options, struct trail_store *ret_store,
		     struct trail_recovery *ret_recovery);

/* Sync what is only a hint, wipe the key from memory, let go of the lock. */
void trail_store_close(struct trail_store *store);

/*
 * Before a commit: begin the next segment, where the active one is full. Returns 0, or -errno where
 * it cannot be made now: this is to be called again before the next commit.
 */
int trail_store_rotate(struct trail_store *store);

/* recovery.c: find the end of the log, mend it where a crash explains it. 0, -EUCLEAN, -errno. */
int trail_recover(struct trail_store *store, const struct trail_key_state *keys,
		  const uint8_t *machine_id, struct trail_recovery *recovery);

struct trail_commit {
	unsigned int frames;
	uint64_t stored_bytes; /* all that was appended to the segment */
	uint64_t duration_ns;  /* from building the frames to `committed` */
	uint64_t disk_ns;      /* the part of it that went to the disk */
};

/* Build the frames of a batch that is not empty. Returns 0 or -errno: nothing can be written then.
 */
int trail_store_prepare(struct trail_store *store, const struct trail_batch *batch);
/* Write them. Returns 0, or -errno: the disk does not take them now. Nothing is lost, and it is to
 * be called again. */
int trail_store_write(struct trail_store *store, struct trail_commit *ret_commit);

/* Keep room for the active and the next segment, as far as there is any. */
void trail_store_reserve(struct trail_store *store);
