// SPDX-License-Identifier: Apache-2.0
#include "old_bed.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const struct trail_options old_anew = { .begin_anew = true };

void old_make_trail(struct bed *bed)
{
	bed_make(bed);
	bed_start(bed);
	assert_int_equal(trail_writer_sync(bed->writer), 0);
	for (int i = 1; i < OLD_FRAMES; i++) {
		assert_int_equal(bed_append_long(bed, TRAIL_EVIDENCE, "c1", 20), 0);
		assert_int_equal(trail_writer_sync(bed->writer), 0);
	}
	bed_close(bed);
}

void old_record_anew(struct bed *bed)
{
	assert_int_equal(bed_append(bed, TRAIL_NEWCHAIN, TRAIL_EVIDENCE, "recorder-newchain"), 0);
	assert_int_equal(bed_append(bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	bed_stop(bed);
}

struct trail_verdict old_verify(const struct bed *bed, const char *folder,
				const struct trail_old_head *quoted)
{
	struct trail_anchor anchors[2] = {}, *anchor = anchors;
	struct trail_verify_options options = { .ignore_state = true, .anchors = anchors };
	struct bed old = {};

	if (quoted->frame) {
		anchor->frame = quoted->frame;
		memcpy(anchor++->hash, quoted->hash, TRAIL_HASH_BYTES);
	}
	if (quoted->key_frame) {
		anchor->frame = quoted->key_frame;
		anchor->last = quoted->reason == TRAIL_DAMAGE_MACHINE &&
			       quoted->key_frame == quoted->frame;
		memcpy(anchor++->hash, quoted->key_hash, TRAIL_HASH_BYTES);
	}
	options.anchor_count = (size_t)(anchor - anchors);
	assert_true((size_t)snprintf(old.folder, sizeof(old.folder), "%s/%s/%s", bed->folder,
				     TRAIL_OLD_FOLDER, folder) < sizeof(old.folder));
	return bed_verify_with(&old, &options);
}

void old_load_key(const struct bed *bed, struct trail_key *ret_key, unsigned int *ret_slot)
{
	char path[160];
	struct trail_key_state keys;
	int older, newer, fd;

	snprintf(path, sizeof(path), "%s/state/key", bed->folder);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(trail_key_read(fd, &keys), 0);
	close(fd);
	trail_key_order(&keys, &older, &newer);
	assert_true(older >= 0 && newer < 0);
	*ret_slot = (unsigned int)older;
	*ret_key = keys.key[older];
}
