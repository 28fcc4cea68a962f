// SPDX-License-Identifier: Apache-2.0
/* What the first frame of a segment tells of the one before: that it is true, and what a search
 * does with it. */
#include "tests/unit/trail_bed.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "trail/summary.h"
#include "trail/totals.h"

/* ---- sums over headers */

/* A header with one event for each of the containers, "c<first>" and on. */
static void make_header(struct trail_header *header, struct buffer *bytes, uint64_t frame,
			unsigned int first, unsigned int count, bool incomplete)
{
	struct trail_summary *summary = calloc(1, sizeof(*summary));
	char container[300];

	assert_non_null(summary);
	trail_summary_clear(summary, 1);
	for (unsigned int i = 0; i < count; i++) {
		struct trail_term terms[] = {
			{ TRAIL_TERM_KIND, "api-request", 11 },
			{ TRAIL_TERM_CONTAINER, container, 0 },
		};

		terms[1].length = (uint32_t)sprintf(container, "c%u", first + i);
		if (incomplete && i == 0)
			terms[1].length = sizeof(container);
		trail_summary_add(summary, 1000 * frame + i, terms, 2);
	}
	buffer_clear(bytes);
	trail_summary_encode(summary, 1 << 20, bytes);
	assert_int_equal(bytes->error, 0);
	free(summary);
	*header = (struct trail_header){
		.frame = frame,
		.first_event = frame * 100,
		.event_count = count,
		.summary = (const uint8_t *)bytes->data,
		.summary_length = (uint32_t)bytes->length,
	};
}

/* Frames 7 to 9 with two containers each, one of them in two frames. */
static void add_three(struct trail_totals *totals, bool incomplete)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_header header;

	trail_totals_clear(totals, 42);
	for (uint64_t frame = 7; frame < 10; frame++) {
		make_header(&header, &bytes, frame, (unsigned int)frame, 2,
			    incomplete && frame == 8);
		assert_int_equal(trail_totals_add(totals, &header), 0);
	}
}

static uint64_t count_of(const struct trail_header *header, unsigned int type, const char *value)
{
	struct trail_term term = { (uint8_t)type, value, (uint32_t)strlen(value) };
	uint64_t count;

	return trail_summary_find(header->summary, header->summary_length, &term, &count) == 0
		       ? count
		       : UINT64_MAX;
}

static void tell(const struct trail_totals *totals, struct buffer *bytes,
		 struct trail_header *ret_first)
{
	trail_totals_encode(totals, bytes);
	assert_int_equal(bytes->error, 0);
	*ret_first = (struct trail_header){ .frame = 10,
					    .summary = (const uint8_t *)bytes->data,
					    .summary_length = (uint32_t)bytes->length };
}

static void test_sums(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_header first, whole;
	struct trail_totals totals = {};
	uint64_t frames, from, to;

	add_three(&totals, false);
	tell(&totals, &bytes, &first);
	assert_int_equal(trail_totals_decode(&first, &whole, &frames), 0);
	assert_int_equal(whole.frame, 7);
	assert_int_equal(frames, 3);
	assert_int_equal(whole.first_event, 700);
	assert_int_equal(whole.event_count, 6);
	assert_int_equal(count_of(&whole, TRAIL_TERM_KIND, "api-request"), 6);
	assert_int_equal(count_of(&whole, TRAIL_TERM_CONTAINER, "c7"), 1);
	assert_int_equal(count_of(&whole, TRAIL_TERM_CONTAINER, "c8"), 2);
	assert_int_equal(count_of(&whole, TRAIL_TERM_CONTAINER, "c11"), 0);
	assert_int_equal(trail_summary_time_range(whole.summary, whole.summary_length, &from, &to),
			 0);
	assert_int_equal(from, 7000);
	assert_int_equal(to, 9001);
	assert_int_equal(trail_totals_check(&totals, &first), 0);
	trail_totals_free(&totals);
}

/* One frame lacks values: whatever is asked for may be in it. */
static void test_one_is_incomplete(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_header first, whole;
	struct trail_totals totals = {};
	uint64_t frames;

	add_three(&totals, true);
	tell(&totals, &bytes, &first);
	assert_int_equal(trail_totals_decode(&first, &whole, &frames), 0);
	assert_int_equal(count_of(&whole, TRAIL_TERM_CONTAINER, "c7"), UINT64_MAX);
	assert_int_equal(count_of(&whole, TRAIL_TERM_KIND, "api-request"), 6);
	assert_int_equal(trail_totals_check(&totals, &first), 0);
	trail_totals_free(&totals);
}

