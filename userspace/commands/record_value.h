/* SPDX-License-Identifier: Apache-2.0 */
/* One value of `struct record_options`, by whichever way it was given. */
#pragma once

#include "commands/record_options.h"

/* A copy of `value` takes the place of *place, which is freed. Returns 0 or -ENOMEM. */
int record_value_set(char **place, const char *value);

/* A copy at the list's end. Returns 0, -E2BIG or -ENOMEM. */
int record_value_add(struct string_list *list, const char *value);

void record_value_clear(struct string_list *list);

/*
 * A decimal number, with K or M behind it 1024 or 1024 * 1024 times as much. Returns 0; -EINVAL: no
 * number; or -ERANGE.
 */
int record_value_number(const char *value, uint32_t least, uint32_t most, uint32_t *ret);

/* The same in 64 bits, and with G or T. */
int record_value_size(const char *value, uint64_t least, uint64_t most, uint64_t *ret);

/* "auto", "on", "off", "daemon": 0, or -EINVAL. */
int record_value_audit(const char *value, enum record_audit *ret);

/* Is this the name of a rung of probes? */
bool record_value_is_rung(const char *value);
