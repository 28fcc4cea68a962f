/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts as people say them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define QUANTITY_MOST 32

/* "3 ms", "0.42 s", "12 s", "6 min 3 s", "2 h 5 min", "3 d 4 h". Into `text`, which it returns. */
const char *quantity_duration(uint64_t duration_ns, char text[QUANTITY_MOST]);

/* "812 bytes", "1.2 KiB", "64 MiB": powers of 1024, as Docker's options count (`-m 64m`). */
const char *quantity_bytes(uint64_t bytes, char text[QUANTITY_MOST]);
