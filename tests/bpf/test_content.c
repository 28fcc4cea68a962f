// SPDX-License-Identifier: Apache-2.0
/* What both sides say, byte for byte as the receiver got it, by every road into a socket and out.
 */
#include "tests/bpf/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bpf/roads.h"

static const struct {
	const char *name;
	road_in send;
	size_t length;
} ways_in[] = {
	{ "write 1", send_by_write, 1 },
	{ "write 200", send_by_write, 200 },
	{ "write 3777", send_by_write, 3777 }, /* from here to 4096: no linear bytes */
	{ "write 4096", send_by_write, 4096 },
	{ "write 7873", send_by_write, 7873 },
	{ "write 9000", send_by_write, 9000 },
	{ "write 60000", send_by_write, 60000 },
	{ "byte by byte 150", send_byte_by_byte, 150 },
	{ "writev 9000", send_by_writev, 9000 },
	{ "sendmmsg 9000", send_by_sendmmsg, 9000 },
	{ "sendfile 200", send_by_sendfile, 200 },
	{ "sendfile 60000", send_by_sendfile, 60000 },
	{ "splice 9000", send_by_splice, 9000 },
	{ "splice 60000", send_by_splice, 60000 },
	{ "out of a map 9000", send_out_of_a_map, 9000 },
};

struct passage {
	const char *name;
	struct line line;
	struct buffer received, copied;
};

static int pass(struct passage *passage, road_in send, road_out receive, size_t length)
{
	_cleanup_free_ char *data = pattern(length);
	int r = send(passage->line.client, data, length);

	if (r == 0)
		r = receive(passage->line.engine, length, &passage->received, &passage->copied);
	if (r < 0)
		return r;
	assert_int_equal(passage->received.length, length);
	assert_memory_equal(passage->received.data, data, length);
	return 0;
}

static void expect_passage(struct scene *scene, const struct passage *passage)
{
	const struct buffer *expected = scene->fentry ? &passage->received : &passage->copied;
	_cleanup_heard_ struct heard heard = scene_heard(scene, passage->line.inode, WIRE_CLIENT);
	size_t same = 0;

	while (same < heard.bytes.length && same < expected->length &&
	       heard.bytes.data[same] == expected->data[same])
		same++;
	if (heard.bytes.length != expected->length || same != expected->length)
		fail_msg("%s: %zu bytes heard of %zu, the first %zu the same", passage->name,
			 heard.bytes.length, expected->length, same);
	assert_false(heard.gap);
	assert_int_equal(heard.turns, expected->length > 0);
	/* A splice on the tracepoint rung leaves the sender all the same. */
	assert_int_equal(only_sender(scene, passage->line.inode)->task.pid, getpid());
}

static void passage_clear(struct passage *passage)
{
	line_close(&passage->line);
	buffer_free(&passage->received);
	buffer_free(&passage->copied);
}

struct reader {
	road_out receive;
	size_t most; /* bytes of one passage: who reads them one by one makes as many records */
};

static void every_way_in(struct scene *scene, const void *argument)
{
	const struct reader *reader = argument;
	struct passage passages[ARRAY_SIZE(ways_in)] = {};

	for (size_t i = 0; i < ARRAY_SIZE(ways_in); i++) {
		size_t length = ways_in[i].length < reader->most ? ways_in[i].length : reader->most;
		int r;

		passages[i].name = ways_in[i].name;
		passages[i].line = scene_line(scene);
		r = pass(&passages[i], ways_in[i].send, reader->receive, length);
		if (r < 0)
			fail_msg("%s: %s", ways_in[i].name, strerror(-r));
		scene_drain(scene);
	}
	scene_settle(scene);
	for (size_t i = 0; i < ARRAY_SIZE(ways_in); i++) {
		expect_passage(scene, &passages[i]);
		passage_clear(&passages[i]);
	}
}

