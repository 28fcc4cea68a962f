// SPDX-License-Identifier: Apache-2.0
#include "correlate/conversation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/actor.h"
#include "correlate/connection.h"
#include "correlate/containers.h"
#include "correlate/description.h"
#include "correlate/message.h"
#include "event/record.h"

/* A message about a connection may still be in a ring. */
#define ALIVE_GRACE_NS 1000000000ull

int conversations_new(const struct conversation_options *options, struct conversations **ret)
{
	_cleanup_free_ struct conversations *conversations = calloc(1, sizeof(*conversations));
	int r;

	if (!conversations)
		return -ENOMEM;
	conversations->options = *options;
	r = record_new(&conversations->record);
	if (r == 0)
		r = listeners_new(&conversations->options, &conversations->listeners);
	if (r < 0) {
		record_free(conversations->record);
		return r;
	}
	*ret = TAKE_PTR(conversations);
	return 0;
}

/* ---- messages */

static int on_refusal(struct conversations *conversations,
		      const struct wire_socket_connect *message)
{
	struct connection refused = { .conversations = conversations,
				      .inode = message->socket_inode,
				      .device = message->device };
	struct text path = message_text(&message->header, message->path);
	struct record *record;

	record = connection_record(&refused, EVENT_socket_connect, message->header.time,
				   &message->task);
	if (!record_has(record, FIELD_socket_path) && path.length > 0)
		record_set_text(record, FIELD_socket_path, path);
	record_set_string(record, FIELD_event_outcome, "failure");
	record_set_string(record, FIELD_error_code, strerrorname_np(-message->error) ?: "unknown");
	record_raise_severity(record, 25);
	connection_emit(conversations, record);
	return 0;
}

static int on_connect(struct conversations *conversations,
		      const struct wire_socket_connect *message)
{
	const struct front front = { message->socket_inode, message->device, message->listener };
	struct connection *connection;
	struct record *record;

	if (message->error)
		return on_refusal(conversations, message);
	proxy_learn(conversations, &front);
	connection = connection_find(conversations, message->connection);
	if (!connection || !message->connection) {
		connection_make_room(conversations, message->header.time);
		connection = connection_new(conversations, message->header.time, true);
		if (!connection)
			return -ENOMEM;
		if (message->connection)
			connection_bind(connection, message->connection);
		else
			connection_wait(conversations, connection);
	}
	connection->opened = message->header.time;
	connection->inode = message->socket_inode;
	connection->device = message->device;
	connection->connector = message->task;
	connection->connector_known = true;
	record = connection_record(connection, EVENT_socket_connect, message->header.time,
				   &message->task);
	record_set_string(record, FIELD_event_outcome, "success");
	connection_emit(conversations, record);
	return 0;
}

static int on_present(struct conversations *conversations,
		      const struct wire_socket_present *message)
{
	struct connection_heard heard = { .id = message->connection,
					  .time = message->header.time,
					  .inode = message->socket_inode,
					  .device = message->device,
					  .connector = message->pid };
	const struct front front = { message->socket_inode, message->device, message->listener };
	bool known = connection_find(conversations, heard.id) != NULL;
	struct connection *connection;

	if (!heard.id)
		return -EBADMSG;
	proxy_learn(conversations, &front);
	connection = connection_find_or_make(conversations, &heard);
	if (!connection)
		return -ENOMEM;
	if (!known && !connection->from_start)
		connection_emit(conversations,
				connection_record(connection, EVENT_socket_present, heard.time,
						  &connection->connector));
	return 0;
}

static int on_sender(struct conversations *conversations, const struct wire_socket_sender *message)
{
	struct connection_heard heard = { .id = message->connection,
					  .time = message->header.time,
					  .connector = message->connector,
					  .inode = message->inode,
					  .device = message->device };
	struct connection *connection;
	unsigned int at;

	if (!heard.id)
		return -EBADMSG;
	connection = connection_find_or_make(conversations, &heard);
	if (!connection)
		return -ENOMEM;
	if (connection->sender_count == CONNECTION_SENDERS) {
		requests_pin_sender(connection);
		memmove(connection->senders, connection->senders + 1,
			(CONNECTION_SENDERS - 1) * sizeof(*connection->senders));
		connection->sender_count--;
		connection->senders_dropped = true;
	}
	at = connection->sender_count++;
	connection->senders[at].offset = message->offset;
	connection->senders[at].task = message->task;
	return 0;
}

