// SPDX-License-Identifier: Apache-2.0
/* What a client may do to its own socket so that nothing is known of it. */
#include "tests/bpf/tcp.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const uint16_t ports[] = { PORT, 0 };

static int attach_filter(int fd, struct sock_filter *code, size_t length)
{
	struct sock_fprog program = { .len = (unsigned short)length, .filter = code };
	struct sock_filter load = code[length - 1];
	int r;

	/* While a filter takes another one's place, both are counted. */
	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int));
	code[length - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	code[length - 1] = load;
	return r;
}

/*
 * Attach the longest filter that the kernel takes: it and the storage of probes share what a socket
 * may set aside (sk_filter_charge(), sk_storage_charge()). A load of a header's length is many of
 * the kernel's own instructions, so that each kernel's bound is reached.
 */
static int leave_no_room(int fd)
{
	struct sock_filter code[BPF_MAXINSNS];
	size_t least = 0, most = BPF_MAXINSNS;

	for (size_t i = 0; i < BPF_MAXINSNS; i++)
		code[i] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
	while (most - least > 1) {
		size_t middle = (least + most) / 2;

		if (attach_filter(fd, code, middle) == 0)
			least = middle;
		else
			most = middle;
	}
	return most < BPF_MAXINSNS && least > 0 ? attach_filter(fd, code, least) : -1;
}

static int talk_without_room(void *context)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, context, sizeof(address.sun_path) - 1);
	if (fd < 0 || leave_no_room(fd) < 0)
		return 90;
	if (connect(fd, (void *)&address, sizeof(address)) < 0 ||
	    write(fd, REQUEST, strlen(REQUEST)) != (ssize_t)strlen(REQUEST))
		return 91;
	return read(fd, (char[64]){}, 64) == (ssize_t)strlen(ANSWER) ? 0 : 92;
}

struct living {
	uint64_t connection;
	unsigned int ends[2];
};

static void count_alive(void *context, const struct bpf_alive *alive)
{
	struct living *living = context;

	if (alive->connection == living->connection)
		living->ends[alive->direction]++;
}

/* Fails where the client has ended before it came. */
static int accept_from(pid_t pid, int listener)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };

	if (poll(&wait, 1, (int)(scene_seconds(10) * 1000)) != 1) {
		kill(pid, SIGKILL);
		print_error("no client came, status %d\n", process_wait(pid));
		return -1;
	}
	// cppcheck-suppress nullPointer
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void who_leaves_no_room_is_heard(struct scene *scene, const void *argument)
{
	struct listener listener = scene_listen(scene);
	uint64_t before = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_no_memory).records;
	pid_t pid = process_start(talk_without_room, (void *)listener.path);
	_cleanup_heard_ struct heard asked = {}, answered = {};
	struct living living = {};
	int engine = accept_from(pid, listener.fd);

	assert_true(engine >= 0);
	read_all(engine, (char[64]){}, strlen(REQUEST));
	scene_settle(scene);
	asked = scene_heard(scene, listener.inode, WIRE_CLIENT);
	assert_int_equal(asked.bytes.length, strlen(REQUEST));
	assert_memory_equal(asked.bytes.data, REQUEST, strlen(REQUEST));
	assert_int_equal(only_sender(scene, listener.inode)->task.pid, pid);
	living.connection = asked.connection;
	assert_int_equal(bpf_source_alive(scene->source, count_alive, &living), 0);
	assert_int_equal(living.ends[WIRE_CLIENT], 1);
	assert_int_equal(living.ends[WIRE_ENGINE], 1);
	send_all(engine, ANSWER, strlen(ANSWER));
	assert_int_equal(process_wait(pid), 0);
	scene_settle(scene);
	answered = scene_heard(scene, listener.inode, WIRE_ENGINE);
	assert_int_equal(answered.bytes.length, strlen(ANSWER));
	assert_int_equal(answered.connection, asked.connection);
	living = (struct living){ .connection = asked.connection };
	assert_int_equal(bpf_source_alive(scene->source, count_alive, &living), 0);
	assert_int_equal(living.ends[WIRE_CLIENT], 0);
	assert_int_equal(scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_no_memory).records,
			 before);
	close(engine);
	listener_close(&listener);
}

static struct line line_without_room(const struct listener *listener)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct line line = { .client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
			     .inode = listener->inode };

	strncpy(address.sun_path, listener->path, sizeof(address.sun_path) - 1);
	assert_int_equal(leave_no_room(line.client), 0);
	assert_int_equal(connect(line.client, (void *)&address, sizeof(address)), 0);
	// cppcheck-suppress nullPointer
	line.engine = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(line.engine >= 0);
	send_all(line.client, REQUEST, strlen(REQUEST));
	read_all(line.engine, (char[64]){}, strlen(REQUEST));
	return line;
}

static size_t count_spare(void)
{
	int map = scene_map("spare_marks");
	uint64_t key, *previous = NULL, last;
	size_t count = 0;

	while (bpf_map_get_next_key(map, previous, &key) == 0) {
		last = key;
		previous = &last;
		count++;
	}
	return count;
}

static void look(struct scene *scene, int times)
{
	struct living living = {};

	while (times-- > 0)
		assert_int_equal(bpf_source_alive(scene->source, count_alive, &living), 0);
}

/* However many come and go, none is pushed out that lives: it would begin to count again. */
static void room_is_given_back_by_who_is_gone(struct scene *scene, const void *argument)
{
	struct listener listener = scene_listen(scene);
	struct line line = line_without_room(&listener);
	_cleanup_heard_ struct heard asked = {};

	for (int i = 0; i < 40; i++) {
		struct listener other = scene_listen(scene);
		struct line gone = line_without_room(&other);

		line_close(&gone);
		listener_close(&other);
	}
	assert_true(count_spare() > 40);
	look(scene, 4);
	assert_int_equal(count_spare(), 1);
	send_all(line.client, REQUEST, strlen(REQUEST));
	read_all(line.engine, (char[64]){}, strlen(REQUEST));
	scene_settle(scene);
	asked = scene_heard(scene, listener.inode, WIRE_CLIENT);
	assert_int_equal(asked.bytes.length, 2 * strlen(REQUEST));
	line_close(&line);
	listener_close(&listener);
}

static int connect_without_room(void *context)
{
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons(PORT),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || leave_no_room(fd) < 0)
		return 90;
	return connect(fd, (void *)&four, sizeof(four)) == 0 ? 0 : 91;
}

static void who_leaves_no_room_is_named_over_tcp(struct scene *scene, const void *argument)
{
	int listener = tcp_listen(AF_INET, "127.0.0.1", PORT);
	const struct wire_tcp_client *found = NULL;
	pid_t pid;

	assert_true(listener >= 0);
	scene_settle(scene);
	pid = process_do(connect_without_room, NULL);
	scene_settle(scene);
	SCENE_EACH (scene, tcp_client, record)
		if (record->task.pid == (uint32_t)pid)
			found = record;
	assert_non_null(found);
	assert_int_equal(found->peer_port, PORT);
	close(listener);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(who_leaves_no_room_is_heard),
		SCENE_TEST(room_is_given_back_by_who_is_gone),
		SCENE_TEST(who_leaves_no_room_is_named_over_tcp),
	};
	const struct scene_suite suite = {
		.name = "hiding",
		.tests = tests,
		.count = ARRAY_SIZE(tests),
		.options = { .ports = ports },
	};

	return scene_run(&suite);
}
