// SPDX-License-Identifier: Apache-2.0
#include "correlate/conversation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/actor.h"
#include "correlate/connection.h"
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
	if (r < 0)
		return r;
	*ret = TAKE_PTR(conversations);
	return 0;
}

static void connection_free(struct connection *connection)
{
	requests_free(connection);
	http_free(&connection->http);
	free(connection);
}

/* ---- connections: found by the kernel's number, or bound to it later */

static struct connection *connection_new(struct conversations *conversations, uint64_t time,
					 bool from_start)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	snprintf(connection->name, sizeof(connection->name), "%s-%llu",
		 conversations->options.prefix, (unsigned long long)++conversations->opened);
	connection->conversations = conversations;
	connection->opened = connection->last = time;
	connection->from_start = from_start;
	http_init(&connection->http, &request_http_handler, connection, from_start);
	return connection;
}

static void remove_unbound(struct conversations *conversations, struct connection *connection)
{
	struct connection **at = &conversations->unbound, *previous = NULL;

	for (; *at && *at != connection; at = &(*at)->next_unbound)
		previous = *at;
	if (*at) {
		*at = connection->next_unbound;
		conversations->unbound_count--;
		if (conversations->last_unbound == connection)
			conversations->last_unbound = previous;
	}
	connection->next_unbound = NULL;
}

static void add_unbound(struct conversations *conversations, struct connection *connection)
{
	if (conversations->unbound)
		conversations->last_unbound->next_unbound = connection;
	else
		conversations->unbound = connection;
	conversations->last_unbound = connection;
	conversations->unbound_count++;
}

static void connection_end(struct connection *connection, uint64_t time);

static void make_room(struct conversations *conversations, uint64_t time)
{
	struct connection *connection, *next, *silent = NULL;

	if (conversations->unbound_count >= CONVERSATIONS_MOST) {
		conversations->stats.evicted++;
		connection_end(conversations->unbound, time);
	}
	if (HASH_COUNT(conversations->connections) < CONVERSATIONS_MOST)
		return;
	HASH_ITER (hh, conversations->connections, connection, next)
		if (!silent || connection->last < silent->last)
			silent = connection;
	conversations->stats.evicted++;
	connection_end(silent, time);
}

static void bind_to(struct connection *connection, uint64_t id)
{
	struct conversations *conversations = connection->conversations;

	connection->id = id;
	HASH_ADD(hh, conversations->connections, id, sizeof(connection->id), connection);
}

/*
 * The tracepoint rung tells a connect without the connection's number, which the first send brings:
 * it belongs to the oldest connect of that process to that listener that has none yet.
 */
static struct connection *take_unbound(struct conversations *conversations, uint32_t pid,
				       uint64_t inode)
{
	for (struct connection *at = conversations->unbound; at; at = at->next_unbound)
		if (at->connector.pid == pid && at->inode == inode) {
			remove_unbound(conversations, at);
			return at;
		}
	return NULL;
}

struct heard {
	uint64_t id, time, inode;
	uint32_t device, connector;
	bool from_start;
};

static struct connection *find(struct conversations *conversations, uint64_t id)
{
	struct connection *connection;

	HASH_FIND(hh, conversations->connections, &id, sizeof(id), connection);
	return connection;
}

static struct connection *find_or_make(struct conversations *conversations,
				       const struct heard *heard)
{
	struct connection *connection = find(conversations, heard->id);

	if (!connection) {
		make_room(conversations, heard->time);
		connection = take_unbound(conversations, heard->connector, heard->inode);
		if (!connection)
			connection = connection_new(conversations, heard->time, heard->from_start);
		if (!connection)
			return NULL;
		bind_to(connection, heard->id);
	}
	connection->last = heard->time;
	if (!connection->inode) {
		connection->inode = heard->inode;
		connection->device = heard->device;
	}
	if (!connection->connector_known && heard->connector) {
		/* Only its number is known: /proc and the tree tell the rest, if it is still there.
		 */
		connection->connector = (struct wire_task){ .pid = heard->connector,
							    .uid = WIRE_UNSET,
							    .gid = WIRE_UNSET,
							    .effective_uid = WIRE_UNSET,
							    .effective_gid = WIRE_UNSET,
							    .login_uid = WIRE_UNSET,
							    .session = WIRE_UNSET };
		connection->connector_known = true;
	}
	return connection;
}

