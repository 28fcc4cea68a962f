// SPDX-License-Identifier: Apache-2.0
/* What a container has of the host. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/container_start.h"
#include "correlate/declare.h"
#include "event/json.h"
#include "event/record.h"

static uint16_t row_of(const char *path)
{
	const char *at;
	uint16_t kind;

	for (size_t row = 0; declare_sensitive_row(row, &at, &kind); row++)
		if (strcmp(at, path) == 0)
			return (uint16_t)row;
	fail_msg("%s is no row", path);
	return 0;
}

static void expect(const struct wire_mount *mounts, size_t count, struct text names,
		   const char *expected)
{
	struct record *record;
	struct buffer line = {};

	assert_int_equal(record_new(&record), 0);
	record_begin(record, EVENT_container_start);
	assert_int_equal(container_start_mounts(mounts, count, names, record), 0);
	assert_int_equal(record_number(record, FIELD_event_severity), count ? 75 : 0);
	record_append_json(record, &line);
	assert_int_equal(record->error, 0);
	if (!strstr(buffer_string(&line), expected))
		fail_msg("%s is not in %s", expected, buffer_string(&line));
	buffer_free(&line);
	record_free(record);
}

static void test_where_they_are(void **state)
{
	struct wire_mount mounts[] = {
		{ .row = row_of("/"), .target_names = 1 },
		{ .row = row_of("/etc"), .source_names = 2, .target_names = 1, .read_only = 1 },
		{ .row = WIRE_ROW_SOCKET, .source_names = 1, .target_names = 3 },
		{ .row = row_of("/") },
		{ .row = row_of("/etc"), .target_names = 1, .target_cut = 1 },
	};

	expect(mounts, ARRAY_SIZE(mounts),
	       TEXT("host\0"
		    "sshd config\0ssh\0two\\ words\0"
		    "docker.sock\0docker.sock\0run\0var\0"
		    "deep\0"),
	       "\"mounts\":[{\"source\":\"/\",\"target\":\"/host\",\"mode\":\"rw\"},"
	       "{\"source\":\"/etc/ssh/sshd config\",\"target\":\"/two\\\\ words\",\"mode\":\"ro\"},"
	       "{\"source\":\"/docker.sock\",\"target\":\"/var/run/docker.sock\",\"mode\":\"rw\"},"
	       "{\"source\":\"/\",\"target\":\"/\",\"mode\":\"rw\"},"
	       "{\"source\":\"/etc\",\"target\":\".../deep\",\"mode\":\"rw\"}]");
	expect(mounts, 0, (struct text){}, "{");
}

/* Nothing is read behind the names that there are. */
static void test_names_are_missing(void **state)
{
	struct wire_mount mount = { .row = row_of("/etc"), .target_names = 2 };
	struct record *record;

	assert_int_equal(record_new(&record), 0);
	record_begin(record, EVENT_container_start);
	assert_int_equal(container_start_mounts(&mount, 1, TEXT("one\0two"), record), -EBADMSG);
	assert_int_equal(container_start_mounts(&mount, 1, (struct text){}, record), -EBADMSG);
	record_free(record);
}

/* What engines mount into each of their containers lies below their own folders. */
static void test_what_is_sensitive(void **state)
{
	const char *path;
	uint16_t kind, last = 0;

	for (size_t row = 0; declare_sensitive_row(row, &path, &kind); row++)
		if (strcmp(path, "/var/lib/docker") == 0)
			last = kind;
		else if (strcmp(path, "/proc") == 0)
			assert_int_equal(kind, WIRE_FILE_TREE | WIRE_FILE_KERNELS);
	assert_int_equal(last, WIRE_FILE_WHOLE);
	assert_false(declare_sensitive_row(1000, &path, &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_they_are),
		cmocka_unit_test(test_names_are_missing),
		cmocka_unit_test(test_what_is_sensitive),
	};

	return cmocka_run_group_tests_name("container_start", tests, NULL, NULL);
}
