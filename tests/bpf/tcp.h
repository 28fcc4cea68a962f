/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners and connections over TCP on loopback, and what was told of them. */
#pragma once

#include "tests/bpf/scene.h"

#define PORT    23751 /* configured: an engine's, whoever listens */
#define ANOTHER 23752
#define REQUEST "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
#define ANSWER  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"

struct tcp {
	int listener, client, engine;
	uint64_t connection;
};

/* Return the socket or -1. `protocol` 0: TCP. */
int tcp_listen(int family, const char *address, uint16_t port);
int tcp_listen_by(int protocol, int family, const char *address, uint16_t port);
int tcp_connect(const char *address, uint16_t port);
int tcp_connect_by(int protocol, const char *address, uint16_t port);
uint16_t own_port(int fd);

/* The first record of a connection from this port, of a listener at this one; NULL. */
const struct wire_tcp_accept *find_accept(const struct scene *scene, uint16_t peer);
const struct wire_engine_listen *find_tcp(const struct scene *scene, uint16_t port);

/* Listening at PORT, heard of, and one connection to it. */
struct tcp tcp_open(struct scene *scene, int family, const char *address);
void tcp_close(struct tcp *tcp);

/* What one side of a connection took, whole and without gaps; the caller frees it. */
struct buffer tcp_said(const struct scene *scene, uint64_t connection, int direction);
void assert_tcp_said(const struct scene *scene, const struct tcp *tcp, int direction,
		     const char *text, size_t length);

/* Whether the programs that see packets are attached. */
bool tcp_is_looked_at(const struct scene *scene);

/* For process_do(): connect to this port (uint16_t) and send REQUEST. */
int tcp_connect_and_ask(void *context);
