// SPDX-License-Identifier: Apache-2.0
/*
 * Connections over TCP: who is at the other end, and whether what is said can be read at all. A
 * client may say what it likes first; what the engine says first decides.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/actor.h"
#include "correlate/connection.h"
#include "correlate/message.h"
#include "event/record.h"

#define HELD_MOST       16384
#define CLIENT_APART_NS 10000000000ull

static bool take_end(const struct wire_header *message, struct wire_str string, uint8_t to[16])
{
	struct text address = message_text(message, string);

	if (address.length != 16)
		return false;
	memcpy(to, address.data, 16);
	return true;
}

/* ---- clients on this host: they are told before the connection that they make */

int tcp_client(struct conversations *conversations, const struct wire_tcp_client *message)
{
	struct tcp_client *client =
		&conversations->tcp_clients[conversations->tcp_client_next++ % TCP_CLIENTS];

	*client = (struct tcp_client){ .time = message->header.time,
				       .task = message->task,
				       .port = message->port,
				       .peer_port = message->peer_port };
	if (!take_end(&message->header, message->local, client->address))
		client->time = 0;
	return 0;
}

/* Both ends become open within a moment, whenever the engine reads: of a lost packet, seconds. */
static uint64_t apart(const struct tcp_client *client, uint64_t opened)
{
	return client->time > opened ? client->time - opened : opened - client->time;
}

/* The same ports at both ends, and the same address: between containers that may be another one. */
static const struct wire_task *find_client(struct conversations *conversations,
					   const struct tcp_end *end, uint64_t opened)
{
	struct tcp_client *nearest = NULL;

	for (unsigned int i = 0; i < TCP_CLIENTS; i++) {
		struct tcp_client *client = &conversations->tcp_clients[i];

		if (client->time && client->port == end->peer_port &&
		    client->peer_port == end->port && memcmp(client->address, end->peer, 16) == 0 &&
		    apart(client, opened) < CLIENT_APART_NS &&
		    (!nearest || apart(client, opened) < apart(nearest, opened)))
			nearest = client;
	}
	if (!nearest)
		return NULL;
	nearest->time = 0;
	return &nearest->task;
}

/* ---- connections */

int tcp_accept(struct conversations *conversations, const struct wire_tcp_accept *message)
{
	uint64_t told = message->header.time,
		 opened = message->opened && message->opened < told ? message->opened : told;
	const struct wire_task *client;
	struct connection *connection;
	struct record *record;

	if (!message->connection || connection_find(conversations, message->connection))
		return -EBADMSG;
	connection_make_room(conversations, told);
	connection = connection_new(conversations, opened, !message->present);
	if (!connection)
		return -ENOMEM;
	connection->tcp = calloc(1, sizeof(*connection->tcp));
	if (!connection->tcp) {
		connection_free(connection);
		return -ENOMEM;
	}
	*connection->tcp = (struct tcp_end){ .listener = message->listener,
					     .port = message->port,
					     .peer_port = message->peer_port };
	if (!take_end(&message->header, message->local, connection->tcp->local) ||
	    !take_end(&message->header, message->peer, connection->tcp->peer)) {
		connection_free(connection);
		return -EBADMSG;
	}
	client = find_client(conversations, connection->tcp, opened);
	if (client) {
		connection->connector = *client;
		connection->connector_known = true;
	}
	connection->last = told;
	connection_bind(connection, message->connection);
	record = connection_record(connection,
				   message->present ? EVENT_socket_present : EVENT_socket_connect,
				   opened, client);
	if (!message->present)
		record_set_string(record, FIELD_event_outcome, "success");
	connection_emit(conversations, record);
	return 0;
}

void tcp_fill(const struct tcp_end *end, struct record *record)
{
	char text[LISTENER_ADDRESS_MOST];
	const char *protocol = listener_protocol_name(end->protocol);

	listener_address(end->local, end->port, text);
	record_set_string(record, FIELD_socket_address, text);
	listener_ip(end->peer, text);
	record_set_string(record, FIELD_source_ip, text);
	record_set_number(record, FIELD_source_port, end->peer_port);
	if (protocol)
		record_set_string(record, FIELD_socket_protocol, protocol);
}

/* ---- what is said */

