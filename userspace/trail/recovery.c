// SPDX-License-Identifier: Apache-2.0
#include "trail/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/sign.h"
#include "trail/walk.h"

static int damaged(struct trail_recovery *recovery, enum trail_damage damage, uint64_t offset)
{
	recovery->found = TRAIL_FOUND_DAMAGE;
	recovery->damage = damage;
	recovery->damage_offset = offset;
	return -EUCLEAN;
}

/* Read up to the frame that the older key follows on: all of that is acknowledged, and must be
 * there. */
static int walk_to_key(struct trail_walk *walk, const struct trail_key *key,
		       struct trail_recovery *recovery)
{
	while (walk->next_frame < key->frame) {
		int r = trail_walk_frame(walk, key->trail_id);

		if (r == 0 || r == -ENODATA)
			return damaged(recovery, TRAIL_DAMAGE_CUT, walk->offset);
		if (r == -EPROTONOSUPPORT)
			return damaged(recovery, TRAIL_DAMAGE_VERSION, walk->offset);
		if (r == -EBADMSG)
			return damaged(recovery, TRAIL_DAMAGE_BROKEN, walk->offset);
		if (r < 0)
			return r;
	}
	/* `frame` is zeros where there was none to walk over. */
	if (walk->frame.header.frame &&
	    memcmp(walk->frame.seal.next_public_key, key->public_key, TRAIL_KEY_BYTES) != 0)
		return damaged(recovery, TRAIL_DAMAGE_FORK, walk->offset);
	if (walk->commit_left > 0 ||
	    memcmp(walk->hash, key->previous_hash, sizeof(walk->hash)) != 0 ||
	    (walk->next_event && walk->next_event != key->first_event))
		return damaged(recovery, TRAIL_DAMAGE_FORK, walk->offset);
	walk->next_event = key->first_event;
	walk->hash_known = true;
	return 0;
}

/*
 * Whether the commit between the two keys is whole, to the last bit. It moves the walk over what
 * is. Returns 1, 0, or an error that says nothing of the bytes.
 */
static int walk_commit(struct trail_walk *walk, const struct trail_key *older,
		       const struct trail_key *newer)
{
	uint8_t public_key[TRAIL_KEY_BYTES];

	memcpy(public_key, older->public_key, sizeof(public_key));
	while (walk->next_frame < newer->frame) {
		int r = trail_walk_frame(walk, older->trail_id);

		if (r > 0)
			r = trail_walk_check(walk, public_key);
		else if (r == 0)
			return 0;
		if (r == -EBADMSG || r == -ENODATA || r == -EPROTONOSUPPORT)
			return 0;
		if (r < 0)
			return r;
		memcpy(public_key, walk->frame.seal.next_public_key, sizeof(public_key));
	}
	return walk->commit_left == 0 && walk->commit_begin_frame == older->frame &&
	       walk->next_event == newer->first_event &&
	       memcmp(public_key, newer->public_key, sizeof(public_key)) == 0 &&
	       memcmp(walk->hash, newer->previous_hash, sizeof(walk->hash)) == 0;
}

/* Copy [from, to) of the segment to a new file, and see that it is on the disk. */
static int copy_tail(int segment, int target, uint64_t from, uint64_t to)
{
	char bytes[16384];
	uint64_t at = 0;

	while (from < to) {
		ssize_t n =
			trail_io_read(segment, bytes,
				      to - from < sizeof(bytes) ? to - from : sizeof(bytes), from);
		int r;

		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		r = trail_io_write(target, bytes, (size_t)n, at);
		if (r < 0)
			return r;
		from += (uint64_t)n;
		at += (uint64_t)n;
	}
	return trail_io_sync(target);
}

/* Cut the segment at `offset`, once what is cut off lies safe in torn/: it is evidence too. */
static int cut_tail(struct trail_store *store, uint64_t offset, struct trail_recovery *recovery)
{
	_cleanup_close_ int folder = -1, target = -1;
	uint64_t length;
	char name[96];
	int r;

	r = trail_io_length(store->segment_file, &length);
	if (r < 0 || length == offset)
		return r;
	folder = trail_io_open_folder(store->folder, TRAIL_TORN_FOLDER, true, 0750);
	if (folder < 0)
		return folder;
	snprintf(name, sizeof(name), "%020" PRIu64 "-%" PRIu64 "-%" PRIu64, store->segment, offset,
		 clock_wall_ns());
	target = trail_io_open(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0640);
	if (target < 0)
		return target;
	r = copy_tail(store->segment_file, target, offset, length);
	if (r == 0)
		r = trail_io_sync(folder);
	if (r == 0)
		r = trail_io_sync(store->folder);
	if (r < 0) {
		/* A copy of a part says nothing. */
		trail_io_unlink(folder, name);
		return r;
	}
	r = trail_io_truncate(store->segment_file, offset);
	if (r == 0)
		r = trail_io_sync(store->segment_file);
	if (r < 0)
		return r;
	recovery->torn_bytes = length - offset;
	snprintf(recovery->torn_file, sizeof(recovery->torn_file), "%s/%s", TRAIL_TORN_FOLDER,
		 name);
	return 0;
}

