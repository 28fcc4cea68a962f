/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are drawn at random, with texts that are hostile, and their lines. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "event/record.h"

struct json_bed {
	struct record *record, *other;
	struct buffer line;
};

int json_bed_set_up(void **state);
int json_bed_tear_down(void **state);

/* From 0 to `below` - 1; the same numbers in each run. */
uint64_t json_bed_draw(uint64_t below);

/* Any event, with some of all fields. */
void json_bed_draw_record(struct record *record);

/* The record as bed->line. */
void json_bed_write_line(struct json_bed *bed);

/* bed->other, which was read from the line, has what bed->record has. */
void json_bed_expect_same(struct json_bed *bed);

#define JSON_TEST(name) cmocka_unit_test_setup_teardown(name, json_bed_set_up, json_bed_tear_down)