const struct wire_task *connection_sender_at(const struct connection *connection, uint64_t offset)
{
	const struct wire_task *task = connection->connector_known ? &connection->connector : NULL;

	if (connection->senders_dropped && offset < connection->senders[0].offset)
		return NULL;
	for (unsigned int i = 0; i < connection->sender_count; i++)
		if (connection->senders[i].offset <= offset || i == 0)
			task = &connection->senders[i].task;
	return task;
}

/* ---- events about a connection */

static void fill_socket(struct connection *connection, struct record *record)
{
	const struct conversation_options *options = &connection->conversations->options;
	const char *path =
		options->socket_path(options->socket_user, connection->inode, connection->device);
	char device[32];

	if (connection->name[0])
		record_set_string(record, FIELD_connection_id, connection->name);
	if (path)
		record_set_string(record, FIELD_socket_path, path);
	if (!connection->inode)
		return;
	record_set_number(record, FIELD_socket_inode, connection->inode);
	snprintf(device, sizeof(device), "%u:%u", connection->device >> 20,
		 connection->device & ((1u << 20) - 1));
	record_set_string(record, FIELD_socket_device, device);
}

struct record *connection_record(struct connection *connection, int event, uint64_t time,
				 const struct wire_task *who)
{
	struct conversations *conversations = connection->conversations;
	struct record *record = conversations->record;

	record_begin(record, (enum event)event);
	record_set_number(record, FIELD_timestamp,
			  actor_wall_ns(conversations->options.actors, time));
	if (who)
		actor_fill(conversations->options.actors, who, record);
	fill_socket(connection, record);
	record_set_string(record, FIELD_source, conversations->options.source);
	record_set_string(record, FIELD_witness, "bpf");
	return record;
}

static void emit(struct conversations *conversations, struct record *record)
{
	conversations->options.emit(conversations->options.user, record);
}

static void connection_end(struct connection *connection, uint64_t time)
{
	struct conversations *conversations = connection->conversations;
	struct record *record;

	http_end(&connection->http);
	requests_due(connection, time, true);
	record = connection_record(connection, EVENT_socket_close, time,
				   connection->connector_known
					   ? &connection->connector
					   : connection_sender_at(connection, 0));
	record_set_string(record, FIELD_event_outcome, "success");
	record_set_number(record, FIELD_close_requests, connection->requests);
	for (int direction = 0; direction < 2; direction++) {
		uint64_t bytes = connection->sent[direction] > connection->next[direction]
					 ? connection->sent[direction]
					 : connection->next[direction];

		record_set_number(record,
				  direction == WIRE_CLIENT ? FIELD_close_bytes_sent
							   : FIELD_close_bytes_received,
				  bytes);
	}
	/* A sweep looks at the clock before the last messages come. */
	if (connection->from_start && time >= connection->opened)
		record_set_number(record, FIELD_close_duration, time - connection->opened);
	emit(conversations, record);
	if (connection->id)
		HASH_DEL(conversations->connections, connection);
	else
		remove_unbound(conversations, connection);
	connection_free(connection);
}

/* ---- messages */

static struct text tail_text(const struct wire_header *message, struct wire_str string)
{
	size_t room = message->length - message->tail;

	if (string.offset > room || string.length > room - string.offset)
		return (struct text){};
	return (struct text){ (const char *)message + message->tail + string.offset,
			      string.length };
}

