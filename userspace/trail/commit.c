// SPDX-License-Identifier: Apache-2.0
#include "trail/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/frame.h"
#include "trail/io.h"
#include "trail/sign.h"

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

#define RESERVE_RETRY_NS (10 * NS_PER_SECOND) /* between two attempts where there was no room */

/* It may be there again later. */
static bool no_room(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/* Append one zstd frame with content size and checksum; the compressor was set up so. */
static int append_compressed(struct trail_store *store, const struct buffer *raw)
{
	struct buffer *out = &store->out;
	size_t n;
	int r;

	r = buffer_reserve(out, ZSTD_compressBound(raw->length));
	if (r < 0)
		return r;
	n = ZSTD_compress2(store->compressor, out->data + out->length, out->capacity - out->length,
			   raw->data, raw->length);
	if (ZSTD_isError(n))
		return ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? -ENOMEM : -EIO;
	out->length += n;
	return 0;
}

static int append_header(struct trail_store *store, const struct trail_batch_part *part,
			 struct trail_header *header)
{
	int r;

	header->types = part->types;
	header->type = 31 - (unsigned int)__builtin_clz(part->types);
	header->first_event = part->first_event;
	header->event_count = part->event_count;
	header->raw_length = part->raw.length;
	r = trail_hash(part->raw.data, part->raw.length, header->raw_hash);
	if (r < 0)
		return r;
	buffer_clear(&store->summary);
	header->flags = 0;
	if (trail_summary_encode(&part->summary, part->raw.length, &store->summary))
		header->flags |= TRAIL_FLAG_SUMMARY_INCOMPLETE;
	if (part->types & 1u << TRAIL_NEWCHAIN)
		trail_old_encode(&store->old, &store->summary);
	header->summary = (const uint8_t *)store->summary.data;
	header->summary_length = (uint32_t)store->summary.length;
	trail_header_encode(header, &store->out);
	return store->summary.error;
}

/* Sign the HEADER of `header_length` bytes at `begin`; `key` becomes that of the next frame. */
static int append_seal(struct trail_store *store, size_t begin, size_t header_length,
		       struct trail_key *key)
{
	uint8_t seed[TRAIL_KEY_BYTES];
	size_t stored = begin + header_length;
	struct trail_seal seal = {
		.stored_kind = TRAIL_STORED_ALONE,
		.stored_length = store->out.length - stored,
	};
	int r;

	r = trail_key_generate(seed, seal.next_public_key);
	if (r < 0)
		return r;
	buffer_clear(&store->signed_bytes);
	trail_signed_bytes((const uint8_t *)store->out.data + begin, header_length,
			   seal.next_public_key, &store->signed_bytes);
	r = store->signed_bytes.error;
	if (r == 0)
		r = trail_sign(key->seed, store->signed_bytes.data, store->signed_bytes.length,
			       seal.signature);
	if (r == 0)
		r = trail_hash(store->out.data + stored, seal.stored_length, seal.stored_hash);
	if (r == 0)
		r = trail_hash(store->signed_bytes.data, store->signed_bytes.length,
			       key->previous_hash);
	if (r == 0) {
		trail_seal_encode(&seal, &store->out);
		r = store->out.error;
	}
	memcpy(key->seed, seed, sizeof(seed));
	memcpy(key->public_key, seal.next_public_key, sizeof(key->public_key));
	key->frame++;
	trail_wipe(seed, sizeof(seed));
	return r;
}

/* Put the frames of a batch into store->out. `key` becomes that of the frame after them. */
static int build_frames(struct trail_store *store, const struct trail_batch *batch,
			struct trail_key *key, struct trail_header *header)
{
	int r;

	/* Evidence first. */
	for (int class = TRAIL_EVIDENCE; class >= TRAIL_ROUTINE; class --) {
		const struct trail_batch_part *part = &batch->part[class];
		size_t begin = store->out.length, header_length;

		if (part->event_count == 0)
			continue;
		header->class = (enum trail_class) class;
		header->frame = key->frame;
		memcpy(header->previous_hash, key->previous_hash, sizeof(header->previous_hash));
		r = append_header(store, part, header);
		if (r < 0)
			return r;
		header_length = store->out.length - begin;
		r = append_compressed(store, &part->raw);
		if (r < 0)
			return r;
		r = append_seal(store, begin, header_length, key);
		if (r < 0)
			return r;
		header->commit_index++;
	}
	key->first_event = batch->first_event + batch->event_count;
	return 0;
}

/* A sync that found no room has lost what it was to sync: that is no lack of room any more. */
static int synced(int fd)
{
	int r = trail_io_datasync(fd);

	return no_room(r) ? -EIO : r;
}

/*
 * The order that recovery and `verify` rely on: docs/trail-format.md, "The order of a commit". What
 * was done is not done again where a later step found no room.
 */
static int write_frames(struct trail_store *store)
{
	struct trail_prepared *prepared = &store->prepared;
	int r = 0;

	if (prepared->step == TRAIL_STEP_KEY) {
		r = trail_key_store(store->key_file, !store->slot, &prepared->key);
		if (r == 0)
			r = synced(store->key_file);
		prepared->step += r == 0;
	}
	if (r == 0 && prepared->step == TRAIL_STEP_FRAMES) {
		r = trail_io_write(store->segment_file, store->out.data, store->out.length,
				   store->offset);
		if (r == 0)
			r = synced(store->segment_file);
		prepared->step += r == 0;
	}
	if (r == 0 && prepared->step == TRAIL_STEP_ERASE) {
		r = trail_key_erase(store->key_file, store->slot);
		prepared->step += r == 0;
	}
	return r < 0 ? r : trail_committed_write(store->committed_file, &prepared->head);
}

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
	store->reserve_ns = monotonic_ns();
	if (store->offset < store->segment_bytes &&
	    room_for(store, store->segment_bytes - store->offset) &&
	    trail_io_reserve(store->segment_file, store->segment_bytes) < 0)
		(void)trail_io_release(store->segment_file);
	r = reserve_next(store);
	/* A file system that keeps no room is not one that is full. */
	store->reserve_error = no_room(r) ? r : 0;
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

/* Returns 0, with the -errno in `ret_delayed` where it cannot be made now; -errno. */
static int begin_segment(struct trail_store *store, int *ret_delayed)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int fd, r;

	*ret_delayed = 0;
	trail_segment_name(store->key.frame, name);
	fd = make_segment(store, name);
	if (fd < 0) {
		*ret_delayed = fd;
		return 0;
	}
	r = trail_io_sync(store->folder);
	if (r < 0) {
		close(fd);
		return r;
	}
	if (store->reserve)
		(void)trail_io_release(store->segment_file);
	close(store->segment_file);
	store->segment_file = fd;
	store->segment = store->key.frame;
	store->offset = 0;
	store->segment_wall_ns = 0;
	trail_store_reserve(store);
	return 0;
}

