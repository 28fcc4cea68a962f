// SPDX-License-Identifier: Apache-2.0
#include "correlate/audit_serials.h"

#include <string.h>

static void begin_span(struct audit_serials *serials, uint64_t last, uint64_t now_ms)
{
	memmove(&serials->spans[1], &serials->spans[0],
		(AUDIT_SERIALS_SPANS - 1) * sizeof(serials->spans[0]));
	serials->spans[0] = (struct audit_serials_span){ .last = last, .begun_ms = now_ms };
	serials->count++;
}

/* The oldest one: whatever belongs to it and has not come will not. */
static void end_span(struct audit_serials *serials)
{
	const struct audit_serials_span *oldest = &serials->spans[--serials->count];
	uint64_t expected = oldest->last - serials->before;

	if (expected > oldest->seen)
		serials->missing += expected - oldest->seen;
	serials->before = oldest->last;
}

void audit_serials_tick(struct audit_serials *serials, uint64_t now_ms)
{
	while (serials->count > 1 &&
	       now_ms >= serials->spans[serials->count - 2].begun_ms +
				 (AUDIT_SERIALS_SPANS - 2) * AUDIT_SERIALS_SPAN_MS)
		end_span(serials);
}

static void count_one(struct audit_serials *serials, uint64_t serial, uint64_t now_ms)
{
	if (serial <= serials->before)
		return; /* too late: it counts as missing, or is from before we looked */
	audit_serials_tick(serials, now_ms);
	if (serial > serials->spans[0].last &&
	    now_ms >= serials->spans[0].begun_ms + AUDIT_SERIALS_SPAN_MS) {
		if (serials->count == AUDIT_SERIALS_SPANS)
			end_span(serials);
		begin_span(serials, serial, now_ms);
	}
	for (unsigned int i = serials->count; i-- > 0;) {
		struct audit_serials_span *span = &serials->spans[i];

		if (i > 0 && serial > span->last)
			continue;
		if (serial > span->last)
			span->last = serial;
		span->seen++;
		return;
	}
}

void audit_serials_end(struct audit_serials *serials)
{
	while (serials->count > 0)
		end_span(serials);
}

bool audit_serials_begin_anew(const struct audit_serials *serials, uint64_t serial, uint64_t now_ms)
{
	return serials->count > 0 && serial < serials->spans[0].last &&
	       now_ms > serials->last_ms + AUDIT_SERIALS_SPANS * AUDIT_SERIALS_SPAN_MS;
}

void audit_serials_seen(struct audit_serials *serials, uint64_t serial, uint64_t now_ms)
{
	/* The kernel's number has 32 bits. */
	if (serials->count > 0 && serials->spans[0].last > serial &&
	    serials->spans[0].last - serial > UINT32_MAX / 2)
		audit_serials_end(serials);
	if (serials->count == 0) {
		serials->before = serial - 1;
		begin_span(serials, serial, now_ms);
	}
	count_one(serials, serial, now_ms);
	serials->last_ms = now_ms;
}
