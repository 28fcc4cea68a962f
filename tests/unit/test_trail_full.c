// SPDX-License-Identifier: Apache-2.0
/*
 * A disk without room: what is to be written waits, in memory and in order, until there is some; or
 * recording ends, for who asked for that. And the room that is kept beforehand.
 */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trail/io.h"

static atomic_int full;       /* 0, or the errno that writing to a segment has */
static atomic_uint attempts;  /* writes that had it */
static atomic_bool next_gone; /* the room that was kept has been given back */

static bool is_segment(int fd)
{
	char link[64], path[256] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, ".zst");
}

/* A part of it is there all the same. */
static ssize_t short_of_room(int fd, const void *data, size_t length, off_t offset)
{
	if (!full || !is_segment(fd))
		return trail_io_kernel.pwrite(fd, data, length, offset);
	attempts++;
	if (length > 1)
		(void)!trail_io_kernel.pwrite(fd, data, length / 2, offset);
	errno = full;
	return -1;
}

static int no_room_in_torn(int folder, const char *name, int flags, mode_t mode)
{
	if (flags & O_EXCL && full && !next_gone) {
		errno = full;
		return -1;
	}
	return trail_io_kernel.openat(folder, name, flags, mode);
}

static int gives_back(int folder, const char *name, int flags)
{
	int r = trail_io_kernel.unlinkat(folder, name, flags);

	next_gone |= r == 0;
	return r;
}

static void use_small_disk(void)
{
	static struct trail_io_calls calls;

	calls = trail_io_kernel;
	calls.pwrite = short_of_room;
	calls.openat = no_room_in_torn;
	calls.unlinkat = gives_back;
	full = 0;
	attempts = 0;
	next_gone = false;
	trail_io_use(&calls);
}

static struct trail_writer_stats stats_of(const struct bed *bed)
{
	struct trail_writer_stats stats;

	trail_writer_get_stats(bed->writer, &stats);
	return stats;
}

/* Until all that was appended is committed: it is tried every second. */
static void wait_until_written(const struct bed *bed)
{
	struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t last = trail_writer_next_sequence(bed->writer) - 1;

	for (int i = 0; i < 6000 && stats_of(bed).committed_event < last; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(stats_of(bed).committed_event, last);
}

static void wait_for_room(int error)
{
	const struct trail_options options = { .queue_bytes = 256 << 10, .commit_bytes = 32 << 10 };
	struct bed bed;

	bed_make(&bed);
	use_small_disk();
	assert_int_equal(bed_try_open(&bed, &options), 0);
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	full = error;
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 1000), 0);
	assert_int_equal(trail_writer_sync(bed.writer), -EAGAIN);
	assert_int_equal(stats_of(&bed).waiting_error, -error);
	assert_int_equal(stats_of(&bed).error, 0);
	assert_int_equal(stats_of(&bed).committed_event, 1);
	/* What comes waits behind it; what has no room there is refused, evidence last. */
	while (bed_append_long(&bed, TRAIL_ROUTINE, "c", 1000) == 0)
		;
	assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 1000), -ENOBUFS);
	assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 1000), 0);
	/* A reader sees what there was, and nothing of the rest. */
	assert_int_equal(bed_verify(&bed).good_event, 1);
	full = 0;
	wait_until_written(&bed);
	assert_int_equal(stats_of(&bed).waiting_error, 0);
	bed_stop(&bed);
	trail_io_use(NULL);
	assert_true(attempts > 0);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

static void test_waits_for_room(void **state)
{
	wait_for_room(ENOSPC);
	wait_for_room(EDQUOT);
}

