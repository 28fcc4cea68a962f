// SPDX-License-Identifier: Apache-2.0
/* Several threads look at frames: whatever they find, it is what one would have found. */
#include "tests/unit/trail_bed.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define COMMITS 120

static void record_some(struct bed *bed)
{
	struct trail_options options = { .segment_bytes = 64 << 10 };

	bed_make(bed);
	assert_int_equal(bed_try_open(bed, &options), 0);
	assert_int_equal(bed_append(bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	for (int i = 0; i < COMMITS; i++) {
		/* Both classes: a commit of two frames, whose numbers are looked at together. */
		for (int j = 0; j < 1 + i % 7; j++)
			assert_int_equal(bed_append_long(bed,
							 j % 2 ? TRAIL_ROUTINE : TRAIL_EVIDENCE, "",
							 300 + (size_t)i),
					 0);
		assert_int_equal(trail_writer_sync(bed->writer), 0);
	}
	assert_int_equal(bed_append(bed, TRAIL_STOP, TRAIL_EVIDENCE, "recorder-stop"), 0);
	bed_close(bed);
}

static struct trail_verdict judge(const struct bed *bed, unsigned int threads)
{
	struct trail_verify_options options = { .threads = threads };
	struct trail_verdict verdict;

	assert_int_equal(trail_verify(bed->folder, &options, &verdict), 0);
	return verdict;
}

static void expect_the_same(const struct bed *bed)
{
	struct trail_verdict alone = judge(bed, 1);

	for (unsigned int threads = 2; threads <= 9; threads += 7) {
		struct trail_verdict together = judge(bed, threads);

		assert_int_equal(together.code, alone.code);
		assert_string_equal(together.reason, alone.reason);
		assert_int_equal(together.frames, alone.frames);
		assert_int_equal(together.events, alone.events);
		assert_int_equal(together.raw_bytes, alone.raw_bytes);
		assert_int_equal(together.bad_frame, alone.bad_frame);
		assert_int_equal(together.bad_offset, alone.bad_offset);
		assert_string_equal(together.bad_segment, alone.bad_segment);
		assert_memory_equal(together.good_hash, alone.good_hash, sizeof(alone.good_hash));
	}
}

static void test_sound(void **state)
{
	struct trail_verdict verdict;
	struct bed bed;

	record_some(&bed);
	bed_expect(&bed, TRAIL_VALID);
	verdict = judge(&bed, 4);
	assert_true(verdict.frames > COMMITS && verdict.segments > 2);
	expect_the_same(&bed);
	bed_remove(&bed);
}

static void test_damage(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	unsigned int found = 0;
	struct bed bed;

	record_some(&bed);
	bed_load(&bed, BED_SEGMENT, &bytes);
	for (size_t at = 0; at < bytes.length; at += 1 + bytes.length / 150) {
		bytes.data[at] ^= 0x10;
		bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
		bytes.data[at] ^= 0x10;
		expect_the_same(&bed);
		found += judge(&bed, 4).code >= TRAIL_TAMPERED;
		/* And cut there. */
		bed_store(&bed, BED_SEGMENT, bytes.data, at);
		expect_the_same(&bed);
		found += judge(&bed, 4).code >= TRAIL_TAMPERED;
	}
	assert_true(found >= 300);
	bed_remove(&bed);
}

struct told {
	uint64_t done, all, calls;
};

static void note_progress(void *context, uint64_t done, uint64_t all)
{
	struct told *told = context;

	assert_true(done > told->done && done <= all);
	*told = (struct told){ done, all, told->calls + 1 };
}

/* A mebibyte and more, so that there is progress to tell, and threads by default. */
static void test_progress(void **state)
{
	struct told told = {};
	struct trail_verify_options options = { .progress = note_progress, .context = &told };
	struct trail_verdict verdict;
	struct bed bed;

	bed_make(&bed);
	bed_start(&bed);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "", 100 << 10), 0);
		assert_int_equal(trail_writer_sync(bed.writer), 0);
	}
	bed_stop(&bed);
	assert_int_equal(trail_verify(bed.folder, &options, &verdict), 0);
	assert_int_equal(verdict.code, TRAIL_VALID);
	assert_true(verdict.stored_bytes > 2 << 20);
	assert_int_equal(told.calls, verdict.stored_bytes >> 20);
	assert_int_equal(told.all, verdict.stored_bytes);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
