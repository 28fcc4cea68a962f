// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/containers.h"
#include "correlate/difference.h"
#include "event/json.h"
#include "event/record.h"

#define OTHER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What docker gives without being told otherwise, in the order of the bits. */
#define USUAL                                                                                      \
	"\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\","           \
	"\"CAP_SETGID\",\"CAP_SETUID\",\"CAP_SETPCAP\",\"CAP_NET_BIND_SERVICE\",\"CAP_NET_RAW\","  \
	"\"CAP_SYS_CHROOT\",\"CAP_MKNOD\",\"CAP_AUDIT_WRITE\",\"CAP_SETFCAP\""
#define PRIVATE                                                                                    \
	"\"mnt\":\"private\",\"net\":\"private\",\"ipc\":\"private\",\"uts\":\"private\","         \
	"\"user\":\"host\",\"cgroup\":\"host\",\"time\":\"host\""

static void parse(struct record *record, const char *action, const char *what)
{
	char line[4096];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"%s\",\"severity\":0,\"sequence\":77},"
		 "\"docktrail\":{%s}}",
		 action, what);
	assert_int_equal(record_parse_json(record, line, strlen(line)), 0);
}

/*
 * Compare what a request declared with what a start shows; an update comes between, if it is not
 * NULL. `expected` is what docktrail.difference is, or NULL for none.
 */
static void compare(const char *declared, const char *update, const char *actual,
		    const char *expected, unsigned int severity)
{
	struct buffer json = {};
	struct containers *containers;
	struct isolation *isolation;
	struct record *record;
	const char *found;

	assert_int_equal(containers_new(&containers), 0);
	assert_int_equal(containers_learn(containers, TEXT(OTHER), TEXT("other"), (struct text){}),
			 0);
	assert_int_equal(record_new(&record), 0);
	parse(record, "api-request", declared);
	assert_int_equal(isolation_new(record, &isolation), 0);
	if (isolation && update) {
		parse(record, "api-request", update);
		isolation_update(isolation, record);
	}
	parse(record, "container-start", actual);
	if (isolation)
		isolation_compare(isolation, containers, record);
	assert_int_equal(record_number(record, FIELD_event_severity), severity);
	record_append_json(record, &json);
	assert_int_equal(record->error, 0);
	found = strstr(buffer_string(&json), "\"difference\":");
	if (expected && (!found || strncmp(found + 13, expected, strlen(expected)) != 0))
		fail_msg("expected %s, found %s", expected, buffer_string(&json));
	if (!expected)
		assert_null(found);
	buffer_free(&json);
	record_free(record);
	isolation_free(isolation);
	containers_free(containers);
}

static void test_nothing(void **state)
{
	compare("\"declared\":{\"privileged\":false,\"namespaces\":{\"net\":\"none\"}}", NULL,
		"\"namespaces\":{\"pid\":\"private\"," PRIVATE
		"},\"capabilities\":{\"bounding\":[" USUAL "],\"permitted\":[" USUAL
		"]},\"seccomp\":\"filter\",\"no_new_privileges\":false",
		NULL, 0);
	/* What the kernel did not show is no difference. */
	compare("\"declared\":{\"namespaces\":{\"pid\":\"host\"}}", NULL, "\"seccomp\":\"filter\"",
		NULL, 0);
}

