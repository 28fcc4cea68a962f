// SPDX-License-Identifier: Apache-2.0
/*
 * A trail that cannot be continued is set aside and quoted by the one that is begun in its place:
 * for each reason, and against who makes up what is quoted.
 */
#include "old_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/io.h"
#include "trail/sign.h"

/* Set aside for this reason; what became of it is judged so. Returns what is quoted. */
static struct trail_old_head expect_anew(struct bed *bed, enum trail_damage reason,
					 enum trail_verdict_code code)
{
	struct trail_old_head old;
	struct trail_verdict verdict;

	assert_int_equal(bed_try_open(bed, NULL), -EUCLEAN);
	assert_int_equal(bed->recovery.damage, reason);
	assert_int_equal(bed_try_open(bed, &old_anew), 0);
	assert_int_equal(bed->recovery.found, TRAIL_FOUND_NOTHING);
	old = bed->recovery.old;
	assert_int_equal(old.reason, reason);
	old_record_anew(bed);
	verdict = bed_verify(bed);
	assert_int_equal(verdict.code, TRAIL_VALID_WITH_GAPS);
	assert_int_equal(verdict.gaps.new_chains, 1);
	assert_int_equal(verdict.old.reason, reason);
	assert_int_equal(verdict.old.frame, old.frame);
	assert_int_equal(verdict.old.key_frame, old.key_frame);
	assert_memory_equal(verdict.old.hash, old.hash, sizeof(old.hash));
	assert_memory_equal(verdict.old.trail_id, old.trail_id, sizeof(old.trail_id));
	assert_memory_not_equal(verdict.trail_id, old.trail_id, sizeof(old.trail_id));
	verdict = old_verify(bed, old.folder, &verdict.old);
	if (verdict.code != code)
		fail_msg("%s: %s, not %s: %s", trail_damage_word(reason),
			 trail_verdict_name(verdict.code), trail_verdict_name(code),
			 verdict.reason);
	return old;
}

static void store_key(const struct bed *bed, const struct trail_key *key, unsigned int slot)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/state/key", bed->folder);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(trail_key_store(fd, slot, key), 0);
	close(fd);
}

/* The segment without its last byte, and the keys of before and after the last commit. */
static void tear_last_commit(struct bed *bed, const struct buffer *key_before)
{
	_cleanup_buffer_ struct buffer segment = {}, key = {};

	bed_load(bed, BED_SEGMENT, &segment);
	bed_store(bed, BED_SEGMENT, segment.data, segment.length - 1);
	bed_load(bed, "state/key", &key);
	assert_int_equal(key.length, key_before->length);
	/* Each is in a slot of its own. */
	for (size_t i = 0; i < key.length; i++)
		key.data[i] |= key_before->data[i];
	bed_store(bed, "state/key", key.data, key.length);
	bed_unlink(bed, "committed");
}

static void test_a_cut_tail(void **state)
{
	_cleanup_buffer_ struct buffer segment = {}, moved = {};
	struct trail_old_head old;
	struct trail_key key;
	unsigned int slot;
	struct bed bed;
	char name[128];

	old_make_trail(&bed);
	old_load_key(&bed, &key, &slot);
	bed_load(&bed, BED_SEGMENT, &segment);
	bed_store(&bed, BED_SEGMENT, segment.data, segment.length - 1);
	old = expect_anew(&bed, TRAIL_DAMAGE_CUT, TRAIL_TAMPERED);
	/* Without `committed` it is the quote that says so. */
	snprintf(name, sizeof(name), "%s/%s/committed", TRAIL_OLD_FOLDER, old.folder);
	bed_unlink(&bed, name);
	assert_int_equal(old_verify(&bed, old.folder, &old).code, TRAIL_TAMPERED);
	old.frame = old.key_frame = 0;
	assert_int_equal(old_verify(&bed, old.folder, &old).code, TRAIL_UNPROVEN_END);
	old = bed.recovery.old;
	assert_int_equal(old.frame, OLD_FRAMES - 1);
	assert_int_equal(old.key_frame, OLD_FRAMES);
	assert_memory_equal(old.key_hash, key.previous_hash, sizeof(old.key_hash));
	/* Byte for byte. */
	snprintf(name, sizeof(name), "%s/%s/" BED_SEGMENT, TRAIL_OLD_FOLDER, old.folder);
	bed_load(&bed, name, &moved);
	assert_int_equal(moved.length, segment.length - 1);
	assert_memory_equal(moved.data, segment.data, moved.length);
	bed_remove(&bed);
}

