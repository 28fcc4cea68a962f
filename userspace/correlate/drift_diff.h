/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines went and which came. */
#pragma once

#include "base/text.h"
#include "base/text_list.h"

/*
 * Append "-line" and "+line" to `ret`, in the order of the texts; at most `most` of at most
 * `line_most` bytes, `ret->cut` where there were more. The fewest there can be, but where so much
 * is different that it does not pay to look for what is common. Returns 0 or -ENOMEM.
 */
int drift_diff(struct text before, struct text after, size_t most, size_t line_most,
	       struct text_list *ret);
