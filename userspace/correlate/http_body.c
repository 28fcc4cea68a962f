// SPDX-License-Identifier: Apache-2.0
#include "correlate/http_private.h"

#define MOST_CHUNK_LINE_BYTES 4096 /* net/http/internal/chunked.go, maxLineLength */
#define MOST_CHUNK_DIGITS     16
#define MOST_TRAILER_BYTES    4096 /* transfer.go, seeUpcomingDoubleCRLF: what is buffered */

enum chunk_step {
	CHUNK_DIGITS,
	CHUNK_SPACE,
	CHUNK_EXTENSION,
	CHUNK_STEPS = 3, /* and with them: */
	CHUNK_CR = 4,    /* the last byte was one */
	CHUNK_EMPTY = 8, /* no digit */
};

enum trailer_step { TRAILER_BEGIN, TRAILER_END, TRAILER_NAME, TRAILER_VALUE, TRAILER_VALUE_CR };

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
static void break_off(struct http_connection *connection, struct http_stream *stream,
		      enum http_problem problem)
{
	stream->problem = problem;
	http_complete(connection, stream, true);
	http_lose(stream, http_direction_of(connection, stream) == HTTP_REQUEST);
}

/* What only some versions of Go take: the body is read on, as by those. */
static void doubt(struct http_stream *stream, enum http_problem problem)
{
	if (!stream->problem)
		stream->problem = problem;
}

static void begin_chunk_line(struct http_stream *stream)
{
	stream->state = HTTP_CHUNK_SIZE;
	stream->step = CHUNK_DIGITS;
	stream->line_bytes = 0;
	stream->remaining = 0;
}

/* The line is over. A size without a digit was 0 to Go before 1.22. */
static void end_chunk_line(struct http_stream *stream)
{
	if (!(stream->step & CHUNK_CR) || (stream->step & CHUNK_EMPTY) || stream->line_bytes == 1)
		doubt(stream, HTTP_PROBLEM_chunk_line);
	stream->state = stream->remaining ? HTTP_CHUNK_DATA : HTTP_TRAILER;
	stream->step = TRAILER_BEGIN;
	stream->line_bytes = 0;
}

static bool take_chunk_digit(struct http_stream *stream, char c)
{
	int digit = c >= '0' && c <= '9'   ? c - '0'
		    : c >= 'a' && c <= 'f' ? c - 'a' + 10
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10
					   : -1;

	if (digit < 0 || (stream->step & CHUNK_STEPS) != CHUNK_DIGITS ||
	    stream->line_bytes > MOST_CHUNK_DIGITS)
		return false;
	stream->remaining = stream->remaining << 4 | (unsigned)digit;
	return true;
}

/*
 * A byte of the line before its line feed. Spaces and line ends are cut off the end, then the
 * extension (net/http/internal/chunked.go: readChunkLine, removeChunkExtension, parseHexUint).
 * Since 1.23.8 and 1.24.2 a carriage return has to stand before the line feed, and nowhere else.
 */
static bool take_chunk_byte(struct http_stream *stream, char c)
{
	unsigned step = stream->step & CHUNK_STEPS;

	if (stream->step & CHUNK_CR)
		doubt(stream, HTTP_PROBLEM_chunk_line);
	stream->step &= (uint8_t)~CHUNK_CR;
	if (take_chunk_digit(stream, c))
		return true;
	if (stream->line_bytes == 1)
		stream->step |= CHUNK_EMPTY;
	if (c == '\r')
		stream->step |= CHUNK_CR;
	if (step == CHUNK_EXTENSION)
		return true;
	if (c == ';' && step == CHUNK_DIGITS) {
		stream->step |= CHUNK_EXTENSION;
		return true;
	}
	stream->step |= CHUNK_SPACE;
	return c == ' ' || c == '\t' || c == '\r';
}

static size_t feed_chunk_size(struct http_connection *connection, struct http_stream *stream,
			      const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool good = ++stream->line_bytes < MOST_CHUNK_LINE_BYTES;

		if (good && data[i] == '\n') {
			end_chunk_line(stream);
			return i + 1;
		}
		if (!good || !take_chunk_byte(stream, data[i])) {
			break_off(connection, stream, HTTP_PROBLEM_chunk);
			return i;
		}
	}
	return length;
}

static size_t feed_chunk_end(struct http_connection *connection, struct http_stream *stream,
			     const char *data)
{
	if (*data != "\r\n"[stream->step]) {
		break_off(connection, stream, HTTP_PROBLEM_chunk);
		return 0;
	}
	if (++stream->step == 2)
		begin_chunk_line(stream);
	return 1;
}

/* A byte of a trailer but a line feed; false where Go refuses it (ReadMIMEHeader). */
static bool take_trailer_byte(struct http_stream *stream, char c)
{
	switch (stream->step) {
	case TRAILER_BEGIN:
		if (c == ' ' || c == '\t') {
			stream->step = TRAILER_VALUE; /* obsolete folding, not of the first line */
			return stream->line_bytes > 1;
		}
		stream->step = c == '\r' ? TRAILER_END : c == ':' ? TRAILER_VALUE : TRAILER_NAME;
		if (c != '\r' && !http_is_token(c))
			doubt(stream, HTTP_PROBLEM_trailer_line);
		return true;
	case TRAILER_END:
		return false;
	case TRAILER_NAME:
		if (c == ':')
			stream->step = TRAILER_VALUE;
		else if (!http_is_token(c) && c != '\r')
			doubt(stream, HTTP_PROBLEM_trailer_line);
		return true;
	default:
		if (stream->step == TRAILER_VALUE_CR ||
		    ((uint8_t)c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
			doubt(stream, HTTP_PROBLEM_trailer_line);
		stream->step = c == '\r' ? TRAILER_VALUE_CR : TRAILER_VALUE;
		return true;
	}
}

/* Lines up to an empty one (transfer.go, readTrailer). */
static size_t feed_trailer(struct http_connection *connection, struct http_stream *stream,
			   const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool ends = stream->step == TRAILER_BEGIN || stream->step == TRAILER_END;

		stream->line_bytes++;
		if (data[i] == '\n' && ends) {
			http_complete(connection, stream, false);
			return i + 1;
		}
		if (stream->line_bytes > MOST_TRAILER_BYTES ||
		    (data[i] == '\n' ? stream->step == TRAILER_NAME
				     : !take_trailer_byte(stream, data[i]))) {
			break_off(connection, stream, HTTP_PROBLEM_trailer);
			return i;
		}
		if (data[i] == '\n')
			stream->step = TRAILER_BEGIN;
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
