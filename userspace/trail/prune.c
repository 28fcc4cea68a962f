// SPDX-License-Identifier: Apache-2.0
#include "trail/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "trail/copy.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/segment.h"

#define NEW_SUFFIX ".new"
#define NEW_BYTES  (TRAIL_SEGMENT_NAME_BYTES + sizeof(NEW_SUFFIX))

static bool is_stopped(const struct trail_prune *prune)
{
	return prune->stop && atomic_load(prune->stop);
}

/* ---- what to drop */

/* Payloads that are not due yet. */
struct waiting {
	uint64_t frames;
	uint64_t due_ns; /* the first of them */
};

static void look_at(const struct trail_frame *frame, const struct trail_retention *retention,
		    uint64_t now_ns, struct trail_prune_step *step, struct waiting *waiting)
{
	const struct trail_header *header = &frame->header;
	uint64_t due_ns = trail_retention_due(retention, header);

	if (header->class != step->class || frame->seal.stored_kind == TRAIL_STORED_PRUNED)
		return;
	if (due_ns > now_ns) {
		waiting->frames++;
		waiting->due_ns = due_ns < waiting->due_ns ? due_ns : waiting->due_ns;
		return;
	}
	if (step->frames++ == 0)
		step->first_ns = header->wall_ns;
	step->last_ns = header->wall_ns;
	step->events += header->event_count;
	step->bytes += frame->stored_length;
}

/* The payloads of a class in a segment: those that are due, and those that are not. */
static int look(int folder, const struct trail_prune *prune, uint64_t now_ns,
		struct trail_prune_step *step, struct waiting *ret_waiting)
{
	struct trail_retention retention = { .floor_ns = { TRAIL_NEVER, TRAIL_NEVER } };
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct trail_segment segment;
	struct trail_frame frame;
	int r;

	*ret_waiting = (struct waiting){ .due_ns = TRAIL_NEVER };
	trail_segment_name(step->segment, name);
	r = trail_segment_open(folder, name, &segment);
	for (uint64_t at = 0; r == 0; at = frame.end_offset) {
		r = trail_segment_frame(&segment, at, &frame);
		if (r <= 0)
			break;
		r = trail_retention_decode(&frame.header, &retention);
		if (r == 0 || r == -ENOENT)
			r = is_stopped(prune) ? -ECANCELED : 0;
		if (r == 0)
			look_at(&frame, &retention, now_ns, step, ret_waiting);
	}
	trail_segment_close(&segment);
	return r == -ENODATA ? -EBADMSG : r;
}

static int add_bytes(int folder, const uint64_t *segments, size_t count, uint64_t *ret_bytes)
{
	*ret_bytes = 0;
	for (size_t i = 0; i < count; i++) {
		char name[TRAIL_SEGMENT_NAME_BYTES];
		_cleanup_close_ int fd = -1;
		uint64_t length;
		int r;

		trail_segment_name(segments[i], name);
		fd = trail_io_open(folder, name, O_RDONLY, 0);
		r = fd < 0 ? fd : trail_io_length(fd, &length);
		if (r < 0)
			return r;
		*ret_bytes += length;
	}
	return 0;
}

/* The oldest segment where something of the class is due. Each is looked at once, and once more
 * when something in it will be: who kept things longer before does not keep younger ones by it. */
static int find_in_class(int folder, struct trail_prune *prune, uint64_t now_ns,
			 enum trail_class class, const uint64_t *segments, size_t count,
			 struct trail_prune_step *ret_step)
{
	__auto_type done = &prune->classes[class];

