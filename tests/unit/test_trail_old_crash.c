// SPDX-License-Identifier: Apache-2.0
/* A crash at each call of the way on which a trail is set aside, and another one at the start after
 * it. */
#include "old_bed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "trail/io.h"

static unsigned int calls, crash_at; /* nothing reaches the disk from that call on */

static bool crashed(void)
{
	errno = EIO;
	return __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) >= crash_at;
}

static int try_openat(int folder, const char *name, int flags, mode_t mode)
{
	return crashed() ? -1 : trail_io_kernel.openat(folder, name, flags, mode);
}

static int try_mkdirat(int folder, const char *name, mode_t mode)
{
	return crashed() ? -1 : trail_io_kernel.mkdirat(folder, name, mode);
}

static ssize_t try_pread(int fd, void *data, size_t length, off_t offset)
{
	return crashed() ? -1 : trail_io_kernel.pread(fd, data, length, offset);
}

static ssize_t try_pwrite(int fd, const void *data, size_t length, off_t offset)
{
	return crashed() ? -1 : trail_io_kernel.pwrite(fd, data, length, offset);
}

static int try_fdatasync(int fd)
{
	return crashed() ? -1 : trail_io_kernel.fdatasync(fd);
}

static int try_fsync(int fd)
{
	return crashed() ? -1 : trail_io_kernel.fsync(fd);
}

static int try_renameat(int from, const char *old_name, int to, const char *new_name)
{
	return crashed() ? -1 : trail_io_kernel.renameat(from, old_name, to, new_name);
}

static int try_unlinkat(int folder, const char *name, int flags)
{
	return crashed() ? -1 : trail_io_kernel.unlinkat(folder, name, flags);
}

static const struct trail_io_calls crashing = {
	.openat = try_openat,
	.mkdirat = try_mkdirat,
	.pread = try_pread,
	.pwrite = try_pwrite,
	.fdatasync = try_fdatasync,
	.fsync = try_fsync,
	.renameat = try_renameat,
	.unlinkat = try_unlinkat,
};

/* Whatever was done by then, the next start has the old trail whole, once, and quotes it. */
static bool crash(unsigned int at)
{
	_cleanup_buffer_ struct buffer segment = {}, moved = {}, key = {};
	struct trail_key old_key;
	unsigned int slot;
	char name[128];
	struct bed bed;
	int r;

	old_make_trail(&bed);
	old_load_key(&bed, &old_key, &slot);
	bed_load(&bed, BED_SEGMENT, &segment);
	bed_store(&bed, BED_SEGMENT, segment.data, segment.length - 1);
	calls = 0;
	crash_at = at;
	trail_io_use(&crashing);
	r = bed_try_open(&bed, &old_anew);
	trail_io_use(NULL);
	if (r == 0)
		bed_close(&bed);
	/* And the start after it, somewhere else. */
	calls = 0;
	crash_at = at * 7 % 50 + 1;
	trail_io_use(&crashing);
	if (bed_try_open(&bed, &old_anew) == 0)
		bed_close(&bed);
	trail_io_use(NULL);
	assert_int_equal(bed_try_open(&bed, &old_anew), 0);
	assert_int_equal(bed.recovery.old.reason, TRAIL_DAMAGE_CUT);
	assert_int_equal(bed.recovery.old.key_frame, OLD_FRAMES);
	assert_int_equal(bed.recovery.old.frame, OLD_FRAMES - 1);
	assert_memory_equal(bed.recovery.old.folder, "0001", 4);
	snprintf(name, sizeof(name), "%s/%s/" BED_SEGMENT, TRAIL_OLD_FOLDER,
		 bed.recovery.old.folder);
	bed_load(&bed, name, &moved);
	assert_int_equal(moved.length, segment.length - 1);
	assert_memory_equal(moved.data, segment.data, moved.length);
	old_record_anew(&bed);
	bed_expect(&bed, TRAIL_VALID_WITH_GAPS);
	assert_int_equal(bed_verify(&bed).old.reason, TRAIL_DAMAGE_CUT);
	assert_int_equal(old_verify(&bed, bed.recovery.old.folder, &bed.recovery.old).code,
			 TRAIL_TAMPERED);
	/* The old key signs nothing any more. */
	bed_load(&bed, "state/key", &key);
	assert_null(memmem(key.data, key.length, old_key.public_key, TRAIL_KEY_BYTES));
	bed_remove(&bed);
	return r < 0;
}

static void test_a_crash_at_every_call(void **state)
{
	unsigned int at = 1;

	while (crash(at))
		at++;
	print_message("crashed at each of %u calls\n", at - 1);
	assert_true(at > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_crash_at_every_call) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
