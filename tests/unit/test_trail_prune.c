// SPDX-License-Identifier: Apache-2.0
/* Payloads that are dropped by policy: which, in what order, and what both verifiers say of it. */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/prune.h"

#define DAY_NS (24 * 3600 * NS_PER_SECOND)

static int open_folder(const struct bed *bed)
{
	int folder = trail_io_open_folder(AT_FDCWD, bed->folder, false, 0);

	assert_true(folder >= 0);
	return folder;
}

static void open_with(struct bed *bed, uint64_t routine_ns, uint64_t evidence_ns)
{
	const struct trail_retention retention = {
		.floor_ns = { [TRAIL_ROUTINE] = routine_ns, [TRAIL_EVIDENCE] = evidence_ns }
	};
	const struct trail_options options = { .segment_bytes = 8192, .retention = &retention };

	assert_int_equal(bed_try_open(bed, &options), 0);
	assert_int_equal(bed_append(bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
}

/* Commits of both classes, in some segments. */
static void append_some(struct bed *bed, int commits)
{
	for (int i = 0; i < commits; i++) {
		assert_int_equal(bed_append_long(bed, TRAIL_ROUTINE, "noisy", 1500), 0);
		assert_int_equal(bed_append_long(bed, TRAIL_EVIDENCE, "quiet", 500), 0);
		assert_int_equal(trail_writer_sync(bed->writer), 0);
	}
}

static void tell(struct bed *bed, const struct trail_prune_step *step)
{
	struct trail_pruned pruned = {};

	pruned.before_frame[step->class] = step->before_frame;
	assert_int_equal(bed_append_pruned(bed, &pruned), 0);
	assert_int_equal(trail_writer_sync(bed->writer), 0);
}

static int find(const struct bed *bed, struct trail_prune *prune, uint64_t now_ns,
		struct trail_prune_step *ret_step)
{
	_cleanup_close_ int folder = open_folder(bed);

	return trail_prune_find(folder, prune, now_ns, ret_step);
}

static int drop(const struct bed *bed, const struct trail_prune *prune,
		const struct trail_prune_step *step, uint64_t now_ns)
{
	_cleanup_close_ int folder = open_folder(bed);

	return trail_prune_segment(folder, prune, step, now_ns);
}

/* Until the trail is small enough, or nothing is due: what a recorder does. Returns how often. */
static int drop_all(struct bed *bed, struct trail_prune *prune, int *ret_found)
{
	struct trail_prune_step step;
	int steps = 0;

	while ((*ret_found = find(bed, prune, clock_wall_ns(), &step)) == TRAIL_PRUNE_STEP) {
		tell(bed, &step);
		assert_int_equal(drop(bed, prune, &step, clock_wall_ns()), 0);
		steps++;
	}
	return steps;
}

static void test_small_enough(void **state)
{
	struct trail_prune prune = { .most_bytes = 1 << 20 };
	struct trail_prune_step step;
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, 0, 0);
	append_some(&bed, 20);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_SMALL);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* What is noisy goes, what is evidence stays; and all of it is still counted. */
static void test_routine_first(void **state)
{
	struct trail_prune prune = { .most_bytes = 1 };
	struct trail_verdict verdict;
	struct trail_prune_step step;
	struct bed bed;
	int found;

	bed_make(&bed);
	open_with(&bed, 0, DAY_NS);
	append_some(&bed, 30);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_STEP);
	assert_int_equal(step.segment, 1);
	assert_int_equal(step.class, TRAIL_ROUTINE);
	assert_true(step.frames > 1 && step.events == step.frames && step.bytes > 1000);
	assert_true(drop_all(&bed, &prune, &found) > 3);
	assert_int_equal(found, TRAIL_PRUNE_NONE);
	verdict = bed_verify(&bed);
	assert_int_equal(verdict.code, TRAIL_VALID_WITH_GAPS);
	bed_stop(&bed);
	verdict = bed_verify(&bed);
	assert_int_equal(verdict.code, TRAIL_VALID_WITH_GAPS);
	assert_true(verdict.end_proven);
	assert_true(verdict.gone[TRAIL_ROUTINE].frames > 15);
	assert_int_equal(verdict.gone[TRAIL_ROUTINE].frames, verdict.gone[TRAIL_ROUTINE].events);
	assert_int_equal(verdict.gone[TRAIL_EVIDENCE].frames, 0);
	assert_int_equal(verdict.events, verdict.good_event);
	bed_remove(&bed);
}

