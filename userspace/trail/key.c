// SPDX-License-Identifier: Apache-2.0
#include "trail/key.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "trail/io.h"
#include "trail/sign.h"

static bool all_zero(const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (data[i])
			return false;
	return true;
}

static enum trail_slot_state slot_decode(const uint8_t *bytes, struct trail_key *ret_key)
{
	uint8_t check[TRAIL_HASH_BYTES], public_key[TRAIL_KEY_BYTES];
	struct trail_disk_slot disk;

	if (all_zero(bytes, TRAIL_SLOT_BYTES))
		return TRAIL_SLOT_EMPTY;
	memcpy(&disk, bytes, sizeof(disk));
	/* The bytes behind the slot are zero too, so that not one flipped bit goes unnoticed. */
	if (memcmp(disk.magic, TRAIL_SLOT_MAGIC, sizeof(disk.magic)) != 0 ||
	    le16toh(disk.version) != TRAIL_VERSION ||
	    !all_zero(bytes + sizeof(disk), TRAIL_SLOT_BYTES - sizeof(disk)) ||
	    trail_hash(&disk, offsetof(struct trail_disk_slot, check), check) < 0 ||
	    memcmp(check, disk.check, sizeof(check)) != 0 ||
	    trail_key_public(disk.seed, public_key) < 0 ||
	    memcmp(public_key, disk.public_key, sizeof(public_key)) != 0) {
		trail_wipe(&disk, sizeof(disk));
		return TRAIL_SLOT_TORN;
	}
	ret_key->frame = le64toh(disk.frame);
	ret_key->first_event = le64toh(disk.first_event);
	memcpy(ret_key->trail_id, disk.trail_id, sizeof(disk.trail_id));
	memcpy(ret_key->machine_id, disk.machine_id, sizeof(disk.machine_id));
	memcpy(ret_key->boot_id, disk.boot_id, sizeof(disk.boot_id));
	memcpy(ret_key->seed, disk.seed, sizeof(disk.seed));
	memcpy(ret_key->public_key, disk.public_key, sizeof(disk.public_key));
	memcpy(ret_key->previous_hash, disk.previous_hash, sizeof(disk.previous_hash));
	trail_wipe(&disk, sizeof(disk));
	return TRAIL_SLOT_GOOD;
}

int trail_key_read(int fd, struct trail_key_state *ret_state)
{
	struct trail_key_state state = {};
	uint8_t bytes[TRAIL_SLOT_BYTES];

	for (unsigned int slot = 0; slot < TRAIL_SLOTS; slot++) {
		ssize_t n;

		memset(bytes, 0, sizeof(bytes));
		n = trail_io_read(fd, bytes, sizeof(bytes), (uint64_t)slot * TRAIL_SLOT_BYTES);
		if (n < 0) {
			trail_key_state_clear(&state);
			return (int)n;
		}
		state.state[slot] = slot_decode(bytes, &state.key[slot]);
	}
	trail_wipe(bytes, sizeof(bytes));
	*ret_state = state;
	trail_key_state_clear(&state);
	return 0;
}

void trail_key_state_clear(struct trail_key_state *state)
{
	trail_wipe(state, sizeof(*state));
}

void trail_key_order(const struct trail_key_state *state, int *ret_older, int *ret_newer)
{
	bool first = state->state[0] == TRAIL_SLOT_GOOD,
	     second = state->state[1] == TRAIL_SLOT_GOOD;

	*ret_older = first ? 0 : second ? 1 : -1;
	*ret_newer = -1;
	if (!first || !second)
		return;
	*ret_older = state->key[0].frame <= state->key[1].frame ? 0 : 1;
	*ret_newer = !*ret_older;
}

int trail_key_store(int fd, unsigned int slot, const struct trail_key *key)
{
	uint8_t bytes[TRAIL_SLOT_BYTES] = {};
	struct trail_disk_slot disk = {
		.version = htole16(TRAIL_VERSION),
		.frame = htole64(key->frame),
		.first_event = htole64(key->first_event),
	};
	int r;

	memcpy(disk.magic, TRAIL_SLOT_MAGIC, sizeof(disk.magic));
	memcpy(disk.trail_id, key->trail_id, sizeof(disk.trail_id));
	memcpy(disk.machine_id, key->machine_id, sizeof(disk.machine_id));
	memcpy(disk.boot_id, key->boot_id, sizeof(disk.boot_id));
	memcpy(disk.seed, key->seed, sizeof(disk.seed));
	memcpy(disk.public_key, key->public_key, sizeof(disk.public_key));
	memcpy(disk.previous_hash, key->previous_hash, sizeof(disk.previous_hash));
	r = trail_hash(&disk, offsetof(struct trail_disk_slot, check), disk.check);
	if (r == 0) {
		memcpy(bytes, &disk, sizeof(disk));
		r = trail_io_write(fd, bytes, sizeof(bytes), (uint64_t)slot * TRAIL_SLOT_BYTES);
	}
	trail_wipe(bytes, sizeof(bytes));
	trail_wipe(&disk, sizeof(disk));
	return r;
}

int trail_key_erase(int fd, unsigned int slot)
{
	static const uint8_t zeros[TRAIL_SLOT_BYTES];

	return trail_io_write(fd, zeros, sizeof(zeros), (uint64_t)slot * TRAIL_SLOT_BYTES);
}

#define NEW_FILE TRAIL_KEY_FILE ".new"

static int fill(int fd, const struct trail_key *const *keys)
{
	int r = trail_io_lock(fd);

	for (unsigned int slot = 0; r == 0 && slot < TRAIL_SLOTS; slot++)
		r = keys[slot] ? trail_key_store(fd, slot, keys[slot]) : trail_key_erase(fd, slot);
	return r < 0 ? r : trail_io_sync(fd);
}

int trail_key_replace(int state, const struct trail_key *const *keys)
{
	_cleanup_close_ int fd = trail_io_open(state, NEW_FILE, O_RDWR | O_CREAT | O_TRUNC, 0600);
	int r = fd < 0 ? fd : fill(fd, keys);

	if (r == 0)
		r = trail_io_rename(state, NEW_FILE, state, TRAIL_KEY_FILE);
	if (r == 0)
		r = trail_io_sync(state);
	return r < 0 ? r : TAKE_FD(fd);
}

int trail_key_forget(int state)
{
	_cleanup_close_ int fd = trail_io_open(state, NEW_FILE, O_WRONLY, 0);
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	for (unsigned int slot = 0; r == 0 && slot < TRAIL_SLOTS; slot++)
		r = trail_key_erase(fd, slot);
	if (r == 0)
		r = trail_io_sync(fd);
	return r < 0 ? r : trail_io_unlink(state, NEW_FILE);
}
