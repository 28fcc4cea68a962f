/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the kernel's audit become events: those with the same time and serial belong together
 * (struct audit_context), also where records of several events come interleaved. An event is whole
 * when the kernel says so (AUDIT_EOE), or, in auditd's log, which leaves that out, with its last
 * kind of record (PROCTITLE), with a record that is an event by itself, or when one has come that
 * is END_MS younger.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/audit_record.h"

/* Bounds. What does not fit is left out, counted, and the event says that it is `cut`. */
#define AUDIT_EVENTS_MOST  1024         /* open at once */
#define AUDIT_RECORDS_MOST 256          /* of one event */
#define AUDIT_EVENT_BYTES  (512u << 10) /* of one event */
#define AUDIT_OPEN_BYTES   (16u << 20)  /* of all that are open: beyond, the oldest goes as it is */
#define AUDIT_END_MS       2000         /* after its last record an event is taken for ended */

struct audit_event {
	uint64_t time_ms, serial;
	const struct audit_record *records;
	size_t count;
	bool cut;   /* records were left out */
	bool whole; /* its end came, as above; else time ran out, or room */
};

struct audit_assembler_options {
	/* The texts of records stay where they are until their event was handed over: no copies. */
	bool stable;
	void (*event)(void *user, const struct audit_event *event);
	void *user;
};

struct audit_assembler_stats {
	uint64_t records, events;
	uint64_t cut;   /* records that were left out */
	uint64_t early; /* events that were handed over for want of room */
};

struct audit_assembler;

/* Returns 0 or -ENOMEM. */
int audit_assembler_new(const struct audit_assembler_options *options,
			struct audit_assembler **ret);
/* Takes NULL. What is open is dropped. */
void audit_assembler_free(struct audit_assembler *assembler);

/* One record more. Events that it ends are handed over before this returns. 0 or -ENOMEM. */
int audit_assembler_push(struct audit_assembler *assembler, const struct audit_record *record);

/*
 * It is this late: hand over what has not grown for END_MS; or, with UINT64_MAX, everything. A
 * record bears the time at which its call began, which says nothing of when it came.
 */
void audit_assembler_flush(struct audit_assembler *assembler, uint64_t time_ms);

void audit_assembler_get_stats(const struct audit_assembler *assembler,
			       struct audit_assembler_stats *ret);
