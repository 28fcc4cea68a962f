// SPDX-License-Identifier: Apache-2.0
#include "trail/old.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/old_head.h"
#include "trail/segment.h"
#include "trail/store.h"
#include "trail/walk.h"

/* ---- what the trail came to ---- */

/* Whether it says something of the bytes, and nothing of the disk. */
static bool is_no_frame(int r)
{
	return r == -EBADMSG || r == -ENODATA || r == -EPROTONOSUPPORT;
}

/* Not a regular file. */
static bool is_no_segment(int r)
{
	return r == -ELOOP || r == -EINVAL || r == -EISDIR || r == -ENXIO || r == -ENOENT;
}

struct search {
	int folder;
	const uint64_t *segments;
	size_t at;                   /* the one that is looked at */
	const struct trail_key *key; /* NULL: there is none */
	bool key_named;              /* by the frame that it follows on */
	bool key_seen;               /* that frame, whatever it names */
};

/* The chain up to the end of a segment, by its headers. Returns 0, also where it ends early;
 * -errno. */
static int walk_headers(int folder, uint64_t first_frame, const uint8_t *trail_id,
			struct trail_walk *ret_walk)
{
	_cleanup_(trail_segment_close)
	struct trail_segment segment = { .fd = -1 };
	struct trail_walk walk = { .segment = &segment, .next_frame = first_frame };
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int r;

	trail_segment_name(first_frame, name);
	r = trail_segment_open(folder, name, &segment);
	while (r >= 0 && (r = trail_walk_frame(&walk, trail_id)) > 0)
		;
	*ret_walk = walk;
	return r == 0 || is_no_frame(r) || is_no_segment(r) ? 0 : r;
}

/*
 * What the first frame of the segment has to continue. `ret_key` has the key that it is signed by,
 * where `ret_known`. Returns 1, 0 when it continues nothing, -errno.
 */
static int connect_segment(const struct search *search, const uint8_t *trail_id,
			   struct trail_walk *walk, uint8_t *ret_key, bool *ret_known)
{
	struct trail_walk before;
	int r;

	walk->next_frame = search->segments[search->at];
	walk->hash_known = true;
	if (search->at == 0) {
		/* An older one may be gone: then there is nothing to compare with. */
		walk->hash_known = walk->next_frame == 1;
		*ret_known = walk->next_frame == 1 && trail_root_read(search->folder, ret_key) == 0;
		return 1;
	}
	r = walk_headers(search->folder, search->segments[search->at - 1], trail_id, &before);
	if (r < 0 || before.next_frame != walk->next_frame || before.commit_left > 0)
		return r;
	memcpy(walk->hash, before.hash, sizeof(walk->hash));
	walk->next_event = before.next_event;
	memcpy(ret_key, before.frame.seal.next_public_key, TRAIL_KEY_BYTES);
	return *ret_known = true;
}

static void note_key(struct search *search, const struct trail_frame *frame)
{
	if (!search->key || frame->header.frame != search->key->frame - 1)
		return;
	search->key_seen = true;
	search->key_named =
		memcmp(frame->header.trail_id, search->key->trail_id, TRAIL_ID_BYTES) == 0 &&
		memcmp(frame->seal.next_public_key, search->key->public_key, TRAIL_KEY_BYTES) == 0;
}

static int walk_to_last(struct search *search, struct trail_segment *segment,
			struct trail_old_head *head)
{
	struct trail_walk walk = { .segment = segment };
	uint8_t trail_id[TRAIL_ID_BYTES], key[TRAIL_KEY_BYTES];
	struct trail_frame first;
	bool key_known = false;
	int r, found = 0;

	r = trail_segment_frame(segment, 0, &first);
	if (r <= 0)
		return r;
	memcpy(trail_id, first.header.trail_id, sizeof(trail_id));
	r = connect_segment(search, trail_id, &walk, key, &key_known);
	if (r <= 0)
		return r;
	while ((r = trail_walk_frame(&walk, trail_id)) > 0) {
		r = trail_walk_check(&walk, key_known ? key : NULL);
		if (r < 0)
			break;
		memcpy(key, walk.frame.seal.next_public_key, sizeof(key));
		key_known = true;
		note_key(search, &walk.frame);
		/* A commit of which a part is there is no commit. */
		if (walk.commit_left > 0)
			continue;
		memcpy(head->trail_id, trail_id, sizeof(trail_id));
		memcpy(head->hash, walk.hash, sizeof(head->hash));
		head->frame = walk.frame.header.frame;
		found = 1;
	}
	return r == 0 || is_no_frame(r) ? found : r;
}

