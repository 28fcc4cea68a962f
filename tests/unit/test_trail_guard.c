// SPDX-License-Identifier: Apache-2.0
/* Whose a folder is, and who can write above it. */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/guard.h"

#define SOMEBODY 1001

/* outer/inner in a folder of the test's own, which is below a sticky one. */
struct folders {
	struct bed bed;
	char outer[96], inner[128];
	struct trail_exposure exposure;
};

static void make(struct folders *folders)
{
	bed_make(&folders->bed);
	snprintf(folders->outer, sizeof(folders->outer), "%s/outer", folders->bed.folder);
	snprintf(folders->inner, sizeof(folders->inner), "%s/inner", folders->outer);
	assert_int_equal(mkdir(folders->outer, 0755), 0);
	assert_int_equal(mkdir(folders->inner, 0750), 0);
}

static int look(struct folders *folders)
{
	_cleanup_close_ int fd = open(folders->inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	folders->exposure = (struct trail_exposure){};
	return trail_guard(fd, &folders->exposure);
}

static void test_permissions(void **state)
{
	static const struct {
		mode_t outer, inner;
		int expected;
		bool at_outer;
	} rows[] = {
		{ 0755, 0750, 0, false },       { 0755, 0755, 0, false },
		{ 0755, 0770, -EPERM, false },  { 0755, 0752, -EPERM, false },
		{ 0755, 01777, -EPERM, false }, { 01777, 0750, 0, false },
		{ 0777, 0750, -EPERM, true },   { 0775, 0750, -EPERM, true },
		{ 03775, 0700, 0, false },
	};
	struct folders folders;

	make(&folders);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct trail_exposure *exposure = &folders.exposure;

		assert_int_equal(chmod(folders.outer, rows[i].outer), 0);
		assert_int_equal(chmod(folders.inner, rows[i].inner), 0);
		assert_int_equal(look(&folders), rows[i].expected);
		if (rows[i].expected == 0) {
			assert_string_equal(exposure->path, "");
			continue;
		}
		assert_string_equal(exposure->path,
				    rows[i].at_outer ? folders.outer : folders.inner);
		assert_int_equal(exposure->mode, rows[i].at_outer ? rows[i].outer : rows[i].inner);
		assert_int_equal(exposure->owner, geteuid());
		assert_false(exposure->by_owner_above);
	}
	bed_remove(&folders.bed);
}

static void test_owners(void **state)
{
	struct folders folders;

	if (geteuid() != 0)
		skip();
	make(&folders);
	assert_int_equal(chown(folders.outer, SOMEBODY, 0), 0);
	assert_int_equal(look(&folders), 0);
	assert_true(folders.exposure.by_owner_above);
	assert_string_equal(folders.exposure.path, folders.outer);
	assert_int_equal(folders.exposure.owner, SOMEBODY);
	assert_int_equal(chown(folders.inner, SOMEBODY, 0), 0);
	assert_int_equal(look(&folders), -EPERM);
	assert_false(folders.exposure.by_owner_above);
	assert_string_equal(folders.exposure.path, folders.inner);
	/* Who records may be that user. */
	assert_int_equal(chown(folders.outer, 0, 0), 0);
	assert_int_equal(chmod(folders.bed.folder, 0755), 0);
	assert_int_equal(seteuid(SOMEBODY), 0);
	assert_int_equal(look(&folders), 0);
	assert_int_equal(seteuid(0), 0);
	assert_string_equal(folders.exposure.path, "");
	bed_remove(&folders.bed);
}

/* Nothing is made where a trail is refused. */
static void test_refused(void **state)
{
	struct trail_options options = {};
	char name[160];
	struct bed bed;

	bed_make(&bed);
	assert_int_equal(chmod(bed.folder, 0770), 0);
	assert_int_equal(bed_try_open(&bed, &options), -EPERM);
	assert_string_equal(bed.recovery.exposure.path, bed.folder);
	snprintf(name, sizeof(name), "%s/lock", bed.folder);
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(chmod(bed.folder, 0750), 0);
	snprintf(name, sizeof(name), "%s/state", bed.folder);
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(chmod(name, 0777), 0);
	assert_int_equal(bed_try_open(&bed, &options), -EPERM);
	assert_string_equal(bed.recovery.exposure.path, name);
	assert_int_equal(chmod(name, 0700), 0);
	bed_start(&bed);
	bed_stop(&bed);
	bed_expect(&bed, TRAIL_VALID);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
