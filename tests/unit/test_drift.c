// SPDX-License-Identifier: Apache-2.0
/* A watched file that is not what it was. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <cmocka.h>

#include "base/clock.h"
#include "correlate/drift.h"
#include "correlate/drift_diff.h"
#include "correlate/redact.h"
#include "event/json.h"
#include "event/record.h"

/* ---- lines */

static void assert_diff(const char *before, const char *after, const char *expected)
{
	_cleanup_text_list_ struct text_list lines = {};
	_cleanup_buffer_ struct buffer text = {};

	assert_int_equal(drift_diff(text_of(before), text_of(after), 100, 100, &lines), 0);
	for (size_t i = 0; i < lines.count; i++)
		buffer_printf(&text, "%s%s", i ? "|" : "", text_list_at(&lines, i).data);
	assert_string_equal(buffer_string(&text), expected);
}

static void test_diff(void **state)
{
	assert_diff("", "", "");
	assert_diff("a\nb\n", "a\nb\n", "");
	assert_diff("", "a\nb", "+a|+b");
	assert_diff("a\nb\n", "", "-a|-b");
	assert_diff("a\nb\nc\n", "a\nc\n", "-b");
	assert_diff("a\nb\nc\n", "a\nx\nc\n", "-b|+x");
	assert_diff("a\nb\nc\nd\ne\n", "a\nx\nc\ny\ne\n", "-b|+x|-d|+y");
	assert_diff("b\na\n", "a\nb\n", "-b|+b");
	/* Without its last end of line the line is the same. */
	assert_diff("a", "a\n", "");
	assert_diff("a\n\nb\n", "a\nb\n", "-");
}

static void test_diff_bounds(void **state)
{
	_cleanup_text_list_ struct text_list lines = {}, many = {};
	_cleanup_buffer_ struct buffer before = {}, after = {};

	assert_int_equal(drift_diff(TEXT("12345678\n"), TEXT("x\ny\n"), 2, 4, &lines), 0);
	assert_int_equal(lines.count, 2);
	assert_string_equal(text_list_at(&lines, 0).data, "-1234");
	assert_true(lines.cut);
	/* So much that what is common is not looked for. */
	for (int i = 0; i < 3000; i++) {
		buffer_printf(&before, "a%d\n", i);
		buffer_printf(&after, "b%d\n", i);
	}
	assert_int_equal(drift_diff((struct text){ before.data, before.length },
				    (struct text){ after.data, after.length }, 7000, 100, &many),
			 0);
	assert_true(many.cut); /* a list has room for less */
	assert_string_equal(text_list_at(&many, 0).data, "-a0");
}

/* ---- events */

struct bed {
	struct drifts *drifts;
	struct redact *redact;
	struct record *hit, *told;
	struct file_look before, after;
};

#define NOW (1700000000ull * NS_PER_SECOND)

static void put(struct buffer *contents, const char *text)
{
	buffer_clear(contents);
	buffer_append_string(contents, text);
}

static const struct redact_rules no_rules = {};

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct redact_problem problem;

	assert_int_equal(redact_new(&no_rules, &bed->redact, &problem), 0);
	assert_int_equal(drifts_new(NULL, &bed->drifts), 0);
	assert_int_equal(record_new(&bed->hit), 0);
	assert_int_equal(record_new(&bed->told), 0);
	bed->before = (struct file_look){ .type = FILE_FILE,
					  .device = makedev(8, 1),
					  .inode = 7,
					  .size = 3,
					  .mode = 0644,
					  .sha256 = "00" };
	put(&bed->before.contents, "{\n  \"debug\": false\n}\n");
	bed->after = bed->before;
	bed->after.contents = (struct buffer){};
	put(&bed->after.contents, buffer_string(&bed->before.contents));
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	file_look_clear(&bed->before);
	file_look_clear(&bed->after);
	drifts_free(bed->drifts);
	redact_free(bed->redact);
	record_free(bed->hit);
	record_free(bed->told);
	free(bed);
	return 0;
}

/* The event as a line; NULL: there is none. */
static const char *line(struct bed *bed, bool witnessed)
{
	static struct buffer text;

	buffer_clear(&text);
	record_begin(bed->told, EVENT_watch_drift);
	if (!drifts_fill(bed->drifts, "/etc/docker/daemon.json", &bed->before, &bed->after, NOW,
			 witnessed, bed->redact, bed->told))
		return NULL;
	record_append_json(bed->told, &text);
	return buffer_string(&text);
}

