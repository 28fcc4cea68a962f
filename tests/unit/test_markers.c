// SPDX-License-Identifier: Apache-2.0
/*
 * "Secrets never reach the disk" (docs/threat-model.md): a marker in every place where a secret
 * stands, through the whole path from the messages of the probes to the signed trail. Each place
 * whole; split over two messages at every byte; cut there by a bound on what is kept; ended there
 * by a client that goes away; and, where there is a body, with a Content-Length that lies, so that
 * the rest of the body stands where a request should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "commands/record_options.h"
#include "commands/scribe.h"
#include "correlate/operations.h"
#include "tests/unit/trail_bed.h"

#define M         "Zq7Wk9Xv3Lp5Ty8Rm2"
#define PART      5 /* so many bytes of it in a row are a leak */
#define SHIFT     3
#define INODE     77
#define FIRST_PID 5000000u /* above any pid that there can be: /proc says nothing of them */

#define OK           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
#define HOST         " HTTP/1.1\r\nHost: d\r\n"
#define JSON         HOST "Content-Type: application/json\r\nContent-Length: ?\r\n\r\n"
#define UPGRADE      HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define UPGRADED     "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define FAILED(text) "HTTP/1.1 500 x\r\nContent-Length: ?\r\n\r\n{\"message\":\"" text "\"}"
#define GET          "GET /v1.41/containers/json"
#define CREATE       "POST /v1.41/containers/create" JSON
#define ID           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What each side says, in turns that begin with the client's; "?" is the length of the body. */
struct place {
	const char *what; /* in the words of the document */
	const char *turns[4];
};

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
	{ "settings of a plugin", { "POST /plugins/a/set" JSON "[\"TOKEN=" M "\",\"A=" M "\"]" } },
	{ "kernel settings with a password's name", { CREATE "{\"HostConfig\":{\"Sysctls\":{\"password\":\"" M "\"},\"SecurityOpt\":[\"token=" M "\"]}}" } },
	{ "a body that is no JSON", { CREATE "{\"Env\":[\"A=" M "\"], " M "}" } },
	{ "a method that is none", { M " " M "\r\n\r\n" } },
	{ "a protocol that is none of ours", { "PASS " M "\r\nUSER " M "\r\n" } },
	{ "lines of a body", { "\x01\x02\r\nHost: " M "\r\n" M ": a\r\nUser-Agent: " M "\r\n\r\n" } },
	{ "the rest of a body", { M "\"]}" } },
};

/* Arguments apart by '|': in the command line of a process, and in a container's. */
static const char *const commands[] = {
	"mysql|-u|root|-p" M,	"mysqladmin|--password=" M "|ping", "sshpass|-p|" M "|ssh|h",
	"curl|-u|me:" M "|h",	"curl|-H|Authorization: Basic " M,  "curl|-HX-Registry-Auth: " M,
	"curl|https://me:" M "@h/", "git|clone|https://" M "@h/a",  "env|DB_PASSWORD=" M "|a",
	"a|--db-token|" M,	"a|--api-key=" M,		    "a|{\"password\": \"" M "\"}",
	"redis-cli|-a|" M,	"openssl|-passin|pass:" M,	    "docker|swarm|join|--token|" M "|h",
	"psql|postgres://me:" M "@h/a",				    "docker|pull|me:" M "@h/a",
	"docker|import|http://me:" M "@h/a",			    "docker|build|https://me:" M "@h/a.git",
	"sudo|-u|me|docker|run|-itde|A=" M "|a",		    "docker|-H|unix:///x|login|-u|me|-p|" M,
	"sh|-c|docker run -e 'A=" M "' a; mysql -p" M,		    "bash|-lc|TOKEN=" M " a",
	"docker|exec|a|sh|-c|curl -u me:" M " h",		    "docker|service|update|--env-add|A=" M "|a",
	"docker|run|--health-cmd=curl -u me:" M " h|a",		    "docker|compose|-f|a|run|-e|A=" M "|a",
	"buildctl|build|--opt|build-arg:A=" M,			    "nginx: worker PASSWORD=" M,
	"docker|commit|-c|ENV A=" M "|a", "podman|import|--change=ENV A " M "|a",
	"a|--pin|" M,		"a|PIN=" M,			    "a|say internal-" M,
};
/* clang-format on */

