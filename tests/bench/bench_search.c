// SPDX-License-Identifier: Apache-2.0
/*
 * The corpus of the searches: a trail of so many requests about 107 containers by 40 users, the
 * same each time. `spread`: each container's events all over it; `together`: one container's after
 * another's. Prints the id of one of the containers.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "commands/ledger.h"
#include "commands/record_options.h"
#include "event/record.h"
#include "tests/bench/measure.h"

#define CONTAINERS  107 /* 0.94 % of the events each */
#define USERS       40
#define BEGIN_NS    1767225600000000000u /* 2026-01-01 */
#define SYNC_EVENTS 16384u               /* so that the queue is never full */

static const struct {
	const char *operation, *method, *path, *name;
	unsigned int status, severity;
} acts[] = {
	{ "ContainerInspect", "GET", "json", "docker", 200, 0 },
	{ "ContainerStats", "GET", "stats", "cadvisor", 200, 0 },
	{ "ContainerLogs", "GET", "logs", "docker", 200, 0 },
	{ "ContainerExec", "POST", "exec", "dockerd-probe", 201, 50 },
	{ "ContainerStop", "POST", "stop", "docker", 204, 25 },
	{ "ContainerStart", "POST", "start", "compose", 204, 25 },
};

/* splitmix64 (Steele, Lea, Flood 2014), seeded: every run makes the same corpus. */
static uint64_t random_number(void)
{
	static uint64_t state = 20260101;
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static char ids[CONTAINERS][65];

static void name_containers(void)
{
	for (size_t i = 0; i < CONTAINERS; i++)
		for (size_t digit = 0; digit < 64; digit += 16)
			snprintf(ids[i] + digit, 17, "%016llx",
				 (unsigned long long)random_number());
}

static void describe(struct record *record, uint64_t number, const char *container)
{
	uint64_t chance = random_number();
	unsigned int act = (unsigned int)(chance % ARRAY_SIZE(acts)),
		     user = (unsigned int)(chance >> 8) % USERS;
	char text[160];

	record_begin(record, EVENT_api_request);
	record_set_number(record, FIELD_timestamp, BEGIN_NS + number * 1000000u);
	record_raise_severity(record, acts[act].severity);
	record_set_number(record, FIELD_event_duration, 200000 + (chance >> 20) % 5000000);
	record_set_number(record, FIELD_process_pid, 1000 + (chance >> 30) % 30000);
	record_set_string(record, FIELD_process_name, acts[act].name);
	snprintf(text, sizeof(text), "/usr/bin/%s", acts[act].name);
	record_set_string(record, FIELD_process_executable, text);
	record_add_text(record, FIELD_process_args, text_of(acts[act].name));
	record_add_text(record, FIELD_process_args, text_of(acts[act].path));
	record_add_text(record, FIELD_process_args, (struct text){ container, 12 });
	snprintf(text, sizeof(text), "%u", 1000 + user);
	record_set_string(record, FIELD_user_id, text);
	snprintf(text, sizeof(text), "user%u", user);
	record_set_string(record, FIELD_user_name, text);
	record_set_string(record, FIELD_http_request_method, acts[act].method);
	snprintf(text, sizeof(text), "/v1.41/containers/%s/%s", container, acts[act].path);
	record_set_string(record, FIELD_url_path, text);
	record_set_number(record, FIELD_http_response_status_code, acts[act].status);
	record_set_string(record, FIELD_api_operation, acts[act].operation);
	record_set_string(record, FIELD_container_id, container);
	record_set_string(record, FIELD_container_name, "a-container");
	record_set_string(record, FIELD_socket_path, "/run/docker.sock");
}

static void fill(struct ledger *ledger, uint64_t events, bool together)
{
	_cleanup_record_ struct record *record = NULL;

	measure_must(record_new(&record), "record");
	for (uint64_t i = 0; i < events; i++) {
		uint64_t which = together ? i * CONTAINERS / events : random_number() % CONTAINERS;

		describe(record, i, ids[which]);
		measure_must(ledger_write(ledger, record), "append");
		if (i % SYNC_EVENTS == SYNC_EVENTS - 1)
			measure_must(trail_writer_sync(ledger->writer), "sync");
	}
	record_begin(record, EVENT_recorder_stop);
	record_set_number(record, FIELD_timestamp, BEGIN_NS + events * 1000000u);
	measure_must(ledger_write(ledger, record), "append");
}

int main(int argc, char **argv)
{
	struct record_options options = { .queue_bytes = 64u << 20 };
	_cleanup_buffer_ struct buffer problem = {};
	struct ledger ledger = {};
	uint64_t events;

	if (argc != 4 || (events = strtoull(argv[2], NULL, 10)) == 0) {
		fputs("usage: bench_search TRAIL-FOLDER EVENTS spread|together\n", stderr);
		return 64;
	}
	name_containers();
	options.trail = argv[1];
	if (ledger_open(&ledger, &options, &problem) < 0) {
		fprintf(stderr, "%s\n", buffer_string(&problem));
		return 1;
	}
	fill(&ledger, events, strcmp(argv[3], "together") == 0);
	measure_must(ledger_close(&ledger), "close");
	puts(ids[CONTAINERS / 2]);
	return 0;
}
