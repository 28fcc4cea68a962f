/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half of the recorder that reads what others wrote: messages of the probes in, signed lines
 * out. It needs no privilege once it is open; the other half is recorder.h. Nothing here logs: what
 * goes wrong is returned, or counted and written into the trail.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/file_look.h"
#include "bpf/wire.h"
#include "correlate/containers.h"
#include "correlate/conversation.h"
#include "correlate/witness.h"
#include "event/field.h"
#include "trail/writer.h"

struct record;
struct record_options;
struct scribe;

struct scribe_options {
	const struct record_options *record;
	const char *source; /* the rung in force */
	const char *(*socket_path)(void *user, uint64_t inode, uint32_t device);
	void (*handed_over)(void *user, uint64_t connection); /* conversation.h */
	bool (*watched)(void *user, const char *path, uint64_t inode, uint32_t device,
			bool above); /* witness.h */
	/* A container has ended: call scribe_capability() for what was counted of it. */
	void (*count)(void *user, const char container[WIRE_CONTAINER]);
	void *user;
	uint32_t host_namespaces[WIRE_NAMESPACES];
};

/* What could not be written down, since the start. */
struct scribe_losses {
	uint64_t queue;                 /* events: too much waited for the disk */
	uint64_t memory;                /* messages: no memory to understand them */
	uint64_t bad;                   /* messages that made no sense */
	uint64_t queue_of[EVENT_COUNT]; /* `queue` by kind of event */
};

struct scribe_stats {
	uint64_t events; /* written since the start */
	struct scribe_losses losses;
	struct conversation_stats conversations;
	struct trail_writer_stats trail;
	struct containers_stats containers;
	struct witness_stats witness;
};

/*
 * Open the trail and everything that correlation needs; reads /proc once. Returns 0, or -errno with
 * a sentence for people in `problem`.
 */
int scribe_open(const struct scribe_options *options, struct scribe **ret, struct buffer *problem);

/* What was found when the trail was opened. */
const struct trail_recovery *scribe_recovery(const struct scribe *scribe);
const char *scribe_trail_id(const struct scribe *scribe);
const char *scribe_root(const struct scribe *scribe);
/* trail_writer_next_sequence(). */
uint64_t scribe_next_sequence(const struct scribe *scribe);

/* One message of the probes, in order of time. Always 0: what fails is counted. */
int scribe_message(void *scribe, const struct wire_header *message);

/*
 * Learn from the trail itself who had the containers made that are there. Returns 0; -ETIME where
 * the trail is so long that not all of it was read; -EBADMSG at damage; -ENOMEM; -errno.
 */
int scribe_remember(struct scribe *scribe, const char *trail);

/* Learn who was there before: after the probes were attached. Returns 0 or -errno. */
int scribe_seed(struct scribe *scribe);

/* The conversations, for sweeps of what is alive. */
struct conversations *scribe_conversations(struct scribe *scribe);

/* A time of the boot clock as UTC, in nanoseconds. */
uint64_t scribe_wall_ns(const struct scribe *scribe, uint64_t boot_ns);

/* The kernel's audit is asked, too, from now on. Returns 0 or -ENOMEM. */
int scribe_begin_audit(struct scribe *scribe);
/* The sockets about which it has rules now: witness_expect_connects(). */
int scribe_expect_connects(struct scribe *scribe, const struct witness_inode *sockets,
			   size_t count);

/* A record of it, as capture/audit.h hands it over. Always 0: what fails is counted. */
int scribe_audit(void *scribe, uint32_t type, struct text payload);

/*
 * How a watched file differs from an earlier look at it, at `since` (UTC ns): an event, where it
 * does.
 */
void scribe_drift(struct scribe *scribe, const char *path, const struct file_look *before,
		  const struct file_look *after, uint64_t since);

/* Whether there will be such an event of which it is not known who did it so far. */
bool scribe_drift_waits(struct scribe *scribe, const char *path, const struct file_look *before,
			const struct file_look *after, uint64_t since);

/* Whether somebody was seen to change a watched file since this was asked last. */
bool scribe_take_hit(struct scribe *scribe);

/* How often a capability was used so far; `last`: as bpf_source_capabilities() says. */
void scribe_capability(void *scribe, const struct wire_capability *kind, uint64_t count, bool last);

/* Time passes: write what has waited long enough. */
void scribe_tick(struct scribe *scribe);

/* Begin an event about the recorder, stamped now; and write an event that is complete. */
struct record *scribe_begin(struct scribe *scribe, enum event event);
/* Who stands in it, as a process: `start` on the boot clock in ns, 0 where it is not known. */
void scribe_fill_process(struct scribe *scribe, struct record *record, uint32_t pid,
			 uint64_t start);
void scribe_emit(void *scribe, struct record *record);

/* Wait until all that was written is on the disk: trail_writer_sync(). */
int scribe_sync(struct scribe *scribe);

/* By how much the wall clock was set since the last look, 0 if it was not: more than half a second.
 */
int64_t scribe_clock_step(struct scribe *scribe);

void scribe_get_stats(struct scribe *scribe, struct scribe_stats *ret);

/* Write what is open as it stands: no message comes any more. */
void scribe_end(struct scribe *scribe);

/* Commit, close. Returns 0 or -EIO. Takes NULL. */
int scribe_close(struct scribe *scribe);
