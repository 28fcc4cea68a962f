// SPDX-License-Identifier: Apache-2.0
/* Looking at files, whatever they are: nothing is waited for, nothing is changed. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file_look.h"

static char folder[64];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/docktrail-look-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	return remove(path);
}

static int drop_folder(void **state)
{
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *at(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, size_t length)
{
	_cleanup_fclose_ FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	for (size_t i = 0; i < length; i++)
		fputc("abc\n"[i % 4], file);
}

#define BOTH (FILE_LOOK_DIGEST | FILE_LOOK_CONTENTS)

static void test_types(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct file_look look = {};

	write_file("file", 4);
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	assert_int_equal(symlink("file", at("link")), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at("socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(file_look(at("file"), BOTH, NULL, &look), 0);
	assert_int_equal(look.type, FILE_FILE);
	assert_string_equal(look.sha256,
			    "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb");
	assert_string_equal(buffer_string(&look.contents), "abc\n");
	assert_int_equal(file_look(at("fifo"), BOTH, NULL, &look), 0);
	assert_int_equal(look.type, FILE_OTHER);
	assert_string_equal(look.sha256, "");
	assert_int_equal(look.contents.length, 0);
	assert_int_equal(file_look(at("link"), BOTH, NULL, &look), 0);
	assert_int_equal(look.type, FILE_LINK);
	assert_int_equal(file_look(at("socket"), BOTH, NULL, &look), 0);
	assert_int_equal(look.type, FILE_SOCKET);
	assert_int_equal(file_look(folder, BOTH, NULL, &look), 0);
	assert_int_equal(look.type, FILE_FOLDER);
	assert_int_equal(file_look("/proc", 0, NULL, &look), 0);
	assert_true(look.mounted);
	assert_int_equal(file_look(at("nothing"), BOTH, NULL, &look), 0);
	assert_int_equal(look.type, FILE_ABSENT);
	assert_int_equal(file_look(at("file/below"), BOTH, NULL, &look), 0);
	assert_int_equal(look.type, FILE_ABSENT);
	file_look_clear(&look);
}

static void test_large(void **state)
{
	struct file_look first = {}, look = {};

	write_file("large", FILE_LOOK_SMALL + 4);
	assert_int_equal(file_look(at("large"), BOTH | FILE_LOOK_QUICK, NULL, &look), 0);
	assert_string_equal(look.sha256, "");
	assert_int_equal(file_look(at("large"), BOTH, NULL, &first), 0);
	assert_int_equal(strlen(first.sha256), 64);
	/* More than is kept. */
	assert_int_equal(first.contents.length, 0);
	/* As it is: what was known of it, and not read again. */
	strcpy(first.sha256, "known");
	assert_int_equal(file_look(at("large"), BOTH, &first, &look), 0);
	assert_string_equal(look.sha256, "known");
	assert_int_equal(truncate(at("large"), FILE_LOOK_SMALL + 5), 0);
	assert_int_equal(file_look(at("large"), BOTH, &first, &look), 0);
	assert_int_equal(strlen(look.sha256), 64);
	assert_int_equal(truncate(at("large"), FILE_LOOK_DIGEST_MOST + 1), 0);
	assert_int_equal(file_look(at("large"), BOTH, NULL, &look), 0);
	assert_string_equal(look.sha256, "");
	file_look_clear(&first);
	file_look_clear(&look);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = { TEST(test_types), TEST(test_large) };

	return cmocka_run_group_tests_name("looking at files", tests, NULL, NULL);
}
