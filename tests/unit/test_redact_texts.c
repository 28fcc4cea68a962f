// SPDX-License-Identifier: Apache-2.0
/* What stands in targets, in bytes that are no message, and in texts; command lines: test_redact.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "correlate/operations.h"
#include "correlate/redact.h"
#include "event/record.h"

static void expect_query(const char *method, const char *target, const char *expected)
{
	struct operation_match match = {};
	_cleanup_buffer_ struct buffer out = {};

	assert_int_equal(operation_find(&match, text_of(method), text_of(target)), 0);
	redact_query(NULL, match.operation, match.query, &out);
	assert_int_equal(out.error, 0);
	assert_string_equal(buffer_string(&out), expected);
	operation_match_free(&match);
}

static void test_query(void **state)
{
	expect_query("POST", "/containers/create?name=web&x=secret", "name=web&x=[redacted len=6]");
	expect_query("POST", "/build?buildargs=%7B%22A%22%3A%22b%22%7D&t=a%2Fb:1&rm=1&q",
		     "buildargs=[redacted len=23]&t=a%2Fb:1&rm=1&q");
	expect_query("POST", "/build?build%61rgs=x&%74=y", "build%61rgs=[redacted len=1]&%74=y");
	expect_query("POST", "/build?remote=https://me:pw@h/r.git%23main&T=x",
		     "remote=https://[redacted len=5]@h/r.git%23main&T=[redacted len=1]");
	expect_query("POST", "/build?remote=https%3A%2F%2Ftok%40h%2Fr",
		     "remote=https://[redacted len=3]@h/r");
	expect_query("POST", "/build?remote=git%40h:a/b", "remote=[redacted len=3]@h:a/b");
	expect_query("POST", "/build?remote=ssh://git:a/b@h/r",
		     "remote=ssh://[redacted len=7]@h/r");
	expect_query("POST", "/build?remote=https://h:80/r?token=abc",
		     "remote=https://h:80/r?token=[redacted len=3]");
	expect_query("POST", "/build?remote=https://h:80/r", "remote=https://h:80/r");
	expect_query("POST", "/images/create?fromSrc=http://u:p@h/x&fromImage=busybox&tag=1",
		     "fromSrc=http://[redacted len=3]@h/x&fromImage=busybox&tag=1");
	expect_query(
		"POST",
		"/commit?container=c&changes=ENV%20A=b&changes=CMD%20id&comment=password%3Dx",
		"container=c&changes=ENV%20[redacted len=3]&changes=CMD%20id&comment=password=[redacted len=1]");
	expect_query("POST", "/commit?changes=CMD+x%0AENV+A%3Db&changes=ONBUILD+ENV+A+b",
		     "changes=[redacted len=13]&changes=[redacted len=15]");
	expect_query("POST", "/nobody?a=b&c&=d&&", "a=[redacted len=1]&c&=[redacted len=1]&&");
	expect_query("GET", "/containers/json?all=", "all=");
	expect_query(
		"GET",
		"/info?0123456789012345678901234567890123456789012345678901234567890123456789=x",
		"[redacted len=70]=[redacted len=1]");
}

static void expect_raw(const char *raw, const char *expected)
{
	_cleanup_buffer_ struct buffer out = {};

	redact_raw(NULL, text_of(raw), &out);
	assert_string_equal(buffer_string(&out), expected);
}

static void test_raw(void **state)
{
	expect_raw(
		"POST /build?buildargs=x HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: abc\r\n"
		"Content-Length: 1\r\nContent-Length: 2\r\n\r\nbody secret",
		"POST /build?[redacted len=11] HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: [redacted len=3]\r\n"
		"Content-Length: 1\r\nContent-Length: 2\r\n[redacted len=13]");
	expect_raw("GET /a\r\nAuthorization Basic x\r\n folded: x\r\n",
		   "GET /a\r\n[redacted len=21]\r\n[redacted len=10]\r\n");
	expect_raw("GET /a?b=c d", "GET /a?[redacted len=3][redacted len=2]");
	expect_raw("GET /a\r\nHost: d\rAuthorization: x\r\nHost: me:pw@d\r\n",
		   "GET /a\r\nHost: [redacted len=18]\r\nHost: me:[redacted len=2]@d\r\n");
	expect_raw("GET http://me:pw@d/a HTTP/1.1\r\n",
		   "GET http://[redacted len=5]@d/a HTTP/1.1\r\n");
	expect_raw("GET http://me:p", "GET http://[redacted len=4]");
	expect_raw("GET /images/http%3A%2F%2Fme%3Apw%40d/json x",
		   "GET /images/http://[redacted len=5]@d/json[redacted len=2]");
	/* No head: nothing of it. */
	expect_raw("{\"Env\":[\"A=secret\"]}", "[redacted len=20]");
	expect_raw("secret\"]}\r\n", "[redacted len=11]");
	expect_raw("PASS hunter2\r\n", "[redacted len=14]");
	expect_raw("PASS /hunter2\r\nHost: hunter2\r\n", "[redacted len=30]");
	expect_raw("GET hunter2\r\n", "[redacted len=13]");
	expect_raw("pin", "[redacted len=3]");
	expect_raw("SSH-2.0-client", "SSH-2.0-[redacted len=6]");
	expect_raw("\x16\x03\x01garbage", "\x16\x03\x01[redacted len=7]");
	expect_raw("", "");
}

