// SPDX-License-Identifier: Apache-2.0
#include "trail/old.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "trail/checked.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/segment.h"
#include "trail/summary.h"

static const struct {
	const char *word, *text;
} damages[TRAIL_DAMAGE_COUNT] = {
	[TRAIL_DAMAGE_NONE] = { "", "" },
	[TRAIL_DAMAGE_NO_KEY] = { "NO_KEY",
				  "there is a log, but no good signing key in the state folder" },
	[TRAIL_DAMAGE_KEYS] = { "KEYS", "the two key slots contradict each other" },
	[TRAIL_DAMAGE_NO_SEGMENT] = { "NO_SEGMENT",
				      "the key follows on frames that are gone: there is no segment" },
	[TRAIL_DAMAGE_CUT] = { "CUT", "the log ends before the frame that the key follows on: its "
				      "tail was cut off" },
	[TRAIL_DAMAGE_BROKEN] = { "BROKEN", "a frame before the end of the log is damaged" },
	[TRAIL_DAMAGE_FORK] = { "FORK", "the last frame is not the one that the key follows on" },
	[TRAIL_DAMAGE_BEHIND] = { "BEHIND", "there is more behind the end than the key explains: "
					    "the key is older than the log" },
	[TRAIL_DAMAGE_COMMITTED] = { "COMMITTED", "frames that had been committed are not whole" },
	[TRAIL_DAMAGE_VERSION] = { "VERSION", "the trail was written by another version" },
	[TRAIL_DAMAGE_MACHINE] = { "MACHINE",
				   "the key was written by another machine: this one, or "
				   "its disk, is a copy of it" },
};

const char *trail_damage_word(enum trail_damage damage)
{
	return damage < TRAIL_DAMAGE_COUNT ? damages[damage].word : "UNKNOWN";
}

const char *trail_damage_text(enum trail_damage damage)
{
	return damage < TRAIL_DAMAGE_COUNT ? damages[damage].text : "unknown damage";
}

/* ---- `head`, a text that checks itself ---- */

static void append_frame(struct buffer *text, const char *which, uint64_t frame,
			 const uint8_t *hash)
{
	buffer_printf(text, "%sframe %020" PRIu64 "\n%shash ", which, frame, which);
	buffer_append_hex(text, hash, TRAIL_HASH_BYTES);
	buffer_append_char(text, '\n');
}

static void append_head(struct buffer *text, const struct trail_old_head *head)
{
	buffer_printf(text, "docktrail head 1\nreason %s\nfolder %s\ntrail ",
		      trail_damage_word(head->reason), head->folder);
	buffer_append_hex(text, head->trail_id, sizeof(head->trail_id));
	buffer_append_char(text, '\n');
	append_frame(text, "", head->frame, head->hash);
	append_frame(text, "key_", head->key_frame, head->key_hash);
	buffer_printf(text, "wall_ns %020" PRIu64 "\n", head->wall_ns);
	trail_checked_end(text);
}

static enum trail_damage damage_called(const char *word)
{
	enum trail_damage damage = TRAIL_DAMAGE_NONE + 1;

	while (damage < TRAIL_DAMAGE_COUNT && strcmp(damages[damage].word, word) != 0)
		damage++;
	return damage;
}

static bool parse_head(const char *text, struct trail_old_head *ret_head)
{
	char word[16], id[2 * TRAIL_ID_BYTES + 1];
	char hash[2 * TRAIL_HASH_BYTES + 1], key_hash[2 * TRAIL_HASH_BYTES + 1];
	_cleanup_buffer_ struct buffer again = {};
	struct trail_old_head head = {};

	if (sscanf(text,
		   "docktrail head 1 reason %15[A-Z_] folder %31[0-9a-f-] trail %32[0-9a-f]"
		   " frame %20" SCNu64 " hash %64[0-9a-f] key_frame %20" SCNu64
		   " key_hash %64[0-9a-f] wall_ns %20" SCNu64,
		   word, head.folder, id, &head.frame, hash, &head.key_frame, key_hash,
		   &head.wall_ns) != 8)
		return false;
	head.reason = damage_called(word);
	if (head.reason == TRAIL_DAMAGE_COUNT ||
	    !trail_checked_hex(id, head.trail_id, sizeof(head.trail_id)) ||
	    !trail_checked_hex(hash, head.hash, sizeof(head.hash)) ||
	    !trail_checked_hex(key_hash, head.key_hash, sizeof(head.key_hash)))
		return false;
	/* Written again it must be the same text: check, lengths and spelling in one. */
	append_head(&again, &head);
	if (again.error || strlen(text) != again.length ||
	    memcmp(text, again.data, again.length) != 0)
		return false;
	*ret_head = head;
	return true;
}

