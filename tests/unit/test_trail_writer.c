// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* All payloads one after the other, and how many frames they came from. */
static size_t read_all(const struct bed *bed, struct buffer *ret_raw)
{
	const struct trail_frame *frame;
	struct trail_reader *reader;
	size_t frames = 0, length;
	const char *data;
	int r;

	bed_open_reader(bed, TRAIL_READ_COMMITTED, &reader);
	while ((r = trail_reader_next_frame(reader, &frame)) > 0) {
		assert_int_equal(frame->header.frame, ++frames);
		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		buffer_append(ret_raw, data, length);
	}
	assert_int_equal(r, 0);
	assert_int_equal(trail_reader_torn_bytes(reader), 0);
	trail_reader_close(reader);
	return frames;
}

/* What the zstd of any distribution prints. */
static void read_with_zstd(const struct bed *bed, struct buffer *ret_raw)
{
	char command[160], bytes[65536];
	FILE *pipe;
	size_t n;

	snprintf(command, sizeof(command), "zstd -dc %s/*.zst", bed->folder);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while ((n = fread(bytes, 1, sizeof(bytes), pipe)) > 0)
		buffer_append(ret_raw, bytes, n);
	assert_int_equal(pclose(pipe), 0);
}

static size_t count_lines(const struct buffer *raw)
{
	size_t lines = 0;

	for (size_t i = 0; i < raw->length; i++)
		lines += raw->data[i] == '\n';
	return lines;
}

static void test_round_trip(void **state)
{
	_cleanup_buffer_ struct buffer raw = {}, stock = {}, root = {};
	struct trail_writer_stats stats;
	struct bed bed;

	bed_make(&bed);
	bed_start(&bed);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_NOTHING);
	assert_int_equal(strlen(trail_writer_id(bed.writer)), 32);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(bed_append_long(&bed, i % 7 ? TRAIL_ROUTINE : TRAIL_EVIDENCE, "c",
						 (size_t)(i % 900)),
				 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	trail_writer_get_stats(bed.writer, &stats);
	assert_int_equal(stats.events, 5001);
	assert_int_equal(stats.committed_event, 5001);
	assert_int_equal(stats.queue_bytes, 0);
	assert_true(stats.frames >= 4);
	bed_load(&bed, "root.pub", &root);
	assert_memory_equal(root.data, trail_writer_root(bed.writer), 64);
	bed_stop(&bed);

	assert_int_equal(read_all(&bed, &raw), stats.frames + 1);
	read_with_zstd(&bed, &stock);
	assert_int_equal(raw.length, stock.length);
	assert_memory_equal(raw.data, stock.data, raw.length);
	assert_int_equal(count_lines(&raw), 5002);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

static void test_nobody_else_may_read(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = { { ".", 0750 },        { BED_SEGMENT, 0640 }, { "committed", 0640 },
		      { "root.pub", 0640 }, { "state", 0700 },     { "state/key", 0600 } };
	mode_t before = umask(0);
	struct stat status;
	struct bed bed;
	char path[160];

	bed_make(&bed);
	assert_int_equal(rmdir(bed.folder), 0);
	bed_open(&bed);
	bed_close(&bed);
	umask(before);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", bed.folder, files[i].name);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 0777, files[i].mode);
	}
	bed_remove(&bed);
}

