// SPDX-License-Identifier: Apache-2.0
/* Who listens on TCP, and what is said there, byte for byte. */
#include "tests/bpf/scene.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT    23751 /* configured: an engine's, whoever listens */
#define ANOTHER 23752
#define REQUEST "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
#define ANSWER  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"

static const uint16_t ports[] = { PORT, 0 };

static int tcp_listen(int family, const char *address, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is_six = family == AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    inet_pton(family, address, is_six ? (void *)&six.sin6_addr : &four.sin_addr) != 1 ||
	    bind(fd, is_six ? (void *)&six : (void *)&four, is_six ? sizeof(six) : sizeof(four)) <
		    0 ||
	    listen(fd, 64) < 0)
		return -1;
	return fd;
}

static int tcp_connect(const char *address, uint16_t port)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &four.sin_addr) != 1 ||
	    connect(fd, (void *)&four, sizeof(four)) < 0)
		return -1;
	return fd;
}

static uint16_t own_port(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(fd, (void *)&address, &length), 0);
	return ntohs(address.sin_port);
}

struct tcp {
	int listener, client, engine;
	uint64_t connection;
};

static const struct wire_tcp_accept *find_accept(const struct scene *scene, uint16_t peer)
{
	SCENE_EACH (scene, tcp_accept, record)
		if (record->peer_port == peer)
			return record;
	return NULL;
}

static const struct wire_engine_listen *find_tcp(const struct scene *scene, uint16_t port)
{
	SCENE_EACH (scene, engine_listen, record)
		if (record->port == port)
			return record;
	return NULL;
}

/* Listening, heard of, and one connection to it. */
static struct tcp tcp_open(struct scene *scene, int family, const char *address)
{
	const struct wire_tcp_accept *record;
	struct tcp tcp = { .listener = tcp_listen(family, address, PORT) };

	assert_true(tcp.listener >= 0);
	scene_settle(scene);
	tcp.client = tcp_connect("127.0.0.1", PORT);
	assert_true(tcp.client >= 0);
	// cppcheck-suppress nullPointer
	tcp.engine = accept4(tcp.listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(tcp.engine >= 0);
	scene_settle(scene);
	record = find_accept(scene, own_port(tcp.client));
	assert_non_null(record);
	tcp.connection = record->connection;
	return tcp;
}

static void tcp_close(struct tcp *tcp)
{
	close(tcp->client);
	close(tcp->engine);
	close(tcp->listener);
}

static struct buffer said(const struct scene *scene, uint64_t connection, int direction)
{
	struct buffer bytes = {};
	uint64_t next = 0;

	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->connection != connection || piece->direction != direction)
			continue;
		assert_int_equal(piece->offset, next);
		assert_int_equal(piece->length, piece->data.length);
		next += piece->length;
		buffer_append(&bytes, record_bytes(&piece->header, piece->data),
			      piece->data.length);
	}
	assert_int_equal(bytes.error, 0);
	return bytes;
}

static void assert_said(const struct scene *scene, const struct tcp *tcp, int direction,
			const char *text, size_t length)
{
	_cleanup_buffer_ struct buffer bytes = said(scene, tcp->connection, direction);

	assert_int_equal(bytes.length, length);
	assert_memory_equal(bytes.data, text, length);
}

static void a_tcp_listener_is_told(struct scene *scene, const void *argument)
{
	static const uint8_t loopback[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 };
	int fd = tcp_listen(AF_INET, "127.0.0.1", PORT);
	const struct wire_engine_listen *record;

	assert_true(fd >= 0);
	scene_settle(scene);
	record = find_tcp(scene, PORT);
	assert_non_null(record);
	assert_int_equal(record->why, WIRE_LISTEN_PORT);
	assert_int_equal(record->task.pid, getpid());
	assert_false(record->found);
	assert_int_equal(record->address.length, 16);
	assert_memory_equal(record_bytes(&record->header, record->address), loopback, 16);
	close(fd);
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
	assert_said(scene, &tcp, WIRE_CLIENT, REQUEST REQUEST, 2 * strlen(REQUEST));
	assert_said(scene, &tcp, WIRE_ENGINE, ANSWER ANSWER, 2 * strlen(ANSWER));
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
	assert_said(scene, &tcp, WIRE_CLIENT, data, length);
	transfer(tcp.engine, tcp.client, data, length);
	tcp_close(&tcp);
	scene_settle(scene);
	assert_said(scene, &tcp, WIRE_ENGINE, data, length);
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
	assert_said(scene, &tcp, WIRE_CLIENT, REQUEST, strlen(REQUEST));
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
	assert_said(scene, &tcp, WIRE_CLIENT, REQUEST REQUEST, 2 * strlen(REQUEST));
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
	assert_said(scene, &tcp, WIRE_CLIENT, REQUEST, strlen(REQUEST));
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
	assert_said(scene, &tcp, WIRE_CLIENT, "\x16\x03\x01secret\x16\x03\x01secret", 18);
	send_all(tcp.engine, "\x16\x03\x03hello", 8);
	read_all(tcp.client, (char[8]){}, 8);
	send_all(tcp.client, "\x17\x03\x03more", 7);
	read_all(tcp.engine, (char[7]){}, 7);
	send_all(tcp.engine, "\x17\x03\x03more", 7);
	read_all(tcp.client, (char[7]){}, 7);
	scene_settle(scene);
	assert_said(scene, &tcp, WIRE_CLIENT, "\x16\x03\x01secret\x16\x03\x01secret", 18);
	assert_said(scene, &tcp, WIRE_ENGINE, "\x16\x03\x03hello", 8);
	tcp_close(&tcp);
}