static int read_head(int folder, struct trail_old_head *ret_head)
{
	char text[TRAIL_CHECKED_MOST + 1];
	int n = trail_checked_read(folder, TRAIL_HEAD_FILE, text);

	if (n < 0)
		return n;
	return parse_head(text, ret_head) ? 0 : -EBADMSG;
}

/* ---- what the trail came to ---- */

/* A key that the frame before it does not name proves nothing: anybody can make one. */
static void check_key(const struct trail_frame *frame, const struct trail_key *key,
		      struct trail_old_head *head)
{
	if (key && frame->header.frame == head->key_frame &&
	    memcmp(frame->seal.next_public_key, key->public_key, TRAIL_KEY_BYTES) != 0) {
		head->key_frame = 0;
		memset(head->key_hash, 0, sizeof(head->key_hash));
	}
}

/* The last frame of the segment that can be read. Returns 1, 0 when there is none, -errno. */
static int find_last_frame(int folder, uint64_t first_frame, const struct trail_key *key,
			   struct trail_old_head *head)
{
	_cleanup_(trail_segment_close)
	struct trail_segment segment = { .fd = -1 };
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct trail_frame frame;
	uint64_t offset = 0;
	int r, found = 0;

	trail_segment_name(first_frame, name);
	r = trail_segment_open(folder, name, &segment);
	/* A link, or a FIFO: it is moved aside like the rest. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	while (trail_segment_frame(&segment, offset, &frame) > 0) {
		r = trail_segment_hash(&segment, &frame, head->hash);
		if (r < 0)
			return r;
		memcpy(head->trail_id, frame.header.trail_id, sizeof(head->trail_id));
		head->frame = frame.header.frame;
		check_key(&frame, key, head);
		offset = frame.end_offset;
		found = 1;
	}
	return found;
}

static int find_head(int folder, const struct trail_key_state *keys, struct trail_old_head *head)
{
	_cleanup_free_ uint64_t *segments = NULL;
	const struct trail_key *key;
	int older, newer, r;
	size_t count;

	trail_key_order(keys, &older, &newer);
	key = older < 0 ? NULL : &keys->key[older];
	if (key) {
		head->key_frame = key->frame - 1;
		memcpy(head->key_hash, key->previous_hash, sizeof(head->key_hash));
		memcpy(head->trail_id, key->trail_id, sizeof(head->trail_id));
	}
	r = trail_segment_list(folder, &segments, &count, NULL);
	for (; r == 0 && count > 0; count--)
		r = find_last_frame(folder, segments[count - 1], key, head);
	return r < 0 ? r : 0;
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

int trail_old_newest(int folder, struct trail_old_head *ret_head)
{
	_cleanup_close_ int old = trail_io_open_folder(folder, TRAIL_OLD_FOLDER, false, 0);
	_cleanup_buffer_ struct buffer names = {};
	_cleanup_close_ int newest = -1;
	int r = old < 0 ? old : list_folders(old, &names);

	if (r < 0 || names.length == 0)
		return r < 0 ? r : -ENOENT;
	newest = trail_io_open_folder(old, names.data, false, 0);
	if (newest < 0)
		return newest;
	r = read_head(newest, ret_head);
	if (r == 0) {
		ret_head->key_frame = 0;
		memset(ret_head->key_hash, 0, sizeof(ret_head->key_hash));
	}
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

static int erase_keys(int key_file)
{
	int r = 0;

	for (unsigned int slot = 0; r == 0 && slot < TRAIL_SLOTS; slot++)
		r = trail_key_erase(key_file, slot);
	return r < 0 ? r : trail_io_datasync(key_file);
}

int trail_old_finish(int folder, int key_file)
{
	_cleanup_close_ int old = trail_io_open_folder(folder, TRAIL_OLD_FOLDER, false, 0);
	_cleanup_close_ int target = -1;
	struct trail_old_head head;
	int r;

	if (old < 0)
		return old == -ENOENT ? 0 : old;
	r = read_head(old, &head);
	/* It got its name only when it was whole: a damaged one is not ours. */
	if (r < 0)
		return r == -ENOENT || r == -EBADMSG ? 0 : r;
	target = trail_io_open_folder(old, head.folder, true, 0750);
	if (target < 0)
		return target;
	r = move_all(folder, target);
	if (r == 0)
		r = erase_keys(key_file);
	/* With this it is done. */
	if (r == 0)
		r = trail_io_rename(old, TRAIL_HEAD_FILE, target, TRAIL_HEAD_FILE);
	if (r == 0)
		r = trail_io_sync(target);
	if (r == 0)
		r = trail_io_sync(old);
	return r < 0 ? r : 1;
}

