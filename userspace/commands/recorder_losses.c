// SPDX-License-Identifier: Apache-2.0
/* What was not recorded, as events: by reason, and in whose name. */
#include <stdio.h>
#include <stdlib.h>

#include "commands/recorder.h"
#include "event/record.h"

#define CALLERS_TOLD 8 /* of one kind of loss, in a second */

struct loss {
	const char *reason, *ring;
	uint64_t records, turns, bytes;
	const struct wire_lost_caller *caller; /* NULL: not known, or of several */
};

static int say_loss(struct recorder *recorder, const struct loss *loss)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_recorder_loss);

	if (loss->caller)
		scribe_fill_process(recorder->scribe, record, loss->caller->pid,
				    loss->caller->start);
	record_set_string(record, FIELD_loss_reason, loss->reason);
	record_set_string(record, FIELD_loss_ring, loss->ring);
	record_set_number(record, FIELD_loss_records, loss->records);
	record_set_number(record, FIELD_loss_turns, loss->turns);
	record_set_number(record, FIELD_loss_bytes, loss->bytes);
	record_set_string(record, FIELD_event_outcome, "failure");
	scribe_emit(recorder->scribe, record);
	return 1;
}

static int by_records(const void *one, const void *other)
{
	const struct bpf_lost_caller *a = one, *b = other;

	return (a->count.records < b->count.records) - (a->count.records > b->count.records);
}

/* Part of a loss that goes to one process: not more than is left of it. */
static uint64_t take_part(uint64_t *left, uint64_t part)
{
	if (part > *left)
		part = *left;
	*left -= part;
	return part;
}

/* One event for each of those who lost most, and one for all others: together the loss itself. */
static int say_loss_by_caller(struct recorder *recorder, struct loss *loss, int message, int reason,
			      int count)
{
	int said = 0;

	for (int i = 0; i < count && said < CALLERS_TOLD; i++) {
		const struct bpf_lost_caller *caller = &recorder->lost_callers[i];
		struct loss part = { .reason = loss->reason,
				     .ring = loss->ring,
				     .caller = &caller->who };

		if (caller->who.message != message || caller->who.reason != reason ||
		    !caller->who.pid)
			continue;
		/* The sums were read a moment later, or a part of them was told before. */
		part.records = take_part(&loss->records, caller->count.records);
		part.turns = take_part(&loss->turns, caller->count.turns);
		part.bytes = take_part(&loss->bytes, caller->count.bytes);
		if (part.records > 0)
			said += say_loss(recorder, &part);
	}
	if (loss->records > 0)
		said += say_loss(recorder, loss);
	return said;
}

static int say_kernel_losses(struct recorder *recorder)
{
	int callers = bpf_source_lost_callers(recorder->source, recorder->lost_callers), said = 0;
	struct wire_count now[WIRE_MESSAGES][WIRE_LOSSES];

	/* Read before the sums, so that none of them is more than these. */
	if (bpf_source_losses(recorder->source, now) < 0)
		return 0; /* read again in a second */
	if (callers > 1)
		qsort(recorder->lost_callers, (size_t)callers, sizeof(*recorder->lost_callers),
		      by_records);
	for (int message = 0; message < WIRE_MESSAGES; message++)
		for (int reason = 0; reason < WIRE_LOSSES; reason++) {
			const struct wire_count *count = &now[message][reason];
			const struct wire_count *told = &recorder->told[message][reason];
			char name[96];
			struct loss loss = { .reason = name,
					     .ring = bpf_message_ring((enum wire_message)message),
					     .records = count->records - told->records,
					     .turns = count->turns - told->turns,
					     .bytes = count->bytes - told->bytes };

			if (loss.records == 0)
				continue;
			snprintf(name, sizeof(name), "%s: %s",
				 bpf_message_name((enum wire_message)message),
				 bpf_loss_name((enum wire_loss)reason));
			if (reason != WIRE_LOSS_volume && reason != WIRE_LOSS_stream)
				said += say_loss_by_caller(recorder, &loss, message, reason,
							   callers);
			recorder->told[message][reason] = *count;
		}
	return said;
}

static int say_if_grown(struct recorder *recorder, uint64_t now, uint64_t *told, const char *reason,
			const char *ring)
{
	struct loss loss = { .reason = reason, .ring = ring, .records = now - *told };

	if (now <= *told)
		return 0;
	*told = now;
	return say_loss(recorder, &loss);
}

/* By kind: an api-request that is lost is one request. */
static int say_queue_losses(struct recorder *recorder, const struct scribe_stats *stats)
{
	int said = 0;

	for (int event = 0; event < EVENT_COUNT; event++) {
		uint64_t *told = &recorder->told_scribe.queue_of[event];
		char reason[96];
		struct loss loss = { .reason = reason,
				     .ring = "queue",
				     .records = stats->losses.queue_of[event] - *told };

		if (loss.records == 0)
			continue;
		if (event == EVENT_api_request)
			loss.turns = loss.records;
		snprintf(reason, sizeof(reason), "%s: too much waited for the disk",
			 event_rows[event].action);
		*told = stats->losses.queue_of[event];
		said += say_loss(recorder, &loss);
	}
	return said;
}

static int say_audit_losses(struct recorder *recorder)
{
	struct recorder_audit_loss losses[RECORDER_AUDIT_LOSSES];
	size_t count = recorder_audit_losses(recorder, losses);
	int said = 0;

	for (size_t i = 0; i < count; i++) {
		const struct loss loss = { .reason = losses[i].reason,
					   .ring = "audit",
					   .records = losses[i].records };

		if (loss.records)
			said += say_loss(recorder, &loss);
	}
	return said;
}

int recorder_say_losses(struct recorder *recorder, bool last)
{
	struct scribe_stats stats;
	int said;

	scribe_get_stats(recorder->scribe, &stats);
	/* Where there is no room to say it in, it is said later: what is said is not counted again.
	 */
	if (!last && stats.trail.queue_bytes >= recorder->options->queue_bytes / 2)
		return 0;
	said = say_kernel_losses(recorder);
	said += say_if_grown(recorder, bpf_source_misses(recorder->source), &recorder->told_misses,
			     "a probe was not run: it was already running on that CPU", "kernel");
	said += say_audit_losses(recorder);
	said += say_queue_losses(recorder, &stats);
	said += say_if_grown(recorder, stats.losses.memory, &recorder->told_scribe.memory,
			     "messages: out of memory", "scribe");
	said += say_if_grown(recorder, bpf_source_malformed(recorder->source),
			     &recorder->told_malformed,
			     "records: not what a probe of this build writes", "kernel");
	said += say_if_grown(recorder, stats.losses.bad, &recorder->told_scribe.bad,
			     "messages: not what a probe of this build writes", "scribe");
	return said;
}