static const char *const engines[] = {
	"docker",         "podman",         "nerdctl",        "ctr", "buildx", "docker|buildx",
	"docker-compose", "docker|compose", "/usr/bin/docker"
};
static const char *const engine_flags[] = {
	"-e|A=" M,
	"-eA=" M,
	"-e=A=" M,
	"-e|" M,
	"--env|A=" M,
	"--env=A=" M,
	"-p|" M,
	"-p" M,
	"-p=" M,
	"--secret|" M,
	"--secret=" M,
	"--secret|id=a,src=" M,
	"--build-arg|A=" M,
	"--build-arg=A=" M,
	"--password|" M,
	"--password=" M,
};
static const char *const engine_words[] = { "run|", "login|", "build|", "" };

struct fixture {
	struct bed bed;
	struct scribe *scribe;
	uint64_t now, connection, offset[2];
	uint32_t turn, pid;
};

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode == INODE ? "/run/docker.sock" : NULL;
}

static int set_up(void **state)
{
	static char folder[64], keys[80];
	static struct record_options options = { .queue_bytes = 64u << 20,
						 .masks = { { (char *)"internal-([[:alnum:]]*)" },
							    1 },
						 .mask_names = { { (char *)"pin" }, 1 } };
	struct scribe_options scribe = { .record = &options,
					 .source = "test",
					 .socket_path = socket_path };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	_cleanup_buffer_ struct buffer problem = {};

	assert_non_null(fixture);
	bed_make(&fixture->bed);
	snprintf(folder, sizeof(folder), "%s/trail", fixture->bed.folder);
	snprintf(keys, sizeof(keys), "%s/state", folder);
	options.trail = folder;
	options.state = keys;
	fixture->now = 1000000000;
	fixture->pid = FIRST_PID;
	if (scribe_open(&scribe, &fixture->scribe, &problem) < 0)
		fail_msg("%s", buffer_string(&problem));
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(scribe_close(fixture->scribe), 0);
	bed_remove(&fixture->bed);
	free(fixture);
	return 0;
}

/* ---- messages */

static void say(struct fixture *fixture, struct wire_header *header, enum wire_message message,
		size_t size)
{
	header->message = (uint16_t)message;
	header->time = fixture->now += 1000;
	header->length += (uint32_t)size;
	header->tail = (uint16_t)size;
	assert_int_equal(scribe_message(fixture->scribe, header), 0);
}

/* `kept` of `length` bytes. */
static void takes(struct fixture *fixture, uint8_t direction, const char *data, size_t kept,
		  size_t length)
{
	struct {
		struct wire_socket_piece piece;
		char tail[WIRE_PIECE_MOST];
	} message = { .piece = { .connection = fixture->connection,
				 .offset = fixture->offset[direction],
				 .inode = INODE,
				 .length = (uint32_t)length,
				 .connector = fixture->pid,
				 .turn = fixture->turn,
				 .direction = direction,
				 .flags = kept < length ? WIRE_PIECE_CUT : 0,
				 .data = { .length = (uint16_t)kept } } };

	assert_true(kept <= sizeof(message.tail));
	memcpy(message.tail, data, kept);
	message.piece.header.length = (uint32_t)kept;
	fixture->offset[direction] += length;
	say(fixture, &message.piece.header, WIRE_socket_piece, sizeof(message.piece));
}

static void ends(struct fixture *fixture)
{
	for (uint8_t direction = 0; direction < 2; direction++) {
		struct wire_socket_close message = { .connection = fixture->connection,
						     .sent = fixture->offset[direction],
						     .direction = direction };

		say(fixture, &message.header, WIRE_socket_close, sizeof(message));
	}
}

static void connects(struct fixture *fixture)
{
	fixture->connection++;
	fixture->turn = 0;
	memset(fixture->offset, 0, sizeof(fixture->offset));
	/* What the trail cannot take in time would be lost, and never be looked at. */
	if (fixture->connection % 2000 == 0)
		assert_int_equal(scribe_sync(fixture->scribe), 0);
}

/* ---- places, and what is done to them */

enum deed { WHOLE, SPLIT, CUT, GONE, LIE, DEEDS };

/* The turn as it goes over the socket: "?" becomes its body's length, or what is told of it. */
static void expand(const char *turn, const size_t *told, struct buffer *ret)
{
	const char *mark = strstr(turn, "Content-Length: ?"), *body = strstr(turn, "\r\n\r\n");

	buffer_clear(ret);
	if (mark && body && mark < body) {
		buffer_append(ret, turn, (size_t)(mark - turn) + 16);
		buffer_printf(ret, "%zu", told ? *told : strlen(body + 4));
		turn = mark + 17;
	}
	buffer_append_string(ret, turn);
	assert_non_null(buffer_string(ret));
}

