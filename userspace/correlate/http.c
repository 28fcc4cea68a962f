// SPDX-License-Identifier: Apache-2.0
#include "correlate/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "correlate/http_private.h"

void http_init(struct http_connection *connection, const struct http_handler *handler, void *user,
	       bool from_start)
{
	*connection = (struct http_connection){ .handler = handler, .user = user };
	for (size_t i = 0; i < 2; i++) {
		connection->streams[i].number = HTTP_UNPAIRED;
		connection->streams[i].state = from_start ? HTTP_IDLE : HTTP_AGAIN;
	}
}

void http_free(struct http_connection *connection)
{
	if (!connection)
		return;
	http_drop_head(&connection->streams[HTTP_REQUEST]);
	http_drop_head(&connection->streams[HTTP_ANSWER]);
	free(connection->outstanding);
	buffer_free(&connection->held);
	*connection = (struct http_connection){};
}

/* A head of which the rest will never come. */
static int cut_head(struct http_connection *connection, struct http_stream *stream)
{
	struct http_head_reader *head = stream->head;

	if (http_head_cut(head) == 0 && head->lines > 0)
		return http_tell_head(connection, stream, false);
	return http_tell_ambiguous(connection, stream, HTTP_PROBLEM_cut);
}

static int begin_head(struct http_connection *connection, struct http_stream *stream)
{
	if (stream->open)
		http_complete(connection, stream, true);
	stream->head = malloc(sizeof(*stream->head));
	if (!stream->head)
		return -ENOMEM;
	http_head_init(stream->head, http_direction_of(connection, stream));
	stream->state = HTTP_HEAD;
	return 0;
}

static int feed_head(struct http_connection *connection, struct http_stream *stream,
		     const char *data, size_t length, size_t *ret_used)
{
	int r = http_head_feed(stream->head, data, length, ret_used);

	if (r == -EBADMSG)
		return http_tell_ambiguous(connection, stream, stream->head->problem);
	return r > 0 ? http_tell_head(connection, stream, true) : r;
}

/* Up to four bytes of line ends behind a POST (net/http/server.go, numLeadingCRorLF). */
static int feed_idle(struct http_connection *connection, struct http_stream *stream, char c,
		     size_t *ret_used)
{
	if (stream->last_was_post && stream->step < 4 && (c == '\r' || c == '\n')) {
		stream->step++;
		*ret_used = 1;
		return 0;
	}
	stream->step = 0;
	*ret_used = 0;
	return begin_head(connection, stream);
}

/* Does a message begin like this? Returns 1 if so, 0 if it may, -1 if not. */
static int match_begin(enum http_direction direction, const char *text, size_t length)
{
	static const char *const methods[] = { "GET ",   "HEAD ",    "POST ",    "PUT ",  "DELETE ",
					       "PATCH ", "OPTIONS ", "CONNECT ", "TRACE " };
	static const char answer[] = "HTTP/1.";

	if (direction == HTTP_ANSWER) {
		if (memcmp(text, answer, length) != 0)
			return -1;
		return length == sizeof(answer) - 1;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t method = strlen(methods[i]);

		if (memcmp(text, methods[i], length < method ? length : method) != 0)
			continue;
		if (length <= method)
			return 0;
		return strchr("/h*", text[method]) && text[method] ? 1 : -1;
	}
	return -1;
}

/* What was held of a beginning, `length` bytes, is one. */
static int begin_again(struct http_connection *connection, struct http_stream *stream,
		       size_t length)
{
	size_t used;
	int r;

	stream->unsure |= stream->scan;
	stream->step = 0;
	r = begin_head(connection, stream);
	if (r < 0)
		return r;
	return http_head_feed(stream->head, stream->again, length, &used);
}

/* Go reads one byte ahead (net/http/server.go, startBackgroundRead): it may be all that came. */
static bool has_begun_again(const struct http_connection *connection,
			    const struct http_stream *stream)
{
	return stream == &connection->streams[HTTP_REQUEST] && stream->state == HTTP_AGAIN &&
	       stream->step > 0;
}

