// SPDX-License-Identifier: Apache-2.0
/* Whose request it is that a proxy passes on: messages of the probes, made by hand. */
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
#include "event/record.h"

#define ENGINE 1 /* inodes */
#define FRONT  2
#define PROXY  100 /* pids */
#define WORKER 101
#define ALICE  200
#define BOB    201

struct seen {
	uint64_t pid, downstream, inode;
	char request[80], passed[80], listens[80];
};

struct bed {
	struct actor_context actors;
	struct conversations *conversations;
	struct seen seen[16]; /* api-requests, in order */
	size_t count;
	uint64_t now;
	uint64_t offsets[10][2]; /* by connection and direction */
	uint32_t turns[10][2];
};

static void copy(char to[80], struct text text)
{
	snprintf(to, 80, "%.*s", (int)text.length, text.data ?: "");
}

static void remember(void *user, struct record *record)
{
	struct bed *bed = user;
	struct seen *seen = &bed->seen[bed->count];
	const struct value *listens = &record->values[FIELD_proxy_listens];

	assert_int_equal(record->error, 0);
	if (record->event != EVENT_api_request)
		return;
	assert_true(bed->count++ < 15);
	seen->pid = record_number(record, FIELD_process_pid);
	seen->downstream = record_number(record, FIELD_downstream_process_pid);
	seen->inode = record_number(record, FIELD_socket_inode);
	copy(seen->request, record_text(record, FIELD_request_id));
	copy(seen->passed, record_text(record, FIELD_downstream_request_id));
	if (record_has(record, FIELD_proxy_listens))
		copy(seen->listens, listens->list.items[0]);
}

static const char *path_of(void *user, uint64_t inode, uint32_t device)
{
	return inode == ENGINE ? "/run/docker.sock" : "/run/front.sock";
}

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	const struct conversation_options options = { .actors = &bed->actors,
						      .prefix = "p",
						      .emit = remember,
						      .socket_path = path_of,
						      .user = bed,
						      .socket_user = bed,
						      .source = "test" };

	bed->actors.boot_id = "12345678-aaaa-bbbb-cccc-1234567890ab";
	bed->now = 1000;
	*state = bed;
	return conversations_new(&options, &bed->conversations);
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	conversations_free(bed->conversations);
	free(bed);
	return 0;
}

static void tell(struct bed *bed, struct wire_header *header, enum wire_message message,
		 size_t size)
{
	header->message = (uint16_t)message;
	header->time = bed->now++;
	header->length += (uint32_t)size;
	header->tail = (uint16_t)size;
	assert_int_equal(conversations_message(bed->conversations, header), 0);
}

/* `who` connects; the proxy listens on its own socket, and its worker is a child of it. */
static void connects(struct bed *bed, uint64_t connection, uint64_t inode, uint32_t who)
{
	struct wire_socket_connect message = {
		.connection = connection,
		.socket_inode = inode,
		.listener = inode == FRONT ? PROXY : 50,
		.task = { .pid = who, .start = who, .parent_pid = who == WORKER ? PROXY : 7 },
	};

	tell(bed, &message.header, WIRE_socket_connect, sizeof(message));
}

static void says(struct bed *bed, uint64_t connection, uint8_t direction, const char *text)
{
	struct {
		struct wire_socket_piece piece;
		char text[200];
	} message = { .piece = { .connection = connection,
				 .offset = bed->offsets[connection][direction],
				 .turn = ++bed->turns[connection][direction],
				 .direction = direction,
				 .length = (uint32_t)strlen(text),
				 .data = { .length = (uint16_t)strlen(text) } } };

	bed->offsets[connection][direction] += strlen(text);
	memcpy(message.text, text, strlen(text));
	message.piece.header.length = (uint32_t)strlen(text);
	tell(bed, &message.piece.header, WIRE_socket_piece, sizeof(message.piece));
}

static void asks(struct bed *bed, uint64_t connection, const char *path)
{
	char request[100];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: d\r\n\r\n", path);
	says(bed, connection, WIRE_CLIENT, request);
}

