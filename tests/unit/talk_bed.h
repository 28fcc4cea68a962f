/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the probes, made by hand, and the events that come of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "event/record.h"

#define SECOND 1000000000ull
#define START  (100 * SECOND)
#define INODE  77
#define ID     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PING   "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
#define CREATE                                                                                     \
	"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 21\r\n\r\n"                \
	"{\"Image\":\"busybox:1\"}"
#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 73\r\n\r\n"
#define MADE    "{\"Id\":\"" ID "\"}"
#define ATTACH                                                                                     \
	"POST /containers/x/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n"                 \
	"Upgrade: tcp\r\n\r\n"
#define UPGRADED "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

/* Of an event, what the tests look at. */
struct seen {
	enum event event;
	char connection[48], request[80], state[16], path[64], target[72], outcome[16];
	char reason[64];
	uint64_t pid, connector, status, severity, requests, sent, received, duration, time, body;
	bool has_duration, declared_cut;
};

struct talk {
	struct actor_context actors;
	struct conversations *conversations;
	struct seen *seen;
	size_t count, room;
	uint64_t now, handed_over;
	uint64_t offset[2][8]; /* of connection 0..7 */
	uint32_t turn[2][8], next_turn[2][8];
};

int talk_set_up(void **state);
int talk_tear_down(void **state);

struct wire_task talk_task_of(uint32_t pid);

/* A message at the next microsecond, of `size` bytes without its tail; what came of it. */
int talk_say(struct talk *talk, struct wire_header *header, enum wire_message message, size_t size);

/* 0: the connection has no number yet. */
void talk_connects(struct talk *talk, uint64_t connection, uint32_t pid);

/* From this byte of the client's on it is this process that sends. */
void talk_sends(struct talk *talk, uint64_t connection, uint32_t pid, uint64_t offset);

/* What one side took of `length` bytes that `data` begins; NULL: none of them was kept. */
int talk_took(struct talk *talk, uint64_t connection, uint8_t direction, const char *data,
	      size_t kept, uint32_t length);

void talk_asks(struct talk *talk, uint64_t connection, const char *data);
void talk_answers(struct talk *talk, uint64_t connection, const char *data);

/* Its `direction` does; the connection once both do. */
void talk_ends(struct talk *talk, uint64_t connection, uint8_t direction);

/* The last event, which has to be such a one. */
const struct seen *talk_last(struct talk *talk, enum event event);

void talk_look_without_finding_any(struct talk *talk, uint64_t now);

#define TEST(function) cmocka_unit_test_setup_teardown(function, talk_set_up, talk_tear_down)
