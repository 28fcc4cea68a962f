/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection and its requests: what conversation.c (messages), connection.c (connections) and
 * request.c (requests) share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/buffer.h"
#include "base/text.h"
#include "bpf/wire.h"
#include "correlate/conversation.h"
#include "correlate/http.h"
#include "correlate/listener.h"

struct description;

/* From `offset` of the client's stream on, this process sends. */
struct sender {
	uint64_t offset;
	struct wire_task task;
};

#define CONNECTION_SENDERS 8

/* Who listens on a watched socket, as the last connect to it told. */
struct front {
	uint64_t inode;
	uint32_t device, listener;
};

#define CONNECTION_FRONTS 64

struct request {
	struct request *next;
	uint64_t number;     /* on its connection, as http.h counts */
	uint64_t unseen;     /* only its answer was seen: a number among all requests; 0 */
	uint64_t time;       /* of its first byte, boot clock */
	uint64_t offset;     /* of its first byte in the client's stream */
	uint64_t completed;  /* when its last byte came; 0 */
	uint64_t answered;   /* when the status line came; 0 */
	uint64_t body_bytes; /* so far, */
	uint64_t told_bytes; /* and when its event was written */
	unsigned int status;
	bool written;              /* its event was emitted */
	bool answer_over;          /* nothing more of its answer will come */
	bool late_status, late_id; /* its event was written before they came */
	bool told_late;            /* an api-answer was emitted */
	bool truncated, ambiguous, hijacked;
	bool http2;     /* it only says that what follows is HTTP/2 */
	bool passed_on; /* a proxy sent it further, and that request says so */
	bool unread; /* the connection ended before it, to the engine: only an answer says otherwise
		      */
	bool sender_pinned; /* `sender` is who sent its first byte: no longer among the last */
	struct wire_task sender;
	bool has_answer_length;
	uint64_t answer_length;
	struct description *description; /* what it asks; owned */
};

/* Both ends of a connection over TCP; addresses of 16 bytes, IPv4 as ::ffff:a.b.c.d. */
struct tcp_end {
	uint64_t listener; /* its cookie; 0: not known */
	uint8_t local[16], peer[16];
	uint16_t port, peer_port;
	enum listener_protocol protocol;
	bool undecided;     /* the engine's first words leave open what it speaks */
	struct buffer held; /* what the client said before the engine did: socket_piece messages */
};

/* A process of this host that has connected to an engine's port. */
struct tcp_client {
	uint64_t time; /* boot clock; 0: none */
	struct wire_task task;
	uint8_t address[16];
	uint16_t port, peer_port;
};

#define TCP_CLIENTS 1024

struct connection {
	uint64_t id; /* the kernel's, 0 while only a connect is known of it */
	char name[48];
	uint64_t opened, last; /* boot clock: first and last heard of */
	uint64_t inode;
	uint32_t device;
	struct tcp_end *tcp; /* NULL: a unix socket */
	bool from_start;
	bool connector_known;
	struct wire_task connector;
	struct sender senders[CONNECTION_SENDERS]; /* the last ones, in order */
	unsigned int sender_count;
	bool senders_dropped; /* there were earlier ones */
	struct http_connection http;
	uint64_t next[2]; /* offset of the next byte of each direction */
	uint32_t turn[2];
	bool heard[2]; /* a piece of this direction has come */
	bool ended[2];
	uint64_t ended_at; /* boot clock: when the first end was seen to end; 0 */
	uint64_t sent[2];  /* totals as the kernel counted them, where it said so */
	uint64_t requests;
	uint64_t start_time, start_offset; /* of the request that begins next */
	uint64_t piece_time, piece_offset; /* of the piece that is being read */
	struct request *first, *last_request;
	size_t waiting, listed; /* not written yet; in the list */
	bool alive[2];          /* ends that the sweep under way has found */
	bool found_client;      /* some sweep has found the client */
	int error;              /* -ENOMEM of a callback */
	struct conversations *conversations;
	UT_hash_handle hh;
	struct connection *next_unbound; /* connects whose kernel id is not known yet */
};

