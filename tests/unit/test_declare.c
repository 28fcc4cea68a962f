// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/declare.h"
#include "declare_bed.h"

static void test_create(void **state)
{
	EXPECT(container,
	       "{\"Hostname\":\"\",\"User\":\"0:0\",\"Env\":[\"A=secret\",\"B\",\"C=\"],"
	       "\"Cmd\":[\"id\",\"-u\"],\"Image\":\"busybox:1\",\"Volumes\":{\"/data\":{}},"
	       "\"Entrypoint\":[\"sh\",\"-c\"],\"Labels\":{\"Image\":\"no\"},"
	       "\"HostConfig\":{\"Binds\":[\"/srv/a:/b:ro,z\",\"vol:/c\"],\"NetworkMode\":\"bridge\","
	       "\"PidMode\":\"\",\"Privileged\":false,\"CapAdd\":[\"CHOWN\"],\"CapDrop\":null,"
	       "\"SecurityOpt\":[\"no-new-privileges\"],\"Sysctls\":{\"net.a\":\"1\"},"
	       "\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/d\",\"ReadOnly\":true},"
	       "{\"Type\":\"tmpfs\",\"Target\":\"/e\"}],\"Tmpfs\":{\"/run\":\"size=1m\"},"
	       "\"VolumesFrom\":[\"other:ro\"],\"RestartPolicy\":{\"Name\":\"no\"}},"
	       "\"NetworkingConfig\":{\"EndpointsConfig\":{\"x\":{\"Privileged\":true}}}}",
	       "image=busybox:1;user=0:0;command=sh,-c,id,-u;env=A,B,C;privileged=0;pid=;net=bridge;"
	       "<type=bind;source=/srv/a;target=/b;mode=ro,z;><type=volume;source=vol;target=/c;>"
	       "<type=volume;source=v;target=/d;mode=ro;><type=tmpfs;target=/e;>"
	       "<type=volume;target=/data;><type=tmpfs;target=/run;>"
	       "add=CHOWN;options=no-new-privileges;sysctls=net.a=1;from=other:ro;"
	       "labels=Image=[redacted len=2];networks=x;settings=RestartPolicy=no; 0");
	EXPECT(container, "{}", " 0");
	EXPECT(container, "[{\"Image\":\"x\"}]", " 0");
	EXPECT(container, "{\"Cmd\":\"id -u\",\"Entrypoint\":[]}", "command=id -u; 0");
}

