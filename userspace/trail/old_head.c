// SPDX-License-Identifier: Apache-2.0
/* What a trail came to: as the text `head`, and as the quote in frame 1 of its successor. */
#include "trail/old_head.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "trail/checked.h"
#include "trail/io.h"
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

int trail_old_read_head(int folder, const char *name, struct trail_old_head *ret_head)
{
	char text[TRAIL_CHECKED_MOST + 1];
	int n = trail_checked_read(folder, name, text);

	if (n < 0)
		return n;
	return parse_head(text, ret_head) ? 0 : -EBADMSG;
}

int trail_old_write_head(int folder, const char *name, const struct trail_old_head *head)
{
	_cleanup_buffer_ struct buffer text = {};

	append_head(&text, head);
	return text.error ?: trail_io_replace(folder, name, text.data, text.length, 0640);
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
