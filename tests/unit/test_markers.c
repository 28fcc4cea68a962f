// SPDX-License-Identifier: Apache-2.0
/* Markers in what is said on the socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/operations.h"
#include "markers_bed.h"

#define UPGRADE      HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define UPGRADED     "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define FAILED(text) "HTTP/1.1 500 x\r\nContent-Length: ?\r\n\r\n{\"message\":\"" text "\"}"
#define GET          "GET /v1.41/containers/json"
#define ID           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* clang-format off */
static const struct place places[] = {
	{ "X-Registry-Auth", { "POST /v1.41/images/create?fromImage=a" HOST "X-Registry-Auth: " M "\r\n\r\n" } },
	{ "X-Registry-Auth, in small letters, behind a tab", { GET HOST "x-registry-auth:\t" M "\t\r\n\r\n" } },
	{ "X-Registry-Auth, folded", { GET HOST "X-REGISTRY-AUTH:\r\n " M "\r\n\t" M "\r\n\r\n" } },
	{ "X-Registry-Auth, twice", { GET HOST "X-Registry-Auth: a\r\nX-Registry-Auth: " M "\r\n\r\n" } },
	{ "X-Registry-Auth, a space before the colon", { GET HOST "X-Registry-Auth : " M "\r\n\r\n" } },
	{ "X-Registry-Auth, no colon", { GET HOST "X-Registry-Auth " M "\r\n\r\n" } },
	{ "X-Registry-Auth, only line feeds", { "GET /info HTTP/1.1\nHost: d\nX-Registry-Auth: " M "\n\n" } },
	{ "X-Registry-Auth behind a carriage return", { GET HOST "User-Agent: a\rX-Registry-Auth: " M "\r\n\r\n" } },
	{ "X-Registry-Auth before two lengths", { GET HOST "X-Registry-Auth: " M "\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" M } },
	{ "X-Registry-Config", { "POST /v1.41/build" HOST "X-Registry-Config: " M "\r\nContent-Length: 0\r\n\r\n" } },
	{ "Authorization", { "GET /nobody/knows" HOST "Authorization: Basic " M "\r\n\r\n" } },
	{ "Authorization of a proxy, cookies, what is not known", { "GET /" HOST "Proxy-Authorization: Bearer " M "\r\nCookie: a=" M "\r\nX-" "A: " M "\r\n\r\n" } },
	{ "Authorization, and an encoding that is none", { GET HOST "Transfer-Encoding: x\r\nAuthorization: " M "\r\n\r\n" } },
	{ "Authorization behind a request that is none", { "GET\r\nAuthorization: " M "\r\n\r\n" } },
	{ "the body of /auth", { "POST /v1.41/auth" JSON "{\"username\":\"me\",\"password\":\"" M "\",\"identitytoken\":\"" M "\"}" } },
	{ "the answer of /auth", { "POST /auth" JSON "{}", "HTTP/1.1 200 OK\r\nContent-Length: ?\r\n\r\n{\"IdentityToken\":\"" M "\"}" } },
	{ "Env of a create", { CREATE "{\"Image\":\"a\",\"Env\":[\"A=" M "\",\"B=x=" M "\"]}" } },
	{ "Cmd of an image", { CREATE "{\"Cmd\":[\"login\",\"" M "\"],\"Image\":\"hashicorp/vault:1\"}" } },
	{ "Cmd behind its image", { CREATE "{\"Image\":\"vault:1\",\"Cmd\":[\"login\",\"" M "\"]}" } },
	{ "Env, escaped", { CREATE "{\"\\u0045nv\":[\"\\u0041\\u003d" M "\"],\"env\":[\"A=" M "\"]}" } },
	{ "Env as no list", { CREATE "{\"Env\":\"A=" M "\",\"env\":{\"A\":\"" M "\"},\"ENV\":[[\"A=" M "\"]]}" } },
	{ "Env of an exec", { "POST /containers/a/exec" JSON "{\"Cmd\":[\"sh\"],\"Env\":[\"A=" M "\"]}" } },
	{ "Env of a commit", { "POST /commit?container=a&changes=ENV+A=" M "&changes=ENV%20B%20" M "&changes=%65nv%09C=" M "&changes=ONBUILD+ENV+A+" M JSON "{\"Env\":[\"A=" M "\"]}" } },
	{ "Env of a service", { "POST /services/create" JSON "{\"Name\":\"a\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"a\",\"Env\":[\"A=" M "\"]}}}" } },
	{ "Env in chunks", { "POST /containers/create" HOST "Transfer-Encoding: chunked\r\n\r\n20\r\n{\"Image\":\"a\",\"Env\":[\"A=" "1234567890\r\n15\r\n" M "\"]}\r\n0\r\n\r\n" } },
	{ "build arguments", { "POST /build?t=a&buildargs=%7B%22A%22%3A%22" M "%22%7D" HOST "\r\n" } },
	{ "build arguments, their name encoded, twice", { "POST /build?build%61rgs=" M "&buildargs=" M "&BuildArgs=" M HOST "\r\n" } },
	{ "Data of /secrets/create", { "POST /secrets/create" JSON "{\"Name\":\"a\",\"Data\":\"" M "\",\"Labels\":{\"a\":\"" M "\"}}" } },
	{ "Data of /configs/create", { "POST /v1.41/configs/create" JSON "{\"data\":\"" M "\",\"Name\":\"a\"}" } },
	{ "Data of an update", { "POST /configs/a/update?version=1" JSON "{\"Data\":\"" M "\"}" } },
	{ "swarm join token", { "POST /swarm/join" JSON "{\"RemoteAddrs\":[\"10.0.0.1\"],\"JoinToken\":\"" M "\"}" } },
	{ "swarm unlock token", { "POST /swarm/unlock" JSON "{\"UnlockKey\":\"" M "\"}" } },
	{ "swarm keys of an init and an update", { "POST /swarm/init" JSON "{\"Spec\":{\"CAConfig\":{\"SigningCAKey\":\"" M "\"}}}" } },
	{ "swarm tokens in an answer", { "GET /swarm" HOST "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: ?\r\n\r\n{\"Id\":\"a\",\"JoinTokens\":{\"Worker\":\"" M "\"}}" } },
	{ "user information in remote=", { "POST /build?remote=https://me:" M "@h/r&t=a" HOST "\r\n" } },
	{ "user information in remote=, encoded", { "POST /build?%72emote=https%3A%2F%2F" M "%40h%2Fr" HOST "\r\n" } },
	{ "user information in remote=, without a scheme", { "POST /build?remote=me:a/" M "@h" HOST "\r\n" } },
	{ "user information in fromSrc=", { "POST /images/create?fromSrc=http://me:" M "@h/x" HOST "\r\n" } },
	{ "user information in fromSrc=, encoded twice", { "POST /images/create?fromSrc=http:%2f/me%3A%25" M "@h" HOST "\r\n" } },
	{ "user information of a target", { "GET http://me:" M "@d/v1.41/info HTTP/1.1\r\n\r\n" } },
	{ "user information in a path", { "GET /images/https://me:" M "@h/a/json" HOST "\r\n" } },
	{ "user information in a path, encoded", { "GET /images/https:%2F%2fme%3A" M "%40h/json" HOST "\r\n" } },
	{ "user information in a name", { "GET /distribution/me:" M "@h/a/json" HOST "\r\n" } },
	{ "user information of an image", { "POST /images/create?fromImage=me:" M "@h/a" HOST "\r\n" } },
	{ "user information in a body", { CREATE "{\"Image\":\"me:" M "@h/a\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"https://me:" M "@h/x\"}]}}" } },
	{ "user information of a volume's device", { "POST /volumes/create" JSON "{\"Name\":\"a\",\"DriverOpts\":{\"device\":\"https://me:" M "@h\",\"o\":\"password=" M "\"}}" } },
	{ "an archive", { "PUT /containers/a/archive?path=/" HOST "Content-Length: ?\r\n\r\n" M "\n" M } },
	{ "an archive in an answer", { "GET /containers/a/archive?path=/" HOST "\r\n", "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\n\r\n" M "\n" M } },
	{ "a build's context", { "POST /build" HOST "Transfer-Encoding: chunked\r\n\r\n12\r\n" M "\r\n0\r\n\r\n" } },
	{ "an attached stream", { "POST /containers/a/attach?stream=1" UPGRADE, UPGRADED M, M "\n" M, M } },
	{ "an attached stream, to an old client", { "POST /exec/" ID "/start" JSON "{\"Tty\":true}", "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n" M, "ls\n" M "\n", M } },
	{ "a stream that is not answered", { "POST /containers/a/attach?stream=1" UPGRADE M "\n" M } },
	{ "a session", { "POST /session" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\nX-Docker-Expose-Session-Sharedkey: " M "\r\n\r\n", UPGRADED, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" M, M } },
	{ "logs", { "GET /containers/a/logs?stdout=1" HOST "\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" M "\r\n0\r\n\r\n" } },
	{ "parameters that no operation names", { "GET /info?a=" M "&%61=" M "&" HOST "\r\n" } },
	{ "parameters of what is no operation", { "GET /nobody?name=" M "&filters=" M HOST "\r\n" } },
	{ "passwords in parameters that are kept", { "GET /events?filters=%7B%22label%22%3A%5B%22password%3D" M "%22%5D%7D" HOST "\r\n" } },
	{ "passwords in a command of top", { "GET /containers/a/top?ps_args=--password=" M HOST "\r\n" } },
	{ "a trailer", { "POST /containers/create" HOST "Transfer-Encoding: chunked\r\n\r\n2;a=" M "\r\n{}\r\n0\r\nAuthorization: " M "\r\n\r\n" } },
	{ "an error's text", { "POST /containers/a/start" HOST "\r\n", FAILED(M) } },
	{ "an error's text where an id is awaited", { CREATE "{}", FAILED(M) } },
	{ "warnings of a create", { CREATE "{}", "HTTP/1.1 201 x\r\nContent-Length: ?\r\n\r\n{\"Warnings\":[\"" M "\"],\"Id\":\"" ID "\"}" } },
	{ "the output of a build", { "POST /build" HOST "\r\n", "HTTP/1.1 200 x\r\nContent-Length: ?\r\n\r\n{\"stream\":\"" M "\"}\n{\"aux\":{\"ID\":\"sha256:" ID "\"}}\n" } },
	{ "labels", { CREATE "{\"Labels\":{\"password\":\"" M "\"},\"HostConfig\":{\"LogConfig\":{\"Config\":{\"token\":\"" M "\"}}}}" } },
	{ "the command of a health check", { CREATE "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl -u me:" M " h\"]}}" } },
	{ "a health check that sets a password", { CREATE "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"echo u:" M " | chpasswd\"]}}" } },
	{ "a profile", { CREATE "{\"HostConfig\":{\"SecurityOpt\":[\"seccomp={\\\"a\\\":\\\"" M "\\\"}\"]}}" } },
	{ "privileges of a plugin", { "POST /plugins/pull?remote=a" JSON "[{\"Name\":\"a\",\"Value\":[\"" M "\"]}]" } },
	{ "settings of a plugin", { "POST /plugins/a/set" JSON "[\"TOKEN=" M "\",\"A=" M "\"]" } },
	{ "kernel settings with a password's name", { CREATE "{\"HostConfig\":{\"Sysctls\":{\"password\":\"" M "\"},\"SecurityOpt\":[\"token=" M "\"]}}" } },
	{ "a body that is no JSON", { CREATE "{\"Env\":[\"A=" M "\"], " M "}" } },
	{ "a method that is none", { M " " M "\r\n\r\n" } },
	{ "a protocol that is none of ours", { "PASS " M "\r\nUSER " M "\r\n" } },
	{ "lines of a body", { "\x01\x02\r\nHost: " M "\r\n" M ": a\r\nUser-Agent: " M "\r\n\r\n" } },
	{ "the rest of a body", { M "\"]}" } },
};
/* clang-format on */

static void test_conversations(void **state)
{
	struct markers *markers = *state;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		markers_try_everything(markers, &places[i]);
		if (i % 8 == 7)
			markers_expect_no_leak(markers);
	}
	/* Of each there is a request or an answer, and an end. */
	assert_true(markers_expect_no_leak(markers) >= 2 * ARRAY_SIZE(places));
}

/* A path that the operation's row matches. */
static void append_path(const char *row, struct buffer *ret)
{
	for (; *row; row++) {
		buffer_append_char(ret, *row == '{' ? 'a' : *row);
		if (*row == '{')
			row = strchr(row, '}');
	}
}

static void ask_for(struct markers *markers, const struct operation *operation, const char *name,
		    const char *body)
{
	_cleanup_buffer_ struct buffer turn = {};
	struct place place = { .what = operation->id };

	buffer_printf(&turn, "%s ", operation->method);
	append_path(operation->path, &turn);
	buffer_printf(&turn, "?%s=https%%3A//me:" M "@h&%s=password%%3D" M "&%s=", name, name,
		      name);
	buffer_append_string(&turn, "%7B%22token%22:%22" M "%22%7D" JSON);
	buffer_append_string(&turn, body);
	place.turns[0] = buffer_string(&turn);
	assert_non_null(place.turns[0]);
	markers_converse(markers, &place, 0, WHOLE, 0);
}

/* Whatever an operation is read for, and whatever of its query is kept: of any of them. */
static void test_every_operation(void **state)
{
	static const char body[] =
		"{\"Env\":[\"A=" M "\"],\"Data\":\"" M "\",\"JoinToken\":\"" M
		"\",\"UnlockKey\":\"" M "\",\"password\":\"" M "\",\"Labels\":{\"a\":\"" M
		"\"},\"Options\":{\"token\":\"" M "\"},\"DriverOpts\":{\"o\":\"password=" M
		"\",\"device\":\"//me:" M "@h\"},\"Image\":\"https://me:" M
		"@h\",\"Name\":\"https://" M "@h\",\"Cmd\":[\"--password\",\"" M
		"\"],\"AuthConfig\":{\"Password\":\"" M "\"},\"Spec\":{\"Data\":\"" M "\"}}";
	struct markers *markers = *state;
	size_t count;
	const struct operation *operations = operation_all(&count);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *names = strdup(operations[i].query);
		char *rest = NULL;

		assert_non_null(names);
		ask_for(markers, &operations[i], "a", body);
		for (char *name = strtok_r(names, " ", &rest); name;
		     name = strtok_r(NULL, " ", &rest))
			ask_for(markers, &operations[i], name, body);
	}
	assert_true(markers_expect_no_leak(markers) >= 2 * count);
}

/* The test can fail: the same words where they are no secret come out. */
static void test_what_is_no_secret_is_kept(void **state)
{
	static const struct place place = { "a name",
					    { "GET /containers/" M "/json" HOST "\r\n" } };
	struct markers *markers = *state;
	struct trail_reader *reader;
	const struct trail_frame *frame;
	_cleanup_buffer_ struct buffer folder = {};
	bool found = false;

	markers_converse(markers, &place, 0, WHOLE, 0);
	assert_int_equal(scribe_sync(markers->scribe), 0);
	buffer_printf(&folder, "%s/trail", markers->bed.folder);
	assert_int_equal(
		trail_reader_open((const char *const[]){ buffer_string(&folder) }, 1, 0, &reader),
		0);
	while (trail_reader_next_frame(reader, &frame) > 0) {
		const char *data;
		size_t length;

		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		found |= markers_leaks(data, length);
	}
	trail_reader_close(reader);
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_no_secret_is_kept, markers_set_up,
						markers_tear_down),
		cmocka_unit_test_setup_teardown(test_conversations, markers_set_up,
						markers_tear_down),
		cmocka_unit_test_setup_teardown(test_every_operation, markers_set_up,
						markers_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