static void io_uring_in_and_out(struct scene *scene, const void *argument)
{
	struct passage in = { .name = "io_uring SEND" }, out = { .name = "io_uring RECV" };
	int r;

	in.line = scene_line(scene);
	out.line = scene_line(scene);
	r = pass(&in, send_by_uring, receive_by_read, 9000);
	if (r == -ENOSYS || r == -EPERM) {
		print_message("# skip: io_uring is not to be had: %s\n", strerror(-r));
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(pass(&out, send_by_write, receive_by_uring, 9000), 0);
	scene_settle(scene);
	expect_passage(scene, &in);
	expect_passage(scene, &out);
	passage_clear(&in);
	passage_clear(&out);
}

static void urgent_bytes_are_heard_as_they_are_read(struct scene *scene, const void *argument)
{
	struct passage passage = { .name = "MSG_OOB", .line = scene_line(scene) };

	send_all(passage.line.client, "before", 6);
	if (send(passage.line.client, "!", 1, MSG_OOB) < 0 && errno == EOPNOTSUPP) {
		print_message("# skip: this kernel has no MSG_OOB on AF_UNIX\n");
		skip();
	}
	send_all(passage.line.client, "after", 5);
	assert_int_equal(shutdown(passage.line.client, SHUT_WR), 0);
	/* How many of them a read returns is the kernel's affair. */
	assert_int_equal(
		receive_by_read(passage.line.engine, 100, &passage.received, &passage.copied),
		-ENODATA);
	assert_true(passage.received.length >= 11);
	scene_settle(scene);
	expect_passage(scene, &passage);
	passage_clear(&passage);
}

/* ---- who is gone at once */

#define CLIENTS 20

struct visit {
	const char *path;
	int number;
};

static int connect_send_close(void *context)
{
	const struct visit *visit = context;
	char request[64];
	int fd = connect_to(visit->path);
	int length = snprintf(request, sizeof(request), "GET /%d HTTP/1.1\r\n\r\n", visit->number);

	if (fd < 0 || write(fd, request, (size_t)length) != length)
		return 1;
	close(fd);
	return 0;
}

static int serve_visitors(void *context)
{
	int listener = *(int *)context;
	char data[4096];

	for (int i = 0; i < CLIENTS; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return 1;
		while (read(fd, data, sizeof(data)) > 0)
			;
		close(fd);
	}
	return 0;
}

static void expect_visit(struct scene *scene, uint64_t inode, pid_t pid, int number)
{
	char request[64];
	size_t requests = 0, senders = 0;
	uint64_t connection = 0;

	snprintf(request, sizeof(request), "GET /%d HTTP/1.1\r\n\r\n", number);
	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->inode != inode || piece->connector != (uint32_t)pid)
			continue;
		assert_true(record_is(&piece->header, piece->data, request));
		assert_int_equal(piece->offset, 0);
		assert_int_equal(piece->turn, 1);
		connection = piece->connection;
		requests++;
	}
	SCENE_EACH (scene, socket_sender, sender) {
		if (sender->inode != inode || sender->task.pid != (uint32_t)pid)
			continue;
		assert_int_equal(sender->connection, connection);
		assert_int_equal(sender->connector, pid);
		assert_int_equal(sender->task.parent_pid, getpid());
		senders++;
	}
	if (requests != 1 || senders != 1)
		fail_msg("visitor %d: %zu requests, %zu senders", number, requests, senders);
}

static void connect_send_close_at_once(struct scene *scene, const void *argument)
{
	bool waits = argument != NULL; /* the engine, until the last of them is gone */
	struct listener listener = scene_listen(scene);
	pid_t engine = waits ? 0 : process_start(serve_visitors, &listener.fd), visitors[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		struct visit visit = { listener.path, i };

		visitors[i] = process_do(connect_send_close, &visit);
	}
	if (waits)
		engine = process_start(serve_visitors, &listener.fd);
	assert_int_equal(process_wait(engine), 0);
	scene_settle(scene);
	assert_int_equal(count_connects(scene, listener.inode), CLIENTS);
	assert_int_equal(count_senders(scene, listener.inode), CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		expect_visit(scene, listener.inode, visitors[i], i);
	listener_close(&listener);
}

/* ---- a reader that is there before the sender's own wake-up */

#define CALLS 200

static int call_and_listen(void *context)
{
	const struct visit *visit = context;
	char answer[2];

	for (int i = 0; i < CALLS; i++) {
		int fd = connect_to(visit->path);

		if (fd < 0 || write(fd, "call", 4) != 4 || read(fd, answer, 2) != 2)
			return 1;
		close(fd);
	}
	return 0;
}

static int answer_calls(void *context)
{
	int listener = *(int *)context;
	char call[4];

	for (int i = 0; i < CALLS; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || read(fd, call, 4) != 4 || write(fd, "ok", 2) != 2)
			return 1;
		close(fd);
	}
	return 0;
}

