// SPDX-License-Identifier: Apache-2.0
#include "difference_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/containers.h"
#include "correlate/difference.h"
#include "correlate/isolation.h"
#include "event/json.h"
#include "event/record.h"

static void parse(struct record *record, const char *action, const char *what)
{
	char line[4096];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"%s\",\"severity\":0,\"sequence\":77},"
		 "\"docktrail\":{%s}}",
		 action, what);
	assert_int_equal(record_parse_json(record, line, strlen(line)), 0);
}

static struct {
	char id[CONTAINER_ID + 1];
	struct isolation *isolation;
} peers[4];

static size_t peer_count;

static const struct isolation *find_peer(void *user, struct text id)
{
	for (size_t i = 0; i < peer_count; i++)
		if (text_equal(id, text_of(peers[i].id)))
			return peers[i].isolation;
	return NULL;
}

void difference_declare_peer(const char *id, const char *declared)
{
	struct record *record;

	assert_int_equal(record_new(&record), 0);
	parse(record, "api-request", declared);
	strcpy(peers[peer_count].id, id);
	assert_int_equal(isolation_new(record, NULL, &peers[peer_count].isolation), 0);
	assert_non_null(peers[peer_count++].isolation);
	record_free(record);
}

int difference_forget_peers(void **state)
{
	while (peer_count > 0)
		isolation_free(peers[--peer_count].isolation);
	return 0;
}

void difference_expect(const char *declared, const char *update, const char *actual,
		       const char *expected, unsigned int severity)
{
	struct buffer json = {};
	struct containers *containers;
	struct isolation *isolation;
	const struct isolation_peers others = { find_peer, NULL };
	struct record *record;
	const char *found;

	assert_int_equal(containers_new(&containers), 0);
	assert_int_equal(containers_learn(containers, TEXT(OTHER), TEXT("other"), (struct text){}),
			 0);
	assert_int_equal(record_new(&record), 0);
	parse(record, "api-request", declared);
	assert_int_equal(isolation_new(record, containers, &isolation), 0);
	if (isolation && update) {
		parse(record, "api-request", update);
		isolation_update(isolation, record);
	}
	parse(record, "container-start", actual);
	if (isolation)
		isolation_compare(isolation, &others, record);
	assert_int_equal(record_number(record, FIELD_event_severity), severity);
	record_append_json(record, &json);
	assert_int_equal(record->error, 0);
	found = strstr(buffer_string(&json), "\"difference\":");
	if (expected && (!found || strncmp(found + 13, expected, strlen(expected)) != 0))
		fail_msg("expected %s, found %s", expected, buffer_string(&json));
	if (!expected && found)
		fail_msg("expected none, found %s", found);
	buffer_free(&json);
	record_free(record);
	isolation_free(isolation);
	containers_free(containers);
}
