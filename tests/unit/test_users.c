// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "correlate/users.h"
#include "fake_proc.h"

struct fixture {
	char *folder;
	char path[512];
	struct users *users;
	uint64_t now;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->folder = fake_folder();
	snprintf(fixture->path, sizeof(fixture->path), "%s/passwd", fixture->folder);
	assert_int_equal(users_new(fixture->path, &fixture->users), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	users_free(fixture->users);
	fake_remove(fixture->folder);
	free(fixture);
	return 0;
}

/* As passwd and usermod do it: a new file over the old one. */
static void replace(struct fixture *fixture, const void *text, size_t length)
{
	char beside[600];

	fake_file(fixture->folder, "passwd.new", text, length);
	snprintf(beside, sizeof(beside), "%s.new", fixture->path);
	assert_int_equal(rename(beside, fixture->path), 0);
}

static int refresh(struct fixture *fixture)
{
	fixture->now += NS_PER_SECOND;
	return users_refresh(fixture->users, fixture->now);
}

static void assert_name(struct fixture *fixture, uint32_t uid, const char *name)
{
	const char *found = users_name(fixture->users, uid);

	if (!name)
		assert_null(found);
	else
		assert_string_equal(found ?: "(none)", name);
}

static void test_names(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n"
				   "toor:x:0:0::/root:/bin/sh\n"
				   "alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash\n"
				   "nobody:x:65534:65534::/:/usr/sbin/nologin\n"
				   "alice:x:7777:1000::/:\n"
				   "last:x:4294967294:1:";
	struct fixture *fixture = *state;
	uint32_t uid;

	assert_name(fixture, 0, NULL);
	assert_int_equal(users_uid(fixture->users, "root", &uid), -ENOENT);
	replace(fixture, text, sizeof(text) - 1);
	assert_int_equal(refresh(fixture), 0);
	assert_name(fixture, 0, "root");
	assert_name(fixture, 1000, "alice");
	assert_name(fixture, 65534, "nobody");
	assert_name(fixture, 4294967294u, "last");
	assert_name(fixture, 1, NULL);
	assert_name(fixture, UINT32_MAX, NULL);
	assert_int_equal(users_uid(fixture->users, "toor", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(users_uid(fixture->users, "alice", &uid), 0);
	assert_int_equal(uid, 1000);
	assert_int_equal(users_uid(fixture->users, "alic", &uid), -ENOENT);
	assert_int_equal(users_uid(fixture->users, "", &uid), -ENOENT);
}

static void test_hostile_lines(void **state)
{
	static const char text[] =
		"\n:::\n:x:1:1\n#c:x:2:2:\n+nis:x:3:3:\n-nis:x:4:4:\nno colon\n"
		"a:x:-5:5:\nb:x:+6:6:\nc:x: 7:7:\nd:x:0x8:8:\ne:x:4294967295:9:\n"
		"f:x:4294967296:9:\ng:x:99999999999999999999:9:\nh:x::9:\ni:x:10\n"
		"with space:x:11:1:\nesc\033[31m:x:12:1:\nnul\0l:x:13:1:\ndel\177:x:14:1:\n"
		"ok:x:15:1:\n\xc3\xa9t\xc3\xa9:x:16:1:\n";
	struct fixture *fixture = *state;
	char *long_line = malloc(400);

	replace(fixture, text, sizeof(text) - 1);
	assert_int_equal(refresh(fixture), 0);
	for (uint32_t uid = 0; uid < 15; uid++)
		assert_name(fixture, uid, NULL);
	assert_name(fixture, 15, "ok");
	assert_name(fixture, 16, "\xc3\xa9t\xc3\xa9");
	memset(long_line, 'x', 400);
	memcpy(long_line + 300, ":x:17:1:\n", 9);
	replace(fixture, long_line, 309);
	assert_int_equal(refresh(fixture), 0);
	assert_name(fixture, 17, NULL);
	free(long_line);
}

static void test_changes(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(refresh(fixture), -ENOENT);
	replace(fixture, "a:x:1:1:\n", 9);
	assert_int_equal(refresh(fixture), 0);
	assert_name(fixture, 1, "a");
	/* The same length, and looked at once a second only. */
	replace(fixture, "b:x:1:1:\n", 9);
	assert_int_equal(users_refresh(fixture->users, fixture->now + NS_PER_SECOND - 1), 0);
	assert_name(fixture, 1, "a");
	assert_int_equal(refresh(fixture), 0);
	assert_name(fixture, 1, "b");
	/* Written over in place. */
	fake_file(fixture->folder, "passwd", "cc:x:1:1:\n", 10);
	assert_int_equal(refresh(fixture), 0);
	assert_name(fixture, 1, "cc");
	/* Gone or unreadable: the names stay. */
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(refresh(fixture), -ENOENT);
	assert_name(fixture, 1, "cc");
	assert_int_equal(mkfifo(fixture->path, 0600), 0);
	assert_int_equal(refresh(fixture), -EINVAL);
	assert_name(fixture, 1, "cc");
}

static void test_unchanged_is_not_read(void **state)
{
	struct fixture *fixture = *state;
	const char *name;

	replace(fixture, "a:x:1:1:\n", 9);
	assert_int_equal(refresh(fixture), 0);
	name = users_name(fixture->users, 1);
	assert_int_equal(refresh(fixture), 0);
	assert_ptr_equal(users_name(fixture->users, 1), name);
}

static void test_huge_file(void **state)
{
	struct fixture *fixture = *state;
	struct buffer text = {};
	uint32_t uid;

	for (unsigned int i = 0; text.length < 3u << 20; i++)
		buffer_printf(&text, "u%u:x:%u:1:\n", i, i);
	replace(fixture, text.data, text.length);
	assert_int_equal(refresh(fixture), 0);
	assert_name(fixture, 0, "u0");
	assert_name(fixture, 50000, "u50000");
	assert_int_equal(users_uid(fixture->users, "u40000", &uid), 0);
	assert_int_equal(uid, 40000);
	/* Beyond 1 MiB; the line that is cut there is not taken for another user. */
	assert_name(fixture, 100000, NULL);
	for (uint32_t i = 50000; i < 100000; i++) {
		const char *name = users_name(fixture->users, i);
		char expected[16];

		snprintf(expected, sizeof(expected), "u%u", i);
		if (name)
			assert_string_equal(name, expected);
	}
	buffer_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names),     TEST(hostile_lines), TEST(changes), TEST(unchanged_is_not_read),
		TEST(huge_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
