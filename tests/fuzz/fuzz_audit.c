// SPDX-License-Identifier: Apache-2.0
/*
 * A log of audit's (byte 0 is odd: lines), or what the kernel sends (even: a type of two bytes
 * before each record): whatever stands in it, each event that is told is a line that can be read
 * back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/actor.h"
#include "correlate/redact.h"
#include "correlate/sessions.h"
#include "correlate/witness.h"
#include "event/json.h"
#include "event/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bed {
	struct actor_context actors;
	struct redact *redact;
	struct sessions *sessions;
	struct record *read;
	struct buffer line;
};

static void on_event(void *user, struct record *record)
{
	struct bed *bed = user;

	if (redact_record(bed->redact, record) < 0 || record->error)
		abort();
	buffer_clear(&bed->line);
	record_append_json(record, &bed->line);
	if (!buffer_string(&bed->line) ||
	    record_parse_json(bed->read, bed->line.data, bed->line.length) < 0)
		abort();
	if (bed->read->event != record->event)
		abort();
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode == 900 ? "/run/docker.sock" : NULL;
}

static bool is_socket(void *user, const char *path)
{
	return strcmp(path, "/run/docker.sock") == 0;
}

static const struct redact_rules no_rules = {};

static struct bed *bed_once(void)
{
	static struct bed bed;
	struct redact_problem problem;

	if (bed.redact)
		return &bed;
	if (redact_new(&no_rules, &bed.redact, &problem) < 0 ||
	    sessions_new(true, &bed.sessions) < 0 || record_new(&bed.read) < 0)
		abort();
	bed.actors.boot_id = "00000000";
	bed.actors.sessions = bed.sessions;
	return &bed;
}

static void feed(struct witness *witness, struct text line, bool history)
{
	uint64_t when;
	uint32_t type = 0;

	if (history) {
		witness_line(witness, line, &when);
		return;
	}
	if (line.length < 2)
		return;
	type = (uint32_t)((unsigned char)line.data[0] << 8 | (unsigned char)line.data[1]);
	witness_record(witness, type, (struct text){ line.data + 2, line.length - 2 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bed *bed = bed_once();
	struct witness_options options = { .actors = &bed->actors,
					   .redact = bed->redact,
					   .sessions = bed->sessions,
					   .emit = on_event,
					   .socket_path = socket_path,
					   .is_socket = is_socket,
					   .user = bed,
					   .socket_user = bed };
	struct witness *witness;
	const char *at, *end = (const char *)data + size;

	if (size == 0)
		return 0;
	options.history = data[0] & 1;
	if (witness_new(&options, &witness) < 0)
		abort();
	for (at = (const char *)data + 1; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)) ?: end;

		feed(witness, (struct text){ at, (size_t)(newline - at) }, options.history);
		at = newline + 1;
	}
	witness_end(witness);
	witness_free(witness);
	return 0;
}