int trail_store_rotate(struct trail_store *store, int *ret_delayed)
{
	int r;

	*ret_delayed = 0;
	if (store->reserve_error && monotonic_ns() > store->reserve_ns + RESERVE_RETRY_NS)
		trail_store_reserve(store);
	if (!is_full(store))
		return 0;
	/* With the zeros over the last key: a key for frames before a segment's first one would not
	 * go with that segment. */
	r = trail_io_datasync(store->key_file);
	return r < 0 ? r : begin_segment(store, ret_delayed);
}

/*
 * The room that is kept for the next segment is used for frames that have none in this one. What is
 * there of them is cut off first: for a reader nothing stands behind the end of a segment that has
 * a next one. Returns 1, 0 when no room is kept or this cannot be done now, -errno.
 */
static int move_on(struct trail_store *store)
{
	int delayed = 0, r;

	if (store->next_file < 0 || store->offset == 0 ||
	    store->prepared.step != TRAIL_STEP_FRAMES ||
	    trail_io_truncate(store->segment_file, store->offset) < 0)
		return 0;
	r = synced(store->segment_file);
	if (r == 0)
		r = begin_segment(store, &delayed);
	if (r < 0 || delayed)
		return r;
	store->prepared.head.segment = store->segment;
	store->prepared.head.offset = store->out.length;
	return 1;
}

int trail_store_prepare(struct trail_store *store, const struct trail_batch *batch)
{
	struct trail_prepared *prepared = &store->prepared;
	struct trail_header header = {
		.commit_frames = (batch->part[TRAIL_EVIDENCE].event_count > 0) +
				 (batch->part[TRAIL_ROUTINE].event_count > 0),
		.wall_ns = clock_wall_ns(),
		.boot_ns = clock_boot_ns(),
		.commit_first_event = batch->first_event,
		.commit_event_count = batch->event_count,
	};
	struct trail_committed *head = &prepared->head;
	int r;

	*prepared = (struct trail_prepared){
		.key = store->key,
		.head = store->head,
		.frames = header.commit_frames,
		.begin_ns = monotonic_ns(),
	};
	memcpy(header.trail_id, store->key.trail_id, sizeof(header.trail_id));
	memcpy(header.boot_id, store->key.boot_id, sizeof(header.boot_id));
	buffer_clear(&store->out);
	r = build_frames(store, batch, &prepared->key, &header);
	if (r < 0)
		return r;
	head->frame = prepared->key.frame - 1;
	head->event = prepared->key.first_event - 1;
	head->segment = store->segment;
	head->offset = store->offset + store->out.length;
	head->wall_ns = header.wall_ns;
	memcpy(head->hash, prepared->key.previous_hash, sizeof(head->hash));
	return 0;
}

int trail_store_write(struct trail_store *store, struct trail_commit *ret_commit)
{
	struct trail_prepared *prepared = &store->prepared;
	uint64_t disk_ns = monotonic_ns();
	int r = write_frames(store);

	if (no_room(r)) {
		int moved = move_on(store);

		if (moved < 0)
			return no_room(moved) ? -EIO : moved;
		if (moved > 0)
			r = write_frames(store);
	}
	/* Without room nothing of them counts; after anything else it is not known what the disk
	 * has. */
	store->cut_at_end = no_room(r) && prepared->step == TRAIL_STEP_FRAMES;
	if (r < 0)
		return r;
	store->slot = !store->slot;
	store->key = prepared->key;
	store->offset = prepared->head.offset;
	store->head = prepared->head;
	store->segment_wall_ns = store->segment_wall_ns ?: store->head.wall_ns;
	trail_wipe(&prepared->key, sizeof(prepared->key));
	*ret_commit = (struct trail_commit){
		.frames = prepared->frames,
		.stored_bytes = store->out.length,
		.duration_ns = monotonic_ns() - prepared->begin_ns,
		.disk_ns = monotonic_ns() - disk_ns,
	};
	return 0;
}
