// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"

struct folder {
	char path[64];
	int fd;
	struct buffer contents;
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/docktrail-file-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = folder;
	return folder->fd < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	return remove(path);
}

static int drop_folder(void **state)
{
	struct folder *folder = *state;

	nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	close(folder->fd);
	buffer_free(&folder->contents);
	free(folder);
	return 0;
}

static void assert_contents(struct folder *folder, const char *name, const char *expected)
{
	buffer_clear(&folder->contents);
	assert_int_equal(file_read(folder->fd, name, 1000, &folder->contents), 0);
	assert_string_equal(buffer_string(&folder->contents), expected);
}

static void a_file_is_read_whole(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(file_replace(folder->fd, "a", "text", 4, 0600), 0);
	assert_contents(folder, "a", "text");
	assert_int_equal(file_read(folder->fd, "a", 1000, &folder->contents), 0);
	assert_string_equal(buffer_string(&folder->contents), "texttext");
	assert_int_equal(file_replace(folder->fd, "empty", NULL, 0, 0600), 0);
	assert_contents(folder, "empty", "");
	assert_int_equal(file_read(folder->fd, "none", 1000, &folder->contents), -ENOENT);
}

static void no_more_is_read_than_allowed(void **state)
{
	struct folder *folder = *state;
	size_t large = 300000;
	char *bytes = malloc(large);

	memset(bytes, 'x', large);
	assert_int_equal(file_replace(folder->fd, "a", bytes, large, 0600), 0);
	free(bytes);
	assert_int_equal(file_read(folder->fd, "a", large, &folder->contents), 0);
	assert_int_equal(folder->contents.length, large);
	buffer_clear(&folder->contents);
	assert_int_equal(file_read(folder->fd, "a", large - 1, &folder->contents), -EFBIG);
	assert_int_equal(folder->contents.length, large - 1);
	buffer_clear(&folder->contents);
	assert_int_equal(file_read(folder->fd, "a", 0, &folder->contents), -EFBIG);
	assert_int_equal(folder->contents.length, 0);
}

static void procfs_is_read(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", 65536, &folder->contents), 0);
	assert_non_null(strstr(buffer_string(&folder->contents), "VmRSS:"));
}

/* A blocked open would hang here for ever. */
static void what_is_no_file_is_refused_at_once(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(mkfifoat(folder->fd, "fifo", 0600), 0);
	assert_int_equal(file_read(folder->fd, "fifo", 10, &folder->contents), -EINVAL);
	assert_int_equal(file_read(AT_FDCWD, "/dev/zero", 10, &folder->contents), -EINVAL);
	assert_int_equal(file_read(folder->fd, ".", 10, &folder->contents), -EISDIR);
	assert_int_equal(folder->contents.length, 0);
}

