// SPDX-License-Identifier: Apache-2.0
/*
 * What an act costs the one who does it, in nanoseconds: one line `MEASURE NS` for each measure
 * that is named. The same acts are done on a bare machine, with the recorder running and under
 * rules of the kernel's audit; tests/bench/run does that in turns and compares.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/bench/measure.h"

#define BATCH_CONNECTS 300 /* what fits into the ring of 512 KiB before the recorder looks */
#define EXCHANGES      3000
#define EXCHANGE_BYTES 200

static const char *folder, *engine;
static char **command;

static struct sockaddr_un address_of(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = name[0] == '/'
			     ? snprintf(address.sun_path, sizeof(address.sun_path), "%s", name)
			     : snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder,
					name);

	if (length >= (int)sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		measure_die(name);
	}
	return address;
}

static int bound(int type, const char *name)
{
	struct sockaddr_un address = address_of(name);
	int fd = measure_must(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");

	unlink(address.sun_path);
	measure_must(bind(fd, (struct sockaddr *)&address, sizeof(address)), address.sun_path);
	return fd;
}

static int connected(const char *name)
{
	struct sockaddr_un address = address_of(name);
	int fd = measure_must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	measure_must(connect(fd, (struct sockaddr *)&address, sizeof(address)), address.sun_path);
	return fd;
}

/* ---- one repetition of each measure: nanoseconds of one act */

static double syscall_once(void)
{
	uint64_t start = measure_ns(MEASURE_CPU);

	for (int i = 0; i < 200000; i++)
		syscall(SYS_getppid);
	return (double)(measure_ns(MEASURE_CPU) - start) / 200000;
}

/* A datagram socket may be connected again and again: a connect(2) with nothing around it. */
static double datagram_connect_once(void)
{
	static int client = -1;
	static struct sockaddr_un addresses[2];
	uint64_t start;

	if (client < 0) {
		bound(SOCK_DGRAM, "datagram-0");
		bound(SOCK_DGRAM, "datagram-1");
		addresses[0] = address_of("datagram-0");
		addresses[1] = address_of("datagram-1");
		client = measure_must(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	}
	start = measure_ns(MEASURE_CPU);
	for (int i = 0; i < 20000; i++)
		measure_must(
			connect(client, (struct sockaddr *)&addresses[i & 1], sizeof(addresses[0])),
			"connect");
	return (double)(measure_ns(MEASURE_CPU) - start) / 20000;
}

/* Only the connects are timed: sockets are made before, and accepted and closed after. */
static double connect_batch(int listener, const char *name)
{
	struct sockaddr_un address = address_of(name);
	int clients[BATCH_CONNECTS];
	uint64_t start, spent;

	for (int i = 0; i < BATCH_CONNECTS; i++)
		clients[i] = measure_must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	start = measure_ns(MEASURE_CPU);
	for (int i = 0; i < BATCH_CONNECTS; i++)
		measure_must(connect(clients[i], (struct sockaddr *)&address, sizeof(address)),
			     "connect");
	spent = measure_ns(MEASURE_CPU) - start;
	for (int i = 0; i < BATCH_CONNECTS; i++) {
		close(measure_must(accept(listener, NULL, NULL), "accept"));
		close(clients[i]);
	}
	return (double)spent / BATCH_CONNECTS;
}

static int listening(const char *name)
{
	int listener = bound(SOCK_STREAM, name);

	measure_must(listen(listener, 4096), "listen");
	return listener;
}

static double stream_connect_once(void)
{
	static int listener = -1;

	if (listener < 0)
		listener = listening("unwatched.sock");
	return connect_batch(listener, "unwatched.sock");
}

static int watched_listener(void)
{
	static int listener = -1;

	if (listener < 0)
		listener = listening("watched.sock");
	return listener;
}

/* Each batch is recorded whole: the pause lets the reader empty the ring, which one look does. */
static double watched_connect_once(void)
{
	double ns = connect_batch(watched_listener(), "watched.sock");

	measure_pause_ms(120);
	return ns;
}

static void pass_on(int from, int to, const char *bytes)
{
	char received[EXCHANGE_BYTES];

	if (write(from, bytes, EXCHANGE_BYTES) != EXCHANGE_BYTES ||
	    read(to, received, sizeof(received)) != EXCHANGE_BYTES)
		measure_die("exchange");
}

static struct {
	int client, server;
	char question[EXCHANGE_BYTES + 1], answer[EXCHANGE_BYTES + 1];
} exchange = { .client = -1 };

static void open_exchange(void)
{
	int listener;

	if (exchange.client >= 0)
		return;
	listener = watched_listener();
	exchange.client = connected("watched.sock");
	exchange.server = measure_must(accept(listener, NULL, NULL), "accept");
	snprintf(exchange.question, sizeof(exchange.question),
		 "GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: %0149d\r\n\r\n", 1);
	snprintf(
		exchange.answer, sizeof(exchange.answer),
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nOstype: linux\r\nServer: %0135d\r\n\r\nOK",
		1);
	if (strlen(exchange.question) != EXCHANGE_BYTES ||
	    strlen(exchange.answer) != EXCHANGE_BYTES) {
		fprintf(stderr, "exchange: %zu and %zu bytes\n", strlen(exchange.question),
			strlen(exchange.answer));
		exit(1);
	}
}

static void exchange_one(void)
{
	pass_on(exchange.client, exchange.server, exchange.question);
	pass_on(exchange.server, exchange.client, exchange.answer);
}

static double exchange_once(void)
{
	uint64_t start, spent;

	open_exchange();
	start = measure_ns(MEASURE_CPU);
	for (int i = 0; i < EXCHANGES; i++)
		exchange_one();
	spent = measure_ns(MEASURE_CPU) - start;
	measure_pause_ms(250);
	return (double)spent / EXCHANGES;
}

static double packets(int from, int to, int count)
{
	uint64_t start = measure_ns(MEASURE_CPU);
	char byte = 'x';

	for (int i = 0; i < count; i++)
		if (send(from, &byte, 1, 0) != 1 || recv(to, &byte, 1, 0) != 1)
			measure_die("loopback");
	return (double)(measure_ns(MEASURE_CPU) - start) / count;
}

static int inet_bound(int type, struct sockaddr_in *ret)
{
	socklen_t length = sizeof(*ret);
	int fd = measure_must(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");

	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	measure_must(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), "bind");
	measure_must(getsockname(fd, (struct sockaddr *)ret, &length), "getsockname");
	return fd;
}

static double udp_once(void)
{
	static int client = -1, server;
	struct sockaddr_in address;

	if (client < 0) {
		server = inet_bound(SOCK_DGRAM, &address);
		client = measure_must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
		measure_must(connect(client, (struct sockaddr *)&address, sizeof(address)), "udp");
	}
	return packets(client, server, 20000);
}

static double tcp_once(void)
{
	static int client = -1, server;
	struct sockaddr_in address;

	if (client < 0) {
		int listener = inet_bound(SOCK_STREAM, &address), one = 1;

		measure_must(listen(listener, 1), "listen");
		client = measure_must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
		measure_must(connect(client, (struct sockaddr *)&address, sizeof(address)), "tcp");
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		server = measure_must(accept(listener, NULL, NULL), "accept");
	}
	return packets(client, server, 20000);
}

/* A client that keeps its connection to the engine, as the docker command does. Wall time: the
 * engine works too. */
static double ping_once(void)
{
	static const char question[] =
		"GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: bench\r\n\r\n";
	static int client = -1;
	uint64_t start;

	if (client < 0)
		client = connected(engine);
	start = measure_ns(MEASURE_WALL);
	for (int i = 0; i < 1000; i++) {
		char answer[4096];
		size_t length = 0;

		if (write(client, question, sizeof(question) - 1) != sizeof(question) - 1)
			measure_die("ping");
		do {
			ssize_t n = read(client, answer + length, sizeof(answer) - 1 - length);

			if (n <= 0)
				measure_die("ping");
			length += (size_t)n;
			answer[length] = '\0';
		} while (!strstr(answer, "\r\n\r\nOK"));
	}
	return (double)(measure_ns(MEASURE_WALL) - start) / 1000;
}

static double command_once(void)
{
	uint64_t start = measure_ns(MEASURE_WALL);
	extern char **environ;
	int status;
	pid_t pid;

	errno = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
	if (errno)
		measure_die(command[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "%s: ended with status %d\n", command[0], status);
		exit(1);
	}
	return (double)(measure_ns(MEASURE_WALL) - start);
}

/* A process that is made, runs another program and ends: what the process tree costs. */
static double process_once(void)
{
	static char *program[] = { "true", NULL };
	uint64_t start = measure_ns(MEASURE_WALL);
	extern char **environ;
	int status;
	pid_t pid;

	for (int i = 0; i < 200; i++) {
		errno = posix_spawn(&pid, "/bin/true", NULL, NULL, program, environ);
		if (errno)
			measure_die(program[0]);
		if (waitpid(pid, &status, 0) != pid || status != 0)
			measure_die(program[0]);
	}
	return (double)(measure_ns(MEASURE_WALL) - start) / 200;
}

/* Two calls, the second of which needs CAP_SYS_NICE. */
static double capability_once(void)
{
	uint64_t start = measure_ns(MEASURE_CPU);

	for (int i = 0; i < 20000; i++) {
		measure_must(setpriority(PRIO_PROCESS, 0, 0), "setpriority");
		measure_must(setpriority(PRIO_PROCESS, 0, -1), "setpriority");
	}
	start = measure_ns(MEASURE_CPU) - start;
	setpriority(PRIO_PROCESS, 0, 0);
	return (double)start / 20000;
}

/*
 * As many as go in three seconds, nobody waiting for the recorder: prints how many they were. What
 * was recorded, and what was counted as lost, is looked up afterwards.
 */
#define FLOOD_NS 3000000000u

static double flood_connects_once(void)
{
	int listener = watched_listener();
	uint64_t start = measure_ns(MEASURE_WALL), count = 0;

	for (; measure_ns(MEASURE_WALL) - start < FLOOD_NS; count++) {
		int client = connected("watched.sock");

		close(measure_must(accept(listener, NULL, NULL), "accept"));
		close(client);
	}
	return (double)count;
}

static double flood_requests_once(void)
{
	uint64_t start = measure_ns(MEASURE_WALL), count = 0;

	open_exchange();
	for (; measure_ns(MEASURE_WALL) - start < FLOOD_NS; count++)
		exchange_one();
	return (double)count;
}

static const struct measure {
	const char *name;
	double (*once)(void);
	int repetitions;
} measures[] = {
	{ "syscall", syscall_once, 9 },
	{ "datagram-connect", datagram_connect_once, 9 },
	{ "stream-connect", stream_connect_once, 25 },
	{ "watched-connect", watched_connect_once, 9 },
	{ "exchange", exchange_once, 9 },
	{ "udp", udp_once, 7 },
	{ "tcp", tcp_once, 7 },
	{ "ping", ping_once, 9 },
	{ "command", command_once, 5 },
	{ "process", process_once, 9 },
	{ "capability", capability_once, 9 },
	{ "flood-connects", flood_connects_once, 1 },
	{ "flood-requests", flood_requests_once, 1 },
};

/* The smallest of several: what disturbs a measurement only ever makes it longer. */
static void take(const struct measure *measure)
{
	double least = 0;

	for (int i = 0; i < measure->repetitions; i++) {
		double ns = measure->once();

		if (i == 0 || ns < least)
			least = ns;
	}
	printf("%s %.1f\n", measure->name, least);
	fflush(stdout);
}

/*
 * One CPU for an act of one thread, the last one: interrupts of devices mostly go to the first.
 * Where others work for it, all of them.
 */
static void stay(bool alone)
{
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	CPU_ZERO(&set);
	for (size_t cpu = alone ? cpus - 1 : 0; cpu < cpus; cpu++)
		CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int usage(void)
{
	fputs("usage: bench_costs FOLDER ENGINE-SOCKET MEASURE... [-- COMMAND...]\nmeasures:",
	      stderr);
	for (size_t i = 0; i < ARRAY_SIZE(measures); i++)
		fprintf(stderr, " %s", measures[i].name);
	fputs("\nFOLDER holds the sockets: watched.sock is the one that a recorder is told to watch.\n",
	      stderr);
	return 64;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int named = 3;

	if (argc < 4)
		return usage();
	folder = argv[1];
	engine = argv[2];
	for (int i = 3; i < argc && !command; i++)
		if (strcmp(argv[i], "--") == 0)
			command = argv + i + 1;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (; named < argc && strcmp(argv[named], "--") != 0; named++) {
		size_t at = 0;

		while (at < ARRAY_SIZE(measures) && strcmp(measures[at].name, argv[named]) != 0)
			at++;
		if (at == ARRAY_SIZE(measures))
			return usage();
		stay(measures[at].once != command_once && measures[at].once != ping_once);
		take(&measures[at]);
	}
	return 0;
}
