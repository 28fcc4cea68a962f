// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/http.h"

#define HOST "Host: docker\r\n"

/* One step of a conversation. */
struct step {
	char kind; /* > < bytes of request, answer; t T turn; g G gap of `length`; r release */
	const char *bytes;
	size_t length;
};

#define REQUEST(text)                                                                              \
	{                                                                                          \
		'>', (text), sizeof(text) - 1                                                      \
	}
#define ANSWER(text)                                                                               \
	{                                                                                          \
		'<', (text), sizeof(text) - 1                                                      \
	}
#define REQUEST_TURN                                                                               \
	{                                                                                          \
		't', NULL, 0                                                                       \
	}
#define ANSWER_TURN                                                                                \
	{                                                                                          \
		'T', NULL, 0                                                                       \
	}
#define REQUEST_GAP(count)                                                                         \
	{                                                                                          \
		'g', NULL, (count)                                                                 \
	}
#define ANSWER_GAP(count)                                                                          \
	{                                                                                          \
		'G', NULL, (count)                                                                 \
	}
#define RELEASE                                                                                    \
	{                                                                                          \
		'r', NULL, 0                                                                       \
	}

struct listener {
	struct buffer log;
	struct buffer bodies[2];
	bool midway; /* begin with a connection that is under way */
	bool may_take_over;
};

static void log_number(struct listener *listener, enum http_direction direction, uint64_t number)
{
	buffer_append_char(&listener->log, direction == HTTP_REQUEST ? '>' : '<');
	if (number == HTTP_UNPAIRED)
		buffer_append_char(&listener->log, '?');
	else
		buffer_printf(&listener->log, "%llu", (unsigned long long)number);
}

static void log_text(struct listener *listener, const char *name, struct text text)
{
	if (text.length)
		buffer_printf(&listener->log, " %s%.*s", name, (int)text.length, text.data);
}

static bool on_head(void *user, const struct http_head *head)
{
	struct listener *listener = user;

	log_number(listener, head->direction, head->number);
	log_text(listener, "", head->method);
	log_text(listener, "", head->target);
	if (head->direction == HTTP_ANSWER)
		buffer_printf(&listener->log, " %u", head->status);
	if (head->version != 11)
		buffer_printf(&listener->log, " v%u", head->version);
	log_text(listener, "type=", head->content_type);
	log_text(listener, "upgrade=", head->upgrade);
	log_text(listener, "agent=", head->user_agent);
	if (head->has_content_length)
		buffer_printf(&listener->log, " length=%llu",
			      (unsigned long long)head->content_length);
	if (head->secrets.registry_auth)
		buffer_printf(&listener->log, " auth=%u", head->secrets.registry_auth);
	buffer_append_string(&listener->log, head->chunked ? " chunked" : "");
	buffer_append_string(&listener->log, head->wants_upgrade ? " wants-upgrade" : "");
	buffer_append_string(&listener->log, head->closes ? " closes" : "");
	buffer_append_string(&listener->log, head->expects_continue ? " expects" : "");
	buffer_append_string(&listener->log, head->takes_over ? " takes-over" : "");
	buffer_append_string(&listener->log, head->after_close ? " after-close" : "");
	buffer_append_string(&listener->log, head->truncated ? " truncated" : "");
	buffer_append_string(&listener->log, head->unsure ? " unsure" : "");
	if (head->doubt)
		buffer_printf(&listener->log, " doubt (%s)", http_problem_words(head->doubt));
	buffer_append_char(&listener->log, '\n');
	return listener->may_take_over;
}

static void on_body(void *user, enum http_direction direction, const char *data, uint64_t length)
{
	struct listener *listener = user;

	if (data)
		buffer_append(&listener->bodies[direction], data, length);
	else
		buffer_printf(&listener->bodies[direction], "<%llu>", (unsigned long long)length);
}

static void on_complete(void *user, const struct http_complete *complete)
{
	struct listener *listener = user;
	struct buffer *body = &listener->bodies[complete->direction];

	log_number(listener, complete->direction, complete->number);
	buffer_printf(&listener->log, " done %llu", (unsigned long long)complete->body_bytes);
	if (complete->missing_bytes)
		buffer_printf(&listener->log, "-%llu", (unsigned long long)complete->missing_bytes);
	if (body->length && body->length < 200)
		buffer_printf(&listener->log, " %s", buffer_string(body));
	buffer_clear(body);
	if (complete->truncated)
		buffer_append_string(&listener->log, " truncated");
	if (complete->problem)
		buffer_printf(&listener->log, " (%s)", http_problem_words(complete->problem));
	buffer_append_char(&listener->log, '\n');
}