static int on_refusal(struct conversations *conversations,
		      const struct wire_socket_connect *message)
{
	struct connection refused = { .conversations = conversations,
				      .inode = message->socket_inode,
				      .device = message->device };
	struct text path = tail_text(&message->header, message->path);
	struct record *record;

	record = connection_record(&refused, EVENT_socket_connect, message->header.time,
				   &message->task);
	if (!record_has(record, FIELD_socket_path) && path.length > 0)
		record_set_text(record, FIELD_socket_path, path);
	record_set_string(record, FIELD_event_outcome, "failure");
	record_set_string(record, FIELD_error_code, strerrorname_np(-message->error) ?: "unknown");
	record_raise_severity(record, 25);
	emit(conversations, record);
	return 0;
}

static int on_connect(struct conversations *conversations,
		      const struct wire_socket_connect *message)
{
	struct connection *connection;
	struct record *record;

	if (message->error)
		return on_refusal(conversations, message);
	connection = find(conversations, message->connection);
	if (!connection || !message->connection) {
		make_room(conversations, message->header.time);
		connection = connection_new(conversations, message->header.time, true);
		if (!connection)
			return -ENOMEM;
		if (message->connection)
			bind_to(connection, message->connection);
		else
			add_unbound(conversations, connection);
	}
	connection->opened = message->header.time;
	connection->inode = message->socket_inode;
	connection->device = message->device;
	connection->connector = message->task;
	connection->connector_known = true;
	record = connection_record(connection, EVENT_socket_connect, message->header.time,
				   &message->task);
	record_set_string(record, FIELD_event_outcome, "success");
	emit(conversations, record);
	return 0;
}

static int on_present(struct conversations *conversations,
		      const struct wire_socket_present *message)
{
	struct heard heard = { .id = message->connection,
			       .time = message->header.time,
			       .inode = message->socket_inode,
			       .device = message->device,
			       .connector = message->pid };
	bool known = find(conversations, heard.id) != NULL;
	struct connection *connection = find_or_make(conversations, &heard);

	if (!connection)
		return -ENOMEM;
	if (!known && !connection->from_start)
		emit(conversations, connection_record(connection, EVENT_socket_present, heard.time,
						      &connection->connector));
	return 0;
}

static int on_sender(struct conversations *conversations, const struct wire_socket_sender *message)
{
	struct heard heard = { .id = message->connection,
			       .time = message->header.time,
			       .connector = message->connector,
			       .inode = message->inode,
			       .device = message->device };
	struct connection *connection = find_or_make(conversations, &heard);
	unsigned int at;

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
static int close_gap(struct connection *connection, const struct wire_socket_piece *piece)
{
	enum http_direction direction = piece->direction;
	uint64_t missing = piece->offset - connection->next[direction];
	int r = 0;

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
	struct heard heard = { .id = piece->connection,
			       .time = piece->header.time,
			       .inode = piece->inode,
			       .device = piece->device,
			       .connector = piece->connector,
			       .from_start = piece->offset == 0 };
	struct connection *connection = find_or_make(conversations, &heard);
	struct text data = tail_text(&piece->header, piece->data);
	enum http_direction direction = piece->direction;
	bool turned;
	int r;

	if (!connection)
		return -ENOMEM;
	if (direction > HTTP_ANSWER || piece->offset < connection->next[direction])
		return -EBADMSG;
	/* By the number, not the flag: the piece that carried the flag may be among the lost ones.
	 */
	turned = piece->turn != connection->turn[direction];
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
	struct connection *connection = find(conversations, message->connection);

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
	case WIRE_socket_close:
		return on_close(conversations, (const struct wire_socket_close *)message);
	default:
		return 0;
	}
}

/* ---- time, sweeps, the end */

void conversations_tick(struct conversations *conversations, uint64_t now)
{
	struct connection *connection, *next;

	HASH_ITER (hh, conversations->connections, connection, next)
		requests_due(connection, now, false);
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
	struct connection *connection = find(conversations, id);

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
