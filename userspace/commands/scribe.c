// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "commands/scribe_private.h"
#include "correlate/causes.h"
#include "correlate/container.h"
#include "correlate/containers.h"
#include "correlate/drift.h"
#include "correlate/message.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/users.h"
#include "event/record.h"

#define CLOCK_STEP_NS 500000000ll

const struct trail_recovery *scribe_recovery(const struct scribe *scribe)
{
	return &scribe->ledger.recovery;
}

const char *scribe_trail_id(const struct scribe *scribe)
{
	return trail_writer_id(scribe->ledger.writer);
}

uint64_t scribe_next_sequence(const struct scribe *scribe)
{
	return trail_writer_next_sequence(scribe->ledger.writer);
}

const char *scribe_root(const struct scribe *scribe)
{
	return trail_writer_root(scribe->ledger.writer);
}

struct conversations *scribe_conversations(struct scribe *scribe)
{
	return scribe->conversations;
}

/* ---- messages in */

static int on_process_exec(struct scribe *scribe, const struct wire_process_exec *message)
{
	const struct process_exec exec = { .executable = message_text(&message->header,
								      message->executable),
					   .args = message_text(&message->header, message->args),
					   .args_length = message->args_length };

	namespaces_learn(scribe->actors.namespaces, &message->task);
	return process_tree_exec(scribe->actors.tree, &message->task, message->header.time, &exec);
}

static int on_process_exit(struct scribe *scribe, const struct wire_process_exit *message)
{
	process_tree_exit(scribe->actors.tree, message->pid, message->start, message->status,
			  message->header.time);
	return 0;
}

int scribe_message(void *user, const struct wire_header *message)
{
	struct scribe *scribe = user;
	int r;

	switch (message->message) {
	case WIRE_process_exec:
		r = on_process_exec(scribe, (const struct wire_process_exec *)message);
		break;
	case WIRE_process_fork: {
		const struct wire_process_fork *fork = (const struct wire_process_fork *)message;

		r = process_tree_fork(scribe->actors.tree, &fork->task, fork->parent_start);
		break;
	}
	case WIRE_process_exit:
		r = on_process_exit(scribe, (const struct wire_process_exit *)message);
		break;
	case WIRE_container_start:
	case WIRE_container_exec:
	case WIRE_container_exit:
	case WIRE_capability_use:
	case WIRE_namespace_change:
	case WIRE_oom_kill:
		r = container_message(scribe->watch, message);
		break;
	default:
		r = conversations_message(scribe->conversations, message);
	}
	if (scribe->request_written)
		r = r ?: container_watch_release(scribe->watch, false);
	scribe->request_written = false;
	if (r == -ENOMEM)
		scribe->losses.memory++;
	else if (r < 0)
		scribe->losses.bad++;
	return 0;
}

void scribe_capability(void *user, const struct wire_capability *kind, uint64_t count, bool last)
{
	struct scribe *scribe = user;

	if (container_capability(scribe->watch, kind, count, clock_boot_ns()) < 0)
		scribe->losses.memory++;
	if (last)
		container_capability_forget(scribe->watch, kind);
}

int scribe_seed(struct scribe *scribe)
{
	uint64_t now = clock_boot_ns();
	int r = process_tree_seed(scribe->actors.tree, now);

	users_refresh(scribe->actors.users, now);
	containers_set_time(scribe->actors.containers, now);
	if (r == 0)
		r = containers_scan(scribe->actors.containers);
	return r;
}

int scribe_audit(void *user, uint32_t type, struct text payload)
{
	struct scribe *scribe = user;

	if (witness_record(scribe->witness, type, payload) < 0)
		scribe->losses.memory++;
	return 0;
}

bool scribe_take_hit(struct scribe *scribe)
{
	bool hit = scribe->hit;

	scribe->hit = false;
	return hit;
}

void scribe_drift(struct scribe *scribe, const char *path, const struct file_look *before,
		  const struct file_look *after, uint64_t since)
{
	struct record *record = scribe_begin(scribe, EVENT_watch_drift);

	record_set_string(record, FIELD_source, "sweep");
	record_set_string(record, FIELD_event_outcome, "success");
	if (drifts_fill(scribe->drifts, path, before, after, since, scribe->witness != NULL,
			scribe->ledger.redact, record))
		scribe_emit(scribe, record);
}

bool scribe_drift_waits(struct scribe *scribe, const char *path, const struct file_look *before,
			const struct file_look *after, uint64_t since)
{
	return drifts_waits(scribe->drifts, path, before, after, since);
}

