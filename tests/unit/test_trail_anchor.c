// SPDX-License-Identifier: Apache-2.0
/* What verify is asked for beside the trail: anchors, read out of any text, and a time. */
#include "old_bed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "trail/anchor.h"

static void test_anchors(void **state)
{
	struct trail_verdict verdict, first;
	struct trail_anchor anchors[2] = {};
	struct trail_verify_options options = { .anchors = anchors, .anchor_count = 1 };
	struct bed bed;

	old_make_trail(&bed);
	first = bed_verify(&bed);
	anchors[0].frame = first.good_frame;
	memcpy(anchors[0].hash, first.good_hash, TRAIL_HASH_BYTES);
	memcpy(anchors[0].trail_id, first.trail_id, TRAIL_ID_BYTES);
	bed_start(&bed);
	bed_stop(&bed);
	verdict = bed_verify_with(&bed, &options);
	assert_int_equal(verdict.code, TRAIL_VALID);
	assert_int_equal(verdict.anchored_frame, OLD_FRAMES);
	/* An anchor proves nothing of what came behind it. */
	options.ignore_state = true;
	verdict = bed_verify_with(&bed, &options);
	assert_int_equal(verdict.code, TRAIL_UNPROVEN_END);
	/* Another hash, a frame that is not there, another trail. */
	anchors[0].hash[5] ^= 1;
	verdict = bed_verify_with(&bed, &options);
	assert_int_equal(verdict.code, TRAIL_TAMPERED);
	assert_int_equal(verdict.bad_frame, OLD_FRAMES);
	anchors[0].hash[5] ^= 1;
	anchors[1] = anchors[0];
	anchors[1].frame = 100;
	options.anchor_count = 2;
	assert_int_equal(bed_verify_with(&bed, &options).code, TRAIL_TAMPERED);
	anchors[1] = anchors[0];
	anchors[1].trail_id[0] ^= 1;
	assert_int_equal(bed_verify_with(&bed, &options).code, TRAIL_TAMPERED);
	/* One that says that it was the last is wrong, or proves the end. */
	options.anchor_count = 1;
	anchors[0].last = true;
	assert_int_equal(bed_verify_with(&bed, &options).code, TRAIL_TAMPERED);
	verdict = bed_verify(&bed);
	anchors[0].frame = verdict.good_frame;
	memcpy(anchors[0].hash, verdict.good_hash, TRAIL_HASH_BYTES);
	verdict = bed_verify_with(&bed, &options);
	assert_int_equal(verdict.code, TRAIL_VALID);
	assert_true(verdict.end_proven);
	bed_remove(&bed);
}

/* Whatever is around them. */
static void test_texts(void **state)
{
	static const char id[] = "00112233445566778899aabbccddeeff";
	static const char hash[] =
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddee01";
	struct trail_anchors anchors = {};
	char text[1024], again[TRAIL_ANCHOR_TEXT_MOST];
	int length = snprintf(text, sizeof(text),
			      "Nov 23 host docktrail[1]: docktrail checkpoint %s:7:%s\n"
			      "anchors:%s:18446744073709551615:%s: and (%s:1:%s)",
			      id, hash, id, hash, id, hash);

	assert_int_equal(trail_anchors_add(&anchors, text, (size_t)length), 3);
	assert_int_equal(anchors.items[0].frame, 7);
	assert_int_equal(anchors.items[1].frame, UINT64_MAX);
	assert_int_equal(anchors.items[2].frame, 1);
	assert_int_equal(anchors.items[2].hash[31], 1);
	assert_false(anchors.items[0].last);
	snprintf(text, sizeof(text), "%s:7:%s", id, hash);
	assert_string_equal(
		trail_anchor_text(anchors.items[0].trail_id, 7, anchors.items[0].hash, again),
		text);
	/* What only looks like one. */
	length = snprintf(text, sizeof(text),
			  "%s:0:%s %s:7:%.63s %s:7:%s0 %.31s:7:%s %s7%s %s:-7:%s %s:7:%c%s", id,
			  hash, id, hash, id, hash, id, hash, id, hash, id, hash, id, 'A', hash);
	assert_int_equal(trail_anchors_add(&anchors, text, (size_t)length), 0);
	assert_int_equal(trail_anchors_add(&anchors, "", 0), 0);
	trail_anchors_free(&anchors);
}

/* Of what was made before, the chain alone is looked at. */
static void test_since(void **state)
{
	_cleanup_buffer_ struct buffer segment = {};
	struct trail_verify_options options = {};
	struct trail_verdict verdict;
	struct bed bed;
	size_t payload;

	bed_make(&bed);
	bed_start(&bed);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	options.since_ns = clock_wall_ns();
	assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 100), 0);
	bed_stop(&bed);
	verdict = bed_verify_with(&bed, &options);
	assert_int_equal(verdict.code, TRAIL_VALID);
	assert_int_equal(verdict.skipped_frames, 1);
	assert_int_equal(bed_verify(&bed).skipped_frames, 0);
	/* A letter of the first payload; then of the first header. */
	bed_load(&bed, BED_SEGMENT, &segment);
	for (payload = 0; memcmp(segment.data + payload, "\x28\xb5\x2f\xfd", 4) != 0;)
		payload++;
	segment.data[payload + 40] ^= 1;
	bed_store(&bed, BED_SEGMENT, segment.data, segment.length);
	assert_int_equal(trail_verify(bed.folder, &options, &verdict), 0);
	assert_int_equal(verdict.code, TRAIL_VALID);
	bed_expect(&bed, TRAIL_TAMPERED);
	segment.data[payload + 40] ^= 1;
	segment.data[80] ^= 1;
	bed_store(&bed, BED_SEGMENT, segment.data, segment.length);
	assert_int_equal(trail_verify(bed.folder, &options, &verdict), 0);
	assert_int_equal(verdict.code, TRAIL_TAMPERED);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_anchors),
					    cmocka_unit_test(test_texts),
					    cmocka_unit_test(test_since) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
