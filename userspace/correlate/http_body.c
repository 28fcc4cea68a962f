// SPDX-License-Identifier: Apache-2.0
#include "correlate/http_private.h"

#define MOST_CHUNK_LINE_BYTES 4096 /* net/http/internal/chunked.go, maxLineLength */
#define MOST_CHUNK_DIGITS     16
#define MOST_TRAILER_BYTES    (64u << 10)

enum chunk_step { CHUNK_DIGITS, CHUNK_SPACE, CHUNK_EXTENSION };

static void tell(struct http_connection *connection, struct http_stream *stream, const char *data,
		 uint64_t length)
{
	stream->body_bytes += length;
	if (!data)
		stream->missing_bytes += length;
	if (connection->handler->body)
		connection->handler->body(connection->user, http_direction_of(connection, stream),
					  data, length);
}

/* The framing is broken. Behind a request the next one may begin at any line, but is unsure. */
static size_t break_off(struct http_connection *connection, struct http_stream *stream,
			enum http_problem problem)
{
	stream->problem = problem;
	http_complete(connection, stream, true);
	http_lose(stream, http_direction_of(connection, stream) == HTTP_REQUEST);
	return 0;
}

static void begin_chunk_line(struct http_stream *stream)
{
	stream->state = HTTP_CHUNK_SIZE;
	stream->step = CHUNK_DIGITS;
	stream->line_bytes = 0;
	stream->remaining = 0;
}

/* The line is over. */
static void end_chunk_line(struct http_stream *stream)
{
	stream->state = stream->remaining ? HTTP_CHUNK_DATA : HTTP_TRAILER;
	stream->step = 0;
	stream->line_bytes = 0;
}

static bool take_chunk_digit(struct http_stream *stream, char c)
{
	int digit = c >= '0' && c <= '9'   ? c - '0'
		    : c >= 'a' && c <= 'f' ? c - 'a' + 10
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10
					   : -1;

	if (digit < 0 || stream->step != CHUNK_DIGITS || stream->line_bytes > MOST_CHUNK_DIGITS)
		return false;
	stream->remaining = stream->remaining << 4 | (unsigned)digit;
	return true;
}

/* net/http/internal/chunked.go: readChunkLine, removeChunkExtension, parseHexUint. */
static size_t feed_chunk_size(struct http_connection *connection, struct http_stream *stream,
			      const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = data[i];

		if (++stream->line_bytes > MOST_CHUNK_LINE_BYTES)
			return break_off(connection, stream, HTTP_PROBLEM_chunk);
		if (c == '\n') {
			/* Of a size there has to be a digit: the first byte is one, or refused. */
			if (stream->line_bytes == 1)
				return break_off(connection, stream, HTTP_PROBLEM_chunk);
			end_chunk_line(stream);
			return i + 1;
		}
		if (stream->step == CHUNK_EXTENSION || take_chunk_digit(stream, c))
			continue;
		if (stream->line_bytes == 1)
			return break_off(connection, stream, HTTP_PROBLEM_chunk);
		if (c == ';')
			stream->step = CHUNK_EXTENSION;
		else if (c == ' ' || c == '\t' || c == '\r')
			stream->step = CHUNK_SPACE;
		else
			return break_off(connection, stream, HTTP_PROBLEM_chunk);
	}
	return length;
}

static size_t feed_chunk_end(struct http_connection *connection, struct http_stream *stream,
			     const char *data)
{
	if (*data != "\r\n"[stream->step])
		return break_off(connection, stream, HTTP_PROBLEM_chunk);
	if (++stream->step == 2)
		begin_chunk_line(stream);
	return 1;
}

/* Lines up to an empty one; step: bytes of the line, as far as 2. */
static size_t feed_trailer(struct http_connection *connection, struct http_stream *stream,
			   const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (++stream->line_bytes > MOST_TRAILER_BYTES)
			return break_off(connection, stream, HTTP_PROBLEM_trailer);
		if (data[i] == '\n') {
			if (stream->step == 0) {
				http_complete(connection, stream, false);
				return i + 1;
			}
			stream->step = 0;
		} else if (data[i] != '\r' || stream->step != 0) {
			stream->step = 1;
		}
	}
	return length;
}

/* Bytes, or missing ones, of a body or chunk whose length is known. */
static uint64_t take_counted(struct http_connection *connection, struct http_stream *stream,
			     const char *data, uint64_t length)
{
	if (length > stream->remaining)
		length = stream->remaining;
	tell(connection, stream, data, length);
	stream->remaining -= length;
	if (stream->remaining > 0)
		return length;
	if (stream->state == HTTP_LENGTH) {
		http_complete(connection, stream, false);
	} else {
		stream->state = HTTP_CHUNK_END;
		stream->step = 0;
	}
	return length;
}

size_t http_body_feed(struct http_connection *connection, struct http_stream *stream,
		      const char *data, size_t length)
{
	switch (stream->state) {
	case HTTP_LENGTH:
	case HTTP_CHUNK_DATA:
		return (size_t)take_counted(connection, stream, data, length);
	case HTTP_CHUNK_SIZE:
		return feed_chunk_size(connection, stream, data, length);
	case HTTP_CHUNK_END:
		return feed_chunk_end(connection, stream, data);
	case HTTP_TRAILER:
		return feed_trailer(connection, stream, data, length);
	default:
		tell(connection, stream, data, length);
		return length;
	}
}

uint64_t http_body_gap(struct http_connection *connection, struct http_stream *stream,
		       uint64_t bytes)
{
	if (stream->state == HTTP_LENGTH ||
	    (stream->state == HTTP_CHUNK_DATA && bytes <= stream->remaining))
		return take_counted(connection, stream, NULL, bytes);
	tell(connection, stream, NULL, bytes);
	if (stream->state != HTTP_UNTIL_CLOSE) {
		/* Where the chunks stand can no longer be told. */
		http_lose(stream, false);
	}
	return bytes;
}
