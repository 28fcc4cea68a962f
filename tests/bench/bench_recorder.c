// SPDX-License-Identifier: Apache-2.0
/*
 * How much the recorder can take: messages as the probes send them, made up here and handed to the
 * scribe as fast as it takes them, until all is signed and on the disk. Many connections at once,
 * each kept open by its client for six requests of a `docker run` and a look around, interleaved
 * message by message.
 *
 * Prints lines `NAME VALUE`. The time that making up the messages takes is measured alone, and
 * taken off what the parsing thread is said to need.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "tests/bench/measure.h"

/* Stages are joined in commands/, and programs of tests/bench are linked with the stages alone. */
#include "commands/ledger.c"
#include "commands/record_options.h"
#include "commands/scribe.c"
#include "commands/scribe_history.c"
#include "commands/scribe_open.c"

#define CONNECTIONS   1000
#define ACTORS        64
#define ENGINE_PID    900
#define LISTENER      4711
#define PLACE         "@@@@@@@@@@@@@@@@" /* sixteen digits of a container's id that differ each time */
#define REST_OF_ID    "0d3c1e85b2a7f64990c1d2e3f4a5b697881726354fa0c1d2"
#define QUEUE_HALF    (8u << 20)
#define LOOK_MESSAGES 1024
#define TICK_MESSAGES 32768 /* what 50 ms bring at the rate to reach */

#define CREATE_BODY                                                                                                         \
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"1000:1000\",\"AttachStdin\":false,\"AttachStdout\":true,"        \
	"\"AttachStderr\":true,\"ExposedPorts\":{\"8080/tcp\":{}},\"Tty\":false,\"OpenStdin\":false,"                       \
	"\"StdinOnce\":false,\"Env\":[\"LANG=C.UTF-8\",\"API_TOKEN=hunter2hunter2hunter2\"],"                               \
	"\"Cmd\":[\"serve\",\"--port\",\"8080\"],\"Image\":\"registry.example/shop/web:1.24\",\"Volumes\":{},"              \
	"\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{\"com.example.team\":\"shop\"},"              \
	"\"HostConfig\":{\"Binds\":[\"/srv/web/config:/etc/web:ro\",\"web-data:/var/lib/web\"],"                            \
	"\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\",\"Config\":{}},\"NetworkMode\":\"default\","                 \
	"\"PortBindings\":{\"8080/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]},\"RestartPolicy\":{\"Name\":"            \
	"\"no\",\"MaximumRetryCount\":0},\"AutoRemove\":true,\"VolumeDriver\":\"\",\"VolumesFrom\":null,"                   \
	"\"CapAdd\":null,\"CapDrop\":[\"NET_RAW\"],\"CgroupnsMode\":\"\",\"Dns\":[],\"DnsOptions\":[],"                     \
	"\"DnsSearch\":[],\"ExtraHosts\":null,\"GroupAdd\":null,\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":null,"           \
	"\"OomScoreAdj\":0,\"PidMode\":\"\",\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,"       \
	"\"SecurityOpt\":[\"no-new-privileges\"],\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":0,\"Memory\":268435456}," \
	"\"NetworkingConfig\":{\"EndpointsConfig\":{}}}"

#define ENTRY                                                                                                           \
	"{\"Id\":\"" PLACE REST_OF_ID                                                                                   \
	"\",\"Names\":[\"/web\"],\"Image\":\"registry.example/shop/web:1.24\","                                         \
	"\"ImageID\":\"sha256:2fd31f7be2f30f7a7ee3aa3c0d2d1cf0a9d2fd7f7c1ba7bd9b0ba5f2d7f8bb10\",\"Command\":"          \
	"\"/entrypoint serve --port 8080\",\"Created\":1764000000,\"Ports\":[{\"PrivatePort\":8080,\"Type\":\"tcp\"}]," \
	"\"Labels\":{\"com.example.team\":\"shop\"},\"State\":\"running\",\"Status\":\"Up 2 hours\"}"

#define REQUEST(line, headers)                                                                     \
	line " HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/20.10.24 (linux)\r\n" headers \
	     "\r\n"
