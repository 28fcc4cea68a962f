// SPDX-License-Identifier: Apache-2.0
/*
 * Frames on their way to the disk, in the order that recovery and `verify` rely on:
 * docs/trail-format.md, "The order of a commit". What was done is not done again where a later step
 * failed.
 */
#include "trail/store_private.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "trail/frame.h"
#include "trail/io.h"
#include "trail/sign.h"

bool trail_store_no_room(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

int trail_store_synced(int fd)
{
	int r = trail_io_datasync(fd);

	return trail_store_no_room(r) ? -EIO : r;
}

/* Returns `r`. What has no room was not written, and that is known; after anything else it is not.
 */
static int note_failure(struct trail_store *store, int r, bool *failed)
{
	if (r < 0 && !trail_store_no_room(r)) {
		*failed = true;
		store->failures++;
		store->failure = r;
	}
	return r;
}

/* In a new file: `in_slot` where the key lies that signs, `beside` it the other one; either may be
 * NULL. */
static int replace_keys(struct trail_store *store, const struct trail_key *in_slot,
			const struct trail_key *beside)
{
	const struct trail_key *keys[TRAIL_SLOTS] = {};
	int fd;

	keys[store->slot] = in_slot;
	keys[!store->slot] = beside;
	fd = trail_key_replace(store->state, keys);
	if (fd < 0)
		return fd;
	/* What it had should not outlive it; perhaps that much still works. */
	for (unsigned int slot = 0; slot < TRAIL_SLOTS; slot++)
		(void)trail_key_erase(store->key_file, slot);
	close(store->key_file);
	store->key_file = fd;
	store->key_failed = false;
	return 0;
}

static int store_key(struct trail_store *store)
{
	const struct trail_key *next = &store->prepared.key;

	if (!store->key_failed) {
		int r = trail_key_store(store->key_file, !store->slot, next);

		if (r == 0)
			r = trail_store_synced(store->key_file);
		note_failure(store, r, &store->key_failed);
		if (!store->key_failed)
			return r;
	}
	return replace_keys(store, &store->key, next);
}

static int write_to_segment(struct trail_store *store)
{
	int r = trail_io_write(store->segment_file, store->out.data, store->out.length,
			       store->offset);

	if (r == 0)
		r = trail_store_synced(store->segment_file);
	return note_failure(store, r, &store->segment_failed);
}

/* The same bytes, in another segment where this one has no room or has failed. */
static int leave_segment(struct trail_store *store)
{
	int r = trail_store_leave_segment(store);

	store->prepared.head.segment = store->segment;
	store->prepared.head.offset = store->offset + store->out.length;
	return r;
}

static int write_frames(struct trail_store *store)
{
	int r = store->segment_failed ? leave_segment(store) : 0;

	if (r == 0)
		r = write_to_segment(store);
	/* The room that is kept for the next segment is used for what has none in this one. */
	if (store->segment_failed ||
	    (trail_store_no_room(r) && store->next_file >= 0 && store->offset > 0)) {
		r = leave_segment(store);
		if (r == 0)
			r = write_to_segment(store);
	}
	return r;
}

static int erase_key(struct trail_store *store)
{
	if (!store->key_failed) {
		int r = trail_key_erase(store->key_file, store->slot);

		note_failure(store, r, &store->key_failed);
		if (!store->key_failed)
			return r;
	}
	return replace_keys(store, NULL, &store->prepared.key);
}

int trail_store_sync_key(struct trail_store *store)
{
	if (!store->key_failed) {
		int r = trail_store_synced(store->key_file);

		note_failure(store, r, &store->key_failed);
		if (!store->key_failed)
			return r;
	}
	return replace_keys(store, &store->key, NULL);
}

static int tell_committed(struct trail_store *store)
{
	const struct trail_committed *head = &store->prepared.head;
	int fd;

	if (!store->committed_failed) {
		int r = trail_committed_write(store->committed_file, head);

		note_failure(store, r, &store->committed_failed);
		if (!store->committed_failed)
			return r;
	}
	fd = trail_committed_replace(store->folder, head);
	if (fd < 0)
		return fd;
	close(store->committed_file);
	store->committed_file = fd;
	store->committed_failed = false;
	return 0;
}

static int take_steps(struct trail_store *store)
{
	static int (*const steps[TRAIL_STEPS])(struct trail_store *) = {
		[TRAIL_STEP_KEY] = store_key,
		[TRAIL_STEP_FRAMES] = write_frames,
		[TRAIL_STEP_ERASE] = erase_key,
		[TRAIL_STEP_COMMITTED] = tell_committed,
	};

	for (; store->prepared.step < TRAIL_STEPS; store->prepared.step++) {
		int r = steps[store->prepared.step](store);

		if (r < 0)
			return r;
	}
	return 0;
}

/* What cannot be told of the segment is not told: nothing rests on it but the speed of a search. */
static void count_frames(struct trail_store *store)
{
	const uint8_t *out = (const uint8_t *)store->out.data;
	struct trail_header header;
	size_t length;

	for (unsigned int i = 0; i < store->prepared.frames; i++) {
		const uint8_t *at = out + store->prepared.frame_at[i];
		int r = trail_skippable_length(at, TRAIL_MAGIC_HEADER, TRAIL_HEADER_MOST, &length);

		if (r == 0)
			r = trail_header_decode(at, length, &header);
		if (r == 0)
			r = trail_totals_add(&store->totals, &header);
		store->totals.error = r;
	}
}

int trail_store_write(struct trail_store *store, struct trail_commit *ret_commit)
{
	struct trail_prepared *prepared = &store->prepared;
	uint64_t disk_ns = clock_monotonic_ns();
	int r = take_steps(store);

	/* Nothing of them counts then. */
	store->cut_at_end = r < 0 && prepared->step == TRAIL_STEP_FRAMES;
	if (r < 0)
		return r;
	store->slot = !store->slot;
	store->key = prepared->key;
	store->offset = prepared->head.offset;
	store->head = prepared->head;
	store->segment_wall_ns = store->segment_wall_ns ?: store->head.wall_ns;
	count_frames(store);
	trail_wipe(&prepared->key, sizeof(prepared->key));
	*ret_commit = (struct trail_commit){
		.frames = prepared->frames,
		.stored_bytes = store->out.length,
		.duration_ns = clock_monotonic_ns() - prepared->begin_ns,
		.disk_ns = clock_monotonic_ns() - disk_ns,
	};
	return 0;
}
