// SPDX-License-Identifier: Apache-2.0
/*
 * What still verifies of a damaged trail: never a line that was not recorded, and not less than the
 * damage leaves.
 */
#include "tests/unit/trail_bed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "trail/salvage.h"

#define FRAMES 6

struct scene {
	struct bed bed;
	struct buffer segment, lines; /* as it was recorded; all payloads */
	size_t begin[FRAMES + 1];     /* of each frame, and the end */
	size_t stored[FRAMES];        /* of its payload */
	struct trail_anchor anchor;   /* of the last frame */
	/* What a salvage has shown. */
	uint64_t events, lost_frames, runs, proven_runs;
};

static int take_lines(void *context, const char *data, size_t length)
{
	struct scene *scene = context;

	assert_non_null(memmem(scene->lines.data, scene->lines.length, data, length));
	for (size_t i = 0; i < length; i++)
		scene->events += data[i] == '\n';
	return 0;
}

static int take_run(void *context, const struct trail_run *run)
{
	struct scene *scene = context;

	scene->runs++;
	scene->proven_runs += run->from_root || run->anchored;
	scene->lost_frames += run->lost_frames;
	if (!run->from_root && !run->anchored)
		assert_int_equal(run->events, 0);
	return 0;
}

static void make_scene(struct scene *scene)
{
	struct trail_verdict verdict;
	struct trail_reader *reader;
	const struct trail_frame *frame;

	*scene = (struct scene){};
	bed_make(&scene->bed);
	bed_start(&scene->bed);
	for (int i = 0; i < FRAMES; i++) {
		if (i > 0)
			assert_int_equal(bed_append_long(&scene->bed, TRAIL_EVIDENCE, "c", 300), 0);
		assert_int_equal(trail_writer_sync(scene->bed.writer), 0);
	}
	bed_close(&scene->bed);
	bed_load(&scene->bed, BED_SEGMENT, &scene->segment);
	verdict = bed_verify(&scene->bed);
	scene->anchor.frame = verdict.good_frame;
	memcpy(scene->anchor.hash, verdict.good_hash, TRAIL_HASH_BYTES);
	bed_open_reader(&scene->bed, 0, &reader);
	for (int i = 0; i < FRAMES; i++) {
		const char *data;
		size_t length;

		assert_int_equal(trail_reader_next_frame(reader, &frame), 1);
		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		buffer_append(&scene->lines, data, length);
		scene->begin[i] = frame->offset;
		scene->stored[i] = frame->stored_offset;
		scene->begin[i + 1] = frame->end_offset;
	}
	trail_reader_close(reader);
}

static void scene_free(struct scene *scene)
{
	bed_remove(&scene->bed);
	buffer_free(&scene->segment);
	buffer_free(&scene->lines);
}

static void salvage(struct scene *scene, const struct buffer *bytes, bool anchored)
{
	const struct trail_salvage_options options = { .anchors = &scene->anchor,
						       .anchor_count = anchored,
						       .payload = take_lines,
						       .run = take_run,
						       .context = scene };

	scene->events = scene->lost_frames = scene->runs = scene->proven_runs = 0;
	bed_store(&scene->bed, BED_SEGMENT, bytes->data, bytes->length);
	assert_int_equal(trail_salvage(scene->bed.folder, &options), 0);
}

static void copy(const struct scene *scene, struct buffer *ret_bytes)
{
	buffer_clear(ret_bytes);
	buffer_append(ret_bytes, scene->segment.data, scene->segment.length);
}

static void test_sound(void **state)
{
	struct scene scene;

	make_scene(&scene);
	salvage(&scene, &scene.segment, false);
	assert_int_equal(scene.events, FRAMES);
	assert_int_equal(scene.runs, 1);
	assert_int_equal(scene.lost_frames, 0);
	scene_free(&scene);
}

/* Where the byte is tells what can be lost: the payload alone, or what comes behind the frame. */
static void test_every_byte(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct scene scene;

	make_scene(&scene);
	for (size_t at = 0; at < scene.segment.length; at += 3) {
		size_t frame = 0;
		bool payload;

		while (at >= scene.begin[frame + 1])
			frame++;
		payload =
			at >= scene.stored[frame] && at < scene.begin[frame + 1] - TRAIL_SEAL_BYTES;
		copy(&scene, &bytes);
		bytes.data[at] ^= 0x10;
		salvage(&scene, &bytes, false);
		if (scene.events < (payload ? FRAMES - 1 : frame))
			fail_msg("byte %zu of frame %zu: %lu events", at, frame + 1, scene.events);
		salvage(&scene, &bytes, true);
		/* The anchor is of the last frame: where that is hit, it confirms nothing. */
		if (scene.events < (payload || frame < FRAMES - 1 ? FRAMES - 1 : frame))
			fail_msg("byte %zu of frame %zu, an anchor: %lu events", at, frame + 1,
				 scene.events);
	}
	scene_free(&scene);
}

static void test_cut_out(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct scene scene;

	make_scene(&scene);
	for (size_t frame = 0; frame < FRAMES; frame++) {
		buffer_clear(&bytes);
		buffer_append(&bytes, scene.segment.data, scene.begin[frame]);
		buffer_append(&bytes, scene.segment.data + scene.begin[frame + 1],
			      scene.segment.length - scene.begin[frame + 1]);
		salvage(&scene, &bytes, false);
		assert_int_equal(scene.events, frame);
		salvage(&scene, &bytes, true);
		assert_int_equal(scene.events, frame < FRAMES - 1 ? FRAMES - 1 : frame);
	}
	scene_free(&scene);
}

/* Garbage, a frame twice, and one that nobody signed: what was recorded stands behind it. */
static void test_put_in_between(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {}, forged = {};
	struct scene scene;
	char *header;

	make_scene(&scene);
	buffer_append(&forged, scene.segment.data + scene.begin[3],
		      scene.begin[4] - scene.begin[3]);
	header = forged.data + TRAIL_SKIPPABLE_BYTES;
	header[offsetof(struct trail_disk_header, wall_ns)] ^= 1;
	for (int what = 0; what < 3; what++) {
		buffer_clear(&bytes);
		buffer_append(&bytes, scene.segment.data, scene.begin[3]);
		if (what == 0)
			buffer_append_string(&bytes, "something else, of any length");
		else if (what == 1)
			buffer_append(&bytes, scene.segment.data + scene.begin[1],
				      scene.begin[2] - scene.begin[1]);
		else
			buffer_append(&bytes, forged.data, forged.length);
		buffer_append(&bytes, scene.segment.data + scene.begin[3],
			      scene.segment.length - scene.begin[3]);
		salvage(&scene, &bytes, false);
		assert_int_equal(scene.events, FRAMES);
		assert_int_equal(scene.proven_runs, 1);
	}
	scene_free(&scene);
}

/* A trail that somebody made is not this one's, whatever lies beside it. */
static void test_another_root(void **state)
{
	struct scene scene, other;

	make_scene(&scene);
	make_scene(&other);
	salvage(&scene, &other.segment, false);
	assert_int_equal(scene.events, 0);
	assert_int_equal(scene.runs, 1);
	assert_int_equal(scene.proven_runs, 0);
	scene_free(&scene);
	scene_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),        cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_cut_out),      cmocka_unit_test(test_put_in_between),
		cmocka_unit_test(test_another_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
