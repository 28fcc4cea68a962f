// SPDX-License-Identifier: Apache-2.0
/* Messages of the probes, made by hand, and the events that come of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "event/field.h"
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

struct seen {
	enum event event;
	char connection[48], request[80], state[16], path[64], target[72], outcome[16];
	char reason[64];
	uint64_t pid, connector, status, requests, sent, received, duration, time;
	bool has_duration, declared_cut;
};

struct fixture {
	struct actor_context actors;
	struct conversations *conversations;
	struct seen *seen;
	size_t count, room;
	uint64_t now, handed_over;
	uint64_t offset[2][8]; /* of connection 0..7 */
	uint32_t turn[2][8], next_turn[2][8];
};

static void copy(char *to, size_t size, struct text text)
{
	snprintf(to, size, "%.*s", (int)text.length, text.data ?: "");
}

static void remember(void *user, struct record *record)
{
	struct fixture *fixture = user;
	struct seen *seen;

	assert_int_equal(record->error, 0);
	if (fixture->count == fixture->room) {
		fixture->room = 2 * fixture->room + 64;
		fixture->seen = realloc(fixture->seen, fixture->room * sizeof(*fixture->seen));
		assert_non_null(fixture->seen);
	}
	seen = &fixture->seen[fixture->count++];
	*seen = (struct seen){ .event = record->event };
	copy(seen->connection, sizeof(seen->connection), record_text(record, FIELD_connection_id));
	copy(seen->request, sizeof(seen->request), record_text(record, FIELD_request_id));
	copy(seen->state, sizeof(seen->state), record_text(record, FIELD_api_state));
	copy(seen->path, sizeof(seen->path), record_text(record, FIELD_url_path));
	copy(seen->target, sizeof(seen->target), record_text(record, FIELD_target_id));
	copy(seen->outcome, sizeof(seen->outcome), record_text(record, FIELD_event_outcome));
	copy(seen->reason, sizeof(seen->reason), record_text(record, FIELD_api_reason));
	seen->declared_cut = record_has(record, FIELD_declared_cut);
	seen->pid = record_number(record, FIELD_process_pid);
	seen->connector = record_number(record, FIELD_connector_process_pid);
	seen->status = record_number(record, FIELD_http_response_status_code);
	seen->requests = record_number(record, FIELD_close_requests);
	seen->sent = record_number(record, FIELD_close_bytes_sent);
	seen->received = record_number(record, FIELD_close_bytes_received);
	seen->has_duration = record_has(record, FIELD_close_duration);
	seen->duration = record_number(record, FIELD_close_duration);
	seen->time = record_number(record, FIELD_timestamp);
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode == INODE ? "/run/docker.sock" : NULL;
}

