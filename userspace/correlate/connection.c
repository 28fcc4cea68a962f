// SPDX-License-Identifier: Apache-2.0
/* Connections: found by the kernel's number, or bound to it later; their events, their end. */
#include "correlate/connection.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/put.h"
#include "correlate/actor.h"
#include "event/record.h"

void connection_free(struct connection *connection)
{
	requests_free(connection);
	http_free(&connection->http);
	tcp_end_free(connection->tcp);
	free(connection);
}

struct connection *connection_new(struct conversations *conversations, uint64_t time,
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

void connection_wait(struct conversations *conversations, struct connection *connection)
{
	if (conversations->unbound)
		conversations->last_unbound->next_unbound = connection;
	else
		conversations->unbound = connection;
	conversations->last_unbound = connection;
	conversations->unbound_count++;
}

void connection_make_room(struct conversations *conversations, uint64_t time)
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

void connection_bind(struct connection *connection, uint64_t id)
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

struct connection *connection_find(struct conversations *conversations, uint64_t id)
{
	struct connection *connection;

	HASH_FIND(hh, conversations->connections, &id, sizeof(id), connection);
	return connection;
}

struct connection *connection_find_or_make(struct conversations *conversations,
					   const struct connection_heard *heard)
{
	struct connection *connection = connection_find(conversations, heard->id);

	if (!connection) {
		connection_make_room(conversations, heard->time);
		connection = take_unbound(conversations, heard->connector, heard->inode);
		if (!connection)
			connection = connection_new(conversations, heard->time, heard->from_start);
		if (!connection)
			return NULL;
		connection_bind(connection, heard->id);
	}
	connection->last = heard->time;
	if (!connection->inode) {
		connection->inode = heard->inode;
		connection->device = heard->device;
	}
	if (!connection->connector_known && heard->connector) {
		/* Only its number is known: /proc and the tree tell the rest, if it is still there.
		 */
		connection->connector = actor_task(heard->connector, 0);
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
	char device[2 * PUT_NUMBER_MOST + 1], *at;

	if (connection->name[0])
		record_lend_text(record, FIELD_connection_id, text_of(connection->name));
	if (path)
		record_set_string(record, FIELD_socket_path, path);
	if (connection->tcp)
		tcp_fill(connection->tcp, record);
	if (!connection->inode)
		return;
	record_set_number(record, FIELD_socket_inode, connection->inode);
	at = put_number(device, connection->device >> 20);
	*at++ = ':';
	at = put_number(at, connection->device & ((1u << 20) - 1));
	record_set_text(record, FIELD_socket_device, put_between(device, at));
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
	record_lend_text(record, FIELD_source, text_of(conversations->options.source));
	record_lend_text(record, FIELD_witness, TEXT("bpf"));
	return record;
}

void connection_emit(struct conversations *conversations, struct record *record)
{
	conversations->options.emit(conversations->options.user, record);
}

void connection_end(struct connection *connection, uint64_t time)
{
	struct conversations *conversations = connection->conversations;
	struct record *record;

	if (tcp_release(connection) < 0)
		conversations->stats.requests_lost++;
	http_end(&connection->http);
	requests_due(connection, time, true);
	record = connection_record(connection, EVENT_socket_close, time,
				   connection->connector_known
					   ? &connection->connector
					   : connection_sender_at(connection, 0));
	record_lend_text(record, FIELD_event_outcome, TEXT("success"));
	/* Of what could not be read nothing was counted. */
	if (!connection->tcp || connection->tcp->protocol < LISTENER_TLS)
		record_set_number(record, FIELD_close_requests, connection->requests);
	for (int direction = 0; direction < 2; direction++) {
		uint64_t bytes = connection->sent[direction] > connection->next[direction]
					 ? connection->sent[direction]
					 : connection->next[direction];

		/* Where nothing is kept and nobody told its end, 0 is not what is known. */
		if (!bytes && !connection->ended[direction] && !connection->heard[direction])
			continue;
		record_set_number(record,
				  direction == WIRE_CLIENT ? FIELD_close_bytes_sent
							   : FIELD_close_bytes_received,
				  bytes);
	}
	/* A sweep looks at the clock before the last messages come. */
	if (connection->from_start && time >= connection->opened)
		record_set_number(record, FIELD_close_duration, time - connection->opened);
	connection_emit(conversations, record);
	if (connection->id)
		HASH_DEL(conversations->connections, connection);
	else
		remove_unbound(conversations, connection);
	connection_free(connection);
}
