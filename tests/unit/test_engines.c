// SPDX-License-Identifier: Apache-2.0
/* Listeners of engines and connections over TCP: messages made by hand, and the events of them. */
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
#include "correlate/process.h"
#include "event/field.h"
#include "event/record.h"

#define SECOND 1000000000ull
#define START  (100 * SECOND)
#define PATH   "/run/docker.sock"
#define PING   "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
#define HELLO  "\x16\x03\x01\x02hello"

struct seen {
	enum event event;
	uint64_t severity, pid, previous, port, sent, status;
	char state[16], protocol[8], address[64], ip[48], executable[32];
	bool has_requests;
};

struct fixture {
	struct actor_context actors;
	struct conversations *conversations;
	struct seen seen[32];
	size_t count;
	uint64_t now;
};

static void copy(char *to, size_t size, struct text text)
{
	snprintf(to, size, "%.*s", (int)text.length, text.data ?: "");
}

static void remember(void *user, struct record *record)
{
	struct fixture *fixture = user;
	struct seen *seen = &fixture->seen[fixture->count++];

	assert_true(fixture->count <= 32);
	assert_int_equal(record->error, 0);
	*seen = (struct seen){ .event = record->event,
			       .severity = record_number(record, FIELD_event_severity),
			       .pid = record_number(record, FIELD_process_pid),
			       .previous = record_number(record, FIELD_listener_previous_pid),
			       .port = record_number(record, FIELD_source_port),
			       .sent = record_number(record, FIELD_close_bytes_sent),
			       .status = record_number(record, FIELD_http_response_status_code),
			       .has_requests = record_has(record, FIELD_close_requests) };
	copy(seen->state, sizeof(seen->state), record_text(record, FIELD_api_state));
	copy(seen->protocol, sizeof(seen->protocol), record_text(record, FIELD_socket_protocol));
	copy(seen->address, sizeof(seen->address), record_text(record, FIELD_socket_address));
	copy(seen->ip, sizeof(seen->ip), record_text(record, FIELD_source_ip));
	copy(seen->executable, sizeof(seen->executable),
	     record_text(record, FIELD_listener_previous_executable));
}

static const char *path_of(void *user, uint64_t inode, uint32_t device)
{
	return PATH;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct conversation_options options = { .actors = &fixture->actors,
						.prefix = "p",
						.emit = remember,
						.socket_path = path_of,
						.user = fixture,
						.source = "fentry" };

	assert_non_null(fixture);
	assert_int_equal(process_tree_new(-1, 0, 0, &fixture->actors.tree), 0);
	assert_int_equal(conversations_new(&options, &fixture->conversations), 0);
	fixture->now = START;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	conversations_free(fixture->conversations);
	process_tree_free(fixture->actors.tree);
	free(fixture);
	return 0;
}

static struct wire_task task_of(uint32_t pid)
{
	return (struct wire_task){ .start = pid * SECOND, .pid = pid, .name = "engine" };
}

static void run_program(struct fixture *fixture, uint32_t pid, const char *program,
			const char *args)
{
	struct wire_task task = task_of(pid);
	struct process_exec exec = { .executable = text_of(program),
				     .args = text_of(args),
				     .args_length = (uint32_t)strlen(args) };

	assert_int_equal(process_tree_exec(fixture->actors.tree, &task, fixture->now, &exec), 0);
}

static int tell_message(struct fixture *fixture, struct wire_header *header, size_t size,
			const void *tail, size_t length, int message)
{
	char *whole = calloc(1, size + length);
	int r;

	assert_non_null(whole);
	*header = (struct wire_header){ .time = fixture->now,
					.length = (uint32_t)(size + length),
					.message = (uint16_t)message,
					.tail = (uint16_t)size };
	memcpy(whole, header, size);
	memcpy(whole + size, tail, length);
	r = conversations_message(fixture->conversations, (const void *)whole);
	free(whole);
	return r;
}

static const uint8_t addresses[32] = {
	[10] = 0xff, [11] = 0xff, 127, 0, 0, 1, [26] = 0xff, [27] = 0xff, 192, 0, 2, 7
};

