// SPDX-License-Identifier: Apache-2.0
/*
 * A conversation in steps, each ended by byte 0xff: '>' or '<' and bytes, 't' or 'T' a turn, 'g' or
 * 'G' a gap of as many bytes as the step's next two say, 'r' a release. However the bytes are cut
 * into pieces, the same has to be told, and no byte may be lost count of.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct listener {
	uint64_t told;      /* a hash of everything */
	uint64_t bodies[2]; /* hash of the body that is open, by direction */
	uint64_t body_bytes[2];
	bool open[2];
};

static void mix(uint64_t *hash, const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < length; i++)
		*hash = (*hash ^ p[i]) * 0x100000001b3ull;
}

static void mix_number(uint64_t *hash, uint64_t number)
{
	mix(hash, &number, sizeof(number));
}

static void mix_text(uint64_t *hash, struct text text)
{
	mix(hash, text.data, text.length);
	mix_number(hash, text.length);
}

static bool on_head(void *user, const struct http_head *head)
{
	struct listener *listener = user;

	if (listener->open[head->direction])
		abort();
	if (head->direction == HTTP_REQUEST &&
	    (head->method.length == 0 || head->target.length == 0))
		abort();
	if (head->direction == HTTP_ANSWER && (head->status < 101 || head->status > 999))
		abort();
	listener->open[head->direction] = true;
	listener->bodies[head->direction] = 1;
	listener->body_bytes[head->direction] = 0;
	mix_number(&listener->told, head->direction);
	mix_number(&listener->told, head->number);
	mix_text(&listener->told, head->method);
	mix_text(&listener->told, head->target);
	mix_text(&listener->told, head->host);
	mix_text(&listener->told, head->content_type);
	mix_text(&listener->told, head->upgrade);
	mix_text(&listener->told, head->user_agent);
	mix_number(&listener->told, head->status);
	mix_number(&listener->told, head->content_length);
	mix_number(&listener->told, head->truncated | head->unsure << 1 | head->takes_over << 2 |
					    head->closes << 3 | head->chunked << 4 |
					    head->after_close << 5);
	/* Some requests may take over without being asked to. */
	return head->target.length > 1 && head->target.data[1] == 'x';
}

static void on_body(void *user, enum http_direction direction, const char *data, uint64_t length)
{
	struct listener *listener = user;

	if (!listener->open[direction])
		abort();
	if (data)
		mix(&listener->bodies[direction], data, length);
	else
		mix_number(&listener->bodies[direction], length);
	listener->body_bytes[direction] += length;
}

static void on_complete(void *user, const struct http_complete *complete)
{
	struct listener *listener = user;

	if (!listener->open[complete->direction] ||
	    complete->body_bytes < listener->body_bytes[complete->direction] ||
	    complete->missing_bytes > complete->body_bytes)
		abort();
	listener->open[complete->direction] = false;
	mix_number(&listener->told, complete->direction);
	mix_number(&listener->told, complete->number);
	mix_number(&listener->told, complete->body_bytes);
	mix_number(&listener->told, complete->missing_bytes);
	mix_number(&listener->told, complete->truncated);
	mix_number(&listener->told, complete->problem);
	mix_number(&listener->told, listener->bodies[complete->direction]);
}

static void on_ambiguous(void *user, const struct http_ambiguous *ambiguous)
{
	struct listener *listener = user;

	if (ambiguous->problem == HTTP_PROBLEM_none || ambiguous->start.length > HTTP_START_BYTES)
		abort();
	mix_number(&listener->told, ambiguous->number);
	mix_number(&listener->told, ambiguous->problem);
	mix_text(&listener->told, ambiguous->method);
	mix_text(&listener->told, ambiguous->target);
}

static uint64_t converse(const uint8_t *data, size_t size, size_t piece)
{
	static const struct http_handler handler = { on_head, on_body, on_complete, on_ambiguous };
	struct listener listener = {};
	struct http_connection connection;
	uint64_t bytes[2] = {};
	const uint8_t *end = data + size;

	http_init(&connection, &handler, &listener, size == 0 || data[0] != 'm');
	while (data < end) {
		const uint8_t *stop = memchr(data, 0xff, (size_t)(end - data));
		size_t length = stop ? (size_t)(stop - data) : (size_t)(end - data);
		enum http_direction direction =
			length && strchr(">tg", data[0]) ? HTTP_REQUEST : HTTP_ANSWER;
		uint64_t missing = length > 2 ? data[1] | (uint64_t)data[2] << 8 : 1;

		switch (length ? data[0] : 0) {
		case '>':
		case '<':
			for (size_t i = 1, part; i < length; i += part) {
				part = length - i < piece ? length - i : piece;
				if (http_feed(&connection, direction, (const char *)data + i,
					      part) < 0)
					abort();
			}
			bytes[direction] += length - 1;
			break;
		case 't':
		case 'T':
			http_turn(&connection, direction);
			break;
		case 'g':
		case 'G':
			if (http_gap(&connection, direction, missing) < 0)
				abort();
			bytes[direction] += missing;
			break;
		case 'r':
			if (http_release(&connection) < 0)
				abort();
			break;
		}
		data += length + (stop != NULL);
	}
	if (http_end(&connection) < 0 || listener.open[0] || listener.open[1])
		abort();
	for (size_t i = 0; i < 2; i++) {
		if (connection.streams[i].bytes != bytes[i] ||
		    connection.streams[i].stream_bytes > bytes[i])
			abort();
		mix_number(&listener.told, connection.streams[i].stream_bytes);
	}
	http_free(&connection);
	return listener.told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t whole = converse(data, size, SIZE_MAX);

	if (converse(data, size, 1) != whole || converse(data, size, 3) != whole)
		abort();
	return 0;
}
