// SPDX-License-Identifier: Apache-2.0
/* What programs say through audit, which is their own word; and what stands in logs. */
#include <errno.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "correlate/process.h"
#include "correlate/redact.h"
#include "correlate/sessions.h"
#include "event/record.h"
#include "witness_bed.h"

static void test_sessions(void **state)
{
	struct witness_bed *bed = *state;
	const char *line;

	bed->serial++;
	witness_hears(bed, AUDIT_USER_LOGIN,
		      "pid=811 uid=0 auid=1000 ses=7 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" "
		      "hostname=203.0.113.7 addr=203.0.113.7 terminal=/dev/pts/0 res=success'");
	witness_later(bed, 200);
	line = witness_lines(bed, 1);
	witness_says(line, "\"action\":\"user-login\"");
	witness_says(line, "\"ip\":\"203.0.113.7\"");
	witness_says(line, "\"untrusted\":true");
	/* From then on everything of that session has the address. */
	witness_connects(bed, 12, "success=yes exit=0");
	witness_later(bed, 600);
	witness_says(witness_lines(bed, 1), "\"witness\":\"audit\"");
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
	struct witness_bed *bed = *state;

	for (size_t i = 0; i < 2; i++) {
		if (i == 0)
			assert_int_equal(process_tree_new(-1, 0, 0, &bed->actors.tree), 0);
		bed->serial++;
		witness_hears(bed, AUDIT_USER_LOGIN, bodies[i]);
		witness_later(bed, 200);
		assert_null(strstr(witness_lines(bed, 1), "\"ip\":"));
		assert_null(sessions_address(bed->sessions, 7));
		process_tree_free(bed->actors.tree);
		bed->actors.tree = NULL;
	}
}

/* What a program writes does not become who it is. */
static void test_injection(void **state)
{
	struct witness_bed *bed = *state;
	const char *line;

	bed->serial++;
	witness_hears(
		bed, AUDIT_USER_LOGIN,
		"pid=900 uid=1000 auid=4294967295 ses=4294967295 msg='x' auid=0 ses=7 gid=0 euid=0 "
		"addr=203.0.113.7 ' '");
	witness_later(bed, 200);
	line = witness_lines(bed, 1);
	assert_null(strstr(line, "\"audit\":{\"id\""));
	assert_null(strstr(line, "\"group\""));
	assert_null(strstr(line, "\"effective\""));
	assert_null(sessions_address(bed->sessions, 7));
	bed->serial++;
	witness_hears(bed, AUDIT_USER_LOGIN,
		      "pid=900 uid=1000 auid=4294967295 ses=4294967295 msg='x\x1dUID=\"root\" "
		      "AUID=\"alice\"'");
	witness_later(bed, 200);
	line = witness_lines(bed, 1);
	assert_null(strstr(line, "\"name\":\"alice\""));
	witness_says(line, "AUID=");
}

static void test_host_messages(void **state)
{
	struct witness_bed *bed = *state;

	bed->serial++;
	witness_hears(bed, AUDIT_USER_CMD,
		      "pid=900 uid=0 auid=1000 ses=7 msg='cwd=\"/\" cmd=6c73'");
	bed->serial++;
	witness_hears(bed, AUDIT_CRED_ACQ, "pid=900 uid=0 auid=1000 ses=7 msg='op=PAM:setcred'");
	assert_int_equal(witness_record(bed->witness, 1300, TEXT("garbage")), 0);
	witness_later(bed, 3000);
	witness_lines(bed, 0);
}

/* ---- of a log */

static bool is_socket(void *user, const char *path)
{
	return strcmp(path, "/run/docker.sock") == 0;
}

static void log_line(struct witness_bed *bed, uint64_t ms, uint64_t serial, const char *type,
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

/* What follows are the lines of a log. */
static void read_log(struct witness_bed *bed)
{
	struct witness_options options = { .actors = &bed->actors,
					   .redact = bed->redact,
					   .sessions = bed->sessions,
					   .emit = witness_emit,
					   .history = true,
					   .is_socket = is_socket,
					   .user = bed,
					   .socket_user = bed };

	witness_free(bed->witness);
	assert_int_equal(witness_new(&options, &bed->witness), 0);
}

/* Its own time, its own host: nothing of ours is put into it. */
static void test_history(void **state)
{
	struct witness_bed *bed = *state;
	uint64_t when;

	read_log(bed);
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
	assert_non_null(strstr(witness_lines(bed, 2), "\"path\":\"/run/docker.sock\""));
	assert_non_null(strstr(bed->lines.data, "\"name\":\"alice\""));
	assert_non_null(strstr(bed->lines.data, "\"source_ip\":\"203.0.113.7\""));
	/* In a log that auditd did not enrich a program may write as if it had. */
	log_line(bed, BEGIN_MS + 6, 52, "USER_LOGIN",
		 "pid=901 uid=1000 auid=4294967295 ses=4294967295 msg='x\x1dUID=\"root\" "
		 "AUID=\"mallory\"'");
	assert_null(strstr(witness_lines(bed, 1), "\"name\":\"mallory\""));
	log_line(bed, BEGIN_MS + 7, 53, "USER_LOGIN",
		 "pid=901 uid=1000 auid=1001 ses=9 msg='x'\x1dUID=\"bob\" AUID=\"bob\"");
	assert_non_null(strstr(witness_lines(bed, 1), "\"name\":\"bob\""));
	/* Booted: session 7 is another one. */
	log_line(bed, BEGIN_MS + 90000, 3, "SYSCALL",
		 "arch=c000003e syscall=42 success=yes exit=0 pid=901 uid=0 auid=0 ses=7 "
		 "comm=\"x\" exe=\"/x\" key=\"any\"");
	log_line(bed, BEGIN_MS + 90000, 3, "PATH", "item=0 name=\"/run/docker.sock\"");
	log_line(bed, BEGIN_MS + 90000, 3, "PROCTITLE", "proctitle=6375");
	assert_null(strstr(witness_lines(bed, 1), "source_ip"));
	witness_end(bed->witness);
}

/* Of which only what adds to it came: nothing can be told, and it counts as one that never came. */
static void test_fragments(void **state)
{
	struct witness_bed *bed = *state;
	struct witness_stats stats;

	read_log(bed);
	for (uint64_t serial = 50; serial < 53; serial++) {
		if (serial != 51)
			log_line(
				bed, BEGIN_MS, serial, "SYSCALL",
				"arch=c000003e syscall=257 success=yes exit=3 pid=900 uid=0 auid=0 "
				"ses=7 comm=\"x\" exe=\"/x\" key=\"docktrail-config\"");
		log_line(bed, BEGIN_MS, serial, "PATH", "item=0 name=\"/etc/docker/daemon.json\"");
		log_line(bed, BEGIN_MS, serial, "PROCTITLE", "proctitle=6375");
	}
	witness_end(bed->witness);
	witness_get_stats(bed->witness, &stats);
	assert_int_equal(stats.missing, 1);
	witness_lines(bed, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, witness_set_up, witness_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(sessions),      TEST(logins_of_nobody), TEST(injection),
		TEST(host_messages), TEST(history),          TEST(fragments),
	};

	return cmocka_run_group_tests_name("what is said", tests, NULL, NULL);
}
