// SPDX-License-Identifier: Apache-2.0
/* What is said to an engine over TCP, byte for byte, and by whom. */
#include "tests/bpf/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint16_t ports[] = { PORT, 0 };

/* ---- what was there before the source */

static void open_before(struct scene *scene)
{
	struct tcp *tcp = calloc(1, sizeof(*tcp));

	assert_non_null(tcp);
	tcp->listener = tcp_listen(AF_INET, "127.0.0.2", PORT);
	assert_true(tcp->listener >= 0);
	tcp->client = tcp_connect("127.0.0.2", PORT);
	// cppcheck-suppress nullPointer
	tcp->engine = accept4(tcp->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(tcp->client >= 0 && tcp->engine >= 0);
	send_all(tcp->client, "before", 6);
	read_all(tcp->engine, (char[6]){}, 6);
	scene->prepared = tcp;
}

static void what_was_open_before_is_found(struct scene *scene, const void *argument)
{
	struct tcp *tcp = scene->prepared;
	const struct wire_tcp_accept *record;
	size_t heard = 0;

	/* A mark lives as long as its socket: it was made by the first look, whose records are
	 * gone. */
	assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
	assert_true(find_tcp(scene, PORT)->found);
	record = find_accept(scene, own_port(tcp->client));
	assert_true(!record || record->present);
	send_all(tcp->client, REQUEST, strlen(REQUEST));
	read_all(tcp->engine, (char[64]){}, strlen(REQUEST));
	scene_settle(scene);
	SCENE_EACH (scene, socket_piece, piece)
		if (piece->length == strlen(REQUEST) &&
		    record_is(&piece->header, piece->data, REQUEST)) {
			heard++;
			assert_int_equal(piece->offset, 1);
		}
	assert_int_equal(heard, 1);
	tcp_close(tcp);
	free(tcp);
}

static void both_directions_are_heard(struct scene *scene, const void *argument)
{
	struct tcp tcp = tcp_open(scene, AF_INET, "127.0.0.1");
	size_t closes = 0;

	for (int i = 0; i < 2; i++) {
		send_all(tcp.client, REQUEST, strlen(REQUEST));
		read_all(tcp.engine, (char[64]){}, strlen(REQUEST));
		send_all(tcp.engine, ANSWER, strlen(ANSWER));
		read_all(tcp.client, (char[64]){}, strlen(ANSWER));
	}
	tcp_close(&tcp);
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, REQUEST REQUEST, 2 * strlen(REQUEST));
	assert_tcp_said(scene, &tcp, WIRE_ENGINE, ANSWER ANSWER, 2 * strlen(ANSWER));
	SCENE_EACH (scene, socket_close, record)
		if (record->connection == tcp.connection) {
			closes++;
			assert_int_equal(record->turns, 2);
			assert_int_equal(record->sent, record->direction == WIRE_CLIENT
							       ? 2 * strlen(REQUEST)
							       : 2 * strlen(ANSWER));
		}
	assert_int_equal(closes, 2);
}

static void long_messages_are_heard_whole(struct scene *scene, const void *argument)
{
	const size_t length = 200000;
	struct tcp tcp = tcp_open(scene, AF_INET, "127.0.0.1");
	_cleanup_free_ char *data = pattern(length);

	data[0] = 'H'; /* an engine's first byte: HTTP */
	transfer(tcp.client, tcp.engine, data, length);
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, data, length);
	transfer(tcp.engine, tcp.client, data, length);
	tcp_close(&tcp);
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_ENGINE, data, length);
}

static void what_is_peeked_at_is_heard_once(struct scene *scene, const void *argument)
{
	struct tcp tcp = tcp_open(scene, AF_INET, "127.0.0.1");
	char data[64];

	send_all(tcp.client, REQUEST, strlen(REQUEST));
	assert_int_equal(recv(tcp.engine, data, 7, MSG_PEEK), 7);
	for (size_t i = 0; i < strlen(REQUEST); i++)
		read_all(tcp.engine, data, 1);
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, REQUEST, strlen(REQUEST));
	tcp_close(&tcp);
}

static void urgent_bytes_hide_no_request(struct scene *scene, const void *argument)
{
	struct tcp tcp = tcp_open(scene, AF_INET, "127.0.0.1");
	size_t before = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_unreadable).bytes;

	send_all(tcp.client, REQUEST, 10);
	read_all(tcp.engine, (char[64]){}, 10);
	/* Where a second one comes, the kernel steps over the first at once. */
	assert_int_equal(send(tcp.client, "!", 1, MSG_OOB), 1);
	assert_int_equal(send(tcp.client, "!", 1, MSG_OOB), 1);
	send_all(tcp.client, REQUEST + 10, strlen(REQUEST) - 10);
	read_all(tcp.engine, (char[64]){}, strlen(REQUEST) - 10);
	send_all(tcp.client, REQUEST, strlen(REQUEST));
	read_all(tcp.engine, (char[64]){}, strlen(REQUEST));
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, REQUEST REQUEST, 2 * strlen(REQUEST));
	assert_int_equal(scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_unreadable).bytes,
			 before + 2);
	tcp_close(&tcp);
}

