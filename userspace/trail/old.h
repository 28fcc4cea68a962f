/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trail that cannot be continued is set aside as it is, into a folder of its own below `old/`,
 * and the new one in its place quotes what it came to: docs/trail-format.md, "A new chain".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "trail/format.h"
#include "trail/key.h"

struct buffer;
struct trail_store;

#define TRAIL_OLD_FOLDER "old"
/* In each of its folders, and of the last one in the state folder. */
#define TRAIL_HEAD_FILE "head"
/* In the state folder: the same, while it is being set aside. */
#define TRAIL_MOVING_FILE "moving"

#define TRAIL_OLD_NAME_BYTES 32 /* a number, "-", 16 hexadecimal digits of its id, and the zero */

/* Why a trail cannot be continued. The numbers and the words stand on the disk: they are for ever.
 */
enum trail_damage {
	TRAIL_DAMAGE_NONE = 0,
	TRAIL_DAMAGE_NO_KEY = 1,     /* there is a log, but no good key slot */
	TRAIL_DAMAGE_KEYS = 2,       /* the two slots contradict each other */
	TRAIL_DAMAGE_NO_SEGMENT = 3, /* the key is for a later frame than the first, and there is no
					log */
	TRAIL_DAMAGE_CUT = 4,        /* the log ends before the frame that the key follows on */
	TRAIL_DAMAGE_BROKEN = 5, /* a frame before the end is not whole, or not the one that belongs
				    there */
	TRAIL_DAMAGE_FORK = 6,   /* the last frame is not the one that the key follows on */
	TRAIL_DAMAGE_BEHIND = 7, /* bytes behind the end that no commit explains: the key is older
				    than the log */
	TRAIL_DAMAGE_COMMITTED = 8, /* frames that had been committed are not whole */
	TRAIL_DAMAGE_VERSION = 9,   /* written by another version */
	TRAIL_DAMAGE_MACHINE = 10,  /* the key was written by another machine */
	TRAIL_DAMAGE_COUNT
};

/* As docs/trail-format.md calls it: "CUT"; and a sentence for a person. "" for TRAIL_DAMAGE_NONE.
 */
const char *trail_damage_word(enum trail_damage damage);
const char *trail_damage_text(enum trail_damage damage);

/* What a trail came to. Frames are 0, ids and hashes zeros where they are not known. */
struct trail_old_head {
	enum trail_damage reason;
	char folder[TRAIL_OLD_NAME_BYTES]; /* where it lies, below TRAIL_OLD_FOLDER; "" where that
					      is not known */
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint64_t frame; /* the last one that can be read in its log */
	uint8_t hash[TRAIL_HASH_BYTES];
	uint64_t key_frame; /* the one that its key followed on: it had at least as many */
	uint8_t key_hash[TRAIL_HASH_BYTES];
	uint64_t wall_ns; /* when it was set aside */
};

/*
 * Move the trail of `store`, whose folders and key are open, aside. Its key is erased; but where
 * nothing of the key's trail lies here, it may prove one that lies elsewhere, and is kept beside
 * the new one. A crash in between is finished by trail_old_finish(). Returns 0 or -errno.
 */
int trail_old_set_aside(struct trail_store *store, const struct trail_key_state *keys,
			enum trail_damage reason);

/* Go on with what a crash interrupted. Returns 1, 0 where there is nothing to do, -errno. */
int trail_old_finish(struct trail_store *store);

/* What was set aside last, as the state folder says, where the key lies, too. Returns 0; -ENOENT;
 * -EBADMSG; -errno. */
int trail_old_read(int state, struct trail_old_head *ret_head);

/* The folders below `old`, the newest first; owned by the caller, NULL where there is none. Returns
 * 0 or -errno. */
int trail_old_list(int folder, char (**ret_names)[TRAIL_OLD_NAME_BYTES], size_t *ret_count);

/* The element TRAIL_TAG_OLD_HEAD of a summary: append it; find it. Returns 0; -ENOENT when there is
 * none; -EBADMSG. */
void trail_old_encode(const struct trail_old_head *head, struct buffer *out);
int trail_old_decode(const uint8_t *summary, size_t length, struct trail_old_head *ret_head);