/* More values than an element has room for: then none is named. And a header never is too long. */
static void test_too_many(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {}, told = {};
	struct trail_header header, first, whole;
	struct trail_totals totals = {};
	uint64_t frames;

	trail_totals_clear(&totals, 42);
	for (uint64_t frame = 1; frame < 400; frame++) {
		make_header(&header, &bytes, frame, (unsigned int)frame * 200, 200, false);
		assert_int_equal(trail_totals_add(&totals, &header), 0);
	}
	tell(&totals, &told, &first);
	assert_true(told.length < TRAIL_TOTALS_MOST + 1024);
	assert_int_equal(trail_totals_decode(&first, &whole, &frames), 0);
	assert_int_equal(frames, 399);
	assert_int_equal(count_of(&whole, TRAIL_TERM_CONTAINER, "c200"), UINT64_MAX);
	assert_int_equal(count_of(&whole, TRAIL_TERM_KIND, "api-request"), 399 * 200);
	assert_int_equal(trail_totals_check(&totals, &first), 0);
	trail_totals_free(&totals);
}

/* Not one bit of what is told can be another. */
static void test_every_bit(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_totals totals = {};
	struct trail_header first;

	add_three(&totals, false);
	tell(&totals, &bytes, &first);
	for (size_t bit = 8 * sizeof(struct trail_disk_tag); bit < 8 * bytes.length; bit++) {
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		add_three(&totals, false);
		/* Flags that are not known are ignored, as everywhere. */
		if (trail_totals_check(&totals, &first) == 0) {
			struct trail_header whole;
			uint64_t frames;

			assert_int_equal(trail_totals_decode(&first, &whole, &frames), 0);
			assert_int_equal(count_of(&whole, TRAIL_TERM_KIND, "api-request"), 6);
			assert_int_equal(count_of(&whole, TRAIL_TERM_CONTAINER, "c8"), 2);
		}
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	trail_totals_free(&totals);
}

/* ---- in a trail */

static void append_for(struct bed *bed, const char *container, int commits)
{
	for (int i = 0; i < commits; i++) {
		assert_int_equal(bed_append_long(bed, TRAIL_EVIDENCE, container, 2000), 0);
		assert_int_equal(trail_writer_sync(bed->writer), 0);
	}
}

static void open_small(struct bed *bed)
{
	const struct trail_options options = { .segment_bytes = 8192 };

	assert_int_equal(bed_try_open(bed, &options), 0);
}

struct asked {
	const char *container;
	unsigned int told, left_out;
};

static bool leave_out(void *context, const struct trail_header *whole)
{
	struct asked *asked = context;

	asked->told++;
	if (count_of(whole, TRAIL_TERM_CONTAINER, asked->container) != 0)
		return false;
	asked->left_out++;
	return true;
}

/* Events of a container, by reading only the segments that have some. */
static uint64_t search(const struct bed *bed, struct asked *asked, unsigned int *ret_frames)
{
	const struct trail_frame *frame;
	struct trail_reader *reader;
	uint64_t events = 0;

	*ret_frames = 0;
	bed_open_reader(bed, TRAIL_READ_COMMITTED, &reader);
	trail_reader_set_skip(reader, leave_out, asked);
	while (trail_reader_next_frame(reader, &frame) > 0) {
		events += count_of(&frame->header, TRAIL_TERM_CONTAINER, asked->container);
		++*ret_frames;
	}
	trail_reader_close(reader);
	return events;
}

/* Also over an end of the recorder in the middle of a segment, and between two. */
static void test_search(void **state)
{
	struct asked early = { .container = "early" }, late = { .container = "late" },
		     never = { .container = "never" };
	unsigned int frames;
	struct bed bed;

	bed_make(&bed);
	open_small(&bed);
	append_for(&bed, "early", 7);
	bed_close(&bed);
	open_small(&bed);
	append_for(&bed, "late", 20);
	bed_close(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	assert_int_equal(search(&bed, &early, &frames), 7);
	assert_true(early.told > 3 && early.left_out > 2);
	assert_true(frames < 27);
	assert_int_equal(search(&bed, &late, &frames), 20);
	assert_true(late.left_out >= 1);
	/* Only the last one is read: nothing is told of it yet. */
	assert_int_equal(search(&bed, &never, &frames), 0);
	assert_int_equal(never.left_out, never.told);
	assert_true(frames < 8);
	/* Every number of commits: with an end of the recorder wherever a segment may end. */
	for (int i = 0; i < 12; i++) {
		open_small(&bed);
		append_for(&bed, "again", 1);
		bed_close(&bed);
	}
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	open_small(&bed);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	assert_int_equal(search(&bed, &early, &frames), 7);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),     cmocka_unit_test(test_one_is_incomplete),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_search),
	};

	return cmocka_run_group_tests_name("trail totals", tests, NULL, NULL);
}
