// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/frame.h"
#include "trail/sign.h"

/* START, some lines in several commits, STOP. Returns where each frame ends. */
static size_t make_trail(struct bed *bed, uint64_t *ret_ends)
{
	const char *paths[] = { bed->folder };
	const struct trail_frame *frame;
	struct trail_reader *reader;
	size_t frames = 0;

	bed_make(bed);
	bed_start(bed);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bed_append_long(bed, TRAIL_ROUTINE, "c", 20), 0);
		assert_int_equal(bed_append_long(bed, TRAIL_EVIDENCE, "c", 20), 0);
		assert_int_equal(trail_writer_sync(bed->writer), 0);
	}
	bed_stop(bed);
	bed_expect(bed, TRAIL_VALID);
	assert_int_equal(trail_reader_open(paths, 1, 0, &reader), 0);
	while (trail_reader_next_frame(reader, &frame) > 0)
		ret_ends[frames++] = frame->end_offset;
	trail_reader_close(reader);
	assert_int_equal(frames, 7);
	return frames;
}

static void test_sums(void **state)
{
	struct trail_verify_options options = {};
	struct trail_verdict verdict, again;
	uint64_t ends[16];
	struct bed bed;

	make_trail(&bed, ends);
	verdict = bed_verify(&bed);
	assert_int_equal(verdict.frames, 7);
	assert_int_equal(verdict.events, 8);
	assert_int_equal(verdict.good_frame, 7);
	assert_int_equal(verdict.good_event, 8);
	assert_int_equal(verdict.segments, 1);
	assert_int_equal(verdict.stored_bytes, ends[6]);
	assert_true(verdict.end_proven);
	assert_false(verdict.live);
	assert_false(verdict.root_given);
	assert_string_equal(verdict.reason, "");
	/* The root that the operator kept. */
	options.root = verdict.root;
	again = bed_verify_with(&bed, &options);
	assert_int_equal(again.code, TRAIL_VALID);
	assert_true(again.root_given);
	verdict.root[5] ^= 1;
	again = bed_verify_with(&bed, &options);
	assert_int_equal(again.code, TRAIL_TAMPERED);
	bed_unlink(&bed, "root.pub");
	again = bed_verify_with(&bed, &options);
	assert_int_equal(again.code, TRAIL_TAMPERED);
	verdict.root[5] ^= 1;
	again = bed_verify_with(&bed, &options);
	assert_int_equal(again.code, TRAIL_VALID);
	bed_expect(&bed, TRAIL_UNREADABLE);
	bed_remove(&bed);
}

static void flip(const struct bed *bed, const char *name, size_t bit)
{
	char path[160];
	uint8_t byte;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", bed->folder, name);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
	byte ^= (uint8_t)(1u << bit % 8);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
	close(fd);
}

static void flip_all(const struct bed *bed, const char *name, unsigned int found_as)
{
	_cleanup_buffer_ struct buffer bytes = {};

	bed_load(bed, name, &bytes);
	for (size_t bit = 0; bit < bytes.length * 8; bit++) {
		struct trail_verdict verdict;

		flip(bed, name, bit);
		verdict = bed_verify(bed);
		flip(bed, name, bit);
		if (!(found_as & 1u << verdict.code))
			fail_msg("%s, bit %zu: %s (%s)", name, bit,
				 trail_verdict_name(verdict.code), verdict.reason);
	}
	bed_expect(bed, TRAIL_VALID);
}

