// SPDX-License-Identifier: Apache-2.0
/* Requests and their answers: whole, late, cut, lost, and what is no HTTP. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "talk_bed.h"

static void request_and_answer_are_one_event(void **state)
{
	struct talk *talk = *state;
	const struct seen *seen;

	talk_connects(talk, 1, 10);
	assert_string_equal(talk_last(talk, EVENT_socket_connect)->connection, "p-1");
	talk_sends(talk, 1, 10, 0);
	for (const char *at = PING; *at; at++)
		assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, at, 1, 1), 0);
	assert_int_equal(talk->count, 1);
	talk_answers(talk, 1, OK);
	seen = talk_last(talk, EVENT_api_request);
	assert_int_equal(talk->count, 2);
	assert_string_equal(seen->request, "p-1-0");
	assert_string_equal(seen->state, "complete");
	assert_string_equal(seen->path, "/_ping");
	assert_int_equal(seen->status, 200);
	assert_int_equal(seen->pid, 10);
	assert_int_equal(seen->connector, 0);
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK);
	assert_string_equal(talk_last(talk, EVENT_api_request)->request, "p-1-1");
	talk_ends(talk, 1, WIRE_CLIENT);
	assert_int_equal(talk->count, 3);
	talk_ends(talk, 1, WIRE_ENGINE);
	seen = talk_last(talk, EVENT_socket_close);
	assert_int_equal(seen->requests, 2);
	assert_int_equal(seen->sent, 2 * strlen(PING));
	assert_int_equal(seen->received, 2 * strlen(OK));
	assert_true(seen->has_duration);
}

static void pipelined_requests_keep_their_order(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, PING CREATE PING);
	talk_answers(talk, 1,
		     OK CREATED MADE "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(talk->count, 4);
	assert_int_equal(talk->seen[1].status, 200);
	assert_int_equal(talk->seen[2].status, 201);
	assert_string_equal(talk->seen[2].target, ID);
	assert_int_equal(talk->seen[3].status, 404);
	assert_string_equal(talk->seen[3].outcome, "failure");
}

static void patience_ends_and_the_answer_follows(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, PING);
	conversations_tick(talk->conversations, talk->now + CONVERSATION_PATIENCE_NS / 2);
	assert_int_equal(talk->count, 1);
	talk->now += CONVERSATION_PATIENCE_NS + SECOND;
	conversations_tick(talk->conversations, talk->now);
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "pending");
	assert_string_equal(talk_last(talk, EVENT_api_request)->outcome, "unknown");
	conversations_tick(talk->conversations, talk->now + SECOND);
	assert_int_equal(talk->count, 2);
	talk_answers(talk, 1, OK);
	assert_int_equal(talk_last(talk, EVENT_api_answer)->status, 200);
	assert_string_equal(talk_last(talk, EVENT_api_answer)->request, "p-1-0");
	conversations_end(talk->conversations, talk->now);
	assert_int_equal(talk->count, 3);
}

/* The engine may have done it before the last byte came, which may never come. */
static void who_holds_back_the_end_is_told_all_the_same(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1,
		  "POST /containers/a/kill HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\n");
	talk->now += CONVERSATION_PATIENCE_NS + SECOND;
	conversations_tick(talk->conversations, talk->now);
	assert_string_equal(talk_last(talk, EVENT_api_request)->path, "/containers/a/kill");
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "pending");
	talk_asks(talk, 1, "x");
	talk_answers(talk, 1, OK);
	assert_int_equal(talk_last(talk, EVENT_api_answer)->status, 200);
	assert_int_equal(talk->count, 3);
	/* What is declared is known where it is whole, and cut where it is not. */
	talk_connects(talk, 2, 11);
	talk_asks(talk, 2,
		  "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 15\r\n\r\n"
		  "{\"Image\":\"a\"}");
	talk_connects(talk, 3, 12);
	talk_asks(talk, 3, "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\nabc");
	talk->now += CONVERSATION_PATIENCE_NS + SECOND;
	conversations_tick(talk->conversations, talk->now);
	assert_string_equal(talk_last(talk, EVENT_api_request)->path, "/containers/create");
	assert_int_equal(talk->count, 6);
	/* An archive may take its time, but not for ever. */
	talk->now += CONVERSATION_UPLOAD_NS;
	conversations_tick(talk->conversations, talk->now);
	assert_string_equal(talk_last(talk, EVENT_api_request)->path, "/build");
	assert_int_equal(talk->count, 7);
	assert_int_equal(talk_last(talk, EVENT_api_request)->body, 3);
	/* Its whole length comes with the answer. */
	talk_asks(talk, 3, "defg");
	talk_answers(talk, 3, OK);
	assert_int_equal(talk_last(talk, EVENT_api_answer)->body, 7);
}

