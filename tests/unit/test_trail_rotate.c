// SPDX-License-Identifier: Apache-2.0
/* A trail of several segments: where one ends and the next begins, and what it is to lose one. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "tests/unit/trail_bed.h"
#include "trail/folder.h"
#include "trail/io.h"

/* The first frames of the segments that there are. */
static size_t list(const struct bed *bed, uint64_t **ret)
{
	_cleanup_close_ int folder = trail_io_open_folder(-1, bed->folder, false, 0);
	size_t count;

	assert_int_equal(trail_segment_list(folder, ret, &count, NULL), 0);
	return count;
}

static void open_with(struct bed *bed, uint64_t bytes, uint64_t ns)
{
	const struct trail_options options = { .segment_bytes = bytes, .segment_ns = ns };

	assert_int_equal(bed_try_open(bed, &options), 0);
}

/* Each a commit of its own. */
static void append_some(struct bed *bed, int count, size_t padding)
{
	for (int i = 0; i < count; i++) {
		assert_int_equal(bed_append_long(bed, TRAIL_EVIDENCE, "c", padding), 0);
		assert_int_equal(trail_writer_sync(bed->writer), 0);
	}
}

static void expect_events(const struct bed *bed, uint64_t events)
{
	struct trail_reader *reader;
	const struct trail_frame *frame;
	uint64_t seen = 0, next = 1;

	bed_open_reader(bed, TRAIL_READ_COMMITTED, &reader);
	while (trail_reader_next_frame(reader, &frame) > 0) {
		assert_int_equal(frame->header.frame, next++);
		seen += frame->header.event_count;
	}
	trail_reader_close(reader);
	assert_int_equal(seen, events);
}

static void test_by_size(void **state)
{
	_cleanup_free_ uint64_t *segments = NULL;
	struct trail_writer_stats stats;
	struct bed bed;
	size_t count;

	bed_make(&bed);
	open_with(&bed, 4096, 0);
	append_some(&bed, 40, 500);
	trail_writer_get_stats(bed.writer, &stats);
	assert_int_equal(stats.rotation_error, 0);
	bed_stop(&bed);
	count = list(&bed, &segments);
	assert_true(count >= 5);
	assert_true(stats.segment == segments[count - 1] || stats.segment == segments[count - 2]);
	for (size_t i = 0; i + 1 < count; i++) {
		_cleanup_buffer_ struct buffer bytes = {};
		char name[TRAIL_SEGMENT_NAME_BYTES];

		trail_segment_name(segments[i], name);
		bed_load(&bed, name, &bytes);
		assert_true(bytes.length >= 4096 && bytes.length < 8192);
	}
	bed_expect(&bed, TRAIL_VALID);
	assert_int_equal(bed_verify(&bed).segments, count);
	expect_events(&bed, 41);
	bed_remove(&bed);
}

static void test_by_age(void **state)
{
	_cleanup_free_ uint64_t *segments = NULL;
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, 0, 1);
	append_some(&bed, 6, 10);
	bed_stop(&bed);
	/* Two commits in each: the second is later than the first. */
	assert_int_equal(list(&bed, &segments), 4);
	assert_int_equal(segments[3], 7);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* Whatever the last segment holds, what the last frame was is known. */
static void test_opened_again(void **state)
{
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, 1, 0);
	append_some(&bed, 3, 10);
	bed_stop(&bed);
	/* Its last segment is empty. */
	open_with(&bed, 1, 0);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_CLEAN);
	assert_false(bed.recovery.ended_without_stop);
	assert_int_equal(bed.recovery.last_event, 4);
	assert_true(bed.recovery.last_wall_ns > 0);
	append_some(&bed, 1, 10);
	bed_close(&bed);
	open_with(&bed, 1, 0);
	assert_true(bed.recovery.ended_without_stop);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	expect_events(&bed, 6);
	bed_remove(&bed);
}

static void test_one_is_gone(void **state)
{
	_cleanup_free_ uint64_t *segments = NULL;
	size_t count;
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, 4096, 0);
	append_some(&bed, 40, 500);
	bed_stop(&bed);
	count = list(&bed, &segments);
	for (size_t i = 0; i < count; i++) {
		_cleanup_buffer_ struct buffer bytes = {};
		char name[TRAIL_SEGMENT_NAME_BYTES];

		trail_segment_name(segments[i], name);
		bed_load(&bed, name, &bytes);
		if (bytes.length == 0)
			continue;
		bed_unlink(&bed, name);
		bed_expect(&bed, TRAIL_TAMPERED);
		bed_store(&bed, name, bytes.data, bytes.length - 1);
		bed_expect(&bed, TRAIL_TAMPERED);
		bed_store(&bed, name, bytes.data, bytes.length);
	}
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_size),
		cmocka_unit_test(test_by_age),
		cmocka_unit_test(test_opened_again),
		cmocka_unit_test(test_one_is_gone),
	};

	return cmocka_run_group_tests_name("trail segments", tests, NULL, NULL);
}