static void both_directions_have_one_number(struct scene *scene, const void *argument)
{
	struct listener listener = scene_listen(scene);
	struct visit visit = { listener.path, 0 };
	pid_t engine = process_start(answer_calls, &listener.fd);
	uint64_t numbers[CALLS];
	size_t calls = 0, answers = 0, senders = 0;

	process_do(call_and_listen, &visit);
	assert_int_equal(process_wait(engine), 0);
	scene_settle(scene);
	/* One call at a time, each with a number of its own. */
	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->inode != listener.inode)
			continue;
		assert_int_equal(piece->turn, 1);
		assert_int_equal(piece->offset, 0);
		if (piece->direction == WIRE_CLIENT) {
			assert_true(calls < CALLS);
			assert_true(record_is(&piece->header, piece->data, "call"));
			numbers[calls++] = piece->connection;
			for (size_t i = 0; i + 1 < calls; i++)
				assert_int_not_equal(numbers[i], piece->connection);
		} else {
			assert_true(answers < calls);
			assert_true(record_is(&piece->header, piece->data, "ok"));
			assert_int_equal(piece->connection, numbers[answers++]);
		}
	}
	assert_int_equal(calls, CALLS);
	assert_int_equal(answers, CALLS);
	SCENE_EACH (scene, socket_sender, sender)
		if (sender->inode == listener.inode)
			assert_int_equal(sender->connection, numbers[senders++]);
	assert_int_equal(senders, CALLS);
	listener_close(&listener);
}

static void an_answer_is_heard_after_the_engine_has_closed(struct scene *scene,
							   const void *argument)
{
	struct line line = scene_line(scene);
	_cleanup_heard_ struct heard heard = {};

	send_all(line.client, "question", 8);
	read_all(line.engine, (char[8]){}, 8);
	send_all(line.engine, "answer", 6);
	close(line.engine);
	read_all(line.client, (char[6]){}, 6);
	scene_settle(scene);
	heard = scene_heard(scene, line.inode, WIRE_ENGINE);
	assert_string_equal(buffer_string(&heard.bytes), "answer");
	close(line.client);
}

struct stream {
	int fd;
	size_t length;
};

static int read_in_odd_pieces(void *context)
{
	const struct stream *stream = context;
	char data[333];
	size_t taken = 0;

	while (taken < stream->length) {
		ssize_t n = read(stream->fd, data, sizeof(data));

		if (n <= 0)
			return 1;
		taken += (size_t)n;
	}
	return 0;
}

static void both_at_once_on_two_processors(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct stream stream = { line.engine, 200000 };
	_cleanup_free_ char *data = pattern(stream.length);
	_cleanup_heard_ struct heard heard = {};
	pid_t engine = process_start(read_in_odd_pieces, &stream);

	for (size_t at = 0; at < stream.length; at += 1000)
		send_all(line.client, data + at, 1000);
	assert_int_equal(process_wait(engine), 0);
	scene_settle(scene);
	heard = scene_heard(scene, line.inode, WIRE_CLIENT);
	assert_int_equal(heard.bytes.length, stream.length);
	assert_memory_equal(heard.bytes.data, data, stream.length);
	assert_int_equal(heard.turns, 1);
	only_sender(scene, line.inode);
	line_close(&line);
}

static void nothing_was_lost(struct scene *scene, const void *argument)
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
	static const struct reader read_by_page = { receive_by_read, SIZE_MAX },
				   read_by_byte = { receive_byte_by_byte, 4200 },
				   by_recvmsg = { receive_by_recvmsg, SIZE_MAX },
				   peeking = { receive_after_a_peek, SIZE_MAX },
				   by_splice = { receive_by_splice, SIZE_MAX };
	static const struct scene_test tests[] = {
		{ "every_way_in, read in pieces of 4096", every_way_in, &read_by_page },
		{ "every_way_in, read byte by byte", every_way_in, &read_by_byte },
		{ "every_way_in, recvmsg into three", every_way_in, &by_recvmsg },
		{ "every_way_in, peeked at and read", every_way_in, &peeking },
		{ "every_way_in, spliced", every_way_in, &by_splice },
		SCENE_TEST(io_uring_in_and_out),
		SCENE_TEST(urgent_bytes_are_heard_as_they_are_read),
		{ "connect_send_close_at_once, read at once", connect_send_close_at_once, NULL },
		{ "connect_send_close_at_once, read when they are gone", connect_send_close_at_once,
		  "" },
		SCENE_TEST(an_answer_is_heard_after_the_engine_has_closed),
		SCENE_TEST(both_at_once_on_two_processors),
		SCENE_TEST(both_directions_have_one_number),
		SCENE_TEST(nothing_was_lost),
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
