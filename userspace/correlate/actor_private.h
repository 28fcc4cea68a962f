/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of actor.h share: the process itself, and everything around it. */
#pragma once

#include "correlate/actor.h"
#include "event/record.h"

/* Bytes of the kernel's: the first NUL ends them, none are none. */
static inline void actor_set_fixed(struct record *record, enum field field, const char *text,
				   size_t most)
{
	struct text known = text_within(text, most);

	if (known.length)
		record_set_text(record, field, known);
}

/*
 * The object "process" of a record, from the context's cache where it was told before. `complete`:
 * the pid is known to be this task's still, so the tree may be asked for more.
 */
void actor_fill_process(const struct actor_context *context, const struct wire_task *task,
			bool complete, struct record *record);
