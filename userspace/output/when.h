/* SPDX-License-Identifier: Apache-2.0 */
/* A moment as a person reads it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WHEN_MOST 64

/* "02:14:30". All return `text`. */
const char *when_clock(uint64_t wall_ns, bool local, char text[WHEN_MOST]);
/* "Sunday 22 November 2026  UTC" */
const char *when_day(uint64_t wall_ns, bool local, char text[WHEN_MOST]);
/* "2026-11-22T02:14:30.123Z", or with the local offset. */
const char *when_stamp(uint64_t wall_ns, bool local, char text[WHEN_MOST]);

/* A number for the day that it falls on, by which to see that the day has changed. */
int when_day_number(uint64_t wall_ns, bool local);
