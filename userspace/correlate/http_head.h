/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of one HTTP/1.1 message, line by line, as Go's net/http (readRequest, readTransfer) and
 * net/textproto (Reader.ReadMIMEHeader) read it. Only what decides about the framing and what an
 * event tells is kept; other lines are dropped as they end, so that a head of any length takes
 * HTTP_MOST_HEAD_BYTES at most.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

#define HTTP_MOST_HEAD_BYTES (64u << 10)
#define HTTP_MOST_KEPT_BYTES (48u << 10) /* of it, without the line that is being read */
#define HTTP_START_BYTES     256         /* how much of a message's start is kept as it came */
/* What Go reads of a head (server.go, initialReadLimitSize), and what it may have read ahead. */
#define HTTP_MOST_READ_BYTES ((1u << 20) + 4096)
#define HTTP_READ_AHEAD      4096

enum http_direction { HTTP_REQUEST, HTTP_ANSWER };

/*
 * Why something is no message, or an unsure one: name and the words for docktrail.api.reason. What
 * only some versions of Go refuse is no problem but a doubt: it is read as by those that take it.
 */
#define HTTP_PROBLEMS(PROBLEM)                                                                     \
	PROBLEM(none, "")                                                                          \
	PROBLEM(first_line, "no request or status line")                                           \
	PROBLEM(target, "request target that is no URL")                                           \
	PROBLEM(host, "no Host, two of them, or a malformed one")                                  \
	PROBLEM(header_line, "header line without a name and a colon")                             \
	PROBLEM(header_value, "control character in a header")                                     \
	PROBLEM(content_length, "Content-Length that is no number, or two different ones")         \
	PROBLEM(no_length, "empty Content-Length, which newer engines refuse")                     \
	PROBLEM(no_name, "header without a name, which newer engines refuse")                      \
	PROBLEM(transfer_encoding, "Transfer-Encoding other than chunked")                         \
	PROBLEM(expectation, "Expect other than 100-continue")                                     \
	PROBLEM(version, "version other than HTTP/1.x")                                            \
	PROBLEM(chunk, "malformed chunk")                                                          \
	PROBLEM(chunk_line, "chunk size that newer engines refuse")                                \
	PROBLEM(trailer, "malformed trailer, or one that is too long")                             \
	PROBLEM(trailer_line, "trailer that newer engines refuse")                                 \
	PROBLEM(cut, "ends within the head")                                                       \
	PROBLEM(unseen, "none of its bytes were kept")                                             \
	PROBLEM(too_long, "head longer than what the engine reads")

enum http_problem {
#define PROBLEM(name, words) HTTP_PROBLEM_##name,
	HTTP_PROBLEMS(PROBLEM)
#undef PROBLEM
};

/* The words, never NULL. */
const char *http_problem_words(enum http_problem problem);

struct http_span {
	uint32_t start, length;
};

/* Lengths of header values that are secret and never kept; 0 where there is none. */
struct http_secrets {
	uint32_t registry_auth, registry_config, authorization;
};

/* What is known of a head while it is read. Private to http.c and its test. */
struct http_head_reader {
	enum http_direction direction;
	struct buffer kept; /* values that are kept, then the line that is being read */
	size_t line;        /* where that line begins in `kept` */
	unsigned lines;     /* that are complete */
	bool line_ended;    /* its line feed was read: the next byte says if it goes on */
	bool folded;        /* at the beginning of a continuation: spaces are passed over */
	bool line_cut;      /* longer than what is kept */
	bool truncated;     /* something that matters was */
	size_t fold;        /* where the last continuation of that line begins; 0: none */
	bool spaced;        /* that continuation is empty: the value ends with a space */
	enum http_problem problem, doubt;
	size_t bytes;
	struct http_span method, target, host, content_type, upgrade, user_agent;
	unsigned version, status;
	uint64_t content_length;
	size_t content_length_digits;
	bool has_content_length, no_length, bad_length, chunked, transfer_encoding;
	bool close, keep_alive, upgrades, expectation, expects, bad_trailer;
	unsigned hosts;
	bool bad_host;
	struct http_secrets secrets;
	size_t start_length;
	char start[HTTP_START_BYTES]; /* last: the one thing that is not zeroed anew */
};

/* Begin a head, in memory that was not initialised. */
void http_head_init(struct http_head_reader *head, enum http_direction direction);

/*
 * Read on. Returns 1 when the empty line has been read, 0 when more is needed (all of `data` is
 * used), -EBADMSG when Go's server would refuse it (head->problem), -ENOMEM. Sets *ret_used, also
 * on -EBADMSG.
 */
int http_head_feed(struct http_head_reader *head, const char *data, size_t length,
		   size_t *ret_used);

/* Nothing more of it will come: read the line that has ended but might have gone on. */
int http_head_cut(struct http_head_reader *head);

/* The value, empty where there is none; valid until the head is begun anew. */
struct text http_head_text(const struct http_head_reader *head, struct http_span span);

/* Give the memory back. Takes NULL. */
void http_head_free(struct http_head_reader *head);

/* True for what RFC 9110 calls a token character. */
bool http_is_token(char c);
