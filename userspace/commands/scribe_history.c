// SPDX-License-Identifier: Apache-2.0
/* Who had the containers made that are still there: it is in the trail, if this recorder's
 * predecessors saw it. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "commands/scribe_private.h"
#include "correlate/causes.h"
#include "event/json.h"
#include "event/record.h"
#include "trail/reader.h"

/* How long the beginning of recording may wait for it. */
#define PATIENCE_NS (2 * NS_PER_SECOND)

static const struct trail_term wanted[] = {
	{ TRAIL_TERM_OPERATION, "ContainerCreate", sizeof("ContainerCreate") - 1 },
	{ TRAIL_TERM_OPERATION, "ContainerUpdate", sizeof("ContainerUpdate") - 1 },
	{ TRAIL_TERM_OPERATION, "ContainerExec", sizeof("ContainerExec") - 1 },
	{ TRAIL_TERM_KIND, "api-answer", sizeof("api-answer") - 1 },
};

static void trail_reader_closep(struct trail_reader **reader)
{
	trail_reader_close(*reader);
}

/* By its summary alone; one that cannot tell is looked into. */
static bool may_have_them(const struct trail_header *header)
{
	uint64_t count;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (trail_summary_find(header->summary, header->summary_length, &wanted[i],
				       &count) != 0 ||
		    count > 0)
			return true;
	return false;
}

static bool has_one(const char *line, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (memmem(line, length, wanted[i].value, wanted[i].length))
			return true;
	return false;
}

static int remember_lines(struct scribe *scribe, const char *data, size_t length)
{
	const char *end = data + length;
	int r = 0;

	for (const char *newline; r == 0 && data < end; data = newline + 1) {
		newline = memchr(data, '\n', (size_t)(end - data)) ?: end;
		if (!has_one(data, (size_t)(newline - data)))
			continue;
		/* What is no line of a trail is `verify`'s business. */
		if (record_parse_json(scribe->record, data, (size_t)(newline - data)) == 0)
			r = causes_remember(scribe->causes, scribe->record);
	}
	return r;
}

int scribe_remember(struct scribe *scribe, const char *trail)
{
	_cleanup_(trail_reader_closep)
	struct trail_reader *reader = NULL;
	uint64_t until = clock_boot_ns() + PATIENCE_NS;
	const struct trail_frame *frame;
	const char *data;
	size_t length;
	int r = trail_reader_open(&trail, 1, TRAIL_READ_COMMITTED, &reader);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while ((r = trail_reader_next_frame(reader, &frame)) > 0) {
		if (clock_boot_ns() > until) {
			causes_forgot(scribe->causes);
			return -ETIME;
		}
		if (!may_have_them(&frame->header))
			continue;
		r = trail_reader_payload(reader, &data, &length);
		if (r == 0)
			r = remember_lines(scribe, data, length);
		if (r < 0)
			return r;
	}
	return r;
}
