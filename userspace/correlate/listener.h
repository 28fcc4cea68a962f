/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who listens in an engine's place: each listener becomes an engine-listen event when it is opened
 * or found, when somebody else takes its place, and when its first bytes tell what it speaks.
 */
#pragma once

#include <stdint.h>

#include "bpf/wire.h"

struct conversation_options;
struct listeners;
struct record;

/* That are remembered; beyond, first those go whose process has ended. */
#define LISTENERS_MOST 512

/* What a TCP listener speaks, by the engine's own first bytes: a client may say what it likes. */
enum listener_protocol {
	LISTENER_UNKNOWN,
	LISTENER_HTTP,
	LISTENER_TLS,
	LISTENER_OTHER, /* neither: no API */
};

/* The word for docktrail.socket.protocol; NULL while it is not known. */
const char *listener_protocol_name(enum listener_protocol protocol);

/* Uses the actors, emit, socket_path and source of the options, which must live on. Returns 0 or
 * -ENOMEM. */
int listeners_new(const struct conversation_options *options, struct listeners **ret);
/* Takes NULL. */
void listeners_free(struct listeners *listeners);

/* In order of time. Returns 0 or -ENOMEM. */
int listeners_message(struct listeners *listeners, const struct wire_engine_listen *message);

/* A connection of the listener with this cookie has shown what it speaks, at `time` (boot clock).
 */
void listeners_speak(struct listeners *listeners, uint64_t cookie, enum listener_protocol protocol,
		     uint64_t time);

/* "tcp://192.0.2.1:2375", "tcp://[::1]:2375"; IPv4 comes as ::ffff:a.b.c.d. */
#define LISTENER_ADDRESS_MOST 64
void listener_address(const uint8_t address[16], uint16_t port, char ret[LISTENER_ADDRESS_MOST]);
/* "192.0.2.1", "::1" */
void listener_ip(const uint8_t address[16], char ret[LISTENER_ADDRESS_MOST]);
