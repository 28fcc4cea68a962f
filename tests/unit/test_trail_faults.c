// SPDX-License-Identifier: Apache-2.0
/*
 * Each call by which a trail is made and written fails in its turn, once and for ever: nothing that
 * was acknowledged is lost by it, no crash explains what is not explained, and recording goes on
 * when the disk does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/trail_bed.h"
#include "trail/io.h"

enum call {
	OPEN,
	MKDIR,
	READ,
	WRITE,
	DATASYNC,
	SYNC,
	TRUNCATE,
	RENAME,
	UNLINK,
	FALLOCATE,
	CALLS,
};

static const char *const call_names[CALLS] = {
	"open",  "mkdir",    "read",   "write",  "fdatasync",
	"fsync", "truncate", "rename", "unlink", "fallocate"
};

/* The one that fails: the number-th of this kind, and with `ever` all behind it. */
static struct {
	enum call call;
	unsigned int number, count;
	bool ever;
	bool all; /* and all of any kind: the disk is gone */
	int error;
} fault;

static bool gone;

static bool fails(enum call call)
{
	unsigned int number;

	errno = fault.error;
	if (gone)
		return true;
	if (call != fault.call)
		return false;
	/* The writer's thread calls, too. */
	number = __atomic_add_fetch(&fault.count, 1, __ATOMIC_SEQ_CST);
	if (number != fault.number && !(fault.ever && number > fault.number))
		return false;
	gone = fault.all;
	errno = fault.error;
	return true;
}

static int try_openat(int folder, const char *name, int flags, mode_t mode)
{
	return fails(OPEN) ? -1 : trail_io_kernel.openat(folder, name, flags, mode);
}

static int try_mkdirat(int folder, const char *name, mode_t mode)
{
	return fails(MKDIR) ? -1 : trail_io_kernel.mkdirat(folder, name, mode);
}

static ssize_t try_pread(int fd, void *data, size_t length, off_t offset)
{
	return fails(READ) ? -1 : trail_io_kernel.pread(fd, data, length, offset);
}

/* Half of it is on the disk all the same. */
static ssize_t try_pwrite(int fd, const void *data, size_t length, off_t offset)
{
	if (!fails(WRITE))
		return trail_io_kernel.pwrite(fd, data, length, offset);
	if (length > 1)
		(void)!trail_io_kernel.pwrite(fd, data, length / 2, offset);
	errno = fault.error;
	return -1;
}

static int try_fdatasync(int fd)
{
	return fails(DATASYNC) ? -1 : trail_io_kernel.fdatasync(fd);
}

static int try_fsync(int fd)
{
	return fails(SYNC) ? -1 : trail_io_kernel.fsync(fd);
}

static int try_ftruncate(int fd, off_t length)
{
	return fails(TRUNCATE) ? -1 : trail_io_kernel.ftruncate(fd, length);
}

static int try_renameat(int from, const char *old_name, int to, const char *new_name)
{
	return fails(RENAME) ? -1 : trail_io_kernel.renameat(from, old_name, to, new_name);
}

static int try_unlinkat(int folder, const char *name, int flags)
{
	return fails(UNLINK) ? -1 : trail_io_kernel.unlinkat(folder, name, flags);
}

static int try_fallocate(int fd, int mode, off_t offset, off_t length)
{
	return fails(FALLOCATE) ? -1 : trail_io_kernel.fallocate(fd, mode, offset, length);
}

static const struct trail_io_calls trying = {
	.openat = try_openat,
	.mkdirat = try_mkdirat,
	.pread = try_pread,
	.pwrite = try_pwrite,
	.fdatasync = try_fdatasync,
	.fsync = try_fsync,
	.ftruncate = try_ftruncate,
	.renameat = try_renameat,
	.unlinkat = try_unlinkat,
	.fallocate = try_fallocate,
};

/* 1: each commit has a segment of its own; 0: all are in one. */
static uint64_t segment_bytes;
static bool reserve;
static bool halt; /* at the first failure, instead of waiting until the disk takes it */