static void test_isolation_given_away(void **state)
{
	EXPECT(container, "{\"HostConfig\":{\"Privileged\":true}}", "privileged=1; 75");
	EXPECT(container, "{\"HostConfig\":{\"PidMode\":\"host\"}}", "pid=host; 75");
	EXPECT(container, "{\"HostConfig\":{\"PidMode\":\"container:a\"}}", "pid=container:a; 75");
	EXPECT(container, "{\"HostConfig\":{\"NetworkMode\":\"container:a\"}}",
	       "net=container:a; 0");
	EXPECT(container, "{\"HostConfig\":{\"NetworkMode\":\"host\"}}", "net=host; 75");
	EXPECT(container, "{\"HostConfig\":{\"IpcMode\":\"host\"}}", "ipc=host; 75");
	EXPECT(container, "{\"HostConfig\":{\"UTSMode\":\"host\"}}", "uts=host; 75");
	EXPECT(container, "{\"HostConfig\":{\"UsernsMode\":\"host\"}}", "userns=host; 75");
	EXPECT(container, "{\"HostConfig\":{\"CgroupnsMode\":\"host\"}}", "cgroup=host; 75");
	EXPECT(container, "{\"HostConfig\":{\"NetworkMode\":\"ns:/proc/1/ns/net\"}}",
	       "net=ns:/proc/1/ns/net; 75");
	EXPECT(container, "{\"HostConfig\":{\"CapAdd\":[\"CHOWN\",\"cap_sys_admin\"]}}",
	       "add=CHOWN,cap_sys_admin; 75");
	EXPECT(container, "{\"HostConfig\":{\"CapAdd\":[\"ALL\"]}}", "add=ALL; 75");
	/* The engine's upper case makes ASCII of a long s and a dotless i. */
	EXPECT(container, "{\"HostConfig\":{\"CapAdd\":[\"cap_\u017fys_adm\u0131n\"]}}",
	       "add=cap_\u017fys_adm\u0131n; 75");
	EXPECT(container,
	       "{\"HostConfig\":{\"SecurityOpt\":[\"seccomp={\\\"a\\\":1}\",\"{\\\"a\\\"}\"]}}",
	       "options=seccomp=[profile len=7],=[profile len=5]; 0");
	EXPECT(container, "{\"HostConfig\":{\"SecurityOpt\":[\"seccomp=unconfined\"]}}",
	       "options=seccomp=unconfined; 75");
	EXPECT(container, "{\"HostConfig\":{\"SecurityOpt\":[\"apparmor:unconfined\"]}}",
	       "options=apparmor:unconfined; 75");
	EXPECT(container, "{\"HostConfig\":{\"MaskedPaths\":[],\"ReadonlyPaths\":[\"/proc\"]}}",
	       "settings=MaskedPaths=; unmasked 75");
	EXPECT(container, "{\"HostConfig\":{\"MaskedPaths\":null}}", " 0");
	EXPECT(container,
	       "{\"HostConfig\":{\"Devices\":[{\"PathOnHost\":\"/dev/sda\","
	       "\"PathInContainer\":\"/x\"}]}}",
	       "devices=/dev/sda; 75");
	EXPECT(container, "{\"HostConfig\":{\"DeviceCgroupRules\":[\"a *:* rwm\"]}}",
	       "rules=a *:* rwm; 75");
	EXPECT(container,
	       "{\"HostConfig\":{\"DeviceRequests\":[{\"Driver\":\"\",\"Count\":-1,"
	       "\"Capabilities\":[[\"gpu\"]]},{\"Driver\":\"cdi\",\"DeviceIDs\":[\"a/b=c\",\"d\"]}]}}",
	       "devices=gpu,cdi:a/b=c,cdi:d; 75");
	EXPECT(container,
	       "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/x\","
	       "\"VolumeOptions\":{\"DriverConfig\":{\"Name\":\"local\",\"Options\":"
	       "{\"o\":\"bind\",\"device\":\"/etc\",\"type\":\"none\"}}}}]}}",
	       "<type=volume;target=/x;mode=bind;device=/etc;> 75");
}

static void test_as_go_reads_it(void **state)
{
	/* Without regard to case; the long s and the Kelvin sign fold into ASCII. */
	EXPECT(container, "{\"hostconfig\":{\"PRIVILEGED\":true}}", "privileged=1; 75");
	EXPECT(container, "{\"Ho\\u017ftConfig\":{\"networ\xe2\x84\xaaMode\":\"host\"}}",
	       "net=host; 75");
	EXPECT(container, "{\"Host\\u0043onfig\":{\"Pid\\u004dode\":\"ho\\u0073t\"}}",
	       "pid=host; 75");
	EXPECT(container,
	       "{\"HostConfigs\":{\"Privileged\":true},\"HostConfi\":{\"PidMode\":\"host\"}}",
	       " 0");
	/* The last one wins, objects merge, null removes. */
	EXPECT(container,
	       "{\"HostConfig\":{\"Privileged\":true},\"hostConfig\":{\"Privileged\":false}}",
	       "privileged=0; repeated 75");
	EXPECT(container,
	       "{\"HostConfig\":{\"PidMode\":\"host\"},\"HOSTCONFIG\":{\"IpcMode\":\"host\"}}",
	       "pid=host;ipc=host; repeated 75");
	EXPECT(container, "{\"HostConfig\":{\"Binds\":[\"/a:/b\"],\"binds\":[\"/:/c\"]}}",
	       "<type=bind;source=/;target=/c;> repeated 75");
	EXPECT(container, "{\"HostConfig\":{\"Binds\":[\"/a:/b\"],\"binds\":null}}",
	       " repeated 75");
	EXPECT(container, "{\"HostConfig\":{\"Privileged\":true,\"privileged\":null}}",
	       "privileged=1; repeated 75");
	EXPECT(container, "{\"HostConfig\":{\"PidMode\":\"host\"},\"HostConfig\":null}",
	       " repeated 75");
	/* Only the first value. */
	EXPECT(container, "{\"Image\":\"a\"}{\"Image\":\"b\"}", "image=a; 0");
	EXPECT(container, " {\"Image\":\"a\"} garbage", "image=a; 0");
	/* Wrong types say nothing. */
	EXPECT(container,
	       "{\"Image\":1,\"Cmd\":{\"a\":\"b\"},\"HostConfig\":{\"Privileged\":\"true\","
	       "\"Mounts\":{\"Source\":\"/\"},\"PidMode\":[\"host\"]}}",
	       " 0");
}

