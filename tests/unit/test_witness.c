// SPDX-License-Identifier: Apache-2.0
/* The second witness: what audit records, beside what the probes saw. */
#include <errno.h>
#include <libaudit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "correlate/actor.h"
#include "correlate/process.h"
#include "correlate/redact.h"
#include "correlate/sessions.h"
#include "correlate/started.h"
#include "correlate/witness.h"
#include "event/json.h"
#include "event/record.h"

#define BEGIN_MS 1700000000000ull
#define INODE    4242

struct bed {
	struct witness *witness;
	struct actor_context actors;
	struct redact *redact;
	struct sessions *sessions;
	struct record *record; /* of the probes */
	struct buffer lines;   /* what was told, a line each */
	size_t told;
	uint64_t serial, now;
};

static void on_emit(void *user, struct record *record)
{
	struct bed *bed = user;

	assert_int_equal(record->error, 0);
	record_append_json(record, &bed->lines);
	buffer_append_char(&bed->lines, '\n');
	bed->told++;
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode == INODE ? "/run/docker.sock" : NULL;
}

static bool watched(void *user, const char *path, uint64_t inode, uint32_t device, bool above)
{
	return strncmp(path, "/etc/docker/", 12) == 0 || inode == 99 ||
	       (above && strncmp("/etc/docker/", path, strlen(path)) == 0);
}

static const struct witness_inode ruled = { INODE, 0x1a };

static const struct redact_rules no_rules = {};

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct redact_problem problem;
	struct witness_options options = {
		.emit = on_emit, .socket_path = socket_path, .watched = watched, .own_pid = 77
	};

	assert_int_equal(redact_new(&no_rules, &bed->redact, &problem), 0);
	assert_int_equal(sessions_new(false, &bed->sessions), 0);
	assert_int_equal(record_new(&bed->record), 0);
	bed->actors.boot_id = "00000000";
	bed->actors.sessions = bed->sessions;
	options.actors = &bed->actors;
	options.redact = bed->redact;
	options.sessions = bed->sessions;
	options.user = options.socket_user = bed;
	assert_int_equal(witness_new(&options, &bed->witness), 0);
	assert_int_equal(witness_expect_connects(bed->witness, &ruled, 1), 0);
	/* Its clock goes on from here. */
	bed->now = 1;
	assert_int_equal(witness_tick(bed->witness, BEGIN_MS, bed->now), 0);
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	witness_free(bed->witness);
	record_free(bed->record);
	sessions_free(bed->sessions);
	redact_free(bed->redact);
	buffer_free(&bed->lines);
	free(bed);
	return 0;
}

static void records(struct bed *bed, uint32_t type, const char *body)
{
	char payload[1024];

	snprintf(payload, sizeof(payload), "audit(%llu.%03llu:%llu): %s",
		 (unsigned long long)(BEGIN_MS / 1000), (unsigned long long)(BEGIN_MS % 1000),
		 (unsigned long long)bed->serial, body);
	assert_int_equal(witness_record(bed->witness, type, text_of(payload)), 0);
}

static void connects(struct bed *bed, unsigned int pid, const char *result)
{
	char body[512];

	bed->serial++;
	snprintf(body, sizeof(body),
		 "arch=c000003e syscall=42 %s a0=3 a1=0 a2=10 a3=0 items=1 ppid=1 pid=%u auid=1000 "
		 "uid=1000 gid=1000 euid=1000 tty=(none) ses=7 comm=\"curl\" exe=\"/usr/bin/curl\" "
		 "key=\"docktrail-connect\"",
		 result, pid);
	records(bed, AUDIT_SYSCALL, body);
	records(bed, AUDIT_PATH, "item=0 name=\"/tmp/link\" inode=4242 dev=00:1a nametype=NORMAL");
	records(bed, AUDIT_PROCTITLE, "proctitle=6375");
}

static void probes_see(struct bed *bed, unsigned int pid)
{
	record_begin(bed->record, EVENT_socket_connect);
	record_set_number(bed->record, FIELD_timestamp, BEGIN_MS * NS_PER_MS + 300000);
	record_set_number(bed->record, FIELD_process_pid, pid);
	record_set_number(bed->record, FIELD_socket_inode, INODE);
	record_set_string(bed->record, FIELD_witness, "bpf");
	record_set_string(bed->record, FIELD_source, "fexit/unix_stream_connect");
	if (!witness_keeps(bed->witness, bed->record))
		on_emit(bed, bed->record);
}

