// SPDX-License-Identifier: Apache-2.0
/* Requests of one connection: paired with their answers by http.c, written when they are due. */
#include <errno.h>
#include <stdlib.h>

#include "base/put.h"
#include "correlate/actor.h"
#include "correlate/connection.h"
#include "correlate/description.h"
#include "event/record.h"

#define SEVERITY_UNREAD  75 /* anything may have been asked */
#define SEVERITY_PARTLY  50 /* more may have been asked than what is told */
#define SEVERITY_CHANGES 25 /* of an operation: correlate/operations_table.h */

static struct request *find_request(struct connection *connection, uint64_t number)
{
	for (struct request *request = connection->first; request; request = request->next)
		if (request->number == number)
			return request;
	return NULL;
}

static void drop_oldest(struct connection *connection);

static struct request *push_request(struct connection *connection, uint64_t number)
{
	struct request *request = malloc(sizeof(*request));

	/* Answers that never come, or are not told apart, must not fill the memory. */
	if (connection->listed >= CONVERSATION_REQUESTS)
		drop_oldest(connection);
	if (!request) {
		connection->error = -ENOMEM;
		return NULL;
	}
	*request = (struct request){ .number = number,
				     .time = connection->start_time ?: connection->piece_time,
				     .offset = connection->start_offset };
	if (connection->last_request)
		connection->last_request->next = request;
	else
		connection->first = request;
	connection->last_request = request;
	connection->waiting++;
	connection->listed++;
	connection->requests++;
	return request;
}

static bool on_request_head(struct connection *connection, const struct http_head *head)
{
	struct request *request = push_request(connection, head->number);
	int r;

	if (!request)
		return false;
	request->truncated = head->truncated;
	request->http2 = head->takes_over;
	/* Behind something that was not understood, or that the engine does not read any more. */
	request->unread = head->after_close;
	request->ambiguous = head->unsure || head->after_close || head->doubt;
	r = description_new(head, connection->conversations->options.redact, &request->description);
	if (r < 0)
		connection->error = r;
	if (!request->description)
		return false;
	connection->conversations->starting += description_may_start(request->description);
	if (head->doubt || head->unsure)
		description_doubt(request->description,
				  head->unsure ? "found behind what is no request"
					       : http_problem_words(head->doubt),
				  head->start);
	return description_may_take_over(request->description);
}

/* The engine answers what was not seen: in bytes that were not kept, lost, or before recording. */
static struct request *push_unseen(struct connection *connection)
{
	struct request *request = push_request(connection, HTTP_UNPAIRED);

	if (!request)
		return NULL;
	request->time = request->completed = connection->piece_time;
	request->unseen = connection->requests;
	request->ambiguous = request->answer_over = true;
	return request;
}

static void on_answer_head(struct connection *connection, const struct http_head *head)
{
	struct request *request = find_request(connection, head->number);

	if (head->number == HTTP_UNPAIRED && !head->unsure)
		request = push_unseen(connection);
	if (!request || request->answered)
		return;
	request->answered = connection->piece_time;
	request->status = head->status;
	request->hijacked = head->takes_over;
	request->has_answer_length = head->has_content_length;
	request->answer_length = head->content_length;
	if (head->takes_over)
		request->answer_over = true;
	else if (head->closes)
		for (request = request->next; request; request = request->next)
			request->unread = request->ambiguous = true;
}

static void tell_handed_over(const struct connection *connection)
{
	const struct conversation_options *options = &connection->conversations->options;

	if (options->handed_over && connection->id)
		options->handed_over(options->socket_user, connection->id);
}

static bool on_head(void *user, const struct http_head *head)
{
	if (head->direction == HTTP_REQUEST)
		return on_request_head(user, head);
	on_answer_head(user, head);
	if (head->takes_over)
		tell_handed_over(user);
	return false;
}

/* Only the request that is being read has a body, and it is the last one. */
static void on_body(void *user, enum http_direction direction, const char *data, uint64_t length)
{
	struct connection *connection = user;
	struct request *request = connection->last_request;

	if (direction == HTTP_REQUEST) {
		if (!request || request->completed)
			return;
		request->body_bytes += length;
		request->truncated |= !data; /* its end may never be found */
		if (request->description && !request->written)
			description_request_body(request->description, data, length);
		return;
	}
	/* The answer that is being read belongs to the first request whose answer is not over. */
	for (request = connection->first; request && (request->answer_over || !request->answered);)
		request = request->next;
	if (request && request->description)
		description_answer_body(request->description, data, length);
}

