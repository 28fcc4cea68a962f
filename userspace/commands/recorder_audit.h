/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of the recorder's side of audit share: see recorder.h. */
#pragma once

#include "capture/audit.h"
#include "commands/recorder.h"
#include "commands/rules_guard.h"
#include "correlate/witness.h"

#define SOCKETS_MOST 256

struct news {
	enum rules_guard_news what;
	char *rule; /* owned */
};

struct recorder_audit {
	struct audit_source *source;
	/* The looking thread's while it looks, else the recorder's: the kernel lets who asks audit
	 * for something wait as long as its backlog is full (audit_receive()). */
	struct rules_guard guard;
	struct news *news;
	size_t news_count;
	struct witness_inode sockets[SOCKETS_MOST];
	size_t socket_count;
	int error;
	/* The recorder's: how things were at the last look. */
	struct audit_status status;
	size_t wanted, loaded;
	bool switched_on;     /* by this recording: it stays on */
	uint32_t kernel_lost; /* as the kernel counted when this began */
	uint64_t told_overruns, told_missing, told_cut, told_lost, told_bad;
	/* What both saw, and one alone, at the last look; and for how many looks they have not
	 * agreed.
	 */
	struct witness_stats seen;
	unsigned int disagreed;
	uint64_t next; /* boot clock: when they are compared again */
	const char *warning;
};

/* What is known of the rules, for whoever asks while they are looked at again. */
void recorder_audit_take_state(struct recorder_audit *audit);

/* The sockets of which audit tells who connects: as they are now, a new one may have its name. */
void recorder_audit_find_sockets(struct recorder_audit *audit);