struct conversations {
	struct conversation_options options;
	struct connection *connections;            /* hash by id */
	struct connection *unbound, *last_unbound; /* oldest first */
	size_t unbound_count;
	struct record *record;
	struct front fronts[CONNECTION_FRONTS]; /* beyond, the oldest is forgotten */
	unsigned int front_count, front_next;
	struct listeners *listeners;
	struct tcp_client tcp_clients[TCP_CLIENTS]; /* the last ones */
	unsigned int tcp_client_next;
	uint64_t opened; /* connections ever, for their names */
	size_t starting; /* requests that start a container and are not written yet */
	struct conversation_stats stats;
};

/* ---- connection.c */

/* NULL on -ENOMEM; `from_start`: nothing was said on it before. */
struct connection *connection_new(struct conversations *conversations, uint64_t time,
				  bool from_start);
/* Without a word; not for one that stands in the table. */
void connection_free(struct connection *connection);

/* It has this number from now on; or waits for it, until the first send brings it. */
void connection_bind(struct connection *connection, uint64_t id);
void connection_wait(struct conversations *conversations, struct connection *connection);

/* Before one is added: where there are too many, the one that was silent longest is ended. */
void connection_make_room(struct conversations *conversations, uint64_t time);

/* What any message says of its connection. */
struct connection_heard {
	uint64_t id, time, inode;
	uint32_t device, connector;
	bool from_start;
};

/* By its number, or NULL; the second one makes it if need be, NULL on -ENOMEM. */
struct connection *connection_find(struct conversations *conversations, uint64_t id);
struct connection *connection_find_or_make(struct conversations *conversations,
					   const struct connection_heard *heard);

/* Write what is open and its socket-close; forget it. */
void connection_end(struct connection *connection, uint64_t time);

/* Begin an event about this connection with the actor's and the connection's fields; write it. */
struct record *connection_record(struct connection *connection, int event, uint64_t time,
				 const struct wire_task *who);
void connection_emit(struct conversations *conversations, struct record *record);

/*
 * Who sent the byte at this offset: the last sender from before it; of what was sent before the
 * first that is known, that one, else the connector. NULL where that would be a guess: there were
 * more senders than are kept.
 */
const struct wire_task *connection_sender_at(const struct connection *connection, uint64_t offset);

/* ---- proxy.c */

/* A connect told who listens on this socket; 0: it did not. */
void proxy_learn(struct conversations *conversations, const struct front *front);

/* Fill the group PROXY of a request that `who` sent, if it listens on another watched socket. */
void proxy_fill(struct connection *connection, const struct request *request,
		const struct wire_task *who, struct record *record);

/* ---- conversation.c */

/* Bytes of one direction, in their order. Returns 0, -EBADMSG or -ENOMEM. */
int connection_feed(struct connection *connection, const struct wire_socket_piece *piece);

/* ---- connection_tcp.c */

/* Messages; they return 0, -EBADMSG or -ENOMEM. */
int tcp_client(struct conversations *conversations, const struct wire_tcp_client *message);
int tcp_accept(struct conversations *conversations, const struct wire_tcp_accept *message);
/* A piece of a connection over TCP: fed at once, later, or never where it cannot be read. */
int tcp_piece(struct connection *connection, const struct wire_socket_piece *piece);

/* What was held is fed: the connection ends, or the engine says nothing. */
int tcp_release(struct connection *connection);
void tcp_tick(struct connection *connection, uint64_t now);

/* Its fields of the group CONNECTION. */
void tcp_fill(const struct tcp_end *end, struct record *record);
/* Takes NULL. */
void tcp_end_free(struct tcp_end *end);

/* ---- request.c */

/* Who sent its first byte; NULL: unknown. */
const struct wire_task *request_sender(const struct connection *connection,
				       const struct request *request);
/* "<connection>-<number>" */
#define REQUEST_ID_MOST 80
struct text request_id(const struct connection *connection, const struct request *request,
		       char id[REQUEST_ID_MOST]);

/* Handlers of http.h; the user is the connection. */
extern const struct http_handler request_http_handler;

/* Emit what is due at `now`: patience is over, or the connection `ends`. Frees what is done with.
 */
void requests_due(struct connection *connection, uint64_t now, bool ends);

/* The oldest sender is about to be forgotten: requests that are his keep him. */
void requests_pin_sender(struct connection *connection);

void requests_free(struct connection *connection);