/* One commit, a frame of each class, evidence first; the numbers of both interleave. */
static void test_two_classes(void **state)
{
	struct trail_term term = { TRAIL_TERM_CONTAINER, "box", 3 };
	const struct trail_frame *frame;
	struct trail_reader *reader;
	uint64_t count;
	struct bed bed;

	bed_make(&bed);
	bed_open(&bed);
	for (int i = 0; i < 40; i++)
		assert_int_equal(bed_append_long(&bed, i % 4 ? TRAIL_ROUTINE : TRAIL_EVIDENCE,
						 i % 2 ? "box" : "other", 50),
				 0);
	/* What is about the recorder is evidence, whatever the caller says. */
	assert_int_equal(bed_append(&bed, TRAIL_LOSS, TRAIL_ROUTINE, "recorder-loss"), 0);
	bed_stop(&bed);
	bed_open_reader(&bed, 0, &reader);

	assert_int_equal(trail_reader_next_frame(reader, &frame), 1);
	assert_int_equal(frame->header.class, TRAIL_EVIDENCE);
	assert_int_equal(frame->header.type, TRAIL_STOP);
	assert_int_equal(frame->header.types,
			 1u << TRAIL_DATA | 1u << TRAIL_LOSS | 1u << TRAIL_STOP);
	assert_int_equal(frame->header.commit_index, 0);
	assert_int_equal(frame->header.commit_frames, 2);
	assert_int_equal(frame->header.first_event, 1);
	assert_int_equal(frame->header.event_count, 12);
	assert_int_equal(frame->header.commit_event_count, 42);
	assert_int_equal(trail_summary_find(frame->header.summary, frame->header.summary_length,
					    &term, &count),
			 0);
	assert_int_equal(count, 0);

	assert_int_equal(trail_reader_next_frame(reader, &frame), 1);
	assert_int_equal(frame->header.class, TRAIL_ROUTINE);
	assert_int_equal(frame->header.type, TRAIL_DATA);
	assert_int_equal(frame->header.commit_index, 1);
	assert_int_equal(frame->header.first_event, 2);
	assert_int_equal(frame->header.event_count, 30);
	assert_int_equal(frame->header.commit_first_event, 1);
	assert_int_equal(frame->header.commit_event_count, 42);
	assert_int_equal(trail_summary_find(frame->header.summary, frame->header.summary_length,
					    &term, &count),
			 0);
	assert_int_equal(count, 20);
	assert_int_equal(trail_reader_next_frame(reader, &frame), 0);
	trail_reader_close(reader);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

static void test_it_goes_on(void **state)
{
	_cleanup_buffer_ struct buffer raw = {};
	char id[33] = "";
	struct bed bed;

	bed_make(&bed);
	for (int run = 0; run < 5; run++) {
		bed_start(&bed);
		if (run == 0)
			strcpy(id, trail_writer_id(bed.writer));
		assert_string_equal(trail_writer_id(bed.writer), id);
		assert_int_equal(bed.recovery.found, run ? TRAIL_FOUND_CLEAN : TRAIL_FOUND_NOTHING);
		assert_false(bed.recovery.ended_without_stop);
		assert_int_equal(bed.recovery.last_event, run * 12);
		for (int i = 0; i < 10; i++)
			assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 10), 0);
		bed_stop(&bed);
		bed_expect(&bed, TRAIL_VALID);
	}
	read_all(&bed, &raw);
	assert_int_equal(count_lines(&raw), 60);
	bed_remove(&bed);
}

static int append_raw(struct bed *bed, const char *line, size_t length)
{
	struct trail_term kind = { TRAIL_TERM_KIND, "x", 1 };
	struct trail_entry entry = {
		.type = TRAIL_DATA, .line = line, .length = length, .terms = &kind, .term_count = 1
	};

	return trail_writer_append(bed->writer, &entry);
}

static void test_lines_that_do_not_belong_here(void **state)
{
	struct trail_entry entry = { .type = TRAIL_DATA, .line = "", .length = 0 };
	struct bed bed;
	char line[200];
	char *huge = calloc(1, TRAIL_LINE_MOST + 2);

	bed_make(&bed);
	bed_open(&bed);
	assert_int_equal(trail_writer_append(bed.writer, &entry), -EINVAL);
	/* The right line but for its number, its trail, a newline in it, its length, its type. */
	snprintf(line, sizeof(line),
		 "{\"@timestamp\":\"t\",\"event\":{\"id\":\"%.16s-2\",\"sequence\":2}}",
		 trail_writer_id(bed.writer));
	assert_int_equal(append_raw(&bed, line, strlen(line)), -EINVAL);
	line[strlen(line) - 3] = '1';
	assert_int_equal(append_raw(&bed, line, strlen(line)), -EINVAL);
	snprintf(line, sizeof(line),
		 "{\"@timestamp\":\"t\",\"event\":{\"id\":\"%.16s-1\",\"sequence\":1,\n}}",
		 trail_writer_id(bed.writer));
	assert_int_equal(append_raw(&bed, line, strlen(line)), -EINVAL);
	assert_int_equal(append_raw(&bed, huge, TRAIL_LINE_MOST + 1), -EMSGSIZE);
	assert_int_equal(bed_append(&bed, TRAIL_PRUNE, TRAIL_EVIDENCE, "x"), -EINVAL);
	assert_int_equal(bed_append(&bed, TRAIL_DATA, 2, "x"), -EINVAL);
	assert_int_equal(bed_append(&bed, TRAIL_DATA, TRAIL_ROUTINE, ""), -EINVAL);
	/* Not one of them has a number. */
	assert_int_equal(trail_writer_next_sequence(bed.writer), 1);
	bed_close(&bed);
	assert_int_equal(bed_verify(&bed).events, 0);
	free(huge);
	bed_remove(&bed);
}