static void listens(struct fixture *fixture, uint64_t cookie, uint32_t pid, uint16_t port)
{
	struct wire_engine_listen message = { .task = task_of(pid),
					      .cookie = cookie,
					      .socket_inode = cookie,
					      .opener = pid,
					      .port = port };

	if (port)
		message.address.length = 16;
	else
		message.name.length = 16;
	fixture->now += SECOND;
	assert_int_equal(tell_message(fixture, &message.header, sizeof(message),
				      port ? (const void *)addresses : PATH, 16,
				      WIRE_engine_listen),
			 0);
}

static int accepts_opened(struct fixture *fixture, uint64_t connection, uint64_t cookie,
			  uint64_t opened)
{
	struct wire_tcp_accept message = { .connection = connection,
					   .opened = opened,
					   .listener = cookie,
					   .port = 2375,
					   .peer_port = 50000,
					   .local = { 0, 16 },
					   .peer = { 16, 16 } };

	return tell_message(fixture, &message.header, sizeof(message), addresses, 32,
			    WIRE_tcp_accept);
}

static int accepts(struct fixture *fixture, uint64_t connection, uint64_t cookie)
{
	return accepts_opened(fixture, connection, cookie, 0);
}

/* A process of this host, at the other end of what accepts_opened() tells. */
static void connects(struct fixture *fixture, uint32_t pid)
{
	struct wire_tcp_client message = { .task = task_of(pid),
					   .port = 50000,
					   .peer_port = 2375,
					   .local = { 16, 16 },
					   .peer = { 0, 16 } };

	assert_int_equal(tell_message(fixture, &message.header, sizeof(message), addresses, 32,
				      WIRE_tcp_client),
			 0);
}

static void piece(struct fixture *fixture, uint64_t offset, int direction, const char *data,
		  size_t length)
{
	struct wire_socket_piece message = { .connection = 7,
					     .offset = offset,
					     .length = (uint32_t)length,
					     .turn = 1,
					     .direction = (uint8_t)direction,
					     .data = { 0, (uint16_t)length } };

	assert_int_equal(tell_message(fixture, &message.header, sizeof(message), data, length,
				      WIRE_socket_piece),
			 0);
}

static void closes(struct fixture *fixture)
{
	for (int direction = 0; direction < 2; direction++) {
		struct wire_socket_close message = { .connection = 7,
						     .sent = 9,
						     .direction = (uint8_t)direction };

		assert_int_equal(tell_message(fixture, &message.header, sizeof(message), "", 0,
					      WIRE_socket_close),
				 0);
	}
}

/* The last event, and that it is of this kind. */
static const struct seen *last(const struct fixture *fixture, enum event event)
{
	assert_true(fixture->count > 0);
	assert_int_equal(fixture->seen[fixture->count - 1].event, event);
	return &fixture->seen[fixture->count - 1];
}

static void the_same_engine_anew_is_a_change(void **state)
{
	struct fixture *fixture = *state;

	run_program(fixture, 10, "/usr/sbin/dockerd", "dockerd");
	run_program(fixture, 11, "/usr/sbin/dockerd", "dockerd");
	listens(fixture, 1, 10, 0);
	assert_int_equal(last(fixture, EVENT_engine_listen)->severity, 50);
	process_tree_exit(fixture->actors.tree, 10, 10 * SECOND, 0, fixture->now);
	listens(fixture, 2, 11, 0);
	assert_int_equal(last(fixture, EVENT_engine_listen)->severity, 25);
	assert_int_equal(last(fixture, EVENT_engine_listen)->previous, 0);
}

static void somebody_else_is_severe(void **state)
{
	struct fixture *fixture = *state;

	run_program(fixture, 10, "/usr/sbin/dockerd", "dockerd");
	run_program(fixture, 11, "/tmp/dockerd", "dockerd");
	run_program(fixture, 12, "/usr/bin/socat", "socat");
	listens(fixture, 1, 10, 0);
	listens(fixture, 2, 11, 0);
	assert_int_equal(last(fixture, EVENT_engine_listen)->severity, 100);
	assert_int_equal(last(fixture, EVENT_engine_listen)->previous, 10);
	assert_string_equal(last(fixture, EVENT_engine_listen)->executable, "/usr/sbin/dockerd");
	process_tree_exit(fixture->actors.tree, 11, 11 * SECOND, 0, fixture->now);
	listens(fixture, 3, 12, 0);
	assert_int_equal(last(fixture, EVENT_engine_listen)->severity, 75);
}