static void converse(struct fixture *fixture, const struct place *place, size_t turn,
		     enum deed deed, size_t at)
{
	_cleanup_buffer_ struct buffer data = {};

	connects(fixture);
	for (size_t i = 0; i < ARRAY_SIZE(place->turns) && place->turns[i]; i++) {
		uint8_t direction = i % 2 ? WIRE_ENGINE : WIRE_CLIENT;
		size_t all;

		fixture->turn += direction == WIRE_CLIENT;
		expand(place->turns[i], deed == LIE && i == turn ? &at : NULL, &data);
		all = data.length;
		if (i != turn || deed == WHOLE || deed == LIE) {
			takes(fixture, direction, data.data, all, all);
		} else if (deed == CUT) {
			takes(fixture, direction, data.data, at, all);
		} else {
			takes(fixture, direction, data.data, at, at);
			if (deed == GONE)
				break;
			takes(fixture, direction, data.data + at, all - at, all - at);
		}
		if (i % 2 == 0 && (i + 1 == ARRAY_SIZE(place->turns) || !place->turns[i + 1]))
			takes(fixture, WIRE_ENGINE, OK, strlen(OK), strlen(OK));
	}
	ends(fixture);
}

/* Where a deed is done last: behind the last byte, or at the end of a body. */
static size_t last_of(const char *turn, enum deed deed)
{
	_cleanup_buffer_ struct buffer data = {};
	const char *body = strstr(turn, "\r\n\r\n");

	if (deed == WHOLE)
		return 1;
	if (deed == LIE)
		return strstr(turn, "Content-Length: ?") && body ? strlen(body + 4) : 0;
	expand(turn, NULL, &data);
	return data.length;
}

static void try_everything(struct fixture *fixture, const struct place *place)
{
	for (size_t turn = 0; turn < ARRAY_SIZE(place->turns) && place->turns[turn]; turn++)
		for (enum deed deed = WHOLE; deed < DEEDS; deed++) {
			size_t most = last_of(place->turns[turn], deed);

			for (size_t at = 0; at < most; at++)
				converse(fixture, place, turn, deed, at);
		}
}

/* ---- what came out */

static bool leaks(const char *line, size_t length)
{
	for (size_t i = 0; i + PART < sizeof(M); i += SHIFT) {
		char digits[2 * PART + 1];

		for (size_t j = 0; j < PART; j++)
			snprintf(digits + 2 * j, 3, "%02x", (unsigned char)M[i + j]);
		if (memmem(line, length, M + i, PART) || memmem(line, length, digits, 2 * PART))
			return true;
	}
	return false;
}

/* Returns how many lines there are. */
static size_t expect_no_leak(struct fixture *fixture)
{
	_cleanup_buffer_ struct buffer folder = {};
	struct trail_reader *reader;
	const struct trail_frame *frame;
	struct scribe_stats stats;
	size_t lines = 0;

	assert_int_equal(scribe_sync(fixture->scribe), 0);
	scribe_get_stats(fixture->scribe, &stats);
	assert_int_equal(stats.losses.queue + stats.losses.memory + stats.losses.bad, 0);
	buffer_printf(&folder, "%s/trail", fixture->bed.folder);
	assert_int_equal(
		trail_reader_open((const char *const[]){ buffer_string(&folder) }, 1, 0, &reader),
		0);
	while (trail_reader_next_frame(reader, &frame) > 0) {
		const char *data, *feed;
		size_t length;

		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		for (; length > 0 && (feed = memchr(data, '\n', length)); lines++) {
			size_t line = (size_t)(feed - data) + 1;

			if (leaks(data, line))
				fail_msg("%.*s", (int)line, data);
			data += line;
			length -= line;
		}
	}
	trail_reader_close(reader);
	assert_int_equal(lines, stats.events);
	return lines;
}

static void test_conversations(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		try_everything(fixture, &places[i]);
		if (i % 8 == 7)
			expect_no_leak(fixture);
	}
	/* Of each there is a request or an answer, and an end. */
	assert_true(expect_no_leak(fixture) >= 2 * ARRAY_SIZE(places));
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

