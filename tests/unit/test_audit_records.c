// SPDX-License-Identifier: Apache-2.0
/* Records of audit, as the kernel and auditd write them; how they become events. */
#include <errno.h>
#include <libaudit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "correlate/audit_act.h"
#include "correlate/audit_assemble.h"
#include "correlate/audit_serials.h"

static struct audit_record parse(const char *line)
{
	struct audit_record record;

	assert_int_equal(audit_record_parse_line(text_of(line), &record), 0);
	return record;
}

static void has(const struct audit_record *record, const char *name, const char *value)
{
	_cleanup_buffer_ struct buffer bytes = {};

	assert_true(audit_record_untrusted(record, text_of(name), &bytes));
	assert_string_equal(buffer_string(&bytes), value);
}

static void test_line(void **state)
{
	struct audit_record record = parse(
		"node=web1 type=SYSCALL msg=audit(1700000000.123:456): arch=c000003e syscall=42 "
		"success=yes exit=0 comm=\"docker\" exe=2F746D702F6120622F78 key=\"k\"\035ARCH=x86_64 "
		"SYSCALL=connect");
	int64_t number;

	assert_int_equal(record.type, AUDIT_SYSCALL);
	assert_int_equal(record.time_ms, 1700000000123);
	assert_int_equal(record.serial, 456);
	assert_true(text_equal(record.node, TEXT("web1")));
	assert_true(text_equal(record.enriched, TEXT("ARCH=x86_64 SYSCALL=connect")));
	has(&record, "comm", "docker");
	has(&record, "exe", "/tmp/a b/x");
	assert_true(audit_record_number(&record, TEXT("arch"), 16, &number));
	assert_int_equal(number, 0xc000003e);
	assert_false(audit_record_number(&record, TEXT("success"), 10, &number));
	assert_null(audit_record_field(&record, TEXT("SYSCALL")).data);
}

static void test_broken(void **state)
{
	static const char *const lines[] = {
		"",
		"type=SYSCALL",
		"type=SYSCALL msg=",
		"type=SYSCALL msg=audit(",
		"type=SYSCALL msg=audit(1.2:3)",
		"type=SYSCALL msg=audit(1.1000:3): x",
		"type=SYSCALL msg=audit(.000:3): x",
		"msg=audit(1.000:3): x",
		"audit(1.000:3): x",
	};
	struct audit_record record;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(audit_record_parse_line(text_of(lines[i]), &record), -EBADMSG);
}

/* audit_watch_log_rule_change() forgets a blank; older ones put the word in quotes. */
static void test_malformed_change(void **state)
{
	struct audit_record one = parse(
		"type=CONFIG_CHANGE msg=audit(1.000:3): auid=1000 ses=4294967295op=remove_rule "
		"path=\"/etc/docker\" key=\"docktrail-config\" list=4 res=1");
	struct audit_record other = parse(
		"type=CONFIG_CHANGE msg=audit(1.000:3): auid=1000 ses=4294967295 op=\"remove_rule\" "
		"path=\"/etc/docker\" key=\"docktrail-config\" list=4 res=1");

	assert_true(text_equal(audit_record_field(&one, TEXT("ses")), TEXT("4294967295")));
	has(&one, "op", "remove_rule");
	has(&one, "path", "/etc/docker");
	has(&other, "op", "remove_rule");
}

/* Whatever a program writes, the kernel's own fields stand before it. */
static void test_hostile_message(void **state)
{
	struct audit_record record = parse(
		"type=USER_LOGIN msg=audit(1.000:3): pid=811 uid=1000 auid=1000 ses=3 "
		"msg='op=login' pid=1 uid=0 exe=\"/usr/sbin/sshd\"\ntype=X \035Z=1 addr=1.2.3.4'");
	struct audit_fields fields = { .rest = record.body };
	size_t count = 0;

	assert_true(text_equal(audit_record_field(&record, TEXT("pid")), TEXT("811")));
	assert_true(text_equal(audit_record_field(&record, TEXT("uid")), TEXT("1000")));
	while (audit_fields_next(&fields))
		count++;
	assert_true(count >= 5);
}