static void on_ambiguous(void *user, const struct http_ambiguous *ambiguous)
{
	struct listener *listener = user;

	log_number(listener, ambiguous->direction, ambiguous->number);
	buffer_printf(&listener->log, " ambiguous (%s)", http_problem_words(ambiguous->problem));
	log_text(listener, "", ambiguous->method);
	log_text(listener, "", ambiguous->target);
	buffer_append_char(&listener->log, '\n');
	assert_true(ambiguous->start.length <= HTTP_START_BYTES);
}

static const struct http_handler handler = { on_head, on_body, on_complete, on_ambiguous };

static void feed_copy(struct http_connection *connection, char kind, const char *bytes,
		      size_t length)
{
	char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	assert_int_equal(
		http_feed(connection, kind == '>' ? HTTP_REQUEST : HTTP_ANSWER, copy, length), 0);
	free(copy);
}

/* Step number `split` in two pieces at `at`, or all of them in pieces of `at` if split < 0. */
static void converse(struct listener *listener, const struct step *steps, int split, size_t at)
{
	struct http_connection connection;

	buffer_clear(&listener->log);
	http_init(&connection, &handler, listener, !listener->midway);
	for (int i = 0; steps[i].kind; i++) {
		const struct step *step = &steps[i];
		enum http_direction direction =
			step->kind == 't' || step->kind == 'g' ? HTTP_REQUEST : HTTP_ANSWER;
		size_t length = step->length;

		switch (step->kind) {
		case '>':
		case '<':
			if (split == i) {
				feed_copy(&connection, step->kind, step->bytes, at);
				feed_copy(&connection, step->kind, step->bytes + at, length - at);
			} else {
				for (size_t j = 0, part; j < length; j += part) {
					part = split < 0 && at < length - j ? at : length - j;
					feed_copy(&connection, step->kind, step->bytes + j, part);
				}
			}
			break;
		case 't':
		case 'T':
			http_turn(&connection, direction);
			break;
		case 'g':
		case 'G':
			assert_int_equal(http_gap(&connection, direction, length), 0);
			break;
		default:
			assert_int_equal(http_release(&connection), 0);
		}
	}
	assert_int_equal(http_end(&connection), 0);
	buffer_printf(&listener->log, "streams %llu %llu\n",
		      (unsigned long long)connection.streams[HTTP_REQUEST].stream_bytes,
		      (unsigned long long)connection.streams[HTTP_ANSWER].stream_bytes);
	http_free(&connection);
}

static void check(struct listener *listener, const struct step *steps, const char *expected)
{
	_cleanup_buffer_ struct buffer all = {};

	buffer_append_string(&all, expected);
	if (!strstr(expected, "streams"))
		buffer_append_string(&all, "streams 0 0\n");
	converse(listener, steps, -1, SIZE_MAX);
	assert_string_equal(buffer_string(&listener->log), buffer_string(&all));
	for (size_t piece = 1; piece < 8; piece++) {
		converse(listener, steps, -1, piece);
		assert_string_equal(buffer_string(&listener->log), buffer_string(&all));
	}
	for (int i = 0; steps[i].kind; i++)
		for (size_t at = 0; steps[i].bytes && at <= steps[i].length; at++) {
			converse(listener, steps, i, at);
			assert_string_equal(buffer_string(&listener->log), buffer_string(&all));
		}
	buffer_free(&listener->log);
	buffer_free(&listener->bodies[0]);
	buffer_free(&listener->bodies[1]);
}

#define CHECK_AS(listener, expected, ...)                                                          \
	do {                                                                                       \
		const struct step steps_[] = { __VA_ARGS__, {} };                                  \
		check((listener), steps_, (expected));                                             \
	} while (0)
#define CHECK(expected, ...) CHECK_AS((&(struct listener){}), expected, __VA_ARGS__)

static void test_plain(void **state)
{
	CHECK(">0 GET /_ping agent=Docker-Client/20.10\n>0 done 0\n"
	      "<0 200 type=text/plain length=2\n<0 done 2 OK\n",
	      REQUEST("GET /_ping HTTP/1.1\r\n" HOST "User-Agent: Docker-Client/20.10\r\n\r\n"),
	      ANSWER("HTTP/1.1 200 OK\r\ncontent-TYPE:  text/plain \r\nContent-Length: 2\r\n\r\nOK"));
	CHECK(">0 POST /a length=5\n>0 done 5 hello\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
		      "GET /b HTTP/1.1\r\n" HOST "\r\n"));
	/* Bare line feeds; a value without a space; an empty value. */
	CHECK(">0 POST /a type=x/y length=3\n>0 done 3 abc\n",
	      REQUEST("POST /a HTTP/1.1\nHost:d\nX-Empty:\nContent-Type:x/y\nContent-Length:3\n\nabc"));
	CHECK(">0 POST /auth auth=8\n>0 done 0\n",
	      REQUEST("POST /auth HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: c2VjcmV0\r\n\r\n"));
}

