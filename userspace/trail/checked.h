/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small texts that check themselves: their last line is "check " and the first 16 hexadecimal
 * digits of SHA-256 over all before it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

#define TRAIL_CHECKED_MOST 512 /* bytes of such a text */

/* Append the last line. Errors stick to `text`. */
void trail_checked_end(struct buffer *text);

/* Read `name` as a string of at most TRAIL_CHECKED_MOST bytes into a buffer of one more. Returns
 * its length or -errno. */
int trail_checked_read(int folder, const char *name, char *ret_text);

/* 2 * length hexadecimal digits. Returns false where there are not just as many. */
bool trail_checked_hex(const char *digits, uint8_t *ret_bytes, size_t length);
