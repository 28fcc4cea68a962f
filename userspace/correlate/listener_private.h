/* SPDX-License-Identifier: Apache-2.0 */
/* What listener.c (who listens where) and listener_tell.c (the events that come of it) share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "correlate/listener.h"

struct process;

#define HOLDERS_MOST 8
#define PATH_MOST    256
#define PROGRAM_KEPT 256

/* Who listens, as far as it takes to tell him from somebody else. */
struct holder {
	uint32_t pid, uid;
	uint64_t start;
};

struct listener {
	uint64_t cookie;
	bool tcp;
	char place[PATH_MOST]; /* path, or address and network namespace: what somebody may take
				  over */
	char address[LISTENER_ADDRESS_MOST];
	uint64_t inode;
	uint32_t device;
	struct wire_task task; /* who was told last */
	char program[PROGRAM_KEPT];
	struct holder holders[HOLDERS_MOST];
	unsigned int holder_count;
	unsigned int spoken; /* bits of enum listener_protocol that were told */
	uint64_t number;     /* counted up: which was heard of last */
};

struct listeners {
	const struct conversation_options *options;
	struct record *record;
	uint64_t first; /* boot clock: of the first message */
	struct listener *all;
	size_t count, room;
	uint64_t made;
};

/* listener.c */

/* The process that was told last. NULL where there is no tree. */
const struct process *listener_process(struct listeners *listeners,
				       const struct listener *listener);
/* It has not ended, as far as the tree knows. */
bool listener_still_lives(const struct listeners *listeners, const struct listener *listener);

/* listener_tell.c: each emits one event. `before` listened at the same place last, or is NULL. */

void listener_tell_unix(struct listeners *listeners, const struct listener *listener,
			const struct listener *before, const struct wire_engine_listen *message);
void listener_tell_tcp(struct listeners *listeners, const struct listener *listener,
		       const struct listener *before, const struct wire_engine_listen *message);
/* The listener's new holder has it from `opener`, at `time` (boot clock). */
void listener_tell_holder(struct listeners *listeners, const struct listener *listener,
			  const struct wire_task *opener, uint64_t time);
/* Its first answer has shown what it speaks. */
void listener_tell_protocol(struct listeners *listeners, const struct listener *listener,
			    enum listener_protocol protocol, uint64_t time);