static int connect_and_ask(void *context)
{
	uint16_t *port = context;
	int fd = tcp_connect("127.0.0.1", *port);

	return fd >= 0 && write(fd, REQUEST, strlen(REQUEST)) == (ssize_t)strlen(REQUEST) ? 0 : 90;
}

static void a_client_of_this_host_is_named(struct scene *scene, const void *argument)
{
	int listener = tcp_listen(AF_INET, "127.0.0.1", PORT);
	const struct wire_tcp_client *found = NULL;
	uint16_t port = PORT;
	pid_t pid;

	assert_true(listener >= 0);
	scene_settle(scene);
	pid = process_do(connect_and_ask, &port);
	scene_settle(scene);
	SCENE_EACH (scene, tcp_client, record)
		if (record->task.pid == (uint32_t)pid)
			found = record;
	assert_non_null(found);
	assert_int_equal(found->peer_port, PORT);
	assert_non_null(find_accept(scene, found->port));
	close(listener);
}

static int serve_another(void *context)
{
	uint16_t *port = context;
	int listener = tcp_listen(AF_INET, "127.0.0.1", *port);
	int engine;

	if (listener < 0 || connect_and_ask(port) != 0)
		return 91;
	// cppcheck-suppress nullPointer
	engine = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return engine >= 0 && read(engine, (char[64]){}, 64) > 0 ? 0 : 92;
}

static void nobody_elses_listener_is_told(struct scene *scene, const void *argument)
{
	process_do(serve_another, &(uint16_t){ ANOTHER });
	scene_settle(scene);
	assert_null(find_tcp(scene, ANOTHER));
	SCENE_EACH (scene, tcp_accept, record)
		assert_int_not_equal(record->port, ANOTHER);
}

