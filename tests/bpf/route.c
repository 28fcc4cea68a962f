// SPDX-License-Identifier: Apache-2.0
/* The engine at the end of a route, and errands to it: see route.h. */
#include "tests/bpf/route.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define ANSWER  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
#define CLIENTS 4

/* ---- the engine */

struct client {
	int fd;
	size_t length;
	char text[2 * ROUTE_REQUEST_MOST];
};

struct engine {
	int listener, stop, accepted;
	struct ground *ground;
};

/* Bytes of the first request in the text, 0: it is not whole yet. */
static size_t whole_request(const struct client *client)
{
	static const char name[] = "Content-Length: ";
	const char *end = memmem(client->text, client->length, "\r\n\r\n", 4), *field;
	size_t length;

	if (!end)
		return 0;
	length = (size_t)(end - client->text) + 4;
	field = memmem(client->text, length, name, sizeof(name) - 1);
	if (field)
		length += strtoul(field + sizeof(name) - 1, NULL, 10);
	return length <= client->length ? length : 0;
}

static int serve(struct engine *engine, struct client *client)
{
	struct ground *ground = engine->ground;
	char *at = client->text + client->length;
	size_t room = sizeof(client->text) - client->length, whole;
	ssize_t n = read(client->fd, at, room < 4096 ? room : 4096);

	if (n <= 0) {
		close(client->fd);
		client->fd = -1;
		return 0;
	}
	if ((size_t)n > sizeof(ground->bytes) - ground->length)
		return 1;
	memcpy(ground->bytes + ground->length, at, (size_t)n);
	ground->length += (size_t)n;
	client->length += (size_t)n;
	while ((whole = whole_request(client))) {
		/* Who asked may be gone: that is one of the routes. */
		if (write(client->fd, ANSWER, sizeof(ANSWER) - 1) < 0 && errno != EPIPE)
			return 2;
		client->length -= whole;
		memmove(client->text, client->text + whole, client->length);
		ground->requests++;
	}
	return 0;
}

static int run_engine(void *context)
{
	static struct client clients[CLIENTS];
	struct engine *engine = context;
	bool stopped = false;
	size_t count = 0;

	if (engine->accepted >= 0)
		clients[count++].fd = engine->accepted;
	for (;;) {
		struct pollfd fds[CLIENTS + 2] = { { stopped ? -1 : engine->stop, POLLIN, 0 },
						   { engine->listener, POLLIN, 0 } };
		int r;

		for (size_t i = 0; i < count; i++)
			fds[i + 2] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
		/* What was sent before it was told to end is there by now. */
		r = poll(fds, count + 2, stopped ? 0 : -1);
		if (r <= 0)
			return r == 0 ? 0 : 3;
		stopped |= fds[0].revents != 0;
		for (size_t i = 0; i < count; i++)
			if (fds[i + 2].revents && (r = serve(engine, &clients[i])))
				return r;
		if (fds[1].revents && count < CLIENTS)
			clients[count++].fd = accept(engine->listener, NULL, NULL);
	}
}

struct trip trip_begin(struct scene *scene, struct listener listener, int accepted)
{
	struct trip trip = { .scene = scene, .listener = listener };
	struct engine engine = { listener.fd, -1, accepted, NULL };
	int stop[2];

	trip.ground = mmap(NULL, sizeof(*trip.ground), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(trip.ground != MAP_FAILED);
	/* Close on exec, and the engine must not hold the end whose closing ends it. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stop), 0);
	engine.stop = stop[0];
	engine.ground = trip.ground;
	trip.stop = stop[1];
	trip.engine = process_start(run_engine, &engine);
	close(stop[0]);
	return trip;
}

void trip_end(struct trip *trip)
{
	if (!trip->engine)
		return;
	/* The engine has inherited this end too: a word, not its closing. */
	send_all(trip->stop, "", 1);
	assert_int_equal(process_wait(trip->engine), 0);
	close(trip->stop);
	trip->engine = 0;
}

/* ---- errands */

struct errand trip_errand(struct trip *trip)
{
	struct errand errand = { .folder = trip->scene->folder,
				 .name = strrchr(trip->listener.path, '/') + 1,
				 .fd = -1,
				 .send = send_by_write,
				 .receive = receive_by_read,
				 .ground = trip->ground,
				 .argument = trip->argument };

