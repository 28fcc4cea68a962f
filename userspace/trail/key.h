/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key state: a file of two slots, of which one holds the signing key of the next frame. During
 * a commit both are in use: the old key, whose frame may not have reached the disk, and the one
 * that follows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trail/format.h"

/* The file's name in the state folder. */
#define TRAIL_KEY_FILE "key"

struct trail_key {
	uint64_t frame;       /* the frame that it signs */
	uint64_t first_event; /* the number of the first event of that frame's commit */
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint8_t machine_id[16];
	uint8_t boot_id[16];
	uint8_t seed[TRAIL_KEY_BYTES];
	uint8_t public_key[TRAIL_KEY_BYTES];
	uint8_t previous_hash[TRAIL_HASH_BYTES]; /* of the frame before */
};

enum trail_slot_state {
	TRAIL_SLOT_EMPTY, /* all zero */
	TRAIL_SLOT_TORN,  /* neither empty nor good */
	TRAIL_SLOT_GOOD,
};

struct trail_key_state {
	enum trail_slot_state state[TRAIL_SLOTS];
	struct trail_key key[TRAIL_SLOTS]; /* where the slot is good */
};

/*
 * Read both slots. A file that is too short counts as empty where it ends. A slot is good when its
 * own check and the key's public half agree. Returns 0 or -errno. Wipe it with
 * trail_key_state_clear().
 */
int trail_key_read(int fd, struct trail_key_state *ret_state);
void trail_key_state_clear(struct trail_key_state *state);

/*
 * The slot with the older key, and the one with the newer: -1 where there is none. With one good
 * slot it is the older.
 */
void trail_key_order(const struct trail_key_state *state, int *ret_older, int *ret_newer);

/* Write a slot, or zeros over it. Not synced. Returns 0 or -errno. */
int trail_key_store(int fd, unsigned int slot, const struct trail_key *key);
int trail_key_erase(int fd, unsigned int slot);

/*
 * Put a new file in the place of one that cannot be written, with these keys in its slots (NULL:
 * none). It is locked and on the disk before the name leads to it. Returns its descriptor or
 * -errno: then the one before is still there, or this one is.
 */
int trail_key_replace(int state, const struct trail_key *const *keys);

/* Erase what a crash within that may have left. Returns 0 or -errno. */
int trail_key_forget(int state);