/* What lies between what was read and this piece never came: cut by the bound on volume, or lost.
 */
/* The probes lost count of it and have begun at 0: what lies between is a hole. */
static bool counts_again(const struct connection *connection, const struct wire_socket_piece *piece)
{
	return piece->offset < connection->next[piece->direction];
}

static int close_gap(struct connection *connection, const struct wire_socket_piece *piece)
{
	enum http_direction direction = piece->direction;
	uint64_t missing = piece->offset - connection->next[direction];
	int r = 0;

	if (counts_again(connection, piece))
		missing = 1; /* nobody knows how much */

	if (!connection->heard[direction] && !connection->from_start)
		missing = 0; /* what came before recording is nobody's loss */
	if (missing > 0) {
		connection->conversations->stats.bytes_missing += missing;
		r = http_gap(&connection->http, direction, missing);
	}
	if (direction == HTTP_REQUEST && piece->turn > connection->turn[direction] + 1 &&
	    connection->heard[direction])
		connection->conversations->stats.requests_lost +=
			piece->turn - connection->turn[direction] - 1;
	connection->heard[direction] = true;
	connection->turn[direction] = piece->turn;
	connection->next[direction] = piece->offset;
	return r;
}

static int on_piece(struct conversations *conversations, const struct wire_socket_piece *piece)
{
	struct connection_heard heard = { .id = piece->connection,
					  .time = piece->header.time,
					  .inode = piece->inode,
					  .device = piece->device,
					  .connector = piece->connector,
					  .from_start = piece->offset == 0 };
	struct connection *connection;

	if (!heard.id)
		return -EBADMSG;
	connection = connection_find_or_make(conversations, &heard);
	if (!connection)
		return -ENOMEM;
	if (piece->direction > HTTP_ANSWER || (connection->tcp && counts_again(connection, piece)))
		return -EBADMSG;
	return connection->tcp ? tcp_piece(connection, piece) : connection_feed(connection, piece);
}

int connection_feed(struct connection *connection, const struct wire_socket_piece *piece)
{
	struct text data = message_text(&piece->header, piece->data);
	enum http_direction direction = piece->direction;
	bool turned;
	int r;

	/* By the number, not the flag: the piece that carried the flag may be among the lost ones.
	 */
	turned = piece->turn != connection->turn[direction] || counts_again(connection, piece);
	r = close_gap(connection, piece);
	if (turned)
		http_turn(&connection->http, direction);
	connection->piece_time = piece->header.time;
	connection->piece_offset = piece->offset;
	if (direction == HTTP_REQUEST && http_between_messages(&connection->http, direction)) {
		connection->start_time = piece->header.time;
		connection->start_offset = piece->offset;
	}
	if (r == 0 && data.length > 0)
		r = http_feed(&connection->http, direction, data.data, data.length);
	if (r == 0 && piece->length > data.length)
		r = http_gap(&connection->http, direction, piece->length - data.length);
	connection->next[direction] = piece->offset + piece->length;
	requests_due(connection, piece->header.time, false);
	if (r == 0)
		r = connection->error;
	connection->error = 0;
	return r;
}

static int on_close(struct conversations *conversations, const struct wire_socket_close *message)
{
	struct connection *connection = connection_find(conversations, message->connection);

	if (!connection || message->direction > WIRE_ENGINE)
		return 0;
	connection->ended[message->direction] = true;
	if (!connection->ended_at)
		connection->ended_at = message->header.time;
	connection->sent[message->direction] = message->sent;
	if (connection->ended[WIRE_CLIENT] && connection->ended[WIRE_ENGINE])
		connection_end(connection, message->header.time);
	return 0;
}

