// SPDX-License-Identifier: Apache-2.0
/* Payloads compressed together: what was signed is there as before, for every reader. */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "trail/excerpt.h"
#include "trail/folder.h"
#include "trail/pack.h"
#include "trail/prune.h"
#include "trail/salvage.h"

#define COMMITS 90

/* Some commits have two frames; the segments are small, so that there are several closed ones. */
static void record(struct bed *bed, int commits, uint64_t segment_bytes)
{
	const struct trail_retention retention = { .floor_ns = { 1, TRAIL_NEVER } };
	struct trail_options options = { .segment_bytes = segment_bytes, .retention = &retention };

	bed_make(bed);
	assert_int_equal(bed_try_open(bed, &options), 0);
	assert_int_equal(bed_append(bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	for (int i = 0; i < commits; i++) {
		for (int j = 0; j < 1 + i % 5; j++)
			assert_int_equal(bed_append_long(bed,
							 j % 2 ? TRAIL_ROUTINE : TRAIL_EVIDENCE, "",
							 200 + (size_t)i),
					 0);
		assert_int_equal(trail_writer_sync(bed->writer), 0);
	}
	assert_int_equal(bed_append(bed, TRAIL_STOP, TRAIL_EVIDENCE, "recorder-stop"), 0);
	bed_close(bed);
}

static void record_some(struct bed *bed)
{
	record(bed, COMMITS, 24 << 10);
}

static int open_folder(const struct bed *bed)
{
	int folder = open(bed->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(folder >= 0);
	return folder;
}

static void path_of_first(const struct bed *bed, char path[128])
{
	assert_true(snprintf(path, 128, "%s/" BED_SEGMENT, bed->folder) < 128);
}

static struct trail_pack pack(const struct bed *bed)
{
	_cleanup_close_ int folder = open_folder(bed);
	struct trail_pack state = {};
	int r;

	while ((r = trail_pack_next(folder, &state)) > 0)
		;
	assert_int_equal(r, 0);
	return state;
}

/* All payloads, in order. */
static void read_all(const struct bed *bed, struct buffer *ret_bytes, unsigned int *ret_packed)
{
	const struct trail_frame *frame;
	struct trail_reader *reader;
	int r;

	*ret_bytes = (struct buffer){};
	*ret_packed = 0;
	bed_open_reader(bed, 0, &reader);
	while ((r = trail_reader_next_frame(reader, &frame)) > 0) {
		const char *data;
		size_t length;

		*ret_packed += frame->seal.stored_kind >= TRAIL_STORED_PACKED;
		if (frame->seal.stored_kind == TRAIL_STORED_PRUNED)
			continue;
		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		buffer_append(ret_bytes, data, length);
	}
	assert_int_equal(r, 0);
	trail_reader_close(reader);
}

static void test_the_same(void **state)
{
	_cleanup_buffer_ struct buffer before = {}, after = {};
	struct trail_verdict first, second;
	struct trail_pack done;
	struct stat status;
	unsigned int packed;
	char path[128];
	struct bed bed;

	record_some(&bed);
	first = bed_verify(&bed);
	assert_true(first.segments > 3);
	read_all(&bed, &before, &packed);
	assert_int_equal(packed, 0);
	path_of_first(&bed, path);
	assert_int_equal(chmod(path, 0604), 0);
	done = pack(&bed);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0604);
	assert_int_equal(done.segments, first.segments - 1);
	assert_int_equal(done.damaged, 0);
	assert_true(done.bytes_after < done.bytes_before);
	read_all(&bed, &after, &packed);
	assert_true(packed > COMMITS / 2);
	assert_int_equal(after.length, before.length);
	assert_memory_equal(after.data, before.data, before.length);
	second = bed_verify(&bed);
	assert_int_equal(second.code, first.code);
	assert_int_equal(second.frames, first.frames);
	assert_int_equal(second.events, first.events);
	assert_int_equal(second.raw_bytes, first.raw_bytes);
	assert_memory_equal(second.good_hash, first.good_hash, sizeof(first.good_hash));
	/* There is nothing more to do, and the recorder goes on as before. */
	assert_int_equal(pack(&bed).segments, 0);
	bed_start(&bed);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* Not one bit of what is packed may be another without being found: by both verifiers. */
static void test_every_byte(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	unsigned int frames;
	struct bed bed;

	record(&bed, 12, 4 << 10);
	frames = (unsigned int)bed_verify(&bed).frames;
	pack(&bed);
	bed_load(&bed, BED_SEGMENT, &bytes);
	for (size_t at = 0; at < bytes.length; at++) {
		struct trail_verify_options options = { .threads = 1 + at % 3 };
		struct trail_verdict verdict;

		bytes.data[at] ^= (char)(1 << at % 8);
		bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
		/* The second one takes its time. */
		if (at % 97 == 0)
			verdict = bed_verify_with(&bed, &options);
		else
			assert_int_equal(trail_verify(bed.folder, &options, &verdict), 0);
		assert_true(verdict.code >= TRAIL_TAMPERED);
		assert_true(verdict.frames < frames);
		bytes.data[at] ^= (char)(1 << at % 8);
	}
	bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* A segment that is not whole is evidence, and stays as it is. */
static void test_damage_stays(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {}, after = {};
	struct trail_segment segment;
	struct trail_frame frame;
	struct trail_pack done;
	struct bed bed;
	int folder;

	record_some(&bed);
	folder = open_folder(&bed);
	assert_int_equal(trail_segment_open(folder, BED_SEGMENT, &segment), 0);
	assert_int_equal(trail_segment_frame(&segment, 0, &frame), 1);
	trail_segment_close(&segment);
	closep(&folder);
	bed_load(&bed, BED_SEGMENT, &bytes);
	/* The checksum of a payload: it decodes no more. */
	bytes.data[frame.stored_offset + frame.stored_length - 1] ^= 1;
	bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
	done = pack(&bed);
	assert_int_equal(done.damaged, 1);
	assert_true(done.segments > 1);
	bed_load(&bed, BED_SEGMENT, &after);
	assert_int_equal(after.length, bytes.length);
	assert_memory_equal(after.data, bytes.data, bytes.length);
	bed_expect(&bed, TRAIL_TAMPERED);
	bed_remove(&bed);
}

/* Some payloads of those packed together are dropped: the others are kept, and may be packed again.
 */
static void test_dropped(void **state)
{
	struct trail_prune_step step;
	struct trail_verdict before, after;
	struct trail_prune prune = {};
	struct trail_pruned note;
	uint64_t now;
	struct bed bed;
	int folder;

	record_some(&bed);
	pack(&bed);
	before = bed_verify(&bed);
	now = clock_wall_ns();
	folder = open_folder(&bed);
	assert_int_equal(trail_prune_find(folder, &prune, now, &step), TRAIL_PRUNE_STEP);
	assert_int_equal(step.class, TRAIL_ROUTINE);
	bed_open(&bed);
	note = (struct trail_pruned){ .before_frame = { [TRAIL_ROUTINE] = step.before_frame } };
	assert_int_equal(bed_append_pruned(&bed, &note), 0);
	bed_close(&bed);
	assert_int_equal(trail_prune_segment(folder, &prune, &step, now), 0);
	after = bed_verify(&bed);
	assert_int_equal(after.code, TRAIL_VALID_WITH_GAPS);
	assert_int_equal(after.gone[TRAIL_ROUTINE].frames, step.frames);
	assert_int_equal(after.gone[TRAIL_EVIDENCE].frames, 0);
	assert_true(after.events > before.events);
	pack(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	closep(&folder);
	bed_remove(&bed);
}

static int count_bytes(void *context, const char *data, size_t length)
{
	*(uint64_t *)context += length;
	return 0;
}

/* When a frame in the middle of what is packed together was made. */
static uint64_t middle_ns(const struct bed *bed)
{
	const struct trail_frame *frame;
	struct trail_reader *reader;
	uint64_t wall_ns = 0;

	bed_open_reader(bed, 0, &reader);
	while (wall_ns == 0 && trail_reader_next_frame(reader, &frame) > 0)
		if (frame->seal.stored_kind == TRAIL_STORED_WITHIN && frame->seal.stored_count == 5)
			wall_ns = frame->header.wall_ns;
	trail_reader_close(reader);
	assert_true(wall_ns > 0);
	return wall_ns;
}

/* Frames of one commit in two packed parts: a reader that looks ahead finds both payloads. */
static void test_parts(void **state)
{
	_cleanup_buffer_ struct buffer before = {}, after = {};
	const char *path;
	char first[128];
	struct trail_reader *reader;
	const struct trail_frame *frame;
	unsigned int packed, heads = 0;
	uint64_t bytes = 0;
	struct bed bed;

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &(struct trail_options){ .segment_bytes = 4 << 20 }),
			 0);
	/* Commits of two frames of a mebibyte and a half: some part ends between two. */
	for (int i = 0; i < 14; i++) {
		assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "", 700 << 10), 0);
		assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "", 900 << 10), 0);
		assert_int_equal(trail_writer_sync(bed.writer), 0);
	}
	bed_close(&bed);
	read_all(&bed, &before, &packed);
	assert_true(pack(&bed).segments > 0);
	read_all(&bed, &after, &packed);
	assert_int_equal(after.length, before.length);
	assert_memory_equal(after.data, before.data, before.length);
	/* Alone it may be the last one, and each commit is looked at whole. */
	path_of_first(&bed, first);
	path = first;
	assert_int_equal(trail_reader_open(&path, 1, 0, &reader), 0);
	while (trail_reader_next_frame(reader, &frame) > 0) {
		const char *data;
		size_t length;

		heads += frame->seal.stored_kind == TRAIL_STORED_PACKED;
		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		assert_memory_equal(data, before.data + bytes, length);
		bytes += length;
	}
	trail_reader_close(reader);
	assert_true(bytes > 3 << 20);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