/* Both are due: evidence goes when nothing else is left. Recording goes on over it. */
static void test_evidence_last(void **state)
{
	struct trail_prune prune = { .most_bytes = 1 }, again = { .most_bytes = 1 };
	struct trail_verdict verdict;
	struct bed bed;
	int found;

	bed_make(&bed);
	open_with(&bed, 0, 0);
	append_some(&bed, 20);
	drop_all(&bed, &prune, &found);
	bed_stop(&bed);
	verdict = bed_verify(&bed);
	assert_int_equal(verdict.code, TRAIL_VALID_WITH_GAPS);
	assert_true(verdict.gone[TRAIL_ROUTINE].frames > 8);
	assert_true(verdict.gone[TRAIL_EVIDENCE].frames > 8);
	/* Another recorder looks at all of it anew, and finds nothing that is left. */
	open_with(&bed, 0, 0);
	append_some(&bed, 20);
	assert_true(drop_all(&bed, &again, &found) < 20);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

/* What is to be kept for a day does not hold up what was recorded under a shorter time later. */
static void test_shorter_later(void **state)
{
	struct trail_prune prune = { .most_bytes = 1 };
	uint64_t begin_ns = clock_wall_ns();
	struct trail_verdict verdict;
	struct trail_prune_step step;
	uint64_t before;
	struct bed bed;
	int found;

	bed_make(&bed);
	open_with(&bed, DAY_NS, DAY_NS);
	append_some(&bed, 20);
	assert_int_equal(drop_all(&bed, &prune, &found), 0);
	before = bed_verify(&bed).frames;
	bed_stop(&bed);
	open_with(&bed, 0, DAY_NS);
	append_some(&bed, 20);
	assert_true(drop_all(&bed, &prune, &found) > 2);
	verdict = bed_verify(&bed);
	assert_int_equal(verdict.code, TRAIL_VALID_WITH_GAPS);
	assert_true(verdict.gone[TRAIL_ROUTINE].frames > 8);
	assert_true(verdict.gone[TRAIL_ROUTINE].last_frame > before);
	assert_int_equal(verdict.gone[TRAIL_EVIDENCE].frames, 0);
	/* Until its day has come, and not a moment before. */
	assert_int_equal(find(&bed, &prune, begin_ns + DAY_NS, &step), TRAIL_PRUNE_NONE);
	assert_int_equal(find(&bed, &prune, begin_ns + 2 * DAY_NS, &step), TRAIL_PRUNE_STEP);
	assert_int_equal(step.segment, 1);
	assert_int_equal(step.class, TRAIL_ROUTINE);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

/* Whoever drops payloads and signs nothing, or not enough. */
static void test_without_a_note(void **state)
{
	struct trail_prune prune = { .most_bytes = 1 };
	struct trail_prune_step step, less;
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, 0, 0);
	append_some(&bed, 20);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_STEP);
	assert_int_equal(drop(&bed, &prune, &step, clock_wall_ns()), 0);
	less = step;
	less.before_frame--;
	tell(&bed, &less);
	less = step;
	less.class = TRAIL_EVIDENCE;
	tell(&bed, &less);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_TAMPERED);
	open_with(&bed, 0, 0);
	tell(&bed, &step);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

/*
 * A recorder that is told to keep less keeps what was recorded before as long as it was told then;
 * who drops it all the same, and signs that, is found.
 */
static void test_before_their_time(void **state)
{
	uint64_t later = clock_wall_ns() + 2 * DAY_NS;
	struct trail_prune prune = { .most_bytes = 1 };
	struct trail_prune_step step;
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, DAY_NS, DAY_NS);
	append_some(&bed, 10);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_NONE);
	bed_stop(&bed);
	open_with(&bed, 0, 0);
	/* To whoever sets the clock forward it is due. */
	assert_int_equal(find(&bed, &prune, later, &step), TRAIL_PRUNE_STEP);
	assert_int_equal(step.segment, 1);
	tell(&bed, &step);
	assert_int_equal(drop(&bed, &prune, &step, later), 0);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_TAMPERED);
	bed_remove(&bed);
}

/* Of a trail that was never told how long to keep anything, nothing is dropped. */
static void test_without_retention(void **state)
{
	const struct trail_options options = { .segment_bytes = 4096 };
	struct trail_prune prune = { .most_bytes = 1 };
	struct trail_prune_step step;
	struct bed bed;

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	append_some(&bed, 10);
	assert_int_equal(find(&bed, &prune, UINT64_MAX - 1, &step), TRAIL_PRUNE_NONE);
	bed_close(&bed);
	bed_remove(&bed);
}

static void test_damage_stays(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {}, after = {};
	struct trail_prune prune = { .most_bytes = 1 };
	struct trail_prune_step step, first = { .segment = 1, .class = TRAIL_ROUTINE };
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, 0, DAY_NS);
	append_some(&bed, 20);
	bed_stop(&bed);
	bed_load(&bed, BED_SEGMENT, &bytes);
	bytes.data[bytes.length / 2] ^= 1;
	bytes.data[bytes.length - 10] ^= 1;
	memset(bytes.data + bytes.length - 160, 0, 160);
	bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_STEP);
	assert_true(step.segment > 1);
	first.before_frame = step.segment;
	assert_int_equal(drop(&bed, &prune, &first, clock_wall_ns()), -EBADMSG);
	bed_load(&bed, BED_SEGMENT, &after);
	assert_int_equal(after.length, bytes.length);
	assert_memory_equal(after.data, bytes.data, bytes.length);
	bed_remove(&bed);
}

