// SPDX-License-Identifier: Apache-2.0
/* What happens beside the writer: other recorders, disks that fail, SIGKILL, readers. */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/folder.h"

static void test_one_recorder_at_a_time(void **state)
{
	struct trail_options options = {};
	struct trail_recovery recovery;
	struct trail_writer *second;
	struct bed bed;

	bed_make(&bed);
	bed_start(&bed);
	options.folder = bed.folder;
	assert_int_equal(trail_writer_open(&options, &second, &recovery), -EBUSY);
	assert_int_equal(trail_writer_sync(bed.writer), 0);
	/* Verifying a live trail does not disturb the recorder, nor is it taken for a torn one. */
	assert_true(bed_verify(&bed).live);
	bed_expect(&bed, TRAIL_VALID);
	assert_int_equal(trail_writer_open(&options, &second, &recovery), -EBUSY);
	bed_stop(&bed);
	bed_start(&bed);
	bed_stop(&bed);
	bed_remove(&bed);
}

static void test_folders_that_cannot_be_written(void **state)
{
	struct trail_options options = { .folder = "/proc/docktrail" };
	struct trail_recovery recovery;
	struct trail_writer *writer;
	struct bed bed;
	char path[160];
	pid_t child;
	int status;

	assert_int_equal(trail_writer_open(&options, &writer, &recovery), -ENOENT);
	bed_make(&bed);
	bed_store(&bed, "file", "", 0);
	snprintf(path, sizeof(path), "%s/file", bed.folder);
	options.folder = path;
	assert_int_equal(trail_writer_open(&options, &writer, &recovery), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/no/such", bed.folder);
	assert_int_equal(trail_writer_open(&options, &writer, &recovery), -ENOENT);
	/* Permissions mean nothing to root, so someone else tries. */
	assert_int_equal(chmod(bed.folder, 0555), 0);
	child = fork();
	if (child == 0) {
		options.folder = bed.folder;
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		_exit(-trail_writer_open(&options, &writer, &recovery));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(chmod(bed.folder, 0755), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EACCES);
	bed_remove(&bed);
}

/* In a child, for the limit is for ever: which check failed is its exit status. */
static int write_until_it_fails(struct bed *bed)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct rlimit limit = { 40000, 40000 };
	struct trail_writer_stats stats;

	sigaction(SIGXFSZ, &ignore, NULL);
	bed_start(bed);
	if (trail_writer_sync(bed->writer) < 0)
		return 1;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 2;
	if (bed_append_long(bed, TRAIL_ROUTINE, "c", 300000) < 0)
		return 3;
	if (trail_writer_sync(bed->writer) != -EAGAIN)
		return 4;
	trail_writer_get_stats(bed->writer, &stats);
	if (stats.waiting_error != -EFBIG || stats.committed_event != 1)
		return 5;
	return trail_writer_close(bed->writer) == -EIO ? 0 : 6;
}

/* No segment takes the frames (a limit on files stands in for a disk that fails): they are lost
 * with the end; what was committed stays. */
static void test_a_failing_disk(void **state)
{
	struct bed bed;
	pid_t child;
	int status;

	bed_make(&bed);
	child = fork();
	if (child == 0)
		_exit(write_until_it_fails(&bed));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	bed_open(&bed);
	assert_int_equal(bed.recovery.found, TRAIL_FOUND_TORN);
	assert_int_equal(bed.recovery.last_event, 1);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

static void test_following(void **state)
{
	const struct trail_frame *frame;
	struct trail_reader *reader;
	uint64_t next = 1;
	struct bed bed;

	bed_make(&bed);
	bed_open(&bed);
	bed_open_reader(&bed, TRAIL_READ_COMMITTED, &reader);
	assert_int_equal(trail_reader_next_frame(reader, &frame), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(bed_append_long(&bed, TRAIL_ROUTINE, "c", 10), 0);
		assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 10), 0);
		assert_int_equal(trail_writer_sync(bed.writer), 0);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(trail_reader_next_frame(reader, &frame), 1);
			assert_int_equal(frame->header.frame, next++);
		}
		assert_int_equal(trail_reader_next_frame(reader, &frame), 0);
	}
	trail_reader_close(reader);
	bed_stop(&bed);
	bed_remove(&bed);
}

static unsigned int count_frames(const struct bed *bed, uint64_t *ret_torn)
{
	const struct trail_frame *frame;
	struct trail_reader *reader;
	unsigned int count = 0;
	int r;

	bed_open_reader(bed, TRAIL_READ_COMMITTED, &reader);
	while ((r = trail_reader_next_frame(reader, &frame)) > 0)
		count++;
	assert_int_equal(r, 0);
	*ret_torn = trail_reader_torn_bytes(reader);
	trail_reader_close(reader);
	return count;
}

