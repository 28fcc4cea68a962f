/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation in HTTP, cut in pieces in every way, and what is told of it, as text. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/http.h"

#define HOST "Host: docker\r\n"

/* One step of a conversation. */
struct step {
	char kind; /* > < bytes of request, answer; t T turn; g G gap of `length`; r release */
	const char *bytes;
	size_t length;
};

#define REQUEST(text)                                                                              \
	{                                                                                          \
		'>', (text), sizeof(text) - 1                                                      \
	}
#define ANSWER(text)                                                                               \
	{                                                                                          \
		'<', (text), sizeof(text) - 1                                                      \
	}
#define REQUEST_TURN                                                                               \
	{                                                                                          \
		't', NULL, 0                                                                       \
	}
#define ANSWER_TURN                                                                                \
	{                                                                                          \
		'T', NULL, 0                                                                       \
	}
#define REQUEST_GAP(count)                                                                         \
	{                                                                                          \
		'g', NULL, (count)                                                                 \
	}
#define ANSWER_GAP(count)                                                                          \
	{                                                                                          \
		'G', NULL, (count)                                                                 \
	}
#define RELEASE                                                                                    \
	{                                                                                          \
		'r', NULL, 0                                                                       \
	}

/* What it told, and what it answers. */
struct http_listener {
	struct buffer log;
	struct buffer bodies[2];
	bool midway; /* begin with a connection that is under way */
	bool may_take_over;
};

/* Writes what it is told to the listener that is its user. */
extern const struct http_handler http_bed_handler;

/* `kind`: > to the engine, < from it. In memory of its own, so that a look behind it is seen. */
void http_bed_feed(struct http_connection *connection, char kind, const char *bytes, size_t length);

/*
 * Expects the same of the steps whole, in small pieces, and cut once at each byte; "streams 0 0" is
 * added where `expected` says nothing of streams. Frees what the listener holds.
 */
void http_bed_check(struct http_listener *listener, const struct step *steps, const char *expected);

#define CHECK_AS(listener, expected, ...)                                                          \
	do {                                                                                       \
		const struct step steps_[] = { __VA_ARGS__, {} };                                  \
		http_bed_check((listener), steps_, (expected));                                    \
	} while (0)
#define CHECK(expected, ...) CHECK_AS((&(struct http_listener){}), expected, __VA_ARGS__)
