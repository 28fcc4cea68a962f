/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks and their text. All times are nanoseconds in 64 bits, unsigned. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buffer;

#define NS_PER_SECOND 1000000000ull
#define NS_PER_MS     1000000ull

/* CLOCK_BOOTTIME: what the probes stamp with (bpf_ktime_get_boot_ns), counts through a suspend. */
uint64_t clock_boot_ns(void);
/* CLOCK_REALTIME, since 1970. */
uint64_t clock_wall_ns(void);
/* CLOCK_MONOTONIC: for what waits, and for how long something took. */
uint64_t clock_monotonic_ns(void);
/* wall minus boot clock: added to a kernel stamp it gives UTC. Taken as the tightest of a few
 * readings. */
int64_t clock_wall_offset_ns(void);

/* RFC 3339 in UTC with nine digits, "2026-01-02T03:04:05.678901234Z". */
void clock_append_rfc3339(struct buffer *buffer, uint64_t wall_ns);
/* The reverse, any offset and up to nine digits of a fraction. Returns 0 or -EINVAL. */
int clock_parse_rfc3339(const char *text, size_t length, uint64_t *ret_wall_ns);
