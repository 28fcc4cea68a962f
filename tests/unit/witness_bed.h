/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the second witness share: records of audit's, what the probes see, what is
 * told. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/actor.h"
#include "correlate/witness.h"

struct redact;
struct record;
struct sessions;

#define BEGIN_MS 1700000000000ull
#define INODE    4242

struct witness_bed {
	struct witness *witness;
	struct actor_context actors;
	struct redact *redact;
	struct sessions *sessions;
	struct record *record; /* of the probes */
	struct buffer lines;   /* what was told, a line each */
	size_t told;
	uint64_t serial, now;
};

/* The inode of the socket that is watched, and about which there is a rule. */
extern const struct witness_inode witness_ruled;

int witness_set_up(void **state);
int witness_tear_down(void **state);

/* witness_options.emit: a line more. */
void witness_emit(void *user, struct record *record);

/* A record of the event with the bed's serial. */
void witness_hears(struct witness_bed *bed, uint32_t type, const char *body);

/* A connect to the socket, as audit records it, whole; and as the probes see it. */
void witness_connects(struct witness_bed *bed, unsigned int pid, const char *result);
void witness_probes_see(struct witness_bed *bed, unsigned int pid);

void witness_later(struct witness_bed *bed, uint64_t ms);

/* The lines that were told since, all of which are given. */
const char *witness_lines(struct witness_bed *bed, size_t count);
void witness_says(const char *line, const char *part);