#define ANSWER(status, headers)                                                                    \
	"HTTP/1.1 " status                                                                         \
	"\r\nApi-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\n"                 \
	"Server: Docker/20.10.24 (linux)\r\nDate: Sat, 22 Nov 2025 08:00:00 GMT\r\n" headers       \
	"\r\n"
#define JSON_HEADERS "Content-Type: application/json\r\n"

struct text_pair {
	char *request, *answer;
	size_t request_length, answer_length;
};

static struct text_pair steps[6];

/* A message of HTTP: its head has %zu where the length of the body goes, if anywhere. */
static char *compose(const char *head_format, const char *body, size_t *ret_length)
{
	char head[1024];
	char *text;

	snprintf(head, sizeof(head), head_format, strlen(body));
	*ret_length = (size_t)measure_must(asprintf(&text, "%s%s", head, body), "asprintf");
	return text;
}

static void write_steps(void)
{
	static const char ok[] = ANSWER("200 OK", JSON_HEADERS "Content-Length: %zu\r\n");
	static const struct {
		const char *request, *request_body, *answer, *answer_body;
	} texts[ARRAY_SIZE(steps)] = {
		{ REQUEST("HEAD /_ping", ""), "", ANSWER("200 OK", "Content-Length: 0\r\n"), "" },
		{ REQUEST("GET /v1.41/containers/json", ""), "", ok,
		  "[" ENTRY "," ENTRY "," ENTRY "," ENTRY "," ENTRY "]\n" },
		{ REQUEST("POST /v1.41/containers/create?name=web",
			  JSON_HEADERS "Content-Length: %zu\r\n"),
		  CREATE_BODY, ANSWER("201 Created", JSON_HEADERS "Content-Length: %zu\r\n"),
		  "{\"Id\":\"" PLACE REST_OF_ID "\",\"Warnings\":[]}\n" },
		{ REQUEST("POST /v1.41/containers/" PLACE REST_OF_ID "/start",
			  "Content-Length: 0\r\n"),
		  "", ANSWER("204 No Content", ""), "" },
		{ REQUEST("GET /v1.41/containers/" PLACE REST_OF_ID "/json", ""), "", ok,
		  ENTRY "\n" },
		{ REQUEST("GET /_ping", ""), "", ANSWER("200 OK", "Content-Length: %zu\r\n"),
		  "OK" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		steps[i].request =
			compose(texts[i].request, texts[i].request_body, &steps[i].request_length);
		steps[i].answer =
			compose(texts[i].answer, texts[i].answer_body, &steps[i].answer_length);
	}
}

/* ---- messages */

struct client {
	uint64_t id, offset[2];
	uint32_t turn;
	uint8_t step, actor;
};

static struct {
	struct client clients[CONNECTIONS];
	struct wire_task actors[ACTORS];
	uint64_t time, last_id, messages, bytes, paused_ns;
	struct scribe *scribe; /* NULL: the messages are made, and nobody takes them */
} bench;

/* The recorder drops what it cannot write in time: whoever measures what it can take has to wait
 * for it. */
static void wait_for_disk(void)
{
	struct trail_writer_stats stats;
	uint64_t start = measure_ns(MEASURE_WALL);
	bool waited = false;

	for (;;) {
		trail_writer_get_stats(bench.scribe->ledger.writer, &stats);
		if (stats.queue_bytes < QUEUE_HALF || stats.error)
			break;
		measure_pause_ms(1);
		waited = true;
	}
	if (waited)
		bench.paused_ns += measure_ns(MEASURE_WALL) - start;
}

static void hand_over(struct wire_header *header, enum wire_message message, size_t fixed,
		      size_t tail)
{
	bench.time += 500;
	header->time = bench.time;
	header->message = (uint16_t)message;
	header->tail = (uint16_t)fixed;
	header->length = (uint32_t)(fixed + tail);
	bench.bytes += header->length;
	bench.messages++;
	if (!bench.scribe)
		return;
	scribe_message(bench.scribe, header);
	if (bench.messages % LOOK_MESSAGES == 0)
		wait_for_disk();
	if (bench.messages % TICK_MESSAGES == 0)
		scribe_tick(bench.scribe);
}

static void make_actors(void)
{
	static struct {
		struct wire_process_exec message;
		char tail[128];
	} exec;
	static const char executable[] = "/usr/bin/docker",
			  args[] = "docker\0run\0--rm\0-p\0"
				   "8080:8080\0registry.example/shop/web:1.24\0serve";

	for (uint32_t i = 0; i < ACTORS; i++) {
		struct wire_task *task = &bench.actors[i];

		*task = (struct wire_task){ .start = bench.time + i,
					    .pid = 100000 + i,
					    .uid = 1000 + i % 8,
					    .gid = 1000,
					    .effective_uid = 1000 + i % 8,
					    .effective_gid = 1000,
					    .login_uid = 1000 + i % 8,
					    .session = 40 + i % 8,
					    .parent_pid = 1 };
		strcpy(task->name, "docker");
		strcpy(task->tty, "pts0");
		exec.message = (struct wire_process_exec){
			.task = *task,
			.args_length = sizeof(args),
			.executable = { .offset = 0, .length = sizeof(executable) - 1 },
			.args = { .offset = sizeof(executable) - 1, .length = sizeof(args) },
		};
		memcpy(exec.tail, executable, sizeof(executable) - 1);
		memcpy(exec.tail + sizeof(executable) - 1, args, sizeof(args));
		hand_over(&exec.message.header, WIRE_process_exec, offsetof(typeof(exec), tail),
			  sizeof(executable) - 1 + sizeof(args));
	}
}

static void open_connection(struct client *client)
{
	struct wire_socket_connect connect = { .task = bench.actors[client->actor],
					       .socket_inode = LISTENER };
	struct wire_socket_sender sender = { .task = connect.task, .inode = LISTENER };

	client->id = ++bench.last_id;
	client->offset[0] = client->offset[1] = 0;
	client->turn = client->step = 0;
	connect.connection = sender.connection = client->id;
	sender.connector = connect.task.pid;
	hand_over(&connect.header, WIRE_socket_connect, sizeof(connect), 0);
	hand_over(&sender.header, WIRE_socket_sender, sizeof(sender), 0);
}

static void close_connection(struct client *client)
{
	for (uint8_t direction = 0; direction < 2; direction++) {
		struct wire_socket_close message = { .connection = client->id,
						     .direction = direction,
						     .sent = client->offset[direction],
						     .turns = client->turn };

		hand_over(&message.header, WIRE_socket_close, sizeof(message), 0);
	}
}

/* Sixteen digits where the text has room for them: a container of its own for each connection. */
static void write_ids(char *bytes, size_t length, uint64_t id)
{
	char *at = bytes;

	while ((at = memchr(at, '@', length - (size_t)(at - bytes)))) {
		for (int digit = 0; digit < 16; digit++)
			*at++ = "0123456789abcdef"[id * 0x9e3779b97f4a7c15u >> (60 - 4 * digit) &
						   15];
	}
}

/* As the probes send it: in pieces of at most WIRE_PIECE_MOST, the first of which begins a turn. */
static void say(struct client *client, uint8_t direction, const char *bytes, size_t length)
{
	static struct {
		struct wire_socket_piece message;
		char tail[WIRE_PIECE_MOST];
	} piece;

	for (size_t at = 0; at < length; at += WIRE_PIECE_MOST) {
		size_t part = length - at < WIRE_PIECE_MOST ? length - at : WIRE_PIECE_MOST;

		piece.message = (struct wire_socket_piece){
			.connection = client->id,
			.offset = client->offset[direction],
			.inode = LISTENER,
			.length = (uint32_t)part,
			.turn = client->turn,
			.connector = bench.actors[client->actor].pid,
			.direction = direction,
			.flags = at == 0 ? WIRE_PIECE_TURN : 0,
			.data = { .offset = 0, .length = (uint16_t)part },
		};
		memcpy(piece.tail, bytes + at, part);
		write_ids(piece.tail, part, client->id);
		client->offset[direction] += part;
		hand_over(&piece.message.header, WIRE_socket_piece, offsetof(typeof(piece), tail),
			  part);
	}
}

static void take_step(struct client *client)
{
	const struct text_pair *pair = &steps[client->step];

	if (client->step == 0)
		open_connection(client);
	client->turn++;
	say(client, WIRE_CLIENT, pair->request, pair->request_length);
	say(client, WIRE_ENGINE, pair->answer, pair->answer_length);
	if (++client->step == ARRAY_SIZE(steps)) {
		close_connection(client);
		client->step = 0;
		client->actor = (uint8_t)((client->actor + 1) % ACTORS);
	}
}

/* Connections begin at different steps, so that all kinds of requests are always mixed. */
static void converse(uint64_t requests)
{
	memset(bench.clients, 0, sizeof(bench.clients));
	bench.time = clock_boot_ns();
	bench.messages = bench.bytes = 0;
	make_actors();
	for (size_t i = 0; i < CONNECTIONS; i++) {
		bench.clients[i].actor = (uint8_t)(i % ACTORS);
		for (size_t ahead = 0; ahead < i % ARRAY_SIZE(steps); ahead++)
			take_step(&bench.clients[i]);
	}
	for (uint64_t i = 0; i < requests; i++)
		take_step(&bench.clients[i % CONNECTIONS]);
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode == LISTENER ? "/run/docker.sock" : NULL;
}

static struct scribe *open_scribe(char *folder)
{
	struct record_options record = { .trail = folder, .queue_bytes = 16u << 20 };
	struct scribe_options options = { .record = &record,
					  .source = "tp_btf",
					  .socket_path = socket_path };
	_cleanup_buffer_ struct buffer problem = {};
	struct scribe *scribe;
	int r = scribe_open(&options, &scribe, &problem);

	if (r < 0) {
		fprintf(stderr, "scribe: %s\n", buffer_string(&problem) ?: strerror(-r));
		exit(1);
	}
	measure_must(scribe_seed(scribe), "seed");
	return scribe;
}

static void report(const struct scribe_stats *stats, double wall_ns, double parse_ns,
		   double write_ns)
{
	double events = (double)stats->events;

	printf("events %.0f\n", events);
	printf("events_per_second %.0f\n", events / wall_ns * 1e9);
	printf("parse_ns_per_event %.0f\n", parse_ns / events);
	printf("write_ns_per_event %.0f\n", write_ns / events);
	printf("line_bytes %.0f\n", (double)stats->trail.raw_bytes / events);
	printf("stored_bytes_per_event %.1f\n", (double)stats->trail.stored_bytes / events);
	printf("wire_bytes_per_event %.0f\n", (double)bench.bytes / events);
	printf("waited_for_disk_ms %.0f\n", (double)bench.paused_ns / 1e6);
	printf("lost %llu\n",
	       (unsigned long long)(stats->losses.queue + stats->losses.memory + stats->losses.bad +
				    stats->conversations.evicted));
}

int main(int argc, char **argv)
{
	uint64_t requests, wall, cpu, all, making;
	struct scribe_stats stats;

	if (argc != 3 || (requests = strtoull(argv[2], NULL, 10)) == 0) {
		fputs("usage: bench_recorder TRAIL-FOLDER REQUESTS\n", stderr);
		return 64;
	}
	write_steps();
	cpu = measure_ns(MEASURE_CPU);
	converse(requests);
	making = measure_ns(MEASURE_CPU) - cpu;

	bench.scribe = open_scribe(argv[1]);
	wall = measure_ns(MEASURE_WALL);
	cpu = measure_ns(MEASURE_CPU);
	all = measure_ns(CLOCK_PROCESS_CPUTIME_ID);
	converse(requests);
	scribe_end(bench.scribe);
	if (scribe_sync(bench.scribe) < 0) {
		fputs("the trail could not be written\n", stderr);
		return 1;
	}
	wall = measure_ns(MEASURE_WALL) - wall;
	cpu = measure_ns(MEASURE_CPU) - cpu;
	all = measure_ns(CLOCK_PROCESS_CPUTIME_ID) - all;
	scribe_get_stats(bench.scribe, &stats);
	report(&stats, (double)wall, (double)cpu - (double)making, (double)(all - cpu));
	scribe_close(bench.scribe);
	return 0;
}