int trail_old_set_aside(int folder, int key_file, const struct trail_key_state *keys,
			enum trail_damage reason, struct trail_old_head *ret_head)
{
	struct trail_old_head head = { .reason = reason, .wall_ns = clock_wall_ns() };
	_cleanup_buffer_ struct buffer text = {};
	_cleanup_close_ int old = -1;
	int r = find_head(folder, keys, &head);

	if (r < 0)
		return r;
	old = trail_io_open_folder(folder, TRAIL_OLD_FOLDER, true, 0750);
	if (old < 0)
		return old;
	r = name_folder(old, &head);
	if (r < 0)
		return r;
	append_head(&text, &head);
	/* From here on a crash does not change what is decided. */
	r = text.error ?: trail_io_replace(old, TRAIL_HEAD_FILE, text.data, text.length, 0640);
	if (r == 0)
		r = trail_io_sync(old);
	if (r == 0)
		r = trail_io_sync(folder);
	if (r == 0)
		r = trail_old_finish(folder, key_file);
	if (r < 0)
		return r;
	*ret_head = head;
	return 0;
}

/* ---- the quote ---- */

void trail_old_encode(const struct trail_old_head *head, struct buffer *out)
{
	struct trail_disk_old_head disk = {
		.reason = htole32((uint32_t)head->reason),
		.frame = htole64(head->frame),
		.key_frame = htole64(head->key_frame),
	};

	memcpy(disk.trail_id, head->trail_id, sizeof(disk.trail_id));
	memcpy(disk.hash, head->hash, sizeof(disk.hash));
	memcpy(disk.key_hash, head->key_hash, sizeof(disk.key_hash));
	trail_summary_append(out, TRAIL_TAG_OLD_HEAD, &disk, sizeof(disk));
}

int trail_old_decode(const uint8_t *summary, size_t length, struct trail_old_head *ret_head)
{
	struct trail_summary_element element;
	struct trail_old_head head = {};
	struct trail_disk_old_head disk;
	bool found = false;
	size_t at = 0;
	int r;

	while ((r = trail_summary_next(summary, length, &at, &element)) > 0) {
		if (element.tag != TRAIL_TAG_OLD_HEAD)
			continue;
		if (element.length != sizeof(disk))
			return -EBADMSG;
		if (!found)
			memcpy(&disk, element.value, sizeof(disk));
		found = true;
	}
	if (r < 0 || !found)
		return r < 0 ? r : -ENOENT;
	head.reason = le32toh(disk.reason);
	head.frame = le64toh(disk.frame);
	head.key_frame = le64toh(disk.key_frame);
	memcpy(head.trail_id, disk.trail_id, sizeof(disk.trail_id));
	memcpy(head.hash, disk.hash, sizeof(disk.hash));
	memcpy(head.key_hash, disk.key_hash, sizeof(disk.key_hash));
	*ret_head = head;
	return 0;
}