static void the_id_is_awaited(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, CREATE);
	talk_answers(talk, 1, CREATED);
	assert_int_equal(talk->count, 1);
	talk_answers(talk, 1, MADE);
	assert_string_equal(talk_last(talk, EVENT_api_request)->target, ID);
	assert_int_equal(talk->count, 2);
	/* Where it does not come in time, it comes later. */
	talk_asks(talk, 1, CREATE);
	talk_answers(talk, 1, CREATED);
	talk->now += CONVERSATION_PATIENCE_NS + SECOND;
	conversations_tick(talk->conversations, talk->now);
	assert_int_equal(talk_last(talk, EVENT_api_request)->status, 201);
	assert_string_equal(talk_last(talk, EVENT_api_request)->target, "");
	talk_answers(talk, 1, MADE);
	assert_string_equal(talk_last(talk, EVENT_api_answer)->target, ID);
	assert_int_equal(talk->count, 4);
}

static void bytes_that_were_cut_leave_the_request(void **state)
{
	struct talk *talk = *state;
	struct conversation_stats stats;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\n");
	assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, "abc", 3, 1000000), 0);
	talk_answers(talk, 1, OK);
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "truncated");
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK);
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "complete");
	conversations_get_stats(talk->conversations, &stats);
	assert_int_equal(stats.bytes_missing, 0);
}

/* What is missing may be the worst of it; of an archive it tells nothing. */
static void what_was_not_read_of_a_create_is_worth_a_look(void **state)
{
	struct talk *talk = *state;
	static const char create[] =
		"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 300000\r\n\r\n"
		"{\"Image\":\"a\",";

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, create);
	assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, NULL, 0, 300000 - 13), 0);
	talk_answers(talk, 1, OK);
	assert_int_equal(talk_last(talk, EVENT_api_request)->severity, 50);
	talk_asks(talk, 1, CREATE);
	talk_answers(talk, 1, OK);
	assert_int_equal(talk_last(talk, EVENT_api_request)->severity, 25);
	talk_asks(talk, 1, "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\n");
	assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, "abc", 3, 1000000), 0);
	talk_answers(talk, 1, OK);
	assert_int_equal(talk_last(talk, EVENT_api_request)->severity, 25);
}

/* A second request hides behind so long a body that neither is kept; its answer tells of it. */
static void a_request_within_what_was_cut_is_said(void **state)
{
	static const char
		length[] = "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 300000\r\n\r\n",
		chunks[] = "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "493e0\r\n";
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, length);
	assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, NULL, 0, 300000 + 60), 0);
	talk_answers(talk, 1, OK OK);
	assert_int_equal(talk->count, 3);
	assert_string_equal(talk->seen[2].state, "ambiguous");
	assert_int_equal(talk->seen[2].status, 200);
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK);
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "complete");
	talk_asks(talk, 1, chunks);
	assert_int_equal(talk_took(talk, 1, WIRE_CLIENT, NULL, 0, 300000 + 7 + 2 * 60), 0);
	talk_answers(talk, 1, OK OK OK);
	assert_int_equal(talk->count, 7);
	assert_string_equal(talk->seen[5].state, "ambiguous");
	assert_string_equal(talk->seen[5].request, "p-1-unseen-5");
	assert_string_equal(talk->seen[6].request, "p-1-unseen-6");
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK);
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "complete");
}

static void lost_turns_are_counted_and_the_next_is_read(void **state)
{
	struct talk *talk = *state;
	struct conversation_stats stats;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK);
	for (int i = 0; i < 2; i++) {
		talk->turn[WIRE_CLIENT][1]++;
		talk->turn[WIRE_ENGINE][1]++;
		talk->offset[WIRE_CLIENT][1] += strlen(PING);
		talk->offset[WIRE_ENGINE][1] += strlen(OK);
	}
	talk->next_turn[WIRE_CLIENT][1] = talk->turn[WIRE_CLIENT][1];
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK);
	assert_int_equal(talk_last(talk, EVENT_api_request)->status, 200);
	conversations_get_stats(talk->conversations, &stats);
	assert_int_equal(stats.requests_lost, 2);
	assert_int_equal(stats.bytes_missing, 2 * (strlen(PING) + strlen(OK)));
	conversations_end(talk->conversations, talk->now);
	assert_int_equal(talk->count, 4); /* one more for what was between */
	assert_string_equal(talk->seen[2].state, "complete");
	assert_string_equal(talk->seen[3].state, "ambiguous");
}

