// SPDX-License-Identifier: Apache-2.0
/* Turns of a conversation, how much of one is kept, and what is only counted. */
#include "tests/bpf/scene.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIB        1024
#define KEPT_BYTES (256 * KIB)

static void keep_alive_counts_turns(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	uint32_t next[2] = { 1, 1 };

	for (int i = 0; i < 5; i++) {
		send_all(line.client, "GET / HTTP/1.1\r\n", 16);
		send_all(line.client, "\r\n", 2);
		read_all(line.engine, (char[18]){}, 18);
		send_all(line.engine, "HTTP/1.1 200 OK\r\n\r\n", 19);
		read_all(line.client, (char[19]){}, 19);
		send_all(line.engine, "body", 4);
		read_all(line.client, (char[4]){}, 4);
	}
	scene_settle(scene);
	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->inode != line.inode)
			continue;
		if (piece->flags & WIRE_PIECE_TURN)
			assert_int_equal(piece->turn, next[piece->direction]++);
		else
			assert_int_equal(piece->turn, next[piece->direction] - 1);
	}
	assert_int_equal(next[WIRE_CLIENT], 6);
	assert_int_equal(next[WIRE_ENGINE], 6);
	only_sender(scene, line.inode);
	line_close(&line);
}

static void requests_ahead_of_the_answer_are_one_turn(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	_cleanup_heard_ struct heard heard = {};

	for (int i = 0; i < 3; i++) {
		send_all(line.client, "GET / HTTP/1.1\r\n\r\n", 18);
		read_all(line.engine, (char[18]){}, 18);
	}
	send(line.engine, "", 0, 0); /* nothing is no answer */
	send_all(line.client, "GET / HTTP/1.1\r\n\r\n", 18);
	read_all(line.engine, (char[18]){}, 18);
	scene_settle(scene);
	heard = scene_heard(scene, line.inode, WIRE_CLIENT);
	assert_int_equal(heard.turns, 1);
	assert_int_equal(heard.length, 4 * 18);
	line_close(&line);
}

/* One side says more than is kept, the other answers, and the first is heard again. */
static void the_volume_of_a_turn_is_bounded(struct scene *scene, const void *argument)
{
	int direction = argument ? WIRE_CLIENT : WIRE_ENGINE;
	struct line line = scene_line(scene);
	int from = direction == WIRE_CLIENT ? line.client : line.engine;
	int to = direction == WIRE_CLIENT ? line.engine : line.client;
	struct wire_count before = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_volume), after;
	const size_t length = 300 * KIB;
	_cleanup_free_ char *data = pattern(length);
	_cleanup_heard_ struct heard heard = {}, again = {};
	bool cut = false;

	transfer(from, to, data, length);
	scene_settle(scene);
	after = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_volume);
	assert_int_equal(after.bytes - before.bytes, length - KEPT_BYTES);
	heard = scene_heard(scene, line.inode, direction);
	assert_int_equal(heard.length, length);
	assert_int_equal(heard.bytes.length, KEPT_BYTES);
	assert_memory_equal(heard.bytes.data, data, KEPT_BYTES);
	assert_int_equal(heard.turns, 1);
	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->inode != line.inode)
			continue;
		cut |= (piece->flags & WIRE_PIECE_CUT) != 0;
		/* From the piece that says so on, nothing is kept. */
		assert_true(piece->data.length == piece->length || cut);
	}
	assert_true(cut);

	transfer(to, from, "go on", 5);
	transfer(from, to, data, 1000);
	scene_settle(scene);
	assert_int_equal(scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_volume).bytes,
			 after.bytes);
	again = scene_heard(scene, line.inode, direction);
	assert_int_equal(again.length, length + 1000);
	assert_int_equal(again.bytes.length, KEPT_BYTES + 1000);
	assert_memory_equal(again.bytes.data + KEPT_BYTES, data, 1000);
	assert_int_equal(again.turns, 2);
	line_close(&line);
}

static void count_stream(void *context, const struct bpf_alive *alive)
{
	uint64_t *sent = context; /* [2]: the connection */

	if (alive->connection == sent[2] && alive->direction <= WIRE_ENGINE)
		sent[alive->direction] = alive->sent;
}