static void answers(struct bed *bed, uint64_t connection)
{
	says(bed, connection, WIRE_ENGINE, "HTTP/1.1 204 No Content\r\n\r\n");
}

/* The proxy, or a worker of it, asks the engine on connection 9, and is answered. */
static const struct seen *passes_on(struct bed *bed, uint32_t who, const char *path)
{
	if (bed->offsets[9][WIRE_CLIENT] == 0)
		connects(bed, 9, ENGINE, who);
	asks(bed, 9, path);
	answers(bed, 9);
	assert_int_equal(bed->seen[bed->count - 1].pid, who);
	assert_int_equal(bed->seen[bed->count - 1].inode, ENGINE);
	return &bed->seen[bed->count - 1];
}

static void the_client_of_a_proxy_is_named(void **state)
{
	static const uint32_t senders[] = { PROXY, WORKER };

	for (size_t i = 0; i < 2; i++) {
		void *bed_state = NULL;
		struct bed *bed;
		const struct seen *passed;

		assert_int_equal(set_up(&bed_state), 0);
		bed = bed_state;
		connects(bed, 1, FRONT, ALICE);
		asks(bed, 1, "/info");
		passed = passes_on(bed, senders[i], "/info");
		assert_int_equal(passed->downstream, ALICE);
		assert_string_equal(passed->listens, "unix:///run/front.sock");
		answers(bed, 1);
		assert_string_equal(bed->seen[bed->count - 1].request, passed->passed);
		assert_string_equal(bed->seen[bed->count - 1].listens, "");
		tear_down(&bed_state);
	}
}

static void who_listens_nowhere_is_no_proxy(void **state)
{
	struct bed *bed = *state;
	const struct seen *passed;

	connects(bed, 1, FRONT, ALICE);
	asks(bed, 1, "/info");
	passed = passes_on(bed, BOB, "/info");
	assert_int_equal(passed->downstream, 0);
	assert_string_equal(passed->listens, "");
}

static void what_only_the_proxy_asks_is_nobodys(void **state)
{
	struct bed *bed = *state;
	const struct seen *passed;

	connects(bed, 1, FRONT, ALICE);
	asks(bed, 1, "/info");
	answers(bed, 1); /* before the proxy asks the same, for whatever reason */
	passed = passes_on(bed, PROXY, "/info");
	assert_int_equal(passed->downstream, 0);
	assert_string_equal(passed->listens, "unix:///run/front.sock");
	asks(bed, 1, "/version");
	passed = passes_on(bed, PROXY, "/_ping");
	assert_int_equal(passed->downstream, 0);
}

static void of_two_that_ask_the_same_none_is_named(void **state)
{
	struct bed *bed = *state;

	connects(bed, 1, FRONT, ALICE);
	connects(bed, 2, FRONT, BOB);
	asks(bed, 1, "/info");
	asks(bed, 2, "/info");
	assert_int_equal(passes_on(bed, PROXY, "/info")->downstream, 0);
	asks(bed, 2, "/version");
	assert_int_equal(passes_on(bed, PROXY, "/version")->downstream, BOB);
}

static void two_of_one_client_are_passed_on_in_order(void **state)
{
	struct bed *bed = *state;
	char first[80];

	connects(bed, 1, FRONT, ALICE);
	connects(bed, 2, FRONT, ALICE);
	asks(bed, 2, "/info");
	asks(bed, 1, "/info");
	snprintf(first, sizeof(first), "%s", passes_on(bed, PROXY, "/info")->passed);
	assert_string_not_equal(first, "");
	assert_string_not_equal(passes_on(bed, PROXY, "/info")->passed, first);
	assert_int_equal(bed->seen[bed->count - 1].downstream, ALICE);
	answers(bed, 2);
	assert_string_equal(bed->seen[bed->count - 1].request, first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_of_a_proxy_is_named),
		cmocka_unit_test_setup_teardown(who_listens_nowhere_is_no_proxy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_only_the_proxy_asks_is_nobodys, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(of_two_that_ask_the_same_none_is_named, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(two_of_one_client_are_passed_on_in_order, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
