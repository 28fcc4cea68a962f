// SPDX-License-Identifier: Apache-2.0
/* Sockets, what was heard on them, and processes: see scene.h. */
#include "tests/bpf/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_true(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	return address;
}

const char *scene_path(struct scene *scene)
{
	assert_true(scene->used < SCENE_PATHS);
	return scene->paths[scene->used++];
}

struct listener listen_at(const char *path)
{
	struct sockaddr_un address = address_of(path);
	struct listener listener = { .path = path };
	struct stat status;

	listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener.fd >= 0);
	assert_int_equal(bind(listener.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener.fd, 64), 0);
	assert_int_equal(stat(path, &status), 0);
	listener.inode = status.st_ino;
	listener.device = (uint32_t)(major(status.st_dev) << 20 | minor(status.st_dev));
	return listener;
}

struct listener scene_listen(struct scene *scene)
{
	struct listener listener = listen_at(scene_path(scene));

	bpf_source_refresh_sockets(scene->source);
	return listener;
}

void listener_close(struct listener *listener)
{
	close(listener->fd);
	unlink(listener->path);
}

int connect_to(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

struct line line_open(const struct listener *listener)
{
	struct line line = { .inode = listener->inode };

	line.client = connect_to(listener->path);
	assert_true(line.client >= 0);
	/* accept4(2) takes no address. */
	// cppcheck-suppress nullPointer
	line.engine = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(line.engine >= 0);
	return line;
}

void line_close(struct line *line)
{
	close(line->client);
	close(line->engine);
}

struct line scene_line(struct scene *scene)
{
	struct listener listener = scene_listen(scene);
	struct line line = line_open(&listener);

	close(listener.fd);
	return line;
}

void send_all(int fd, const void *data, size_t length)
{
	int r = file_write_all(fd, data, length);

	if (r < 0)
		fail_msg("write: %s", strerror(-r));
}

void read_all(int fd, void *data, size_t length)
{
	for (size_t at = 0; at < length;) {
		ssize_t n = read(fd, (char *)data + at, length - at);

		if (n <= 0)
			fail_msg("read: %s", n ? strerror(errno) : "end of file");
		at += (size_t)n;
	}
}

void transfer(int from, int to, const char *data, size_t length)
{
	_cleanup_free_ char *received = malloc(length);
	size_t sent = 0, taken = 0;

	assert_non_null(received);
	while (taken < length) {
		ssize_t n =
			sent < length ? send(from, data + sent, length - sent, MSG_DONTWAIT) : 0;

		assert_true(n >= 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		n = recv(to, received + taken, length - taken < 32768 ? length - taken : 32768, 0);
		assert_true(n > 0);
		taken += (size_t)n;
	}
	assert_memory_equal(received, data, length);
}

char *pattern(size_t length)
{
	char *data = malloc(length + 1);

	assert_non_null(data);
	for (size_t i = 0; i < length; i++)
		data[i] = (char)(i * 31 + i / 251 + i / 65536);
	data[length] = 0;
	return data;
}

/* ---- what was heard */

struct heard scene_heard(const struct scene *scene, uint64_t inode, int direction)
{
	struct heard heard = {};

	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->inode != inode || piece->direction != direction)
			continue;
		if (heard.records == 0)
			heard.connection = piece->connection;
		if (piece->connection != heard.connection)
			fail_msg("pieces of two connections");
		if (piece->offset != heard.length)
			fail_msg("a piece at %llu where %llu bytes came before",
				 (unsigned long long)piece->offset,
				 (unsigned long long)heard.length);
		assert_true(piece->data.length <= piece->length);
		assert_true(piece->connector != 0);
		heard.gap |= piece->data.length < piece->length;
		heard.length += piece->length;
		heard.records++;
		heard.turns += (piece->flags & WIRE_PIECE_TURN) != 0;
		heard.flags |= piece->flags;
		assert_int_equal(piece->turn, heard.turns);
		buffer_append(&heard.bytes, record_bytes(&piece->header, piece->data),
			      piece->data.length);
	}
	assert_int_equal(heard.bytes.error, 0);
	return heard;
}

void heard_clear(struct heard *heard)
{
	buffer_free(&heard->bytes);
}

size_t count_connects(const struct scene *scene, uint64_t inode)
{
	size_t count = 0;

	SCENE_EACH (scene, socket_connect, record)
		count += record->socket_inode == inode;
	return count;
}

size_t count_senders(const struct scene *scene, uint64_t inode)
{
	size_t count = 0;

	SCENE_EACH (scene, socket_sender, record)
		count += record->inode == inode;
	return count;
}

size_t count_closes(const struct scene *scene, uint64_t connection)
{
	size_t count = 0;

	SCENE_EACH (scene, socket_close, record)
		count += record->connection == connection;
	return count;
}

const struct wire_socket_connect *only_connect(const struct scene *scene, uint64_t inode)
{
	assert_int_equal(count_connects(scene, inode), 1);
	SCENE_EACH (scene, socket_connect, record)
		if (record->socket_inode == inode)
			return record;
	return NULL;
}

const struct wire_socket_sender *only_sender(const struct scene *scene, uint64_t inode)
{
	assert_int_equal(count_senders(scene, inode), 1);
	SCENE_EACH (scene, socket_sender, record)
		if (record->inode == inode)
			return record;
	return NULL;
}

const struct wire_socket_close *only_close(const struct scene *scene, uint64_t connection,
					   int direction)
{
	const struct wire_socket_close *found = NULL;

	SCENE_EACH (scene, socket_close, record)
		if (record->connection == connection && record->direction == direction) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

/* ---- processes */

pid_t process_start(int (*act)(void *context), void *context)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == parent ? act(context) : 99);
	}
	return pid;
}

int process_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail_msg("waitpid: %s", strerror(errno));
	return status;
}

pid_t process_do(int (*act)(void *context), void *context)
{
	pid_t pid = process_start(act, context);

	assert_int_equal(process_wait(pid), 0);
	return pid;
}

uint64_t process_start_ticks(pid_t pid)
{
	_cleanup_buffer_ struct buffer contents = {};
	unsigned long long ticks = 0;
	char path[40];
	const char *text, *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(AT_FDCWD, path, 4096, &contents) < 0)
		return 0;
	text = buffer_string(&contents);
	after = text ? strrchr(text, ')') : NULL;
	if (!after || sscanf(after + 1,
			     " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			     " %*d %*d %llu",
			     &ticks) != 1)
		return 0;
	return ticks;
}

uint64_t ticks_of(uint64_t boot_ns)
{
	return boot_ns / (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
}

const char *actor_path(const char *name)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	assert_true(n > 0);
	path[n] = 0;
	for (int up = 0; up < 2; up++) {
		slash = strrchr(path, '/');
		assert_non_null(slash);
		*slash = 0;
	}
	snprintf(path + strlen(path), 60, "/actors/%s", name);
	if (access(path, X_OK) < 0)
		fail_msg("%s is not built", path);
	return path;
}
