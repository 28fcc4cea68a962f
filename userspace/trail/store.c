// SPDX-License-Identifier: Apache-2.0
#include "trail/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/rewrite.h"
#include "trail/sign.h"

/* Looked at before anything is made in it. The first thing to be told is enough. */
static int guard(int folder, struct trail_recovery *recovery)
{
	struct trail_exposure exposure;
	int r = trail_guard(folder, &exposure);

	if (r == -EPERM || (r == 0 && !recovery->exposure.path[0]))
		recovery->exposure = exposure;
	return r;
}

static int open_folders(struct trail_store *store, const struct trail_store_options *options,
			struct trail_recovery *recovery)
{
	int r;

	store->folder = trail_io_open_folder(AT_FDCWD, options->folder, true, 0750);
	if (store->folder < 0)
		return store->folder;
	r = guard(store->folder, recovery);
	if (r < 0)
		return r;
	store->lock = trail_io_open(store->folder, TRAIL_LOCK_FILE, O_RDWR | O_CREAT, 0640);
	if (store->lock < 0)
		return store->lock;
	/* The only thing done before the lock is held: everything else belongs to who has it. */
	r = trail_io_lock(store->lock);
	if (r < 0)
		return r;
	if (options->state)
		store->state = trail_io_open_folder(AT_FDCWD, options->state, true, 0700);
	else
		store->state = trail_io_open_folder(store->folder, TRAIL_STATE_FOLDER, true, 0700);
	if (store->state < 0)
		return store->state;
	r = guard(store->state, recovery);
	if (r < 0)
		return r;
	store->key_file = trail_io_open(store->state, TRAIL_KEY_FILE, O_RDWR | O_CREAT, 0600);
	if (store->key_file < 0)
		return store->key_file;
	/* A recorder of another folder may have the same state. */
	r = trail_io_lock(store->key_file);
	return r < 0 ? r : trail_key_forget(store->state);
}

/* A trail's first key. Recovery then makes the rest, as after a crash at this point. */
static int make_first_key(struct trail_store *store, const struct trail_store_options *options)
{
	struct trail_key key = { .frame = 1, .first_event = 1 };
	int r;

	memcpy(key.machine_id, options->machine_id, sizeof(key.machine_id));
	memcpy(key.boot_id, options->boot_id, sizeof(key.boot_id));
	r = trail_random(key.trail_id, sizeof(key.trail_id));
	if (r == 0)
		r = trail_key_generate(key.seed, key.public_key);
	if (r == 0)
		r = trail_key_erase(store->key_file, 1);
	if (r == 0)
		r = trail_key_store(store->key_file, 0, &key);
	trail_wipe(&key, sizeof(key));
	if (r == 0)
		r = trail_io_sync(store->key_file);
	return r < 0 ? r : trail_io_sync(store->state);
}

/*
 * Whether nothing was ever recorded here: no root, no segment, no good key. Making a trail begins
 * with the key, so a crash leaves less, never more.
 */
static int is_new(struct trail_store *store, const struct trail_key_state *keys)
{
	_cleanup_free_ uint64_t *segments = NULL;
	uint8_t root[TRAIL_KEY_BYTES];
	int older, newer, r;
	size_t count;

	trail_key_order(keys, &older, &newer);
	if (older >= 0 || trail_root_read(store->folder, root) != -ENOENT)
		return 0;
	r = trail_segment_list(store->folder, &segments, &count, NULL);
	return r < 0 ? r : count == 0;
}

