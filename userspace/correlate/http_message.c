// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "correlate/http_private.h"

void http_drop_head(struct http_stream *stream)
{
	http_head_free(stream->head);
	free(stream->head);
	stream->head = NULL;
}

/* Requests that wait for their answer: a ring that grows by doubling. */
static int push(struct http_connection *connection, struct http_outstanding request)
{
	uint32_t room = connection->outstanding_room;
	uint32_t at;

	if (connection->outstanding_count == HTTP_MOST_OUTSTANDING) {
		connection->overflowed = true;
		return 0;
	}
	if (connection->outstanding_count == room) {
		struct http_outstanding *grown;

		room = room ? 2 * room : 4;
		grown = calloc(room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		for (uint32_t i = 0; i < connection->outstanding_count; i++)
			grown[i] = connection->outstanding[(connection->outstanding_first + i) %
							   connection->outstanding_room];
		free(connection->outstanding);
		connection->outstanding = grown;
		connection->outstanding_first = 0;
		connection->outstanding_room = room;
	}
	at = (connection->outstanding_first + connection->outstanding_count++) % room;
	connection->outstanding[at] = request;
	return 0;
}

struct http_outstanding http_first_outstanding(const struct http_connection *connection)
{
	if (connection->outstanding_count == 0 || connection->overflowed)
		return (struct http_outstanding){ .number = HTTP_UNPAIRED };
	return connection->outstanding[connection->outstanding_first];
}

void http_pop_outstanding(struct http_connection *connection)
{
	if (connection->outstanding_count == 0)
		return;
	connection->outstanding_first =
		(connection->outstanding_first + 1) % connection->outstanding_room;
	connection->outstanding_count--;
}

void http_complete(struct http_connection *connection, struct http_stream *stream, bool truncated)
{
	enum http_direction direction = http_direction_of(connection, stream);
	struct http_complete complete = {
		.number = stream->number,
		.direction = direction,
		.body_bytes = stream->body_bytes,
		.missing_bytes = stream->missing_bytes,
		.truncated = truncated || stream->missing_bytes > 0,
		.problem = stream->problem,
	};

	/* With its answer come and gone, a request takes nothing over any more. */
	if (direction == HTTP_REQUEST && stream->holds && connection->outstanding_count > 0 &&
	    !connection->overflowed)
		stream->state = HTTP_HELD;
	else
		stream->state = HTTP_IDLE;
	stream->step = 0;
	if (!stream->open)
		return;
	stream->open = false;
	if (connection->handler->complete)
		connection->handler->complete(connection->user, &complete);
}

/* Both directions belong to something else now. What was held back was its first bytes. */
static void take_over(struct http_connection *connection)
{
	struct http_stream *request = &connection->streams[HTTP_REQUEST];

	for (size_t i = 0; i < 2; i++) {
		if (connection->streams[i].open)
			http_complete(connection, &connection->streams[i], false);
		http_drop_head(&connection->streams[i]);
		connection->streams[i].state = HTTP_STREAM;
	}
	request->stream_bytes += connection->held.length + connection->held_missing;
	connection->held_missing = 0;
	buffer_free(&connection->held);
}

static struct http_head describe(const struct http_stream *stream)
{
	const struct http_head_reader *from = stream->head;

	return (struct http_head){
		.direction = from->direction,
		.method = http_head_text(from, from->method),
		.target = http_head_text(from, from->target),
		.status = from->status,
		.version = from->version,
		.host = http_head_text(from, from->host),
		.content_type = http_head_text(from, from->content_type),
		.upgrade = http_head_text(from, from->upgrade),
		.user_agent = http_head_text(from, from->user_agent),
		.content_length = from->content_length,
		.has_content_length = from->has_content_length && !from->chunked,
		.chunked = from->chunked,
		.wants_upgrade = from->direction == HTTP_REQUEST && from->upgrades &&
				 from->upgrade.length > 0,
		/* Of HTTP/1.0 with both words Go keeps it open, if it can say how long the answer
		   is. */
		.closes = from->version < 11 ? !from->keep_alive : from->close,
		.expects_continue = from->expects,
		.secrets = from->secrets,
		.truncated = from->truncated,
		.unsure = stream->unsure,
		.doubt = from->doubt,
		.start = from->doubt ? (struct text){ from->start, from->start_length }
				     : (struct text){},
	};
}

/* Begin the body that a head announces. `whole`: the head was read to its end. */
static void begin_body(struct http_connection *connection, struct http_stream *stream,
		       const struct http_head *head, bool whole)
{
	if (!whole) {
		http_lose(stream, false);
	} else if (head->chunked) {
		stream->state = HTTP_CHUNK_SIZE;
		stream->step = 0;
		stream->line_bytes = 0;
		stream->remaining = 0;
	} else if (head->has_content_length && head->content_length > 0) {
		stream->state = HTTP_LENGTH;
		stream->remaining = head->content_length;
	} else {
		http_complete(connection, stream, false);
	}
}

static void begin_message(struct http_stream *stream, uint64_t number)
{
	stream->open = true;
	stream->number = number;
	stream->body_bytes = stream->missing_bytes = 0;
	stream->problem = HTTP_PROBLEM_none;
}

static int tell_request(struct http_connection *connection, struct http_stream *stream, bool whole)
{
	struct http_head head = describe(stream);
	struct http_outstanding request = {
		.number = connection->next_number,
		.turn = connection->turn,
		.is_head = text_equal(head.method, TEXT("HEAD")),
	};
	int r;

	head.number = request.number;
	head.truncated |= !whole;
	head.after_close = stream->after_close;
	head.takes_over = head.version == 20 && whole && stream->head->lines == 1;
	stream->after_close |= head.closes;
	stream->last_was_post = text_equal(head.method, TEXT("POST"));
	stream->holds = head.upgrade.length > 0;
	begin_message(stream, head.number);
	if (connection->handler->head && connection->handler->head(connection->user, &head))
		stream->holds = true;
	request.may_take_over = stream->holds;
	r = push(connection, request);
	if (r < 0)
		return r;
	connection->next_number++;
	begin_body(connection, stream, &head, whole);
	if (head.takes_over) {
		stream->state = HTTP_STREAM;
		connection->preface = head.number;
		connection->has_preface = true;
	}
	return 0;
}

/* Old clients get their stream without 101 (docker attach, exec start: hijack in the engine). */
static bool is_stream(const struct http_head *head, const struct http_outstanding *request)
{
	static const char prefix[] = "application/vnd.docker.";

	if (head->status == 101)
		return true;
	return head->status == 200 && !head->has_content_length && !head->chunked &&
	       (request->may_take_over || request->number == HTTP_UNPAIRED) &&
	       head->content_type.length > sizeof(prefix) &&
	       strncasecmp(head->content_type.data, prefix, sizeof(prefix) - 1) == 0;
}

static int tell_answer(struct http_connection *connection, struct http_stream *stream, bool whole)
{
	struct http_head head = describe(stream);
	struct http_outstanding request = http_first_outstanding(connection);
	struct http_stream *requests = &connection->streams[HTTP_REQUEST];
	bool bodiless, until_close;

	if (head.status < 200 && head.status != 101) {
		stream->state = HTTP_IDLE;
		if (!whole)
			http_lose(stream, false);
		return 0;
	}
	http_pop_outstanding(connection);
	head.number = request.number;
	head.truncated |= !whole;
	head.takes_over = is_stream(&head, &request);
	bodiless = request.is_head || head.status == 204 || head.status == 304;
	until_close =
		whole && !head.takes_over && !head.chunked && !head.has_content_length && !bodiless;
	head.closes |= until_close;
	requests->after_close |= head.closes;
	begin_message(stream, head.number);
	if (connection->handler->head)
		connection->handler->head(connection->user, &head);
	if (head.takes_over) {
		take_over(connection);
		return 0;
	}
	if (bodiless)
		http_complete(connection, stream, !whole);
	else if (until_close)
		stream->state = HTTP_UNTIL_CLOSE;
	else
		begin_body(connection, stream, &head, whole);
	if (requests->state == HTTP_HELD && requests->number == head.number)
		return http_read_held(connection, false);
	return 0;
}

int http_tell_head(struct http_connection *connection, struct http_stream *stream, bool whole)
{
	int r;

	if (http_direction_of(connection, stream) == HTTP_REQUEST)
		r = tell_request(connection, stream, whole);
	else
		r = tell_answer(connection, stream, whole);
	http_drop_head(stream);
	return r;
}

/* What is no head: told once, with its start, and given up until our place is found again. */
int http_tell_ambiguous(struct http_connection *connection, struct http_stream *stream,
			enum http_problem problem)
{
	const struct http_head_reader *head = stream->head;
	struct http_ambiguous ambiguous = {
		.number = http_first_outstanding(connection).number,
		.direction = head->direction,
		.problem = problem,
		.method = http_head_text(head, head->method),
		.target = http_head_text(head, head->target),
		.start = { head->start, head->start_length },
	};
	bool request = head->direction == HTTP_REQUEST;
	int r = 0;

	if (!stream->unsure) {
		if (request) {
			ambiguous.number = connection->next_number++;
			r = push(connection, (struct http_outstanding){ .number = ambiguous.number,
									.turn = connection->turn });
		}
		if (connection->handler->ambiguous)
			connection->handler->ambiguous(connection->user, &ambiguous);
	}
	http_drop_head(stream);
	http_lose(stream, request);
	/* It was a whole line that was refused: the next one may begin a request. */
	if (request && problem != HTTP_PROBLEM_cut && problem != HTTP_PROBLEM_too_long) {
		stream->state = HTTP_AGAIN;
		stream->step = 0;
	}
	return r;
}
