// SPDX-License-Identifier: Apache-2.0
#include "witness_bed.h"

#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "correlate/redact.h"
#include "correlate/sessions.h"
#include "event/json.h"
#include "event/record.h"

void witness_emit(void *user, struct record *record)
{
	struct witness_bed *bed = user;

	assert_int_equal(record->error, 0);
	record_append_json(record, &bed->lines);
	buffer_append_char(&bed->lines, '\n');
	bed->told++;
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode == INODE ? "/run/docker.sock" : NULL;
}

static bool watched(void *user, const char *path, uint64_t inode, uint32_t device, bool above)
{
	return strncmp(path, "/etc/docker/", 12) == 0 || inode == 99 ||
	       (above && strncmp("/etc/docker/", path, strlen(path)) == 0);
}

const struct witness_inode witness_ruled = { INODE, 0x1a };

static const struct redact_rules no_rules = {};

int witness_set_up(void **state)
{
	struct witness_bed *bed = calloc(1, sizeof(*bed));
	struct redact_problem problem;
	struct witness_options options = {
		.emit = witness_emit, .socket_path = socket_path, .watched = watched, .own_pid = 77
	};

	assert_int_equal(redact_new(&no_rules, &bed->redact, &problem), 0);
	assert_int_equal(sessions_new(false, &bed->sessions), 0);
	assert_int_equal(record_new(&bed->record), 0);
	bed->actors.boot_id = "00000000";
	bed->actors.sessions = bed->sessions;
	options.actors = &bed->actors;
	options.redact = bed->redact;
	options.sessions = bed->sessions;
	options.user = options.socket_user = bed;
	assert_int_equal(witness_new(&options, &bed->witness), 0);
	assert_int_equal(witness_expect_connects(bed->witness, &witness_ruled, 1), 0);
	/* Its clock goes on from here. */
	bed->now = 1;
	assert_int_equal(witness_tick(bed->witness, BEGIN_MS, bed->now), 0);
	*state = bed;
	return 0;
}

int witness_tear_down(void **state)
{
	struct witness_bed *bed = *state;

	witness_free(bed->witness);
	record_free(bed->record);
	sessions_free(bed->sessions);
	redact_free(bed->redact);
	buffer_free(&bed->lines);
	free(bed);
	return 0;
}

void witness_hears(struct witness_bed *bed, uint32_t type, const char *body)
{
	char payload[1024];

	snprintf(payload, sizeof(payload), "audit(%llu.%03llu:%llu): %s",
		 (unsigned long long)(BEGIN_MS / 1000), (unsigned long long)(BEGIN_MS % 1000),
		 (unsigned long long)bed->serial, body);
	assert_int_equal(witness_record(bed->witness, type, text_of(payload)), 0);
}

void witness_connects(struct witness_bed *bed, unsigned int pid, const char *result)
{
	char body[512];

	bed->serial++;
	snprintf(body, sizeof(body),
		 "arch=c000003e syscall=42 %s a0=3 a1=0 a2=10 a3=0 items=1 ppid=1 pid=%u auid=1000 "
		 "uid=1000 gid=1000 euid=1000 tty=(none) ses=7 comm=\"curl\" exe=\"/usr/bin/curl\" "
		 "key=\"docktrail-connect\"",
		 result, pid);
	witness_hears(bed, AUDIT_SYSCALL, body);
	witness_hears(bed, AUDIT_PATH,
		      "item=0 name=\"/tmp/link\" inode=4242 dev=00:1a nametype=NORMAL");
	witness_hears(bed, AUDIT_PROCTITLE, "proctitle=6375");
}

void witness_probes_see(struct witness_bed *bed, unsigned int pid)
{
	record_begin(bed->record, EVENT_socket_connect);
	record_set_number(bed->record, FIELD_timestamp, BEGIN_MS * NS_PER_MS + 300000);
	record_set_number(bed->record, FIELD_process_pid, pid);
	record_set_number(bed->record, FIELD_socket_inode, INODE);
	record_set_string(bed->record, FIELD_witness, "bpf");
	record_set_string(bed->record, FIELD_source, "fexit/unix_stream_connect");
	if (!witness_keeps(bed->witness, bed->record))
		witness_emit(bed, bed->record);
}

void witness_later(struct witness_bed *bed, uint64_t ms)
{
	bed->now += ms * NS_PER_MS;
	assert_int_equal(witness_tick(bed->witness, BEGIN_MS + bed->now / NS_PER_MS, bed->now), 0);
}

const char *witness_lines(struct witness_bed *bed, size_t count)
{
	const char *text = buffer_string(&bed->lines);

	assert_int_equal(bed->told, count);
	bed->told = 0;
	bed->lines.length = 0;
	return text;
}

void witness_says(const char *line, const char *part)
{
	if (!strstr(line, part))
		fail_msg("not said: %s in %s", part, line);
}