static void test_every_bit(void **state)
{
	struct bed bed;

	bed_make(&bed);
	bed_start(&bed);
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 20), 0);
	bed_stop(&bed);
	/* A flipped version number is not known to be a flipped one. */
	flip_all(&bed, BED_SEGMENT, 1u << TRAIL_TAMPERED | 1u << TRAIL_UNREADABLE);
	flip_all(&bed, "root.pub", 1u << TRAIL_TAMPERED);
	flip_all(&bed, "committed", 1u << TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

static void test_every_bit_of_the_key(void **state)
{
	_cleanup_buffer_ struct buffer key = {};
	struct bed bed;

	bed_make(&bed);
	bed_start(&bed);
	bed_stop(&bed);
	bed_load(&bed, "state/key", &key);
	for (size_t byte = 0; byte < key.length; byte += byte % TRAIL_SLOT_BYTES < 300 ? 1 : 37) {
		struct trail_verdict verdict;
		size_t slot = byte / TRAIL_SLOT_BYTES;
		bool used = key.data[slot * TRAIL_SLOT_BYTES] != 0;

		flip(&bed, "state/key", byte * 8 + byte % 8);
		verdict = bed_verify(&bed);
		flip(&bed, "state/key", byte * 8 + byte % 8);
		/* In the other slot it is a crash while that was wiped: legal, and it proves
		 * nothing else. */
		assert_int_equal(verdict.code, used ? TRAIL_UNPROVEN_END : TRAIL_VALID);
	}
	bed_remove(&bed);
}

static void expect_bad(const struct bed *bed, uint64_t frame, uint64_t offset)
{
	struct trail_verdict verdict = bed_verify(bed);

	assert_int_equal(verdict.code, TRAIL_TAMPERED);
	assert_int_equal(verdict.bad_frame, frame);
	assert_int_equal(verdict.bad_offset, offset);
	assert_string_equal(verdict.bad_segment, BED_SEGMENT);
	assert_true(strlen(verdict.reason) > 10);
	assert_true(verdict.good_frame < frame);
}

static void put(const struct bed *bed, const struct buffer *bytes, const uint64_t (*parts)[2],
		size_t count)
{
	_cleanup_buffer_ struct buffer made = {};

	for (size_t i = 0; i < count; i++)
		buffer_append(&made, bytes->data + parts[i][0], parts[i][1] - parts[i][0]);
	bed_store(bed, BED_SEGMENT, made.data, made.length);
}

static void test_frames_moved(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	uint64_t ends[16], n;
	struct bed bed;

	n = make_trail(&bed, ends);
	bed_load(&bed, BED_SEGMENT, &bytes);
	assert_int_equal(bytes.length, ends[n - 1]);
	/* Each frame left out. */
	for (uint64_t i = 0; i + 1 < n; i++) {
		uint64_t begin = i ? ends[i - 1] : 0;

		put(&bed, &bytes, (const uint64_t[][2]){ { 0, begin }, { ends[i], ends[n - 1] } },
		    2);
		expect_bad(&bed, i + 1, begin);
	}
	/* Each frame doubled. */
	for (uint64_t i = 0; i + 1 < n; i++) {
		put(&bed, &bytes,
		    (const uint64_t[][2]){ { 0, ends[i] }, { i ? ends[i - 1] : 0, ends[n - 1] } },
		    2);
		expect_bad(&bed, i + 2, ends[i]);
	}
	/* Two neighbours exchanged. */
	for (uint64_t i = 1; i + 1 < n; i++) {
		put(&bed, &bytes,
		    (const uint64_t[][2]){ { 0, ends[i - 1] },
					   { ends[i], ends[i + 1] },
					   { ends[i - 1], ends[i] },
					   { ends[i + 1], ends[n - 1] } },
		    4);
		expect_bad(&bed, i + 1, ends[i - 1]);
	}
	/* The last one doubled: nothing may stand behind the proven end. */
	put(&bed, &bytes, (const uint64_t[][2]){ { 0, ends[n - 1] }, { ends[n - 2], ends[n - 1] } },
	    2);
	expect_bad(&bed, n + 1, ends[n - 1]);
	bed_remove(&bed);
}

static enum trail_verdict_code without_state(const struct bed *bed)
{
	struct trail_verify_options options = { .ignore_state = true };
	struct trail_verdict verdict;

	verdict = bed_verify_with(bed, &options);
	assert_false(verdict.end_proven);
	return verdict.code;
}

static void test_cut_off(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	uint64_t ends[16], n;
	struct bed bed;

	n = make_trail(&bed, ends);
	bed_load(&bed, BED_SEGMENT, &bytes);
	assert_int_equal(without_state(&bed), TRAIL_UNPROVEN_END);
	for (size_t length = 0; length < bytes.length; length += 11) {
		bed_store(&bed, BED_SEGMENT, bytes.data, length);
		bed_expect(&bed, TRAIL_TAMPERED);
		/* `committed` alone gives it away too, unless it is cut as well. */
		assert_int_equal(without_state(&bed), TRAIL_TAMPERED);
	}
	bed_unlink(&bed, "committed");
	for (uint64_t i = 0; i < n; i++) {
		bed_store(&bed, BED_SEGMENT, bytes.data, ends[i]);
		bed_expect(&bed, i + 1 < n ? TRAIL_TAMPERED : TRAIL_VALID_WITH_GAPS);
		/* Nothing is left that could tell: so it must not say VALID. */
		assert_int_equal(without_state(&bed), TRAIL_UNPROVEN_END);
	}
	bed_unlink(&bed, "state/key");
	bed_expect(&bed, TRAIL_UNPROVEN_END);
	bed_unlink(&bed, BED_SEGMENT);
	bed_expect(&bed, TRAIL_UNREADABLE);
	bed_remove(&bed);
}

/* Whoever has today's key can sign on from here, but nothing before, and not with a key of their
 * own. */
static void test_signed_again(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {}, signed_bytes = {};
	uint8_t seed[TRAIL_KEY_BYTES], public_key[TRAIL_KEY_BYTES],
		signature[TRAIL_SIGNATURE_BYTES];
	size_t header_length, seal;
	uint64_t ends[16], n;
	struct bed bed;

	n = make_trail(&bed, ends);
	bed_load(&bed, BED_SEGMENT, &bytes);
	assert_int_equal(trail_key_generate(seed, public_key), 0);
	/* The last frame's time changed, and signed: the signature is good, the key is not. */
	assert_int_equal(trail_skippable_length((uint8_t *)bytes.data + ends[n - 2],
						TRAIL_MAGIC_HEADER, TRAIL_HEADER_MOST,
						&header_length),
			 0);
	bytes.data[ends[n - 2] + 8 + offsetof(struct trail_disk_header, wall_ns)] ^= 1;
	seal = ends[n - 1] - sizeof(struct trail_disk_seal);
	trail_signed_bytes((uint8_t *)bytes.data + ends[n - 2], header_length,
			   (uint8_t *)bytes.data + seal + 8, &signed_bytes);
	assert_int_equal(trail_sign(seed, signed_bytes.data, signed_bytes.length, signature), 0);
	memcpy(bytes.data + seal + 40, signature, sizeof(signature));
	bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
	expect_bad(&bed, n, ends[n - 2]);
	bed_remove(&bed);
}

/* One trail's files in the place of another's, the root being kept elsewhere. */
static void test_replaced(void **state)
{
	struct trail_verify_options options = {};
	struct trail_verdict mine, verdict;
	uint64_t ends[16];
	struct bed bed, other;

	make_trail(&bed, ends);
	make_trail(&other, ends);
	mine = bed_verify(&bed);
	options.root = mine.root;
	verdict = bed_verify_with(&other, &options);
	assert_int_equal(verdict.code, TRAIL_TAMPERED);
	bed_remove(&bed);
	bed_remove(&other);
}

static void test_segments(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	uint64_t ends[16], n;
	struct bed bed;
	char name[40];

	n = make_trail(&bed, ends);
	bed_load(&bed, BED_SEGMENT, &bytes);
	/* What rotation will do: between two commits the next file begins. */
	bed_store(&bed, BED_SEGMENT, bytes.data, ends[2]);
	bed_store(&bed, "00000000000000000004.jsonl.zst", bytes.data + ends[2],
		  ends[n - 1] - ends[2]);
	bed_expect(&bed, TRAIL_TAMPERED);
	snprintf(name, sizeof(name), "%s", "00000000000000000004.jsonl.zst");
	bed_unlink(&bed, name);
	for (uint64_t i = 0; i + 1 < n; i++) {
		const char *paths[] = { bed.folder };
		const struct trail_frame *frame;
		struct trail_reader *reader;
		uint64_t next = 0;

		snprintf(name, sizeof(name), "%020lu.jsonl.zst", i + 2);
		bed_store(&bed, BED_SEGMENT, bytes.data, ends[i]);
		bed_store(&bed, name, bytes.data + ends[i], ends[n - 1] - ends[i]);
		/* Commits of two frames are 2-3, 4-5 and 6 is one of STOP: they stay together. */
		bed_unlink(&bed, "committed");
		if (bed_verify(&bed).code == TRAIL_VALID_WITH_GAPS) {
			assert_int_equal(trail_reader_open(paths, 1, 0, &reader), 0);
			while (trail_reader_next_frame(reader, &frame) > 0)
				assert_int_equal(frame->header.frame, ++next);
			assert_int_equal(next, n);
			trail_reader_close(reader);
			assert_int_equal(bed_verify(&bed).segments, 2);
		} else {
			bed_expect(&bed, TRAIL_TAMPERED);
		}
		bed_store(&bed, "committed", "", 0);
		/* Without the first one, and with a wrong name. */
		bed_unlink(&bed, BED_SEGMENT);
		bed_expect(&bed, TRAIL_TAMPERED);
		bed_unlink(&bed, name);
		bed_store(&bed, BED_SEGMENT, bytes.data, ends[i]);
		bed_store(&bed, "00000000000000000099.jsonl.zst", bytes.data + ends[i],
			  ends[n - 1] - ends[i]);
		bed_expect(&bed, TRAIL_TAMPERED);
		bed_unlink(&bed, "00000000000000000099.jsonl.zst");
	}
	bed_remove(&bed);
}

/* A glob would find it, and zstd print it. */
static void test_false_segment(void **state)
{
	uint64_t ends[16];
	struct bed bed;

	make_trail(&bed, ends);
	bed_store(&bed, "00000000000000000000.jsonl.zst", "", 0);
	bed_expect(&bed, TRAIL_TAMPERED);
	bed_unlink(&bed, "00000000000000000000.jsonl.zst");
	bed_store(&bed, "99999999999999999999.jsonl.zst", "", 0);
	bed_expect(&bed, TRAIL_TAMPERED);
	bed_unlink(&bed, "99999999999999999999.jsonl.zst");
	bed_store(&bed, "notes.jsonl.zst", "", 0);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* While somebody holds the lock, too, nothing that was committed may be missing. */
static void test_committed_while_live(void **state)
{
	_cleanup_buffer_ struct buffer log = {}, key = {};
	struct trail_verdict verdict;
	struct bed bed;

	bed_make(&bed);
	bed_start(&bed);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	bed_load(&bed, BED_SEGMENT, &log);
	bed_load(&bed, "state/key", &key);
	assert_int_equal(bed_append(&bed, TRAIL_DATA, TRAIL_EVIDENCE, "event"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	bed_expect(&bed, TRAIL_VALID);
	/* Back to where they were, but for `committed`. */
	bed_store(&bed, BED_SEGMENT, log.data, log.length);
	bed_store(&bed, "state/key", key.data, key.length);
	verdict = bed_verify(&bed);
	assert_true(verdict.live);
	assert_int_equal(verdict.code, TRAIL_TAMPERED);
	bed_remove(&bed);
}

static void test_gaps(void **state)
{
	static const struct {
		enum trail_type type;
		const char *kind;
	} notes[] = { { TRAIL_LOSS, "recorder-loss" },
		      { TRAIL_RECOVERY, "recorder-recovery" },
		      { TRAIL_DATA, "recorder-degraded" },
		      { TRAIL_DATA, "clock-step" } };
	struct trail_gaps gaps;
	struct bed bed;

	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		bed_make(&bed);
		bed_start(&bed);
		assert_int_equal(bed_append(&bed, notes[i].type, TRAIL_EVIDENCE, notes[i].kind), 0);
		assert_int_equal(bed_append(&bed, notes[i].type, TRAIL_EVIDENCE, notes[i].kind), 0);
		bed_stop(&bed);
		bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
		gaps = bed_verify(&bed).gaps;
		assert_int_equal(gaps.losses, i == 0 ? 2 : 0);
		assert_int_equal(gaps.recoveries, i == 1 ? 2 : 0);
		assert_int_equal(gaps.degraded, i == 2 ? 2 : 0);
		assert_int_equal(gaps.clock_steps, i == 3 ? 2 : 0);
		bed_remove(&bed);
	}
	bed_make(&bed);
	bed_start(&bed);
	bed_close(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	assert_true(bed_verify(&bed).ended_without_stop);
	bed_remove(&bed);
}

static void test_what_is_no_trail(void **state)
{
	static const char garbage[5000] = "\x5d\x2a\x4d\x18\xff\xff\xff\xff";
	struct trail_verdict verdict;
	struct bed bed;

	assert_int_equal(trail_verify("/nowhere", NULL, &verdict), 0);
	assert_int_equal(verdict.code, TRAIL_UNREADABLE);
	bed_make(&bed);
	bed_expect(&bed, TRAIL_UNREADABLE);
	bed_store(&bed, BED_SEGMENT, garbage, sizeof(garbage));
	bed_expect(&bed, TRAIL_UNREADABLE);
	bed_store(&bed, "root.pub", "nonsense", 8);
	bed_expect(&bed, TRAIL_TAMPERED);
	bed_unlink(&bed, BED_SEGMENT);
	/* Not a file where one should be: not opened, not waited for. */
	{
		char path[160];

		snprintf(path, sizeof(path), "%s/%s", bed.folder, BED_SEGMENT);
		assert_int_equal(mkfifo(path, 0600), 0);
		bed_store(&bed, "root.pub",
			  "00000000000000000000000000000000000000000000000000000000000000ff\n", 65);
		bed_expect(&bed, TRAIL_UNREADABLE);
	}
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_bit_of_the_key),
		cmocka_unit_test(test_frames_moved),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_signed_again),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_false_segment),
		cmocka_unit_test(test_committed_while_live),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_what_is_no_trail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