/* Go on with the key in `slot`; the other slot is of no use any more. */
static int adopt_key(struct trail_store *store, const struct trail_key_state *keys, int slot)
{
	int r;

	store->key = keys->key[slot];
	store->slot = (unsigned int)slot;
	if (keys->state[!slot] == TRAIL_SLOT_EMPTY)
		return 0;
	r = trail_key_erase(store->key_file, !store->slot);
	return r < 0 ? r : trail_io_datasync(store->key_file);
}

static void tell_end(struct trail_store *store, const struct trail_walk *walk,
		     const struct trail_committed *committed, struct trail_recovery *recovery)
{
	struct trail_committed *head = &store->head;

	store->offset = walk->offset;
	store->segment_wall_ns = walk->offset ? walk->first_wall_ns : 0;
	memcpy(head->trail_id, store->key.trail_id, sizeof(head->trail_id));
	memcpy(head->hash, store->key.previous_hash, sizeof(head->hash));
	head->frame = store->key.frame - 1;
	head->event = store->key.first_event - 1;
	head->segment = store->segment;
	head->offset = walk->offset;
	head->wall_ns = head->frame ? walk->frame.header.wall_ns : 0;
	recovery->last_frame = head->frame;
	recovery->last_event = head->event;
	recovery->last_wall_ns = head->wall_ns;
	recovery->ended_without_stop = head->frame && !(walk->commit_types & 1u << TRAIL_STOP);
	if (!committed)
		return;
	recovery->committed_event = committed->event;
	recovery->kept_frames = head->frame - committed->frame;
	if (head->event > committed->event)
		recovery->kept_events = head->event - committed->event;
}

/* What stands behind the frame that the older key follows on, and what to do about it. */
static int recover_end(struct trail_store *store, const struct trail_key_state *keys,
		       struct trail_walk *walk, struct trail_recovery *recovery)
{
	struct trail_committed committed;
	int older, newer, slot, r;
	struct trail_walk end = *walk;
	bool told;

	trail_key_order(keys, &older, &newer);
	told = trail_committed_read(store->folder, &committed) == 0 &&
	       memcmp(committed.trail_id, keys->key[older].trail_id, TRAIL_ID_BYTES) == 0;
	r = newer < 0 ? 0 : walk_commit(walk, &keys->key[older], &keys->key[newer]);
	if (r < 0)
		return r;
	slot = r > 0 ? newer : older;
	/* The log must end here: no commit can have left more. */
	if ((r > 0 || newer < 0) && walk->offset != walk->segment->limit)
		return damaged(recovery, TRAIL_DAMAGE_BEHIND, walk->offset);
	if (told && committed.frame >= keys->key[slot].frame)
		return damaged(recovery, TRAIL_DAMAGE_COMMITTED, end.offset);
	if (r == 0 && newer >= 0) {
		*walk = end;
		r = cut_tail(store, walk->offset, recovery);
		if (r < 0)
			return r;
		recovery->found = TRAIL_FOUND_TORN;
	}
	r = adopt_key(store, keys, slot);
	if (r < 0)
		return r;
	tell_end(store, walk, told ? &committed : NULL, recovery);
	if (recovery->found != TRAIL_FOUND_TORN)
		recovery->found = recovery->kept_frames ? TRAIL_FOUND_KEPT : TRAIL_FOUND_CLEAN;
	return 0;
}

/* An id has two halves, of what the system is called and of what its firmware is: a half that is
 * not known is zeros, and says nothing. */
static bool of_other_machine(const struct trail_key *key, const uint8_t *machine_id)
{
	static const uint8_t unknown[sizeof(key->machine_id) / 2];

	for (size_t at = 0; at < sizeof(key->machine_id); at += sizeof(unknown))
		if (memcmp(machine_id + at, unknown, sizeof(unknown)) != 0 &&
		    memcmp(key->machine_id + at, unknown, sizeof(unknown)) != 0 &&
		    memcmp(key->machine_id + at, machine_id + at, sizeof(unknown)) != 0)
			return true;
	return false;
}

static int check_keys(const struct trail_key_state *keys, const uint8_t *machine_id,
		      struct trail_recovery *recovery)
{
	const struct trail_key *old_key, *new_key;
	int older, newer;