/* The last commit of the segment that is whole and signed. Returns 1, 0 when there is none, -errno.
 */
static int find_last_frame(struct search *search, struct trail_old_head *head)
{
	_cleanup_(trail_segment_close)
	struct trail_segment segment = { .fd = -1 };
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int r;

	trail_segment_name(search->segments[search->at], name);
	r = trail_segment_open(search->folder, name, &segment);
	if (r == 0)
		r = walk_to_last(search, &segment, head);
	return is_no_frame(r) || is_no_segment(r) ? 0 : r;
}

/* A key of another trail, or one that the frame before it does not name, proves nothing: anybody
 * can make one. */
static void tell_key(const struct search *search, struct trail_old_head *head)
{
	const struct trail_key *key = search->key;

	if (!key || key->frame == 0 ||
	    (head->frame && memcmp(head->trail_id, key->trail_id, TRAIL_ID_BYTES) != 0) ||
	    (search->key_seen ? !search->key_named : key->frame <= head->frame))
		return;
	head->key_frame = key->frame - 1;
	memcpy(head->key_hash, key->previous_hash, sizeof(head->key_hash));
	memcpy(head->trail_id, key->trail_id, sizeof(head->trail_id));
}

static int find_head(int folder, const struct trail_key_state *keys, struct trail_old_head *head)
{
	_cleanup_free_ uint64_t *segments = NULL;
	struct search search = { .folder = folder };
	int older, newer, r;
	size_t count;

	trail_key_order(keys, &older, &newer);
	search.key = older < 0 ? NULL : &keys->key[older];
	r = trail_segment_list(folder, &segments, &count, NULL);
	search.segments = segments;
	while (r == 0 && count > 0) {
		search.at = --count;
		r = find_last_frame(&search, head);
	}
	if (r < 0)
		return r;
	tell_key(&search, head);
	return 0;
}

int trail_old_read(int state, struct trail_old_head *ret_head)
{
	return trail_old_read_head(state, TRAIL_HEAD_FILE, ret_head);
}

/* ---- the folders below `old` ---- */

static unsigned int number_of(const char *name)
{
	unsigned int number = 0;

	return sscanf(name, "%9u-", &number) == 1 ? number : 0;
}

static int collect_folder(void *context, const char *name)
{
	struct buffer *names = context;
	char entry[TRAIL_OLD_NAME_BYTES] = "";

	/* As name_folder() makes them. */
	if (strlen(name) >= sizeof(entry) || strspn(name, "0123456789abcdef-") != strlen(name) ||
	    !number_of(name))
		return 0;
	memcpy(entry, name, strlen(name));
	buffer_append(names, entry, sizeof(entry));
	return names->error;
}

static int newest_first(const void *a, const void *b)
{
	unsigned int left = number_of(a), right = number_of(b);

	return left != right ? (left < right ? 1 : -1) : strcmp(a, b);
}

static int list_folders(int old, struct buffer *ret_names)
{
	int r = trail_folder_each(old, collect_folder, ret_names);

	if (r == 0 && ret_names->length > 0)
		qsort(ret_names->data, ret_names->length / TRAIL_OLD_NAME_BYTES,
		      TRAIL_OLD_NAME_BYTES, newest_first);
	return r;
}

int trail_old_list(int folder, char (**ret_names)[TRAIL_OLD_NAME_BYTES], size_t *ret_count)
{
	_cleanup_close_ int old = trail_io_open_folder(folder, TRAIL_OLD_FOLDER, false, 0);
	_cleanup_buffer_ struct buffer names = {};
	int r = old < 0 ? old : list_folders(old, &names);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret_count = names.length / TRAIL_OLD_NAME_BYTES;
	*ret_names = (void *)TAKE_PTR(names.data);
	return 0;
}

static int name_folder(int old, struct trail_old_head *head)
{
	_cleanup_buffer_ struct buffer names = {}, id = {};
	int r = list_folders(old, &names);

	buffer_append_hex(&id, head->trail_id, 8);
	if (r == 0)
		r = id.error;
	if (r == 0)
		snprintf(head->folder, sizeof(head->folder), "%04u-%.16s",
			 names.length > 0 ? number_of(names.data) + 1 : 1, id.data);
	return r;
}

/* ---- the move ---- */

static int collect_name(void *context, const char *name)
{
	struct buffer *names = context;

	if (trail_folder_belongs(name))
		buffer_append(names, name, strlen(name) + 1);
	return names->error;
}