/* Record until something fails for good. Returns the last event that was acknowledged. */
static uint64_t record(struct bed *bed)
{
	const struct trail_options options = { .segment_bytes = segment_bytes,
					       .reserve = reserve,
					       .halt_on_full = halt };
	struct trail_writer_stats stats = {};
	int r = bed_try_open(bed, &options);

	if (r < 0)
		return 0;
	for (int i = 0; r == 0 && i < 3; i++) {
		r = bed_append(bed, i == 0 ? TRAIL_START : TRAIL_DATA,
			       i == 1 ? TRAIL_ROUTINE : TRAIL_EVIDENCE, "event");
		r = r ?: trail_writer_sync(bed->writer);
	}
	trail_writer_get_stats(bed->writer, &stats);
	trail_writer_close(bed->writer);
	bed->writer = NULL;
	return stats.committed_event;
}

static void expect_all(struct bed *bed, uint64_t acknowledged)
{
	struct trail_verdict verdict;

	trail_io_use(NULL);
	if (bed_try_open(bed, NULL) < 0)
		fail_msg("%s %u%s: damage %d", call_names[fault.call], fault.number,
			 fault.ever ? " and on" : "", bed->recovery.damage);
	assert_true(bed->recovery.last_event >= acknowledged);
	assert_int_equal(bed_append(bed, TRAIL_RECOVERY, TRAIL_EVIDENCE, "recorder-recovery"), 0);
	bed_stop(bed);
	verdict = bed_verify(bed);
	if (verdict.code > TRAIL_VALID_WITH_GAPS || verdict.events < acknowledged + 2)
		fail_msg("%s %u%s: %s (%s), %lu of %lu events", call_names[fault.call],
			 fault.number, fault.ever ? " and on" : "",
			 trail_verdict_name(verdict.code), verdict.reason, verdict.events,
			 acknowledged + 2);
}

static void fail_at(enum call call, unsigned int number, bool ever)
{
	fault.call = call;
	fault.number = number;
	fault.count = 0;
	fault.ever = ever;
	fault.error = number % 2 ? EIO : ENOSPC;
	trail_io_use(&trying);
}

/* The write of the second commit's frames, so that the recovery has a torn end to cut. */
#define TEARING_WRITE 10

/* Returns whether there was such a call. */
static bool run(enum call call, unsigned int number, bool ever, bool torn)
{
	uint64_t acknowledged = 0, more;
	struct bed bed;

	bed_make(&bed);
	if (torn) {
		fail_at(WRITE, TEARING_WRITE, false);
		fault.error = EIO;
		fault.all = true;
		halt = true;
		acknowledged = record(&bed);
		halt = fault.all = gone = false;
		assert_int_equal(acknowledged, 1);
	}
	fail_at(call, number, ever);
	more = record(&bed);
	acknowledged = more > acknowledged ? more : acknowledged;
	more = record(&bed);
	expect_all(&bed, more > acknowledged ? more : acknowledged);
	bed_remove(&bed);
	return fault.count >= number;
}

static void every_call(bool torn)
{
	for (int ever = 0; ever < 2; ever++)
		for (enum call call = OPEN; call < CALLS; call++) {
			unsigned int number = 1;

			while (run(call, number, ever, torn))
				number++;
			if (!ever)
				printf("%-10s %u calls\n", call_names[call], number - 1);
		}
}

static void test_every_call(void **state)
{
	(void)state;
	every_call(false);
}

static void test_every_call_of_a_recovery(void **state)
{
	(void)state;
	every_call(true);
}

static void test_every_call_of_a_rotation(void **state)
{
	(void)state;
	segment_bytes = 1;
	every_call(false);
	every_call(true);
	reserve = true;
	every_call(false);
	reserve = false;
	segment_bytes = 0;
}

/* ---- while recording */

#define EVENTS 4

/*
 * A call fails once: what was to be written is written elsewhere, and nothing is missing. Returns
 * whether there was such a call.
 */
static bool survive(enum call call, unsigned int number)
{
	const struct trail_options options = { .segment_bytes = segment_bytes, .reserve = reserve };
	struct bed bed;

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	fail_at(call, number, false);
	fault.error = EIO;
	for (int i = 0; i < EVENTS; i++) {
		assert_int_equal(bed_append(&bed, i ? TRAIL_DATA : TRAIL_START,
					    i % 2 ? TRAIL_ROUTINE : TRAIL_EVIDENCE, "event"),
				 0);
		/* Not even later: at once. */
		if (trail_writer_sync(bed.writer) < 0)
			fail_msg("%s %u: not written", call_names[call], number);
	}
	bed_stop(&bed);
	trail_io_use(NULL);
	if (bed_verify(&bed).code != TRAIL_VALID || bed_verify(&bed).events != EVENTS + 1)
		fail_msg("%s %u: %s (%s), %lu events", call_names[call], number,
			 trail_verdict_name(bed_verify(&bed).code), bed_verify(&bed).reason,
			 bed_verify(&bed).events);
	bed_remove(&bed);
	return fault.count >= number;
}

