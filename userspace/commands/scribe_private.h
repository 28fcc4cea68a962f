/* SPDX-License-Identifier: Apache-2.0 */
/* The scribe from inside: what scribe.c (messages in, events out) and scribe_open.c share. */
#pragma once

#include "commands/ledger.h"
#include "commands/scribe.h"
#include "correlate/actor.h"

struct causes;
struct container_watch;
struct conversations;
struct drifts;
struct servers;
struct witness;

struct scribe {
	struct ledger ledger;
	struct actor_context actors;
	struct conversations *conversations;
	struct causes *causes;
	struct container_watch *watch;
	bool request_written; /* what waits for it need not any more */
	struct servers *servers;
	struct drifts *drifts;
	bool hit;                /* see scribe_take_hit() */
	struct witness *witness; /* NULL: the kernel's audit is not asked */
	struct record *record;   /* of the recorder's own events */
	char prefix[12];
	uint64_t events;
	struct scribe_losses losses;
	void (*count)(void *user, const char container[WIRE_CONTAINER]);
	const char *(*socket_path)(void *user, uint64_t inode, uint32_t device);
	bool (*watched)(void *user, const char *path, uint64_t inode, uint32_t device,
			bool above); /* witness.h */
	void *count_user;            /* of all three */
};

/* An event that need not wait for the second witness any more: into the trail. */
void scribe_emit_witnessed(void *scribe, struct record *record);
