/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines, and what redaction leaves of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "correlate/redact.h"

/* Arguments apart by '|', that stand for themselves nowhere here. */
void redact_bed_split(const char *line, struct text_list *list);
void redact_bed_join(const struct text_list *list, struct buffer *out);

/* Arguments stand apart by '|'. What is masked once must stay as it is the second time. */
void expect_with(const struct redact *redact, const char *line, bool cut, const char *expected);
void expect(const char *line, const char *expected);
void expect_kept(const char *line);