/* A request is never taken for one that was there before. */
static void where_the_probes_count_again_there_is_a_hole(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, PING);
	talk_answers(talk, 1, OK);
	talk->offset[WIRE_CLIENT][1] = 0;
	talk->turn[WIRE_CLIENT][1] = 0;
	talk_asks(talk, 1, CREATE);
	talk_answers(talk, 1, CREATED MADE);
	conversations_end(talk->conversations, talk->now);
	assert_int_equal(talk->count, 4);
	assert_string_equal(talk->seen[2].state, "ambiguous"); /* the hole may have been one */
	assert_string_equal(talk->seen[3].path, "/containers/create");
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct talk *talk = *state;
	struct wire_socket_piece sideways = { .connection = 1, .direction = 2 };

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, PING);
	assert_int_equal(talk_say(talk, &sideways.header, WIRE_socket_piece, sizeof(sideways)),
			 -EBADMSG);
	talk_answers(talk, 1, OK);
	assert_int_equal(talk_last(talk, EVENT_api_request)->status, 200);
	talk_ends(talk, 7, WIRE_CLIENT); /* of a connection that nobody knows */
	assert_int_equal(talk->count, 2);
	/* Only a connect may come without the connection's number. */
	assert_int_equal(talk_took(talk, 0, WIRE_CLIENT, PING, 5, 5), -EBADMSG);
	talk_look_without_finding_any(talk, talk->now + 2 * SECOND);
	assert_int_equal(talk->count, 3);
}

static void an_upgrade_is_said_and_nothing_else(void **state)
{
	struct talk *talk = *state;

	talk_connects(talk, 1, 10);
	talk_asks(talk, 1, "GET /containers/HTTP%2F1.1%20101/json HTTP/1.1\r\nHost: d\r\n\r\n");
	talk_answers(talk, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\n12345");
	talk_asks(talk, 1, "G");
	talk_answers(talk, 1, "HTTP/1.1 101 UP");
	assert_int_equal(talk->handed_over, 0);
	talk_asks(talk, 1, PING + 1);
	talk_answers(talk, 1, OK);
	assert_string_equal(talk_last(talk, EVENT_api_request)->path, "/_ping");
	talk_asks(talk, 1, ATTACH);
	talk_answers(talk, 1, UPGRADED PING);
	assert_int_equal(talk->handed_over, 1);
	assert_string_equal(talk_last(talk, EVENT_api_request)->state, "hijacked");
	talk_asks(talk, 1, PING);
	conversations_end(talk->conversations, talk->now);
	assert_int_equal(talk->count, 4);
}

static void a_body_that_is_no_json_is_not_one_that_is_long(void **state)
{
	struct talk *talk = *state;
	const struct seen *seen;

	talk_connects(talk, 1, 10);
	talk_asks(
		talk, 1,
		"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n{\"Image\"}");
	talk_answers(talk, 1, OK);
	seen = talk_last(talk, EVENT_api_request);
	assert_string_equal(seen->state, "complete");
	assert_string_equal(seen->reason, "its body is not JSON");
	assert_true(seen->declared_cut);

	talk_asks(talk, 1,
		  "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 4830\r\n\r\n"
		  "{\"HostConfig\":{\"Mounts\":[{}");
	for (size_t i = 0; i < 300; i++)
		talk_asks(talk, 1, ",{\"Target\":\"/a\"}");
	talk_asks(talk, 1, "]}}");
	talk_answers(talk, 1, OK);
	seen = talk_last(talk, EVENT_api_request);
	assert_string_equal(seen->reason, "");
	assert_true(seen->declared_cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_and_answer_are_one_event),
		TEST(pipelined_requests_keep_their_order),
		TEST(patience_ends_and_the_answer_follows),
		TEST(who_holds_back_the_end_is_told_all_the_same),
		TEST(the_id_is_awaited),
		TEST(a_body_that_is_no_json_is_not_one_that_is_long),
		TEST(bytes_that_were_cut_leave_the_request),
		TEST(what_was_not_read_of_a_create_is_worth_a_look),
		TEST(a_request_within_what_was_cut_is_said),
		TEST(lost_turns_are_counted_and_the_next_is_read),
		TEST(where_the_probes_count_again_there_is_a_hole),
		TEST(what_makes_no_sense_is_refused),
		TEST(an_upgrade_is_said_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