/* ---- whatever happens while a segment is written anew */

static unsigned int calls, fail_at;

static bool fails(void)
{
	errno = EIO;
	return ++calls >= fail_at;
}

static int may_fail_open(int folder, const char *name, int flags, mode_t mode)
{
	return fails() ? -1 : trail_io_kernel.openat(folder, name, flags, mode);
}

static ssize_t may_fail_read(int fd, void *data, size_t length, off_t offset)
{
	return fails() ? -1 : trail_io_kernel.pread(fd, data, length, offset);
}

static ssize_t may_fail_write(int fd, const void *data, size_t length, off_t offset)
{
	return fails() ? -1 : trail_io_kernel.pwrite(fd, data, length, offset);
}

static int may_fail_sync(int fd)
{
	return fails() ? -1 : trail_io_kernel.fsync(fd);
}

static int may_fail_rename(int from, const char *old_name, int to, const char *new_name)
{
	return fails() ? -1 : trail_io_kernel.renameat(from, old_name, to, new_name);
}

static int may_fail_unlink(int folder, const char *name, int flags)
{
	return fails() ? -1 : trail_io_kernel.unlinkat(folder, name, flags);
}

/* From one call on nothing works. Returns whether everything did. */
static bool interrupt(unsigned int at)
{
	struct trail_io_calls table = trail_io_kernel;
	struct trail_prune prune = { .most_bytes = 1 };
	struct trail_prune_step step;
	char path[200];
	struct bed bed;
	bool worked;

	table.openat = may_fail_open;
	table.pread = may_fail_read;
	table.pwrite = may_fail_write;
	table.fsync = may_fail_sync;
	table.renameat = may_fail_rename;
	table.unlinkat = may_fail_unlink;
	bed_make(&bed);
	open_with(&bed, 0, DAY_NS);
	append_some(&bed, 6);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_STEP);
	tell(&bed, &step);
	bed_stop(&bed);
	{
		_cleanup_close_ int folder = open_folder(&bed);

		calls = 0;
		fail_at = at;
		trail_io_use(&table);
		worked = trail_prune_segment(folder, &prune, &step, clock_wall_ns()) == 0;
		trail_io_use(NULL);
	}
	assert_true(bed_verify(&bed).code <= TRAIL_VALID_WITH_GAPS);
	open_with(&bed, 0, DAY_NS);
	bed_stop(&bed);
	assert_true(bed_verify(&bed).code <= TRAIL_VALID_WITH_GAPS);
	snprintf(path, sizeof(path), "%s/%s.new", bed.folder, BED_SEGMENT);
	assert_int_equal(access(path, F_OK), -1);
	bed_remove(&bed);
	return worked;
}

static void test_interrupted(void **state)
{
	unsigned int at = 1;

	while (!interrupt(at))
		at++;
	print_message("interrupted at each of %u calls\n", at - 1);
	assert_true(at > 10);
}

static void test_stopped(void **state)
{
	struct trail_prune prune = { .most_bytes = 1 };
	struct trail_prune_step step;
	atomic_bool stop = false;
	struct bed bed;

	prune.stop = &stop;
	bed_make(&bed);
	open_with(&bed, 0, DAY_NS);
	append_some(&bed, 6);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_STEP);
	stop = true;
	assert_int_equal(drop(&bed, &prune, &step, clock_wall_ns()), -ECANCELED);
	prune.classes[TRAIL_ROUTINE].searched = 0;
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), -ECANCELED);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* Whatever is called like a later segment: the one that is written to is not closed by it. */
static void test_active(void **state)
{
	struct trail_prune prune = { .most_bytes = 1, .active = 1 };
	struct trail_prune_step step;
	struct bed bed;

	bed_make(&bed);
	open_with(&bed, 0, 0);
	append_some(&bed, 20);
	bed_store(&bed, "00000000000099999999.jsonl.zst", "", 0);
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_NONE);
	prune = (struct trail_prune){ .most_bytes = 1, .active = 2 };
	assert_int_equal(find(&bed, &prune, clock_wall_ns(), &step), TRAIL_PRUNE_STEP);
	assert_int_equal(step.segment, 1);
	bed_stop(&bed);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_enough),
		cmocka_unit_test(test_routine_first),
		cmocka_unit_test(test_evidence_last),
		cmocka_unit_test(test_without_a_note),
		cmocka_unit_test(test_before_their_time),
		cmocka_unit_test(test_without_retention),
		cmocka_unit_test(test_damage_stays),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_active),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_shorter_later),
	};

	return cmocka_run_group_tests_name("trail prune", tests, NULL, NULL);
}