static void on_complete(void *user, const struct http_complete *complete)
{
	struct connection *connection = user;
	struct request *request = find_request(connection, complete->number);

	if (complete->direction == HTTP_REQUEST) {
		/* What follows in this piece is the next request's. */
		connection->start_time = connection->piece_time;
		connection->start_offset = connection->piece_offset;
	}
	if (!request)
		return;
	if (complete->direction == HTTP_REQUEST) {
		request->completed = connection->piece_time;
		request->truncated |= complete->truncated;
		request->ambiguous |= complete->problem != HTTP_PROBLEM_none;
		if (complete->problem && request->description)
			description_doubt(request->description,
					  http_problem_words(complete->problem), (struct text){});
	} else {
		request->answer_over = true;
	}
}

static void on_ambiguous(void *user, const struct http_ambiguous *ambiguous)
{
	struct connection *connection = user;
	struct request *request;
	int r;

	if (ambiguous->direction != HTTP_REQUEST)
		return;
	request = push_request(connection, ambiguous->number);
	if (!request)
		return;
	request->ambiguous = true;
	request->completed = connection->piece_time;
	r = description_new_ambiguous(ambiguous, connection->conversations->options.redact,
				      &request->description);
	if (r < 0)
		connection->error = r;
}

const struct http_handler request_http_handler = {
	.head = on_head,
	.body = on_body,
	.complete = on_complete,
	.ambiguous = on_ambiguous,
};

/* ---- writing */

/* An engine that does not speak HTTP/2 says so in HTTP/1. */
static bool is_http2(const struct request *request)
{
	return request->http2 && !request->answered;
}

static const char *state_of(const struct request *request)
{
	if (request->ambiguous)
		return "ambiguous";
	if (is_http2(request))
		return "http2";
	if (request->hijacked)
		return "hijacked";
	if (request->truncated)
		return "truncated";
	return request->answered ? "complete" : "pending";
}

/* Of what changes something, what was not read may be the worst of it. */
static void judge_partly_read(const struct request *request, struct record *record)
{
	bool partly = request->ambiguous || record_has(record, FIELD_declared_cut);

	if (partly && record_number(record, FIELD_event_severity) >= SEVERITY_CHANGES)
		record_raise_severity(record, SEVERITY_PARTLY);
}

/* Who connected, where that is somebody else than who sent, or nobody knows who sent. */
static void fill_connector(struct connection *connection, const struct wire_task *sender,
			   struct record *record)
{
	const struct wire_task *connector = &connection->connector;

	if (!connection->connector_known || sender == connector)
		return;
	if (sender && connector->pid == sender->pid &&
	    (!connector->start || connector->start == sender->start))
		return;
	actor_fill_connector(connection->conversations->options.actors, connector, record);
}

static void fill_answer(const struct request *request, struct record *record)
{
	if (!request->answered) {
		record_lend_text(record, FIELD_event_outcome, TEXT("unknown"));
		return;
	}
	record_lend_text(record, FIELD_event_outcome,
			 request->status < 400 ? TEXT("success") : TEXT("failure"));
	record_set_number(record, FIELD_http_response_status_code, request->status);
	record_set_number(record, FIELD_event_duration, request->answered - request->time);
	if (request->has_answer_length)
		record_set_number(record, FIELD_http_response_body_bytes, request->answer_length);
}

struct text request_id(const struct connection *connection, const struct request *request,
		       char id[REQUEST_ID_MOST])
{
	char *at = put_text(id, text_of(connection->name));

	at = put_text(at, request->unseen ? TEXT("-unseen-") : TEXT("-"));
	at = put_number(at, request->unseen ?: request->number);
	return put_between(id, at);
}

static void fill_request_id(struct connection *connection, const struct request *request,
			    struct record *record)
{
	char id[REQUEST_ID_MOST];

	record_set_text(record, FIELD_request_id, request_id(connection, request, id));
}

const struct wire_task *request_sender(const struct connection *connection,
				       const struct request *request)
{
	return request->sender_pinned ? &request->sender
				      : connection_sender_at(connection, request->offset);
}

void requests_pin_sender(struct connection *connection)
{
	const struct wire_task *oldest = &connection->senders[0].task;

	for (struct request *request = connection->first; request; request = request->next)
		if (!request->written && request_sender(connection, request) == oldest) {
			request->sender = *oldest;
			request->sender_pinned = true;
		}
}