/* RFC 8446 5.1: type and version of a TLS record; an engine's own HTTP begins with its version. */
static enum listener_protocol protocol_of(struct text data, bool begins)
{
	const uint8_t *bytes = (const uint8_t *)data.data;

	if (bytes[0] >= 0x14 && bytes[0] <= 0x17 && (data.length < 2 || bytes[1] == 3))
		return LISTENER_TLS;
	return begins && bytes[0] != 'H' ? LISTENER_OTHER : LISTENER_HTTP;
}

static int feed_held(struct connection *connection)
{
	struct buffer held = connection->tcp->held;
	int r = 0;

	connection->tcp->held = (struct buffer){};
	for (size_t at = 0; at < held.length;) {
		const struct wire_socket_piece *piece = (const void *)(held.data + at);
		int failed = connection_feed(connection, piece);

		at += (piece->header.length + 7u) & ~7u;
		r = r ?: failed;
	}
	buffer_free(&held);
	return r;
}

int tcp_release(struct connection *connection)
{
	if (!connection->tcp || connection->tcp->held.length == 0)
		return 0;
	return feed_held(connection);
}

void tcp_tick(struct connection *connection, uint64_t now)
{
	if (connection->tcp && connection->tcp->held.length > 0 &&
	    now > connection->last + CONVERSATION_PATIENCE_NS && feed_held(connection) < 0)
		connection->error = -ENOMEM;
}

/* That there was something is told; what it was is between the client and the engine. */
static void tell_encrypted(struct connection *connection, uint64_t time)
{
	struct record *record = connection_record(connection, EVENT_api_request, time,
						  connection_sender_at(connection, 0));

	record_set_string(record, FIELD_api_state, "encrypted");
	connection_emit(connection->conversations, record);
}

/*
 * So a server for TLS answers a request without it (Go's net/http, conn.serve(); a plain one says
 * 1.1 to what it cannot read): anyone could make it look as if it spoke HTTP.
 */
static bool may_want_tls(struct text data)
{
	static const char refusal[] = "HTTP/1.0 400";

	return data.length >= sizeof(refusal) - 1 &&
	       memcmp(data.data, refusal, sizeof(refusal) - 1) == 0;
}

static void decide(struct connection *connection, const struct wire_socket_piece *piece,
		   struct text data)
{
	struct tcp_end *end = connection->tcp;

	end->undecided |= piece->offset == 0 && may_want_tls(data);
	if (end->undecided)
		return;
	end->protocol = protocol_of(data, piece->offset == 0);
	listeners_speak(connection->conversations->listeners, end->listener, end->protocol,
			piece->header.time);
	if (end->protocol == LISTENER_HTTP)
		return;
	buffer_free(&end->held);
	if (end->protocol == LISTENER_TLS)
		tell_encrypted(connection, piece->header.time);
}

static int hold(struct connection *connection, const struct wire_socket_piece *piece)
{
	static const char padding[8];
	struct buffer *held = &connection->tcp->held;

	buffer_append(held, piece, piece->header.length);
	buffer_append(held, padding, -(size_t)piece->header.length & 7);
	return held->error;
}

int tcp_piece(struct connection *connection, const struct wire_socket_piece *piece)
{
	struct tcp_end *end = connection->tcp;
	struct text data = message_text(&piece->header, piece->data);
	bool client = piece->direction == WIRE_CLIENT, odd;
	int r;

	if (end->protocol == LISTENER_UNKNOWN && data.length > 0) {
		/* A method begins with a letter (RFC 9110 9.1, and all that Go's server takes). */
		odd = data.data[0] < 'A' || data.data[0] > 'Z';
		if (client && ((piece->offset <= 1 && odd) || end->held.length > 0) &&
		    end->held.length + piece->header.length <= HELD_MOST)
			return hold(connection, piece);
		if (!client)
			decide(connection, piece, data);
	}
	if (end->protocol == LISTENER_TLS || end->protocol == LISTENER_OTHER) {
		connection->next[piece->direction] = piece->offset + piece->length;
		return 0;
	}
	r = feed_held(connection);
	return r < 0 ? r : connection_feed(connection, piece);
}

void tcp_end_free(struct tcp_end *end)
{
	if (!end)
		return;
	buffer_free(&end->held);
	free(end);
}