static void test_keep_alive_and_pipelining(void **state)
{
	CHECK(">0 GET /a\n>0 done 0\n<0 200 length=1\n<0 done 1 a\n"
	      ">1 HEAD /b\n>1 done 0\n<1 200 length=9\n<1 done 0\n"
	      ">2 GET /c\n>2 done 0\n<2 404 length=1\n<2 done 1 c\n",
	      REQUEST("GET /a HTTP/1.1\r\n" HOST "\r\n"),
	      ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
	      REQUEST("HEAD /b HTTP/1.1\r\n" HOST "\r\n"),
	      ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
	      REQUEST("GET /c HTTP/1.1\r\n" HOST "\r\n"),
	      ANSWER("HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nc"));
	CHECK(">0 HEAD /a\n>0 done 0\n>1 GET /b\n>1 done 0\n>2 HEAD /c\n>2 done 0\n"
	      "<0 200 length=5\n<0 done 0\n<1 200 length=2\n<1 done 2 bb\n<2 204\n<2 done 0\n",
	      REQUEST("HEAD /a HTTP/1.1\r\nHost: d\r\n\r\nGET /b HTTP/1.1\r\nHost: d\r\n\r\nHEAD /c HTTP/1.1\r\nHost: d\r\n\r\n"),
	      ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
		     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nbb"
		     "HTTP/1.1 204 No Content\r\n\r\n"));
}

static void test_many_outstanding(void **state)
{
	struct listener listener = {};
	struct http_connection connection;
	_cleanup_buffer_ struct buffer expected = {};

	http_init(&connection, &handler, &listener, true);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 300; i++)
			feed_copy(&connection, '>', "GET / HTTP/1.1\r\nHost: d\r\n\r\n", 27);
		for (unsigned i = 0; i < 290; i++)
			feed_copy(&connection, '<', "HTTP/1.1 204 x\r\n\r\n", 18);
	}
	buffer_clear(&listener.log);
	feed_copy(&connection, '<', "HTTP/1.1 204 x\r\n\r\n", 18);
	assert_string_equal(buffer_string(&listener.log), "<870 204\n<870 done 0\n");
	for (unsigned i = 0; i < HTTP_MOST_OUTSTANDING; i++)
		feed_copy(&connection, '>', "GET / HTTP/1.1\r\nHost: d\r\n\r\n", 27);
	buffer_clear(&listener.log);
	feed_copy(&connection, '<', "HTTP/1.1 204 x\r\n\r\n", 18);
	assert_string_equal(buffer_string(&listener.log), "<? 204\n<? done 0\n");
	http_free(&connection);
	buffer_free(&listener.log);
}