static void test_text(void **state)
{
	_cleanup_buffer_ struct buffer out = {};

	redact_text(NULL, TEXT("user=me password=pw url=http://a:b@c"), false, &out);
	assert_string_equal(buffer_string(&out),
			    "user=me password=[redacted len=2] url=http://[redacted len=3]@c");
}

static void expect_path(const char *path, bool encoded, const char *expected)
{
	_cleanup_buffer_ struct buffer out = {};

	redact_path(NULL, text_of(path), encoded, &out);
	assert_string_equal(buffer_string(&out), expected);
}

static void test_path(void **state)
{
	expect_path("/images/reg:5000/a%2Fb:1@sha256:0123/json", true,
		    "/images/reg:5000/a%2Fb:1@sha256:0123/json");
	expect_path("/images/https://me:pw@h/x/json", true,
		    "/images/https://[redacted len=5]@h/x/json");
	expect_path("/images/https:%2f%2fme:p%40w%40h/x/json", true,
		    "/images/https://[redacted len=6]@h/x/json");
	expect_path("/images/me:p@w@reg/x/json", true, "/images/me:[redacted len=3]@reg/x/json");
	/* As path.Clean() leaves it. */
	expect_path("https:/me:pw@h/x", false, "https:/[redacted len=5]@h/x");
	expect_path("busybox:1@sha256:0123", false, "busybox:1@sha256:0123");
	expect_path("/var/lib:/x:ro", false, "/var/lib:/x:ro");
	expect_path("%70assword=a%20b", true, "password=[redacted len=1]%20b");
}

/* What the last look has left as it was is passed the next time: that alone, and never more. */
static void test_last_look(void **state)
{
	static const char *const kinds[] = {
		"/v1.41/containers/%zu/json",
		"ghp_0123456789abcdef%zu",
		"Memory=%zu",
		"TOKEN=%zu",
		"/a%%20TOKEN=%zu",
		"registry.example/web:%zu",
		"http://u:p%zu@h/x",
		"%0100zu",
	};
	_cleanup_record_ struct record *record = NULL;
	static const struct redact_rules none = {};
	struct redact_problem problem;
	struct redact *redact;
	char text[128];

	assert_int_equal(redact_new(&none, &redact, &problem), 0);
	assert_int_equal(record_new(&record), 0);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < 4096; i++) {
			_cleanup_buffer_ struct buffer masked = {};
			int length = snprintf(text, sizeof(text), kinds[i % ARRAY_SIZE(kinds)], i);

			redact_text(redact, (struct text){ text, (size_t)length }, false, &masked);
			record_begin(record, EVENT_api_request);
			record_set_string(record, FIELD_declared_image, text);
			record_set_string(record, FIELD_url_path, text);
			assert_int_equal(redact_record(redact, record), 0);
			assert_true(text_equal(record_text(record, FIELD_declared_image),
					       (struct text){ masked.data, masked.length }));
			assert_int_equal(
				text_equal(record_text(record, FIELD_url_path), text_of(text)),
				strchr("0257", (int)('0' + i % 8)) != NULL);
		}
	redact_free(redact);
}

static void expect_unit(const char *unit, const char *expected)
{
	_cleanup_buffer_ struct buffer out = {};

	redact_unit(NULL, text_of(unit), &out);
	assert_int_equal(out.error, 0);
	assert_string_equal(buffer_string(&out), expected);
}

static void test_unit(void **state)
{
	expect_unit("[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd://\nRestart=always",
		    "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd://\nRestart=always");
	expect_unit(
		"ExecStartPost=/usr/bin/docker login -u me --password hunter2 r.example\n",
		"ExecStartPost=/usr/bin/docker login -u me --password [redacted len=7] r.example\n");
	expect_unit(
		"ExecStart=/usr/bin/docker run \\\n  -e TOKEN=hunter2 \\\n  web\nUser=x\n",
		"ExecStart=/usr/bin/docker run \\\n  -e TOKEN=[redacted len=7] \\\n  web\nUser=x\n");
	expect_unit("Environment=\"DB_PASSWORD=correct horse battery\" A=b\n",
		    "Environment=\"DB_PASSWORD=[redacted len=21]\" A=b\n");
	expect_unit("# PASSWORD=hunter2\nExecReload=/bin/kill -HUP $MAINPID",
		    "# PASSWORD=[redacted len=7]\nExecReload=/bin/kill -HUP $MAINPID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),     cmocka_unit_test(test_raw),
		cmocka_unit_test(test_text),      cmocka_unit_test(test_path),
		cmocka_unit_test(test_last_look), cmocka_unit_test(test_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
