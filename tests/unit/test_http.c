// SPDX-License-Identifier: Apache-2.0
#include "http_bed.h"

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
	struct http_listener listener = {};
	struct http_connection connection;
	_cleanup_buffer_ struct buffer expected = {};

	http_init(&connection, &http_bed_handler, &listener, true);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 300; i++)
			http_bed_feed(&connection, '>', "GET / HTTP/1.1\r\nHost: d\r\n\r\n", 27);
		for (unsigned i = 0; i < 290; i++)
			http_bed_feed(&connection, '<', "HTTP/1.1 204 x\r\n\r\n", 18);
	}
	buffer_clear(&listener.log);
	http_bed_feed(&connection, '<', "HTTP/1.1 204 x\r\n\r\n", 18);
	assert_string_equal(buffer_string(&listener.log), "<870 204\n<870 done 0\n");
	for (unsigned i = 0; i < HTTP_MOST_OUTSTANDING; i++)
		http_bed_feed(&connection, '>', "GET / HTTP/1.1\r\nHost: d\r\n\r\n", 27);
	buffer_clear(&listener.log);
	http_bed_feed(&connection, '<', "HTTP/1.1 204 x\r\n\r\n", 18);
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
		struct http_listener listener = {};
		char bytes[200], expected[200];
		struct step steps[2] = { { '>', bytes, 0 }, {} };

		steps[0].length =
			(size_t)snprintf(bytes, sizeof(bytes),
					 "POST / HTTP/1.1\r\n" HOST
					 "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n%s",
					 rows[i][0]);
		snprintf(expected, sizeof(expected), ">0 POST / chunked\n>0 done 1 x%s\n",
			 rows[i][1]);
		http_bed_check(&listener, steps, expected);
	}
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
	struct http_listener listener = { .may_take_over = true };

	CHECK_AS(
		&listener,
		">0 POST /containers/a/attach\n>0 done 0\n"
		"<0 200 type=application/vnd.docker.raw-stream takes-over\n<0 done 0\n"
		"streams 24 6\n",
		REQUEST("POST /containers/a/attach HTTP/1.1\r\nHost: d\r\n\r\n"),
		ANSWER("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\noutput"),
		REQUEST("GET /not/a HTTP/1.1\r\n\r\n\n"));
	listener = (struct http_listener){ .may_take_over = true };
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
	CHECK(">0 POST /a truncated\n>0 done 104-100 <100> truncated\n>1 GET /b\n>1 done 0\n",
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
	struct http_listener listener = { .midway = true };

	CHECK_AS(&listener, ">0 GET /b\n>0 done 0\n<0 204\n<0 done 0\n",
		 REQUEST("rest of a body\nGET /a HTTP/1.1\nHost:d\n\n"), ANSWER("of an answer"),
		 REQUEST_TURN, REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER_TURN,
		 ANSWER("HTTP/1.1 204 x\r\n\r\n"));
	listener = (struct http_listener){ .midway = true };
	CHECK_AS(&listener, ">0 GET /b\n>0 done 0\n",
		 REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"));
	/* An answer to a HEAD that was not seen. */
	listener = (struct http_listener){ .midway = true };
	CHECK_AS(&listener,
		 "<? 200 length=70\n>0 GET /b\n>0 done 0\n<? done 0 truncated\n<0 204\n<0 done 0\n",
		 ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n"), REQUEST_TURN,
		 REQUEST("GET /b HTTP/1.1\r\nHost: d\r\n\r\n"), ANSWER_TURN,
		 ANSWER("HTTP/1.1 204 x\r\n\r\n"));
}

static void test_held_is_bounded(void **state)
{
	struct http_listener listener = { .may_take_over = true };
	struct http_connection connection;
	char bytes[4096] = {};

	http_init(&connection, &http_bed_handler, &listener, true);
	http_bed_feed(&connection, '>', "POST /a HTTP/1.1\r\nHost: d\r\n\r\n", 29);
	for (size_t i = 0; i < 1000; i++)
		http_bed_feed(&connection, '>', bytes, sizeof(bytes));
	assert_int_equal(connection.held.length, HTTP_MOST_HELD_BYTES);
	http_bed_feed(&connection, '<', "HTTP/1.1 101 U\r\n\r\n", 18);
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
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_leading_line_feeds),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_hijack_without_101),
		cmocka_unit_test(test_gap_in_body),
		cmocka_unit_test(test_gap_in_head),
		cmocka_unit_test(test_midway),
		cmocka_unit_test(test_held_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