static void later(struct bed *bed, uint64_t ms)
{
	bed->now += ms * NS_PER_MS;
	assert_int_equal(witness_tick(bed->witness, BEGIN_MS + bed->now / NS_PER_MS, bed->now), 0);
}

/* The lines that were told since, all of which are given. */
static const char *lines(struct bed *bed, size_t count)
{
	const char *text = buffer_string(&bed->lines);

	assert_int_equal(bed->told, count);
	bed->told = 0;
	bed->lines.length = 0;
	return text;
}

static void says(const char *line, const char *part)
{
	if (!strstr(line, part))
		fail_msg("not said: %s in %s", part, line);
}

static void test_both(void **state)
{
	struct bed *bed = *state;
	const char *line;

	/* Whichever comes first. */
	for (int probes_first = 0; probes_first < 2; probes_first++) {
		if (probes_first)
			probes_see(bed, 11);
		connects(bed, 11, "success=yes exit=0");
		if (!probes_first)
			probes_see(bed, 11);
		line = lines(bed, 1);
		says(line, "\"witness\":\"both\"");
		says(line, "\"keys\":[\"docktrail-connect\"]");
		later(bed, 1000);
		lines(bed, 0);
	}
}

static void test_one_alone(void **state)
{
	struct bed *bed = *state;
	struct witness_stats stats;
	const char *line;

	probes_see(bed, 11);
	connects(bed, 12, "success=no exit=-13");
	later(bed, 400);
	lines(bed, 0);
	later(bed, 200);
	line = lines(bed, 2);
	says(line, "\"witness\":\"bpf\"");
	says(line, "\"witness\":\"audit\"");
	says(line, "\"code\":\"EACCES\"");
	says(line, "\"path\":\"/run/docker.sock\"");
	says(line, "\"executable\":\"/usr/bin/curl\"");
	witness_get_stats(bed->witness, &stats);
	/* Of what is refused not every probe tells. */
	assert_int_equal(stats.audit_alone, 0);
	assert_int_equal(stats.probes_alone, 1);
	connects(bed, 12, "success=yes exit=0");
	later(bed, 600);
	lines(bed, 1);
	witness_get_stats(bed->witness, &stats);
	assert_int_equal(stats.audit_alone, 1);
	/* Nothing is awaited where no rule is, nor of who is older than audit. */
	assert_int_equal(witness_expect_connects(bed->witness, NULL, 0), 0);
	probes_see(bed, 11);
	says(lines(bed, 1), "\"witness\":\"bpf\"");
	/* At the end all that waits is told. */
	assert_int_equal(witness_expect_connects(bed->witness, &ruled, 1), 0);
	probes_see(bed, 11);
	connects(bed, 12, "success=yes exit=0");
	witness_end(bed->witness);
	lines(bed, 2);
}

/* One that was refused, and one that was not, are two. */
static void test_outcomes(void **state)
{
	struct bed *bed = *state;
	const char *line;

	connects(bed, 11, "success=no exit=-11");
	connects(bed, 11, "success=yes exit=0");
	record_begin(bed->record, EVENT_socket_connect);
	record_set_number(bed->record, FIELD_timestamp, BEGIN_MS * NS_PER_MS + 300000);
	record_set_number(bed->record, FIELD_process_pid, 11);
	record_set_number(bed->record, FIELD_socket_inode, INODE);
	record_set_string(bed->record, FIELD_event_outcome, "success");
	assert_false(witness_keeps(bed->witness, bed->record));
	assert_int_equal(record_number(bed->record, FIELD_audit_serial), bed->serial);
	later(bed, 600);
	line = lines(bed, 1);
	says(line, "\"code\":\"EAGAIN\"");
}

/* Whoever changes his namespaces without end pushes out nobody's connect. */
static void test_crowd(void **state)
{
	struct bed *bed = *state;

	connects(bed, 11, "success=yes exit=0");
	for (int i = 0; i < 3 * WITNESS_MOST; i++) {
		bed->serial++;
		records(bed, AUDIT_SYSCALL,
			"arch=c000003e syscall=272 success=yes exit=0 a0=0 items=0 ppid=1 pid=30 "
			"auid=1000 uid=1000 comm=\"u\" exe=\"/u\" key=\"docktrail-namespace\"");
		records(bed, AUDIT_PROCTITLE, "proctitle=75");
	}
	lines(bed, 0);
	probes_see(bed, 11);
	says(lines(bed, 1), "\"witness\":\"both\"");
}