	snprintf(errand.path, sizeof(errand.path), "%s", trip->listener.path);
	return errand;
}

struct expected_request *trip_ask(struct trip *trip, struct errand *errand, size_t length)
{
	struct expected_request *expected = &trip->expected[trip->count++];
	char *at = errand->request + errand->length;
	size_t room = sizeof(errand->request) - errand->length, written;

	assert_true(trip->count <= ROUTE_REQUESTS && length <= room);
	expected->name = program_invocation_short_name;
	snprintf(expected->path, sizeof(expected->path), "/route/%zu", trip->count);
	written = (size_t)snprintf(at, room, "POST %s HTTP/1.1\r\nHost: d\r\n", expected->path);
	if (length) {
		size_t body = length - written - sizeof("Content-Length: 0000\r\n\r\n") + 1;

		written += (size_t)snprintf(at + written, room - written,
					    "Content-Length: %04zu\r\n\r\n", body);
		for (; written < length; written++)
			at[written] = (char)('a' + written % 23);
	} else {
		written += (size_t)snprintf(at + written, room - written, "\r\n");
	}
	errand->length += written;
	errand->answers++;
	return expected;
}

int errand_connect(struct errand *errand)
{
	struct sockaddr_un {
		sa_family_t family;
		char path[108];
	} address = { .family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	alarm((unsigned int)scene_seconds(30)); /* nobody waits for ever */
	if (fd < 0 || strlen(errand->path) >= sizeof(address.path))
		return -EINVAL;
	strcpy(address.path, errand->path);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : fd;
}

int errand_talk(struct errand *errand, int fd)
{
	_cleanup_buffer_ struct buffer received = {}, copied = {};
	size_t answers = errand->answers;

	alarm((unsigned int)scene_seconds(30));
	if (errand->length && errand->send(fd, errand->request, errand->length) < 0)
		return 1;
	if (!errand->receive)
		return 0;
	if (errand->receive(fd, answers * (sizeof(ANSWER) - 1), &received, &copied) < 0)
		return 2;
	for (size_t i = 0; i < answers; i++)
		if (memcmp(received.data + i * (sizeof(ANSWER) - 1), ANSWER, sizeof(ANSWER) - 1))
			return 3;
	return 0;
}

int errand_do(void *context)
{
	struct errand *errand = context;
	int fd = errand->fd, r = errand->before ? errand->before(errand) : 0;

	if (r)
		return r;
	if (errand->path[0])
		fd = errand_connect(errand);
	return fd < 0 ? 80 : errand_talk(errand, fd);
}

pid_t trip_run(struct trip *trip, int (*act)(void *), struct errand *errand)
{
	pid_t pid = process_start(act, errand);
	int status = process_wait(pid);

	if (WIFEXITED(status) && WEXITSTATUS(status) == ROUTE_SKIPPED)
		trip->skip = "this kernel refuses what it needs";
	else if (status != 0)
		fail_msg("who went ended with status %d, signal %d", WEXITSTATUS(status),
			 WTERMSIG(status));
	return pid;
}

void trip_go(struct trip *trip, struct errand *errand)
{
	pid_t pid = trip_run(trip, errand_do, errand);

	for (size_t i = 0; i < trip->count; i++)
		trip->expected[i].pid = trip->expected[i].connector = pid;
}

void route_note(const struct scene *scene, const char *route, const char *by, const char *verdict,
		const char *why)
{
	const char *path = getenv("ROUTES");
	_cleanup_buffer_ struct buffer line = {};
	_cleanup_close_ int fd = -1;
	struct utsname kernel;

	if (!path)
		return;
	assert_int_equal(uname(&kernel), 0);
	buffer_printf(&line, "%s\t%s\t%s\t%s\t%s\t%s\n", kernel.release, scene->rung, route, by,
		      verdict, why ?: "");
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(line.error, 0);
	send_all(fd, line.data, line.length);
}