static void a_listener_is_told_once_for_each_holder(void **state)
{
	struct fixture *fixture = *state;

	run_program(fixture, 10, "/usr/sbin/dockerd", "dockerd");
	listens(fixture, 1, 10, 0);
	listens(fixture, 1, 10, 0);
	assert_int_equal(fixture->count, 1);
	listens(fixture, 1, 11, 0);
	listens(fixture, 1, 11, 0);
	assert_int_equal(fixture->count, 2);
	assert_int_equal(last(fixture, EVENT_engine_listen)->pid, 11);
}

static void a_child_is_told_once_it_runs_something_else(void **state)
{
	struct fixture *fixture = *state;
	struct wire_engine_listen message = { .task = task_of(12),
					      .cookie = 1,
					      .socket_inode = 1,
					      .opener = 10,
					      .found = 1,
					      .name = { 0, 16 } };

	run_program(fixture, 10, "/usr/sbin/dockerd", "dockerd");
	listens(fixture, 1, 10, 0);
	message.task.parent_pid = 10;
	message.task.parent_start = 10 * SECOND;
	run_program(fixture, 12, "/usr/sbin/dockerd", "dockerd");
	assert_int_equal(tell_message(fixture, &message.header, sizeof(message), PATH, 16,
				      WIRE_engine_listen),
			 0);
	assert_int_equal(fixture->count, 1);
	run_program(fixture, 12, "/bin/sh", "sh");
	assert_int_equal(tell_message(fixture, &message.header, sizeof(message), PATH, 16,
				      WIRE_engine_listen),
			 0);
	assert_int_equal(last(fixture, EVENT_engine_listen)->severity, 50);
	assert_int_equal(last(fixture, EVENT_engine_listen)->previous, 10);
}

static void tcp_is_plain_until_it_declares_or_proves_tls(void **state)
{
	struct fixture *fixture = *state;

	run_program(fixture, 10, "/usr/sbin/dockerd", "dockerd\0-H\0tcp://:2375");
	run_program(fixture, 11, "/usr/sbin/dockerd", "dockerd --tlsverify");
	listens(fixture, 1, 10, 2375);
	assert_string_equal(last(fixture, EVENT_engine_listen)->address, "tcp://127.0.0.1:2375");
	listens(fixture, 2, 11, 2376);
	assert_int_equal(last(fixture, EVENT_engine_listen)->severity, 50);
}

static void a_plain_conversation_has_its_peer(void **state)
{
	struct fixture *fixture = *state;

	listens(fixture, 1, 10, 2375);
	assert_int_equal(accepts(fixture, 7, 1), 0);
	assert_string_equal(last(fixture, EVENT_socket_connect)->ip, "192.0.2.7");
	assert_int_equal(last(fixture, EVENT_socket_connect)->port, 50000);
	assert_int_equal(accepts(fixture, 7, 1), -EBADMSG);
	assert_int_equal(accepts(fixture, 0, 1), -EBADMSG);
	piece(fixture, 0, WIRE_CLIENT, PING, strlen(PING));
	piece(fixture, 0, WIRE_ENGINE, OK, strlen(OK));
	assert_int_equal(last(fixture, EVENT_api_request)->status, 200);
	assert_string_equal(last(fixture, EVENT_api_request)->ip, "192.0.2.7");
	assert_string_equal(last(fixture, EVENT_api_request)->protocol, "http");
	assert_int_equal(fixture->seen[fixture->count - 2].event, EVENT_engine_listen);
	assert_int_equal(fixture->seen[fixture->count - 2].severity, 75);
	closes(fixture);
	assert_true(last(fixture, EVENT_socket_close)->has_requests);
}

/* Of a listener at any port it is told when the engine first reads. */
static void who_connects_and_asks_much_later_is_named(void **state)
{
	struct fixture *fixture = *state;
	uint64_t opened;

	listens(fixture, 1, 10, 2375);
	connects(fixture, 20);
	opened = fixture->now + SECOND;
	fixture->now += 3600 * SECOND;
	assert_int_equal(accepts_opened(fixture, 7, 1, opened), 0);
	assert_int_equal(last(fixture, EVENT_socket_connect)->pid, 20);
	assert_int_equal(accepts(fixture, 8, 1), 0);
	assert_int_equal(last(fixture, EVENT_socket_connect)->pid, 0);
	/* Nor whoever comes later from the same port. */
	opened = fixture->now;
	fixture->now += 3600 * SECOND;
	connects(fixture, 21);
	assert_int_equal(accepts_opened(fixture, 9, 1, opened), 0);
	assert_int_equal(last(fixture, EVENT_socket_connect)->pid, 0);
}

