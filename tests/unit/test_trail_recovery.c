// SPDX-License-Identifier: Apache-2.0
/*
 * What a crash can leave, built by hand from the files before and after a commit: every cut of the
 * segment with every state of the key file and of `committed`, the legal ones and those that no
 * crash explains.
 */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/key.h"

/* The files of a trail at one moment. */
struct moment {
	struct buffer segment, key, committed;
};

struct scene {
	struct bed bed;
	struct moment before, after; /* the last commit */
	struct buffer both_keys;     /* while its frames are being written */
	uint64_t frames, events;     /* before it */
};

static void take(const struct bed *bed, struct moment *ret_moment)
{
	bed_load(bed, BED_SEGMENT, &ret_moment->segment);
	bed_load(bed, "state/key", &ret_moment->key);
	bed_load(bed, "committed", &ret_moment->committed);
}

static void moment_free(struct moment *moment)
{
	buffer_free(&moment->segment);
	buffer_free(&moment->key);
	buffer_free(&moment->committed);
}

static bool slot_used(const struct buffer *key, unsigned int slot)
{
	return key->data[slot * TRAIL_SLOT_BYTES] != 0;
}

/* `two`: the last commit has a frame of each class. */
static void make_scene(struct scene *scene, bool two)
{
	*scene = (struct scene){};
	bed_make(&scene->bed);
	bed_start(&scene->bed);
	assert_int_equal(bed_append_long(&scene->bed, TRAIL_ROUTINE, "c1", 20), 0);
	assert_int_equal(trail_writer_sync(scene->bed.writer), 0);
	scene->frames = 2;
	scene->events = 2;
	take(&scene->bed, &scene->before);
	assert_int_equal(bed_append_long(&scene->bed, TRAIL_EVIDENCE, "c2", 20), 0);
	if (two)
		assert_int_equal(bed_append_long(&scene->bed, TRAIL_ROUTINE, "c2", 20), 0);
	assert_int_equal(trail_writer_sync(scene->bed.writer), 0);
	take(&scene->bed, &scene->after);
	bed_close(&scene->bed);

	buffer_append(&scene->both_keys, scene->before.key.data, scene->before.key.length);
	for (unsigned int slot = 0; slot < TRAIL_SLOTS; slot++) {
		size_t offset = slot * TRAIL_SLOT_BYTES;

		assert_int_not_equal(slot_used(&scene->before.key, slot),
				     slot_used(&scene->after.key, slot));
		if (slot_used(&scene->after.key, slot))
			memcpy(scene->both_keys.data + offset, scene->after.key.data + offset,
			       TRAIL_SLOT_BYTES);
	}
}

static void scene_free(struct scene *scene)
{
	bed_remove(&scene->bed);
	moment_free(&scene->before);
	moment_free(&scene->after);
	buffer_free(&scene->both_keys);
}

static void set_up(const struct scene *scene, size_t length, const struct buffer *key,
		   const struct buffer *committed)
{
	bed_store(&scene->bed, BED_SEGMENT, scene->after.segment.data, length);
	bed_store(&scene->bed, "state/key", key->data, key->length);
	if (committed)
		bed_store(&scene->bed, "committed", committed->data, committed->length);
	else
		bed_unlink(&scene->bed, "committed");
}

/* Opens, tells what was found, and goes on so that the trail is valid again. */
static void expect_recovery(struct scene *scene, enum trail_found found, uint64_t events)
{
	bed_open(&scene->bed);
	assert_int_equal(scene->bed.recovery.found, found);
	assert_int_equal(scene->bed.recovery.last_event, events);
	assert_true(scene->bed.recovery.ended_without_stop);
	assert_int_equal(trail_writer_next_sequence(scene->bed.writer), events + 1);
	assert_int_equal(
		bed_append(&scene->bed, TRAIL_RECOVERY, TRAIL_EVIDENCE, "recorder-recovery"), 0);
	bed_stop(&scene->bed);
	bed_expect(&scene->bed, TRAIL_VALID_WITH_GAPS);
}

