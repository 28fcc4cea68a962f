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

/* Docker's operations, as podman asks for them. */
static void test_libpod(void **state)
{
	size_t count;
	const struct operation *rows = operation_all(&count);

	expect("POST", "/v4.3.1/libpod/containers/create",
	       "ContainerCreate 4.3.1 - /v4.3.1/libpod/containers/create");
	expect("POST", "/v4.3.1/libpod/containers/a/exec",
	       "ContainerExec 4.3.1 a /v4.3.1/libpod/containers/a/exec");
	expect("GET", "/libpod/pods/json", "- - - /libpod/pods/json");
	for (size_t i = 0; i < count; i++) {
		struct operation_match match = {};

		if (strncmp(rows[i].path, "/libpod/", 8) != 0)
			continue;
		assert_int_equal(operation_find(&match, text_of(rows[i].method),
						text_of(rows[i].path + strlen("/libpod"))),
				 0);
		assert_non_null(match.operation);
		assert_string_equal(match.operation->id, rows[i].id);
		assert_string_equal(match.operation->target, rows[i].target);
		assert_int_equal(match.operation->severity, rows[i].severity);
		operation_match_free(&match);
	}
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
		assert_true(rows[i].severity % 25 == 0 && rows[i].severity <= 75);
		if (rows[i].query[0]) {
			assert_int_equal(rows[i].query[0], ' ');
			assert_int_equal(rows[i].query[strlen(rows[i].query) - 1], ' ');
		}
		operation_match_free(&match);
	}
}

/* ---- against what the engine's documents and its router have */

struct documented {
	char method[8], path[64], id[32];
	unsigned first, last; /* minor number of the version */
	char query[512];      /* with a space before and behind each */
	bool found;
};

static struct documented documented[200];
static size_t documented_count;

static struct documented *find_documented(const char *method, const char *path)
{
	for (size_t i = 0; i < documented_count; i++)
		if (strcmp(documented[i].method, method) == 0 &&
		    strcmp(documented[i].path, path) == 0)
			return &documented[i];
	return NULL;
}

/* "{id...}" and "{name}" are both "{}". */
static void without_names(const char *path, char *ret, size_t size)
{
	size_t length = 0;

	for (const char *p = path; *p && length + 1 < size; p++) {
		ret[length++] = *p;
		if (*p == '{')
			p = strchr(p, '}') - 1;
	}
	ret[length] = '\0';
}

static int read_documented(void **state)
{
	FILE *file = fopen("tests/data/api/operations.txt", "re");
	char line[1024], path[64];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct documented *row = &documented[documented_count];
		int query = 0;

		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "also %7s %63s %n", row->method, path, &query) == 2) {
			without_names(path, row->path, sizeof(row->path));
			row = find_documented(row->method, row->path);
			assert_non_null(row);
		} else {
			assert_int_equal(sscanf(line, "%7s %63s %31s 1.%u 1.%u %n", row->method,
						path, row->id, &row->first, &row->last, &query),
					 5);
			without_names(path, row->path, sizeof(row->path));
			assert_null(find_documented(row->method, row->path));
			documented_count++;
			strcpy(row->query, " ");
		}
		assert_true(strlen(row->query) + strlen(line + query) + 2 < sizeof(row->query));
		if (strcmp(line + query, "-") != 0)
			strcat(strcat(row->query, line + query), " ");
		assert_in_range(documented_count, 1, 199);
	}
	fclose(file);
	return 0;
}

static bool has_word(const char *words, const char *word)
{
	char spaced[80];

	snprintf(spaced, sizeof(spaced), " %s ", word);
	return strstr(words, spaced) != NULL;
}

/* The value of each parameter is kept but for those that carry what somebody made up. */
static void expect_kept(const struct operation *operation, const char *query)
{
	static const char by_length[] = " buildargs labels outputs ";
	char words[512], *rest = NULL;

	strcpy(words, query);
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		bool masked = strcmp(operation->id, "ImageBuild") == 0 && has_word(by_length, word);

		if (operation_keeps(operation, text_of(word)) == masked)
			fail_msg("%s: %s is %s", operation->id, word, masked ? "kept" : "not kept");
	}
}