/* What a recorder writes to is not packed, whatever lies behind it. */
static void test_active(void **state)
{
	struct trail_pack state_of = {};
	struct bed bed;
	int folder;

	record_some(&bed);
	folder = open_folder(&bed);
	state_of.before = 1;
	assert_int_equal(trail_pack_next(folder, &state_of), 0);
	state_of = (struct trail_pack){ .before = 2 };
	assert_int_equal(trail_pack_next(folder, &state_of), 1);
	assert_int_equal(trail_pack_next(folder, &state_of), 0);
	closep(&folder);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* While another has the lock nothing takes a segment's place. */
static void test_locked(void **state)
{
	struct trail_pack state_of = {};
	struct bed bed;
	int folder;

	record_some(&bed);
	folder = open_folder(&bed);
	bed_open(&bed);
	assert_int_equal(trail_pack_next(folder, &state_of), -EBUSY);
	bed_close(&bed);
	assert_int_equal(trail_pack_next(folder, &state_of), 1);
	closep(&folder);
	bed_remove(&bed);
}

/* What is handed over of packed segments: all of it, and from the middle of some on. */
static void test_handed_over(void **state)
{
	struct trail_verify_options options = { .excerpt = true, .ignore_state = true };
	struct trail_verdict whole, verdict;
	struct bed bed;

	record_some(&bed);
	pack(&bed);
	whole = bed_verify(&bed);
	for (int part = 0; part < 2; part++) {
		uint64_t handed = 0;
		struct trail_excerpt excerpt = { .since_ns = part ? middle_ns(&bed) : 0,
						 .until_ns = UINT64_MAX,
						 .payload = count_bytes,
						 .context = &handed };
		struct bed other;
		int from = open_folder(&bed), to;

		bed_make(&other);
		to = open_folder(&other);
		assert_int_equal(trail_excerpt(from, to, &excerpt), 0);
		closep(&from);
		closep(&to);
		assert_int_equal(excerpt.frames, whole.frames);
		if (part)
			assert_true(handed > 0 && handed < whole.raw_bytes &&
				    excerpt.kept_frames < whole.frames);
		else
			assert_int_equal(handed, whole.raw_bytes);
		options.root = whole.root;
		/* The second verifier is told that it is an excerpt on its command line:
		 * evidence.bats. */
		assert_int_equal(trail_verify(other.folder, &options, &verdict), 0);
		assert_int_equal(verdict.code, TRAIL_UNPROVEN_END);
		assert_int_equal(verdict.frames, whole.frames);
		assert_memory_equal(verdict.good_hash, whole.good_hash, sizeof(whole.good_hash));
		bed_remove(&other);
	}
	bed_remove(&bed);
}

static int take_run(void *context, const struct trail_run *run)
{
	return 0;
}

/* What is left of a packed trail of which some bytes were damaged. */
static void test_salvaged(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	uint64_t salvaged = 0;
	const struct trail_salvage_options options = { .payload = count_bytes,
						       .run = take_run,
						       .context = &salvaged };
	struct trail_verdict whole;
	struct bed bed;

	record_some(&bed);
	pack(&bed);
	whole = bed_verify(&bed);
	assert_int_equal(trail_salvage(bed.folder, &options), 0);
	assert_int_equal(salvaged, whole.raw_bytes);
	/* The segments behind the damaged one are there. */
	bed_load(&bed, BED_SEGMENT, &bytes);
	bytes.data[bytes.length / 4] ^= 1;
	bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
	salvaged = 0;
	assert_int_equal(trail_salvage(bed.folder, &options), 0);
	assert_true(salvaged > whole.raw_bytes / 2 && salvaged < whole.raw_bytes);
	bed_remove(&bed);
}

/* What a crash leaves beside a segment is removed, and packed anew. */
static void test_half_done(void **state)
{
	struct bed bed;
	struct stat status;
	char path[128];

	record_some(&bed);
	bed_store(&bed, BED_SEGMENT ".new", "half", 4);
	bed_start(&bed);
	bed_stop(&bed);
	snprintf(path, sizeof(path), "%s/" BED_SEGMENT ".new", bed.folder);
	assert_int_equal(stat(path, &status), -1);
	assert_true(pack(&bed).segments > 0);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

static void test_stopped(void **state)
{
	atomic_bool stop = true;
	struct trail_pack pack = { .stop = &stop };
	struct bed bed;
	int folder;

	record_some(&bed);
	folder = open_folder(&bed);
	assert_int_equal(trail_pack_next(folder, &pack), -ECANCELED);
	closep(&folder);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same),     cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_damage_stays), cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_handed_over),  cmocka_unit_test(test_salvaged),
		cmocka_unit_test(test_half_done),    cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_parts),        cmocka_unit_test(test_active),
		cmocka_unit_test(test_locked),
	};

	return cmocka_run_group_tests_name("trail_pack", tests, NULL, NULL);
}
