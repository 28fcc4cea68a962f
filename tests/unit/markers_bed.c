// SPDX-License-Identifier: Apache-2.0
#include "markers_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "commands/record_options.h"

#define PART      5 /* so many bytes of it in a row are a leak */
#define SHIFT     3
#define FIRST_PID 5000000u /* above any pid that there can be: /proc says nothing of them */

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode == INODE ? "/run/docker.sock" : NULL;
}

int markers_set_up(void **state)
{
	static char folder[64], keys[80];
	static struct record_options options = { .queue_bytes = 64u << 20,
						 .masks = { { (char *)"internal-([[:alnum:]]*)" },
							    1 },
						 .mask_names = { { (char *)"pin" }, 1 } };
	struct scribe_options scribe = { .record = &options,
					 .source = "test",
					 .socket_path = socket_path };
	struct markers *markers = calloc(1, sizeof(*markers));
	_cleanup_buffer_ struct buffer problem = {};

	assert_non_null(markers);
	bed_make(&markers->bed);
	snprintf(folder, sizeof(folder), "%s/trail", markers->bed.folder);
	snprintf(keys, sizeof(keys), "%s/state", folder);
	options.trail = folder;
	options.state = keys;
	markers->now = 1000000000;
	markers->pid = FIRST_PID;
	if (scribe_open(&scribe, &markers->scribe, &problem) < 0)
		fail_msg("%s", buffer_string(&problem));
	*state = markers;
	return 0;
}

int markers_tear_down(void **state)
{
	struct markers *markers = *state;

	assert_int_equal(scribe_close(markers->scribe), 0);
	bed_remove(&markers->bed);
	free(markers);
	return 0;
}

/* ---- messages */

void markers_say(struct markers *markers, struct wire_header *header, enum wire_message message,
		 size_t size)
{
	header->message = (uint16_t)message;
	header->time = markers->now += 1000;
	header->length += (uint32_t)size;
	header->tail = (uint16_t)size;
	assert_int_equal(scribe_message(markers->scribe, header), 0);
}

/* `kept` of `length` bytes. */
static void takes(struct markers *markers, uint8_t direction, const char *data, size_t kept,
		  size_t length)
{
	struct {
		struct wire_socket_piece piece;
		char tail[WIRE_PIECE_MOST];
	} message = { .piece = { .connection = markers->connection,
				 .offset = markers->offset[direction],
				 .inode = INODE,
				 .length = (uint32_t)length,
				 .connector = markers->pid,
				 .turn = markers->turn,
				 .direction = direction,
				 .flags = kept < length ? WIRE_PIECE_CUT : 0,
				 .data = { .length = (uint16_t)kept } } };

	assert_true(kept <= sizeof(message.tail));
	memcpy(message.tail, data, kept);
	message.piece.header.length = (uint32_t)kept;
	markers->offset[direction] += length;
	markers_say(markers, &message.piece.header, WIRE_socket_piece, sizeof(message.piece));
}

static void ends(struct markers *markers)
{
	for (uint8_t direction = 0; direction < 2; direction++) {
		struct wire_socket_close message = { .connection = markers->connection,
						     .sent = markers->offset[direction],
						     .direction = direction };

		markers_say(markers, &message.header, WIRE_socket_close, sizeof(message));
	}
}

static void connects(struct markers *markers)
{
	markers->connection++;
	markers->turn = 0;
	memset(markers->offset, 0, sizeof(markers->offset));
	/* What the trail cannot take in time would be lost, and never be looked at. */
	if (markers->connection % 2000 == 0)
		assert_int_equal(scribe_sync(markers->scribe), 0);
}

/* ---- places, and what is done to them */

/* The turn as it goes over the socket: "?" becomes its body's length, or what is told of it. */
static void expand(const char *turn, const size_t *told, struct buffer *ret)
{
	const char *mark = strstr(turn, "Content-Length: ?"), *body = strstr(turn, "\r\n\r\n");

	buffer_clear(ret);
	if (mark && body && mark < body) {
		buffer_append(ret, turn, (size_t)(mark - turn) + 16);
		buffer_printf(ret, "%zu", told ? *told : strlen(body + 4));
		turn = mark + 17;
	}
	buffer_append_string(ret, turn);
	assert_non_null(buffer_string(ret));
}

