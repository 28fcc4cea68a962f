// SPDX-License-Identifier: Apache-2.0
/* Heads of messages: which are none, which are doubted, and how long they may be. */
#include "http_bed.h"

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
		struct http_listener listener = {};
		struct step steps[2] = { { '>', refused[i][0], strlen(refused[i][0]) }, {} };
		char expected[200];

		snprintf(expected, sizeof(expected), ">0 ambiguous (%s) POST /\n", refused[i][1]);
		http_bed_check(&listener, steps, expected);
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

static void test_lengths_refused(void **state)
{
	static const char *const values[] = {
		"-1", "+5", "5 5", "5,5", "0x5", "9223372036854775808", "5a", "1e1",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct http_listener listener = {};
		char head[200];
		struct step steps[2] = { { '>', head, 0 }, {} };

		steps[0].length = (size_t)snprintf(
			head, sizeof(head),
			"POST / HTTP/1.1\r\nHost: d\r\nContent-Length: %s\r\n\r\n", values[i]);
		http_bed_check(
			&listener, steps,
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

static void append_many(struct buffer *buffer, char c, size_t count)
{
	while (count-- > 0)
		buffer_append_char(buffer, c);
}

static void test_large_heads(void **state)
{
	_cleanup_buffer_ struct buffer head = {};
	struct http_listener listener = {};
	struct http_connection connection;

	/* Megabytes of header lines, long ones too: bounded, and the end is still found. */
	buffer_append_string(&head, "POST /a HTTP/1.1\r\nHost: d\r\nX-Long: ");
	append_many(&head, 'x', 300000);
	buffer_append_string(&head, "\r\n");
	for (size_t i = 0; i < 30000; i++)
		buffer_append_string(&head, "X-Some-Header: value\r\n");
	buffer_append_string(&head, "Content-Length: 2\r\n\r\nok");
	http_init(&connection, &http_bed_handler, &listener, true);
	for (size_t at = 0; at < head.length; at += 4096) {
		const struct http_head_reader *reader = connection.streams[HTTP_REQUEST].head;

		http_bed_feed(&connection, '>', head.data + at,
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
		http_init(&connection, &http_bed_handler, &listener, true);
		for (size_t at = 0; at < head.length; at += piece)
			http_bed_feed(&connection, '>', head.data + at,
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
	http_init(&connection, &http_bed_handler, &listener, true);
	http_bed_feed(&connection, '>', head.data, head.length);
	http_free(&connection);
	assert_non_null(
		strstr(buffer_string(&listener.log), "yyy length=2 truncated\n>0 done 2 ok\n"));
	assert_true(listener.log.length < HTTP_MOST_HEAD_BYTES);
	buffer_free(&listener.log);
	buffer_free(&listener.bodies[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_judged_by_the_whole),
		cmocka_unit_test(test_lengths_refused),
		cmocka_unit_test(test_ambiguous_then_a_request),
		cmocka_unit_test(test_large_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