/* ---- events */

struct seen {
	size_t events, records;
	uint64_t serials[64];
	bool whole[64], cut;
};

static void on_event(void *user, const struct audit_event *event)
{
	struct seen *seen = user;

	assert_true(seen->events < ARRAY_SIZE(seen->serials));
	seen->serials[seen->events] = event->serial;
	seen->whole[seen->events++] = event->whole;
	seen->records += event->count;
	seen->cut |= event->cut;
	for (size_t i = 0; i < event->count; i++)
		assert_int_equal(event->records[i].serial, event->serial);
}

static void push(struct audit_assembler *assembler, uint32_t type, uint64_t time_ms,
		 uint64_t serial, const char *body)
{
	const struct audit_record record = {
		.type = type, .time_ms = time_ms, .serial = serial, .body = text_of(body)
	};

	assert_int_equal(audit_assembler_push(assembler, &record), 0);
}

static void test_assemble(void **state)
{
	for (int stable = 0; stable < 2; stable++) {
		struct seen seen = {};
		const struct audit_assembler_options options = { .stable = stable,
								 .event = on_event,
								 .user = &seen };
		struct audit_assembler *assembler;

		assert_int_equal(audit_assembler_new(&options, &assembler), 0);
		/* Interleaved; one ends with EOE, one with PROCTITLE, and its EOE is no news. */
		push(assembler, AUDIT_SYSCALL, 1000, 1, "a");
		push(assembler, AUDIT_SYSCALL, 1000, 2, "b");
		push(assembler, AUDIT_PATH, 1000, 1, "c");
		push(assembler, AUDIT_PATH, 1000, 2, "d");
		push(assembler, AUDIT_PROCTITLE, 1000, 2, "e");
		push(assembler, AUDIT_EOE, 1000, 2, "");
		push(assembler, AUDIT_EOE, 1000, 1, "");
		assert_int_equal(seen.events, 2);
		assert_int_equal(seen.serials[0], 2);
		assert_int_equal(seen.serials[1], 1);
		assert_true(seen.whole[0] && seen.whole[1]);
		assert_int_equal(seen.records, 5);
		/* By itself. */
		push(assembler, AUDIT_USER_LOGIN, 1000, 3, "pid=1");
		assert_int_equal(seen.events, 3);
		/* The same serial at another time is another boot. */
		push(assembler, AUDIT_SYSCALL, 1000, 4, "a");
		push(assembler, AUDIT_SYSCALL, 1001, 4, "a");
		assert_int_equal(seen.events, 3);
		/* What does not end is ended by what is two seconds younger. */
		push(assembler, AUDIT_SYSCALL, 3500, 5, "a");
		assert_int_equal(seen.events, 5);
		assert_false(seen.whole[3]);
		audit_assembler_flush(assembler, UINT64_MAX);
		assert_int_equal(seen.events, 6);
		assert_false(seen.cut);
		audit_assembler_free(assembler);
	}
}

static void test_bounds(void **state)
{
	struct seen seen = {};
	const struct audit_assembler_options options = { .event = on_event, .user = &seen };
	struct audit_assembler *assembler;
	struct audit_assembler_stats stats;

	assert_int_equal(audit_assembler_new(&options, &assembler), 0);
	for (size_t i = 0; i < AUDIT_RECORDS_MOST + 10; i++)
		push(assembler, AUDIT_PATH, 1000, 1, "name=\"x\"");
	push(assembler, AUDIT_EOE, 1000, 1, "");
	assert_true(seen.cut);
	assert_int_equal(seen.records, AUDIT_RECORDS_MOST);
	audit_assembler_get_stats(assembler, &stats);
	assert_int_equal(stats.cut, 10);
	/* More than have room at once: the oldest goes first, and none is lost. */
	for (uint64_t i = 0; i < AUDIT_EVENTS_MOST + 20; i++)
		push(assembler, AUDIT_SYSCALL, 1000, 100 + i, "a");
	assert_int_equal(seen.events, 21);
	assert_int_equal(seen.serials[1], 100);
	assert_int_equal(seen.serials[20], 119);
	audit_assembler_get_stats(assembler, &stats);
	assert_int_equal(stats.early, 20);
	audit_assembler_free(assembler);
}

