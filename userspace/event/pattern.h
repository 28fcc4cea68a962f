/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs and POSIX extended regular expressions that match any subject in bounded time and memory.
 *
 * regexec(3) of glibc gives no such bound: it follows back-references by trial, and keeps a state
 * for each set of places it has met, two kilobytes and more each, for as long as the subject is.
 * Here a pattern becomes its position automaton (Glushkov 1961), at most PATTERN_POSITIONS_MOST
 * positions, and a match carries one set of positions from byte to byte: no state is made while
 * matching.
 *
 * A character is one of UTF-8, or a byte that is not part of any: `.`, `?` and [!x] match one of
 * them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define PATTERN_LENGTH_MOST    256
#define PATTERN_POSITIONS_MOST 1024
#define PATTERN_REPEAT_MOST    255
#define PATTERN_NESTING_MOST   16
/* Of a subject a regular expression sees so many bytes; `$` does not match where it was cut. */
#define PATTERN_SUBJECT_MOST (64u * 1024)

struct pattern;

struct pattern_error {
	size_t offset;       /* in the pattern, from 0 */
	const char *message; /* static; what is wrong and what would be right */
};

/*
 * fnmatch(3) without flags: * ? [a-z] [!a-z] and \ before a character that stands for itself; *
 * crosses a slash; the whole subject must match. Sets hold ASCII characters only. Returns 0;
 * -EINVAL with *ret_error filled; -ENOMEM.
 */
int pattern_compile_glob(struct text glob, struct pattern **ret, struct pattern_error *ret_error);

/*
 * An extended regular expression of POSIX.1-2017, section 9.4, found anywhere in the subject: no
 * back-references, no GNU escapes such as \w, no collating elements. As above.
 */
int pattern_compile_regex(struct text regex, struct pattern **ret, struct pattern_error *ret_error);

bool pattern_match(const struct pattern *pattern, struct text subject);

/* Takes NULL. */
void pattern_free(struct pattern *pattern);