static int hit(struct bed *bed, uint64_t when, const char *path, const char *inode,
	       const char *operation)
{
	record_begin(bed->hit, EVENT_watch_hit);
	record_set_number(bed->hit, FIELD_timestamp, when);
	record_set_number(bed->hit, FIELD_event_sequence, 99);
	record_set_string(bed->hit, FIELD_event_outcome, "success");
	record_set_string(bed->hit, FIELD_audit_operation, operation);
	record_set_string(bed->hit, FIELD_file_path, path);
	record_add_text(bed->hit, FIELD_audit_paths_name, TEXT("/etc/docker"));
	record_add_text(bed->hit, FIELD_audit_paths_inode, TEXT("1"));
	record_add_text(bed->hit, FIELD_audit_paths_device, TEXT("8:1"));
	record_add_text(bed->hit, FIELD_audit_paths_type, TEXT("PARENT"));
	record_add_text(bed->hit, FIELD_audit_paths_name, text_of(path));
	record_add_text(bed->hit, FIELD_audit_paths_inode, text_of(inode));
	record_add_text(bed->hit, FIELD_audit_paths_device, TEXT("8:1"));
	record_add_text(bed->hit, FIELD_audit_paths_type, TEXT("NORMAL"));
	record_set_string(bed->hit, FIELD_user_name, "alice");
	return drifts_hit(bed->drifts, bed->hit);
}

static void change(struct bed *bed)
{
	strcpy(bed->after.sha256, "11");
	put(&bed->after.contents, "{\n  \"debug\": true\n}\n");
}

static void test_same(void **state)
{
	struct bed *bed = *state;

	assert_null(line(bed, true));
	/* Touched, and nothing else. */
	bed->after.modified_ns = bed->after.changed_ns = 5;
	assert_null(line(bed, true));
	/* Of what was not read a new time is all there is. */
	bed->after.sha256[0] = bed->before.sha256[0] = '\0';
	assert_non_null(strstr(line(bed, true), "\"changed\":[\"contents\"]"));
	/* Put back; but not that of the inode. It may have been a backup's link. */
	bed->after.modified_ns = bed->before.modified_ns;
	assert_non_null(strstr(line(bed, true), "\"changed\":[\"inode\"]"));
	assert_non_null(strstr(line(bed, true), "\"severity\":50"));
}

static void test_nobody(void **state)
{
	struct bed *bed = *state;
	const char *text;

	change(bed);
	text = line(bed, true);
	assert_non_null(strstr(text, "\"severity\":100"));
	assert_non_null(
		strstr(text, "\"diff\":[\"-  \\\"debug\\\": false\",\"+  \\\"debug\\\": true\"]"));
	assert_null(strstr(text, "\"hit\""));
	/* Without audit there is nobody who could have seen it. */
	assert_non_null(strstr(line(bed, false), "\"severity\":75"));
}

