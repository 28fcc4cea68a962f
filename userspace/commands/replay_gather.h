/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the frames of one commit, which lie one after the other by class, in the order of their
 * events.
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "commands/replay_lines.h"

struct trail_header;

struct replay_gather {
	struct buffer bytes;
	struct replay_gathered {
		uint64_t sequence;
		size_t offset, length;
		bool passes;
	} * lines;
	size_t count, room;
	uint64_t commit; /* its first event */
};

/* A copy of a line of the frame. Returns 0 or -ENOMEM. */
int replay_gather_add(struct replay_gather *gather, const struct trail_header *header,
		      const struct replay_line *line);

/* Call `show` with each, in order; then there are none. Returns 0, or what `show` did. */
int replay_gather_show(struct replay_gather *gather,
		       int (*show)(void *context, const struct replay_line *line), void *context);

void replay_gather_clear(struct replay_gather *gather);
