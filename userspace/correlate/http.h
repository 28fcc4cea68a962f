/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to an engine: both directions of an HTTP/1.1 conversation, fed with the bytes as
 * the receiver read them, in pieces that may end anywhere and may miss some. The rules are those of
 * Go's net/http server, since that is what reads the requests: what it would refuse is `ambiguous`,
 * what is missing is counted and our place is found again. An answer knows the request it answers.
 *
 * Memory: a head while it is incomplete (HTTP_MOST_HEAD_BYTES), what was sent behind a request that
 * may take the connection over (HTTP_MOST_HELD_BYTES), and one small entry for each request that is
 * not answered yet (HTTP_MOST_OUTSTANDING).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/http_head.h"

#define HTTP_MOST_HELD_BYTES  (64u << 10)
#define HTTP_MOST_OUTSTANDING 1024
#define HTTP_UNPAIRED         UINT64_MAX

/* All texts are valid during the call only. */
struct http_head {
	uint64_t number; /* of the request on this connection, from 0; an answer has that of the
			    request it answers, or HTTP_UNPAIRED */
	enum http_direction direction;
	struct text method, target; /* of a request */
	unsigned status;            /* of an answer; 1xx other than 101 are not told */
	unsigned version;           /* 10, 11; 20 for the preface of HTTP/2 */
	struct text host, content_type, upgrade, user_agent;
	uint64_t content_length; /* where has_content_length */
	bool has_content_length, chunked;
	bool wants_upgrade; /* Connection: Upgrade and an Upgrade header */
	bool closes;        /* the connection ends after this message: what follows is not read */
	bool expects_continue;
	struct http_secrets secrets;
	bool takes_over;  /* from here on both directions are streams, only counted (a request:
			     HTTP/2) */
	bool after_close; /* a request behind one that ends the connection: Go does not read it */
	bool truncated;   /* the head is not whole: neither is its body */
	bool unsure;      /* found again behind something ambiguous: may be no request at all */
	enum http_problem doubt; /* what only some versions of Go take */
	struct text start;       /* with a doubt: as in http_ambiguous */
};

struct http_complete {
	uint64_t number;
	enum http_direction direction;
	uint64_t body_bytes; /* decoded, missing ones included */
	uint64_t missing_bytes;
	bool truncated;            /* bytes are missing, or its end */
	enum http_problem problem; /* within the body; a doubt where nothing is truncated */
};

struct http_ambiguous {
	uint64_t number; /* as in http_head; a 400 that follows answers it */
	enum http_direction direction;
	enum http_problem problem;
	struct text method, target; /* if the first line could be read */
	struct text start;          /* as it came, at most HTTP_START_BYTES: to be redacted. Empty
				       where it may belong to a stream */
};

/*
 * What is told, in order; each may be NULL. A message is one head, its body and one complete; or
 * one ambiguous. The functions must not feed the connection.
 */
struct http_handler {
	/* Return true for a request that may take the connection over without an Upgrade header
	 * (attach and exec start of old clients). */
	bool (*head)(void *user, const struct http_head *head);
	/* Decoded bytes of a body; `data` NULL: so many are missing. */
	void (*body)(void *user, enum http_direction direction, const char *data, uint64_t length);
	void (*complete)(void *user, const struct http_complete *complete);
	void (*ambiguous)(void *user, const struct http_ambiguous *ambiguous);
};

struct http_stream {
	uint64_t bytes;        /* all, missing ones included */
	uint64_t stream_bytes; /* of them, after the connection was taken over */

	/* private */
	uint8_t state;
	uint8_t step;   /* within the syntax of a chunk, a trailer, a leading line feed */
	char again[12]; /* what may be the beginning of a message, while lost */
	bool open;      /* a head was told, its complete was not */
	bool scan;      /* lost by something ambiguous: a line may begin a request */
	bool unsure, holds, last_was_post, after_close;
	uint32_t line_bytes;
	uint64_t remaining, body_bytes, missing_bytes, number;
	enum http_problem problem;
	struct http_head_reader *head; /* while one is being read */
};

struct http_outstanding {
	uint64_t number;
	uint32_t turn;
	bool is_head, may_take_over;
};

struct http_connection {
	struct http_stream streams[2]; /* by direction; read the counters */

	/* private */
	const struct http_handler *handler;
	void *user;
	struct http_outstanding *outstanding; /* a ring of `outstanding_room` entries */
	uint32_t outstanding_first, outstanding_count, outstanding_room;
	uint32_t turn; /* of the client */
	uint64_t next_number;
	uint64_t preface; /* number of the request that was one of HTTP/2, while nothing answers */
	bool has_preface;
	bool overflowed; /* requests are no longer counted one by one: answers are unpaired */
	struct buffer held;
	uint64_t held_missing;
};

/*
 * A connection from its first byte on; or, if `from_start` is false, one that is already under way:
 * what comes first is taken for a message only if it begins like one.
 */
void http_init(struct http_connection *connection, const struct http_handler *handler, void *user,
	       bool from_start);

/* Bytes of one direction, as the receiver read them. Returns 0 or -ENOMEM. */
int http_feed(struct http_connection *connection, enum http_direction direction, const char *data,
	      size_t length);

/* So many bytes of one direction are missing here. Returns 0 or -ENOMEM. */
int http_gap(struct http_connection *connection, enum http_direction direction, uint64_t bytes);

/*
 * The kernel says that what comes next is this side's first since the other side spoke. Where our
 * place is lost, it is found again if a method, or "HTTP/1.", comes next.
 */
void http_turn(struct http_connection *connection, enum http_direction direction);

/*
 * The answer to a request that might take the connection over has not come for too long: read what
 * was sent behind it, as unsure. Returns 0 or -ENOMEM.
 */
int http_release(struct http_connection *connection);

/* Whether the next byte of this direction begins a message, as far as is known. */
bool http_between_messages(const struct http_connection *connection, enum http_direction direction);

/* The connection has ended: what is open is told as complete or truncated. Returns 0 or -ENOMEM. */
int http_end(struct http_connection *connection);

/* Give the memory back. Takes NULL. */
void http_free(struct http_connection *connection);