static void test_fields_of_the_host_at_the_top(void **state)
{
	EXPECT(container, "{\"Image\":\"a\",\"Privileged\":true,\"Binds\":[\"/:/h\"]}",
	       "image=a;privileged=1;<type=bind;source=/;target=/h;> 75");
	EXPECT(container,
	       "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/etc\",\"Target\":\"/e\"}]}",
	       "<type=bind;source=/etc;target=/e;> 75");
	EXPECT(container, "{\"Privileged\":true,\"HostConfig\":{\"PidMode\":\"\"}}", "pid=; 0");
	EXPECT(container, "{\"Privileged\":true,\"HostConfig\":null}", "privileged=1; 75");
	EXPECT(host, "{\"Binds\":[\"/:/h\"],\"Privileged\":true}",
	       "privileged=1;<type=bind;source=/;target=/h;> 75");
}

static void test_deep_junk_hides_nothing(void **state)
{
	_cleanup_buffer_ struct buffer body = {}, out = {};

	buffer_append_string(&body, "{\"Labels\":");
	for (size_t i = 0; i < 500; i++)
		buffer_append_string(&body, "{\"a\":[");
	for (size_t i = 0; i < 500; i++)
		buffer_append_string(&body, "]}");
	buffer_append_string(&body, ",\"HostConfig\":{\"Privileged\":true}}");
	declare_read_body(OPERATION_DECLARES_container, (struct text){ body.data, body.length }, 7,
			  false, &out);
	assert_string_equal(buffer_string(&out), "privileged=1;labels=a=; 75");
}

static void test_binds(void **state)
{
	EXPECT(container,
	       "{\"HostConfig\":{\"Binds\":[\"/a\",\"a:b\",\"/a:/b:ro:x\",\"\",\":/x\",\"/a:\"]}}",
	       "<type=volume;target=/a;><type=volume;source=a;target=b;>"
	       "<type=bind;source=/a;target=/b;mode=ro:x;><type=volume;target=;>"
	       "<type=volume;source=;target=/x;><type=bind;source=/a;target=;> 0");
}