static void test_namespaces(void **state)
{
	compare("\"declared\":{}", NULL, "\"namespaces\":{\"pid\":\"host\"," PRIVATE "}",
		"[{\"field\":\"namespaces.pid\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
	compare("\"declared\":{\"namespaces\":{\"pid\":\"host\"}}", NULL,
		"\"namespaces\":{\"pid\":\"host\"," PRIVATE "}", NULL, 0);
	compare("\"declared\":{\"namespaces\":{\"pid\":\"host\"}}", NULL,
		"\"namespaces\":{\"pid\":\"private\"," PRIVATE "}",
		"[{\"field\":\"namespaces.pid\",\"declared\":\"host\",\"actual\":\"private\"}]",
		75);
	compare("\"declared\":{\"namespaces\":{\"pid\":\"container:other\"}}", NULL,
		"\"namespaces\":{\"pid\":\"container:" OTHER "\"," PRIVATE "}", NULL, 0);
	compare("\"declared\":{\"namespaces\":{\"pid\":\"container:other\"}}", NULL,
		"\"namespaces\":{\"pid\":\"private\"," PRIVATE "}",
		"[{\"field\":\"namespaces.pid\",\"declared\":\"container:" OTHER
		"\",\"actual\":\"private\"}]",
		75);
	/* Whom it means cannot be said. */
	compare("\"declared\":{\"namespaces\":{\"pid\":\"container:gone\"}}", NULL,
		"\"namespaces\":{\"pid\":\"private\"," PRIVATE "}", NULL, 0);
	/* The engine's configuration decides, unless it is declared. */
	compare("\"declared\":{}", NULL, "\"namespaces\":{\"user\":\"private\"}", NULL, 0);
	compare("\"declared\":{\"namespaces\":{\"cgroup\":\"private\"}}", NULL,
		"\"namespaces\":{\"cgroup\":\"host\"}",
		"[{\"field\":\"namespaces.cgroup\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
	compare("\"declared\":{}", NULL, "\"namespaces\":{\"mnt\":\"host\"}",
		"[{\"field\":\"namespaces.mnt\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
}

static void test_capabilities(void **state)
{
	static const char with_admin[] =
		"\"capabilities\":{\"bounding\":[" USUAL ",\"CAP_SYS_ADMIN\"]}",
			  dropped[] = "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"]}";

	compare("\"declared\":{}", NULL, with_admin,
		"[{\"field\":\"capabilities\",\"declared\":\"without these\",\"actual\":"
		"\"CAP_SYS_ADMIN\"}]",
		75);
	compare("\"declared\":{\"capabilities\":{\"add\":[\"sys_admin\"]}}", NULL, with_admin, NULL,
		0);
	compare("\"declared\":{\"capabilities\":{\"add\":[\"ALL\"]}}", NULL, with_admin, NULL, 0);
	compare("\"declared\":{\"privileged\":true}", NULL, with_admin, NULL, 0);
	compare("\"declared\":{\"capabilities\":{\"add\":[\"ALL\"],\"drop\":[\"SYS_ADMIN\"]}}",
		NULL, with_admin,
		"[{\"field\":\"capabilities\",\"declared\":\"without these\",\"actual\":"
		"\"CAP_SYS_ADMIN\"}]",
		75);
	compare("\"declared\":{\"capabilities\":{\"drop\":[\"ALL\"]}}", NULL, dropped,
		"[{\"field\":\"capabilities\",\"declared\":\"without these\",\"actual\":\"CAP_CHOWN\"}]",
		75);
	compare("\"declared\":{\"capabilities\":{\"add\":[\"CAP_CHOWN\"],\"drop\":[\"ALL\"]}}",
		NULL, dropped, NULL, 0);
}

static void test_protection(void **state)
{
	compare("\"declared\":{}", NULL, "\"seccomp\":\"off\"",
		"[{\"field\":\"seccomp\",\"declared\":\"filter\",\"actual\":\"off\"}]", 75);
	compare("\"declared\":{\"security_options\":[\"seccomp=unconfined\"]}", NULL,
		"\"seccomp\":\"off\"", NULL, 0);
	compare("\"declared\":{\"privileged\":true}", NULL, "\"seccomp\":\"off\"", NULL, 0);
	compare("\"declared\":{\"security_options\":[\"no-new-privileges\"]}", NULL,
		"\"no_new_privileges\":false",
		"[{\"field\":\"no_new_privileges\",\"declared\":\"true\",\"actual\":\"false\"}]",
		75);
	compare("\"declared\":{\"security_options\":[\"no-new-privileges:true\"]}", NULL,
		"\"no_new_privileges\":true", NULL, 0);
}

static void test_limits(void **state)
{
	static const char declared[] =
		"\"declared\":{\"settings\":[\"Memory=67108864\",\"PidsLimit=50\",\"NanoCpus=333333333\"]}";

	/* A period has microseconds, and memory pages. */
	compare(declared, NULL,
		"\"limits\":{\"memory\":67108864,\"pids\":50,\"nano_cpus\":333330000}", NULL, 0);
	compare("\"declared\":{\"settings\":[\"Memory=67108865\"]}", NULL,
		"\"limits\":{\"memory\":67108864}", NULL, 0);
	compare(declared, NULL, "\"limits\":{\"memory\":67108864,\"nano_cpus\":333330000}",
		"[{\"field\":\"limits.pids\",\"declared\":\"50\",\"actual\":\"none\"}]", 75);
	compare(declared, NULL,
		"\"limits\":{\"memory\":134217728,\"pids\":50,\"nano_cpus\":333330000}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"134217728\"}]",
		75);
	/* What the engine limits by itself was not declared. */
	compare("\"declared\":{\"settings\":[\"PidsLimit=-1\"]}", NULL,
		"\"limits\":{\"pids\":2048}", NULL, 0);
}

static void test_updates(void **state)
{
	static const char declared[] = "\"declared\":{\"settings\":[\"Memory=67108864\"]}",
			  update[] = "\"declared\":{\"settings\":[\"Memory=100663296\"]}";

	compare(declared, update, "\"limits\":{\"memory\":100663296}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"100663296\","
		"\"request\":\"77\"}]",
		50);
	/* Neither what was declared nor what was asked for later. */
	compare(declared, update, "\"limits\":{\"memory\":200000000}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"200000000\"}]",
		75);
	compare("\"declared\":{}", update, "\"limits\":{\"memory\":100663296}",
		"[{\"field\":\"limits.memory\",\"declared\":\"none\",\"actual\":\"100663296\","
		"\"request\":\"77\"}]",
		50);
}

/* Of a body that is not known whole nothing is said. */
static void test_cut(void **state)
{
	compare("\"declared\":{\"cut\":true}", NULL, "\"namespaces\":{\"pid\":\"host\"}", NULL, 0);
	compare("\"declared\":{\"repeated\":true}", NULL, "\"namespaces\":{\"pid\":\"host\"}", NULL,
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),      cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_protection),
		cmocka_unit_test(test_limits),       cmocka_unit_test(test_updates),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("difference", tests, NULL, NULL);
}