static void test_chunked(void **state)
{
	CHECK(">0 POST /a chunked\n>0 done 11 hello world\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\n\r\n"
		      "5\r\nhello\r\n006;ext=\"a;b\"\r\n world\r\n0\r\n\r\n"
		      "GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* Trailers, a space behind the size, bare line feeds behind sizes. */
	CHECK(">0 POST /a chunked\n>0 done 10 0123456789 (chunk size that newer engines refuse)\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "A \r\n0123456789\r\n0;x\nX-Sum: 1\r\nY: 2\r\n\r\nGET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* Both lengths: chunked wins. */
	CHECK(">0 POST /a chunked\n>0 done 1 x\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "1\r\nx\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* HTTP/1.0 knows no chunks. */
	CHECK(">0 POST /a v10 length=2 closes\n>0 done 2 ab\n",
	      REQUEST("POST /a HTTP/1.0\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab"));
	/* What is broken ends the message; what follows is unsure. */
	CHECK(">0 POST /a chunked\n>0 done 1 x truncated (malformed chunk)\n"
	      ">1 POST /b length=1 unsure\n>1 done 1 y\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "1\r\nx\r\nzz\r\nPOST /b HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\ny"));
	CHECK(">0 POST /a chunked\n>0 done 2 xy truncated (malformed chunk)\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxyz\r\n"));
	CHECK(">0 POST /a chunked\n>0 done 0 (chunk size that newer engines refuse)\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n"));
	CHECK(">0 POST /a chunked\n>0 done 0 truncated (malformed chunk)\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n11112222333344445\r\n"));
}

static void test_answers(void **state)
{
	/* Until the end of the connection. */
	CHECK(">0 GET /a\n>0 done 0\n<0 200 closes\n<0 done 4 abcd\n",
	      REQUEST("GET /a HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER("HTTP/1.1 200 OK\r\n\r\nab"),
	      ANSWER("cd"));
	/* 100 is followed by the real one. */
	CHECK(">0 PUT /a length=2 expects\n>0 done 2 ab\n<0 200 length=0\n<0 done 0\n",
	      REQUEST("PUT /a HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
	      ANSWER("HTTP/1.1 100 Continue\r\n\r\n"), REQUEST_TURN, REQUEST("ab"),
	      ANSWER("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	CHECK("<? 200 length=1\n<? done 1 x\n",
	      ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"));
	CHECK(">0 GET /a\n>0 done 0\n<0 304 length=100\n<0 done 0\n<? 500 length=0\n<? done 0\n",
	      REQUEST("GET /a HTTP/1.1\r\nHost: d\r\n\r\n"),
	      ANSWER("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"
		     "HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n"));
	/* An early answer, before the body is whole. */
	CHECK(">0 POST /a length=4\n<0 400 length=0\n<0 done 0\n>0 done 4 abcd\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\n\r\nab"),
	      ANSWER("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"), REQUEST("cd"));
}

static void test_folding(void **state)
{
	CHECK(">0 POST /a agent=one two three length=1\n>0 done 1 x\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nUser-Agent: one\r\n \t two \n\tthree\r\n  \r\n"
		      "Content-Length:\r\n 1\r\n\r\nx"));
	CHECK(">0 ambiguous (header line without a name and a colon) GET /a\n",
	      REQUEST("GET /a HTTP/1.1\r\n Host: x\r\n\r\n"));
}

static void test_refused(void **state)
{
	CHECK(">0 ambiguous (no request or status line)\n", REQUEST("\x16\x03\x01 hello\r\n\r\n"));
	CHECK(">0 ambiguous (no request or status line)\n>1 GET / unsure\n>1 done 0\n",
	      REQUEST("\r\nGET / HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 ambiguous (no request or status line) GET\n", REQUEST("GET /\r\n"));
	CHECK(">0 ambiguous (no request or status line) GET\n", REQUEST("GET  / HTTP/1.1\r\n"));
	CHECK(">0 ambiguous (no request or status line) GET /a\n",
	      REQUEST("GET /a b HTTP/1.1\r\n"));
	CHECK(">0 ambiguous (no request or status line) GET /a\n", REQUEST("GET /a HTTP/1.10\r\n"));
	CHECK(">0 ambiguous (version other than HTTP/1.x) GET /a\n",
	      REQUEST("GET /a HTTP/2.0\r\n"));
	CHECK(">0 ambiguous (no request or status line)\n", REQUEST("G(T / HTTP/1.1\r\n"));
	CHECK(">0 ambiguous (header line without a name and a colon) GET /\n",
	      REQUEST("GET / HTTP/1.1\r\nHost: d\r\nno colon\r\n\r\n"));
	CHECK(">0 ambiguous (header line without a name and a colon) GET /\n",
	      REQUEST("GET / HTTP/1.1\r\nHost: d\r\nContent-Length : 5\r\n\r\n"));
	CHECK(">0 GET / doubt (header without a name, which newer engines refuse)\n>0 done 0\n",
	      REQUEST("GET / HTTP/1.1\r\nHost: d\r\n: x\r\n\r\n"));
	CHECK(">0 ambiguous (control character in a header) GET /\n",
	      REQUEST("GET / HTTP/1.1\r\nHost: d\r\nA: b\rc\r\n\r\n"));
	CHECK(">0 ambiguous (ends within the head)\n", REQUEST("GET /a"));
	CHECK(">0 GET /a truncated\n>0 done 0 truncated\n",
	      REQUEST("GET /a HTTP/1.1\r\nHost: x\r\n"));
	CHECK(">0 GET /a\n>0 done 0\n<0 ambiguous (no request or status line)\n",
	      REQUEST("GET /a HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER("nonsense\r\n"));
}

/* Known only at the end of the head; what only some versions refuse is read, and doubted. */
static void test_judged_by_the_whole(void **state)
{
	static const char *const refused[][2] = {
		{ "POST / HTTP/1.1\r\n\r\n", "no Host, two of them, or a malformed one" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
		  "no Host, two of them, or a malformed one" },
		{ "POST / HTTP/1.0\r\nHost: a/b\r\n\r\n",
		  "no Host, two of them, or a malformed one" },
		{ "POST / HTTP/1.1\r\nHost: a\r\n \r\n\r\n",
		  "no Host, two of them, or a malformed one" },
		{ "POST / HTTP/1.1\r\n" HOST "Expect: more\r\nExpect: 100-continue\r\n\r\n",
		  "Expect other than 100-continue" },
		{ "POST / HTTP/1.1\r\n" HOST "Trailer: A,content-length\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
		  "malformed trailer, or one that is too long" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 01\r\n\r\n",
		  "Content-Length that is no number, or two different ones" },
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct listener listener = {};
		struct step steps[2] = { { '>', refused[i][0], strlen(refused[i][0]) }, {} };
		char expected[200];

		snprintf(expected, sizeof(expected), ">0 ambiguous (%s) POST /\n", refused[i][1]);
		check(&listener, steps, expected);
	}
	CHECK(">0 POST / doubt (empty Content-Length, which newer engines refuse)\n>0 done 0\n",
	      REQUEST("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"));
	CHECK(">0 POST / chunked\n>0 done 0\n",
	      REQUEST("POST / HTTP/1.1\r\n" HOST
		      "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
	CHECK(">0 POST / expects\n>0 done 0\n",
	      REQUEST("POST / HTTP/1.1\r\n" HOST "Expect: x,100-Continue y\r\n\r\n"));
	CHECK(">0 POST / v10\n>0 done 0\n",
	      REQUEST("POST / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n"));
}

static void test_trailers(void **state)
{
	static const char *const rows[][2] = {
		{ "A: b\r\n c\r\nD:\n\r\n", "" },
		{ "A b: c\r\n\r\n", " (trailer that newer engines refuse)" },
		{ ": c\r\n\r\n", " (trailer that newer engines refuse)" },
		{ "A: \1\r\n\r\n", " (trailer that newer engines refuse)" },
		{ "A: b\rc\r\n\r\n", " (trailer that newer engines refuse)" },
		{ "Ab\r\n\r\n", " truncated (malformed trailer, or one that is too long)" },
		{ " A: b\r\n\r\n", " truncated (malformed trailer, or one that is too long)" },
		{ "A: b\r\n\r\r\n", " truncated (malformed trailer, or one that is too long)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct listener listener = {};
		char bytes[200], expected[200];
		struct step steps[2] = { { '>', bytes, 0 }, {} };

		steps[0].length =
			(size_t)snprintf(bytes, sizeof(bytes),
					 "POST / HTTP/1.1\r\n" HOST
					 "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n%s",
					 rows[i][0]);
		snprintf(expected, sizeof(expected), ">0 POST / chunked\n>0 done 1 x%s\n",
			 rows[i][1]);
		check(&listener, steps, expected);
	}
}

static void test_lengths_refused(void **state)
{
	static const char *const values[] = {
		"-1", "+5", "5 5", "5,5", "0x5", "9223372036854775808", "5a", "1e1",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct listener listener = {};
		char head[200];
		struct step steps[2] = { { '>', head, 0 }, {} };

		steps[0].length = (size_t)snprintf(
			head, sizeof(head),
			"POST / HTTP/1.1\r\nHost: d\r\nContent-Length: %s\r\n\r\n", values[i]);
		check(&listener, steps,
		      ">0 ambiguous (Content-Length that is no number, or two different ones) POST /\n");
	}
	CHECK(">0 ambiguous (Content-Length that is no number, or two different ones) POST /\n",
	      REQUEST("POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"));
	CHECK(">0 POST / length=1\n>0 done 1 x\n",
	      REQUEST("POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\nx"));
	CHECK(">0 POST / length=9223372036854775807\n>0 done 1 x truncated\n",
	      REQUEST("POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 009223372036854775807\r\n\r\nx"));
	CHECK(">0 ambiguous (Transfer-Encoding other than chunked) POST /\n",
	      REQUEST("POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"));
	CHECK(">0 ambiguous (Transfer-Encoding other than chunked) POST /\n",
	      REQUEST("POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

static void test_ambiguous_then_a_request(void **state)
{
	/* Go closes behind a 400; whoever does not, is not hidden from us. */
	CHECK(">0 ambiguous (header line without a name and a colon) GET /a\n"
	      ">1 POST /b length=1 unsure\n>1 done 1 x\n<0 400 closes\n<0 done 0\n",
	      REQUEST("GET /a HTTP/1.1\r\nHost: d\r\nbad\r\n\r\nPOST /b HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\nx"),
	      ANSWER("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
	CHECK(">0 ambiguous (no request or status line)\n>1 GET /b\n>1 done 0\n",
	      REQUEST("garbage\r\n"), REQUEST("GETX\r\nG\r\n"), REQUEST_TURN,
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
}

static void test_leading_line_feeds(void **state)
{
	CHECK(">0 POST /a length=1\n>0 done 1 x\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\nx\r\n\r\nGET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 POST /a length=1\n>0 done 1 x\n>1 ambiguous (no request or status line)\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\nx\r\n\r\n\r\n"));
}

static void test_close(void **state)
{
	CHECK(">0 GET /a closes\n>0 done 0\n>1 GET /b after-close\n>1 done 0\n",
	      REQUEST("GET /a HTTP/1.1\r\nHost: d\r\nConnection: x , Close\r\n\r\nGET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 GET /a v10\n>0 done 0\n>1 GET /b v10 closes\n>1 done 0\n",
	      REQUEST("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n"));
}

static void test_upgrade(void **state)
{
	/* What is sent behind it before the answer is no request. */
	CHECK(">0 POST /exec/1/start upgrade=tcp length=2 wants-upgrade\n>0 done 2 {}\n"
	      "<0 101 type=application/vnd.docker.raw-stream upgrade=tcp takes-over\n<0 done 0\n"
	      "streams 42 9\n",
	      REQUEST("POST /exec/1/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
		      "Content-Length: 2\r\n\r\n{}GET /secret HTTP/1.1\r\n\r\n"),
	      ANSWER("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
		     "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nHTTP"),
	      REQUEST_TURN, REQUEST("\nGET /x HTTP/1.1\n\n"), ANSWER_TURN, ANSWER("/1.1 "));
	/* Refused: it was a request after all. */
	CHECK(">0 POST /session upgrade=h2c wants-upgrade\n>0 done 0\n<0 404 length=2\n"
	      ">1 GET /b\n>1 done 0\n<0 done 2 no\n",
	      REQUEST("POST /session HTTP/1.1\r\nHost: d\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
		      "GET /b HTTP/1.1\r\nHost: d\r\n\r\n"),
	      ANSWER("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"));
	/* The answer is never read by the client: nothing stays hidden, but it is unsure. */
	CHECK(">0 POST /session upgrade=h2c wants-upgrade\n>0 done 0\n"
	      ">1 GET /b unsure\n>1 done 0\n",
	      REQUEST("POST /session HTTP/1.1\r\nHost: d\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"), RELEASE);
	CHECK(">0 POST /session upgrade=h2c wants-upgrade\n>0 done 0\n"
	      ">1 GET /b unsure\n>1 done 0\n",
	      REQUEST("POST /session HTTP/1.1\r\nHost: d\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* ... and what was a stream is not told as garbage. */
	CHECK(">0 POST /session upgrade=h2c wants-upgrade\n>0 done 0\n",
	      REQUEST("POST /session HTTP/1.1\r\nHost: d\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
	      REQUEST("hunter2\n"));
	/* The answer came before the body was whole. */
	CHECK(">0 POST /x upgrade=h2c length=2 wants-upgrade\n<0 500 length=0\n<0 done 0\n"
	      ">0 done 2 ab\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /x HTTP/1.1\r\nHost: d\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\na"),
	      ANSWER("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"),
	      REQUEST("bGET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* With a header it is a request like any other to Go. */
	CHECK(">0 PRI * v20\n>0 done 0\n>1 GET /b\n>1 done 0\n",
	      REQUEST("PRI * HTTP/2.0\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n"));
	CHECK(">0 PRI * v20 takes-over\n>0 done 0\nstreams 9 0\n",
	      REQUEST("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nabc"));
}

static void test_hijack_without_101(void **state)
{
	struct listener listener = { .may_take_over = true };

	CHECK_AS(
		&listener,
		">0 POST /containers/a/attach\n>0 done 0\n"
		"<0 200 type=application/vnd.docker.raw-stream takes-over\n<0 done 0\n"
		"streams 24 6\n",
		REQUEST("POST /containers/a/attach HTTP/1.1\r\nHost: d\r\n\r\n"),
		ANSWER("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\noutput"),
		REQUEST("GET /not/a HTTP/1.1\r\n\r\n\n"));
	listener = (struct listener){ .may_take_over = true };
	CHECK_AS(
		&listener,
		">0 POST /exec/a/start\n>0 done 0\n"
		"<0 200 length=0\n<0 done 0\n>1 GET /b\n>1 done 0\n",
		REQUEST("POST /exec/a/start HTTP/1.1\r\nHost: d\r\n\r\nGET /b HTTP/1.1\r\nHost: d\r\n\r\n"),
		ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
}

static void test_gap_in_body(void **state)
{
	CHECK(">0 POST /a length=10\n>0 done 10-6 ab<6>cd truncated\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\nab"),
	      REQUEST_GAP(6), REQUEST("cdGET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 POST /a length=8\n>0 done 8-6 ab<6> truncated\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 8\r\n\r\nab"), REQUEST_GAP(6),
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* Beyond the body: another one, unseen, and lost until a turn. */
	CHECK(">0 POST /a length=8\n>0 done 8-6 ab<6> truncated\n"
	      ">1 ambiguous (none of its bytes were kept)\n>2 GET /c\n>2 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 8\r\n\r\nab"), REQUEST_GAP(7),
	      REQUEST("/b HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\nHost: d\r\n\r\n"), REQUEST_TURN,
	      REQUEST("GET /c HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 POST /a chunked\n>0 done 6-4 a<4>b truncated\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n6\r\na"),
	      REQUEST_GAP(4), REQUEST("b\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 POST /a chunked\n>0 done 11-7 a<7> truncated\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n6\r\na"),
	      REQUEST_GAP(7), REQUEST("0\r\n"), REQUEST_TURN,
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* An answer that was cut off by the bound on volume: the next is found at its turn. */
	CHECK(">0 GET /a\n>0 done 0\n<0 200 chunked\n"
	      ">1 GET /b\n>1 done 0\n<0 done 1001-1000 a<1000> truncated\n<1 200 length=1\n<1 done 1 b\n",
	      REQUEST_TURN, REQUEST("GET /a HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER_TURN,
	      ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\na"),
	      ANSWER_GAP(1000), REQUEST_TURN, REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"),
	      ANSWER_TURN, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"));
	CHECK(">0 GET /a\n>0 done 0\n<0 200 closes\n<0 done 12-10 a<10>b truncated\n",
	      REQUEST("GET /a HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER("HTTP/1.1 200 OK\r\n\r\na"),
	      ANSWER_GAP(10), ANSWER("b"));
}

static void test_gap_in_head(void **state)
{
	CHECK(">0 POST /a truncated\n>0 done 104-100 truncated\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a HTTP/1.1\r\nHost: d\r\nContent-Len"), REQUEST_GAP(100),
	      REQUEST("\r\n\r\n"), REQUEST_TURN, REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 ambiguous (ends within the head)\n>1 GET /b\n>1 done 0\n",
	      REQUEST("POST /a?pass"), REQUEST_GAP(5), REQUEST_TURN,
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* A whole answer is missing: the next one is not taken for it. */
	CHECK(">0 GET /a\n>0 done 0\n>1 GET /b\n>1 done 0\n<1 204\n<1 done 0\n", REQUEST_TURN,
	      REQUEST("GET /a HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER_TURN, ANSWER_GAP(50),
	      REQUEST_TURN, REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER_TURN,
	      ANSWER("HTTP/1.1 204 x\r\n\r\n"));
	/* A turn that is no message: the body of a request whose head was lost. */
	CHECK(">0 ambiguous (none of its bytes were kept)\n>1 GET /b\n>1 done 0\n", REQUEST_GAP(60),
	      REQUEST_TURN, REQUEST("{\"GET /a HTTP/1.1\nHost:d\n\n"), REQUEST_TURN,
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* Behind it, of a turn the first byte alone: that is one request, told once. */
	CHECK(">0 ambiguous (none of its bytes were kept)\n>1 ambiguous (ends within the head)\n"
	      ">2 GET /b\n>2 done 0\n",
	      REQUEST_GAP(60), REQUEST_TURN, REQUEST("G"), REQUEST_GAP(50), REQUEST_TURN,
	      REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	CHECK(">0 ambiguous (none of its bytes were kept)\n>1 ambiguous (ends within the head)\n",
	      REQUEST_GAP(60), REQUEST_TURN, REQUEST("G"));
}

static void test_midway(void **state)
{
	struct listener listener = { .midway = true };

	CHECK_AS(&listener, ">0 GET /b\n>0 done 0\n<0 204\n<0 done 0\n",
		 REQUEST("rest of a body\nGET /a HTTP/1.1\nHost:d\n\n"), ANSWER("of an answer"),
		 REQUEST_TURN, REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER_TURN,
		 ANSWER("HTTP/1.1 204 x\r\n\r\n"));
	listener = (struct listener){ .midway = true };
	CHECK_AS(&listener, ">0 GET /b\n>0 done 0\n",
		 REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* An answer to a HEAD that was not seen. */
	listener = (struct listener){ .midway = true };
	CHECK_AS(&listener,
		 "<? 200 length=70\n>0 GET /b\n>0 done 0\n<? done 0 truncated\n<0 204\n<0 done 0\n",
		 ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n"), REQUEST_TURN,
		 REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER_TURN,
		 ANSWER("HTTP/1.1 204 x\r\n\r\n"));
}

static void append_many(struct buffer *buffer, char c, size_t count)
{
	while (count-- > 0)
		buffer_append_char(buffer, c);
}

static void test_large_heads(void **state)
{
	_cleanup_buffer_ struct buffer head = {};
	struct listener listener = {};
	struct http_connection connection;

	/* Megabytes of header lines, long ones too: bounded, and the end is still found. */
	buffer_append_string(&head, "POST /a HTTP/1.1\r\nHost: d\r\nX-Long: ");
	append_many(&head, 'x', 300000);
	buffer_append_string(&head, "\r\n");
	for (size_t i = 0; i < 30000; i++)
		buffer_append_string(&head, "X-Some-Header: value\r\n");
	buffer_append_string(&head, "Content-Length: 2\r\n\r\nok");
	http_init(&connection, &handler, &listener, true);
	for (size_t at = 0; at < head.length; at += 4096) {
		const struct http_head_reader *reader = connection.streams[HTTP_REQUEST].head;

		feed_copy(&connection, '>', head.data + at,
			  head.length - at < 4096 ? head.length - at : 4096);
		reader = connection.streams[HTTP_REQUEST].head;
		assert_true(!reader || reader->kept.capacity <= 2 * HTTP_MOST_HEAD_BYTES);
	}
	assert_null(connection.streams[HTTP_REQUEST].head);
	http_free(&connection);
	assert_string_equal(buffer_string(&listener.log), ">0 POST /a length=2\n>0 done 2 ok\n");
	buffer_clear(&listener.log);

	/* Longer than what Go reads: refused, however it is cut. */
	buffer_clear(&head);
	buffer_append_string(&head, "POST /a HTTP/1.1\r\n" HOST "X-Long: ");
	append_many(&head, 'x', HTTP_MOST_READ_BYTES);
	append_many(&head, 'x', HTTP_READ_AHEAD);
	buffer_append_string(&head, "\r\n\r\n");
	for (size_t piece = 1 << 12; piece <= 1 << 24; piece <<= 12) {
		http_init(&connection, &handler, &listener, true);
		for (size_t at = 0; at < head.length; at += piece)
			feed_copy(&connection, '>', head.data + at,
				  head.length - at < piece ? head.length - at : piece);
		http_free(&connection);
		assert_string_equal(
			buffer_string(&listener.log),
			">0 ambiguous (head longer than what the engine reads) POST /a\n");
		buffer_clear(&listener.log);
	}

	/* A target that is longer than what is kept: cut, but its body is read. */
	buffer_clear(&head);
	buffer_append_string(&head, "POST /");
	append_many(&head, 'y', 100000);
	buffer_append_string(&head, " HTTP/1.1\r\nContent-Length: 2\r\nHost: ");
	append_many(&head, 'z', 20000);
	buffer_append_string(&head, "\r\n\r\nok");
	http_init(&connection, &handler, &listener, true);
	feed_copy(&connection, '>', head.data, head.length);
	http_free(&connection);
	assert_non_null(
		strstr(buffer_string(&listener.log), "yyy length=2 truncated\n>0 done 2 ok\n"));
	assert_true(listener.log.length < HTTP_MOST_HEAD_BYTES);
	buffer_free(&listener.log);
	buffer_free(&listener.bodies[0]);
}

static void test_held_is_bounded(void **state)
{
	struct listener listener = { .may_take_over = true };
	struct http_connection connection;
	char bytes[4096] = {};

	http_init(&connection, &handler, &listener, true);
	feed_copy(&connection, '>', "POST /a HTTP/1.1\r\nHost: d\r\n\r\n", 29);
	for (size_t i = 0; i < 1000; i++)
		feed_copy(&connection, '>', bytes, sizeof(bytes));
	assert_int_equal(connection.held.length, HTTP_MOST_HELD_BYTES);
	feed_copy(&connection, '<', "HTTP/1.1 101 U\r\n\r\n", 18);
	assert_int_equal(connection.streams[HTTP_REQUEST].stream_bytes, 1000 * sizeof(bytes));
	assert_int_equal(connection.held.capacity, 0);
	http_free(&connection);
	buffer_free(&listener.log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_keep_alive_and_pipelining),
		cmocka_unit_test(test_many_outstanding),
		cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_judged_by_the_whole),
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_lengths_refused),
		cmocka_unit_test(test_ambiguous_then_a_request),
		cmocka_unit_test(test_leading_line_feeds),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_hijack_without_101),
		cmocka_unit_test(test_gap_in_body),
		cmocka_unit_test(test_gap_in_head),
		cmocka_unit_test(test_midway),
		cmocka_unit_test(test_large_heads),
		cmocka_unit_test(test_held_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
