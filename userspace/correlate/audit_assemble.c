// SPDX-License-Identifier: Apache-2.0
#include "correlate/audit_assemble.h"

#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"

#define KEPT_BYTES (64u << 10)             /* of a buffer that is not in use */
#define SLOTS      (2 * AUDIT_EVENTS_MOST) /* a power of two, twice the events: probes stay short */

struct open_event {
	uint64_t time_ms, serial;
	uint64_t grown_ms; /* when its last record came */
	struct audit_record *records;
	size_t count, room;
	size_t length;       /* bytes of all its texts */
	struct buffer bytes; /* the texts, where they are copied */
	bool cut;
	struct open_event *older, *younger; /* by when they grew; of free ones `younger` alone */
};

struct audit_assembler {
	struct audit_assembler_options options;
	struct audit_assembler_stats stats;
	struct open_event *events; /* AUDIT_EVENTS_MOST */
	struct open_event *unused, *oldest, *youngest;
	struct open_event *slots[SLOTS];
	struct open_event *last; /* the one that the last record belonged to */
	uint64_t now_ms;         /* of the clock, or the latest of a log's */
	size_t bytes;            /* of all that are open */
	uint64_t seed;           /* nobody can choose serials that meet in one slot */
};

int audit_assembler_new(const struct audit_assembler_options *options, struct audit_assembler **ret)
{
	struct audit_assembler *assembler = calloc(1, sizeof(*assembler));

	if (!assembler)
		return -ENOMEM;
	assembler->options = *options;
	if (getrandom(&assembler->seed, sizeof(assembler->seed), 0) < 0) {
		free(assembler);
		return -errno;
	}
	assembler->seed |= 1;
	assembler->events = calloc(AUDIT_EVENTS_MOST, sizeof(*assembler->events));
	if (!assembler->events) {
		free(assembler);
		return -ENOMEM;
	}
	for (size_t i = 0; i < AUDIT_EVENTS_MOST; i++) {
		assembler->events[i].younger = assembler->unused;
		assembler->unused = &assembler->events[i];
	}
	*ret = assembler;
	return 0;
}

void audit_assembler_free(struct audit_assembler *assembler)
{
	if (!assembler)
		return;
	for (size_t i = 0; i < AUDIT_EVENTS_MOST; i++) {
		free(assembler->events[i].records);
		buffer_free(&assembler->events[i].bytes);
	}
	free(assembler->events);
	free(assembler);
}

/* ---- the table of open events: open addressing, nothing is left behind where one is taken out */

static size_t slot_of(const struct audit_assembler *assembler, uint64_t serial)
{
	return (size_t)(serial * assembler->seed >> 32) % SLOTS;
}

static bool is_of(const struct open_event *event, const struct audit_record *record)
{
	return event->serial == record->serial && event->time_ms == record->time_ms;
}

static struct open_event *find(struct audit_assembler *assembler, const struct audit_record *record)
{
	for (size_t at = slot_of(assembler, record->serial); assembler->slots[at];
	     at = (at + 1) % SLOTS)
		if (is_of(assembler->slots[at], record))
			return assembler->slots[at];
	return NULL;
}

static void put(struct audit_assembler *assembler, struct open_event *event)
{
	size_t at = slot_of(assembler, event->serial);

	while (assembler->slots[at])
		at = (at + 1) % SLOTS;
	assembler->slots[at] = event;
}

/* Whoever was put behind it for want of its place moves up (Knuth, 6.4, algorithm R). */
static void take_out(struct audit_assembler *assembler, const struct open_event *event)
{
	size_t at = slot_of(assembler, event->serial), next;

	while (assembler->slots[at] != event)
		at = (at + 1) % SLOTS;
	assembler->slots[at] = NULL;
	for (next = (at + 1) % SLOTS; assembler->slots[next]; next = (next + 1) % SLOTS) {
		struct open_event *moved = assembler->slots[next];

		assembler->slots[next] = NULL;
		put(assembler, moved);
	}
}

/* ---- events */

/* Copies lie one behind the other, and are found once they do not move any more. */
static void find_copies(struct open_event *event)
{
	const char *at = event->bytes.data ?: ""; /* all of them may be empty */

	for (size_t i = 0; i < event->count; i++) {
		struct audit_record *record = &event->records[i];
		struct text *texts[] = { &record->body, &record->enriched, &record->node };

		for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
			texts[t]->data = at;
			at += texts[t]->length;
		}
	}
}

static void hand_over(struct audit_assembler *assembler, struct open_event *open, bool whole)
{
	const struct audit_event event = { .time_ms = open->time_ms,
					   .serial = open->serial,
					   .records = open->records,
					   .count = open->count,
					   .cut = open->cut,
					   .whole = whole };

	if (!assembler->options.stable)
		find_copies(open);
	assembler->stats.events++;
	assembler->options.event(assembler->options.user, &event);
}