int conversations_message(struct conversations *conversations, const struct wire_header *message)
{
	switch (message->message) {
	case WIRE_socket_connect:
		return on_connect(conversations, (const struct wire_socket_connect *)message);
	case WIRE_socket_present:
		return on_present(conversations, (const struct wire_socket_present *)message);
	case WIRE_socket_sender:
		return on_sender(conversations, (const struct wire_socket_sender *)message);
	case WIRE_socket_piece:
		return on_piece(conversations, (const struct wire_socket_piece *)message);
	case WIRE_engine_listen:
		return listeners_message(conversations->listeners,
					 (const struct wire_engine_listen *)message);
	case WIRE_tcp_client:
		return tcp_client(conversations, (const struct wire_tcp_client *)message);
	case WIRE_tcp_accept:
		return tcp_accept(conversations, (const struct wire_tcp_accept *)message);
	case WIRE_socket_close:
		return on_close(conversations, (const struct wire_socket_close *)message);
	default:
		return 0;
	}
}

static bool is_starting(const struct connection *connection, struct text container,
			struct text name)
{
	for (const struct request *request = connection->first; request; request = request->next)
		if (!request->written && request->description &&
		    description_starts(request->description, container, name))
			return true;
	return false;
}

bool conversations_starting(const struct conversations *conversations, struct text container)
{
	struct containers *containers = conversations->options.actors->containers;
	struct connection *connection, *next;
	struct container_names names = {};

	if (conversations->starting == 0)
		return false;
	if (containers)
		containers_find(containers, container, &names);
	HASH_ITER (hh, conversations->connections, connection, next)
		if (connection->waiting > 0 && is_starting(connection, container, names.name))
			return true;
	return false;
}

/* ---- time, sweeps, the end */

void conversations_tick(struct conversations *conversations, uint64_t now)
{
	struct connection *connection, *next;

	HASH_ITER (hh, conversations->connections, connection, next) {
		tcp_tick(connection, now);
		requests_due(connection, now, false);
	}
}

void conversations_alive_begin(struct conversations *conversations)
{
	struct connection *connection, *next;

	HASH_ITER (hh, conversations->connections, connection, next)
		connection->alive[WIRE_CLIENT] = connection->alive[WIRE_ENGINE] = false;
}

void conversations_alive(struct conversations *conversations, uint64_t id, uint8_t direction,
			 uint64_t sent)
{
	struct connection *connection = connection_find(conversations, id);

	if (!connection || direction > WIRE_ENGINE)
		return;
	connection->alive[direction] = true;
	connection->found_client |= direction == WIRE_CLIENT;
	connection->sent[direction] = sent;
}

/*
 * A client that is gone has ended the connection: an engine may keep its own end for long. The
 * probes count a client as there as long as something that it sent has not been read.
 */
static bool is_over(const struct connection *connection)
{
	if (!connection->alive[WIRE_CLIENT] && !connection->alive[WIRE_ENGINE])
		return true;
	/* Only where the client's end was ever marked. */
	return (connection->found_client || connection->heard[WIRE_CLIENT]) &&
	       !connection->alive[WIRE_CLIENT];
}

void conversations_alive_end(struct conversations *conversations, uint64_t now)
{
	struct connection *connection, *next;

	HASH_ITER (hh, conversations->connections, connection, next)
		if (is_over(connection) && now > connection->last + ALIVE_GRACE_NS)
			connection_end(connection, connection->ended_at ?: now);
	/* The sweep before this look has named every connection that is there. */
	while ((connection = conversations->unbound) && now > connection->last + ALIVE_GRACE_NS)
		connection_end(connection, now);
}

void conversations_end(struct conversations *conversations, uint64_t now)
{
	struct connection *connection, *next;

	HASH_ITER (hh, conversations->connections, connection, next) {
		if (tcp_release(connection) < 0)
			conversations->stats.requests_lost++;
		http_end(&connection->http);
		requests_due(connection, now, true);
	}
}

void conversations_free(struct conversations *conversations)
{
	struct connection *connection, *next;

	if (!conversations)
		return;
	HASH_ITER (hh, conversations->connections, connection, next) {
		HASH_DEL(conversations->connections, connection);
		connection_free(connection);
	}
	while ((connection = conversations->unbound)) {
		conversations->unbound = connection->next_unbound;
		connection_free(connection);
	}
	listeners_free(conversations->listeners);
	record_free(conversations->record);
	free(conversations);
}

void conversations_get_stats(const struct conversations *conversations,
			     struct conversation_stats *ret)
{
	struct connection *connection, *next;

	*ret = conversations->stats;
	ret->connections = HASH_COUNT(conversations->connections);
	HASH_ITER (hh, conversations->connections, connection, next)
		ret->requests_waiting += connection->waiting;
}