static void expect_refusal(struct scene *scene, enum trail_damage damage)
{
	_cleanup_buffer_ struct buffer segment = {}, key = {}, again = {}, key_again = {};

	bed_load(&scene->bed, BED_SEGMENT, &segment);
	bed_load(&scene->bed, "state/key", &key);
	assert_int_equal(bed_try_open(&scene->bed, NULL), -EUCLEAN);
	assert_int_equal(scene->bed.recovery.found, TRAIL_FOUND_DAMAGE);
	assert_int_equal(scene->bed.recovery.damage, damage);
	assert_true(strlen(trail_damage_text(damage)) > 10);
	/* Nothing was changed. */
	bed_load(&scene->bed, BED_SEGMENT, &again);
	bed_load(&scene->bed, "state/key", &key_again);
	assert_int_equal(segment.length, again.length);
	assert_memory_equal(segment.data, again.data, again.length);
	assert_memory_equal(key.data, key_again.data, key.length);
}

static void remove_torn(struct scene *scene)
{
	if (scene->bed.recovery.torn_file[0])
		bed_unlink(&scene->bed, scene->bed.recovery.torn_file);
}

/* The commit was cut off at each of its bytes, both keys being on the disk. */
static void cut_everywhere(bool two, size_t step)
{
	struct scene scene;
	size_t begin, end;

	make_scene(&scene, two);
	begin = scene.before.segment.length;
	end = scene.after.segment.length;
	for (size_t length = begin; length < end; length += step) {
		_cleanup_buffer_ struct buffer torn = {};

		set_up(&scene, length, &scene.both_keys, &scene.before.committed);
		bed_expect(&scene.bed, TRAIL_VALID_WITH_GAPS);
		expect_recovery(&scene, TRAIL_FOUND_TORN, scene.events);
		assert_int_equal(scene.bed.recovery.torn_bytes, length - begin);
		assert_int_equal(scene.bed.recovery.committed_event, scene.events);
		if (length == begin) {
			assert_string_equal(scene.bed.recovery.torn_file, "");
			continue;
		}
		bed_load(&scene.bed, scene.bed.recovery.torn_file, &torn);
		assert_int_equal(torn.length, length - begin);
		assert_memory_equal(torn.data, scene.after.segment.data + begin, torn.length);
		remove_torn(&scene);
	}
	set_up(&scene, end, &scene.both_keys, &scene.before.committed);
	bed_expect(&scene.bed, TRAIL_VALID_WITH_GAPS);
	expect_recovery(&scene, TRAIL_FOUND_KEPT, scene.events + 1 + two);
	assert_int_equal(scene.bed.recovery.kept_events, 1 + two);
	assert_int_equal(scene.bed.recovery.kept_frames, 1 + two);
	scene_free(&scene);
}

static void test_cut_at_every_byte(void **state)
{
	cut_everywhere(true, 1);
}

static void test_cut_of_one_frame(void **state)
{
	cut_everywhere(false, 7);
}

/* Pages reach the disk in any order: the length is there, some of the bytes are not. */
static void test_holes(void **state)
{
	struct scene scene;
	size_t begin, end;

	make_scene(&scene, true);
	begin = scene.before.segment.length;
	end = scene.after.segment.length;
	for (size_t hole = begin; hole < end; hole += 13) {
		_cleanup_buffer_ struct buffer segment = {};
		size_t length = end - hole < 40 ? end - hole : 40;

		buffer_append(&segment, scene.after.segment.data, end);
		memset(segment.data + hole, 0, length);
		/* A hole where there were zeros is none. */
		if (memcmp(segment.data, scene.after.segment.data, end) == 0)
			continue;
		set_up(&scene, end, &scene.both_keys, &scene.before.committed);
		bed_store(&scene.bed, BED_SEGMENT, segment.data, end);
		expect_recovery(&scene, TRAIL_FOUND_TORN, scene.events);
		assert_int_equal(scene.bed.recovery.torn_bytes, end - begin);
		remove_torn(&scene);
	}
	scene_free(&scene);
}

/* `committed` is a hint: lost, torn or old, it changes nothing about what is kept. */
static void test_committed_is_a_hint(void **state)
{
	struct scene scene;
	size_t begin, end;

	make_scene(&scene, true);
	begin = scene.before.segment.length;
	end = scene.after.segment.length;
	for (size_t length = begin; length <= end; length += length + 97 < end ? 97 : 1) {
		_cleanup_buffer_ struct buffer half = {};
		bool whole = length == end;

		buffer_append(&half, scene.after.committed.data, 100);
		buffer_append(&half, scene.before.committed.data + 100,
			      scene.before.committed.length - 100);
		set_up(&scene, length, &scene.both_keys, NULL);
		expect_recovery(&scene, whole ? TRAIL_FOUND_CLEAN : TRAIL_FOUND_TORN,
				scene.events + (whole ? 2 : 0));
		remove_torn(&scene);
		set_up(&scene, length, &scene.both_keys, &half);
		expect_recovery(&scene, whole ? TRAIL_FOUND_CLEAN : TRAIL_FOUND_TORN,
				scene.events + (whole ? 2 : 0));
		remove_torn(&scene);
	}
	scene_free(&scene);
}

