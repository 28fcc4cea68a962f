/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of a head says; http_head.c finds the lines. Private to the two, as net/http reads.
 */
#pragma once

#include "correlate/http_head.h"

/* Why it is no head: sets head->problem, returns -EBADMSG. */
int http_refuse(struct http_head_reader *head, enum http_problem problem);

static inline bool http_is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Without spaces and tabs around it. */
struct text http_trim(struct text text);

/*
 * The line of a request (server.go, readRequest; request.go, parseRequestLine) or of an answer
 * (response.go, ReadResponse). Returns 0 or -EBADMSG.
 */
int http_take_first_line(struct http_head_reader *head, struct text line);

/* Without spaces around it. Returns 1 if its bytes are to be kept, else 0 or -EBADMSG. */
int http_take_header_line(struct http_head_reader *head, struct text line);

/* The empty line was read: what can only be judged by the whole. Returns 1 or -EBADMSG. */
int http_take_end(struct http_head_reader *head);
