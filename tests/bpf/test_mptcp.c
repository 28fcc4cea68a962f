// SPDX-License-Identifier: Apache-2.0
/* Engines that listen by MPTCP, as programs in Go do of themselves: mptcp(7) and plain clients. */
#include "tests/bpf/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint16_t ports[] = { PORT, ANOTHER, 0 };

/* Others than what the tests make: they stay for all of them. */
static void listen_before(struct scene *scene)
{
	static int listeners[2];

	for (int i = 0; i < 2; i++)
		listeners[i] = tcp_listen_by(IPPROTO_MPTCP, AF_INET, i ? "127.0.0.5" : "127.0.0.1",
					     ANOTHER);
	scene->prepared = listeners[0] >= 0 && listeners[1] >= 0 ? listeners : NULL;
}

static void skip_without_mptcp(const struct scene *scene)
{
	if (scene->prepared)
		return;
	print_message("# skip: this kernel has no MPTCP\n");
	skip();
}

/* MPTCP's own worker ends the connections below, some time after close(2) (mptcp_worker). */
static void await_closes(struct scene *scene, uint64_t connection)
{
	double until = scene_clock() + scene_seconds(10);

	do
		scene_settle(scene);
	while (count_closes(scene, connection) < 2 && scene_clock() < until);
	assert_int_equal(count_closes(scene, connection), 2);
}

/* A client by this protocol asks; whether what it says is there, under its name. */
static void is_heard(struct scene *scene, int listener, int protocol, uint16_t port, bool answered)
{
	int client = tcp_connect_by(protocol, "127.0.0.1", port), engine;
	const struct wire_tcp_client *found = NULL;
	const struct wire_tcp_accept *accepted;
	struct tcp tcp = {};

	assert_true(client >= 0);
	// cppcheck-suppress nullPointer
	engine = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(engine >= 0);
	for (int i = 0; i < 2; i++) {
		send_all(client, REQUEST, strlen(REQUEST));
		assert_int_equal(recv(engine, (char[8]){}, 4, MSG_PEEK), 4);
		read_all(engine, (char[64]){}, 5);
		read_all(engine, (char[64]){}, strlen(REQUEST) - 5);
		send_all(engine, ANSWER, strlen(ANSWER));
		read_all(client, (char[64]){}, strlen(ANSWER));
	}
	scene_settle(scene);
	accepted = find_accept(scene, own_port(client));
	assert_non_null(accepted);
	assert_false(accepted->present);
	tcp.connection = accepted->connection;
	assert_tcp_said(scene, &tcp, WIRE_CLIENT, REQUEST REQUEST, 2 * strlen(REQUEST));
	assert_tcp_said(scene, &tcp, WIRE_ENGINE, ANSWER ANSWER, answered ? 2 * strlen(ANSWER) : 0);
	SCENE_EACH (scene, tcp_client, record)
		if (record->port == own_port(client))
			found = record;
	assert_non_null(found);
	assert_int_equal(found->task.pid, getpid());
	close(client);
	close(engine);
	await_closes(scene, tcp.connection);
}

static void what_listened_before_is_heard(struct scene *scene, const void *protocol)
{
	skip_without_mptcp(scene);
	assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
	assert_non_null(find_tcp(scene, ANOTHER));
	assert_true(find_tcp(scene, ANOTHER)->found);
	is_heard(scene, *(int *)scene->prepared, *(const int *)protocol, ANOTHER,
		 *(const int *)protocol == IPPROTO_TCP);
}

static void what_listens_now_is_heard(struct scene *scene, const void *protocol)
{
	uint64_t cookie;
	int listener;

	skip_without_mptcp(scene);
	listener = tcp_listen_by(IPPROTO_MPTCP, AF_INET, "127.0.0.1", PORT);
	assert_true(listener >= 0);
	scene_settle(scene);
	assert_non_null(find_tcp(scene, PORT));
	assert_false(find_tcp(scene, PORT)->found);
	cookie = find_tcp(scene, PORT)->cookie;
	/* A look finds the other one of its two sockets, which is the same listener. */
	assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
	SCENE_EACH (scene, engine_listen, record)
		if (record->port == PORT)
			assert_int_equal(record->cookie, cookie);
	is_heard(scene, listener, *(const int *)protocol, PORT,
		 *(const int *)protocol == IPPROTO_TCP);
	close(listener);
}

/* Engines at two addresses, or in two network namespaces, may have the same port. */
static void the_end_of_one_listener_hides_no_other(struct scene *scene, const void *argument)
{
	int *listeners = scene->prepared;

	skip_without_mptcp(scene);
	assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
	close(listeners[1]);
	scene_settle(scene);
	is_heard(scene, listeners[0], IPPROTO_TCP, ANOTHER, true);
}

/* The last test: the listener that was there before ends. */
static void both_kinds_are_counted_until_they_close(struct scene *scene, const void *argument)
{
	int listener;

	skip_without_mptcp(scene);
	listener = tcp_listen_by(IPPROTO_MPTCP, AF_INET, "127.0.0.3", PORT);
	assert_true(listener >= 0);
	assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
	close(listener);
	scene_settle(scene);
	assert_true(tcp_is_looked_at(scene));
	close(*(int *)scene->prepared);
	scene_settle(scene);
	assert_false(tcp_is_looked_at(scene));
}

int main(void)
{
	static const int plain = IPPROTO_TCP, multipath = IPPROTO_MPTCP;
	static const struct scene_test tests[] = {
		{ "what_listened_before_is_heard, plain", what_listened_before_is_heard, &plain },
		{ "what_listened_before_is_heard, multipath", what_listened_before_is_heard,
		  &multipath },
		{ "what_listens_now_is_heard, plain", what_listens_now_is_heard, &plain },
		{ "what_listens_now_is_heard, multipath", what_listens_now_is_heard, &multipath },
		SCENE_TEST(the_end_of_one_listener_hides_no_other),
		SCENE_TEST(both_kinds_are_counted_until_they_close),
	};
	const struct scene_suite suite = {
		.name = "mptcp",
		.tests = tests,
		.count = ARRAY_SIZE(tests),
		.options = { .ports = ports },
		.prepare = listen_before,
	};

	return scene_run(&suite);
}
