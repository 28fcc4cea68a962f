/* SPDX-License-Identifier: Apache-2.0 */
/* When a trail was recorded, and what could be seen then: told by the recorder itself, in frames
 * that were found good. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct json_object;
struct paragraph;
struct trail_verdict;

#define VERIFY_RUNS_MOST 4096 /* the last ones; of those before only how many */

struct verify_coverage {
	/* Owned. Each: since, until, end ("stopped", "cut short", "goes on"), version, kernel,
	 * hooks, blind, degraded: how often it said that it sees less, and `reason`: the last time.
	 */
	struct json_object *runs;
	uint64_t left_out;
};

/*
 * Read what the frames that the verdict found good tell of it. Returns 0 or -errno; empty where
 * nothing tells. End it with verify_coverage_free().
 */
int verify_coverage_read(const char *trail, const struct trail_verdict *verdict,
			 struct verify_coverage *ret_coverage);
void verify_coverage_free(struct verify_coverage *coverage);

/* Rows for people: the last runs. */
void verify_coverage_say(const struct verify_coverage *coverage, struct paragraph *page);
