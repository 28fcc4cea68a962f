/* SPDX-License-Identifier: Apache-2.0 */
/* A process tree, users and containers, and what is told of a process, as a record. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "correlate/actor.h"
#include "event/record.h"

#define ID    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TICK  10000000ull
#define START (1000 * TICK)
#define WALL  1700000000000000000ll

struct actor_bed {
	char *folder;
	struct actor_context context;
	struct record *record;
	struct buffer json;
	bool redact_cut;
	int redactions;
};

int actor_bed_set_up(void **state);
/* The same with a cache. */
int actor_bed_set_up_cache(void **state);
int actor_bed_tear_down(void **state);

/* docker, of root, that alice logged in. */
struct wire_task bed_client(void);

/* `args` end with a NUL each. */
void bed_run(struct actor_bed *bed, const struct wire_task *task, const char *executable,
	     struct text args);

/* A shell that runs docker. */
struct wire_task bed_run_client(struct actor_bed *bed);

/* What was told, valid until the next call. */
const char *bed_json_of(struct actor_bed *bed);

/* NULL: the field is not there. */
void bed_assert_text(struct actor_bed *bed, enum field field, const char *expected);

/* Into an empty record. */
void bed_fill_again(struct actor_bed *bed, const struct wire_task *task);

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(test_##name, actor_bed_set_up, actor_bed_tear_down)
#define WITH_CACHE(name)                                                                           \
	cmocka_unit_test_setup_teardown(test_##name, actor_bed_set_up_cache, actor_bed_tear_down)
/* Both ways. */
#define CACHED(name) TEST(name), WITH_CACHE(name)
