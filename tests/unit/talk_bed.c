// SPDX-License-Identifier: Apache-2.0
#include "talk_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "event/field.h"

static void copy(char *to, size_t size, struct text text)
{
	snprintf(to, size, "%.*s", (int)text.length, text.data ?: "");
}

static void remember(void *user, struct record *record)
{
	struct talk *talk = user;
	struct seen *seen;

	assert_int_equal(record->error, 0);
	if (talk->count == talk->room) {
		talk->room = 2 * talk->room + 64;
		talk->seen = realloc(talk->seen, talk->room * sizeof(*talk->seen));
		assert_non_null(talk->seen);
	}
	seen = &talk->seen[talk->count++];
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
	seen->severity = record_number(record, FIELD_event_severity);
	seen->requests = record_number(record, FIELD_close_requests);
	seen->sent = record_number(record, FIELD_close_bytes_sent);
	seen->received = record_number(record, FIELD_close_bytes_received);
	seen->body = record_number(record, FIELD_http_request_body_bytes);
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
	((struct talk *)user)->handed_over = connection;
}

int talk_set_up(void **state)
{
	struct talk *talk = calloc(1, sizeof(*talk));
	struct conversation_options options = { .actors = &talk->actors,
						.prefix = "p",
						.emit = remember,
						.socket_path = socket_path,
						.handed_over = hand_over,
						.user = talk,
						.socket_user = talk,
						.source = "test" };

	talk->actors.boot_id = "12345678-aaaa-bbbb-cccc-1234567890ab";
	talk->now = START;
	assert_int_equal(conversations_new(&options, &talk->conversations), 0);
	*state = talk;
	return 0;
}

int talk_tear_down(void **state)
{
	struct talk *talk = *state;

	conversations_free(talk->conversations);
	free(talk->seen);
	free(talk);
	return 0;
}

struct wire_task talk_task_of(uint32_t pid)
{
	return (struct wire_task){ .start = START - SECOND + pid,
				   .pid = pid,
				   .login_uid = WIRE_UNSET,
				   .session = WIRE_UNSET,
				   .name = "client" };
}

int talk_say(struct talk *talk, struct wire_header *header, enum wire_message message, size_t size)
{
	header->message = (uint16_t)message;
	header->time = talk->now;
	header->length += (uint32_t)size;
	header->tail = (uint16_t)size;
	talk->now += 1000;
	return conversations_message(talk->conversations, header);
}

void talk_connects(struct talk *talk, uint64_t connection, uint32_t pid)
{
	struct wire_socket_connect message = { .task = talk_task_of(pid),
					       .connection = connection,
					       .socket_inode = INODE };

	assert_int_equal(talk_say(talk, &message.header, WIRE_socket_connect, sizeof(message)), 0);
}

void talk_sends(struct talk *talk, uint64_t connection, uint32_t pid, uint64_t offset)
{
	struct wire_socket_sender message = { .task = talk_task_of(pid),
					      .connection = connection,
					      .inode = INODE,
					      .offset = offset };

	assert_int_equal(talk_say(talk, &message.header, WIRE_socket_sender, sizeof(message)), 0);
}

int talk_took(struct talk *talk, uint64_t connection, uint8_t direction, const char *data,
	      size_t kept, uint32_t length)
{
	struct {
		struct wire_socket_piece piece;
		char tail[WIRE_PIECE_MOST];
	} message = { .piece = { .connection = connection,
				 .offset = talk->offset[direction][connection],
				 .inode = INODE,
				 .length = length,
				 .connector = 10,
				 .direction = direction,
				 .data = { .length = (uint16_t)kept } } };

	if (talk->turn[direction][connection] == talk->next_turn[direction][connection])
		talk->turn[direction][connection]++;
	talk->next_turn[!direction][connection] = talk->turn[!direction][connection];
	message.piece.turn = talk->turn[direction][connection];
	if (kept)
		memcpy(message.tail, data, kept);
	message.piece.header.length = (uint32_t)kept;
	talk->offset[direction][connection] += length;
	return talk_say(talk, &message.piece.header, WIRE_socket_piece, sizeof(message.piece));
}

void talk_asks(struct talk *talk, uint64_t connection, const char *data)
{
	assert_int_equal(talk_took(talk, connection, WIRE_CLIENT, data, strlen(data),
				   (uint32_t)strlen(data)),
			 0);
}

void talk_answers(struct talk *talk, uint64_t connection, const char *data)
{
	assert_int_equal(talk_took(talk, connection, WIRE_ENGINE, data, strlen(data),
				   (uint32_t)strlen(data)),
			 0);
}

void talk_ends(struct talk *talk, uint64_t connection, uint8_t direction)
{
	struct wire_socket_close message = { .connection = connection,
					     .sent = talk->offset[direction][connection],
					     .direction = direction };

	assert_int_equal(talk_say(talk, &message.header, WIRE_socket_close, sizeof(message)), 0);
}

const struct seen *talk_last(struct talk *talk, enum event event)
{
	assert_true(talk->count > 0);
	assert_int_equal(talk->seen[talk->count - 1].event, event);
	return &talk->seen[talk->count - 1];
}

void talk_look_without_finding_any(struct talk *talk, uint64_t now)
{
	conversations_alive_begin(talk->conversations);
	conversations_alive_end(talk->conversations, now);
}