static int feed_again(struct http_connection *connection, struct http_stream *stream, char c,
		      size_t *ret_used)
{
	enum http_direction direction = http_direction_of(connection, stream);
	size_t length;
	int r;

	stream->again[stream->step] = c;
	r = match_begin(direction, stream->again, stream->step + 1u);
	*ret_used = r >= 0;
	if (r < 0) {
		http_lose(stream, stream->scan);
		return 0;
	}
	length = ++stream->step;
	if (r == 0)
		return 0;
	/* Answers that were lost will not come: with one request a turn, this one is the last's. */
	while (direction == HTTP_ANSWER && connection->outstanding_count > 1 &&
	       http_first_outstanding(connection).turn < connection->turn)
		http_pop_outstanding(connection);
	return begin_again(connection, stream, length);
}

static int feed_lost(struct http_stream *stream, const char *data, size_t length, size_t *ret_used)
{
	const char *feed = stream->scan ? memchr(data, '\n', length) : NULL;

	*ret_used = feed ? (size_t)(feed - data) + 1 : length;
	if (stream->open)
		stream->body_bytes += *ret_used;
	if (feed) {
		stream->state = HTTP_AGAIN;
		stream->step = 0;
	}
	return 0;
}

static int hold(struct http_connection *connection, const char *data, size_t length)
{
	size_t room = HTTP_MOST_HELD_BYTES - connection->held.length;
	size_t part = length < room ? length : room;

	/* Behind a hole nothing more is held: it would be read as if it followed. */
	if (connection->held_missing > 0)
		part = 0;
	buffer_append(&connection->held, data, part);
	connection->held_missing += length - part;
	return connection->held.error;
}

/*
 * What the engine says first behind a preface decides for good, as a client may choose later bytes:
 * HTTP/2 begins with a frame of settings (RFC 9113 3.4), and no such one with this letter.
 */
static bool begins_http2(struct http_connection *connection, struct http_stream *stream, char c)
{
	if (!connection->has_preface || stream != &connection->streams[HTTP_ANSWER] ||
	    (stream->state != HTTP_IDLE && (stream->state != HTTP_AGAIN || stream->step > 0)) ||
	    http_first_outstanding(connection).number != connection->preface)
		return false;
	connection->has_preface = false;
	if (c == 'H')
		return false;
	stream->state = HTTP_STREAM;
	return true;
}

static int feed_some(struct http_connection *connection, struct http_stream *stream,
		     const char *data, size_t length, size_t *ret_used)
{
	*ret_used = length;
	if (begins_http2(connection, stream, *data)) {
		stream->stream_bytes += length;
		return 0;
	}
	switch (stream->state) {
	case HTTP_IDLE:
		return feed_idle(connection, stream, *data, ret_used);
	case HTTP_HEAD:
		return feed_head(connection, stream, data, length, ret_used);
	case HTTP_AGAIN:
		return feed_again(connection, stream, *data, ret_used);
	case HTTP_LOST:
		return feed_lost(stream, data, length, ret_used);
	case HTTP_HELD:
		return hold(connection, data, length);
	case HTTP_STREAM:
		stream->stream_bytes += length;
		return 0;
	default:
		*ret_used = http_body_feed(connection, stream, data, length);
		return 0;
	}
}

static int feed(struct http_connection *connection, struct http_stream *stream, const char *data,
		size_t length)
{
	while (length > 0) {
		size_t used;
		int r = feed_some(connection, stream, data, length, &used);

		if (r < 0)
			return r;
		data += used;
		length -= used;
	}
	return 0;
}

static int tell_unseen(struct http_connection *connection, struct http_stream *stream)
{
	int r = begin_head(connection, stream);

	if (r == 0)
		r = http_tell_ambiguous(connection, stream, HTTP_PROBLEM_unseen);
	http_lose(stream, true);
	return r;
}

