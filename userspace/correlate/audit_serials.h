/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which serials of the kernel's audit never came. Every event has the next one (audit_serial()),
 * but events of several processors end in another order than they began: what is missing is known
 * only some time after younger ones have come.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AUDIT_SERIALS_SPANS   4
#define AUDIT_SERIALS_SPAN_MS 1000

/* Zeroed before the first use. */
struct audit_serials {
	struct audit_serials_span {
		uint64_t last;        /* the highest one in it; the one before begins below */
		uint64_t seen;        /* events that came */
		uint64_t begun_ms;    /* when it was begun */
	} spans[AUDIT_SERIALS_SPANS]; /* the youngest first */
	unsigned int count;
	uint64_t before;  /* the last serial before all of them */
	uint64_t last_ms; /* when the last one came */
	uint64_t missing;
};

/*
 * Whether this one begins them anew: it is lower, and comes later than any that was delayed. In a
 * log that host was booted; then audit_serials_end() first.
 */
bool audit_serials_begin_anew(const struct audit_serials *serials, uint64_t serial,
			      uint64_t now_ms);

/* An event came; each once. */
void audit_serials_seen(struct audit_serials *serials, uint64_t serial, uint64_t now_ms);

/* Nothing comes any more: whatever is missing is added to `missing`. */
void audit_serials_end(struct audit_serials *serials);

/* Time passes: what is missing of spans that are old enough is added to `missing`. */
void audit_serials_tick(struct audit_serials *serials, uint64_t now_ms);
