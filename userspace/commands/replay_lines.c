// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_lines.h"

#include <errno.h>
#include <stdlib.h>

#include "base/ahead.h"
#include "base/cleanup.h"
#include "commands/replay_source.h"
#include "event/json.h"
#include "event/record.h"

/* Of one payload; what lies behind is left to who takes them. */
#define LINES_MOST 4096
/* The memory of a frame is kept for the next one, unless that is more than frames have as a rule.
 */
#define KEPT_BYTES (4u << 20)

static size_t bytes_of(const struct replay_frame *frame)
{
	return frame->frame.header.raw_length + frame->frame.stored_length;
}

static int add_line(struct replay_frame *frame, const struct replay_line *line)
{
	if (frame->line_count == frame->line_room) {
		size_t room = frame->line_room ? 2 * frame->line_room : 64;
		struct replay_line *lines = reallocarray(frame->lines, room, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		frame->lines = lines;
		frame->line_room = room;
	}
	frame->lines[frame->line_count++] = *line;
	return 0;
}

/* Whether the event of a line passes: 1, 0; -EBADMSG where it is none, -ENOMEM. */
static int look_at_line(const struct replay_select *select, struct replay_frame *frame,
			struct text line)
{
	int r = frame->record ? 0 : record_new(&frame->record);

	if (r == 0)
		r = record_parse_json(frame->record, line.data, line.length);
	return r < 0 ? r : replay_select_alone(select, frame->record);
}

static int look_at_lines(const struct replay_lines *lines, struct replay_frame *frame)
{
	struct replay_line line;
	int r = 0;

	while (r == 0 && frame->line_count < LINES_MOST &&
	       replay_select_next_line(frame->payload, frame->required, &frame->at, &line.text)) {
		line.passes = false;
		if (!replay_select_line(lines->select, line.text))
			continue;
		if (lines->whole) {
			r = look_at_line(lines->select, frame, line.text);
			line.passes = r > 0;
			if (r == 0)
				continue;
			/* What is no event is told where it is shown. */
			r = r == -EBADMSG || r > 0 ? 0 : r;
		}
		if (r == 0)
			r = add_line(frame, &line);
	}
	return r;
}

static void look_at(void *context, void *item)
{
	const struct replay_lines *lines = context;
	struct replay_frame *frame = item;

	frame->line_count = frame->line_next = frame->at = 0;
	frame->error = trail_segment_payload(&frame->part, &frame->frame, &frame->payload.data,
					     &frame->payload.length);
	if (frame->error < 0)
		return;
	frame->required = replay_select_required(lines->select, frame->payload);
	if (replay_select_is_alone(lines->select) && !replay_select_all(lines->select))
		frame->error = look_at_lines(lines, frame);
}

static void clear(void *item)
{
	struct replay_frame *frame = item;

	buffer_free(&frame->path);
	trail_segment_close(&frame->part);
	free(frame->lines);
	record_free(frame->record);
}

int replay_lines_begin(struct replay_lines *lines)
{
	const struct ahead_options options = { .threads = ahead_threads(),
					       .item_bytes = sizeof(struct replay_frame),
					       .work = look_at,
					       .clear = clear,
					       .context = lines };

	return ahead_new(&options, &lines->ahead);
}

void replay_lines_end(struct replay_lines *lines)
{
	ahead_free(lines->ahead);
}

int replay_lines_ask(struct replay_lines *lines, const struct replay_source *source)
{
	struct replay_frame *frame =
		lines->bytes < REPLAY_LINES_BYTES ? ahead_room(lines->ahead) : NULL;
	int r;

	if (!frame)
		return 0;
	r = replay_source_read_part(source, &frame->part, &frame->frame);
	if (r < 0)
		return r;
	buffer_clear(&frame->path);
	buffer_append_string(&frame->path, replay_source_path(source));
	lines->bytes += bytes_of(frame);
	ahead_ask(lines->ahead);
	return 1;
}

struct replay_frame *replay_lines_first(struct replay_lines *lines, bool wait)
{
	return wait ? ahead_next(lines->ahead) : ahead_ready(lines->ahead);
}

void replay_lines_take_back(struct replay_lines *lines)
{
	struct replay_frame *frame = ahead_next(lines->ahead);

	lines->bytes -= bytes_of(frame);
	if (bytes_of(frame) > KEPT_BYTES) {
		buffer_free(&frame->part.raw);
		buffer_free(&frame->part.stored);
	}
	ahead_take_back(lines->ahead);
}

bool replay_lines_next_line(const struct replay_lines *lines, struct replay_frame *frame,
			    struct replay_line *ret_line)
{
	if (frame->line_next < frame->line_count) {
		*ret_line = frame->lines[frame->line_next++];
		return true;
	}
	*ret_line = (struct replay_line){ .passes = replay_select_all(lines->select) };
	while (replay_select_next_line(frame->payload, frame->required, &frame->at,
				       &ret_line->text))
		if (replay_select_line(lines->select, ret_line->text))
			return true;
	return false;
}