/* The slot that was being written, or wiped, when the power went. */
static void test_torn_slots(void **state)
{
	struct scene scene;

	make_scene(&scene, true);
	for (size_t written = 0; written <= 512; written += 16) {
		_cleanup_buffer_ struct buffer storing = {}, wiping = {};

		/* Before any frame: the new key's slot is there in part. */
		buffer_append(&storing, scene.before.key.data, scene.before.key.length);
		buffer_append(&wiping, scene.both_keys.data, scene.both_keys.length);
		for (unsigned int slot = 0; slot < TRAIL_SLOTS; slot++) {
			size_t offset = slot * TRAIL_SLOT_BYTES;

			if (slot_used(&scene.after.key, slot))
				memcpy(storing.data + offset, scene.after.key.data + offset,
				       written);
			else
				memset(wiping.data + offset, 0, written);
		}
		set_up(&scene, scene.before.segment.length, &storing, &scene.before.committed);
		expect_recovery(&scene, written >= 256 ? TRAIL_FOUND_TORN : TRAIL_FOUND_CLEAN,
				scene.events);
		assert_int_equal(scene.bed.recovery.torn_bytes, 0);

		/* After the frames: the old key's slot is wiped in part. */
		set_up(&scene, scene.after.segment.length, &wiping, &scene.before.committed);
		expect_recovery(&scene, TRAIL_FOUND_KEPT, scene.events + 2);
		/* And so with `committed` written, the wiping not having reached the disk. */
		set_up(&scene, scene.after.segment.length, &wiping, &scene.after.committed);
		expect_recovery(&scene, TRAIL_FOUND_CLEAN, scene.events + 2);
	}
	scene_free(&scene);
}

/* A key one step ahead and alone proves that the log was longer. */
static void test_a_cut_tail_is_refused(void **state)
{
	struct scene scene;
	struct trail_verdict verdict;

	make_scene(&scene, true);
	for (size_t length = 0; length < scene.after.segment.length; length += 7) {
		set_up(&scene, length, &scene.after.key, &scene.before.committed);
		expect_refusal(&scene, TRAIL_DAMAGE_CUT);
		bed_expect(&scene.bed, TRAIL_TAMPERED);
	}
	/* With both keys it is so for what lies before the older one. */
	set_up(&scene, scene.before.segment.length - 1, &scene.both_keys, NULL);
	expect_refusal(&scene, TRAIL_DAMAGE_CUT);
	verdict = bed_verify(&scene.bed);
	assert_int_equal(verdict.code, TRAIL_TAMPERED);
	assert_int_equal(verdict.bad_frame, 2);
	assert_int_equal(verdict.good_frame, 0);
	/* And for what `committed` says had been whole. */
	set_up(&scene, scene.after.segment.length - 1, &scene.both_keys, &scene.after.committed);
	expect_refusal(&scene, TRAIL_DAMAGE_COMMITTED);
	bed_expect(&scene.bed, TRAIL_TAMPERED);
	scene_free(&scene);
}