static void a_listener_of_both_families_hears_ipv4(struct scene *scene, const void *argument)
{
	static const uint8_t loopback[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 };
	const struct wire_tcp_accept *record;
	struct tcp tcp;

	if (access("/proc/net/if_inet6", F_OK) < 0) {
		print_message("# skip: this kernel has no IPv6\n");
		skip();
	}
	tcp = tcp_open(scene, AF_INET6, "::");
	record = find_accept(scene, own_port(tcp.client));
	assert_memory_equal(record_bytes(&record->header, record->peer), loopback, 16);
	send_all(tcp.client, REQUEST, strlen(REQUEST));
	read_all(tcp.engine, (char[64]){}, strlen(REQUEST));
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, REQUEST, strlen(REQUEST));
	tcp_close(&tcp);
}

/* Once the engine has answered in TLS nothing more is kept; a client's first byte decides nothing.
 */
static void tls_is_the_engines_word(struct scene *scene, const void *argument)
{
	struct tcp tcp = tcp_open(scene, AF_INET, "127.0.0.1");

	send_all(tcp.client, "\x16\x03\x01secret", 9);
	read_all(tcp.engine, (char[9]){}, 9);
	send_all(tcp.client, "\x16\x03\x01secret", 9);
	read_all(tcp.engine, (char[9]){}, 9);
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, "\x16\x03\x01secret\x16\x03\x01secret", 18);
	send_all(tcp.engine, "\x16\x03\x03hello", 8);
	read_all(tcp.client, (char[8]){}, 8);
	send_all(tcp.client, "\x17\x03\x03more", 7);
	read_all(tcp.engine, (char[7]){}, 7);
	send_all(tcp.engine, "\x17\x03\x03more", 7);
	read_all(tcp.client, (char[7]){}, 7);
	scene_settle(scene);
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, "\x16\x03\x01secret\x16\x03\x01secret", 18);
	assert_tcp_said(scene, &tcp, WIRE_ENGINE, "\x16\x03\x03hello", 8);
	tcp_close(&tcp);
}

static void a_client_of_this_host_is_named(struct scene *scene, const void *argument)
{
	int listener = tcp_listen(AF_INET, "127.0.0.1", PORT);
	const struct wire_tcp_client *found = NULL;
	uint16_t port = PORT;
	pid_t pid;

	assert_true(listener >= 0);
	scene_settle(scene);
	pid = process_do(tcp_connect_and_ask, &port);
	scene_settle(scene);
	SCENE_EACH (scene, tcp_client, record)
		if (record->task.pid == (uint32_t)pid)
			found = record;
	assert_non_null(found);
	assert_int_equal(found->peer_port, PORT);
	assert_non_null(find_accept(scene, found->port));
	close(listener);
}

static int read_one(void *context)
{
	return read(*(int *)context, (char[64]){}, 64) > 0 ? 0 : 93;
}

/* An engine may hold the place of a port that it publishes for a container. */
static void what_another_program_serves_is_not_kept(struct scene *scene, const void *argument)
{
	struct listener unix_listener = scene_listen(scene);
	int listener, client, engine;

	assert_int_equal(bpf_source_look(scene->source), 0);
	listener = tcp_listen(AF_INET, "127.0.0.1", ANOTHER);
	assert_true(listener >= 0);
	scene_settle(scene);
	client = tcp_connect("127.0.0.1", ANOTHER);
	// cppcheck-suppress nullPointer
	engine = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(client >= 0 && engine >= 0);
	send_all(client, REQUEST, strlen(REQUEST));
	process_do(read_one, &engine);
	send_all(client, REQUEST, strlen(REQUEST));
	read_all(engine, (char[64]){}, strlen(REQUEST));
	scene_settle(scene);
	assert_null(find_accept(scene, own_port(client)));
	close(client);
	close(engine);
	close(listener);
	listener_close(&unix_listener);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(what_was_open_before_is_found),
		SCENE_TEST(both_directions_are_heard),
		SCENE_TEST(long_messages_are_heard_whole),
		SCENE_TEST(what_is_peeked_at_is_heard_once),
		SCENE_TEST(urgent_bytes_hide_no_request),
		SCENE_TEST(a_listener_of_both_families_hears_ipv4),
		SCENE_TEST(tls_is_the_engines_word),
		SCENE_TEST(a_client_of_this_host_is_named),
		SCENE_TEST(what_another_program_serves_is_not_kept),
	};
	const struct scene_suite suite = {
		.name = "tcp",
		.tests = tests,
		.count = ARRAY_SIZE(tests),
		.options = { .ports = ports },
		.prepare = open_before,
	};

	return scene_run(&suite);
}