/* After a power cut `committed` may be older than the frames, whose commits were acknowledged. */
static void test_committed_is_behind(void **state)
{
	static const char garbage[300] = "no frame";
	_cleanup_buffer_ struct buffer old = {}, newest = {}, log = {};
	struct trail_options options = { .segment_bytes = 4096 };
	uint64_t torn;
	struct bed bed;

	bed_make(&bed);
	assert_int_equal(bed_try_open(&bed, &options), 0);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(bed_append_long(&bed, TRAIL_EVIDENCE, "c", 1000), 0);
		assert_int_equal(trail_writer_sync(bed.writer), 0);
		if (i == 1)
			bed_load(&bed, "committed", &old);
	}
	/* While it is written to, nothing behind it is read. */
	bed_load(&bed, "committed", &newest);
	bed_store(&bed, "committed", old.data, old.length);
	assert_int_equal(count_frames(&bed, &torn), 2);
	bed_store(&bed, "committed", newest.data, newest.length);
	bed_close(&bed);
	bed_store(&bed, "committed", old.data, old.length);
	assert_int_equal(count_frames(&bed, &torn), 12);
	assert_int_equal(torn, 0);
	/* Of a commit in flight the disk may have anything. */
	{
		char last[TRAIL_SEGMENT_NAME_BYTES];
		uint64_t *segments;
		size_t count;
		int folder = open(bed.folder, O_RDONLY | O_DIRECTORY);

		assert_int_equal(trail_segment_list(folder, &segments, &count, NULL), 0);
		assert_true(count > 1);
		trail_segment_name(segments[count - 1], last);
		free(segments);
		close(folder);
		bed_load(&bed, last, &log);
		buffer_append(&log, garbage, sizeof(garbage));
		bed_store(&bed, last, log.data, log.length);
	}
	assert_int_equal(count_frames(&bed, &torn), 12);
	assert_int_equal(torn, sizeof(garbage));
	bed_remove(&bed);
}

struct shared {
	_Atomic uint64_t committed; /* of the appended events, what the child knows of */
	_Atomic uint64_t most;      /* it waits when so many are; 0: no bound */
};

/* Slow enough that the trail stays small: what matters is how many commits there are. */
static void write_until_killed(struct bed *bed, struct shared *shared, unsigned int seed)
{
	/* As many commits as there can be. */
	struct trail_options options = { .commit_interval_ns = 1 };
	struct trail_writer_stats stats;

	srand(seed);
	if (bed_try_open(bed, &options) < 0)
		_exit(1);
	for (;;) {
		enum trail_class class = rand() % 5 ? TRAIL_ROUTINE : TRAIL_EVIDENCE;
		struct timespec pause = { .tv_nsec = 500000 };

		bed_append_long(bed, class, "c", (size_t)(rand() % 300));
		nanosleep(&pause, NULL);
		trail_writer_get_stats(bed->writer, &stats);
		shared->committed = stats.committed_event;
		if (stats.error)
			_exit(2);
		while (shared->most && shared->committed >= shared->most)
			nanosleep(&pause, NULL);
	}
}

static pid_t start_child(struct bed *bed, struct shared *shared, unsigned int seed)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		/* Also when a failed check ends the test before it can kill. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_until_killed(bed, shared, seed);
	}
	return child;
}

static struct shared *share(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(shared, MAP_FAILED);
	return shared;
}

static void wait_for(struct shared *shared, uint64_t committed)
{
	struct timespec pause = { .tv_nsec = 500000 };

	for (int i = 0; i < 60000 && shared->committed < committed; i++)
		nanosleep(&pause, NULL);
	assert_true(shared->committed >= committed);
}

static void test_killed_thirty_times(void **state)
{
	struct shared *shared = share();
	uint64_t torn = 0, kept = 0, last = 0;
	struct bed bed;

	/* On a disk, where a commit spends its time between its steps. */
	bed_make_in(&bed, "/tmp");
	for (unsigned int run = 0; run < 30; run++) {
		struct timespec while_it_works = { .tv_nsec = rand() % 8000000 };
		pid_t child = start_child(&bed, shared, run);
		int status;

		/* Until it has gone on from where the last one ended, then at any moment. */
		wait_for(shared, last + 1);
		nanosleep(&while_it_works, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		bed_expect(&bed, TRAIL_VALID_WITH_GAPS);

		bed_open(&bed);
		torn += bed.recovery.found == TRAIL_FOUND_TORN;
		kept += bed.recovery.found == TRAIL_FOUND_KEPT;
		assert_true(bed.recovery.ended_without_stop);
		/* Not one event is lost that the recorder knew to be committed. */
		assert_true(bed.recovery.last_event >= shared->committed);
		last = bed.recovery.last_event + 1;
		assert_int_equal(
			bed_append(&bed, TRAIL_RECOVERY, TRAIL_EVIDENCE, "recorder-recovery"), 0);
		bed_close(&bed);
		bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
		assert_int_equal(bed_verify(&bed).good_event, last);
	}
	print_message("killed 30 times: %lu events, %lu commits torn, %lu kept\n", last, torn,
		      kept);
	munmap(shared, sizeof(*shared));
	bed_remove(&bed);
}

/* Whatever the recorder is at, a verifier beside it sees a whole trail with a proven end. */
static void test_verified_while_it_is_written(void **state)
{
	struct shared *shared = share();
	struct bed bed;
	uint64_t last = 0;
	pid_t child;

	bed_make_in(&bed, "/tmp");
	shared->most = 1;
	child = start_child(&bed, shared, 1);
	wait_for(shared, 1);
	for (int i = 0; i < 30; i++) {
		struct trail_verdict verdict;

		/* No more than that: who verifies slower than it is written would never come to the
		 * end. */
		shared->most = shared->committed + 50;
		verdict = bed_verify(&bed);
		if (verdict.code != TRAIL_VALID)
			fail_msg("%s: %s", trail_verdict_name(verdict.code), verdict.reason);
		assert_true(verdict.live);
		assert_true(verdict.end_proven);
		assert_true(verdict.good_event >= last);
		last = verdict.good_event;
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	munmap(shared, sizeof(*shared));
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_recorder_at_a_time),
		cmocka_unit_test(test_folders_that_cannot_be_written),
		cmocka_unit_test(test_a_failing_disk),
		cmocka_unit_test(test_following),
		cmocka_unit_test(test_committed_is_behind),
		cmocka_unit_test(test_killed_thirty_times),
		cmocka_unit_test(test_verified_while_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
