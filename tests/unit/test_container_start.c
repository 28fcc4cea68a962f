// SPDX-License-Identifier: Apache-2.0
/* What a container has of the host, out of its mount table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
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

static void expect(const struct wire_mount *mounts, size_t count, const char *table,
		   const char *expected)
{
	struct record *record;
	struct buffer line = {};

	assert_int_equal(record_new(&record), 0);
	record_begin(record, EVENT_container_start);
	assert_int_equal(container_start_mounts(mounts, count, text_of(table), record), 0);
	assert_int_equal(record_number(record, FIELD_event_severity), count ? 75 : 0);
	record_append_json(record, &line);
	assert_int_equal(record->error, 0);
	if (!strstr(buffer_string(&line), expected))
		fail_msg("%s is not in %s", expected, buffer_string(&line));
	buffer_free(&line);
	record_free(record);
}

static const char table[] =
	"500 499 0:44 / / rw,relatime master:1 - overlay overlay rw\n"
	"501 500 0:45 / /proc rw - proc proc rw\n"
	"50 500 254:1 / /host rw - ext4 /dev/sda1 rw\n"
	"502 500 254:1 /etc/ssh/sshd\\040config /two\\134\\040words ro - ext4 /dev/sda1 rw\n"
	"503 500 0:22 /docker.sock /var/run/docker.sock rw - tmpfs tmpfs rw\n";

static void test_where_they_are(void **state)
{
	struct wire_mount mounts[] = {
		{ .id = 50, .row = row_of("/") },
		{ .id = 502, .row = row_of("/etc"), .depth = 2, .read_only = 1 },
		{ .id = 503, .row = WIRE_ROW_SOCKET },
	};

	expect(mounts, 3, table,
	       "\"mounts\":[{\"source\":\"/\",\"target\":\"/host\",\"mode\":\"rw\"},"
	       "{\"source\":\"/etc/ssh/sshd config\",\"target\":\"/two\\\\ words\",\"mode\":\"ro\"},"
	       "{\"source\":\"/docker.sock\",\"target\":\"/var/run/docker.sock\",\"mode\":\"rw\"}]");
	expect(mounts, 0, table, "{");
}

/* What the kernel has found is told, whether anybody is there to be asked or not. */
static void test_the_process_is_gone(void **state)
{
	struct wire_mount mounts[] = {
		{ .id = 50, .row = row_of("/etc") },
		{ .id = 502, .row = row_of("/etc"), .depth = 2 },
		{ .id = 503, .row = WIRE_ROW_SOCKET },
	};

	expect(mounts, 3, "",
	       "\"mounts\":[{\"source\":\"/etc\",\"target\":\"\",\"mode\":\"rw\"},"
	       "{\"source\":\"/etc/...\",\"target\":\"\",\"mode\":\"rw\"},"
	       "{\"source\":\"an engine's socket\",\"target\":\"\",\"mode\":\"rw\"}]");
	/* A table that is cut in the middle of a line, or is none. */
	expect(mounts, 1, "50 500 254:1", "\"mounts\":[{\"source\":\"/etc\",\"target\":\"\"");
	expect(mounts, 1, "\n\n50\n", "\"mounts\":[{\"source\":\"/etc\",\"target\":\"\"");
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
		cmocka_unit_test(test_the_process_is_gone),
		cmocka_unit_test(test_what_is_sensitive),
	};

	return cmocka_run_group_tests_name("container_start", tests, NULL, NULL);
}