static void hand_over(void *user, uint64_t connection)
{
	((struct fixture *)user)->handed_over = connection;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct conversation_options options = { .actors = &fixture->actors,
						.prefix = "p",
						.emit = remember,
						.socket_path = socket_path,
						.handed_over = hand_over,
						.user = fixture,
						.socket_user = fixture,
						.source = "test" };

	fixture->actors.boot_id = "12345678-aaaa-bbbb-cccc-1234567890ab";
	fixture->now = START;
	assert_int_equal(conversations_new(&options, &fixture->conversations), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	conversations_free(fixture->conversations);
	free(fixture->seen);
	free(fixture);
	return 0;
}

static struct wire_task task_of(uint32_t pid)
{
	return (struct wire_task){ .start = START - SECOND + pid,
				   .pid = pid,
				   .login_uid = WIRE_UNSET,
				   .session = WIRE_UNSET,
				   .name = "client" };
}

static int say(struct fixture *fixture, struct wire_header *header, enum wire_message message,
	       size_t size)
{
	header->message = (uint16_t)message;
	header->time = fixture->now;
	header->length += (uint32_t)size;
	header->tail = (uint16_t)size;
	fixture->now += 1000;
	return conversations_message(fixture->conversations, header);
}

static void connects(struct fixture *fixture, uint64_t connection, uint32_t pid)
{
	struct wire_socket_connect message = { .task = task_of(pid),
					       .connection = connection,
					       .socket_inode = INODE };

	assert_int_equal(say(fixture, &message.header, WIRE_socket_connect, sizeof(message)), 0);
}

static void sends(struct fixture *fixture, uint64_t connection, uint32_t pid, uint64_t offset)
{
	struct wire_socket_sender message = {
		.task = task_of(pid), .connection = connection, .inode = INODE, .offset = offset
	};

	assert_int_equal(say(fixture, &message.header, WIRE_socket_sender, sizeof(message)), 0);
}

/* What one side took of `length` bytes that `data` begins; NULL: none of them was kept. */
static int took(struct fixture *fixture, uint64_t connection, uint8_t direction, const char *data,
		size_t kept, uint32_t length)
{
	struct {
		struct wire_socket_piece piece;
		char tail[WIRE_PIECE_MOST];
	} message = { .piece = { .connection = connection,
				 .offset = fixture->offset[direction][connection],
				 .inode = INODE,
				 .length = length,
				 .connector = 10,
				 .direction = direction,
				 .data = { .length = (uint16_t)kept } } };

	if (fixture->turn[direction][connection] == fixture->next_turn[direction][connection])
		fixture->turn[direction][connection]++;
	fixture->next_turn[!direction][connection] = fixture->turn[!direction][connection];
	message.piece.turn = fixture->turn[direction][connection];
	if (kept)
		memcpy(message.tail, data, kept);
	message.piece.header.length = (uint32_t)kept;
	fixture->offset[direction][connection] += length;
	return say(fixture, &message.piece.header, WIRE_socket_piece, sizeof(message.piece));
}

static void asks(struct fixture *fixture, uint64_t connection, const char *data)
{
	assert_int_equal(
		took(fixture, connection, WIRE_CLIENT, data, strlen(data), (uint32_t)strlen(data)),
		0);
}

static void answers(struct fixture *fixture, uint64_t connection, const char *data)
{
	assert_int_equal(
		took(fixture, connection, WIRE_ENGINE, data, strlen(data), (uint32_t)strlen(data)),
		0);
}

static void ends(struct fixture *fixture, uint64_t connection, uint8_t direction)
{
	struct wire_socket_close message = { .connection = connection,
					     .sent = fixture->offset[direction][connection],
					     .direction = direction };

	assert_int_equal(say(fixture, &message.header, WIRE_socket_close, sizeof(message)), 0);
}

static const struct seen *last(struct fixture *fixture, enum event event)
{
	assert_true(fixture->count > 0);
	assert_int_equal(fixture->seen[fixture->count - 1].event, event);
	return &fixture->seen[fixture->count - 1];
}

static void look_without_finding_any(struct fixture *fixture, uint64_t now)
{
	conversations_alive_begin(fixture->conversations);
	conversations_alive_end(fixture->conversations, now);
}

static void request_and_answer_are_one_event(void **state)
{
	struct fixture *fixture = *state;
	const struct seen *seen;

	connects(fixture, 1, 10);
	assert_string_equal(last(fixture, EVENT_socket_connect)->connection, "p-1");
	sends(fixture, 1, 10, 0);
	for (const char *at = PING; *at; at++)
		assert_int_equal(took(fixture, 1, WIRE_CLIENT, at, 1, 1), 0);
	assert_int_equal(fixture->count, 1);
	answers(fixture, 1, OK);
	seen = last(fixture, EVENT_api_request);
	assert_int_equal(fixture->count, 2);
	assert_string_equal(seen->request, "p-1-0");
	assert_string_equal(seen->state, "complete");
	assert_string_equal(seen->path, "/_ping");
	assert_int_equal(seen->status, 200);
	assert_int_equal(seen->pid, 10);
	assert_int_equal(seen->connector, 0);
	asks(fixture, 1, PING);
	answers(fixture, 1, OK);
	assert_string_equal(last(fixture, EVENT_api_request)->request, "p-1-1");
	ends(fixture, 1, WIRE_CLIENT);
	assert_int_equal(fixture->count, 3);
	ends(fixture, 1, WIRE_ENGINE);
	seen = last(fixture, EVENT_socket_close);
	assert_int_equal(seen->requests, 2);
	assert_int_equal(seen->sent, 2 * strlen(PING));
	assert_int_equal(seen->received, 2 * strlen(OK));
	assert_true(seen->has_duration);
}

static void pipelined_requests_keep_their_order(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	asks(fixture, 1, PING CREATE PING);
	answers(fixture, 1, OK CREATED MADE "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(fixture->count, 4);
	assert_int_equal(fixture->seen[1].status, 200);
	assert_int_equal(fixture->seen[2].status, 201);
	assert_string_equal(fixture->seen[2].target, ID);
	assert_int_equal(fixture->seen[3].status, 404);
	assert_string_equal(fixture->seen[3].outcome, "failure");
}

static void patience_ends_and_the_answer_follows(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	asks(fixture, 1, PING);
	conversations_tick(fixture->conversations, fixture->now + CONVERSATION_PATIENCE_NS / 2);
	assert_int_equal(fixture->count, 1);
	fixture->now += CONVERSATION_PATIENCE_NS + SECOND;
	conversations_tick(fixture->conversations, fixture->now);
	assert_string_equal(last(fixture, EVENT_api_request)->state, "pending");
	assert_string_equal(last(fixture, EVENT_api_request)->outcome, "unknown");
	conversations_tick(fixture->conversations, fixture->now + SECOND);
	assert_int_equal(fixture->count, 2);
	answers(fixture, 1, OK);
	assert_int_equal(last(fixture, EVENT_api_answer)->status, 200);
	assert_string_equal(last(fixture, EVENT_api_answer)->request, "p-1-0");
	conversations_end(fixture->conversations, fixture->now);
	assert_int_equal(fixture->count, 3);
}

static void the_id_is_awaited(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	asks(fixture, 1, CREATE);
	answers(fixture, 1, CREATED);
	assert_int_equal(fixture->count, 1);
	answers(fixture, 1, MADE);
	assert_string_equal(last(fixture, EVENT_api_request)->target, ID);
	assert_int_equal(fixture->count, 2);
	/* Where it does not come in time, it comes later. */
	asks(fixture, 1, CREATE);
	answers(fixture, 1, CREATED);
	fixture->now += CONVERSATION_PATIENCE_NS + SECOND;
	conversations_tick(fixture->conversations, fixture->now);
	assert_int_equal(last(fixture, EVENT_api_request)->status, 201);
	assert_string_equal(last(fixture, EVENT_api_request)->target, "");
	answers(fixture, 1, MADE);
	assert_string_equal(last(fixture, EVENT_api_answer)->target, ID);
	assert_int_equal(fixture->count, 4);
}

static void bytes_that_were_cut_leave_the_request(void **state)
{
	struct fixture *fixture = *state;
	struct conversation_stats stats;

	connects(fixture, 1, 10);
	asks(fixture, 1, "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\n");
	assert_int_equal(took(fixture, 1, WIRE_CLIENT, "abc", 3, 1000000), 0);
	answers(fixture, 1, OK);
	assert_string_equal(last(fixture, EVENT_api_request)->state, "truncated");
	asks(fixture, 1, PING);
	answers(fixture, 1, OK);
	assert_string_equal(last(fixture, EVENT_api_request)->state, "complete");
	conversations_get_stats(fixture->conversations, &stats);
	assert_int_equal(stats.bytes_missing, 0);
}

/* A second request hides behind so long a body that neither is kept; its answer tells of it. */
static void a_request_within_what_was_cut_is_said(void **state)
{
	static const char
		length[] = "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 300000\r\n\r\n",
		chunks[] = "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "493e0\r\n";
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	asks(fixture, 1, length);
	assert_int_equal(took(fixture, 1, WIRE_CLIENT, NULL, 0, 300000 + 60), 0);
	answers(fixture, 1, OK OK);
	assert_int_equal(fixture->count, 3);
	assert_string_equal(fixture->seen[2].state, "ambiguous");
	assert_int_equal(fixture->seen[2].status, 200);
	asks(fixture, 1, PING);
	answers(fixture, 1, OK);
	assert_string_equal(last(fixture, EVENT_api_request)->state, "complete");
	asks(fixture, 1, chunks);
	assert_int_equal(took(fixture, 1, WIRE_CLIENT, NULL, 0, 300000 + 7 + 2 * 60), 0);
	answers(fixture, 1, OK OK OK);
	assert_int_equal(fixture->count, 7);
	assert_string_equal(fixture->seen[5].state, "ambiguous");
	assert_string_equal(fixture->seen[5].request, "p-1-unseen-5");
	assert_string_equal(fixture->seen[6].request, "p-1-unseen-6");
	asks(fixture, 1, PING);
	answers(fixture, 1, OK);
	assert_string_equal(last(fixture, EVENT_api_request)->state, "complete");
}

static void lost_turns_are_counted_and_the_next_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct conversation_stats stats;

	connects(fixture, 1, 10);
	asks(fixture, 1, PING);
	answers(fixture, 1, OK);
	for (int i = 0; i < 2; i++) {
		fixture->turn[WIRE_CLIENT][1]++;
		fixture->turn[WIRE_ENGINE][1]++;
		fixture->offset[WIRE_CLIENT][1] += strlen(PING);
		fixture->offset[WIRE_ENGINE][1] += strlen(OK);
	}
	fixture->next_turn[WIRE_CLIENT][1] = fixture->turn[WIRE_CLIENT][1];
	asks(fixture, 1, PING);
	answers(fixture, 1, OK);
	assert_int_equal(last(fixture, EVENT_api_request)->status, 200);
	conversations_get_stats(fixture->conversations, &stats);
	assert_int_equal(stats.requests_lost, 2);
	assert_int_equal(stats.bytes_missing, 2 * (strlen(PING) + strlen(OK)));
	conversations_end(fixture->conversations, fixture->now);
	assert_int_equal(fixture->count, 4); /* one more for what was between */
	assert_string_equal(fixture->seen[2].state, "complete");
	assert_string_equal(fixture->seen[3].state, "ambiguous");
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	asks(fixture, 1, PING);
	fixture->offset[WIRE_CLIENT][1] -= 5;
	assert_int_equal(took(fixture, 1, WIRE_CLIENT, PING, 5, 5), -EBADMSG);
	fixture->offset[WIRE_CLIENT][1] = strlen(PING);
	answers(fixture, 1, OK);
	assert_int_equal(last(fixture, EVENT_api_request)->status, 200);
	ends(fixture, 7, WIRE_CLIENT); /* of a connection that nobody knows */
	assert_int_equal(fixture->count, 2);
	/* Only a connect may come without the connection's number. */
	assert_int_equal(took(fixture, 0, WIRE_CLIENT, PING, 5, 5), -EBADMSG);
	look_without_finding_any(fixture, fixture->now + 2 * SECOND);
	assert_int_equal(fixture->count, 3);
}

static void each_request_is_of_who_sent_its_first_byte(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	sends(fixture, 1, 10, 0);
	sends(fixture, 1, 20, strlen(PING));
	asks(fixture, 1, PING);
	asks(fixture, 1, PING);
	answers(fixture, 1, OK OK);
	assert_int_equal(fixture->seen[1].pid, 10);
	assert_int_equal(fixture->seen[1].connector, 0);
	assert_int_equal(fixture->seen[2].pid, 20);
	assert_int_equal(fixture->seen[2].connector, 10);
}

/* One asks, and then so many others send that the first is forgotten. */
static void many_senders_do_not_become_the_author(void **state)
{
	struct fixture *fixture = *state;
	uint64_t offset = strlen(PING);

	connects(fixture, 1, 10);
	sends(fixture, 1, 20, 0);
	asks(fixture, 1, PING);
	for (uint32_t pid = 30; pid < 40; pid++)
		sends(fixture, 1, pid, offset + pid - 30);
	for (int i = 0; i < 20; i++)
		assert_int_equal(took(fixture, 1, WIRE_CLIENT, PING + i, 1, 1), 0);
	asks(fixture, 1, PING + 20);
	answers(fixture, 1, OK OK);
	assert_int_equal(fixture->seen[1].pid, 20);
	/* Who sent the first byte of the second is not known any more: nobody is accused. */
	assert_int_equal(fixture->seen[2].pid, 0);
	assert_int_equal(fixture->seen[2].connector, 10);
}

static void a_connect_without_number_is_bound_later(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 0, 11);
	connects(fixture, 0, 10);
	assert_int_equal(took(fixture, 1, WIRE_CLIENT, PING, strlen(PING), sizeof(PING) - 1), 0);
	answers(fixture, 1, OK);
	assert_string_equal(last(fixture, EVENT_api_request)->connection, "p-2");
	assert_int_equal(fixture->count, 3);
	/* The other one never said a word, and no sweep has found it. */
	look_without_finding_any(fixture, fixture->now);
	assert_int_equal(fixture->count, 3);
	look_without_finding_any(fixture, fixture->now + 2 * SECOND);
	assert_int_equal(fixture->count, 5);
	assert_int_equal(fixture->seen[3].event, EVENT_socket_close);
	assert_int_equal(fixture->seen[4].event, EVENT_socket_close);
	assert_string_equal(fixture->seen[4].connection, "p-1");
	connects(fixture, 0, 12);
	look_without_finding_any(fixture, fixture->now + 2 * SECOND);
	assert_string_equal(last(fixture, EVENT_socket_close)->connection, "p-3");
}