/* The end comes first: what waits is tried once more, and then lost; what was committed is not. */
static void test_ends_without_room(void **state)
{
	_cleanup_buffer_ struct buffer segment = {}, key = {};
	struct bed bed;

	bed_make(&bed);
	use_small_disk();
	bed_start(&bed);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	full = ENOSPC;
	assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 1000), 0);
	assert_int_equal(trail_writer_sync(bed.writer), -EAGAIN);
	bed_load(&bed, BED_SEGMENT, &segment);
	bed_load(&bed, "state/key", &key);
	assert_int_equal(trail_writer_close(bed.writer), -EIO);
	bed.writer = NULL;
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	/* Nothing of it is left behind the end, so that the next start needs no room. */
	assert_int_equal(bed_try_open(&bed, NULL), 0);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_TORN);
	assert_int_equal(bed.recovery.torn_bytes, 0);
	bed_close(&bed);
	/* Who was killed has left it, and there is no room to keep it, unless some was reserved. */
	bed_store(&bed, BED_SEGMENT, segment.data, segment.length);
	bed_store(&bed, "state/key", key.data, key.length);
	assert_int_equal(bed_try_open(&bed, NULL), -ENOSPC);
	bed_store(&bed, "next", "", 0);
	assert_int_equal(bed_try_open(&bed, NULL), 0);
	assert_true(next_gone);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_TORN);
	assert_true(bed.recovery.torn_bytes > 0);
	full = 0;
	assert_int_equal(bed_append(&bed, TRAIL_RECOVERY, TRAIL_EVIDENCE, "recorder-recovery"), 0);
	bed_stop(&bed);
	trail_io_use(NULL);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
}

static void test_halts(void **state)
{
	const struct trail_options options = { .halt_on_full = true };
	struct bed bed;

	bed_make(&bed);
	use_small_disk();
	assert_int_equal(bed_try_open(&bed, &options), 0);
	full = ENOSPC;
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), -EIO);
	assert_int_equal(stats_of(&bed).error, -ENOSPC);
	assert_int_equal(bed_append(&bed, TRAIL_DATA, TRAIL_EVIDENCE, "event"), -EIO);
	assert_int_equal(trail_writer_close(bed.writer), -EIO);
	bed.writer = NULL;
	assert_int_equal(attempts, 1);
	trail_io_use(NULL);
	bed_remove(&bed);
}

/* Bytes of the disk that a file of the trail takes; -1 without one. */
static int64_t taken(const struct bed *bed, const char *name)
{
	struct stat status;
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", bed->folder, name);
	return stat(path, &status) < 0 ? -1 : (int64_t)status.st_blocks * 512;
}