static void touches(struct bed *bed, const char *key, const char *name)
{
	char body[512];

	bed->serial++;
	snprintf(
		body, sizeof(body),
		"arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=241 a3=1b6 items=1 "
		"ppid=1 pid=20 auid=1000 uid=0 comm=\"tee\" exe=\"/usr/bin/tee\" key=\"%s\"",
		key);
	records(bed, AUDIT_SYSCALL, body);
	records(bed, AUDIT_CWD, "cwd=\"/root\"");
	snprintf(body, sizeof(body), "item=0 name=\"%s\" inode=5 dev=fe:01 nametype=NORMAL", name);
	records(bed, AUDIT_PATH, body);
	records(bed, AUDIT_PROCTITLE, "proctitle=74");
}

static void test_files(void **state)
{
	struct bed *bed = *state;
	const char *line;

	touches(bed, "docktrail-config", "/etc/docker/daemon.json");
	later(bed, 200);
	line = lines(bed, 1);
	says(line, "\"action\":\"watch-hit\"");
	says(line, "\"path\":\"/etc/docker/daemon.json\"");
	says(line, "\"operation\":\"truncate\"");
	says(line, "\"audit\":{\"id\":\"1000\"}");
	/* By somebody else's rule: only what is watched. */
	touches(bed, "docker", "/etc/docker/daemon.json");
	touches(bed, "theirs", "/home/alice/x");
	later(bed, 200);
	says(lines(bed, 1), "\"keys\":[\"docker\"]");
	/* A relative name of a rule of ours. */
	touches(bed, "docktrail-client", ".docker/config.json");
	later(bed, 200);
	says(lines(bed, 1), "\"path\":\"/root/.docker/config.json\"");
}

/* Under a rule that is somebody else's: whatever it is called, and whatever else is said of it. */
static void test_names(void **state)
{
	struct bed *bed = *state;

	touches(bed, "theirs", "//etc/./docker/x/../daemon.json");
	later(bed, 200);
	lines(bed, 1);
	touches(bed, "theirs", "/etc/docker/../passwd");
	touches(bed, "theirs", "/../../..");
	later(bed, 200);
	lines(bed, 0);
	/* By its inode. */
	bed->serial++;
	records(bed, AUDIT_AVC, "apparmor=\"DENIED\" operation=\"open\"");
	records(bed, AUDIT_SYSCALL,
		"arch=c000003e syscall=257 success=no exit=-13 a0=5 a1=0 a2=241 a3=1b6 items=1 ppid=1 "
		"pid=20 auid=1000 uid=0 comm=\"tee\" exe=\"/usr/bin/tee\" key=\"theirs\"");
	records(bed, AUDIT_CWD, "cwd=\"/root\"");
	records(bed, AUDIT_PATH, "item=0 name=\"daemon.json\" inode=99 dev=fe:01 nametype=NORMAL");
	records(bed, AUDIT_PROCTITLE, "proctitle=74");
	later(bed, 200);
	/* Of the folder of descriptor 5, which nothing names. */
	says(lines(bed, 1), "\"path\":\"daemon.json\"");
	/* Over a folder above it. */
	bed->serial++;
	records(bed, AUDIT_SYSCALL,
		"arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=1 ppid=1 "
		"pid=20 auid=1000 uid=0 comm=\"mount\" exe=\"/bin/mount\" "
		"key=\"docktrail-mount\"");
	records(bed, AUDIT_PATH, "item=0 name=\"/etc\" inode=4 dev=fe:01 nametype=NORMAL");
	records(bed, AUDIT_PROCTITLE, "proctitle=6d");
	later(bed, 200);
	says(lines(bed, 1), "\"operation\":\"mount\"");
}

/* A long command line is told as far as it came. */
static void test_long_command(void **state)
{
	struct bed *bed = *state;
	char title[300] = "proctitle=6C73";

	for (int i = 0; i < 125; i++)
		strcat(title, i == 0 ? "00" : "61");
	bed->serial++;
	records(bed, AUDIT_SYSCALL,
		"arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=241 a3=1b6 items=1 "
		"ppid=1 pid=20 auid=1000 uid=0 comm=\"ls\" exe=\"/bin/ls\" key=\"docktrail-config\"");
	records(bed, AUDIT_PATH, "item=0 name=\"/x\" inode=5 dev=fe:01 nametype=NORMAL");
	records(bed, AUDIT_PROCTITLE, title);
	later(bed, 200);
	says(lines(bed, 1), "\"command\":[\"ls\",\"aaaa");
}