static void an_upgraded_connection_is_only_counted(struct scene *scene, const void *argument)
{
	static const char ask[] = "POST /attach HTTP/1.1\r\nUpgrade: tcp\r\n\r\n",
			  yes[] = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n";
	struct line line = scene_line(scene);
	_cleanup_free_ char *data = pattern(50000);
	struct wire_count before = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_stream), after;
	_cleanup_heard_ struct heard first = {}, client = {}, engine = {};
	uint64_t sent[3] = {};

	transfer(line.client, line.engine, ask, strlen(ask));
	transfer(line.engine, line.client, yes, strlen(yes));
	scene_settle(scene);
	first = scene_heard(scene, line.inode, WIRE_ENGINE);
	assert_int_equal(bpf_source_handed_over(scene->source, first.connection), 0);
	for (int i = 0; i < 3; i++) {
		transfer(line.client, line.engine, data, 1000);
		transfer(line.engine, line.client, data, 50000);
	}
	scene_settle(scene);
	client = scene_heard(scene, line.inode, WIRE_CLIENT);
	engine = scene_heard(scene, line.inode, WIRE_ENGINE);
	assert_string_equal(buffer_string(&client.bytes), ask);
	assert_string_equal(buffer_string(&engine.bytes), yes);
	assert_int_equal(engine.flags & WIRE_PIECE_STREAM, WIRE_PIECE_STREAM);
	assert_int_equal(client.flags & WIRE_PIECE_STREAM, 0);
	after = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_stream);
	assert_int_equal(after.bytes - before.bytes, 3 * 51000);
	sent[2] = client.connection;
	assert_int_equal(bpf_source_alive(scene->source, count_stream, sent), 0);
	assert_int_equal(sent[WIRE_CLIENT], strlen(ask) + 3 * 1000);
	assert_int_equal(sent[WIRE_ENGINE], strlen(yes) + 3 * 50000);
	line_close(&line);
}

/* An answer may repeat what was asked for, and the client reads it in pieces as it likes. */
static void what_only_looks_like_an_upgrade_is_kept(struct scene *scene, const void *argument)
{
	static const char ask[] = "GET /HTTP/1.1 101 HTTP/1.1\r\n\r\n",
			  no[] = "HTTP/1.1 404 Not Found\r\n\r\nno such thing: ",
			  named[] = "HTTP/1.1 101", next[] = "GET /secret HTTP/1.1\r\n\r\n";
	struct line line = scene_line(scene);
	_cleanup_heard_ struct heard client = {}, engine = {};

	transfer(line.client, line.engine, ask, strlen(ask));
	transfer(line.engine, line.client, no, strlen(no));
	transfer(line.client, line.engine, next, 1);
	transfer(line.engine, line.client, named, strlen(named));
	transfer(line.client, line.engine, next + 1, strlen(next) - 1);
	transfer(line.engine, line.client, no, strlen(no));
	scene_settle(scene);
	client = scene_heard(scene, line.inode, WIRE_CLIENT);
	engine = scene_heard(scene, line.inode, WIRE_ENGINE);
	assert_int_equal(engine.flags & WIRE_PIECE_STREAM, WIRE_PIECE_STREAM);
	assert_int_equal(client.bytes.length, strlen(ask) + strlen(next));
	assert_int_equal(engine.bytes.length, 2 * strlen(no) + strlen(named));
	assert_string_equal(buffer_string(&client.bytes) + strlen(ask), next);
	line_close(&line);
}

static void nothing_else_was_lost(struct scene *scene, const void *argument)
{
	for (int message = WIRE_socket_connect; message <= WIRE_socket_piece; message++)
		for (int reason = 0; reason < WIRE_LOSSES; reason++)
			if (reason != WIRE_LOSS_volume && reason != WIRE_LOSS_stream)
				assert_int_equal(scene_losses(scene, (enum wire_message)message,
							      (enum wire_loss)reason)
							 .records,
						 0);
	assert_int_equal(bpf_source_misses(scene->source), 0);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(keep_alive_counts_turns),
		SCENE_TEST(requests_ahead_of_the_answer_are_one_turn),
		{ "the_volume_of_a_turn_is_bounded, answer", the_volume_of_a_turn_is_bounded,
		  NULL },
		{ "the_volume_of_a_turn_is_bounded, request", the_volume_of_a_turn_is_bounded, "" },
		SCENE_TEST(an_upgraded_connection_is_only_counted),
		SCENE_TEST(what_only_looks_like_an_upgrade_is_kept),
		SCENE_TEST(nothing_else_was_lost),
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