/* Records bear the time at which their call began: one that took long is not torn for that. */
static void test_slow(void **state)
{
	struct seen seen = {};
	const struct audit_assembler_options options = { .event = on_event, .user = &seen };
	const uint64_t now = 1700000000000;
	struct audit_assembler *assembler;

	assert_int_equal(audit_assembler_new(&options, &assembler), 0);
	audit_assembler_flush(assembler, now);
	push(assembler, AUDIT_SYSCALL, now - 60000, 1, "a");
	push(assembler, AUDIT_SYSCALL, now, 2, "b");
	audit_assembler_flush(assembler, now + 50);
	push(assembler, AUDIT_PATH, now - 60000, 1, "c");
	push(assembler, AUDIT_PROCTITLE, now - 60000, 1, "d");
	assert_int_equal(seen.events, 1);
	assert_int_equal(seen.records, 3);
	assert_true(seen.whole[0]);
	/* The other one has not grown for two seconds. */
	audit_assembler_flush(assembler, now + 2000);
	assert_int_equal(seen.events, 1);
	audit_assembler_flush(assembler, now + 2001);
	assert_int_equal(seen.events, 2);
	audit_assembler_free(assembler);
}

/* All that is open has a bound together. */
static void test_weight(void **state)
{
	static char body[200 << 10];
	struct seen seen = {};
	const struct audit_assembler_options options = { .event = on_event, .user = &seen };
	struct audit_assembler *assembler;
	size_t most = AUDIT_OPEN_BYTES / (sizeof(body) - 1);

	memset(body, 'x', sizeof(body) - 1);
	assert_int_equal(audit_assembler_new(&options, &assembler), 0);
	for (size_t i = 0; i < most + 5; i++)
		push(assembler, AUDIT_SYSCALL, 1000, 1 + i, body);
	assert_int_equal(seen.events, 5);
	assert_int_equal(seen.serials[4], 5);
	audit_assembler_free(assembler);
}

/* ---- serials that never came */

static void test_serials(void **state)
{
	struct audit_serials serials = {};

	for (uint64_t i = 1; i <= 10; i++)
		if (i != 5)
			audit_serials_seen(&serials, i, 1000);
	audit_serials_tick(&serials, 2000);
	assert_int_equal(serials.missing, 0);
	audit_serials_seen(&serials, 11, 2100);
	/* Late, but within two seconds. */
	audit_serials_seen(&serials, 5, 2200);
	audit_serials_seen(&serials, 13, 3200);
	audit_serials_seen(&serials, 14, 4300);
	audit_serials_tick(&serials, 9000);
	assert_int_equal(serials.missing, 1); /* 12 */
	/* What is older than all that was looked at. */
	audit_serials_seen(&serials, 3, 9000);
	audit_serials_tick(&serials, 20000);
	assert_int_equal(serials.missing, 1);
}

/* 32 bits of them. */
static void test_serials_wrap(void **state)
{
	struct audit_serials serials = {};

	audit_serials_seen(&serials, UINT32_MAX - 1, 1000);
	audit_serials_seen(&serials, UINT32_MAX, 1000);
	audit_serials_seen(&serials, 1, 1001);
	audit_serials_seen(&serials, 3, 1002);
	audit_serials_end(&serials);
	assert_int_equal(serials.missing, 1);
}

/* A host that was booted: its sessions are others, and nothing is missing between. */
static void test_serials_anew(void **state)
{
	struct audit_serials serials = {};

	for (uint64_t i = 100; i <= 105; i++)
		if (i != 103)
			audit_serials_seen(&serials, i, 1000);
	assert_false(audit_serials_begin_anew(&serials, 106, 60000));
	assert_false(audit_serials_begin_anew(&serials, 2, 2000));
	assert_true(audit_serials_begin_anew(&serials, 2, 60000));
	audit_serials_end(&serials);
	assert_int_equal(serials.missing, 1);
	audit_serials_seen(&serials, 2, 60000);
	audit_serials_seen(&serials, 4, 60001);
	audit_serials_end(&serials);
	assert_int_equal(serials.missing, 2);
}