void markers_converse(struct markers *markers, const struct place *place, size_t turn,
		      enum deed deed, size_t at)
{
	_cleanup_buffer_ struct buffer data = {};

	connects(markers);
	for (size_t i = 0; i < ARRAY_SIZE(place->turns) && place->turns[i]; i++) {
		uint8_t direction = i % 2 ? WIRE_ENGINE : WIRE_CLIENT;
		size_t all;

		markers->turn += direction == WIRE_CLIENT;
		expand(place->turns[i], deed == LIE && i == turn ? &at : NULL, &data);
		all = data.length;
		if (i != turn || deed == WHOLE || deed == LIE) {
			takes(markers, direction, data.data, all, all);
		} else if (deed == CUT) {
			takes(markers, direction, data.data, at, all);
		} else {
			takes(markers, direction, data.data, at, at);
			if (deed == GONE)
				break;
			takes(markers, direction, data.data + at, all - at, all - at);
		}
		if (i % 2 == 0 && (i + 1 == ARRAY_SIZE(place->turns) || !place->turns[i + 1]))
			takes(markers, WIRE_ENGINE, OK, strlen(OK), strlen(OK));
	}
	ends(markers);
}

/* Where a deed is done last: behind the last byte, or at the end of a body. */
static size_t last_of(const char *turn, enum deed deed)
{
	_cleanup_buffer_ struct buffer data = {};
	const char *body = strstr(turn, "\r\n\r\n");

	if (deed == WHOLE)
		return 1;
	if (deed == LIE)
		return strstr(turn, "Content-Length: ?") && body ? strlen(body + 4) : 0;
	expand(turn, NULL, &data);
	return data.length;
}

void markers_try_everything(struct markers *markers, const struct place *place)
{
	for (size_t turn = 0; turn < ARRAY_SIZE(place->turns) && place->turns[turn]; turn++)
		for (enum deed deed = WHOLE; deed < DEEDS; deed++) {
			size_t most = last_of(place->turns[turn], deed);

			for (size_t at = 0; at < most; at++)
				markers_converse(markers, place, turn, deed, at);
		}
}

/* ---- what came out */

bool markers_leaks(const char *line, size_t length)
{
	for (size_t i = 0; i + PART < sizeof(M); i += SHIFT) {
		char digits[2 * PART + 1];

		for (size_t j = 0; j < PART; j++)
			snprintf(digits + 2 * j, 3, "%02x", (unsigned char)M[i + j]);
		if (memmem(line, length, M + i, PART) || memmem(line, length, digits, 2 * PART))
			return true;
	}
	return false;
}

size_t markers_expect_no_leak(struct markers *markers)
{
	_cleanup_buffer_ struct buffer folder = {};
	struct trail_reader *reader;
	const struct trail_frame *frame;
	struct scribe_stats stats;
	size_t lines = 0;

	assert_int_equal(scribe_sync(markers->scribe), 0);
	scribe_get_stats(markers->scribe, &stats);
	assert_int_equal(stats.losses.queue + stats.losses.memory + stats.losses.bad, 0);
	buffer_printf(&folder, "%s/trail", markers->bed.folder);
	assert_int_equal(
		trail_reader_open((const char *const[]){ buffer_string(&folder) }, 1, 0, &reader),
		0);
	while (trail_reader_next_frame(reader, &frame) > 0) {
		const char *data, *feed;
		size_t length;

		assert_int_equal(trail_reader_payload(reader, &data, &length), 0);
		for (; length > 0 && (feed = memchr(data, '\n', length)); lines++) {
			size_t line = (size_t)(feed - data) + 1;

			if (markers_leaks(data, line))
				fail_msg("%.*s", (int)line, data);
			data += line;
			length -= line;
		}
	}
	trail_reader_close(reader);
	assert_int_equal(lines, stats.events);
	return lines;
}
