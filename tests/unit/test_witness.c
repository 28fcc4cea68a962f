// SPDX-License-Identifier: Apache-2.0
/* The second witness: what audit records, beside what the probes saw. */
#include <errno.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "correlate/started.h"
#include "event/record.h"
#include "witness_bed.h"

static void test_both(void **state)
{
	struct witness_bed *bed = *state;
	const char *line;

	/* Whichever comes first. */
	for (int probes_first = 0; probes_first < 2; probes_first++) {
		if (probes_first)
			witness_probes_see(bed, 11);
		witness_connects(bed, 11, "success=yes exit=0");
		if (!probes_first)
			witness_probes_see(bed, 11);
		line = witness_lines(bed, 1);
		witness_says(line, "\"witness\":\"both\"");
		witness_says(line, "\"keys\":[\"docktrail-connect\"]");
		witness_later(bed, 1000);
		witness_lines(bed, 0);
	}
}

static void test_one_alone(void **state)
{
	struct witness_bed *bed = *state;
	struct witness_stats stats;
	const char *line;

	witness_probes_see(bed, 11);
	witness_connects(bed, 12, "success=no exit=-13");
	witness_later(bed, 400);
	witness_lines(bed, 0);
	witness_later(bed, 200);
	line = witness_lines(bed, 2);
	witness_says(line, "\"witness\":\"bpf\"");
	witness_says(line, "\"witness\":\"audit\"");
	witness_says(line, "\"code\":\"EACCES\"");
	witness_says(line, "\"path\":\"/run/docker.sock\"");
	witness_says(line, "\"executable\":\"/usr/bin/curl\"");
	witness_get_stats(bed->witness, &stats);
	/* Of what is refused not every probe tells. */
	assert_int_equal(stats.audit_alone, 0);
	assert_int_equal(stats.probes_alone, 1);
	witness_connects(bed, 12, "success=yes exit=0");
	witness_later(bed, 600);
	witness_lines(bed, 1);
	witness_get_stats(bed->witness, &stats);
	assert_int_equal(stats.audit_alone, 1);
	/* Nothing is awaited where no rule is, nor of who is older than audit. */
	assert_int_equal(witness_expect_connects(bed->witness, NULL, 0), 0);
	witness_probes_see(bed, 11);
	witness_says(witness_lines(bed, 1), "\"witness\":\"bpf\"");
	/* At the end all that waits is told. */
	assert_int_equal(witness_expect_connects(bed->witness, &witness_ruled, 1), 0);
	witness_probes_see(bed, 11);
	witness_connects(bed, 12, "success=yes exit=0");
	witness_end(bed->witness);
	witness_lines(bed, 2);
}

/* One that was refused, and one that was not, are two. */
static void test_outcomes(void **state)
{
	struct witness_bed *bed = *state;
	const char *line;

	witness_connects(bed, 11, "success=no exit=-11");
	witness_connects(bed, 11, "success=yes exit=0");
	record_begin(bed->record, EVENT_socket_connect);
	record_set_number(bed->record, FIELD_timestamp, BEGIN_MS * NS_PER_MS + 300000);
	record_set_number(bed->record, FIELD_process_pid, 11);
	record_set_number(bed->record, FIELD_socket_inode, INODE);
	record_set_string(bed->record, FIELD_event_outcome, "success");
	assert_false(witness_keeps(bed->witness, bed->record));
	assert_int_equal(record_number(bed->record, FIELD_audit_serial), bed->serial);
	witness_later(bed, 600);
	line = witness_lines(bed, 1);
	witness_says(line, "\"code\":\"EAGAIN\"");
}

/* Whoever changes his namespaces without end pushes out nobody's connect. */
static void test_crowd(void **state)
{
	struct witness_bed *bed = *state;

	witness_connects(bed, 11, "success=yes exit=0");
	for (int i = 0; i < 3 * WITNESS_MOST; i++) {
		bed->serial++;
		witness_hears(
			bed, AUDIT_SYSCALL,
			"arch=c000003e syscall=272 success=yes exit=0 a0=0 items=0 ppid=1 pid=30 "
			"auid=1000 uid=1000 comm=\"u\" exe=\"/u\" key=\"docktrail-namespace\"");
		witness_hears(bed, AUDIT_PROCTITLE, "proctitle=75");
	}
	witness_lines(bed, 0);
	witness_probes_see(bed, 11);
	witness_says(witness_lines(bed, 1), "\"witness\":\"both\"");
}

static void touches(struct witness_bed *bed, const char *key, const char *name)
{
	char body[512];

	bed->serial++;
	snprintf(
		body, sizeof(body),
		"arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=241 a3=1b6 items=1 "
		"ppid=1 pid=20 auid=1000 uid=0 comm=\"tee\" exe=\"/usr/bin/tee\" key=\"%s\"",
		key);
	witness_hears(bed, AUDIT_SYSCALL, body);
	witness_hears(bed, AUDIT_CWD, "cwd=\"/root\"");
	snprintf(body, sizeof(body), "item=0 name=\"%s\" inode=5 dev=fe:01 nametype=NORMAL", name);
	witness_hears(bed, AUDIT_PATH, body);
	witness_hears(bed, AUDIT_PROCTITLE, "proctitle=74");
}

