/* SPDX-License-Identifier: Apache-2.0 */
/* What a body declares, as one line that a test can compare with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "correlate/declare.h"

/* "image=busybox;privileged=1;<type=bind;source=/;target=/h;> 75": the last is the severity. */
void declare_show(struct buffer *out, const struct declared *declared);

/* Read a body in two pieces, the first of `at` bytes, or in pieces of `at` bytes, and show it. */
void declare_read_body(enum operation_declares declares, struct text body, size_t at, bool two,
		       struct buffer *out);

/* However the body is cut into two, and in pieces of 1 to 3 bytes, it shows as `expected`. */
void declare_expect(enum operation_declares declares, const char *body, const char *expected);

#define EXPECT(kind, body, expected) declare_expect(OPERATION_DECLARES_##kind, body, expected)