	if (now_ns >= done->due_ns) {
		done->searched = done->empty;
		done->due_ns = TRAIL_NEVER;
	}
	for (size_t i = 0; i + 1 < count; i++) {
		struct trail_prune_step step = { .segment = segments[i],
						 .class = class,
						 .before_frame = segments[i + 1] };
		struct waiting waiting;
		int r;

		if (prune->active && segments[i] >= prune->active)
			break;
		if (segments[i] < done->searched)
			continue;
		r = look(folder, prune, now_ns, &step, &waiting);
		/* Damage is evidence, and stays as it is. */
		if (r < 0 && r != -EBADMSG && r != -EPROTONOSUPPORT)
			return r;
		if (r == 0 && step.frames > 0) {
			*ret_step = step;
			return TRAIL_PRUNE_STEP;
		}
		if (waiting.frames == 0 && (i == 0 || done->empty == segments[i]))
			done->empty = segments[i + 1];
		if (waiting.due_ns < done->due_ns)
			done->due_ns = waiting.due_ns;
		done->searched = segments[i + 1];
	}
	return TRAIL_PRUNE_NONE;
}

int trail_prune_find(int folder, struct trail_prune *prune, uint64_t now_ns,
		     struct trail_prune_step *ret_step)
{
	_cleanup_free_ uint64_t *segments = NULL;
	uint64_t bytes = 0;
	size_t count;
	int r;

	r = trail_segment_list(folder, &segments, &count, NULL);
	if (r == 0)
		r = add_bytes(folder, segments, count, &bytes);
	if (r < 0)
		return r;
	if (bytes <= prune->most_bytes)
		return TRAIL_PRUNE_SMALL;
	r = find_in_class(folder, prune, now_ns, TRAIL_ROUTINE, segments, count, ret_step);
	if (r == TRAIL_PRUNE_NONE)
		r = find_in_class(folder, prune, now_ns, TRAIL_EVIDENCE, segments, count, ret_step);
	return r;
}

/* ---- dropping it */

struct dropping {
	const struct trail_prune *prune;
	const struct trail_prune_step *step;
	uint64_t now_ns;
	struct trail_retention retention; /* in force */
};

static int choose(void *context, const struct trail_frame *frame)
{
	struct dropping *dropping = context;
	int r = trail_retention_decode(&frame->header, &dropping->retention);

	if (is_stopped(dropping->prune))
		return -ECANCELED;
	if (r < 0 && r != -ENOENT)
		return r;
	return frame->header.class == dropping->step->class &&
			       trail_retention_due(&dropping->retention, &frame->header) <=
				       dropping->now_ns
		       ? TRAIL_COPY_HEADER
		       : TRAIL_COPY_WHOLE;
}

int trail_prune_segment(int folder, const struct trail_prune *prune,
			const struct trail_prune_step *step, uint64_t now_ns)
{
	struct dropping dropping = { .prune = prune,
				     .step = step,
				     .now_ns = now_ns,
				     .retention.floor_ns = { TRAIL_NEVER, TRAIL_NEVER } };
	char name[TRAIL_SEGMENT_NAME_BYTES], beside[NEW_BYTES];
	_cleanup_close_ int fd = -1;
	struct trail_segment segment;
	int r;

	trail_segment_name(step->segment, name);
	snprintf(beside, sizeof(beside), "%s" NEW_SUFFIX, name);
	r = trail_segment_open(folder, name, &segment);
	if (r == 0) {
		fd = trail_io_open(folder, beside, O_WRONLY | O_CREAT | O_TRUNC, 0640);
		r = fd < 0 ? fd : trail_copy(&segment, fd, choose, &dropping);
	}
	trail_segment_close(&segment);
	if (r == 0)
		r = trail_io_rename(folder, beside, folder, name);
	if (r == 0)
		return trail_io_sync(folder);
	if (fd >= 0)
		(void)trail_io_unlink(folder, beside);
	return r;
}

static int forget_one(void *context, const char *name)
{
	char segment[TRAIL_SEGMENT_NAME_BYTES];
	size_t length = strlen(name), suffix = strlen(NEW_SUFFIX);
	uint64_t first_frame;

	if (length < suffix || length - suffix >= sizeof(segment) ||
	    strcmp(name + length - suffix, NEW_SUFFIX) != 0)
		return 0;
	memcpy(segment, name, length - suffix);
	segment[length - suffix] = '\0';
	return trail_segment_parse(segment, &first_frame)
		       ? trail_io_unlink(*(const int *)context, name)
		       : 0;
}

int trail_prune_forget(int folder)
{
	return trail_folder_each(folder, forget_one, &folder);
}
