// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "difference_bed.h"

/* What docker gives without being told otherwise, in the order of the bits. */
#define USUAL                                                                                      \
	"\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\","           \
	"\"CAP_SETGID\",\"CAP_SETUID\",\"CAP_SETPCAP\",\"CAP_NET_BIND_SERVICE\",\"CAP_NET_RAW\","  \
	"\"CAP_SYS_CHROOT\",\"CAP_MKNOD\",\"CAP_AUDIT_WRITE\",\"CAP_SETFCAP\""
#define PRIVATE                                                                                    \
	"\"mnt\":\"private\",\"net\":\"private\",\"ipc\":\"private\",\"uts\":\"private\","         \
	"\"user\":\"host\",\"cgroup\":\"host\",\"time\":\"host\""

static void test_nothing(void **state)
{
	difference_expect("\"declared\":{\"privileged\":false,\"namespaces\":{\"net\":\"none\"}}",
			  NULL,
			  "\"namespaces\":{\"pid\":\"private\"," PRIVATE
			  "},\"capabilities\":{\"bounding\":[" USUAL "],\"permitted\":[" USUAL
			  "]},\"seccomp\":\"filter\",\"no_new_privileges\":false",
			  NULL, 0);
	/* What the kernel did not show is no difference. */
	difference_expect("\"declared\":{\"namespaces\":{\"pid\":\"host\"}}", NULL,
			  "\"seccomp\":\"filter\"", NULL, 0);
}

