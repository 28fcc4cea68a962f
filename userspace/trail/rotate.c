// SPDX-License-Identifier: Apache-2.0
/* From one segment to the next, and the room that is kept for it. */
#include "trail/store_private.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/sign.h"

#define RESERVE_RETRY_NS (10 * NS_PER_SECOND) /* between two attempts where there was no room */

static bool is_full(const struct trail_store *store)
{
	uint64_t first = store->segment_wall_ns, last = store->head.wall_ns;

	return store->offset >= store->segment_bytes ||
	       (first && last > first && last - first >= store->segment_ns);
}

/* Twice as much as is wanted must be there: others write to this disk, too. */
static bool room_for(const struct trail_store *store, uint64_t wanted)
{
	uint64_t room;

	return trail_io_room(store->folder, &room) == 0 && room / 2 >= wanted;
}

static int reserve_next(struct trail_store *store)
{
	int fd, r;

	if (store->next_file >= 0)
		return 0;
	if (!room_for(store, store->segment_bytes))
		return -ENOSPC;
	fd = trail_io_open(store->folder, TRAIL_NEXT_FILE, O_RDWR | O_CREAT | O_TRUNC, 0640);
	if (fd < 0)
		return fd;
	r = trail_io_reserve(fd, store->segment_bytes);
	if (r < 0) {
		close(fd);
		trail_io_unlink(store->folder, TRAIL_NEXT_FILE);
		return r;
	}
	store->next_file = fd;
	return 0;
}

void trail_store_reserve(struct trail_store *store)
{
	int r;

	if (!store->reserve)
		return;
	store->reserve_ns = clock_monotonic_ns();
	if (store->offset < store->segment_bytes &&
	    room_for(store, store->segment_bytes - store->offset) &&
	    trail_io_reserve(store->segment_file, store->segment_bytes) < 0)
		(void)trail_io_release(store->segment_file);
	r = reserve_next(store);
	/* A file system that keeps no room is not one that is full. */
	store->reserve_error = trail_store_no_room(r) ? r : 0;
}

/*
 * The file of the next segment, empty and under its name: the one that room was kept for, where
 * there is one. Returns a descriptor or -errno.
 */
static int make_segment(struct trail_store *store, const char *name)
{
	int there = trail_io_open(store->folder, name, O_RDONLY, 0);

	/* What somebody has put there is not written over. */
	if (there >= 0) {
		close(there);
		return -EEXIST;
	}
	if (there != -ENOENT)
		return there;
	if (store->next_file >= 0 &&
	    trail_io_rename(store->folder, TRAIL_NEXT_FILE, store->folder, name) == 0)
		return TAKE_FD(store->next_file);
	/* Or it was taken away. */
	closep(&store->next_file);
	return trail_io_open(store->folder, name, O_RDWR | O_CREAT | O_EXCL, 0640);
}

/* An empty segment is none: what was told of the one before it is told again. */
static void next_totals(struct trail_store *store)
{
	struct trail_totals ended = store->totals;

	if (store->offset == 0)
		return;
	store->totals = store->previous;
	store->previous = ended;
	trail_totals_clear(&store->totals, ended.seed);
}

static int begin_segment(struct trail_store *store)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int fd, r;

	trail_segment_name(store->key.frame, name);
	fd = make_segment(store, name);
	if (fd < 0)
		return fd;
	r = trail_io_sync(store->folder);
	if (r < 0) {
		/* The name may be on the disk or not: nothing is written to the segment before it
		 * any more. */
		store->segment_failed = true;
		close(fd);
		(void)trail_io_unlink(store->folder, name);
		return r;
	}
	if (store->reserve && !store->segment_failed)
		(void)trail_io_release(store->segment_file);
	close(store->segment_file);
	store->segment_file = fd;
	store->segment_failed = false;
	next_totals(store);
	store->segment = store->key.frame;
	store->offset = 0;
	store->segment_wall_ns = 0;
	trail_store_reserve(store);
	return 0;
}

int trail_store_rotate(struct trail_store *store)
{
	int r;

	if (store->reserve_error && clock_monotonic_ns() > store->reserve_ns + RESERVE_RETRY_NS)
		trail_store_reserve(store);
	if (!is_full(store))
		return 0;
	/* With the zeros over the last key: a key for frames before a segment's first one would not
	 * go with that segment. */
	r = trail_store_sync_key(store);
	return r < 0 ? r : begin_segment(store);
}

/* For a reader nothing stands behind the end of a segment that has a next one. */
static int cut_rest(struct trail_store *store)
{
	int r = trail_io_truncate(store->segment_file, store->offset);

	if (r < 0)
		return r;
	r = trail_store_synced(store->segment_file);
	store->segment_failed |= r < 0;
	return r;
}

/* A segment without a frame has the name that the next one needs. */
static int remove_segment(struct trail_store *store)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int r;

	trail_segment_name(store->segment, name);
	r = trail_io_unlink(store->folder, name);
	return r == -ENOENT ? 0 : r;
}

int trail_store_leave_segment(struct trail_store *store)
{
	int r = store->offset > 0 ? cut_rest(store) : remove_segment(store);

	return r < 0 ? r : begin_segment(store);
}

/* Of the frames of one segment, up to `limit`. Returns 0 or -errno. */
static int count_segment(struct trail_store *store, uint64_t first_frame, uint64_t limit,
			 struct trail_totals *totals)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct trail_segment segment;
	struct trail_frame frame;
	int r;

	trail_segment_name(first_frame, name);
	r = trail_segment_open(store->folder, name, &segment);
	if (limit < segment.limit)
		trail_segment_set_limit(&segment, limit);
	for (uint64_t at = 0; r >= 0; at = frame.end_offset) {
		r = trail_segment_frame(&segment, at, &frame);
		if (r <= 0)
			break;
		r = trail_totals_add(totals, &frame.header);
	}
	trail_segment_close(&segment);
	return r;
}

int trail_store_count(struct trail_store *store)
{
	_cleanup_free_ uint64_t *segments = NULL;
	uint64_t seed;
	size_t count;
	int r = trail_random(&seed, sizeof(seed));

	if (r < 0)
		return r;
	trail_totals_clear(&store->totals, seed);
	trail_totals_clear(&store->previous, seed);
	if (store->offset > 0) {
		store->totals.error =
			count_segment(store, store->segment, store->offset, &store->totals);
		return 0;
	}
	r = trail_segment_list(store->folder, &segments, &count, NULL);
	if (r == 0 && count > 1)
		store->previous.error =
			count_segment(store, segments[count - 2], UINT64_MAX, &store->previous);
	return r;
}
