/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (where we are), http_message.c (what is told) and http_body.c (framing) share. */
#pragma once

#include "correlate/http.h"

enum http_state {
	HTTP_IDLE, /* between messages */
	HTTP_HEAD,
	HTTP_LENGTH,      /* a body of known length */
	HTTP_UNTIL_CLOSE, /* a body without one */
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_STREAM, /* taken over: counted */
	HTTP_HELD,   /* behind a request that may take the connection over, until its answer */
	HTTP_LOST,
	HTTP_AGAIN, /* where a message may begin, after being lost */
};

static inline enum http_direction http_direction_of(const struct http_connection *connection,
						    const struct http_stream *stream)
{
	return stream == &connection->streams[HTTP_REQUEST] ? HTTP_REQUEST : HTTP_ANSWER;
}

/* http_message.c: what is told of messages, and which answer belongs to which request. */

/* The head that was read is told; `whole`: to its end. Returns 0 or -ENOMEM. */
int http_tell_head(struct http_connection *connection, struct http_stream *stream, bool whole);

/* What is no head is told once, with its start, and our place is lost. Returns 0 or -ENOMEM. */
int http_tell_ambiguous(struct http_connection *connection, struct http_stream *stream,
			enum http_problem problem);

/* The message that is open ends here. */
void http_complete(struct http_connection *connection, struct http_stream *stream, bool truncated);

/* The request whose answer is next; its number is HTTP_UNPAIRED if that is not known. */
struct http_outstanding http_first_outstanding(const struct http_connection *connection);
void http_pop_outstanding(struct http_connection *connection);

/* The reader of a head is no longer needed. */
void http_drop_head(struct http_stream *stream);

/* http.c */

/* Read what was held back behind a request that does not take the connection over after all. */
int http_read_held(struct http_connection *connection, bool unsure);

/* `scan`: a message may begin at any line, else only at a turn. */
static inline void http_lose(struct http_stream *stream, bool scan)
{
	stream->state = HTTP_LOST;
	stream->scan = scan;
}

/* A message may begin here. */
static inline void http_seek(struct http_stream *stream)
{
	http_drop_head(stream);
	stream->state = HTTP_AGAIN;
	stream->scan = false;
	stream->step = 0;
}

/* http_body.c */

/* Use bytes of a body in any of its states; returns how many. */
size_t http_body_feed(struct http_connection *connection, struct http_stream *stream,
		      const char *data, size_t length);

/* Bytes that are missing within a body; returns how many belonged to it. The place may be lost. */
uint64_t http_body_gap(struct http_connection *connection, struct http_stream *stream,
		       uint64_t bytes);