static void ask_for(struct fixture *fixture, const struct operation *operation, const char *name,
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
	converse(fixture, &place, 0, WHOLE, 0);
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
	struct fixture *fixture = *state;
	size_t count;
	const struct operation *operations = operation_all(&count);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *names = strdup(operations[i].query);
		char *rest = NULL;

		assert_non_null(names);
		ask_for(fixture, &operations[i], "a", body);
		for (char *name = strtok_r(names, " ", &rest); name;
		     name = strtok_r(NULL, " ", &rest))
			ask_for(fixture, &operations[i], name, body);
	}
	assert_true(expect_no_leak(fixture) >= 2 * count);
}

/* The test can fail: the same words where they are no secret come out. */
static void test_what_is_no_secret_is_kept(void **state)
{
	static const struct place place = { "a name",
					    { "GET /containers/" M "/json" HOST "\r\n" } };
	struct fixture *fixture = *state;
	struct trail_reader *reader;
	const struct trail_frame *frame;
	_cleanup_buffer_ struct buffer folder = {};
	bool found = false;

	converse(fixture, &place, 0, WHOLE, 0);
	assert_int_equal(scribe_sync(fixture->scribe), 0);
	buffer_printf(&folder, "%s/trail", fixture->bed.folder);
	assert_int_equal(
		trail_reader_open((const char *const[]){ buffer_string(&folder) }, 1, 0, &reader),
		0);
	while (trail_reader_next_frame(reader, &frame) > 0) {
		const char *data;
		size_t length;

		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		found |= leaks(data, length);
	}
	trail_reader_close(reader);
	assert_true(found);
}

/* ---- command lines */

/* A process that runs it, of which `kept` bytes are known, asks something. */
static void runs(struct fixture *fixture, const char *line, size_t kept)
{
	static const struct place ping = { "", { "GET /_ping" HOST "\r\n" } };
	struct {
		struct wire_process_exec exec;
		char tail[WIRE_ARGS_MOST];
	} message = { .exec = { .task = { .pid = ++fixture->pid,
					  .start = fixture->now,
					  .login_uid = WIRE_UNSET,
					  .session = WIRE_UNSET,
					  .name = "client" },
				.args_length = (uint32_t)strlen(line) + 1,
				.args = { .length = (uint16_t)kept } } };
	struct wire_socket_sender sender = { .task = message.exec.task, .inode = INODE };

	for (size_t i = 0; i < kept; i++)
		message.tail[i] = line[i] == '|' ? '\0' : line[i];
	message.exec.header.length = (uint32_t)kept;
	say(fixture, &message.exec.header, WIRE_process_exec, sizeof(message.exec));
	sender.connection = fixture->connection + 1;
	say(fixture, &sender.header, WIRE_socket_sender, sizeof(sender));
	converse(fixture, &ping, 0, WHOLE, 0);
}

/* The same as a container's command, and as an exec's. */
static void declares(struct fixture *fixture, const char *line, bool everything)
{
	_cleanup_buffer_ struct buffer create = {};
	struct place place = { .what = "a command" };

	buffer_append_string(&create, CREATE "{\"Entrypoint\":[],\"Cmd\":[\"");
	for (; *line; line++)
		if (*line == '|')
			buffer_append_string(&create, "\",\"");
		else if (*line == '"' || *line == '\\')
			buffer_printf(&create, "\\%c", *line);
		else
			buffer_append_char(&create, *line);
	buffer_append_string(&create, "\"]}");
	place.turns[0] = buffer_string(&create);
	assert_non_null(place.turns[0]);
	if (everything)
		try_everything(fixture, &place);
	else
		converse(fixture, &place, 0, WHOLE, 0);
}

static void test_command_lines(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		for (size_t kept = 0; kept <= strlen(commands[i]) + 1; kept++)
			runs(fixture, commands[i], kept);
		declares(fixture, commands[i], true);
	}
	expect_no_leak(fixture);
}

static void test_engines(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		for (size_t j = 0; j < ARRAY_SIZE(engine_flags); j++)
			for (size_t k = 0; k < ARRAY_SIZE(engine_words); k++) {
				_cleanup_buffer_ struct buffer line = {};

				buffer_printf(&line, "%s|%s%s|a", engines[i], engine_words[k],
					      engine_flags[j]);
				for (size_t kept = 0; kept <= line.length + 1; kept++)
					runs(fixture, buffer_string(&line), kept);
				declares(fixture, buffer_string(&line), false);
			}
	expect_no_leak(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_no_secret_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_conversations, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_operation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_command_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_engines, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