static void test_who(void **state)
{
	static const struct {
		uint64_t when;
		const char *path, *inode, *operation;
		bool who;
	} rows[] = {
		{ NOW + 1, "/etc/docker/daemon.json", "7", "write", true },
		/* By another name: a hard link, a bind mount. */
		{ NOW + 1, "/mnt/d.json", "7", "write", true },
		/* Another file becomes this one. */
		{ NOW + 1, "/etc/docker/daemon.json", "8", "rename", true },
		/* What is mounted over its folder. */
		{ NOW + 1, "/etc", "9", "mount", true },
		/* Opened before the last look, written to after it. */
		{ NOW - NS_PER_SECOND, "/etc/docker/daemon.json", "7", "write", true },
		{ NOW - 60 * NS_PER_SECOND, "/etc/docker/daemon.json", "7", "write", false },
		{ NOW + 1, "/etc/docker/daemon.json", "7", "read", false },
		/* Its neighbour: of that one only the folder is the same. */
		{ NOW + 1, "/etc/docker/key.json", "9", "write", false },
		{ NOW + 1, "/etc/docker/daemon.json.bak", "9", "write", false },
		/* What changes no contents. */
		{ NOW + 1, "/etc/docker/daemon.json", "7", "mode", false },
		{ NOW + 1, "/mnt/daemon.json", "7", "link", false },
		/* Who wrote to the file put no other in its place. */
		{ NOW + 1, "/etc/docker/daemon.json", "8", "write", false },
		/* Only called so: in a chroot. */
		{ NOW + 1, "/etc/docker/daemon.json", "99", "write", false },
		{ NOW + 1, "/etc", "9", "unmount", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bed *bed;
		bool who;

		set_up(state);
		bed = *state;
		change(bed);
		bed->after.inode += strcmp(rows[i].inode, "8") == 0;
		bed->after.mounted = strcmp(rows[i].operation, "mount") == 0;
		assert_int_equal(
			hit(bed, rows[i].when, rows[i].path, rows[i].inode, rows[i].operation),
			strcmp(rows[i].operation, "read") != 0);
		who = strstr(line(bed, true), "\"hit\":99") &&
		      strstr(line(bed, true), "\"alice\"") &&
		      strstr(line(bed, true), "\"severity\":50");
		if (who != rows[i].who)
			fail_msg("%s %s", rows[i].operation, rows[i].path);
		tear_down(state);
	}
}

/* What users do in their own folders pushes out nobody else, and is no cause to look at once. */
static void test_crowd(void **state)
{
	struct bed *bed = *state;

	change(bed);
	assert_int_equal(hit(bed, NOW + 1, "/etc/docker/daemon.json", "7", "write"), 1);
	record_add_text(bed->hit, FIELD_audit_keys, TEXT("docktrail-client"));
	for (int i = 0; i < 2 * DRIFT_HITS_MOST; i++)
		assert_int_equal(drifts_hit(bed->drifts, bed->hit), 0);
	assert_non_null(strstr(line(bed, true), "\"hit\":99"));
}

/* Who changed it once is not blamed for what comes after. */
static void test_once(void **state)
{
	struct bed *bed = *state;

	change(bed);
	hit(bed, NOW + 1, "/etc/docker/daemon.json", "7", "write");
	assert_non_null(strstr(line(bed, true), "\"hit\":99"));
	/* The same two looks: another file of the same folder, say. */
	assert_non_null(strstr(line(bed, true), "\"hit\":99"));
	record_begin(bed->told, EVENT_watch_drift);
	bed->after.modified_ns = NOW + NS_PER_SECOND;
	assert_true(drifts_fill(bed->drifts, "/etc/docker/daemon.json", &bed->before, &bed->after,
				NOW + 2, true, bed->redact, bed->told));
	assert_false(record_has(bed->told, FIELD_drift_hit));
	assert_int_equal(record_number(bed->told, FIELD_event_severity), 100);
}

static void test_secrets(void **state)
{
	struct bed *bed = *state;
	const char *text;

	change(bed);
	put(&bed->after.contents, "{\n  \"password\": \"hunter2hunter2\",\n  \"proxies\": { "
				  "\"http-proxy\": \"http://bob:hunter2hunter2@proxy\" }\n}\n"
				  "Environment=TOKEN=hunter2hunter2\n");
	text = line(bed, true);
	assert_null(strstr(text, "hunter2"));
	assert_non_null(strstr(text, "@proxy"));
}

static void test_words(void **state)
{
	struct bed *bed = *state;

	bed->after.mode = 0666;
	bed->after.uid = 5;
	assert_non_null(strstr(line(bed, true), "\"changed\":[\"mode\",\"owner\"]"));
	bed->after = (struct file_look){ .contents = bed->after.contents };
	assert_non_null(strstr(line(bed, true), "\"changed\":[\"gone\"]"));
	assert_non_null(strstr(line(bed, true), "\"after\":{\"type\":\"absent\"}"));
	bed->after.type = FILE_FOLDER;
	bed->after.device = makedev(0, 50);
	bed->after.mounted = true;
	assert_non_null(strstr(line(bed, true), "\"type\",\"mode\",\"file\",\"mount\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_bounds),
		TEST(test_same),
		TEST(test_nobody),
		cmocka_unit_test(test_who),
		TEST(test_once),
		TEST(test_crowd),
		TEST(test_secrets),
		TEST(test_words),
	};

	return cmocka_run_group_tests_name("drift", tests, NULL, NULL);
}