static void test_every_other_reason(void **state)
{
	_cleanup_buffer_ struct buffer segment = {}, key = {};
	struct trail_old_head old;
	struct bed bed;

	/* No key: what there is, is genuine. */
	old_make_trail(&bed);
	bed_store(&bed, "state/key", "", 0);
	old = expect_anew(&bed, TRAIL_DAMAGE_NO_KEY, TRAIL_UNPROVEN_END);
	assert_int_equal(old.frame, OLD_FRAMES);
	assert_int_equal(old.key_frame, 0);
	bed_remove(&bed);
	/* No segment, but a key that follows on frames. */
	old_make_trail(&bed);
	bed_unlink(&bed, BED_SEGMENT);
	old = expect_anew(&bed, TRAIL_DAMAGE_NO_SEGMENT, TRAIL_TAMPERED);
	assert_int_equal(old.frame, 0);
	assert_int_equal(old.key_frame, OLD_FRAMES);
	bed_remove(&bed);
	/* A flipped bit long ago. */
	old_make_trail(&bed);
	bed_load(&bed, BED_SEGMENT, &segment);
	segment.data[100] ^= 1;
	bed_store(&bed, BED_SEGMENT, segment.data, segment.length);
	expect_anew(&bed, TRAIL_DAMAGE_BROKEN, TRAIL_TAMPERED);
	bed_remove(&bed);
	/* The key state is from a backup: what came since is genuine, and more may have. */
	old_make_trail(&bed);
	bed_load(&bed, "state/key", &key);
	bed_start(&bed);
	bed_stop(&bed);
	bed_store(&bed, "state/key", key.data, key.length);
	old = expect_anew(&bed, TRAIL_DAMAGE_BEHIND, TRAIL_UNPROVEN_END);
	assert_int_equal(old.frame, OLD_FRAMES + 1);
	assert_int_equal(old.key_frame, OLD_FRAMES);
	bed_remove(&bed);
	/* A link in the place of the log, and of `committed`. */
	for (int i = 0; i < 2; i++) {
		char path[160];

		old_make_trail(&bed);
		bed_unlink(&bed, i ? "committed" : BED_SEGMENT);
		snprintf(path, sizeof(path), "%s/%s", bed.folder, i ? "committed" : BED_SEGMENT);
		assert_int_equal(symlink("/dev/null", path), 0);
		expect_anew(&bed, i ? TRAIL_DAMAGE_COMMITTED : TRAIL_DAMAGE_BROKEN,
			    i ? TRAIL_UNPROVEN_END : TRAIL_UNREADABLE);
		bed_remove(&bed);
	}
}

/* The key is of a trail that lies elsewhere: it may prove that one, and nothing here. */
static void test_the_key_of_another_trail(void **state)
{
	_cleanup_buffer_ struct buffer theirs = {}, kept = {};
	struct trail_old_head old;
	struct trail_key key;
	char name[64] = "state/key-";
	unsigned int slot;
	struct bed bed, other;

	old_make_trail(&other);
	bed_start(&other);
	bed_stop(&other);
	old_load_key(&other, &key, &slot);
	bed_load(&other, "state/key", &theirs);
	old_make_trail(&bed);
	bed_store(&bed, "state/key", theirs.data, theirs.length);
	old = expect_anew(&bed, TRAIL_DAMAGE_BROKEN, TRAIL_UNPROVEN_END);
	assert_int_equal(old.frame, OLD_FRAMES);
	assert_int_equal(old.key_frame, 0);
	for (size_t i = 0; i < 8; i++)
		sprintf(name + 10 + 2 * i, "%02x", key.trail_id[i]);
	bed_load(&bed, name, &kept);
	assert_int_equal(kept.length, theirs.length);
	assert_memory_equal(kept.data, theirs.data, kept.length);
	bed_expect(&other, TRAIL_VALID);
	bed_remove(&other);
	bed_remove(&bed);
}

