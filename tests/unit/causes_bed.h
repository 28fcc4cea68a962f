/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of causes share: requests and answers that are learnt, and what is told of them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/causes.h"
#include "event/record.h"

struct causes_bed {
	struct causes *causes;
	struct record *record;
	struct buffer json;
	unsigned int sequence; /* of the last request: 101 is the first */
};

int causes_set_up(void **state);
int causes_tear_down(void **state);

void causes_read(struct causes_bed *bed, const char *line);

/* An id of 64 digits that differ with the number; the last four are valid. */
const char *causes_id(unsigned int number);

/* A request of a user for a container; `status` of the answer. */
void causes_ask(struct causes_bed *bed, const char *operation, const char *id, unsigned int user,
		unsigned int status);

/* A request that is written before its answer, of the user of its last digit; and that answer. */
void causes_ask_slowly(struct causes_bed *bed, const char *operation, unsigned int number,
		       const char *target);
void causes_answer(struct causes_bed *bed, unsigned int number, unsigned int status,
		   const char *more);

/* The line of an event of a container with its causes; without the part that all of them have. */
const char *causes_told(struct causes_bed *bed, const char *action, const char *id,
			const char *more);

void causes_assert_says(const char *line, const char *words);
void causes_assert_silent(const char *line, const char *words);
