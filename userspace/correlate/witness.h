/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second witness: what the kernel's audit recorded, beside what the probes saw. An act that
 * both saw becomes one event (`docktrail.witness` is both); one that only one of them saw says so,
 * once the other has had WITNESS_WAIT_NS to come.
 *
 * What a process wrote into audit (user messages) is its own word: told where it comes out of a
 * container, believed only of a program of the host that lets people in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct actor_context;
struct record;
struct redact;
struct sessions;
struct witness;

#define WITNESS_WAIT_NS 500000000ull /* for the other one */
#define WITNESS_MOST    1024 /* that wait on either side; beyond, the oldest is told as it is */

struct witness_options {
	struct actor_context *actors;
	struct redact *redact;
	struct sessions *sessions;
	/* A finished event; the record is the caller's again when it returns. */
	void (*emit)(void *user, struct record *record);
	/* The configured path of a watched socket, or NULL. */
	const char *(*socket_path)(void *user, uint64_t inode, uint32_t device);
	/*
	 * Whether a file is one that is watched, by its name or its inode (0: not known), or, with
	 * `above`, a folder of one: of rules that are somebody else's only what they record of
	 * these is told. NULL: everything that has a key.
	 */
	bool (*watched)(void *user, const char *path, uint64_t inode, uint32_t device, bool above);
	/*
	 * Of a log from elsewhere or before: nothing is known of its processes, containers and
	 * inodes. Sockets are those whose path `is_socket` knows, everything else that has a key is
	 * told, and what programs wrote, too.
	 */
	bool history;
	bool (*is_socket)(void *user, const char *path);
	void *user, *socket_user; /* of emit; of the others */
	uint32_t own_pid;         /* who may change rules without being suspected */
};

struct witness_stats {
	uint64_t records, events;
	uint64_t bad;     /* that were no records */
	uint64_t missing; /* events whose serial never came */
	uint64_t cut;     /* records that were left out of an event for its size */
	uint64_t early;   /* acts that were told before their time, for want of room */
	/* Connects that succeeded; the probes need not see others. */
	uint64_t both, audit_alone, probes_alone;
	uint64_t left_out; /* acts of the host that have nothing to do with containers */
};

/* The options are copied, what they point to must live on. Returns 0 or -ENOMEM. */
int witness_new(const struct witness_options *options, struct witness **ret);
/* Forgets what waits: witness_end() first. Takes NULL. */
void witness_free(struct witness *witness);

/* An inode: its device as major << 20 | minor. */
struct witness_inode {
	uint64_t inode;
	uint32_t device;
};

/*
 * The sockets about which audit has a rule, so that of a connect to one of them the probes' word is
 * not enough. Returns 0 or -ENOMEM.
 */
int witness_expect_connects(struct witness *witness, const struct witness_inode *sockets,
			    size_t count);

/* A record of audit's, as the kernel sends it, in its order. Returns 0 or -ENOMEM. */
int witness_record(struct witness *witness, uint32_t type, struct text payload);

/*
 * A line of a log, in its order, which tells the time as well: witness_tick() is not for such a
 * one. Returns 0 with its time in `ret_ms`; -EBADMSG for what is no record, which is counted;
 * -ENOMEM.
 */
int witness_line(struct witness *witness, struct text line, uint64_t *ret_ms);

/*
 * An event of the probes on its way to the trail. True where it is kept until the other witness has
 * come, or has not: it comes back through `emit`. Else what audit said of it has been added.
 */
bool witness_keeps(struct witness *witness, struct record *record);

/* Time passes: UTC in milliseconds, boot clock in ns. Returns 0, or -ENOMEM where one was lost. */
int witness_tick(struct witness *witness, uint64_t wall_ms, uint64_t now);

/* Nothing comes any more: tell all that waits. */
void witness_end(struct witness *witness);

void witness_get_stats(const struct witness *witness, struct witness_stats *ret);