static void test_namespaces(void **state)
{
	difference_expect(
		"\"declared\":{}", NULL, "\"namespaces\":{\"pid\":\"host\"," PRIVATE "}",
		"[{\"field\":\"namespaces.pid\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
	difference_expect("\"declared\":{\"namespaces\":{\"pid\":\"host\"}}", NULL,
			  "\"namespaces\":{\"pid\":\"host\"," PRIVATE "}", NULL, 0);
	difference_expect(
		"\"declared\":{\"namespaces\":{\"pid\":\"host\"}}", NULL,
		"\"namespaces\":{\"pid\":\"private\"," PRIVATE "}",
		"[{\"field\":\"namespaces.pid\",\"declared\":\"host\",\"actual\":\"private\"}]",
		75);
	difference_expect("\"declared\":{\"namespaces\":{\"pid\":\"container:other\"}}", NULL,
			  "\"namespaces\":{\"pid\":\"container:" OTHER "\"," PRIVATE "}", NULL, 0);
	difference_expect("\"declared\":{\"namespaces\":{\"pid\":\"container:other\"}}", NULL,
			  "\"namespaces\":{\"pid\":\"private\"," PRIVATE "}",
			  "[{\"field\":\"namespaces.pid\",\"declared\":\"container:" OTHER
			  "\",\"actual\":\"private\"}]",
			  75);
	/* Whom it means cannot be said. */
	difference_expect("\"declared\":{\"namespaces\":{\"pid\":\"container:gone\"}}", NULL,
			  "\"namespaces\":{\"pid\":\"private\"," PRIVATE "}", NULL, 0);
	/* The engine's configuration decides, unless it is declared. */
	difference_expect("\"declared\":{}", NULL, "\"namespaces\":{\"user\":\"private\"}", NULL,
			  0);
	difference_expect(
		"\"declared\":{\"namespaces\":{\"cgroup\":\"private\"}}", NULL,
		"\"namespaces\":{\"cgroup\":\"host\"}",
		"[{\"field\":\"namespaces.cgroup\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
	difference_expect(
		"\"declared\":{}", NULL, "\"namespaces\":{\"mnt\":\"host\"}",
		"[{\"field\":\"namespaces.mnt\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
}

static void test_capabilities(void **state)
{
	static const char with_admin[] =
		"\"capabilities\":{\"bounding\":[" USUAL ",\"CAP_SYS_ADMIN\"]}",
			  dropped[] = "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"]}";

	difference_expect("\"declared\":{}", NULL, with_admin,
			  "[{\"field\":\"capabilities\",\"declared\":\"without these\",\"actual\":"
			  "\"CAP_SYS_ADMIN\"}]",
			  75);
	difference_expect("\"declared\":{\"capabilities\":{\"add\":[\"sys_admin\"]}}", NULL,
			  with_admin, NULL, 0);
	difference_expect("\"declared\":{\"capabilities\":{\"add\":[\"ALL\"]}}", NULL, with_admin,
			  NULL, 0);
	difference_expect("\"declared\":{\"privileged\":true}", NULL, with_admin, NULL, 0);
	difference_expect(
		"\"declared\":{\"capabilities\":{\"add\":[\"ALL\"],\"drop\":[\"SYS_ADMIN\"]}}",
		NULL, with_admin,
		"[{\"field\":\"capabilities\",\"declared\":\"without these\",\"actual\":"
		"\"CAP_SYS_ADMIN\"}]",
		75);
	difference_expect(
		"\"declared\":{\"capabilities\":{\"drop\":[\"ALL\"]}}", NULL, dropped,
		"[{\"field\":\"capabilities\",\"declared\":\"without these\",\"actual\":\"CAP_CHOWN\"}]",
		75);
	difference_expect(
		"\"declared\":{\"capabilities\":{\"add\":[\"CAP_CHOWN\"],\"drop\":[\"ALL\"]}}",
		NULL, dropped, NULL, 0);
}

static void test_protection(void **state)
{
	difference_expect("\"declared\":{}", NULL, "\"seccomp\":\"off\"",
			  "[{\"field\":\"seccomp\",\"declared\":\"filter\",\"actual\":\"off\"}]",
			  75);
	difference_expect("\"declared\":{\"security_options\":[\"seccomp=unconfined\"]}", NULL,
			  "\"seccomp\":\"off\"", NULL, 0);
	difference_expect("\"declared\":{\"privileged\":true}", NULL, "\"seccomp\":\"off\"", NULL,
			  0);
	difference_expect(
		"\"declared\":{\"security_options\":[\"no-new-privileges\"]}", NULL,
		"\"no_new_privileges\":false",
		"[{\"field\":\"no_new_privileges\",\"declared\":\"true\",\"actual\":\"false\"}]",
		75);
	difference_expect("\"declared\":{\"security_options\":[\"no-new-privileges:true\"]}", NULL,
			  "\"no_new_privileges\":true", NULL, 0);
}

#define HOST_PID  "\"namespaces\":{\"pid\":\"host\"," PRIVATE "}"
#define JOINS(id) "\"declared\":{\"namespaces\":{\"pid\":\"container:" id "\"}}"
#define FIRST     "1111111111111111111111111111111111111111111111111111111111111111"
#define SECOND    "2222222222222222222222222222222222222222222222222222222222222222"
#define THIRD     "3333333333333333333333333333333333333333333333333333333333333333"

/* The kernel shows whose it is in the end, not who was named. */
static void test_chains(void **state)
{
	static const char *const kinds[] = { "pid", "net", "ipc" };

	for (size_t i = 0; i < 3; i++) {
		char joins_first[200], joins_second[200], host[60], shown[120], expected[250];

		snprintf(joins_first, sizeof(joins_first),
			 "\"declared\":{\"namespaces\":{\"%s\":\"container:" FIRST "\"}}",
			 kinds[i]);
		snprintf(joins_second, sizeof(joins_second),
			 "\"declared\":{\"namespaces\":{\"%s\":\"container:" SECOND "\"}}",
			 kinds[i]);
		snprintf(host, sizeof(host), "\"namespaces\":{\"%s\":\"host\"}", kinds[i]);

		difference_declare_peer(FIRST, "\"declared\":{}");
		difference_declare_peer(SECOND, joins_first);
		snprintf(shown, sizeof(shown), "\"namespaces\":{\"%s\":\"container:" FIRST "\"}",
			 kinds[i]);
		difference_expect(joins_second, NULL, shown, NULL, 0);
		/* Who was seen in it first stands for it, whoever made it. */
		snprintf(shown, sizeof(shown), "\"namespaces\":{\"%s\":\"container:" SECOND "\"}",
			 kinds[i]);
		difference_expect(joins_first, NULL, shown, NULL, 0);
		/* The one that made it has ended, and may have been started again. */
		snprintf(shown, sizeof(shown), "\"namespaces\":{\"%s\":\"private\"}", kinds[i]);
		difference_expect(joins_second, NULL, shown, NULL, 0);
		snprintf(expected, sizeof(expected),
			 "[{\"field\":\"namespaces.%s\",\"declared\":\"container:" FIRST
			 "\",\"actual\":\"host\"}]",
			 kinds[i]);
		difference_expect(joins_second, NULL, host, expected, 75);
		difference_expect(joins_first, NULL, host, expected, 75);
		difference_declare_peer(THIRD, "\"declared\":{}");
		snprintf(shown, sizeof(shown), "\"namespaces\":{\"%s\":\"container:" THIRD "\"}",
			 kinds[i]);
		snprintf(expected, sizeof(expected),
			 "[{\"field\":\"namespaces.%s\",\"declared\":\"container:" FIRST
			 "\",\"actual\":\"container:" THIRD "\"}]",
			 kinds[i]);
		difference_expect(joins_second, NULL, shown, expected, 75);
		/* Of who is in it first nothing may be known, but private is private. */
		snprintf(shown, sizeof(shown), "\"namespaces\":{\"%s\":\"container:" OTHER "\"}",
			 kinds[i]);
		difference_expect(joins_second, NULL, shown, NULL, 0);
		snprintf(expected, sizeof(expected),
			 "[{\"field\":\"namespaces.%s\",\"declared\":\"private\",\"actual\":"
			 "\"container:" OTHER "\"}]",
			 kinds[i]);
		difference_expect("\"declared\":{}", NULL, shown, expected, 75);
		difference_forget_peers(state);
	}
}

static void test_chains_to_the_host(void **state)
{
	difference_declare_peer(FIRST, "\"declared\":{\"namespaces\":{\"pid\":\"host\"}}");
	difference_declare_peer(SECOND, JOINS(FIRST));
	difference_expect(JOINS(FIRST), NULL, HOST_PID, NULL, 0);
	difference_expect(JOINS(SECOND), NULL, HOST_PID, NULL, 0);
	difference_expect(
		JOINS(SECOND), NULL, "\"namespaces\":{\"pid\":\"private\"}",
		"[{\"field\":\"namespaces.pid\",\"declared\":\"host\",\"actual\":\"private\"}]",
		75);
	difference_expect(
		JOINS(FIRST), NULL, "\"namespaces\":{\"pid\":\"container:" OTHER "\"}",
		"[{\"field\":\"namespaces.pid\",\"declared\":\"host\",\"actual\":\"container:" OTHER
		"\"}]",
		75);
	/* What one that was made before recording shares cannot be said. */
	difference_expect(JOINS("other"), NULL, HOST_PID, NULL, 0);
	/* Two that name each other are started by no engine; they may stand in a trail. */
	difference_declare_peer(THIRD, JOINS(THIRD));
	difference_expect(JOINS(THIRD), NULL, HOST_PID, NULL, 0);
}

/* Rootless, or in a container: what it calls the host's is what it is in itself. */
static void test_engine_in_namespaces(void **state)
{
	static const char declared[] =
		"\"declared\":{\"namespaces\":{\"net\":\"host\",\"user\":\"host\"}}";

	difference_expect(declared, NULL,
			  "\"namespaces\":{\"net\":\"private\",\"user\":\"private\"}", NULL, 0);
	difference_expect(declared, NULL,
			  "\"namespaces\":{\"net\":\"container:" OTHER
			  "\",\"user\":\"container:" OTHER "\"}",
			  NULL, 0);
	difference_expect(
		declared, NULL, "\"namespaces\":{\"net\":\"private\",\"user\":\"host\"}",
		"[{\"field\":\"namespaces.net\",\"declared\":\"host\",\"actual\":\"private\"}]",
		75);
	difference_expect(
		"\"declared\":{\"namespaces\":{\"net\":\"bridge\"}}", NULL,
		"\"namespaces\":{\"net\":\"host\",\"user\":\"private\"}",
		"[{\"field\":\"namespaces.net\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
}

static void test_network_disabled(void **state)
{
	static const char declared[] = "\"declared\":{\"settings\":[\"NetworkDisabled=true\"],"
				       "\"namespaces\":{\"net\":\"host\"}}";

	difference_expect(declared, NULL, "\"namespaces\":{\"net\":\"private\"}", NULL, 0);
	difference_expect(
		declared, NULL, "\"namespaces\":{\"net\":\"host\"}",
		"[{\"field\":\"namespaces.net\",\"declared\":\"private\",\"actual\":\"host\"}]",
		75);
}

/* What caps.TweakCapabilities() makes of lists. */
static void test_capability_lists(void **state)
{
	static const struct {
		const char *lists, *bounding, *extra;
	} cases[] = {
		/* To add all goes before dropping all. */
		{ "\"add\":[\"ALL\"],\"drop\":[\"ALL\"]", USUAL ",\"CAP_SYS_ADMIN\"", NULL },
		{ "\"add\":[\"all\"],\"drop\":[\"All\",\"sys_admin\"]", USUAL ",\"CAP_SYS_ADMIN\"",
		  "CAP_SYS_ADMIN" },
		{ "\"add\":[\"NET_RAW\",\"All\"]", USUAL ",\"CAP_SYS_ADMIN\"", NULL },
		{ "\"add\":[\"ALL\"],\"drop\":[\"Cap_Chown\",\"net_admin\"]",
		  "\"CAP_CHOWN\",\"CAP_KILL\",\"CAP_NET_ADMIN\",\"CAP_SYS_ADMIN\"",
		  "CAP_CHOWN CAP_NET_ADMIN" },
		{ "\"add\":[\"cap_sys_ptrace\"],\"drop\":[\"all\"]",
		  "\"CAP_CHOWN\",\"CAP_SYS_PTRACE\"", "CAP_CHOWN" },
		{ "\"add\":[\"CHOWN\"],\"drop\":[\"ALL\",\"CHOWN\"]", "\"CAP_CHOWN\"", NULL },
		/* Dropped first, added then. */
		{ "\"add\":[\"CHOWN\"],\"drop\":[\"CAP_CHOWN\"]", USUAL, NULL },
		{ "\"drop\":[\"CAP_CHOWN\"]", USUAL, "CAP_CHOWN" },
		/* What Go makes the same of in upper case. */
		{ "\"add\":[\"\u017fys_adm\u0131n\"]", USUAL ",\"CAP_SYS_ADMIN\"", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char declared[200], shown[700], expected[200];

		snprintf(declared, sizeof(declared), "\"declared\":{\"capabilities\":{%s}}",
			 cases[i].lists);
		snprintf(shown, sizeof(shown), "\"capabilities\":{\"bounding\":[%s]}",
			 cases[i].bounding);
		if (cases[i].extra)
			snprintf(expected, sizeof(expected),
				 "[{\"field\":\"capabilities\",\"declared\":\"without these\","
				 "\"actual\":\"%s\"}]",
				 cases[i].extra);
		difference_expect(declared, NULL, shown, cases[i].extra ? expected : NULL,
				  cases[i].extra ? 75 : 0);
	}
}

#define OPTIONS(list) "\"declared\":{\"security_options\":[" list "]}"

static void test_security_options(void **state)
{
	static const struct {
		const char *declared;
		bool told;
	} privileges[] = {
		{ OPTIONS("\"no-new-privileges\""), true },
		{ OPTIONS("\"no-new-privileges:true\""), true },
		{ OPTIONS("\"no-new-privileges=true\""), true },
		{ OPTIONS("\"no-new-privileges=1\""), true },
		{ OPTIONS("\"no-new-privileges=T\""), true },
		{ OPTIONS("\"no-new-privileges:TRUE\""), true },
		{ OPTIONS("\"no-new-privileges=false\""), false },
		{ OPTIONS("\"no-new-privileges:0\""), false },
		/* The last one counts. */
		{ OPTIONS("\"no-new-privileges\",\"no-new-privileges=false\""), false },
		{ OPTIONS("\"no-new-privileges:f\",\"no-new-privileges:t\""), true },
		/* What the engine refuses. */
		{ OPTIONS("\"no-new-privileges=yes\",\"NO-NEW-PRIVILEGES\",\"\""), false },
	}, seccomp[] = {
		{ OPTIONS("\"seccomp=unconfined\""), false },
		{ OPTIONS("\"seccomp:unconfined\""), false },
		{ OPTIONS("\"seccomp=[profile len=300]\""), true },
		{ OPTIONS("\"seccomp=[profile len=2]\""), false }, /* {} */
		{ OPTIONS("\"seccomp=[profile len=20]\""), true },
		{ OPTIONS("\"seccomp=unconfined\",\"seccomp=builtin\""), true },
		{ OPTIONS("\"seccomp=builtin\",\"seccomp:unconfined\""), false },
		{ OPTIONS("\"apparmor=unconfined\",\"label=disable\""), true },
		{ "\"declared\":{\"privileged\":true}", false },
		/* Engines differ in whether it holds. */
		{ "\"declared\":{\"privileged\":true,\"security_options\":"
		  "[\"seccomp=[profile len=300]\"]}",
		  false },
		{ "\"declared\":{\"privileged\":true,\"namespaces\":{\"user\":\"host\"}}", false },
	};

	for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++) {
		difference_expect(privileges[i].declared, NULL, "\"no_new_privileges\":false",
				  privileges[i].told ? "[{\"field\":\"no_new_privileges\"" : NULL,
				  privileges[i].told ? 75 : 0);
		difference_expect(privileges[i].declared, NULL, "\"no_new_privileges\":true", NULL,
				  0);
	}
	for (size_t i = 0; i < sizeof(seccomp) / sizeof(seccomp[0]); i++) {
		difference_expect(seccomp[i].declared, NULL, "\"seccomp\":\"off\"",
				  seccomp[i].told ? "[{\"field\":\"seccomp\"" : NULL,
				  seccomp[i].told ? 75 : 0);
		difference_expect(seccomp[i].declared, NULL, "\"seccomp\":\"filter\"", NULL, 0);
	}
}

/* Of a body that is not known whole nothing is said. */
static void test_cut(void **state)
{
	difference_expect("\"declared\":{\"cut\":true}", NULL, "\"namespaces\":{\"pid\":\"host\"}",
			  NULL, 0);
	difference_expect("\"declared\":{\"repeated\":true}", NULL,
			  "\"namespaces\":{\"pid\":\"host\"}", NULL, 0);
	difference_expect("\"api\":{\"state\":\"truncated\"},\"declared\":{\"image\":\"a\"}", NULL,
			  "\"namespaces\":{\"pid\":\"host\"}", NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test_teardown(test_chains, difference_forget_peers),
		cmocka_unit_test_teardown(test_chains_to_the_host, difference_forget_peers),
		cmocka_unit_test(test_engine_in_namespaces),
		cmocka_unit_test(test_network_disabled),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_capability_lists),
		cmocka_unit_test(test_protection),
		cmocka_unit_test(test_security_options),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("difference", tests, NULL, NULL);
}
