// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "correlate/operations.h"

/* "Id version target path", "-" for what is not there, and " refused", " redirected". */
static void expect(const char *method, const char *target, const char *expected)
{
	struct operation_match match = {};
	char *found;

	assert_int_equal(operation_find(&match, text_of(method), text_of(target)), 0);
	assert_true(asprintf(&found, "%s %.*s %.*s %s%s%s",
			     match.operation ? match.operation->id : "-",
			     match.version.length ? (int)match.version.length : 1,
			     match.version.length ? match.version.data : "-",
			     match.target.length ? (int)match.target.length : 1,
			     match.target.length ? match.target.data : "-",
			     match.path.length ? buffer_string(&match.path) : "-",
			     match.refused ? " refused" : "",
			     match.redirected ? " redirected" : "") > 0);
	assert_string_equal(found, expected);
	free(found);
	operation_match_free(&match);
}

static void test_find(void **state)
{
	expect("GET", "/_ping", "SystemPing - - /_ping");
	expect("HEAD", "/_ping", "SystemPingHead - - /_ping");
	expect("POST", "/v1.41/containers/create?name=x",
	       "ContainerCreate 1.41 - /v1.41/containers/create");
	expect("POST", "/containers/abc/start", "ContainerStart - abc /containers/abc/start");
	expect("GET", "/v1.24/containers/json?all=1",
	       "ContainerList 1.24 - /v1.24/containers/json");
	expect("GET", "/containers/a/json", "ContainerInspect - a /containers/a/json");
	expect("DELETE", "/containers/a", "ContainerDelete - a /containers/a");
	expect("DELETE", "/containers/a/checkpoints/b",
	       "ContainerCheckpointDelete - a /containers/a/checkpoints/b");
	expect("POST", "/v1.47/images/reg.example/a/b:1/push",
	       "ImagePush 1.47 reg.example/a/b:1 /v1.47/images/reg.example/a/b:1/push");
	expect("DELETE", "/images/a/b@sha256:00",
	       "ImageDelete - a/b@sha256:00 /images/a/b@sha256:00");
	expect("GET", "/distribution/library/x/json",
	       "DistributionInspect - library/x /distribution/library/x/json");
	expect("POST", "/session", "Session - - /session");
	expect("POST", "/grpc", "GRPC - - /grpc");
	expect("GET", "/networks/", "NetworkList - - /networks/");
	expect("GET", "/services/s/logs", "ServiceLogs - s /services/s/logs");
	expect("GET", "/plugins/privileges", "GetPluginPrivileges - - /plugins/privileges");
	expect("POST", "/plugins/vieux/sshfs:latest/enable",
	       "PluginEnable - vieux/sshfs:latest /plugins/vieux/sshfs:latest/enable");
	expect("POST", "/exec/e/start", "ExecStart - e /exec/e/start");
	expect("GET", "/version", "SystemVersion - - /version");
}

static void test_unknown(void **state)
{
	expect("POST", "/_ping", "- - - /_ping");
	expect("get", "/_ping", "- - - /_ping");
	expect("GET", "/v1.41", "- - - /v1.41");
	expect("GET", "/vx/_ping", "- - - /vx/_ping");
	expect("GET", "/containers/json/", "- - - /containers/json/");
	expect("GET", "/v1.41/v1.41/_ping", "- 1.41 - /v1.41/v1.41/_ping");
	expect("GET", "/secrets/a/b", "- - - /secrets/a/b");
	expect("", "/", "- - - /");
}

/* What the engine redirects or refuses is dispatched to nothing. */
static void test_encoded_and_unclean(void **state)
{
	expect("POST", "/v1.41/%63ontainers%2Fcreate",
	       "ContainerCreate 1.41 - /v1.41/containers/create");
	expect("GET", "/%76%31.41%2f_ping", "SystemPing 1.41 - /v1.41/_ping");
	expect("POST", "//containers/create", "- - - /containers/create redirected");
	expect("POST", "/x/../containers/./create", "- - - /containers/create redirected");
	expect("POST", "/../../containers/%2e/create", "- - - /containers/create redirected");
	expect("GET", "/a/..", "- - - / redirected");
	expect("GET", "/containers//json", "- - - /containers/json redirected");
	expect("GET", "/containers/%2f/json", "- - - /containers/json redirected");
	expect("GET", "/networks//", "- - - /networks/ redirected");
	expect("GET", "http://docker/v1.40/info?x", "SystemInfo 1.40 - /v1.40/info");
	expect("GET", "unix+x://a/info", "SystemInfo - - /info");
	expect("GET", "http:/info", "SystemInfo - - /info");
	expect("GET", "http:////info", "- - - /info redirected");
	expect("GET", "http:info", "- - - - redirected");
	expect("GET", "http:?x", "- - - - redirected");
	expect("GET", "http://docker", "- - - - redirected");
	expect("GET", "*", "- - - * redirected");
	expect("OPTIONS", "*", "- - - *");
	expect("CONNECT", "docker:1", "- - - - redirected");
	expect("CONNECT", "docker/info", "- - - /info");
	/* `.*` of a route takes no line feed, `[^/]+` does. */
	expect("GET", "/containers/a%0ab/json", "- - - /containers/a\nb/json");
	expect("GET", "/secrets/a%0ab", "SecretInspect - a\nb /secrets/a\nb");
	expect("GET", "/%zz", "- - - /%zz refused");
	expect("GET", "/a%4", "- - - /a%4 refused");
	expect("GET", "info", "- - - - refused");
	expect("GET", "", "- - - - refused");
	expect("GET", "?a", "- - - - refused");
	expect("GET", "*?a", "- - - - refused");
	expect("GET", "/a\x7f", "- - - - refused");
}