/* More kinds than a summary holds: another frame is begun, and every list of kinds is complete. */
static void test_many_kinds(void **state)
{
	struct bed bed;
	char kind[TRAIL_KIND_LENGTH_MOST + 1];

	bed_make(&bed);
	bed_open(&bed);
	for (int i = 0; i < 200; i++) {
		snprintf(kind, sizeof(kind), "%048d", i);
		assert_int_equal(bed_append(&bed, TRAIL_DATA, TRAIL_ROUTINE, kind), 0);
	}
	bed_stop(&bed);
	assert_int_equal(bed_verify(&bed).events, 201);
	assert_true(bed_verify(&bed).frames >= 4);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* A line longer than a commit is a frame of its own. */
static void test_a_long_line(void **state)
{
	struct bed bed;

	bed_make(&bed);
	bed_open(&bed);
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 10), 0);
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 3 << 20), 0);
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 10), 0);
	bed_stop(&bed);
	assert_int_equal(bed_verify(&bed).events, 4);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/*
 * The bound on memory: the writer is given no reason to commit, so what is refused depends on the
 * bytes alone. A refused event has no number.
 */
static void test_queue_bound(void **state)
{
	struct trail_options options = {
		.queue_bytes = 200000,
		.commit_bytes = 200000,
		.commit_interval_ns = 3600ull * 1000000000,
		.urgent_ns = 3600ull * 1000000000,
	};
	struct trail_writer_stats stats;
	uint64_t routine = 0, evidence = 0;
	struct bed bed;
	int r;

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	while ((r = bed_append_long(&bed, TRAIL_ROUTINE, "c", 1000)) == 0)
		routine++;
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(trail_writer_next_sequence(bed.writer), routine + 1);
	/* A flood of routine leaves room for evidence. */
	while ((r = bed_append_long(&bed, TRAIL_EVIDENCE, "c", 1000)) == 0)
		evidence++;
	assert_int_equal(r, -ENOBUFS);
	assert_in_range(evidence, 30, 60);
	trail_writer_get_stats(bed.writer, &stats);
	assert_int_equal(stats.refused, 2);
	assert_true(stats.most_queue_bytes <= options.queue_bytes);
	assert_int_equal(stats.commits, 0);
	/* Once it is written there is room again. */
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 1000), 0);
	bed_stop(&bed);
	assert_int_equal(bed_verify(&bed).events, routine + evidence + 2);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* Nothing but the urgent entry makes this writer commit within the hour. */
static void test_urgent_is_committed_soon(void **state)
{
	struct trail_options options = { .commit_interval_ns = 3600ull * 1000000000 };
	struct trail_term kind = { TRAIL_TERM_KIND, "container-start", 15 };
	struct trail_writer_stats stats = {};
	struct trail_entry entry = { .type = TRAIL_DATA,
				     .class = TRAIL_EVIDENCE,
				     .urgent = true,
				     .terms = &kind,
				     .term_count = 1 };
	struct timespec pause = { .tv_nsec = 1000000 };
	struct bed bed;
	char line[200];

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	entry.length = (size_t)snprintf(
		line, sizeof(line),
		"{\"@timestamp\":\"t\",\"event\":{\"id\":\"%.16s-2\",\"sequence\":2}}",
		trail_writer_id(bed.writer));
	entry.line = line;
	assert_int_equal(trail_writer_append(bed.writer, &entry), 0);
	/* Seconds are for a machine under load: on an idle one it takes 50 ms. */
	for (int i = 0; i < 20000 && stats.committed_event < 2; i++) {
		nanosleep(&pause, NULL);
		trail_writer_get_stats(bed.writer, &stats);
	}
	assert_int_equal(stats.committed_event, 2);
	bed_stop(&bed);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_nobody_else_may_read),
		cmocka_unit_test(test_two_classes),
		cmocka_unit_test(test_it_goes_on),
		cmocka_unit_test(test_lines_that_do_not_belong_here),
		cmocka_unit_test(test_many_kinds),
		cmocka_unit_test(test_a_long_line),
		cmocka_unit_test(test_queue_bound),
		cmocka_unit_test(test_urgent_is_committed_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
