/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads, decompressed and searched for lines that can pass by several threads, ahead of the one
 * who shows them in order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/text.h"
#include "commands/replay_select.h"
#include "trail/segment.h"

#define REPLAY_LINES_BYTES (128u << 20) /* of payloads that are held at a time, or a single one */

struct ahead;
struct record;
struct replay_source;

struct replay_line {
	struct text text;
	bool passes; /* it was looked at whole; otherwise that is still to be done */
};

struct replay_part;

/* A frame of which lines are wanted. */
struct replay_frame {
	struct trail_frame frame; /* without its summary */
	const char *path;         /* of its segment */
	int error;                /* 0; -EBADMSG: its payload does not decode; -ENOMEM */
	struct text payload, required;
	size_t at; /* from here on replay_lines_next_line() looks for itself */
	struct replay_line *lines;
	size_t line_count, line_room, line_next;
};

struct replay_lines {
	const struct replay_select *select; /* borrowed */
	bool whole; /* a line is all that is shown of an event: who it passes needs no more */
	struct ahead *ahead;
	struct replay_part *open; /* frames that are packed together are looked at together: there
				     may be more of them */
	size_t bytes;
};

/* `lines` has its first two members. Returns 0 or -ENOMEM. */
int replay_lines_begin(struct replay_lines *lines);
void replay_lines_end(struct replay_lines *lines);

/* The frame that `source` is at. Returns 1; 0 when there is no room until replay_lines_take_back();
 * -errno. */
int replay_lines_ask(struct replay_lines *lines, const struct replay_source *source);

/* The first of those asked for; `wait`: also where that takes time. NULL without one. */
struct replay_frame *replay_lines_first(struct replay_lines *lines, bool wait);
void replay_lines_take_back(struct replay_lines *lines);

/* Its next line that can pass, until it is taken back. False: there is none. */
bool replay_lines_next_line(const struct replay_lines *lines, struct replay_frame *frame,
			    struct replay_line *ret_line);
