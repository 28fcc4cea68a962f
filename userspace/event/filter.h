/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter language of --where, one implementation for the whole project.
 *
 *   expression = and-term { "or" and-term }          and-term = not-term { "and" not-term }
 *   not-term   = "not" not-term | "(" expression ")" | comparison
 *   comparison = name operator value | name "in" "(" value { "," value } ")" | "exists" name | name
 * "exists" operator   = "==" "!=" "<" "<=" ">" ">=" "~" (glob, * crosses /) "=~" (POSIX extended
 * regex, <= 256 bytes) value      = "string" | 'string' | number | true | false | a bare word | an
 * RFC 3339 time
 *
 * Names are JSON paths. A comparison with an absent field is false, != too. A list matches if one
 * item does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct filter;
struct record;

struct filter_error {
	size_t column;     /* from 1: where in the text */
	char message[160]; /* what is wrong and what would be right; no newline */
};

/* Returns 0; -EINVAL with *ret_error filled; -ENOMEM. */
int filter_compile(const char *text, struct filter **ret, struct filter_error *ret_error);

bool filter_match(const struct filter *filter, const struct record *record);

/* Takes NULL. */
void filter_free(struct filter *filter);
