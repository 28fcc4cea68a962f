// SPDX-License-Identifier: Apache-2.0
/*
 * What docktrail takes some bytes for, to be compared with another parser (against_node.js). Reads
 * inputs, each behind its length in 4 bytes (little-endian), and writes a line of JSON for each:
 * requests up to the first thing that is none, and why that is none. Bytes are written as U+0000 to
 * U+00FF.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "correlate/http.h"

#define MOST_BYTES (16u << 20)

struct listener {
	const char *ends; /* why it goes no further; NULL: it did not end */
	bool open, answers;
	size_t at; /* bytes fed so far, this one included */
	size_t bytes;
	uint32_t hash;
	unsigned count;
};

static void print_text(const char *name, struct text text)
{
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < text.length; i++)
		printf("\\u%04x", (uint8_t)text.data[i]);
	printf("\"");
}

static bool on_head(void *user, const struct http_head *head)
{
	struct listener *listener = user;

	if (head->direction == HTTP_ANSWER || listener->ends)
		return false;
	if (head->truncated) {
		listener->ends = http_problem_words(HTTP_PROBLEM_cut);
		return false;
	}
	printf("%s{\"head\":%zu", listener->count++ ? "," : "", listener->at);
	print_text("method", head->method);
	print_text("target", head->target);
	print_text("host", head->host);
	print_text("type", head->content_type);
	print_text("agent", head->user_agent);
	print_text("doubt", text_of(http_problem_words(head->doubt)));
	printf(",\"closes\":%s", head->closes ? "true" : "false");
	listener->open = true;
	listener->bytes = 0;
	listener->hash = 2166136261u;
	return false;
}

static void on_body(void *user, enum http_direction direction, const char *data, uint64_t length)
{
	struct listener *listener = user;

	if (direction == HTTP_ANSWER || !data || !listener->open)
		return;
	listener->bytes += length;
	for (uint64_t i = 0; i < length; i++)
		listener->hash = (listener->hash ^ (uint8_t)data[i]) * 16777619u;
}

static void on_complete(void *user, const struct http_complete *complete)
{
	struct listener *listener = user;

	if (complete->direction == HTTP_ANSWER || !listener->open)
		return;
	listener->open = false;
	listener->answers = true;
	printf(",\"whole\":%s,\"body\":%zu,\"hash\":%" PRIu32,
	       complete->truncated ? "false" : "true", listener->bytes, listener->hash);
	print_text("problem", text_of(http_problem_words(complete->problem)));
	printf(",\"end\":%zu}", listener->at);
	if (complete->truncated)
		listener->ends = http_problem_words(complete->problem);
}

static void on_ambiguous(void *user, const struct http_ambiguous *ambiguous)
{
	struct listener *listener = user;

	if (ambiguous->direction == HTTP_REQUEST && !listener->ends)
		listener->ends = http_problem_words(ambiguous->problem);
}

static void tell(const char *data, size_t length)
{
	static const struct http_handler handler = { on_head, on_body, on_complete, on_ambiguous };
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct listener listener = {};
	struct http_connection connection;

	printf("{\"requests\":[");
	http_init(&connection, &handler, &listener, true);
	for (size_t i = 0; i < length; i++) {
		listener.at = i + 1;
		listener.answers = false;
		if (http_feed(&connection, HTTP_REQUEST, data + i, 1) < 0)
			abort();
		/* What was sent behind an upgrade is held until then. */
		if (listener.answers &&
		    http_feed(&connection, HTTP_ANSWER, answer, sizeof(answer) - 1) < 0)
			abort();
	}
	if (http_end(&connection) < 0)
		abort();
	http_free(&connection);
	printf("]");
	print_text("ends", text_of(listener.ends ?: ""));
	printf("}\n");
}

int main(void)
{
	_cleanup_buffer_ struct buffer input = {};
	uint8_t head[4];

	while (fread(head, sizeof(head), 1, stdin) == 1) {
		size_t length = head[0] | head[1] << 8 | head[2] << 16 | (size_t)head[3] << 24;

		buffer_clear(&input);
		if (length > MOST_BYTES || buffer_reserve(&input, length + 1) < 0 ||
		    (length > 0 && fread(input.data, length, 1, stdin) != 1))
			return EXIT_FAILURE;
		tell(input.data, length);
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}