static int64_t size_of(const struct bed *bed, const char *name)
{
	struct stat status;
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", bed->folder, name);
	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

static void test_room_is_kept(void **state)
{
	const struct trail_options options = { .segment_bytes = 1 << 20, .reserve = true };
	const char *second = "00000000000000000003.jsonl.zst";
	struct bed bed;

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	assert_int_equal(stats_of(&bed).reserve_error, 0);
	assert_true(taken(&bed, BED_SEGMENT) >= 1 << 20);
	assert_true(taken(&bed, "next") >= 1 << 20);
	assert_int_equal(size_of(&bed, BED_SEGMENT), 0);
	/* Two commits: the second makes it full. */
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 2 << 20), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	assert_int_equal(bed_append(&bed, TRAIL_DATA, TRAIL_EVIDENCE, "event"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	/* What was kept is the next segment, and as much is kept again. */
	assert_true(taken(&bed, second) >= 1 << 20);
	assert_true(taken(&bed, "next") >= 1 << 20);
	assert_true(size_of(&bed, second) > 0);
	/* And the one before keeps none that it did not use. */
	assert_true(taken(&bed, BED_SEGMENT) < size_of(&bed, BED_SEGMENT) + (1 << 16));
	bed_stop(&bed);
	/* A recorder that does not run keeps none. */
	assert_true(taken(&bed, second) < 1 << 16);
	assert_int_equal(taken(&bed, "next"), -1);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* ---- frames that have no room in their segment, and some in the next ---- */

static unsigned int calls, fail_at; /* from that call on nothing works; 0: everything */

static bool is_first_segment(int fd)
{
	char link[64], path[256] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, BED_SEGMENT);
}

static bool fails(void)
{
	errno = EIO;
	return fail_at && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) >= fail_at;
}

/* Behind its first commit the first segment has no room. */
static ssize_t first_is_full(int fd, const void *data, size_t length, off_t offset)
{
	if (offset > 0 && is_first_segment(fd)) {
		full = ENOSPC;
		return short_of_room(fd, data, length, offset);
	}
	full = 0;
	return fails() ? -1 : trail_io_kernel.pwrite(fd, data, length, offset);
}

static int may_fail_datasync(int fd)
{
	return fails() ? -1 : trail_io_kernel.fdatasync(fd);
}

static int may_fail_sync(int fd)
{
	return fails() ? -1 : trail_io_kernel.fsync(fd);
}

static int may_fail_truncate(int fd, off_t length)
{
	return fails() ? -1 : trail_io_kernel.ftruncate(fd, length);
}

static int may_fail_rename(int from, const char *old_name, int to, const char *new_name)
{
	return fails() ? -1 : trail_io_kernel.renameat(from, old_name, to, new_name);
}

static int may_fail_open(int folder, const char *name, int flags, mode_t mode)
{
	return fails() ? -1 : trail_io_kernel.openat(folder, name, flags, mode);
}

/* Returns whether everything worked. */
static bool move_on(unsigned int at)
{
	const struct trail_options options = { .segment_bytes = 1 << 20,
					       .reserve = true,
					       .halt_on_full = true };
	struct trail_io_calls table = trail_io_kernel;
	struct trail_writer_stats stats;
	uint64_t acknowledged;
	struct bed bed;
	bool worked;

	bed_make(&bed);
	table.pwrite = first_is_full;
	table.fdatasync = may_fail_datasync;
	table.fsync = may_fail_sync;
	table.ftruncate = may_fail_truncate;
	table.renameat = may_fail_rename;
	table.openat = may_fail_open;
	calls = fail_at = 0;
	trail_io_use(&table);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	assert_int_equal(bed_append(&bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	fail_at = at;
	assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 1000), 0);
	worked = trail_writer_sync(bed.writer) == 0;
	stats = stats_of(&bed);
	acknowledged = stats.committed_event;
	assert_int_equal(acknowledged, worked ? 2 : 1);
	assert_int_equal(stats.segment, worked ? 2 : 1);
	trail_writer_close(bed.writer);
	bed.writer = NULL;
	trail_io_use(NULL);
	assert_true(bed_verify(&bed).code <= TRAIL_VALID_WITH_GAPS);
	bed_open(&bed);
	assert_true(bed.recovery.last_event >= acknowledged);
	assert_int_equal(bed_append(&bed, TRAIL_RECOVERY, TRAIL_EVIDENCE, "recorder-recovery"), 0);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_remove(&bed);
	return worked;
}

static void test_moves_on(void **state)
{
	unsigned int at = 1;

	assert_true(move_on(0));
	while (!move_on(at))
		at++;
	print_message("failed from each of %u calls on\n", at - 1);
	assert_true(at > 8);
}

static int never_any(int fd, int mode, off_t offset, off_t length)
{
	errno = ENOSPC;
	return -1;
}

/* Then it is said, and recording goes on. */
static void test_no_room_to_keep(void **state)
{
	const struct trail_options options = { .segment_bytes = 1, .reserve = true };
	struct trail_io_calls table = trail_io_kernel;
	struct bed bed;

	bed_make(&bed);
	table.fallocate = never_any;
	trail_io_use(&table);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	assert_int_equal(stats_of(&bed).reserve_error, -ENOSPC);
	assert_int_equal(taken(&bed, "next"), -1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			bed_append(&bed, i ? TRAIL_DATA : TRAIL_START, TRAIL_EVIDENCE, "event"), 0);
		assert_int_equal(trail_writer_sync(bed.writer), 0);
	}
	/* Each has a segment all the same. */
	assert_int_equal(stats_of(&bed).rotation_error, 0);
	assert_true(taken(&bed, "00000000000000000003.jsonl.zst") >= 0);
	bed_stop(&bed);
	trail_io_use(NULL);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_room),  cmocka_unit_test(test_ends_without_room),
		cmocka_unit_test(test_halts),           cmocka_unit_test(test_room_is_kept),
		cmocka_unit_test(test_no_room_to_keep), cmocka_unit_test(test_moves_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