/* ---- what an event says */

static void read_lines(const char *const lines[], struct audit_act *act)
{
	struct audit_record records[16] = {};
	struct audit_event event = { .records = records, .whole = true };

	for (; lines[event.count]; event.count++)
		records[event.count] = parse(lines[event.count]);
	event.time_ms = records[0].time_ms;
	event.serial = records[0].serial;
	assert_int_equal(audit_act_read(&event, act), 0);
}

#define HEAD "msg=audit(1700000000.123:456): "

static void test_act(void **state)
{
	static const char *const lines[] = {
		"type=SYSCALL " HEAD "arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c "
		"a1=7f a2=241 a3=1b6 items=2 ppid=10 pid=11 auid=1000 uid=1001 gid=1002 euid=0 "
		"tty=pts3 ses=42 comm=\"tee\" exe=\"/usr/bin/tee\" "
		"key=646F636B747261696C2D61016F74686572",
		"type=CWD " HEAD "cwd=\"/etc\"",
		"type=PATH " HEAD "item=0 name=\"/etc/docker/\" inode=5 dev=fe:02 nametype=PARENT",
		"type=PATH " HEAD "item=1 name=2F6574632F646F636B65722F6120620A inode=6 dev=fe:02 "
		"nametype=CREATE",
		"type=PROCTITLE " HEAD "proctitle=746565",
		NULL,
	};
	struct audit_act act = {};

	read_lines(lines, &act);
	assert_string_equal(act.call, "openat");
	assert_int_equal(act.pid, 11);
	assert_int_equal(act.parent_pid, 10);
	assert_int_equal(act.uid, 1001);
	assert_int_equal(act.effective_uid, 0);
	assert_int_equal(act.login_uid, 1000);
	assert_int_equal(act.session, 42);
	assert_int_equal(act.exit, -13);
	assert_false(act.succeeded);
	assert_int_equal(act.arguments[2], 0x241);
	assert_string_equal(act.name, "tee");
	assert_string_equal(act.tty, "pts3");
	assert_string_equal(audit_act_text(&act, act.executable), "/usr/bin/tee");
	assert_string_equal(audit_act_text(&act, act.folder), "/etc");
	assert_int_equal(act.keys.count, 2);
	assert_string_equal(text_list_at(&act.keys, 0).data, "docktrail-a");
	assert_string_equal(text_list_at(&act.keys, 1).data, "other");
	assert_int_equal(act.path_count, 2);
	assert_string_equal(audit_act_text(&act, act.paths[1].name), "/etc/docker/a b\n");
	assert_int_equal(act.paths[1].inode, 6);
	assert_int_equal(act.paths[1].device, 0xfe << 20 | 2);
	assert_string_equal(act.paths[0].type, "PARENT");
	assert_false(act.cut);
	audit_act_clear(&act);
}

/* A command line over two records, with an argument in pieces. */
static void test_command(void **state)
{
	static const char *const lines[] = {
		"type=EXECVE " HEAD "argc=4 a0=\"docker\" a1=\"run\" a2_len=8 a2[0]=61626364",
		"type=EXECVE " HEAD "a2[1]=65666768 a3=\"last\"",
		NULL,
	};
	struct audit_act act = {};

	read_lines(lines, &act);
	assert_int_equal(act.command.count, 4);
	assert_string_equal(text_list_at(&act.command, 0).data, "docker");
	assert_string_equal(text_list_at(&act.command, 2).data, "abcdefgh");
	assert_string_equal(text_list_at(&act.command, 3).data, "last");
	audit_act_clear(&act);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_malformed_change),
		cmocka_unit_test(test_hostile_message),
		cmocka_unit_test(test_assemble),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_serials_anew),
		cmocka_unit_test(test_serials_wrap),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_act),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests_name("records of audit", tests, NULL, NULL);
}