/* Frames that nobody signed, and half a commit: what is quoted is the last that was whole. */
static void test_what_only_looks_like_frames(void **state)
{
	_cleanup_buffer_ struct buffer segment = {}, false_frame = {};
	struct trail_options there = { .machine_id = { 2 } };
	struct trail_old_head old;
	struct trail_key key;
	unsigned int slot;
	struct bed bed;
	size_t begin;

	/* The last frame once more, as the next one, by who has no key. */
	old_make_trail(&bed);
	old_load_key(&bed, &key, &slot);
	bed_load(&bed, BED_SEGMENT, &segment);
	for (begin = segment.length - 1; begin > 0; begin--)
		if (memcmp(segment.data + begin, TRAIL_HEADER_MAGIC, 8) == 0)
			break;
	begin -= 8;
	buffer_append(&false_frame, segment.data + begin, segment.length - begin);
	false_frame.data[8 + offsetof(struct trail_disk_header, frame)]++;
	false_frame.data[8 + offsetof(struct trail_disk_header, first_event)]++;
	false_frame.data[8 + offsetof(struct trail_disk_header, commit_first_event)]++;
	memcpy(false_frame.data + 8 + offsetof(struct trail_disk_header, previous_hash),
	       key.previous_hash, TRAIL_HASH_BYTES);
	buffer_append(&segment, false_frame.data, false_frame.length);
	bed_store(&bed, BED_SEGMENT, segment.data, segment.length);
	old = expect_anew(&bed, TRAIL_DAMAGE_BEHIND, TRAIL_UNPROVEN_END);
	assert_int_equal(old.frame, OLD_FRAMES);
	assert_int_equal(old.key_frame, OLD_FRAMES);
	bed_remove(&bed);
	/* A segment of its own, far behind. */
	old_make_trail(&bed);
	bed_store(&bed, "18446744073709551615.jsonl.zst", false_frame.data, false_frame.length);
	old = expect_anew(&bed, TRAIL_DAMAGE_BEHIND, TRAIL_TAMPERED);
	assert_int_equal(old.frame, OLD_FRAMES);
	bed_remove(&bed);
	/* Another machine, and the power went within a commit of two frames: the log is whole. */
	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &(struct trail_options){ .machine_id = { 1 } }), 0);
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	buffer_clear(&segment);
	buffer_free(&segment);
	bed_load(&bed, "state/key", &segment);
	assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 20), 0);
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 20), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	bed_close(&bed);
	tear_last_commit(&bed, &segment);
	there.begin_anew = true;
	assert_int_equal(bed_try_open(&bed, &there), 0);
	old = bed.recovery.old;
	assert_int_equal(old.reason, TRAIL_DAMAGE_MACHINE);
	assert_int_equal(old.frame, 1);
	assert_int_equal(old.key_frame, 1);
	old_record_anew(&bed);
	assert_int_equal(old_verify(&bed, old.folder, &old).code, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

/* The disk of one machine in another: the old trail is whole, and ended where its key says. */
static void test_another_machine(void **state)
{
	struct trail_options here = { .machine_id = { 1 } }, there = { .machine_id = { 2 } };
	struct trail_old_head old;
	struct bed bed;

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &here), 0);
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	bed_stop(&bed);
	/* Where it is not known which machine this is, or as it was, there is nothing to see. */
	bed_start(&bed);
	bed_stop(&bed);
	assert_int_equal(bed_try_open(&bed, &here), 0);
	bed_stop(&bed);
	assert_int_equal(bed_try_open(&bed, &there), -EUCLEAN);
	assert_int_equal(bed.recovery.damage, TRAIL_DAMAGE_MACHINE);
	there.begin_anew = true;
	assert_int_equal(bed_try_open(&bed, &there), 0);
	old = bed.recovery.old;
	assert_int_equal(old.reason, TRAIL_DAMAGE_MACHINE);
	assert_int_equal(old.frame, old.key_frame);
	old_record_anew(&bed);
	assert_int_equal(old_verify(&bed, old.folder, &old).code, TRAIL_VALID);
	/* It is the machine's own now. */
	assert_int_equal(bed_try_open(&bed, &there), 0);
	assert_int_equal(bed.recovery.old.reason, TRAIL_DAMAGE_NONE);
	bed_stop(&bed);
	bed_remove(&bed);
}

/* One key, two folders: the first one has it. */
static void test_a_shared_state(void **state)
{
	struct bed bed, other;
	struct trail_options shared = old_anew;
	char path[160];

	old_make_trail(&bed);
	bed_open(&bed);
	bed_make(&other);
	snprintf(path, sizeof(path), "%s/state", bed.folder);
	shared.state = path;
	assert_int_equal(bed_try_open(&other, &shared), -EBUSY);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	/* While nobody has it, the key is kept for the trail that it is of. */
	assert_int_equal(bed_try_open(&other, &shared), 0);
	assert_int_equal(other.recovery.old.reason, TRAIL_DAMAGE_NO_SEGMENT);
	bed_stop(&other);
	bed_remove(&other);
	bed_expect(&bed, TRAIL_UNPROVEN_END);
	bed_remove(&bed);
}

/* Who cuts the log and makes a key for its new end has no key that a frame names. */
static void test_a_key_that_was_made_up(void **state)
{
	_cleanup_buffer_ struct buffer segment = {};
	struct trail_verdict verdict;
	struct trail_old_head old;
	struct trail_key key;
	unsigned int slot;
	struct bed bed;
	size_t end;

	old_make_trail(&bed);
	old_load_key(&bed, &key, &slot);
	bed_load(&bed, BED_SEGMENT, &segment);
	/* The log up to its second frame. */
	for (end = segment.length - 1; end > 0; end--)
		if (memcmp(segment.data + end, TRAIL_HEADER_MAGIC, 8) == 0)
			break;
	end -= 8;
	bed_store(&bed, BED_SEGMENT, segment.data, end);
	bed_unlink(&bed, "committed");
	verdict = bed_verify(&bed);
	assert_int_equal(verdict.good_frame, OLD_FRAMES - 1);
	key.frame = OLD_FRAMES;
	key.first_event = OLD_FRAMES;
	memcpy(key.previous_hash, verdict.good_hash, sizeof(key.previous_hash));
	assert_int_equal(trail_key_generate(key.seed, key.public_key), 0);
	store_key(&bed, &key, slot);
	bed_expect(&bed, TRAIL_TAMPERED);
	old = expect_anew(&bed, TRAIL_DAMAGE_FORK, TRAIL_UNPROVEN_END);
	assert_int_equal(old.key_frame, 0);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cut_tail),
		cmocka_unit_test(test_every_other_reason),
		cmocka_unit_test(test_the_key_of_another_trail),
		cmocka_unit_test(test_what_only_looks_like_frames),
		cmocka_unit_test(test_another_machine),
		cmocka_unit_test(test_a_shared_state),
		cmocka_unit_test(test_a_key_that_was_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
