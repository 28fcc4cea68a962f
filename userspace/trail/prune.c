// SPDX-License-Identifier: Apache-2.0
#include "trail/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/segment.h"

#define NEW_SUFFIX ".new"
#define NEW_BYTES  (TRAIL_SEGMENT_NAME_BYTES + sizeof(NEW_SUFFIX))
#define OUT_BYTES  (1u << 20)

static bool is_stopped(const struct trail_prune *prune)
{
	return prune->stop && atomic_load(prune->stop);
}

/* Over the frames of a closed segment, with what was in force when each was made. */
struct pass {
	const struct trail_prune *prune;
	struct trail_segment segment;
	struct trail_frame frame;
	struct trail_retention retention;
	uint64_t offset;
};

static int begin_pass(struct pass *pass, const struct trail_prune *prune, int folder,
		      uint64_t segment)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];

	*pass = (struct pass){ .prune = prune,
			       .retention.floor_ns = { TRAIL_NEVER, TRAIL_NEVER } };
	trail_segment_name(segment, name);
	return trail_segment_open(folder, name, &pass->segment);
}

/* Returns 1, 0 at the end, -EBADMSG, -ECANCELED, -errno. */
static int next_frame(struct pass *pass)
{
	int r;

	if (is_stopped(pass->prune))
		return -ECANCELED;
	r = trail_segment_frame(&pass->segment, pass->offset, &pass->frame);
	if (r <= 0)
		return r == -ENODATA ? -EBADMSG : r;
	pass->offset = pass->frame.end_offset;
	r = trail_retention_decode(&pass->frame.header, &pass->retention);
	return r < 0 && r != -ENOENT ? r : 1;
}

/* ---- what to drop */

/* The payloads of a class in a segment: whether there are any, and those that are due. */
static int look(int folder, const struct trail_prune *prune, uint64_t now_ns,
		struct trail_prune_step *step, bool *ret_any)
{
	struct pass pass;
	int r = begin_pass(&pass, prune, folder, step->segment);

	*ret_any = false;
	while (r >= 0 && (r = next_frame(&pass)) > 0) {
		const struct trail_header *header = &pass.frame.header;

		if (header->class != step->class ||
		    pass.frame.seal.stored_kind == TRAIL_STORED_PRUNED)
			continue;
		*ret_any = true;
		if (trail_retention_due(&pass.retention, header) > now_ns)
			continue;
		if (step->frames++ == 0)
			step->first_ns = header->wall_ns;
		step->last_ns = header->wall_ns;
		step->events += header->event_count;
		step->bytes += pass.frame.stored_length;
	}
	trail_segment_close(&pass.segment);
	return r;
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

/* In the oldest segment that has payloads of this class: younger ones are not due before it. */
static int find_in_class(int folder, struct trail_prune *prune, uint64_t now_ns,
			 enum trail_class class, const uint64_t *segments, size_t count,
			 struct trail_prune_step *ret_step)
{
	for (size_t i = 0; i + 1 < count; i++) {
		struct trail_prune_step step = { .segment = segments[i],
						 .class = class,
						 .before_frame = segments[i + 1] };
		bool any;
		int r;

		if (segments[i] < prune->searched[class])
			continue;
		r = look(folder, prune, now_ns, &step, &any);
		/* Damage is evidence, and stays as it is. */
		if (r < 0 && r != -EBADMSG && r != -EPROTONOSUPPORT)
			return r;
		if (r == 0 && step.frames > 0) {
			*ret_step = step;
			return TRAIL_PRUNE_STEP;
		}
		if (r == 0 && any)
			return TRAIL_PRUNE_NONE;
		prune->searched[class] = segments[i + 1];
	}
	return TRAIL_PRUNE_NONE;
}

int trail_prune_find(int folder, struct trail_prune *prune, uint64_t now_ns,
		     struct trail_prune_step *ret_step)
{
	_cleanup_free_ uint64_t *segments = NULL;
	uint64_t bytes;
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

struct copy {
	int fd;
	uint64_t at;
	struct buffer out;
};

static int write_out(struct copy *copy)
{
	int r = copy->out.error;

	if (r == 0)
		r = trail_io_write(copy->fd, copy->out.data, copy->out.length, copy->at);
	copy->at += copy->out.length;
	buffer_clear(&copy->out);
	return r;
}

/* [from, to) of the old segment. */
static int copy_bytes(struct copy *copy, const struct trail_segment *segment, uint64_t from,
		      uint64_t to)
{
	size_t length = to - from;
	ssize_t n;
	int r = buffer_reserve(&copy->out, length);

	if (r < 0)
		return r;
	n = trail_io_read(segment->fd, copy->out.data + copy->out.length, length, from);
	if (n < 0)
		return (int)n;
	if ((size_t)n != length)
		return -EBADMSG;
	copy->out.length += length;
	return copy->out.length >= OUT_BYTES ? write_out(copy) : 0;
}

static int copy_frame(struct copy *copy, const struct pass *pass,
		      const struct trail_prune_step *step, uint64_t now_ns)
{
	const struct trail_frame *frame = &pass->frame;
	struct trail_seal seal = frame->seal;
	int r;

	if (frame->header.class != step->class ||
	    trail_retention_due(&pass->retention, &frame->header) > now_ns)
		return copy_bytes(copy, &pass->segment, frame->offset, frame->end_offset);
	r = copy_bytes(copy, &pass->segment, frame->offset, frame->stored_offset);
	if (r < 0)
		return r;
	seal.stored_kind = TRAIL_STORED_PRUNED;
	seal.stored_length = 0;
	memset(seal.stored_hash, 0, sizeof(seal.stored_hash));
	trail_seal_encode(&seal, &copy->out);
	return copy->out.error;
}

static int copy_segment(struct pass *pass, const struct trail_prune_step *step, uint64_t now_ns,
			int fd)
{
	struct copy copy = { .fd = fd };
	int r;

	while ((r = next_frame(pass)) > 0) {
		r = copy_frame(&copy, pass, step, now_ns);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = write_out(&copy);
	buffer_free(&copy.out);
	return r < 0 ? r : trail_io_sync(fd);
}

int trail_prune_segment(int folder, const struct trail_prune *prune,
			const struct trail_prune_step *step, uint64_t now_ns)
{
	char name[TRAIL_SEGMENT_NAME_BYTES], beside[NEW_BYTES];
	_cleanup_close_ int fd = -1;
	struct pass pass;
	int r = begin_pass(&pass, prune, folder, step->segment);

	trail_segment_name(step->segment, name);
	snprintf(beside, sizeof(beside), "%s" NEW_SUFFIX, name);
	if (r == 0) {
		fd = trail_io_open(folder, beside, O_WRONLY | O_CREAT | O_TRUNC, 0640);
		r = fd < 0 ? fd : copy_segment(&pass, step, now_ns, fd);
	}
	trail_segment_close(&pass.segment);
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
