// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ahead.h"
#include "base/cleanup.h"
#include "commands/replay_source.h"
#include "event/json.h"
#include "event/record.h"

/* Of what is decompressed at once; what lies behind is left to who takes them. */
#define LINES_MOST 4096
/* The memory of a frame is kept for the next one, unless that is more than frames have as a rule.
 */
#define KEPT_BYTES (4u << 20)

/* What is decompressed at once: a frame's payload, or those of several that are packed together. */
struct replay_part {
	struct trail_segment segment;
	struct buffer path; /* a string */
	struct replay_frame *frames;
	unsigned int count, room, next;
	size_t bytes, line_count;
	struct record *record;
};

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
static int look_at_line(const struct replay_select *select, struct replay_part *part,
			struct text line)
{
	int r = part->record ? 0 : record_new(&part->record);

	if (r == 0)
		r = record_parse_json(part->record, line.data, line.length);
	return r < 0 ? r : replay_select_alone(select, part->record);
}

static int look_at_lines(const struct replay_lines *lines, struct replay_part *part,
			 struct replay_frame *frame)
{
	struct replay_line line;
	int r = 0;

	while (r == 0 && part->line_count < LINES_MOST &&
	       replay_select_next_line(frame->payload, frame->required, &frame->at, &line.text)) {
		line.passes = false;
		if (!replay_select_line(lines->select, line.text))
			continue;
		if (lines->whole) {
			r = look_at_line(lines->select, part, line.text);
			line.passes = r > 0;
			if (r == 0)
				continue;
			/* What is no event is told where it is shown. */
			r = r == -EBADMSG || r > 0 ? 0 : r;
		}
		if (r == 0)
			r = add_line(frame, &line);
		part->line_count++;
	}
	return r;
}

static void look_at_frame(const struct replay_lines *lines, struct replay_part *part,
			  struct replay_frame *frame)
{
	frame->line_count = frame->line_next = frame->at = 0;
	frame->error = trail_segment_payload(&part->segment, &frame->frame, &frame->payload.data,
					     &frame->payload.length);
	if (frame->error < 0)
		return;
	frame->required = replay_select_required(lines->select, frame->payload);
	if (replay_select_is_alone(lines->select) && !replay_select_all(lines->select))
		frame->error = look_at_lines(lines, part, frame);
}

static void look_at(void *context, void *item)
{
	struct replay_part *part = item;

	part->line_count = 0;
	for (unsigned int i = 0; i < part->count; i++)
		look_at_frame(context, part, &part->frames[i]);
}

static void clear(void *item)
{
	struct replay_part *part = item;

	buffer_free(&part->path);
	trail_segment_close(&part->segment);
	for (unsigned int i = 0; i < part->room; i++)
		free(part->frames[i].lines);
	free(part->frames);
	record_free(part->record);
}

int replay_lines_begin(struct replay_lines *lines)
{
	const struct ahead_options options = { .threads = ahead_threads(),
					       .item_bytes = sizeof(struct replay_part),
					       .work = look_at,
					       .clear = clear,
					       .context = lines };

	return ahead_new(&options, &lines->ahead);
}

void replay_lines_end(struct replay_lines *lines)
{
	ahead_free(lines->ahead);
}

static struct replay_frame *add_frame(struct replay_part *part)
{
	if (part->count == part->room) {
		unsigned int room = part->room ? 2 * part->room : 1;
		struct replay_frame *frames = reallocarray(part->frames, room, sizeof(*frames));

		if (!frames)
			return NULL;
		memset(frames + part->room, 0, (room - part->room) * sizeof(*frames));
		part->frames = frames;
		part->room = room;
	}
	return &part->frames[part->count];
}

/* Nothing more is put into it. */
static void give_away(struct replay_lines *lines)
{
	if (TAKE_PTR(lines->open))
		ahead_ask(lines->ahead);
}

static bool are_together(const struct replay_part *part, const struct trail_frame *frame,
			 const char *path)
{
	return part->frames[0].frame.payload_length > 0 &&
	       part->frames[0].frame.payload_offset == frame->payload_offset &&
	       part->frames[0].frame.payload_length == frame->payload_length &&
	       strcmp(part->path.data, path) == 0;
}

/* What is stored is read; frames are added to it. */
static int open_part(struct replay_lines *lines, struct replay_part *part,
		     const struct replay_source *source)
{
	const struct trail_frame *frame = replay_source_frame(source);
	int r;

	buffer_clear(&part->path);
	buffer_append_string(&part->path, replay_source_path(source));
	if (!buffer_string(&part->path))
		return -ENOMEM;
	r = replay_source_read_part(source, &part->segment);
	/* What is nowhere is told when it is this frame's turn. */
	if (r < 0 && r != -EBADMSG)
		return r;
	part->count = part->next = 0;
	/* How long what is packed is, is known when it is decompressed. */
	part->bytes = frame->payload_length + (frame->seal.stored_kind == TRAIL_STORED_ALONE
						       ? frame->header.raw_length
						       : TRAIL_PACKED_RAW_MOST);
	lines->bytes += part->bytes;
	lines->open = part;
	return 0;
}

int replay_lines_ask(struct replay_lines *lines, const struct replay_source *source)
{
	const struct trail_frame *frame = replay_source_frame(source);
	struct replay_part *part = lines->open;
	struct replay_frame *added;
	int r;

	if (part && !are_together(part, frame, replay_source_path(source))) {
		give_away(lines);
		part = NULL;
	}
	if (!part) {
		part = lines->bytes < REPLAY_LINES_BYTES ? ahead_room(lines->ahead) : NULL;
		if (!part)
			return 0;
		r = open_part(lines, part, source);
		if (r < 0)
			return r;
	}
	added = add_frame(part);
	if (!added)
		return -ENOMEM;
	added->frame = *frame;
	added->frame.header.summary = NULL;
	added->frame.header.summary_length = 0;
	added->path = part->path.data;
	part->count++;
	if (frame->seal.stored_kind == TRAIL_STORED_ALONE)
		give_away(lines);
	return 1;
}

struct replay_frame *replay_lines_first(struct replay_lines *lines, bool wait)
{
	struct replay_part *part = wait ? ahead_next(lines->ahead) : ahead_ready(lines->ahead);

	if (!part && wait && lines->open) {
		give_away(lines);
		part = ahead_next(lines->ahead);
	}
	return part ? &part->frames[part->next] : NULL;
}

void replay_lines_take_back(struct replay_lines *lines)
{
	struct replay_part *part = ahead_next(lines->ahead);

	if (++part->next < part->count)
		return;
	lines->bytes -= part->bytes;
	if (part->bytes > KEPT_BYTES) {
		buffer_free(&part->segment.raw);
		buffer_free(&part->segment.stored);
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