static void test_every_documented_operation(void **state)
{
	for (size_t i = 0; i < documented_count; i++) {
		const struct documented *row = &documented[i];
		struct operation_match match = {};
		char target[128], path[64];
		size_t length;

		/* Without the version, with the first and with the last that has it. */
		for (unsigned version = 0; version < 3; version++) {
			length = version == 0
					 ? 0
					 : (size_t)snprintf(target, sizeof(target), "/v1.%u",
							    version == 1 ? row->first : row->last);
			for (const char *p = row->path; *p; p++)
				if (*p != '}')
					target[length++] = *p == '{' ? 'x' : *p;
			target[length] = '\0';
			assert_int_equal(
				operation_find(&match, text_of(row->method), text_of(target)), 0);
			if (!match.operation)
				fail_msg("%s %s is no operation", row->method, target);
			without_names(match.operation->path, path, sizeof(path));
			assert_string_equal(path, row->path);
			if (strcmp(row->id, "-") != 0)
				assert_string_equal(match.operation->id, row->id);
		}
		expect_kept(match.operation, row->query);
		operation_match_free(&match);
	}
}

static void test_no_other_operation(void **state)
{
	size_t count, dockers = 0;
	const struct operation *rows = operation_all(&count);

	for (size_t i = 0; i < count; i++) {
		struct documented *row;
		char path[64], words[512], *rest = NULL;

		if (strncmp(rows[i].path, "/libpod/", 8) == 0)
			continue; /* podman's: see test_libpod() */
		without_names(rows[i].path, path, sizeof(path));
		row = find_documented(rows[i].method, path);
		if (!row || row->found)
			fail_msg("%s %s is in no document, or twice in the table", rows[i].method,
				 rows[i].path);
		row->found = true;
		dockers++;
		strcpy(words, rows[i].query);
		for (char *word = strtok_r(words, " ", &rest); word;
		     word = strtok_r(NULL, " ", &rest))
			if (!has_word(row->query, word))
				fail_msg("%s has no parameter %s", rows[i].id, word);
	}
	assert_int_equal(dockers, documented_count);
}

/* Names of images and plugins: a registry with a port, folders, a tag, a digest. */
static void test_names(void **state)
{
	static const char *const names[] = {
		"busybox",
		"a/b/c",
		"reg.example:5000/a/b:1.0",
		"a@sha256:00",
		"reg:5/a/b:1@sha256:ff",
		"json",
		"get/push/tag",
	};
	static const struct {
		const char *method, *path, *id;
	} rows[] = {
		{ "GET", "/images/%s/json", "ImageInspect" },
		{ "GET", "/images/%s/history", "ImageHistory" },
		{ "GET", "/images/%s/get", "ImageGet" },
		{ "POST", "/images/%s/push", "ImagePush" },
		{ "POST", "/v1.30/images/%s/tag", "ImageTag" },
		{ "DELETE", "/images/%s", "ImageDelete" },
		{ "GET", "/distribution/%s/json", "DistributionInspect" },
		{ "GET", "/v1.43/plugins/%s/json", "PluginInspect" },
		{ "POST", "/plugins/%s/enable", "PluginEnable" },
		{ "POST", "/plugins/%s/disable", "PluginDisable" },
		{ "POST", "/plugins/%s/upgrade", "PluginUpgrade" },
		{ "POST", "/plugins/%s/push", "PluginPush" },
		{ "POST", "/plugins/%s/set", "PluginSet" },
		{ "DELETE", "/plugins/%s", "PluginDelete" },
		{ "GET", "/v1.24/plugins/%s", "PluginInspect" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			struct operation_match match = {};
			char target[128];

			snprintf(target, sizeof(target), rows[i].path, names[j]);
			assert_int_equal(
				operation_find(&match, text_of(rows[i].method), text_of(target)),
				0);
			assert_non_null(match.operation);
			assert_string_equal(match.operation->id, rows[i].id);
			assert_true(text_equal(match.target, text_of(names[j])));
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
		cmocka_unit_test(test_libpod),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_encoded_and_unclean),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_every_documented_operation),
		cmocka_unit_test(test_no_other_operation),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_query_and_severity),
	};

	return cmocka_run_group_tests(tests, read_documented, NULL);
}