static int set_up_compressor(struct trail_store *store, int level)
{
	store->compressor = ZSTD_createCCtx();
	if (!store->compressor)
		return -ENOMEM;
	if (ZSTD_isError(
		    ZSTD_CCtx_setParameter(store->compressor, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(store->compressor, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(store->compressor, ZSTD_c_contentSizeFlag, 1)))
		return -EINVAL;
	return 0;
}

/* Before the first frame there may be anything from nothing to all of these. */
static int finish_making(struct trail_store *store)
{
	uint8_t root[TRAIL_KEY_BYTES];
	int r;

	if (store->key.frame == 1 && trail_root_read(store->folder, root) < 0) {
		r = trail_root_write(store->folder, store->key.public_key);
		if (r < 0)
			return r;
	}
	store->root_known = trail_root_read(store->folder, store->root_key) == 0;
	r = trail_committed_write(store->committed_file, &store->head);
	return r < 0 ? r : trail_io_sync(store->folder);
}

static int open_committed(struct trail_store *store, int flags, struct trail_recovery *recovery)
{
	int fd = trail_io_open(store->folder, TRAIL_COMMITTED_FILE, O_RDWR | flags, 0640);

	if (fd >= 0) {
		store->committed_file = fd;
		return 0;
	}
	/* Somebody put a link or a folder in its place. */
	if (fd != -ELOOP && fd != -EISDIR && fd != -ENXIO)
		return fd == -ENOENT ? 0 : fd;
	recovery->found = TRAIL_FOUND_DAMAGE;
	recovery->damage = TRAIL_DAMAGE_COMMITTED;
	return -EUCLEAN;
}

static int make_or_recover(struct trail_store *store, const struct trail_store_options *options,
			   struct trail_key_state *keys, struct trail_recovery *recovery)
{
	bool made = false;
	int r;

	r = trail_key_read(store->key_file, keys);
	if (r < 0)
		return r;
	r = is_new(store, keys);
	if (r < 0)
		return r;
	if (r > 0) {
		made = true;
		r = make_first_key(store, options);
		if (r < 0)
			return r;
		r = trail_key_read(store->key_file, keys);
		if (r < 0)
			return r;
	}
	r = open_committed(store, 0, recovery);
	if (r == 0)
		r = trail_recover(store, keys, options->machine_id, recovery);
	if (r == 0 && made)
		recovery->found = TRAIL_FOUND_NOTHING;
	return r;
}

static void close_log(struct trail_store *store)
{
	closep(&store->segment_file);
	closep(&store->committed_file);
}

/* The trail cannot be continued, and the host must not go unrecorded. */
static int begin_anew(struct trail_store *store, const struct trail_store_options *options,
		      struct trail_key_state *keys, struct trail_recovery *recovery)
{
	enum trail_damage reason = recovery->damage;
	int r;

	close_log(store);
	r = trail_old_set_aside(store, keys, reason);
	if (r < 0)
		return r;
	*recovery = (struct trail_recovery){ .exposure = recovery->exposure };
	return make_or_recover(store, options, keys, recovery);
}

/* Whatever was set aside before the first frame is quoted in it, also after a crash. */
static int tell_old(struct trail_store *store, struct trail_recovery *recovery)
{
	int r;

	if (store->head.frame > 0)
		return 0;
	r = trail_old_read(store->state, &store->old);
	recovery->old = store->old;
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

static int open_and_recover(struct trail_store *store, const struct trail_store_options *options,
			    struct trail_key_state *keys, struct trail_recovery *recovery)
{
	int r;

	r = open_folders(store, options, recovery);
	if (r < 0)
		return r;
	/* What is cut off a torn end, or set aside, needs room: it is there. */
	trail_io_unlink(store->folder, TRAIL_NEXT_FILE);
	r = trail_rewrite_forget(store->folder);
	if (r < 0)
		return r;
	r = trail_old_finish(store);
	if (r < 0)
		return r;
	r = make_or_recover(store, options, keys, recovery);
	if (r == -EUCLEAN && options->begin_anew)
		r = begin_anew(store, options, keys, recovery);
	if (r == 0)
		r = tell_old(store, recovery);
	if (r == 0 && store->committed_file < 0)
		r = open_committed(store, O_CREAT, recovery);
	if (r < 0)
		return r;
	store->reserve = options->reserve;
	store->retention_known = options->retention;
	if (options->retention)
		store->retention = *options->retention;
	store->segment_bytes = options->segment_bytes;
	store->segment_ns = options->segment_ns;
	memcpy(store->key.boot_id, options->boot_id, sizeof(options->boot_id));
	memcpy(store->key.machine_id, options->machine_id, sizeof(options->machine_id));
	r = finish_making(store);
	if (r == 0)
		r = trail_store_count(store);
	if (r < 0)
		return r;
	trail_store_reserve(store);
	return set_up_compressor(store, options->level);
}

int trail_store_open(const struct trail_store_options *options, struct trail_store *ret_store,
		     struct trail_recovery *ret_recovery)
{
	struct trail_store store = TRAIL_STORE_CLOSED;
	struct trail_recovery recovery = {};
	struct trail_key_state keys = {};
	int r;

	r = open_and_recover(&store, options, &keys, &recovery);
	trail_key_state_clear(&keys);
	if (r == 0 || r == -EUCLEAN || r == -EPERM)
		*ret_recovery = recovery;
	if (r == 0)
		*ret_store = store;
	else
		trail_store_close(&store);
	trail_wipe(&store.key, sizeof(store.key));
	return r;
}

void trail_store_close(struct trail_store *store)
{
	/* Neither is needed for safety: the old key should not outlive the recorder in the page
	 * cache. */
	if (store->committed_file >= 0) {
		trail_io_datasync(store->key_file);
		trail_io_datasync(store->committed_file);
	}
	closep(&store->committed_file);
	/* So that the next start needs no room for what is cut off. */
	if (store->cut_at_end && trail_io_truncate(store->segment_file, store->offset) == 0)
		trail_io_datasync(store->segment_file);
	/* Nobody is to miss the room while nothing is recorded. */
	if (store->reserve && store->segment_file >= 0)
		(void)trail_io_release(store->segment_file);
	if (store->next_file >= 0)
		(void)trail_io_unlink(store->folder, TRAIL_NEXT_FILE);
	closep(&store->next_file);
	closep(&store->segment_file);
	closep(&store->key_file);
	closep(&store->state);
	closep(&store->folder);
	trail_wipe(&store->key, sizeof(store->key));
	trail_wipe(&store->prepared, sizeof(store->prepared));
	buffer_free(&store->out);
	buffer_free(&store->summary);
	buffer_free(&store->signed_bytes);
	trail_totals_free(&store->totals);
	trail_totals_free(&store->previous);
	ZSTD_freeCCtx(store->compressor);
	closep(&store->lock);
	*store = (struct trail_store)TRAIL_STORE_CLOSED;
}