/* Who holds an engine's unix listener is an engine, at whatever port. */
static void an_engine_is_known_by_its_unix_listener(struct scene *scene, const void *argument)
{
	struct listener unix_listener = scene_listen(scene);
	const struct wire_engine_listen *record;
	_cleanup_buffer_ struct buffer bytes = {};
	int listener, client, engine;

	assert_int_equal(bpf_source_look(scene->source), 0);
	listener = tcp_listen(AF_INET, "127.0.0.1", ANOTHER);
	assert_true(listener >= 0);
	scene_settle(scene);
	record = find_tcp(scene, ANOTHER);
	assert_non_null(record);
	assert_int_equal(record->why, WIRE_LISTEN_HOLDER);
	client = tcp_connect("127.0.0.1", ANOTHER);
	// cppcheck-suppress nullPointer
	engine = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(client >= 0 && engine >= 0);
	scene_settle(scene);
	assert_null(find_accept(scene, own_port(client)));
	send_all(client, REQUEST, strlen(REQUEST));
	read_all(engine, (char[64]){}, strlen(REQUEST));
	scene_settle(scene);
	assert_non_null(find_accept(scene, own_port(client)));
	bytes = said(scene, find_accept(scene, own_port(client))->connection, WIRE_CLIENT);
	assert_int_equal(bytes.length, strlen(REQUEST));
	close(client);
	close(engine);
	close(listener);
	listener_close(&unix_listener);
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

static bool looks_at_packets(const struct scene *scene)
{
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(scene->source, &hooks);

	for (size_t i = 0; i < count; i++)
		if (strcmp(hooks[i].purpose, "tcp") == 0 && hooks[i].attached)
			return true;
	return false;
}

static void packets_are_looked_at_while_an_engine_listens(struct scene *scene, const void *argument)
{
	int fd;

	assert_false(looks_at_packets(scene));
	fd = tcp_listen(AF_INET, "127.0.0.1", PORT);
	assert_true(fd >= 0);
	scene_settle(scene);
	assert_true(looks_at_packets(scene));
	close(fd);
	scene_settle(scene);
	assert_false(looks_at_packets(scene));
}

/* ---- how many listen */

/* Each socket that a listener accepts has a copy of what is known of it. */
static void an_accepted_socket_that_listens_counts_for_itself(struct scene *scene,
							      const void *argument)
{
	struct listener unix_listener = scene_listen(scene);
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct tcp tcp;

	assert_int_equal(bpf_source_look(scene->source), 0);
	tcp = tcp_open(scene, AF_INET, "127.0.0.1");
	assert_int_equal(connect(tcp.engine, &nowhere, sizeof(nowhere)), 0);
	assert_int_equal(listen(tcp.engine, 1), 0);
	close(tcp.engine);
	close(tcp.client);
	scene_settle(scene);
	assert_true(looks_at_packets(scene));
	close(tcp.listener);
	scene_settle(scene);
	assert_false(looks_at_packets(scene));
	listener_close(&unix_listener);
}

static bool is_client_told(const struct scene *scene, uint16_t port)
{
	SCENE_EACH (scene, tcp_client, record)
		if (record->peer_port == port)
			return true;
	return false;
}

/* A port that the kernel chose is gone from the socket when it closes. */
static void a_chosen_port_is_an_engines_until_it_closes(struct scene *scene, const void *argument)
{
	struct listener unix_listener = scene_listen(scene);
	int other = tcp_listen(AF_INET, "127.0.0.1", PORT), listener;
	uint16_t port;

	assert_true(other >= 0);
	assert_int_equal(bpf_source_look(scene->source), 0);
	listener = tcp_listen(AF_INET, "127.0.0.1", 0);
	assert_true(listener >= 0);
	port = own_port(listener);
	process_do(connect_and_ask, &port);
	scene_settle(scene);
	assert_true(is_client_told(scene, port));
	close(listener);
	scene_forget(scene);
	process_do(serve_another, &port);
	scene_settle(scene);
	assert_false(is_client_told(scene, port));
	close(other);
	listener_close(&unix_listener);
}

/* A user's program with an engine's name may listen wherever it likes. */
static void no_number_of_ports_hides_a_client(struct scene *scene, const void *argument)
{
	struct listener unix_listener = scene_listen(scene);
	uint16_t port = 24000;
	int listener;

	assert_int_equal(bpf_source_look(scene->source), 0);
	for (int i = 0; i < 4200; i++) {
		close(tcp_listen(AF_INET, "127.0.0.9", port++));
		if (i % 200 == 0)
			scene_forget(scene);
	}
	listener = tcp_listen(AF_INET, "127.0.0.1", port);
	assert_true(listener >= 0);
	process_do(connect_and_ask, &port);
	scene_settle(scene);
	assert_true(is_client_told(scene, port));
	close(listener);
	listener_close(&unix_listener);
}

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

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(what_was_open_before_is_found),
		SCENE_TEST(a_tcp_listener_is_told),
		SCENE_TEST(packets_are_looked_at_while_an_engine_listens),
		SCENE_TEST(both_directions_are_heard),
		SCENE_TEST(long_messages_are_heard_whole),
		SCENE_TEST(what_is_peeked_at_is_heard_once),
		SCENE_TEST(urgent_bytes_hide_no_request),
		SCENE_TEST(a_listener_of_both_families_hears_ipv4),
		SCENE_TEST(tls_is_the_engines_word),
		SCENE_TEST(a_client_of_this_host_is_named),
		SCENE_TEST(nobody_elses_listener_is_told),
		SCENE_TEST(an_engine_is_known_by_its_unix_listener),
		SCENE_TEST(what_another_program_serves_is_not_kept),
		SCENE_TEST(an_accepted_socket_that_listens_counts_for_itself),
		SCENE_TEST(a_chosen_port_is_an_engines_until_it_closes),
		SCENE_TEST(no_number_of_ports_hides_a_client),
	};
	const struct scene_suite suite = {
		.name = "listener-tcp",
		.tests = tests,
		.count = ARRAY_SIZE(tests),
		.options = { .ports = ports },
		.prepare = open_before,
	};

	return scene_run(&suite);
}
