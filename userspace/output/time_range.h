/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A moment as a person types it:
 *
 *   2026-11-22T14:05:30.5Z   RFC 3339; seconds, fraction and zone may be left out, a blank may
 * stand 2026-11-22 14:05         for the T, and without a zone it is local time 2026-11-22 that
 * midnight, local 14:05  14:05:30          today, local today  yesterday  now    midnight, the
 * midnight before, this moment -2h  -30m  -1d12h        so long ago: w d h m s
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct time_error {
	size_t column;     /* from 1: where in the text */
	char message[120]; /* what is wrong and what would be right; no newline */
};

/* `now_ns`: since 1970. Returns 0, or -EINVAL with *ret_error filled. */
int time_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns, struct time_error *ret_error);