static void silent_connects_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct conversation_stats stats;

	for (int i = 0; i < CONVERSATIONS_MOST + 100; i++)
		connects(fixture, 0, 11);
	conversations_get_stats(fixture->conversations, &stats);
	assert_int_equal(stats.evicted, 100);
	assert_int_equal(fixture->count, CONVERSATIONS_MOST + 200);
}

static void unanswered_requests_are_bounded(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	for (int i = 0; i < CONVERSATION_REQUESTS + 50; i++)
		asks(fixture, 1, PING);
	assert_int_equal(fixture->count, 1 + 50);
	assert_string_equal(last(fixture, EVENT_api_request)->state, "pending");
	conversations_end(fixture->conversations, fixture->now);
	assert_int_equal(fixture->count, 1 + CONVERSATION_REQUESTS + 50);
}

/* The sweep looks at the clock first: what it ends may have come to be a moment later. */
static void an_end_before_the_last_message_is_no_age(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = fixture->now - 1;

	connects(fixture, 1, 10);
	look_without_finding_any(fixture, before);
	assert_int_equal(fixture->count, 1);
	look_without_finding_any(fixture, before + 2 * SECOND);
	assert_true(last(fixture, EVENT_socket_close)->duration <= 2 * SECOND);
}

static void an_upgrade_is_said_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	asks(fixture, 1, "GET /containers/HTTP%2F1.1%20101/json HTTP/1.1\r\nHost: d\r\n\r\n");
	answers(fixture, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\n12345");
	asks(fixture, 1, "G");
	answers(fixture, 1, "HTTP/1.1 101 UP");
	assert_int_equal(fixture->handed_over, 0);
	asks(fixture, 1, PING + 1);
	answers(fixture, 1, OK);
	assert_string_equal(last(fixture, EVENT_api_request)->path, "/_ping");
	asks(fixture, 1, ATTACH);
	answers(fixture, 1, UPGRADED PING);
	assert_int_equal(fixture->handed_over, 1);
	assert_string_equal(last(fixture, EVENT_api_request)->state, "hijacked");
	asks(fixture, 1, PING);
	conversations_end(fixture->conversations, fixture->now);
	assert_int_equal(fixture->count, 4);
}

