// SPDX-License-Identifier: Apache-2.0
/*
 * tests/data/requests/table: odd requests, what a real engine answered to them, and what is
 * recorded. tests/integration/requests.bats asks an engine the same and compares both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "event/record.h"

#define TABLE "tests/data/requests/table"
#define PIECE ((size_t)WIRE_PIECE_MOST)

struct conversation {
	struct actor_context actors;
	struct conversations *conversations;
	struct buffer told;
	uint64_t now, offset[2];
};

static void append_field(struct buffer *buffer, const struct record *record, enum field field)
{
	struct text text = record_text(record, field);

	buffer_append_char(buffer, ' ');
	buffer_append(buffer, text.length ? text.data : "-", text.length ? text.length : 1);
}

/* "Operation METHOD path state status", " | " between them. */
static void tell(void *user, struct record *record)
{
	struct conversation *conversation = user;
	struct buffer *told = &conversation->told;
	uint64_t status = record_number(record, FIELD_http_response_status_code);
	size_t start;

	assert_int_equal(record->error, 0);
	if (record->event != EVENT_api_request)
		return;
	if (told->length > 0)
		buffer_append_string(told, " |");
	append_field(told, record, FIELD_api_operation);
	append_field(told, record, FIELD_http_request_method);
	start = told->length;
	append_field(told, record, FIELD_url_path);
	for (size_t i = start; i < told->length; i++)
		if ((uint8_t)told->data[i] >= 0x7f)
			told->data[i] = '?';
	append_field(told, record, FIELD_api_state);
	if (status)
		buffer_printf(told, " %llu", (unsigned long long)status);
	else
		buffer_append_string(told, " -");
	/* Only what is no plain request has a reason, and nothing else lacks one. */
	if (text_equal(record_text(record, FIELD_api_state), TEXT("ambiguous")))
		assert_true(record_has(record, FIELD_api_reason));
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return NULL;
}

static void take(struct conversation *conversation, uint8_t direction, const char *data,
		 size_t length)
{
	struct {
		struct wire_socket_piece piece;
		char tail[WIRE_PIECE_MOST];
	} message = {
		.piece = { .header = { .message = WIRE_socket_piece,
				       .time = conversation->now++,
				       .length = (uint32_t)(sizeof(message.piece) + length),
				       .tail = sizeof(message.piece) },
			   .connection = 1,
			   .offset = conversation->offset[direction],
			   .length = (uint32_t)length,
			   .connector = 10,
			   .direction = direction,
			   .turn = 1,
			   .data = { .length = (uint16_t)length } },
	};

	memcpy(message.tail, data, length);
	conversation->offset[direction] += length;
	assert_int_equal(conversations_message(conversation->conversations, &message.piece.header),
			 0);
}

static void take_all(struct conversation *conversation, uint8_t direction,
		     const struct buffer *bytes, size_t piece)
{
	for (size_t at = 0, part; at < bytes->length; at += part) {
		part = bytes->length - at < piece ? bytes->length - at : piece;
		take(conversation, direction, bytes->data + at, part);
	}
}

/* \r \n \t \\ \xHH and \{c*N}: the byte c so many times. */
static void unescape(struct buffer *bytes, char *text)
{
	for (char *p = text; *p; p++) {
		unsigned byte;
		unsigned long count;
		char *end;

		if (*p != '\\') {
			buffer_append_char(bytes, *p);
			continue;
		}
		switch (*++p) {
		case 'r':
			buffer_append_char(bytes, '\r');
			break;
		case 'n':
			buffer_append_char(bytes, '\n');
			break;
		case 't':
			buffer_append_char(bytes, '\t');
			break;
		case 'x':
			assert_int_equal(sscanf(p + 1, "%2x", &byte), 1);
			buffer_append_char(bytes, (char)byte);
			p += 2;
			break;
		case '{':
			for (count = strtoul(p + 3, &end, 10); count > 0; count--)
				buffer_append_char(bytes, p[1]);
			assert_int_equal(*end, '}');
			p = end;
			break;
		default:
			buffer_append_char(bytes, *p);
		}
	}
}

