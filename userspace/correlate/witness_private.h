/* SPDX-License-Identifier: Apache-2.0 */
/* The second witness from inside: what witness.c (waiting, joining) and witness_tell.c share. */
#pragma once

#include "correlate/audit_act.h"
#include "correlate/audit_serials.h"
#include "correlate/witness.h"
#include "event/field.h"

struct audit_assembler;
struct record;
struct started;

/* An act that audit recorded, or an event of the probes, that waits for the other one. */
struct act {
	struct audit_act act;
	enum event kind;
	uint64_t due; /* boot clock */
	struct act *next;
};

struct kept {
	struct record *record;
	uint64_t due;
	struct kept *next;
};

struct witness {
	struct witness_options options;
	struct audit_assembler *assembler;
	struct audit_serials serials;
	struct act *acts, **acts_end, *spare; /* the oldest first */
	struct kept *kept, **kept_end;
	size_t act_count, kept_count;
	struct record *record;
	struct witness_stats stats;
	uint64_t wall_ms, now;
	struct started *started;
	struct witness_inode *sockets; /* of which audit tells, too */
	size_t socket_count;
	size_t isolation_count; /* acts about isolation among those that wait */
	int error;              /* of an event under way */
};

/* Whether a rule about calls recorded it, not one about what they are done to. */
bool witness_is_about_isolation(const struct audit_act *act);

/* Whether it is about a file that is watched: mounts over one, too. */
bool witness_is_watched(const struct witness *witness, const struct audit_act *act);

/* An act that audit alone recorded; or that nobody needs to be told of, which is counted. */
void witness_tell(struct witness *witness, const struct act *act);