static void test_files(void **state)
{
	struct witness_bed *bed = *state;
	const char *line;

	touches(bed, "docktrail-config", "/etc/docker/daemon.json");
	witness_later(bed, 200);
	line = witness_lines(bed, 1);
	witness_says(line, "\"action\":\"watch-hit\"");
	witness_says(line, "\"path\":\"/etc/docker/daemon.json\"");
	witness_says(line, "\"operation\":\"truncate\"");
	witness_says(line, "\"audit\":{\"id\":\"1000\"}");
	/* By somebody else's rule: only what is watched. */
	touches(bed, "docker", "/etc/docker/daemon.json");
	touches(bed, "theirs", "/home/alice/x");
	witness_later(bed, 200);
	witness_says(witness_lines(bed, 1), "\"keys\":[\"docker\"]");
	/* A relative name of a rule of ours. */
	touches(bed, "docktrail-client", ".docker/config.json");
	witness_later(bed, 200);
	witness_says(witness_lines(bed, 1), "\"path\":\"/root/.docker/config.json\"");
}

/* Under a rule that is somebody else's: whatever it is called, and whatever else is said of it. */
static void test_names(void **state)
{
	struct witness_bed *bed = *state;

	touches(bed, "theirs", "//etc/./docker/x/../daemon.json");
	witness_later(bed, 200);
	witness_lines(bed, 1);
	touches(bed, "theirs", "/etc/docker/../passwd");
	touches(bed, "theirs", "/../../..");
	witness_later(bed, 200);
	witness_lines(bed, 0);
	/* By its inode. */
	bed->serial++;
	witness_hears(bed, AUDIT_AVC, "apparmor=\"DENIED\" operation=\"open\"");
	witness_hears(
		bed, AUDIT_SYSCALL,
		"arch=c000003e syscall=257 success=no exit=-13 a0=5 a1=0 a2=241 a3=1b6 items=1 ppid=1 "
		"pid=20 auid=1000 uid=0 comm=\"tee\" exe=\"/usr/bin/tee\" key=\"theirs\"");
	witness_hears(bed, AUDIT_CWD, "cwd=\"/root\"");
	witness_hears(bed, AUDIT_PATH,
		      "item=0 name=\"daemon.json\" inode=99 dev=fe:01 nametype=NORMAL");
	witness_hears(bed, AUDIT_PROCTITLE, "proctitle=74");
	witness_later(bed, 200);
	/* Of the folder of descriptor 5, which nothing names. */
	witness_says(witness_lines(bed, 1), "\"path\":\"daemon.json\"");
	/* Over a folder above it. */
	bed->serial++;
	witness_hears(
		bed, AUDIT_SYSCALL,
		"arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=1 ppid=1 "
		"pid=20 auid=1000 uid=0 comm=\"mount\" exe=\"/bin/mount\" "
		"key=\"docktrail-mount\"");
	witness_hears(bed, AUDIT_PATH, "item=0 name=\"/etc\" inode=4 dev=fe:01 nametype=NORMAL");
	witness_hears(bed, AUDIT_PROCTITLE, "proctitle=6d");
	witness_later(bed, 200);
	witness_says(witness_lines(bed, 1), "\"operation\":\"mount\"");
}

/* A long command line is told as far as it came. */
static void test_long_command(void **state)
{
	struct witness_bed *bed = *state;
	char title[300] = "proctitle=6C73";

	for (int i = 0; i < 125; i++)
		strcat(title, i == 0 ? "00" : "61");
	bed->serial++;
	witness_hears(
		bed, AUDIT_SYSCALL,
		"arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=241 a3=1b6 items=1 "
		"ppid=1 pid=20 auid=1000 uid=0 comm=\"ls\" exe=\"/bin/ls\" key=\"docktrail-config\"");
	witness_hears(bed, AUDIT_PATH, "item=0 name=\"/x\" inode=5 dev=fe:01 nametype=NORMAL");
	witness_hears(bed, AUDIT_PROCTITLE, title);
	witness_later(bed, 200);
	witness_says(witness_lines(bed, 1), "\"command\":[\"ls\",\"aaaa");
}

static void test_rules(void **state)
{
	struct witness_bed *bed = *state;
	const char *line;

	bed->serial++;
	witness_hears(
		bed, AUDIT_CONFIG_CHANGE,
		"auid=1000 ses=4294967295op=remove_rule dir=\"/etc/docker\" key=\"docktrail-config\" "
		"list=4 res=1");
	witness_later(bed, 3000);
	witness_later(bed, 200);
	line = witness_lines(bed, 1);
	witness_says(line, "\"action\":\"audit-config\"");
	witness_says(line, "\"operation\":\"remove_rule\"");
	witness_says(line, "\"severity\":100");
	witness_says(line, "\"outcome\":\"success\"");
}

static void test_started(void **state)
{
	static const char id[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	struct started *started;

	assert_int_equal(started_new(&started), 0);
	assert_false(started_before(started, TEXT(id), 10));
	assert_int_equal(started_learn(started, TEXT(id), 20), 0);
	assert_false(started_before(started, TEXT(id), 10));
	assert_true(started_before(started, TEXT(id), 20));
	assert_int_equal(started_learn(started, TEXT("short"), 20), -EINVAL);
	assert_false(started_before(started, (struct text){}, 30));
	/* More than have room: the oldest goes. */
	for (int i = 0; i < STARTED_MOST; i++) {
		char other[65];

		snprintf(other, sizeof(other), "%064x", i);
		assert_int_equal(started_learn(started, text_of(other), 30), 0);
	}
	assert_false(started_before(started, TEXT(id), 40));
	started_free(started);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, witness_set_up, witness_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(both),  TEST(one_alone),    TEST(outcomes), TEST(crowd),   TEST(files),
		TEST(names), TEST(long_command), TEST(rules),    TEST(started),
	};

	return cmocka_run_group_tests_name("second witness", tests, NULL, NULL);
}