static void leave(struct audit_assembler *assembler, const struct open_event *event)
{
	*(event->older ? &event->older->younger : &assembler->oldest) = event->younger;
	*(event->younger ? &event->younger->older : &assembler->youngest) = event->older;
}

static void join(struct audit_assembler *assembler, struct open_event *event)
{
	event->younger = NULL;
	event->older = assembler->youngest;
	*(assembler->youngest ? &assembler->youngest->younger : &assembler->oldest) = event;
	assembler->youngest = event;
}

static void end(struct audit_assembler *assembler, struct open_event *event, bool whole)
{
	take_out(assembler, event);
	leave(assembler, event);
	if (assembler->last == event)
		assembler->last = NULL;
	hand_over(assembler, event, whole);
	assembler->bytes -= event->length;
	event->count = event->length = 0;
	event->cut = false;
	buffer_clear(&event->bytes);
	if (event->bytes.capacity > KEPT_BYTES)
		buffer_free(&event->bytes);
	event->younger = assembler->unused;
	assembler->unused = event;
}

static struct open_event *begin(struct audit_assembler *assembler,
				const struct audit_record *record)
{
	struct open_event *event;

	if (!assembler->unused) {
		assembler->stats.early++;
		end(assembler, assembler->oldest, false);
	}
	event = assembler->unused;
	assembler->unused = event->younger;
	event->time_ms = record->time_ms;
	event->serial = record->serial;
	event->grown_ms = assembler->now_ms;
	join(assembler, event);
	put(assembler, event);
	return event;
}

static int add(struct audit_assembler *assembler, struct open_event *event,
	       const struct audit_record *record)
{
	size_t length = record->body.length + record->enriched.length + record->node.length;

	if (event->count == AUDIT_RECORDS_MOST || length > AUDIT_EVENT_BYTES - event->length) {
		event->cut = true;
		assembler->stats.cut++;
		return 0;
	}
	if (event->count == event->room) {
		size_t room = event->room ? 2 * event->room : 8;
		struct audit_record *records = reallocarray(event->records, room, sizeof(*records));

		if (!records)
			return -ENOMEM;
		event->records = records;
		event->room = room;
	}
	if (!assembler->options.stable) {
		if (buffer_reserve(&event->bytes, length) < 0)
			return -ENOMEM;
		buffer_append(&event->bytes, record->body.data, record->body.length);
		buffer_append(&event->bytes, record->enriched.data, record->enriched.length);
		buffer_append(&event->bytes, record->node.data, record->node.length);
	}
	event->records[event->count++] = *record;
	event->length += length;
	assembler->bytes += length;
	event->grown_ms = assembler->now_ms;
	if (event != assembler->youngest) {
		leave(assembler, event);
		join(assembler, event);
	}
	while (assembler->bytes > AUDIT_OPEN_BYTES && assembler->oldest != event) {
		assembler->stats.early++;
		end(assembler, assembler->oldest, false);
	}
	return 0;
}

/*
 * Whether no record follows this one. Messages of programs and what the kernel writes outside of a
 * system call are events by themselves; of the others PROCTITLE comes last (audit_log_exit). What
 * is in doubt waits for the end of its time: AUDIT_CONFIG_CHANGE, AUDIT_LOGIN and the like can have
 * a SYSCALL beside them.
 */
static bool is_last(uint32_t type)
{
	return type == AUDIT_EOE || type == AUDIT_PROCTITLE || audit_record_is_user(type) ||
	       (type >= AUDIT_DAEMON_START && type < AUDIT_FIRST_EVENT) || type == AUDIT_KERNEL;
}

int audit_assembler_push(struct audit_assembler *assembler, const struct audit_record *record)
{
	struct open_event *event = assembler->last;
	int r = 0;

	assembler->stats.records++;
	if (!event || !is_of(event, record))
		event = find(assembler, record);
	if (!event) {
		/* The end of one that was handed over. */
		if (record->type == AUDIT_EOE)
			return 0;
		audit_assembler_flush(assembler, record->time_ms);
		event = begin(assembler, record);
	}
	assembler->last = event;
	if (record->type != AUDIT_EOE)
		r = add(assembler, event, record);
	if (is_last(record->type))
		end(assembler, event, true);
	return r;
}

void audit_assembler_flush(struct audit_assembler *assembler, uint64_t time_ms)
{
	if (time_ms != UINT64_MAX && time_ms > assembler->now_ms)
		assembler->now_ms = time_ms;
	while (assembler->oldest &&
	       (time_ms == UINT64_MAX ||
		assembler->now_ms > assembler->oldest->grown_ms + AUDIT_END_MS))
		end(assembler, assembler->oldest, false);
}

void audit_assembler_get_stats(const struct audit_assembler *assembler,
			       struct audit_assembler_stats *ret)
{
	*ret = assembler->stats;
}