static void test_what_no_crash_explains(void **state)
{
	_cleanup_buffer_ struct buffer more = {}, keys = {}, empty = {};
	struct scene scene;

	make_scene(&scene, true);
	/* Bytes behind the end, no commit being under way. */
	buffer_append(&more, scene.after.segment.data, scene.after.segment.length);
	buffer_append_string(&more, "x");
	set_up(&scene, scene.after.segment.length, &scene.after.key, &scene.after.committed);
	bed_store(&scene.bed, BED_SEGMENT, more.data, more.length);
	expect_refusal(&scene, TRAIL_DAMAGE_BEHIND);
	bed_expect(&scene.bed, TRAIL_TAMPERED);
	/* The same with both keys, where the commit is whole. */
	bed_store(&scene.bed, "state/key", scene.both_keys.data, scene.both_keys.length);
	expect_refusal(&scene, TRAIL_DAMAGE_BEHIND);
	bed_expect(&scene.bed, TRAIL_TAMPERED);
	/* A key state that is older than the log: from a backup. */
	set_up(&scene, scene.after.segment.length, &scene.before.key, NULL);
	expect_refusal(&scene, TRAIL_DAMAGE_BEHIND);
	bed_expect(&scene.bed, TRAIL_UNPROVEN_END);
	/* No key. */
	set_up(&scene, scene.after.segment.length, &empty, &scene.after.committed);
	expect_refusal(&scene, TRAIL_DAMAGE_NO_KEY);
	bed_expect(&scene.bed, TRAIL_UNPROVEN_END);
	/* Twice the same key. */
	buffer_append(&keys, scene.after.key.data, scene.after.key.length);
	memcpy(keys.data, keys.data + (slot_used(&keys, 0) ? 0 : TRAIL_SLOT_BYTES),
	       TRAIL_SLOT_BYTES);
	memcpy(keys.data + TRAIL_SLOT_BYTES, keys.data, TRAIL_SLOT_BYTES);
	set_up(&scene, scene.after.segment.length, &keys, &scene.after.committed);
	expect_refusal(&scene, TRAIL_DAMAGE_KEYS);
	bed_expect(&scene.bed, TRAIL_TAMPERED);
	/* A flipped bit in a frame that was acknowledged long ago. */
	set_up(&scene, scene.after.segment.length, &scene.after.key, &scene.after.committed);
	scene.after.segment.data[100] ^= 1;
	bed_store(&scene.bed, BED_SEGMENT, scene.after.segment.data, scene.after.segment.length);
	expect_refusal(&scene, TRAIL_DAMAGE_BROKEN);
	bed_expect(&scene.bed, TRAIL_TAMPERED);
	/* No segment at all. */
	bed_unlink(&scene.bed, BED_SEGMENT);
	assert_int_equal(bed_try_open(&scene.bed, NULL), -EUCLEAN);
	assert_int_equal(scene.bed.recovery.damage, TRAIL_DAMAGE_NO_SEGMENT);
	bed_expect(&scene.bed, TRAIL_TAMPERED);
	scene_free(&scene);
}

/* The key of another trail with as many frames. */
static void test_a_foreign_key(void **state)
{
	struct scene scene, other;

	make_scene(&scene, true);
	make_scene(&other, true);
	set_up(&scene, scene.after.segment.length, &other.after.key, &scene.after.committed);
	expect_refusal(&scene, TRAIL_DAMAGE_BROKEN);
	bed_expect(&scene.bed, TRAIL_UNPROVEN_END);
	/* The first frame has no predecessor that would give it away: its root does. */
	set_up(&scene, scene.after.segment.length, &scene.after.key, &scene.after.committed);
	bed_store(&scene.bed, BED_SEGMENT, other.after.segment.data, other.after.segment.length);
	expect_refusal(&scene, TRAIL_DAMAGE_BROKEN);
	bed_expect(&scene.bed, TRAIL_TAMPERED);
	scene_free(&scene);
	scene_free(&other);
}

/* A crash while a trail is being made leaves a part of its files: none of these is damage. */
static void test_crash_at_creation(void **state)
{
	_cleanup_buffer_ struct buffer key = {}, root = {}, again = {};
	struct bed bed;

	bed_make(&bed);
	bed_open(&bed);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_NOTHING);
	bed_close(&bed);
	bed_load(&bed, "state/key", &key);
	bed_load(&bed, "root.pub", &root);
	/* The key is there, the root and the segment are not. */
	bed_unlink(&bed, "root.pub");
	bed_unlink(&bed, BED_SEGMENT);
	bed_unlink(&bed, "committed");
	bed_open(&bed);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_CLEAN);
	bed_close(&bed);
	bed_load(&bed, "root.pub", &again);
	assert_memory_equal(root.data, again.data, root.length);
	bed_expect(&bed, TRAIL_VALID);
	/* Only a torn key is there: nothing was ever signed with it. */
	bed_unlink(&bed, "root.pub");
	bed_unlink(&bed, BED_SEGMENT);
	bed_store(&bed, "state/key", key.data, 100);
	bed_open(&bed);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_NOTHING);
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_cut_of_one_frame),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_committed_is_a_hint),
		cmocka_unit_test(test_torn_slots),
		cmocka_unit_test(test_a_cut_tail_is_refused),
		cmocka_unit_test(test_what_no_crash_explains),
		cmocka_unit_test(test_a_foreign_key),
		cmocka_unit_test(test_crash_at_creation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