static void an_end_writes_what_is_open(void **state)
{
	struct fixture *fixture = *state;

	connects(fixture, 1, 10);
	asks(fixture, 1, PING "GET /info HT");
	ends(fixture, 1, WIRE_ENGINE);
	ends(fixture, 1, WIRE_CLIENT);
	assert_int_equal(fixture->count, 4);
	assert_string_equal(fixture->seen[1].state, "pending");
	assert_string_equal(fixture->seen[2].state, "ambiguous");
	assert_int_equal(fixture->seen[3].requests, 2);
}

static void a_refusal_is_no_connection(void **state)
{
	struct fixture *fixture = *state;
	struct conversation_stats stats;
	struct wire_socket_connect message = { .task = task_of(9),
					       .socket_inode = INODE,
					       .error = -13 };

	assert_int_equal(say(fixture, &message.header, WIRE_socket_connect, sizeof(message)), 0);
	assert_string_equal(last(fixture, EVENT_socket_connect)->outcome, "failure");
	assert_int_equal(last(fixture, EVENT_socket_connect)->pid, 9);
	conversations_get_stats(fixture->conversations, &stats);
	assert_int_equal(stats.connections, 0);
}

static void a_body_that_is_no_json_is_not_one_that_is_long(void **state)
{
	struct fixture *fixture = *state;
	const struct seen *seen;

	connects(fixture, 1, 10);
	asks(fixture, 1,
	     "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n{\"Image\"}");
	answers(fixture, 1, OK);
	seen = last(fixture, EVENT_api_request);
	assert_string_equal(seen->state, "complete");
	assert_string_equal(seen->reason, "its body is not JSON");
	assert_true(seen->declared_cut);

	asks(fixture, 1,
	     "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 4830\r\n\r\n"
	     "{\"HostConfig\":{\"Mounts\":[{}");
	for (size_t i = 0; i < 300; i++)
		asks(fixture, 1, ",{\"Target\":\"/a\"}");
	asks(fixture, 1, "]}}");
	answers(fixture, 1, OK);
	seen = last(fixture, EVENT_api_request);
	assert_string_equal(seen->reason, "");
	assert_true(seen->declared_cut);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_and_answer_are_one_event),
		TEST(pipelined_requests_keep_their_order),
		TEST(patience_ends_and_the_answer_follows),
		TEST(the_id_is_awaited),
		TEST(a_body_that_is_no_json_is_not_one_that_is_long),
		TEST(bytes_that_were_cut_leave_the_request),
		TEST(a_request_within_what_was_cut_is_said),
		TEST(lost_turns_are_counted_and_the_next_is_read),
		TEST(what_makes_no_sense_is_refused),
		TEST(each_request_is_of_who_sent_its_first_byte),
		TEST(many_senders_do_not_become_the_author),
		TEST(a_connect_without_number_is_bound_later),
		TEST(silent_connects_are_bounded),
		TEST(unanswered_requests_are_bounded),
		TEST(an_end_before_the_last_message_is_no_age),
		TEST(an_upgrade_is_said_and_nothing_else),
		TEST(an_end_writes_what_is_open),
		TEST(a_refusal_is_no_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
