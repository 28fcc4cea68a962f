/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter language of --where, one implementation for the whole project.
 *
 *   expression = and-term { "or" and-term }
 *   and-term   = not-term { "and" not-term }
 *   not-term   = "not" not-term | "(" expression ")" | comparison
 *   comparison = name operator value | name "in" "(" value { "," value } ")"
 *              | "exists" name | name "exists"
 *   operator   = "==" "!=" "<" "<=" ">" ">=" "~" (glob, * crosses /) "=~" (POSIX extended regex)
 *   value      = "string" | 'string' | number | true | false | a bare word | a time
 *
 * Names are JSON paths. A comparison with an absent field is false, != too. A list matches if one
 * item does; a list that is known to be empty exists. What a value means is decided by the field's
 * type; a text is compared by its bytes, but < and > with a number that is not in quotes compare as
 * numbers (user.id >= 1000), and do not match a text that is no number.
 *
 * Bounded: FILTER_LENGTH_MOST, FILTER_DEPTH_MOST, and event/pattern.h for ~ and =~.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "event/field.h"

#define FILTER_LENGTH_MOST 4096
#define FILTER_DEPTH_MOST  64

struct filter;
struct record;

struct filter_error {
	size_t column;     /* from 1, in bytes: where in the text */
	char message[160]; /* what is wrong and what would be right; no newline */
};

/* Returns 0; -EINVAL with *ret_error filled; -ENOMEM. */
int filter_compile(const char *text, struct filter **ret, struct filter_error *ret_error);

bool filter_match(const struct filter *filter, const struct record *record);

/*
 * Whether any of some records can match, by what is known of all of them: `may_be` says whether one
 * of them may have this text as this field's value, or as an item of it. Where there is doubt, yes.
 */
bool filter_may_match(const struct filter *filter,
		      bool (*may_be)(void *user, enum field field, struct text value), void *user);

/*
 * The longest text that each record that matches has as some field's value, or as an item of one,
 * and of which `fits` says that it will do; no data where there is none. As long as the filter is.
 */
struct text filter_required(const struct filter *filter, bool (*fits)(struct text value));

/* Takes NULL. */
void filter_free(struct filter *filter);

/* What --help says of the language; static. */
const char *filter_usage(void);

/*
 * A time as people write it, for --where, --since and --until: RFC 3339; the same, or only the
 * date, in this machine's zone; -90s -15m -2h -3d -1w before `now_ns`; now, today, yesterday (their
 * midnight in this machine's zone). Returns 0 or -EINVAL.
 */
int filter_parse_time(const char *text, size_t length, uint64_t now_ns, uint64_t *ret_wall_ns);
