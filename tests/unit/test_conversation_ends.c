// SPDX-License-Identifier: Apache-2.0
/* Who is at the ends of a connection, when it begins and ends, and how many there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "talk_bed.h"

static void each_request_is_of_who_sent_its_first_byte(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_sends(talk, 1, 10, 0);
	talk_sends(talk, 1, 20, strlen(PING));
	talk_asks(talk, 1, PING);
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK OK);
	assert_int_equal(talk->seen[1].pid, 10);
	assert_int_equal(talk->seen[1].connector, 0);
	assert_int_equal(talk->seen[2].pid, 20);
	assert_int_equal(talk->seen[2].connector, 10);
}

/* One asks, and then so many others send that the first is forgotten. */
static void many_senders_do_not_become_the_author(void **state)
{
	struct talk *talk = *state;
	uint64_t offset = strlen(PING);

	talk_connects(talk, 1, 10);
	talk_sends(talk, 1, 20, 0);
	talk_asks(talk, 1, PING);
	for (uint32_t pid = 30; pid < 40; pid++)
		talk_sends(talk, 1, pid, offset + pid - 30);
	for (int i = 0; i < 20; i++)
		assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, PING + i, 1, 1), 0);
	talk_asks(talk, 1, PING + 20);
	talk_answers(talk, 1, OK OK);
	assert_int_equal(talk->seen[1].pid, 20);
	/* Who sent the first byte of the second is not known any more: nobody is accused. */
	assert_int_equal(talk->seen[2].pid, 0);
	assert_int_equal(talk->seen[2].connector, 10);
}

static void a_connect_without_number_is_bound_later(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 0, 11);
	talk_connects(talk, 0, 10);
	assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, PING, strlen(PING), sizeof(PING) - 1), 0);
	talk_answers(talk, 1, OK);
	assert_string_equal(talk_last(talk, EVENT_api_request)->connection, "p-2");
	assert_int_equal(talk->count, 3);
	/* The other one never said a word, and no sweep has found it. */
	talk_look_without_finding_any(talk, talk->now);
	assert_int_equal(talk->count, 3);
	talk_look_without_finding_any(talk, talk->now + 2 * SECOND);
	assert_int_equal(talk->count, 5);
	assert_int_equal(talk->seen[3].event, EVENT_socket_close);
	assert_int_equal(talk->seen[4].event, EVENT_socket_close);
	assert_string_equal(talk->seen[4].connection, "p-1");
	talk_connects(talk, 0, 12);
	talk_look_without_finding_any(talk, talk->now + 2 * SECOND);
	assert_string_equal(talk_last(talk, EVENT_socket_close)->connection, "p-3");
}

static void silent_connects_are_bounded(void **state)
{
	struct talk *talk = *state;
	struct conversation_stats stats;

	for (int i = 0; i < CONVERSATIONS_MOST + 100; i++)
		talk_connects(talk, 0, 11);
	conversations_get_stats(talk->conversations, &stats);
	assert_int_equal(stats.evicted, 100);
	assert_int_equal(talk->count, CONVERSATIONS_MOST + 200);
}

static void unanswered_requests_are_bounded(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	for (int i = 0; i < CONVERSATION_REQUESTS + 50; i++)
		talk_asks(talk, 1, PING);
	assert_int_equal(talk->count, 1 + 50);
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "pending");
	conversations_end(talk->conversations, talk->now);
	assert_int_equal(talk->count, 1 + CONVERSATION_REQUESTS + 50);
}

/* The sweep looks at the clock first: what it ends may have come to be a moment later. */
static void an_end_before_the_last_message_is_no_age(void **state)
{
	struct talk *talk = *state;
	uint64_t before = talk->now - 1;

	talk_connects(talk, 1, 10);
	talk_look_without_finding_any(talk, before);
	assert_int_equal(talk->count, 1);
	talk_look_without_finding_any(talk, before + 2 * SECOND);
	assert_true(talk_last(talk, EVENT_socket_close)->duration <= 2 * SECOND);
}

static void an_end_writes_what_is_open(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, PING "GET /info HT");
	talk_ends(talk, 1, WIRE_ENGINE);
	talk_ends(talk, 1, WIRE_CLIENT);
	assert_int_equal(talk->count, 4);
	assert_string_equal(talk->seen[1].state, "pending");
	assert_string_equal(talk->seen[2].state, "ambiguous");
	assert_int_equal(talk->seen[3].requests, 2);
}

static void unread_http2_is_told_and_refused_http2_is_a_request(void **state)
{
	static const char settings[] = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64";
	struct talk *talk = *state;
	const struct seen *seen;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	assert_int_equal(talk_took(talk, 1, WIRE_ENGINE, settings, sizeof(settings) - 1,
				   sizeof(settings) - 1),
			 0);
	talk_asks(talk, 1, "POST /containers/create HTTP/1.1\r\n\r\n");
	talk_ends(talk, 1, WIRE_CLIENT);
	talk_ends(talk, 1, WIRE_ENGINE);
	assert_int_equal(talk->count, 3);
	seen = &talk->seen[1];
	assert_int_equal(seen->event, EVENT_api_request);
	assert_string_equal(seen->state, "http2");
	assert_int_equal(seen->severity, 75);
	assert_string_equal(seen->reason, "what is asked from here on is not read");

	talk_connects(talk, 3, 10);
	talk_asks(talk, 3, PING "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	talk_answers(talk, 3, OK);
	assert_int_equal(talk_took(talk, 3, WIRE_ENGINE, settings, sizeof(settings) - 1,
				   sizeof(settings) - 1),
			 0);
	/* The client chooses when a turn begins, and what a file says that it asks for. */
	talk_asks(talk, 3, "window");
	talk_answers(talk, 3, "HTTP/1.1 505 No\r\nContent-Length: 0\r\n\r\n");
	talk_ends(talk, 3, WIRE_CLIENT);
	talk_ends(talk, 3, WIRE_ENGINE);
	seen = &talk->seen[talk->count - 2];
	assert_string_equal(seen->state, "http2");
	assert_int_equal(seen->status, 0);
	seen--;
	assert_string_equal(seen->path, "/_ping");
	assert_int_equal(seen->status, 200);

	talk_connects(talk, 2, 10);
	talk_asks(talk, 2, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	talk_answers(talk, 2, "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n");
	seen = talk_last(talk, EVENT_api_request);
	assert_string_equal(seen->state, "complete");
	assert_true(seen->severity < 75);
}

static void a_refusal_is_no_connection(void **state)
{
	struct talk *talk = *state;
	struct conversation_stats stats;
	struct wire_socket_connect message = { .task = talk_task_of(9),
					       .socket_inode = INODE,
					       .error = -13 };

	assert_int_equal(talk_say(talk, &message.header, WIRE_socket_connect, sizeof(message)), 0);
	assert_string_equal(talk_last(talk, EVENT_socket_connect)->outcome, "failure");
	assert_int_equal(talk_last(talk, EVENT_socket_connect)->pid, 9);
	conversations_get_stats(talk->conversations, &stats);
	assert_int_equal(stats.connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_request_is_of_who_sent_its_first_byte),
		TEST(many_senders_do_not_become_the_author),
		TEST(a_connect_without_number_is_bound_later),
		TEST(silent_connects_are_bounded),
		TEST(unanswered_requests_are_bounded),
		TEST(an_end_before_the_last_message_is_no_age),
		TEST(an_end_writes_what_is_open),
		TEST(unread_http2_is_told_and_refused_http2_is_a_request),
		TEST(a_refusal_is_no_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