static void test_other_kinds(void **state)
{
	EXPECT(exec,
	       "{\"AttachStdin\":true,\"Cmd\":[\"sh\"],\"User\":\"root\",\"Privileged\":true,"
	       "\"Env\":[\"X=1\"],\"DetachKeys\":\"\"}",
	       "user=root;command=sh;env=X;privileged=1;settings=AttachStdin=true; 75");
	EXPECT(exec, "{\"Cmd\":[\"id\"],\"HostConfig\":{\"PidMode\":\"host\"}}", "command=id; 0");
	EXPECT(volume,
	       "{\"Name\":\"v\",\"Driver\":\"local\",\"DriverOpts\":{\"type\":\"none\","
	       "\"o\":\"bind\",\"device\":\"/etc\",\"password\":\"x\"}}",
	       "name=v;<type=volume;device=/etc;>driver=local;driver options=password=[redacted len=1],"
	       "type=none,o=bind,device=/etc; 75");
	EXPECT(volume, "{\"DriverOpts\":{\"device\":\"/srv\"}}",
	       "<type=volume;device=/srv;>driver options=device=/srv; 0");
	EXPECT(secret, "{\"Name\":\"n\",\"Data\":\"c2VjcmV0\"}", "name=n; 0");
	EXPECT(member, "{\"Container\":\"c\",\"EndpointConfig\":{}}", "container=c; 0");
	EXPECT(service,
	       "{\"Name\":\"web\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"i\",\"Command\":[\"c\"],"
	       "\"Args\":[\"d\"],\"Env\":[\"S=1\"],\"Mounts\":[{\"Type\":\"bind\",\"Source\":"
	       "\"/var/run/docker.sock\",\"Target\":\"/s\"}],\"CapabilityAdd\":[\"CAP_NET_RAW\"]}}}",
	       "name=web;image=i;command=c,d;env=S;"
	       "<type=bind;source=/var/run/docker.sock;target=/s;>add=CAP_NET_RAW; 75");
	EXPECT(none, "{\"Name\":\"n\"}", " 0");
}

static void test_cut_bodies(void **state)
{
	EXPECT(container,
	       "{\"Image\":\"a\",\"HostConfig\":{\"Privileged\":true,\"Binds\":[\"/:/h\",\"/x",
	       "image=a;privileged=1;<type=bind;source=/;target=/h;> part 75");
	EXPECT(container, "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/\",\"Tar",
	       "<type=bind;source=/;> part 75");
	EXPECT(container, "{\"Image\":\"a\",]", "image=a; broken part 0");
	EXPECT(container, "", " part 0");
}

static void test_gap(void **state)
{
	const struct declared *declared;
	_cleanup_buffer_ struct buffer out = {};
	struct declare *declare;

	assert_int_equal(declare_new(OPERATION_DECLARES_container, &declare), 0);
	assert_int_equal(declare_feed(declare, "{\"Image\":\"a\",", 13), 0);
	declare_gap(declare);
	assert_int_equal(declare_feed(declare, "\"User\":\"b\"}", 11), 0);
	assert_int_equal(declare_finish(declare, &declared), 0);
	declare_show(&out, declared);
	assert_string_equal(buffer_string(&out), "image=a; cut part 0");
	declare_free(declare);
	declare_free(NULL);
}

static void test_bounds(void **state)
{
	_cleanup_buffer_ struct buffer body = {}, out = {};

	buffer_append_string(&body, "{\"HostConfig\":{\"SecurityOpt\":[\"seccomp={");
	for (size_t i = 0; i < 20000; i++)
		buffer_append_char(&body, 'x');
	buffer_append_string(&body, "}\"],\"Mounts\":[");
	for (size_t i = 0; i < 300; i++)
		buffer_append_string(&body, "{\"Target\":\"/a\"},");
	buffer_append_string(&body, "{\"Source\":\"/\"}]}}");
	declare_read_body(OPERATION_DECLARES_container, (struct text){ body.data, body.length },
			  1000, false, &out);
	assert_non_null(strstr(buffer_string(&out), "options=seccomp=[profile len=20002]; cut 75"));

	buffer_clear(&body);
	buffer_append_string(&body, "{\"Env\":[\"A=");
	for (size_t i = 0; i < 20000; i++)
		buffer_append_char(&body, 's');
	buffer_append_string(&body, "\"],\"Image\":\"");
	for (size_t i = 0; i < 20000; i++)
		buffer_append_char(&body, 'i');
	buffer_append_string(&body, "\"}");
	declare_read_body(OPERATION_DECLARES_container, (struct text){ body.data, body.length },
			  1000, false, &out);
	assert_non_null(strstr(buffer_string(&out), "iii;env=A; cut 0"));
	assert_true(out.length < DECLARED_MOST_TEXT_BYTES + 100);
}