static int move_all(int folder, int target)
{
	_cleanup_buffer_ struct buffer names = {};
	int r = trail_folder_each(folder, collect_name, &names);

	for (size_t at = 0; r == 0 && at < names.length; at += strlen(names.data + at) + 1)
		r = trail_io_rename(folder, names.data + at, target, names.data + at);
	if (r == 0)
		r = trail_io_sync(target);
	return r < 0 ? r : trail_io_sync(folder);
}

/* Under a name of its own, and a new file in its place. */
static int keep_keys(struct trail_store *store, const struct trail_key *key)
{
	char name[sizeof(TRAIL_KEY_FILE) + 1 + 16];
	char *at = name + sprintf(name, TRAIL_KEY_FILE "-");
	int fd, r;

	hex_put(at, key->trail_id, 8);
	r = trail_io_rename(store->state, TRAIL_KEY_FILE, store->state, name);
	if (r < 0)
		return r;
	fd = trail_io_open(store->state, TRAIL_KEY_FILE, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return fd;
	close(store->key_file);
	store->key_file = fd;
	r = trail_io_lock(fd);
	return r < 0 ? r : trail_io_sync(store->state);
}

static int retire_keys(struct trail_store *store, const struct trail_old_head *head)
{
	struct trail_key_state keys = {};
	int r = trail_key_read(store->key_file, &keys);

	const struct trail_key *kept = NULL;

	for (unsigned int slot = 0; r == 0 && slot < TRAIL_SLOTS; slot++) {
		const struct trail_key *key = &keys.key[slot];

		if (keys.state[slot] == TRAIL_SLOT_GOOD &&
		    (!head->frame || memcmp(key->trail_id, head->trail_id, TRAIL_ID_BYTES) != 0))
			kept = key;
		else
			r = trail_key_erase(store->key_file, slot);
	}
	if (r == 0)
		r = trail_io_datasync(store->key_file);
	if (r == 0 && kept)
		r = keep_keys(store, kept);
	trail_key_state_clear(&keys);
	return r;
}

/* What is called so and is no folder is in the way. */
static int open_old(int folder)
{
	char name[64];
	int old = trail_io_open_folder(folder, TRAIL_OLD_FOLDER, true, 0750), r;

	if (old != -ENOTDIR && old != -ELOOP)
		return old;
	snprintf(name, sizeof(name), TRAIL_OLD_FOLDER ".%" PRIu64, clock_wall_ns());
	r = trail_io_rename(folder, TRAIL_OLD_FOLDER, folder, name);
	return r < 0 ? r : trail_io_open_folder(folder, TRAIL_OLD_FOLDER, true, 0750);
}

int trail_old_finish(struct trail_store *store)
{
	_cleanup_close_ int old = -1, target = -1;
	struct trail_old_head head;
	int r;

	r = trail_old_read_head(store->state, TRAIL_MOVING_FILE, &head);
	/* It got its name only when it was whole: a damaged one is not ours. */
	if (r < 0)
		return r == -ENOENT || r == -EBADMSG ? 0 : r;
	old = open_old(store->folder);
	if (old < 0)
		return old;
	target = trail_io_open_folder(old, head.folder, true, 0750);
	if (target < 0)
		return target;
	r = trail_io_sync(old);
	if (r == 0)
		r = move_all(store->folder, target);
	if (r == 0)
		r = retire_keys(store, &head);
	if (r == 0)
		r = trail_old_write_head(target, TRAIL_HEAD_FILE, &head);
	if (r == 0)
		r = trail_io_sync(target);
	/* With this it is done. */
	if (r == 0)
		r = trail_io_rename(store->state, TRAIL_MOVING_FILE, store->state, TRAIL_HEAD_FILE);
	if (r == 0)
		r = trail_io_sync(store->state);
	return r < 0 ? r : 1;
}

int trail_old_set_aside(struct trail_store *store, const struct trail_key_state *keys,
			enum trail_damage reason)
{
	struct trail_old_head head = { .reason = reason, .wall_ns = clock_wall_ns() };
	_cleanup_close_ int old = -1;
	int r = find_head(store->folder, keys, &head);

	if (r < 0)
		return r;
	old = open_old(store->folder);
	if (old < 0)
		return old;
	r = name_folder(old, &head);
	if (r == 0)
		r = trail_io_sync(store->folder);
	/* From here on a crash does not change what is decided. */
	if (r == 0)
		r = trail_old_write_head(store->state, TRAIL_MOVING_FILE, &head);
	if (r == 0)
		r = trail_io_sync(store->state);
	if (r == 0)
		r = trail_old_finish(store);
	return r < 0 ? r : 0;
}