static void a_replaced_file_is_old_or_new(void **state)
{
	struct folder *folder = *state;
	_cleanup_close_ int old = -1;
	struct stat status;
	char bytes[4];

	assert_int_equal(file_replace(folder->fd, "a", "old", 3, 0600), 0);
	old = openat(folder->fd, "a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_replace(folder->fd, "a", "newer", 5, 0640), 0);
	assert_contents(folder, "a", "newer");
	assert_int_equal(read(old, bytes, sizeof(bytes)), 3);
	assert_memory_equal(bytes, "old", 3);
	assert_int_equal(fstatat(folder->fd, "a", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(fstatat(folder->fd, "a.new", &status, 0), -1);
}

static void a_left_over_beside_it_is_overwritten(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(file_replace(folder->fd, "a.new", "a long left-over", 16, 0600), 0);
	assert_int_equal(file_replace(folder->fd, "a", "x", 1, 0600), 0);
	assert_contents(folder, "a", "x");
}

static void no_link_is_followed_when_replacing(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(file_replace(folder->fd, "victim", "safe", 4, 0600), 0);
	assert_int_equal(symlinkat("victim", folder->fd, "a.new"), 0);
	assert_int_equal(file_replace(folder->fd, "a", "x", 1, 0600), -ELOOP);
	assert_contents(folder, "victim", "safe");
}

static void long_names_are_refused(void **state)
{
	struct folder *folder = *state;
	char name[300];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(file_replace(folder->fd, name, "x", 1, 0600), -ENAMETOOLONG);
}

static void all_is_written(void **state)
{
	struct folder *folder = *state;
	_cleanup_close_ int fd = openat(folder->fd, "a", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, "abcdef", 6), 0);
	assert_int_equal(file_write_all(fd, NULL, 0), 0);
	assert_int_equal(file_write_all(fd, "g", 1), 0);
	buffer_clear(&folder->contents);
	assert_int_equal(file_read(folder->fd, "a", 100, &folder->contents), 0);
	assert_int_equal(folder->contents.length, 7);
	assert_memory_equal(folder->contents.data, "abcdefg", 7);
}

static void errors_are_returned(void **state)
{
	_cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full >= 0);
	assert_int_equal(file_write_all(full, "x", 1), -ENOSPC);
	assert_int_equal(file_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(file_replace(-1, "a", "x", 1, 0600), -EBADF);
}

/* Of links that nobody followed for long, each behind another. */
static void links_are_followed(void **state)
{
	static const struct timespec long_ago[2] = { { .tv_sec = 1000000000 },
						     { .tv_sec = 1000000000 } };
	static const char *const links[][2] = { { "target", "first" },
						{ "first/../target", "second" },
						{ "sub/third", "fourth" } };
	struct folder *folder = *state;
	struct file_identity target = {}, found = {};
	char path[200], absolute[100];

	assert_int_equal(mkdirat(folder->fd, "target", 0700), 0);
	assert_int_equal(mkdirat(folder->fd, "sub", 0700), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(symlinkat(links[i][0], folder->fd, links[i][1]), 0);
	snprintf(absolute, sizeof(absolute), "%s/second", folder->path);
	assert_int_equal(symlinkat(absolute, folder->fd, "sub/third"), 0);
	for (size_t i = 0; i < 3; i++)
		utimensat(folder->fd, links[i][1], long_ago, AT_SYMLINK_NOFOLLOW);
	utimensat(folder->fd, "sub/third", long_ago, AT_SYMLINK_NOFOLLOW);
	snprintf(path, sizeof(path), "%s/target", folder->path);
	if (file_identify(path, &target) == -EAGAIN || major(target.device) == 0) {
		puts("# skip: this file system has no disk: its links are not read (9p, NFS, overlay)");
		skip();
	}
	snprintf(path, sizeof(path), "%s//fourth", folder->path);
	assert_int_equal(file_identify(path, &found), 0);
	assert_int_equal(found.inode, target.inode);
	assert_int_equal(found.device, target.device);
	/* The same by a thread that may be left waiting; from here on. */
	file_identify_audited();
	found = (struct file_identity){};
	assert_int_equal(file_identify(path, &found), 0);
	assert_int_equal(found.inode, target.inode);
	assert_int_equal(symlinkat("around", folder->fd, "around"), 0);
	snprintf(path, sizeof(path), "%s/around/x", folder->path);
	assert_true(file_identify(path, &found) < 0);
}

int main(void)
{
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(a_file_is_read_whole),
		FOLDER_TEST(no_more_is_read_than_allowed),
		FOLDER_TEST(procfs_is_read),
		FOLDER_TEST(what_is_no_file_is_refused_at_once),
		FOLDER_TEST(a_replaced_file_is_old_or_new),
		FOLDER_TEST(a_left_over_beside_it_is_overwritten),
		FOLDER_TEST(no_link_is_followed_when_replacing),
		FOLDER_TEST(long_names_are_refused),
		FOLDER_TEST(all_is_written),
		FOLDER_TEST(links_are_followed),
		cmocka_unit_test(errors_are_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