/* The engine's answers: each of these statuses, the last one with `close` behind it. */
static void answer(struct buffer *bytes, char *engine)
{
	bool closes = strstr(engine, "close") != NULL;
	char *save = NULL;

	for (char *word = strtok_r(engine, " ", &save), *next; word; word = next) {
		next = strtok_r(NULL, " ", &save);
		if (strcmp(word, "close") == 0 || strcmp(word, "-") == 0)
			continue;
		buffer_printf(bytes, "HTTP/1.1 %s x\r\n", word);
		if (strcmp(word, "101") == 0)
			buffer_append_string(bytes,
					     "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI");
		else if (closes && (!next || strcmp(next, "close") == 0))
			buffer_append_string(bytes, "Connection: close\r\n\r\n");
		else
			buffer_append_string(bytes, "Content-Length: 0\r\n\r\n");
	}
}

static void converse(struct conversation *conversation, const struct buffer *request,
		     const struct buffer *answers, size_t piece)
{
	struct conversation_options options = { .actors = &conversation->actors,
						.prefix = "p",
						.emit = tell,
						.socket_path = socket_path,
						.user = conversation,
						.source = "test" };
	struct wire_socket_connect connect = {
		.header = { .message = WIRE_socket_connect,
			    .time = 1,
			    .length = sizeof(connect),
			    .tail = sizeof(connect) },
		.task = { .pid = 10, .login_uid = WIRE_UNSET, .session = WIRE_UNSET },
		.connection = 1,
	};

	conversation->now = 2;
	conversation->offset[0] = conversation->offset[1] = 0;
	conversation->actors.boot_id = "12345678-aaaa-bbbb-cccc-1234567890ab";
	buffer_clear(&conversation->told);
	assert_int_equal(conversations_new(&options, &conversation->conversations), 0);
	assert_int_equal(conversations_message(conversation->conversations, &connect.header), 0);
	take_all(conversation, WIRE_CLIENT, request, piece);
	take_all(conversation, WIRE_ENGINE, answers, piece);
	conversations_end(conversation->conversations, conversation->now);
	conversations_free(conversation->conversations);
}

/* name, request, what the engine answers, what is recorded: apart by tabs. */
static bool check_row(char *line, bool print)
{
	_cleanup_buffer_ struct buffer request = {}, answers = {};
	struct conversation conversation = {};
	char *save = NULL, *name = strtok_r(line, "\t", &save);
	char *bytes = strtok_r(NULL, "\t", &save), *engine = strtok_r(NULL, "\t", &save);
	char *expected = strtok_r(NULL, "\t", &save);
	const char *told;
	bool good;

	assert_non_null(engine);
	if (print)
		printf("%s\t%s\t%s\t", name, bytes, engine);
	unescape(&request, bytes);
	answer(&answers, engine);
	converse(&conversation, &request, &answers, PIECE);
	told = conversation.told.length > 0 ? buffer_string(&conversation.told) + 1 : "nothing";
	good = print || (expected && strcmp(told, expected) == 0);
	if (print)
		printf("%s\n", told);
	else if (!good)
		print_error("%s:\n  told     %s\n  expected %s\n", name, told, expected ?: "");
	if (good && request.length < 10000) {
		_cleanup_free_ char *whole = strdup(told);

		assert_non_null(whole);
		converse(&conversation, &request, &answers, 1);
		told = conversation.told.length > 0 ? buffer_string(&conversation.told) + 1
						    : "nothing";
		good = strcmp(told, whole) == 0;
		if (!good)
			print_error("%s, byte by byte:\n  told     %s\n  expected %s\n", name, told,
				    whole);
	}
	buffer_free(&conversation.told);
	return good;
}

static void every_row_of_the_table(void **state)
{
	bool print = getenv("PRINT_TABLE") != NULL;
	FILE *table = fopen(getenv("PRINT_TABLE") ?: TABLE, "re");
	size_t room = 0, rows = 0, bad = 0;
	_cleanup_free_ char *line = NULL;
	ssize_t length;

	if (!table)
		fail_msg("%s: run this from the top of the tree", TABLE);
	while ((length = getline(&line, &room, table)) > 0) {
		line[length - 1] = '\0';
		if (line[0] == '#')
			continue;
		rows++;
		bad += !check_row(line, print);
	}
	fclose(table);
	assert_true(rows > 250);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_row_of_the_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