static void test_sensitive(void **state)
{
	static const char *const yes[] = {
		"/",
		"//",
		"/.",
		"/..",
		"/etc",
		"/etc/",
		"/etc/shadow",
		"/a/../etc",
		"//etc//x",
		"/var/run/docker.sock",
		"/run/docker.sock",
		"/var/./run/docker.sock",
		"/proc",
		"/proc/1/root",
		"/sys/fs/cgroup",
		"/dev/sda",
		"/var/lib/docker",
		"/var/lib/docker/volumes",
		"/root/.ssh",
		"/home",
		"/home/",
		"/usr/local/bin",
		"/boot",
		"/var",
		"/srv/x/docker.sock",
		"/run",
		"/var/run",
		"/x/../../",
		"/etc/localtime/../shadow",
	};
	static const char *const no[] = {
		"",          "etc",       "./etc",          "/etcetera", "/home/alice",
		"/srv/etc",  "/var/www",  "/etc/localtime", "/opt/app",  "/data/../srv",
		"/variable", "/dev/null",
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!declare_is_sensitive(text_of(yes[i])))
			fail_msg("%s is not sensitive", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (declare_is_sensitive(text_of(no[i])))
			fail_msg("%s is sensitive", no[i]);
}

static void expect_answer(enum declare_answer answer, const char *body, const char *expected)
{
	for (size_t at = 0; at <= strlen(body); at++) {
		struct declare_answer_reader *reader;
		struct text found;

		assert_int_equal(declare_answer_new(answer, &reader), 0);
		assert_int_equal(declare_answer_feed(reader, body, at), 0);
		assert_int_equal(declare_answer_feed(reader, body + at, strlen(body) - at), 0);
		found = declare_answer_found(reader);
		assert_int_equal(found.length, strlen(expected));
		assert_memory_equal(found.data, expected, found.length);
		declare_answer_free(reader);
	}
}

static void test_answers(void **state)
{
	struct operation_match match = {};

	expect_answer(DECLARE_ANSWER_ID, "{\"Id\":\"abc\",\"Warnings\":[]}\n", "abc");
	expect_answer(DECLARE_ANSWER_ID, "{\"Warnings\":[{\"Id\":\"x\"}],\"ID\":\"abc\"}", "abc");
	expect_answer(DECLARE_ANSWER_ID, "{\"message\":\"Id\"}", "");
	expect_answer(DECLARE_ANSWER_ID, "{\"Id\":\"a\"}{\"Id\":\"b\"}", "a");
	expect_answer(DECLARE_ANSWER_NAME, "{\"Name\":\"v\",\"Id\":\"x\"}", "v");
	expect_answer(DECLARE_ANSWER_AUX,
		      "{\"stream\":\"Step 1\"}\r\n{\"status\":\"Pulling\",\"id\":\"layer\"}\r\n"
		      "{\"aux\":{\"ID\":\"sha256:1\"}}\r\n{\"x\":{\"ID\":\"no\"},\"id\":\"no\"}\r\n"
		      "{\"aux\":[{\"ID\":\"no\"}]}\r\n{\"aux\":{\"a\":{\"ID\":\"no\"}}}",
		      "sha256:1");
	expect_answer(DECLARE_ANSWER_AUX, "{\"aux\":{\"ID\":\"1\"}}{\"aux\":{\"ID\":\"2\"}}", "2");
	assert_int_equal(operation_find(&match, TEXT("POST"), TEXT("/containers/create")), 0);
	assert_int_equal(declare_answer_of(match.operation), DECLARE_ANSWER_ID);
	assert_int_equal(operation_find(&match, TEXT("POST"), TEXT("/build")), 0);
	assert_int_equal(declare_answer_of(match.operation), DECLARE_ANSWER_AUX);
	assert_int_equal(declare_answer_of(NULL), DECLARE_ANSWER_NONE);
	operation_match_free(&match);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_isolation_given_away),
		cmocka_unit_test(test_as_go_reads_it),
		cmocka_unit_test(test_fields_of_the_host_at_the_top),
		cmocka_unit_test(test_deep_junk_hides_nothing),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_cut_bodies),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sensitive),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