static void tls_is_one_event_and_sizes(void **state)
{
	struct fixture *fixture = *state;

	listens(fixture, 1, 10, 2375);
	assert_int_equal(accepts(fixture, 7, 1), 0);
	piece(fixture, 0, WIRE_CLIENT, HELLO, strlen(HELLO));
	last(fixture, EVENT_socket_connect);
	piece(fixture, 0, WIRE_ENGINE, HELLO, strlen(HELLO));
	assert_string_equal(last(fixture, EVENT_api_request)->state, "encrypted");
	piece(fixture, strlen(HELLO), WIRE_CLIENT, HELLO, strlen(HELLO));
	closes(fixture);
	assert_false(last(fixture, EVENT_socket_close)->has_requests);
	assert_int_equal(last(fixture, EVENT_socket_close)->sent, 2 * strlen(HELLO));
}

static void a_client_cannot_claim_tls(void **state)
{
	struct fixture *fixture = *state;

	listens(fixture, 1, 10, 2375);
	assert_int_equal(accepts(fixture, 7, 1), 0);
	piece(fixture, 0, WIRE_CLIENT, HELLO PING, strlen(HELLO PING));
	piece(fixture, 0, WIRE_ENGINE, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 47);
	closes(fixture);
	for (size_t i = 0; i < fixture->count; i++)
		if (fixture->seen[i].event == EVENT_api_request) {
			assert_string_equal(fixture->seen[i].state, "ambiguous");
			return;
		}
	fail_msg("nothing was told of it");
}

static void a_refusal_by_tls_is_no_plain_http(void **state)
{
	static const char body[] = "Client sent an HTTP request to an HTTPS server.\n";
	static const struct {
		const char *answer;
		bool plain;
	} answers[] = {
		{ "HTTP/1.0 400 Bad Request\r\n\r\n", false },
		{ "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", true },
		{ "HTTP/1.0 404 Not Found\r\n\r\n", true },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct fixture *fixture;
		bool plain = false, told = false;

		if (i > 0) {
			tear_down(state);
			set_up(state);
		}
		fixture = *state;
		run_program(fixture, 10, "/usr/sbin/dockerd", "dockerd --tlsverify");
		listens(fixture, 1, 10, 2375);
		assert_int_equal(accepts(fixture, 7, 1), 0);
		piece(fixture, 0, WIRE_CLIENT, PING, strlen(PING));
		piece(fixture, 0, WIRE_ENGINE, answers[i].answer, strlen(answers[i].answer));
		piece(fixture, strlen(answers[i].answer), WIRE_ENGINE, body, strlen(body));
		closes(fixture);
		for (size_t j = 0; j < fixture->count; j++) {
			plain |= fixture->seen[j].event == EVENT_engine_listen &&
				 fixture->seen[j].severity == 75;
			told |= fixture->seen[j].event == EVENT_api_request;
		}
		assert_int_equal(plain, answers[i].plain);
		assert_true(told);
	}
}

static void an_engine_that_says_nothing_hides_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(accepts(fixture, 7, 0), 0);
	piece(fixture, 0, WIRE_CLIENT, HELLO PING, strlen(HELLO PING));
	closes(fixture);
	for (size_t i = 0; i < fixture->count; i++)
		if (fixture->seen[i].event == EVENT_api_request)
			return;
	fail_msg("nothing was told of it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(the_same_engine_anew_is_a_change),
		TEST(somebody_else_is_severe),
		TEST(a_listener_is_told_once_for_each_holder),
		TEST(a_child_is_told_once_it_runs_something_else),
		TEST(tcp_is_plain_until_it_declares_or_proves_tls),
		TEST(a_plain_conversation_has_its_peer),
		TEST(who_connects_and_asks_much_later_is_named),
		TEST(tls_is_one_event_and_sizes),
		TEST(a_client_cannot_claim_tls),
		TEST(a_refusal_by_tls_is_no_plain_http),
		TEST(an_engine_that_says_nothing_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
