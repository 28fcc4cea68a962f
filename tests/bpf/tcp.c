// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int tcp_listen_by(int protocol, int family, const char *address, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is_six = family == AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    inet_pton(family, address, is_six ? (void *)&six.sin6_addr : &four.sin_addr) != 1 ||
	    bind(fd, is_six ? (void *)&six : (void *)&four, is_six ? sizeof(six) : sizeof(four)) <
		    0 ||
	    listen(fd, 64) < 0)
		return -1;
	return fd;
}

int tcp_listen(int family, const char *address, uint16_t port)
{
	return tcp_listen_by(0, family, address, port);
}

int tcp_connect_by(int protocol, const char *address, uint16_t port)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	if (fd < 0 || inet_pton(AF_INET, address, &four.sin_addr) != 1 ||
	    connect(fd, (void *)&four, sizeof(four)) < 0)
		return -1;
	return fd;
}

int tcp_connect(const char *address, uint16_t port)
{
	return tcp_connect_by(0, address, port);
}

uint16_t own_port(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(fd, (void *)&address, &length), 0);
	return ntohs(address.sin_port);
}

const struct wire_tcp_accept *find_accept(const struct scene *scene, uint16_t peer)
{
	SCENE_EACH (scene, tcp_accept, record)
		if (record->peer_port == peer)
			return record;
	return NULL;
}

const struct wire_engine_listen *find_tcp(const struct scene *scene, uint16_t port)
{
	SCENE_EACH (scene, engine_listen, record)
		if (record->port == port)
			return record;
	return NULL;
}

struct tcp tcp_open(struct scene *scene, int family, const char *address)
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

void tcp_close(struct tcp *tcp)
{
	close(tcp->client);
	close(tcp->engine);
	close(tcp->listener);
}

struct buffer tcp_said(const struct scene *scene, uint64_t connection, int direction)
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

void assert_tcp_said(const struct scene *scene, const struct tcp *tcp, int direction,
		     const char *text, size_t length)
{
	_cleanup_buffer_ struct buffer bytes = tcp_said(scene, tcp->connection, direction);

	assert_int_equal(bytes.length, length);
	assert_memory_equal(bytes.data, text, length);
}

int tcp_connect_and_ask(void *context)
{
	uint16_t *port = context;
	int fd = tcp_connect("127.0.0.1", *port);

	return fd >= 0 && write(fd, REQUEST, strlen(REQUEST)) == (ssize_t)strlen(REQUEST) ? 0 : 90;
}

bool tcp_is_looked_at(const struct scene *scene)
{
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(scene->source, &hooks);

	for (size_t i = 0; i < count; i++)
		if (strcmp(hooks[i].purpose, "tcp") == 0 && hooks[i].attached)
			return true;
	return false;
}