static void survive_every_call(void)
{
	for (enum call call = OPEN; call < CALLS; call++) {
		unsigned int number = 1;

		while (survive(call, number))
			number++;
	}
}

static void test_one_failure_ends_nothing(void **state)
{
	(void)state;
	survive_every_call();
	segment_bytes = 1;
	survive_every_call();
	reserve = true;
	survive_every_call();
	reserve = false;
	segment_bytes = 0;
}

/* The first of several commits fails at every write of a segment, a while long. */
static bool segments_fail;

static ssize_t fail_segments(int fd, const void *data, size_t length, off_t offset)
{
	char link[64], path[256] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!segments_fail || readlink(link, path, sizeof(path) - 1) < 0 || !strstr(path, ".zst"))
		return trail_io_kernel.pwrite(fd, data, length, offset);
	(void)!trail_io_kernel.pwrite(fd, data, length / 2, offset);
	errno = EIO;
	return -1;
}

static void test_waits_for_a_disk_that_fails(void **state)
{
	struct trail_io_calls calls = trail_io_kernel;
	struct trail_writer_stats stats;
	struct bed bed;

	(void)state;
	bed_make(&bed);
	calls.pwrite = fail_segments;
	trail_io_use(&calls);
	bed_start(&bed);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	segments_fail = true;
	assert_int_equal(bed_append(&bed, TRAIL_DATA, TRAIL_EVIDENCE, "event"), 0);
	assert_int_equal(trail_writer_sync(bed.writer), -EAGAIN);
	trail_writer_get_stats(bed.writer, &stats);
	assert_int_equal(stats.waiting_error, -EIO);
	assert_int_equal(stats.failure, -EIO);
	assert_int_equal(stats.committed_event, 1);
	assert_int_equal(bed_verify(&bed).good_event, 1);
	segments_fail = false;
	while (trail_writer_sync(bed.writer) == -EAGAIN)
		usleep(10000);
	trail_writer_get_stats(bed.writer, &stats);
	assert_int_equal(stats.committed_event, 2);
	assert_int_equal(stats.waiting_error, 0);
	/* Nothing was ever written again where it had failed. */
	assert_int_equal(stats.segment, 2);
	bed_stop(&bed);
	trail_io_use(NULL);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* A crash while the key file was replaced leaves one that nobody is to find. */
static void test_a_key_file_too_many(void **state)
{
	_cleanup_buffer_ struct buffer key = {};
	char path[160];
	struct bed bed;

	(void)state;
	bed_make(&bed);
	bed_start(&bed);
	bed_stop(&bed);
	bed_load(&bed, "state/key", &key);
	bed_store(&bed, "state/key.new", key.data, key.length);
	bed_open(&bed);
	snprintf(path, sizeof(path), "%s/state/key.new", bed.folder);
	assert_int_equal(access(path, F_OK), -1);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

/* Where it is told to, over a hole, and all of it. */
static void test_write(void **state)
{
	char name[] = "/tmp/trail-io-XXXXXX", bytes[10];
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(trail_io_write(fd, "abcdef", 6, 0), 0);
	assert_int_equal(trail_io_write(fd, "XY", 2, 2), 0);
	assert_int_equal(trail_io_write(fd, "Z", 1, 8), 0);
	assert_int_equal(trail_io_write(fd, NULL, 0, 100), 0);
	assert_int_equal(trail_io_read(fd, bytes, sizeof(bytes), 0), 9);
	assert_memory_equal(bytes, "abXYef\0\0Z", 9);
	assert_int_equal(trail_io_write(-1, "x", 1, 0), -EBADF);
	close(fd);
	unlink(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_write),
					    cmocka_unit_test(test_every_call),
					    cmocka_unit_test(test_every_call_of_a_recovery),
					    cmocka_unit_test(test_every_call_of_a_rotation),
					    cmocka_unit_test(test_one_failure_ends_nothing),
					    cmocka_unit_test(test_waits_for_a_disk_that_fails),
					    cmocka_unit_test(test_a_key_file_too_many) };

	return cmocka_run_group_tests_name("trail faults", tests, NULL, NULL);
}