static int gap(struct http_connection *connection, struct http_stream *stream, uint64_t bytes)
{
	int r = 0;

	while (bytes > 0 && r == 0) {
		switch (stream->state) {
		case HTTP_HEAD:
			r = cut_head(connection, stream);
			break;
		case HTTP_STREAM:
			stream->stream_bytes += bytes;
			return 0;
		case HTTP_HELD:
			connection->held_missing += bytes;
			return 0;
		case HTTP_IDLE:
			/* Behind a whole request there can only be another one: it is told, unseen.
			 */
			if (stream == &connection->streams[HTTP_REQUEST]) {
				r = tell_unseen(connection, stream);
				break;
			}
			/* fall through */
		case HTTP_AGAIN:
			if (has_begun_again(connection, stream)) {
				r = begin_again(connection, stream, stream->step);
				break;
			}
			/* fall through */
		case HTTP_LOST:
			if (stream->open)
				http_body_gap(connection, stream, bytes);
			http_lose(stream, false);
			return 0;
		default:
			bytes -= http_body_gap(connection, stream, bytes);
		}
	}
	return r;
}

int http_read_held(struct http_connection *connection, bool unsure)
{
	struct http_stream *stream = &connection->streams[HTTP_REQUEST];
	struct buffer held = connection->held;
	uint64_t missing = connection->held_missing;
	int r;

	connection->held = (struct buffer){};
	connection->held_missing = 0;
	stream->state = HTTP_IDLE;
	stream->holds = false;
	stream->unsure = unsure;
	r = feed(connection, stream, held.data, held.length);
	if (r == 0)
		r = gap(connection, stream, missing);
	buffer_free(&held);
	return r;
}

int http_feed(struct http_connection *connection, enum http_direction direction, const char *data,
	      size_t length)
{
	connection->streams[direction].bytes += length;
	return feed(connection, &connection->streams[direction], data, length);
}

int http_gap(struct http_connection *connection, enum http_direction direction, uint64_t bytes)
{
	connection->streams[direction].bytes += bytes;
	return gap(connection, &connection->streams[direction], bytes);
}

void http_turn(struct http_connection *connection, enum http_direction direction)
{
	struct http_stream *stream = &connection->streams[direction];
	bool unpaired = direction == HTTP_ANSWER && stream->open &&
			stream->number == HTTP_UNPAIRED && stream->state != HTTP_STREAM;

	if (direction == HTTP_REQUEST)
		connection->turn++;
	if (stream->state == HTTP_IDLE)
		stream->unsure = false;
	/* The length of an unpaired answer is unsure: it may have answered a HEAD. */
	if (stream->state != HTTP_LOST && stream->state != HTTP_AGAIN && !unpaired)
		return;
	http_seek(stream);
	stream->unsure = false;
}

int http_release(struct http_connection *connection)
{
	if (connection->streams[HTTP_REQUEST].state != HTTP_HELD)
		return 0;
	return http_read_held(connection, true);
}

int http_end(struct http_connection *connection)
{
	int r = 0;

	/* Each round reads at least one request of what was held. */
	while (r == 0 && connection->streams[HTTP_REQUEST].state == HTTP_HELD)
		r = http_read_held(connection, true);
	for (size_t i = 0; i < 2 && r == 0; i++) {
		struct http_stream *stream = &connection->streams[i];

		if (has_begun_again(connection, stream))
			r = begin_again(connection, stream, stream->step);
		if (r == 0 && stream->state == HTTP_HEAD)
			r = cut_head(connection, stream);
		if (stream->open)
			http_complete(connection, stream, stream->state != HTTP_UNTIL_CLOSE);
		stream->state = HTTP_LOST;
		stream->scan = false;
	}
	return r;
}

bool http_between_messages(const struct http_connection *connection, enum http_direction direction)
{
	return connection->streams[direction].state == HTTP_IDLE ||
	       connection->streams[direction].state == HTTP_AGAIN;
}
