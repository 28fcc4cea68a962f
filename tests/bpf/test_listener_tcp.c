// SPDX-License-Identifier: Apache-2.0
/* Who listens on TCP. */
#include "tests/bpf/tcp.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint16_t ports[] = { PORT, 0 };

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

static int serve_another(void *context)
{
	uint16_t *port = context;
	int listener = tcp_listen(AF_INET, "127.0.0.1", *port);
	int engine;

	if (listener < 0 || tcp_connect_and_ask(port) != 0)
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
	bytes = tcp_said(scene, find_accept(scene, own_port(client))->connection, WIRE_CLIENT);
	assert_int_equal(bytes.length, strlen(REQUEST));
	close(client);
	close(engine);
	close(listener);
	listener_close(&unix_listener);
}

static void packets_are_looked_at_while_an_engine_listens(struct scene *scene, const void *argument)
{
	int fd;

	assert_false(tcp_is_looked_at(scene));
	fd = tcp_listen(AF_INET, "127.0.0.1", PORT);
	assert_true(fd >= 0);
	scene_settle(scene);
	assert_true(tcp_is_looked_at(scene));
	close(fd);
	scene_settle(scene);
	assert_false(tcp_is_looked_at(scene));
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
	assert_true(tcp_is_looked_at(scene));
	close(tcp.listener);
	scene_settle(scene);
	assert_false(tcp_is_looked_at(scene));
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
	process_do(tcp_connect_and_ask, &port);
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
	process_do(tcp_connect_and_ask, &port);
	scene_settle(scene);
	assert_true(is_client_told(scene, port));
	close(listener);
	listener_close(&unix_listener);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(a_tcp_listener_is_told),
		SCENE_TEST(packets_are_looked_at_while_an_engine_listens),
		SCENE_TEST(nobody_elses_listener_is_told),
		SCENE_TEST(an_engine_is_known_by_its_unix_listener),
		SCENE_TEST(an_accepted_socket_that_listens_counts_for_itself),
		SCENE_TEST(a_chosen_port_is_an_engines_until_it_closes),
		SCENE_TEST(no_number_of_ports_hides_a_client),
	};
	const struct scene_suite suite = {
		.name = "listener-tcp",
		.tests = tests,
		.count = ARRAY_SIZE(tests),
		.options = { .ports = ports },
	};

	return scene_run(&suite);
}
