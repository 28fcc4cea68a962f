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
	bool connects;
	int error; /* of an event under way */
};

/* Whether it is about a path that is watched: mounts over one, too. */
bool witness_is_watched(const struct witness *witness, const struct audit_act *act);

/* An act that audit alone recorded; or that nobody needs to be told of, which is counted. */
void witness_tell(struct witness *witness, const struct act *act);