/* Of an absolute form the authority has to be one: net/url, parseAuthority and parseHost. */
static void test_authorities(void **state)
{
	static const char *const good[] = {
		"http://a!$&'()*+,;=:1/", "http://<>\"/",          "http://a\xe4/",
		"http://a%25/",           "http://a%E4/",          "http://a]/",
		"http://[::1]:/",         "http://[::1%25en0]:1/", "http://a:b:1/",
		"http://u@v:p@a/",        "http://%41@a/",         "http:///",
	};
	static const char *const bad[] = {
		"1x://a/",        "://a/",        "x_y://a/",       "http://h:x/",  "http://h%20h/",
		"http://h%zz/",   "http://a^/",   "http://a\\b/",   "http://a%41/", "http://[::1/",
		"http://[::1]x/", "http://u^@a/", "http://u%zz@a/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		expect("GET", good[i], "- - - /");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect("GET", bad[i], "- - - - refused");
}

static void test_slices(void **state)
{
	struct operation_match match = {};

	assert_int_equal(operation_find(&match, TEXT("GET"), TEXT("/a%2fb?c=d?e")), 0);
	assert_true(text_equal(match.raw_path, TEXT("/a%2fb")));
	assert_true(text_equal(match.query, TEXT("c=d?e")));
	/* Used again, nothing of the last one stays. */
	assert_int_equal(operation_find(&match, TEXT("GET"), TEXT("/v1.9/info")), 0);
	assert_int_equal(match.query.length, 0);
	assert_int_equal(operation_find(&match, TEXT("GET"), TEXT("/info")), 0);
	assert_int_equal(match.version.length, 0);
	operation_match_free(&match);
}

/* Every row is reached by a path made of it, and by nothing before it. */
static void test_every_row(void **state)
{
	size_t count;
	const struct operation *rows = operation_all(&count);

	assert_true(count > 105);
	for (size_t i = 0; i < count; i++) {
		_cleanup_buffer_ struct buffer path = {};
		struct operation_match match = {};

		buffer_append_string(&path, "/v1.43");
		for (const char *p = rows[i].path; *p; p++) {
			const char *end = *p == '{' ? strchr(p, '}') : NULL;

			if (end) {
				buffer_append_string(&path, end[-1] == '.' ? "a/b" : "a");
				p = end;
			} else {
				buffer_append_char(&path, *p);
			}
		}
		assert_int_equal(operation_find(&match, text_of(rows[i].method),
						text_of(buffer_string(&path))),
				 0);
		assert_ptr_equal(match.operation, &rows[i]);
		assert_int_equal(match.target.length,
				 strchr(rows[i].path, '{') ? (strstr(rows[i].path, "...") ? 3 : 1)
							   : 0);
		assert_true(rows[i].severity == 0 || rows[i].severity == 25 ||
			    rows[i].severity == 50);
		if (rows[i].query[0]) {
			assert_int_equal(rows[i].query[0], ' ');
			assert_int_equal(rows[i].query[strlen(rows[i].query) - 1], ' ');
		}
		operation_match_free(&match);
	}
}

static void test_query_and_severity(void **state)
{
	struct operation_match match = {};

	assert_int_equal(operation_find(&match, TEXT("POST"), TEXT("/build")), 0);
	assert_true(operation_keeps(match.operation, TEXT("t")));
	assert_true(operation_keeps(match.operation, TEXT("dockerfile")));
	assert_true(operation_keeps(match.operation, TEXT("buildid")));
	assert_false(operation_keeps(match.operation, TEXT("buildargs")));
	assert_false(operation_keeps(match.operation, TEXT("docker")));
	assert_false(operation_keeps(match.operation, TEXT("")));
	assert_false(operation_keeps(match.operation, TEXT("t remote")));
	assert_false(operation_keeps(NULL, TEXT("t")));
	assert_int_equal(operation_severity(&match, TEXT("POST")), 25);
	assert_int_equal(operation_find(&match, TEXT("POST"), TEXT("/containers/a/exec")), 0);
	assert_int_equal(operation_severity(&match, TEXT("POST")), 50);
	assert_int_equal(operation_find(&match, TEXT("POST"), TEXT("/nobody/knows")), 0);
	assert_int_equal(operation_severity(&match, TEXT("POST")), 25);
	assert_int_equal(operation_severity(&match, TEXT("GET")), 0);
	assert_int_equal(operation_find(&match, TEXT("POST"), TEXT("/containers/a/attach")), 0);
	assert_true(operation_may_take_over(match.operation));
	assert_int_equal(operation_find(&match, TEXT("POST"), TEXT("/containers/a/start")), 0);
	assert_false(operation_may_take_over(match.operation));
	assert_false(operation_may_take_over(NULL));
	operation_match_free(&match);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_encoded_and_unclean),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_query_and_severity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