static void write_request(struct connection *connection, struct request *request)
{
	struct conversations *conversations = connection->conversations;
	const struct wire_task *who = request_sender(connection, request);
	struct record *record =
		connection_record(connection, EVENT_api_request, request->time, who);

	request->written = true;
	connection->waiting--;
	if (request->description && description_may_start(request->description))
		conversations->starting--;
	fill_connector(connection, who, record);
	if (who)
		proxy_fill(connection, request, who, record);
	fill_request_id(connection, request, record);
	if (request->unread && !request->answered && request->description)
		description_unread(request->description);
	if (request->description && description_end_request(request->description) < 0)
		record->error = -ENOMEM;
	if (request->unseen)
		record_set_string(record, FIELD_api_reason, "an answer whose request was not seen");
	else if (!request->completed)
		record_set_string(record, FIELD_api_reason, REQUEST_UNFINISHED);
	record_lend_text(record, FIELD_api_state, text_of(state_of(request)));
	record_set_number(record, FIELD_http_request_body_bytes, request->body_bytes);
	request->told_bytes = request->body_bytes;
	if (request->description)
		description_fill(request->description, conversations->options.actors->containers,
				 record, false);
	if (is_http2(request)) {
		record_set_string(record, FIELD_api_reason,
				  "what is asked from here on is not read");
		record_raise_severity(record, SEVERITY_UNREAD);
	}
	judge_partly_read(request, record);
	fill_answer(request, record);
	conversations->options.emit(conversations->options.user, record);
}

static void write_answer(struct connection *connection, struct request *request)
{
	struct conversations *conversations = connection->conversations;
	struct record *record =
		connection_record(connection, EVENT_api_answer, request->answered, NULL);

	request->told_late = true;
	fill_request_id(connection, request, record);
	if (request->body_bytes != request->told_bytes)
		record_set_number(record, FIELD_http_request_body_bytes, request->body_bytes);
	fill_answer(request, record);
	if (request->description)
		description_fill(request->description, conversations->options.actors->containers,
				 record, true);
	conversations->options.emit(conversations->options.user, record);
}

static bool awaits_id(const struct request *request)
{
	return !request->answer_over && request->description &&
	       description_awaits_id(request->description, request->status);
}

/* An engine may do what is asked before the last byte of it has come, and a client hold that back:
 * only what is an archive takes its time. */
static bool is_due(const struct request *request, uint64_t now, bool ends)
{
	bool upload = !request->completed && request->description &&
		      description_takes_upload(request->description);

	if (ends || (request->answered && !awaits_id(request)))
		return true;
	return now > (request->completed ?: request->time) +
			     (upload ? CONVERSATION_UPLOAD_NS : CONVERSATION_PATIENCE_NS);
}

void requests_due(struct connection *connection, uint64_t now, bool ends)
{
	struct request **at = &connection->first, *request, *previous = NULL;
	bool waits = false;

	while ((request = *at)) {
		bool late = request->written; /* before this look */

		if (!request->written && is_due(request, now, ends)) {
			request->late_status = !request->answered;
			waits |= request->late_status;
			request->late_id = request->answered && awaits_id(request);
			write_request(connection, request);
		}
		if (late && !request->told_late && request->answered &&
		    ((request->late_status && (ends || !awaits_id(request))) ||
		     (request->late_id && !awaits_id(request))))
			write_answer(connection, request);
		if (!ends && !(request->written && request->completed && request->answer_over)) {
			previous = request;
			at = &request->next;
			continue;
		}
		*at = request->next;
		if (connection->last_request == request)
			connection->last_request = previous;
		connection->listed--;
		description_free(request->description);
		free(request);
	}
	/* An upgrade that is not answered must not hide what was sent behind it. */
	if (waits && !ends && http_release(&connection->http) < 0)
		connection->error = -ENOMEM;
}

static void drop_oldest(struct connection *connection)
{
	struct request *request = connection->first;

	if (!request->written)
		write_request(connection, request);
	connection->first = request->next;
	if (connection->last_request == request)
		connection->last_request = NULL;
	connection->listed--;
	description_free(request->description);
	free(request);
}

void requests_free(struct connection *connection)
{
	struct request *request;

	while ((request = connection->first)) {
		connection->first = request->next;
		if (!request->written && request->description &&
		    description_may_start(request->description))
			connection->conversations->starting--;
		description_free(request->description);
		free(request);
	}
	connection->last_request = NULL;
}