	trail_key_order(keys, &older, &newer);
	if (older < 0)
		return damaged(recovery, TRAIL_DAMAGE_NO_KEY, 0);
	if (of_other_machine(&keys->key[newer < 0 ? older : newer], machine_id))
		return damaged(recovery, TRAIL_DAMAGE_MACHINE, 0);
	if (newer < 0)
		return 0;
	old_key = &keys->key[older];
	new_key = &keys->key[newer];
	if (memcmp(old_key->trail_id, new_key->trail_id, TRAIL_ID_BYTES) != 0 ||
	    new_key->frame == old_key->frame || new_key->frame - old_key->frame > TRAIL_COMMIT_MOST)
		return damaged(recovery, TRAIL_DAMAGE_KEYS, 0);
	return 0;
}

/* Something else than a file stands in the place of a segment. */
static int no_file(struct trail_recovery *recovery, int r)
{
	if (r == -ELOOP || r == -EINVAL || r == -EISDIR || r == -ENXIO)
		return damaged(recovery, TRAIL_DAMAGE_BROKEN, 0);
	return r;
}

/* The last segment, or the first one when none was ever made. */
static int open_last_segment(struct trail_store *store, const struct trail_key *key,
			     uint64_t *ret_previous, struct trail_recovery *recovery)
{
	_cleanup_free_ uint64_t *segments = NULL;
	char name[TRAIL_SEGMENT_NAME_BYTES];
	size_t count;
	int r;

	r = trail_segment_list(store->folder, &segments, &count, NULL);
	if (r < 0)
		return r;
	if (count == 0 && key->frame != 1)
		return damaged(recovery, TRAIL_DAMAGE_NO_SEGMENT, 0);
	store->segment = count ? segments[count - 1] : 1;
	*ret_previous = count > 1 ? segments[count - 2] : 0;
	trail_segment_name(store->segment, name);
	memcpy(recovery->segment, name, sizeof(recovery->segment));
	if (store->segment > key->frame)
		return damaged(recovery, TRAIL_DAMAGE_BEHIND, 0);
	store->segment_file =
		trail_io_open(store->folder, name, O_RDWR | (count ? 0 : O_CREAT), 0640);
	return store->segment_file < 0 ? no_file(recovery, store->segment_file) : 0;
}

/*
 * The log ends where the last segment begins, or in its first commit: what the last frame was
 * stands in the segment before.
 */
static int walk_before(struct trail_store *store, uint64_t previous, const struct trail_key *key,
		       struct trail_walk *walk, struct trail_recovery *recovery)
{
	struct trail_segment segment;
	struct trail_walk before = { .segment = &segment, .next_frame = previous };
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int r;

	trail_segment_name(previous, name);
	memcpy(recovery->segment, name, sizeof(recovery->segment));
	r = trail_segment_open(store->folder, name, &segment);
	if (r < 0)
		return no_file(recovery, r);
	r = walk_to_key(&before, key, recovery);
	if (r == 0 && before.offset != segment.limit)
		r = damaged(recovery, TRAIL_DAMAGE_BEHIND, before.offset);
	trail_segment_close(&segment);
	if (r < 0)
		return r;
	trail_segment_name(store->segment, name);
	memcpy(recovery->segment, name, sizeof(recovery->segment));
	walk->frame.header.wall_ns = before.frame.header.wall_ns;
	walk->commit_types = before.commit_types;
	return 0;
}

int trail_recover(struct trail_store *store, const struct trail_key_state *keys,
		  const uint8_t *machine_id, struct trail_recovery *recovery)
{
	struct trail_segment segment;
	struct trail_walk walk = { .segment = &segment };
	char name[TRAIL_SEGMENT_NAME_BYTES];
	const struct trail_key *key;
	uint64_t previous;
	int older, newer, r;

	r = check_keys(keys, machine_id, recovery);
	if (r < 0)
		return r;
	trail_key_order(keys, &older, &newer);
	key = &keys->key[older];
	r = open_last_segment(store, key, &previous, recovery);
	if (r == 0 && previous && store->segment == key->frame)
		r = walk_before(store, previous, key, &walk, recovery);
	if (r < 0)
		return r;
	trail_segment_name(store->segment, name);
	r = trail_segment_open(store->folder, name, &segment);
	if (r < 0)
		return no_file(recovery, r);
	walk.next_frame = store->segment;
	/* Before frame 1 there are zeros; before another segment's first frame, what the key
	 * remembers. */
	walk.hash_known = store->segment == 1;
	walk.next_event = store->segment == 1 ? 1 : 0;
	if (store->segment == key->frame)
		memcpy(walk.hash, key->previous_hash, sizeof(walk.hash));
	r = walk_to_key(&walk, key, recovery);
	if (r == 0)
		r = recover_end(store, keys, &walk, recovery);
	trail_segment_close(&segment);
	return r;
}