void scribe_tick(struct scribe *scribe)
{
	uint64_t now = clock_boot_ns();

	/* A passwd that cannot be read leaves the names that were read before. */
	users_refresh(scribe->actors.users, now);
	containers_set_time(scribe->actors.containers, now);
	conversations_tick(scribe->conversations, now);
	if (container_watch_release(scribe->watch, false) < 0)
		scribe->losses.memory++;
	if (scribe->witness && witness_tick(scribe->witness, clock_wall_ns() / NS_PER_MS, now) < 0)
		scribe->losses.memory++;
}

void scribe_end(struct scribe *scribe)
{
	conversations_end(scribe->conversations, clock_boot_ns());
	if (container_watch_release(scribe->watch, true) < 0)
		scribe->losses.memory++;
	if (scribe->witness)
		witness_end(scribe->witness);
}

int64_t scribe_clock_step(struct scribe *scribe)
{
	int64_t offset = clock_wall_offset_ns(), step = offset - scribe->actors.wall_offset_ns;

	/* Slow adjustments are followed in silence; a step is an event. */
	scribe->actors.wall_offset_ns = offset;
	return step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS ? step : 0;
}

/* ---- events out */

struct record *scribe_begin(struct scribe *scribe, enum event event)
{
	record_begin(scribe->record, event);
	record_set_number(scribe->record, FIELD_timestamp, clock_wall_ns());
	record_set_string(scribe->record, FIELD_source, "recorder");
	return scribe->record;
}

void scribe_fill_process(struct scribe *scribe, struct record *record, uint32_t pid, uint64_t start)
{
	struct wire_task task = actor_task(pid, start);

	actor_fill(&scribe->actors, &task, record);
}

static void count_queue_loss(struct scribe *scribe, enum event event)
{
	scribe->losses.queue++;
	scribe->losses.queue_of[event]++;
}

/* Of a rename that was not answered only that there was one. */
static int learn_name(struct scribe *scribe, const struct record *record)
{
	bool done = record_number(record, FIELD_http_response_status_code) / 100 == 2;

	containers_as_of(scribe->actors.containers, record_number(record, FIELD_timestamp));
	return containers_rename(scribe->actors.containers, record_text(record, FIELD_target_id),
				 done ? record_text(record, FIELD_declared_name) : (struct text){});
}

static void learn_hit(struct scribe *scribe, const struct record *record)
{
	int r = drifts_hit(scribe->drifts, record);

	if (r < 0)
		scribe->losses.memory++;
	scribe->hit |= r > 0;
}

/* Who asked for containers is learnt from what is in the trail under a number. */
static void count_event(struct scribe *scribe, const struct record *record)
{
	scribe->events++;
	if (causes_learn(scribe->causes, record) < 0)
		scribe->losses.memory++;
	scribe->request_written |= record->event == EVENT_api_request;
	if (text_equal(record_text(record, FIELD_api_operation), TEXT("ContainerRename")) &&
	    learn_name(scribe, record) < 0)
		scribe->losses.memory++;
	if (record->event == EVENT_watch_hit)
		learn_hit(scribe, record);
	if (record->event == EVENT_container_exit)
		causes_ended(scribe->causes, record_text(record, FIELD_container_id),
			     record_number(record, FIELD_started_by_sequence));
}

static void write_record(struct scribe *scribe, struct record *record)
{
	int r;

	causes_fill(scribe->causes, record);
	r = ledger_write(&scribe->ledger, record);
	if (r == 0)
		count_event(scribe, record);
	else if (r == -ENOBUFS || r == -EIO)
		count_queue_loss(scribe, record->event);
	else if (r == -ENOMEM)
		scribe->losses.memory++;
	else
		scribe->losses.bad++;
}

void scribe_emit(void *user, struct record *record)
{
	struct scribe *scribe = user;

	if (!scribe->witness || !witness_keeps(scribe->witness, record))
		write_record(scribe, record);
}

void scribe_emit_witnessed(void *user, struct record *record)
{
	write_record(user, record);
}

uint64_t scribe_wall_ns(const struct scribe *scribe, uint64_t boot_ns)
{
	return actor_wall_ns(&scribe->actors, boot_ns);
}

int scribe_sync(struct scribe *scribe)
{
	return trail_writer_sync(scribe->ledger.writer);
}

void scribe_get_stats(struct scribe *scribe, struct scribe_stats *ret)
{
	*ret = (struct scribe_stats){ .events = scribe->events, .losses = scribe->losses };
	conversations_get_stats(scribe->conversations, &ret->conversations);
	trail_writer_get_stats(scribe->ledger.writer, &ret->trail);
	containers_get_stats(scribe->actors.containers, &ret->containers);
	if (scribe->witness)
		witness_get_stats(scribe->witness, &ret->witness);
}