static void test_rules(void **state)
{
	struct bed *bed = *state;
	const char *line;

	bed->serial++;
	records(bed, AUDIT_CONFIG_CHANGE,
		"auid=1000 ses=4294967295op=remove_rule dir=\"/etc/docker\" key=\"docktrail-config\" "
		"list=4 res=1");
	later(bed, 3000);
	later(bed, 200);
	line = lines(bed, 1);
	says(line, "\"action\":\"audit-config\"");
	says(line, "\"operation\":\"remove_rule\"");
	says(line, "\"severity\":100");
	says(line, "\"outcome\":\"success\"");
}

static void test_sessions(void **state)
{
	struct bed *bed = *state;
	const char *line;

	bed->serial++;
	records(bed, AUDIT_USER_LOGIN,
		"pid=811 uid=0 auid=1000 ses=7 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" "
		"hostname=203.0.113.7 addr=203.0.113.7 terminal=/dev/pts/0 res=success'");
	later(bed, 200);
	line = lines(bed, 1);
	says(line, "\"action\":\"user-login\"");
	says(line, "\"ip\":\"203.0.113.7\"");
	says(line, "\"untrusted\":true");
	/* From then on everything of that session has the address. */
	connects(bed, 12, "success=yes exit=0");
	later(bed, 600);
	says(lines(bed, 1), "\"witness\":\"audit\"");
	assert_string_equal(sessions_address(bed->sessions, 7), "203.0.113.7");
	/* No address. */
	assert_int_equal(sessions_learn(bed->sessions, 8, TEXT("UNKNOWN")), -EINVAL);
	assert_int_equal(sessions_learn(bed->sessions, 8, TEXT("2001:db8::1")), 0);
	assert_string_equal(sessions_address(bed->sessions, 8), "2001:db8::1");
}

/* Who wrote it is not known any more, or is no root: nothing of it is believed. */
static void test_logins_of_nobody(void **state)
{
	static const char *const bodies[] = {
		"pid=811 uid=0 auid=1000 ses=7 msg='op=login addr=203.0.113.7 res=success'",
		"pid=812 uid=1000 auid=1000 ses=7 msg='op=login addr=203.0.113.7 res=success'",
	};
	struct bed *bed = *state;

	for (size_t i = 0; i < 2; i++) {
		if (i == 0)
			assert_int_equal(process_tree_new(-1, 0, 0, &bed->actors.tree), 0);
		bed->serial++;
		records(bed, AUDIT_USER_LOGIN, bodies[i]);
		later(bed, 200);
		assert_null(strstr(lines(bed, 1), "\"ip\":"));
		assert_null(sessions_address(bed->sessions, 7));
		process_tree_free(bed->actors.tree);
		bed->actors.tree = NULL;
	}
}

/* What a program writes does not become who it is. */
static void test_injection(void **state)
{
	struct bed *bed = *state;
	const char *line;

	bed->serial++;
	records(bed, AUDIT_USER_LOGIN,
		"pid=900 uid=1000 auid=4294967295 ses=4294967295 msg='x' auid=0 ses=7 gid=0 euid=0 "
		"addr=203.0.113.7 ' '");
	later(bed, 200);
	line = lines(bed, 1);
	assert_null(strstr(line, "\"audit\":{\"id\""));
	assert_null(strstr(line, "\"group\""));
	assert_null(strstr(line, "\"effective\""));
	assert_null(sessions_address(bed->sessions, 7));
	bed->serial++;
	records(bed, AUDIT_USER_LOGIN,
		"pid=900 uid=1000 auid=4294967295 ses=4294967295 msg='x\x1dUID=\"root\" "
		"AUID=\"alice\"'");
	later(bed, 200);
	line = lines(bed, 1);
	assert_null(strstr(line, "\"name\":\"alice\""));
	says(line, "AUID=");
}

