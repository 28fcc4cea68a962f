/* SPDX-License-Identifier: Apache-2.0 */
/* docktrail import from inside: what import.c (the command line, what is said) and import_run.c
 * (logs in, events out) share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "commands/import_log.h"
#include "commands/ledger.h"
#include "correlate/actor.h"
#include "correlate/witness.h"

struct record_options;

struct import_options {
	const struct record_options *record; /* trail, sockets, what is masked */
	const char *host;                    /* name of the host that the logs are of, or NULL */
	const char *passwd;                  /* its file of users, or NULL */
	/* Called now and then while logs are read. NULL: not. */
	void (*progress)(void *user, uint64_t done_bytes, uint64_t events);
	void *user;
};

#define IMPORT_HOSTS_MOST 256
#define IMPORT_NODE_MOST  256

/* Serials, sessions and times are a host's: a log that several sent theirs to names each. */
struct import_host {
	char node[IMPORT_NODE_MOST]; /* as `node=` has it; empty: none */
	struct actor_context actors;
	struct witness *witness;
	const struct import_log *log; /* that it was in last */
};

struct import {
	const struct import_options *options;
	struct ledger ledger;
	struct users *users; /* of --passwd, or NULL */
	struct import_host *hosts;
	size_t host_count;
	uint64_t tick_ms;      /* of the log that is read */
	uint64_t crowded;      /* lines of hosts beyond IMPORT_HOSTS_MOST */
	struct record *record; /* of import's own events */
	struct witness_stats stats;
	uint64_t events;   /* written */
	uint64_t imported; /* of these, what came out of the logs */
	int error;         /* why no more was written */
};

/* Open the trail. Returns 0, or -errno with a sentence in `problem`. */
int import_open(const struct import_options *options, struct import *import,
		struct buffer *problem);

/* Read logs in this order to their ends, and what came of each into them. Returns 0, or -errno:
 * the trail could not be written, or `*ret_bad` could not be read. */
int import_run(struct import *import, struct import_log *logs, size_t count,
	       const struct import_log **ret_bad);

/* Commit and free. Returns 0 or -EIO. */
int import_close(struct import *import);
