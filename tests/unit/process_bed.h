/* SPDX-License-Identifier: Apache-2.0 */
/* A process tree over a /proc of files, and the messages that feed it. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "correlate/process.h"
#include "fake_proc.h"

#define TICK   10000000ull
#define START  (1000 * TICK)
#define SECOND NS_PER_SECOND

struct process_bed {
	char *folder;
	struct process_tree *tree;
	struct buffer text;
};

int process_bed_set_up(void **state);
int process_bed_tear_down(void **state);

struct wire_task bed_task_of(uint32_t pid, uint64_t start, uint32_t parent, uint64_t parent_start,
			     const char *name);
void bed_forked(struct process_bed *bed, uint32_t pid, uint64_t start, uint32_t parent,
		uint64_t parent_start);
/* Runs /bin/NAME with the arguments "prog" and "-a". */
void bed_executed(struct process_bed *bed, uint32_t pid, uint64_t start, const char *name);

/* "name[pid] name[pid] ", with "..." where it is cut. */
const char *bed_ancestry(struct process_bed *bed, const struct process *process);

void bed_assert_program(const struct process *process, const char *executable, const char *args,
			size_t args_length);

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(test_##name, process_bed_set_up, process_bed_tear_down)