static void test_host_messages(void **state)
{
	struct bed *bed = *state;

	bed->serial++;
	records(bed, AUDIT_USER_CMD, "pid=900 uid=0 auid=1000 ses=7 msg='cwd=\"/\" cmd=6c73'");
	bed->serial++;
	records(bed, AUDIT_CRED_ACQ, "pid=900 uid=0 auid=1000 ses=7 msg='op=PAM:setcred'");
	assert_int_equal(witness_record(bed->witness, 1300, TEXT("garbage")), 0);
	later(bed, 3000);
	lines(bed, 0);
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

/* ---- of a log */

static bool is_socket(void *user, const char *path)
{
	return strcmp(path, "/run/docker.sock") == 0;
}

static void log_line(struct bed *bed, uint64_t ms, uint64_t serial, const char *type,
		     const char *body)
{
	char line[1024];
	uint64_t when = 0;

	snprintf(line, sizeof(line), "type=%s msg=audit(%llu.%03llu:%llu): %s", type,
		 (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000),
		 (unsigned long long)serial, body);
	assert_int_equal(witness_line(bed->witness, text_of(line), &when), 0);
	assert_int_equal(when, ms);
}

/* Its own time, its own host: nothing of ours is put into it. */
static void test_history(void **state)
{
	struct bed *bed = *state;
	struct witness_options options = { .actors = &bed->actors,
					   .redact = bed->redact,
					   .sessions = bed->sessions,
					   .emit = on_emit,
					   .history = true,
					   .is_socket = is_socket,
					   .user = bed,
					   .socket_user = bed };
	uint64_t when;

	witness_free(bed->witness);
	assert_int_equal(witness_new(&options, &bed->witness), 0);
	assert_int_equal(witness_line(bed->witness, TEXT("----"), &when), -EBADMSG);
	log_line(bed, BEGIN_MS, 50, "USER_LOGIN",
		 "pid=811 uid=0 auid=1000 ses=7 msg='op=login addr=203.0.113.7 res=success'");
	log_line(bed, BEGIN_MS + 5, 51, "SYSCALL",
		 "arch=c000003e syscall=42 success=yes exit=0 pid=900 uid=1000 auid=1000 ses=7 "
		 "comm=\"curl\" exe=\"/usr/bin/curl\" key=\"any\"\x1d"
		 "UID=\"alice\"");
	log_line(bed, BEGIN_MS + 5, 51, "CWD", "cwd=\"/run\"");
	log_line(bed, BEGIN_MS + 5, 51, "PATH",
		 "item=0 name=\"docker.sock\" inode=5 dev=00:1a nametype=NORMAL");
	log_line(bed, BEGIN_MS + 5, 51, "PROCTITLE", "proctitle=6375");
	assert_non_null(strstr(lines(bed, 2), "\"path\":\"/run/docker.sock\""));
	assert_non_null(strstr(bed->lines.data, "\"name\":\"alice\""));
	assert_non_null(strstr(bed->lines.data, "\"source_ip\":\"203.0.113.7\""));
	/* In a log that auditd did not enrich a program may write as if it had. */
	log_line(bed, BEGIN_MS + 6, 52, "USER_LOGIN",
		 "pid=901 uid=1000 auid=4294967295 ses=4294967295 msg='x\x1dUID=\"root\" "
		 "AUID=\"mallory\"'");
	assert_null(strstr(lines(bed, 1), "\"name\":\"mallory\""));
	log_line(bed, BEGIN_MS + 7, 53, "USER_LOGIN",
		 "pid=901 uid=1000 auid=1001 ses=9 msg='x'\x1dUID=\"bob\" AUID=\"bob\"");
	assert_non_null(strstr(lines(bed, 1), "\"name\":\"bob\""));
	/* Booted: session 7 is another one. */
	log_line(bed, BEGIN_MS + 90000, 3, "SYSCALL",
		 "arch=c000003e syscall=42 success=yes exit=0 pid=901 uid=0 auid=0 ses=7 "
		 "comm=\"x\" exe=\"/x\" key=\"any\"");
	log_line(bed, BEGIN_MS + 90000, 3, "PATH", "item=0 name=\"/run/docker.sock\"");
	log_line(bed, BEGIN_MS + 90000, 3, "PROCTITLE", "proctitle=6375");
	assert_null(strstr(lines(bed, 1), "source_ip"));
	witness_end(bed->witness);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(both),         TEST(one_alone),        TEST(files),         TEST(rules),
		TEST(sessions),     TEST(logins_of_nobody), TEST(host_messages), TEST(started),
		TEST(history),      TEST(outcomes),         TEST(crowd),         TEST(names),
		TEST(long_command), TEST(injection),
	};

	return cmocka_run_group_tests_name("second witness", tests, NULL, NULL);
}
