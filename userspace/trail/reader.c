// SPDX-License-Identifier: Apache-2.0
#include "trail/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "trail/committed.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/totals.h"

struct source {
	char *path;
	uint64_t first_frame; /* 0 for a file that is no folder's segment */
	int folder;           /* borrowed from reader->folders, or AT_FDCWD */
};

struct trail_reader {
	unsigned int flags;
	int *folders; /* one for each path; -1 for files */
	size_t folder_count;
	struct source *sources;
	size_t source_count, source_room;
	size_t current;
	struct trail_segment segment;
	struct trail_segment beyond; /* the same one, to look ahead */
	struct trail_frame frame;
	uint64_t offset;
	uint64_t next_frame;
	uint64_t torn_bytes;
	uint64_t unsure; /* from here on what is no frame is a torn end: nobody has acknowledged it
			  */
	uint8_t trail_id[TRAIL_ID_BYTES]; /* of what lies in `trail_folder` */
	int trail_folder;                 /* -1: not known yet */
	bool stale;                       /* another trail is there now */
	trail_reader_skip_function skip;
	void *skip_context;
	int error;
};

static int add_source(struct trail_reader *reader, int folder, const char *path,
		      uint64_t first_frame)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct source *source;

	if (reader->source_count == reader->source_room) {
		size_t room = 2 * reader->source_room + 8;
		struct source *sources = realloc(reader->sources, room * sizeof(*sources));

		if (!sources)
			return -ENOMEM;
		reader->sources = sources;
		reader->source_room = room;
	}
	source = &reader->sources[reader->source_count];
	*source = (struct source){ .folder = folder, .first_frame = first_frame };
	if (first_frame) {
		trail_segment_name(first_frame, name);
		if (asprintf(&source->path, "%s/%s", path, name) < 0)
			return -ENOMEM;
	} else {
		source->path = strdup(path);
		if (!source->path)
			return -ENOMEM;
	}
	reader->source_count++;
	return 0;
}

static int add_folder(struct trail_reader *reader, int folder, const char *path)
{
	_cleanup_free_ uint64_t *first_frames = NULL;
	size_t count;
	int r = trail_segment_list(folder, &first_frames, &count, NULL);

	if (r < 0)
		return r;
	if (count == 0)
		return -ENOENT;
	for (size_t i = 0; i < count; i++) {
		r = add_source(reader, folder, path, first_frames[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_current(struct trail_reader *reader)
{
	const struct source *source = &reader->sources[reader->current];
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int r;

	trail_segment_close(&reader->segment);
	reader->offset = 0;
	reader->unsure = UINT64_MAX;
	if (source->first_frame) {
		trail_segment_name(source->first_frame, name);
		r = trail_segment_open(source->folder, name, &reader->segment);
	} else {
		r = trail_segment_open(AT_FDCWD, source->path, &reader->segment);
	}
	/* How far it may be read is looked up when its first frame is asked for. */
	if (r == 0)
		trail_segment_set_limit(&reader->segment, 0);
	return r;
}

static void reader_closep(struct trail_reader **reader)
{
	trail_reader_close(*reader);
}

int trail_reader_open(const char *const *paths, size_t path_count, unsigned int flags,
		      struct trail_reader **ret_reader)
{
	_cleanup_(reader_closep)
	struct trail_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader || path_count == 0)
		return reader ? -EINVAL : -ENOMEM;
	reader->flags = flags;
	reader->segment.fd = reader->beyond.fd = -1;
	reader->trail_folder = -1;
	reader->folders = malloc(path_count * sizeof(*reader->folders));
	if (!reader->folders)
		return -ENOMEM;
	for (; reader->folder_count < path_count; reader->folder_count++) {
		const char *path = paths[reader->folder_count];
		int folder = trail_io_open_folder(AT_FDCWD, path, false, 0);

		reader->folders[reader->folder_count] = folder >= 0 ? folder : -1;
		if (folder >= 0)
			r = add_folder(reader, folder, path);
		else
			r = folder == -ENOTDIR ? add_source(reader, AT_FDCWD, path, 0) : folder;
		if (r < 0) {
			reader->folder_count++;
			return r;
		}
	}
	r = open_current(reader);
	if (r < 0)
		return r;
	*ret_reader = TAKE_PTR(reader);
	return 0;
}

void trail_reader_close(struct trail_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < reader->folder_count; i++)
		closep(&reader->folders[i]);
	for (size_t i = 0; i < reader->source_count; i++)
		free(reader->sources[i].path);
	free(reader->folders);
	free(reader->sources);
	trail_segment_close(&reader->segment);
	trail_segment_close(&reader->beyond);
	free(reader);
}

/* Whether the next source is not the next segment of the same folder. */
static bool last_of_folder(const struct trail_reader *reader)
{
	const struct source *source = &reader->sources[reader->current];

	return !source->first_frame || reader->current + 1 >= reader->source_count ||
	       source[1].folder != source->folder;
}

/* Files that were opened stay what they are; what follows in their folder may be another trail's.
 */
static bool is_another(struct trail_reader *reader, int folder, const uint8_t *trail_id)
{
	if (reader->trail_folder == folder)
		return memcmp(reader->trail_id, trail_id, sizeof(reader->trail_id)) != 0;
	reader->trail_folder = folder;
	memcpy(reader->trail_id, trail_id, sizeof(reader->trail_id));
	return false;
}

/*
 * How far the current segment may be read now. Returns 1 when the next source is to be read after
 * it, 0 when more may come to this one.
 */
static int refresh_limit(struct trail_reader *reader)
{
	const struct source *source = &reader->sources[reader->current];
	const struct source *last = &reader->sources[reader->source_count - 1];
	struct trail_committed committed;
	uint64_t length;
	bool told;
	int r;

	r = trail_io_length(reader->segment.fd, &length);
	if (r < 0)
		return r;
	told = source->first_frame && reader->flags & TRAIL_READ_COMMITTED &&
	       trail_committed_read(source->folder, &committed) == 0;
	/* It is gone while the trail is being set aside. */
	if (!told && reader->trail_folder == source->folder)
		return 0;
	reader->stale = told && is_another(reader, source->folder, committed.trail_id);
	if (told && !reader->stale && committed.segment <= source->first_frame) {
		uint64_t most = committed.segment == source->first_frame ? committed.offset : 0;

		/* It reaches the disk behind the frames that it tells of: after a power cut there
		 * may be more of them, and they were acknowledged. Nobody adds to them now. */
		if (trail_is_live(source->folder) > 0) {
			trail_segment_set_limit(&reader->segment, most < length ? most : length);
			return last->folder != source->folder;
		}
		reader->unsure = most;
	}
	trail_segment_set_limit(&reader->segment, length);
	return source != last;
}

/* A segment begun since the folder was listed: its name is the number of the next frame. 1 when
 * there is. */
static int find_new_segment(struct trail_reader *reader)
{
	const struct source *source = &reader->sources[reader->current];
	char name[TRAIL_SEGMENT_NAME_BYTES];
	_cleanup_free_ char *path = NULL;
	struct stat status;
	int r;

	if (!source->first_frame || reader->current + 1 < reader->source_count ||
	    reader->next_frame <= source->first_frame)
		return 0;
	trail_segment_name(reader->next_frame, name);
	if (fstatat(source->folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	path = strndup(source->path, strlen(source->path) - strlen(name) - 1);
	if (!path)
		return -ENOMEM;
	r = add_source(reader, source->folder, path, reader->next_frame);
	return r < 0 ? r : 1;
}

/* Whether the commit that `frame` begins is whole within the limit: 1, 0 or -errno. */
static int commit_whole(struct trail_reader *reader, const struct trail_frame *frame)
{
	unsigned int left = frame->header.commit_frames - 1 - frame->header.commit_index;
	uint64_t offset = frame->end_offset;
	struct trail_frame other;

	if (left > 0)
		trail_segment_borrow(&reader->beyond, &reader->segment);
	for (; left > 0; left--, offset = other.end_offset) {
		int r = trail_segment_frame(&reader->beyond, offset, &other);

		if (r == 0 || r == -ENODATA)
			return 0;
		if (r < 0)
			return r;
	}
	return 1;
}

/* The frame at the current offset, a torn end taken for the end. */
static int read_current(struct trail_reader *reader)
{
	int r = trail_segment_frame(&reader->segment, reader->offset, &reader->frame);
	bool last = last_of_folder(reader);

	reader->torn_bytes = 0;
	if (r > 0 && last && reader->frame.header.commit_frames > 1) {
		r = commit_whole(reader, &reader->frame);
		if (r < 0)
			return r;
		r = r > 0 ? 1 : -ENODATA;
	}
	if ((r == -ENODATA || (r == -EBADMSG && reader->offset >= reader->unsure)) && last) {
		if (reader->segment.limit > reader->offset)
			reader->torn_bytes = reader->segment.limit - reader->offset;
		return 0;
	}
	return r == -ENODATA ? -EBADMSG : r;
}

/* Whether the first frame of the next segment tells that nothing in this one is wanted. */
static bool may_leave_out(struct trail_reader *reader)
{
	const struct source *source = &reader->sources[reader->current];
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct trail_segment next;
	struct trail_header whole;
	struct trail_frame frame;
	bool leave_out = false;
	uint64_t count;

	if (last_of_folder(reader))
		return false;
	trail_segment_name(source[1].first_frame, name);
	if (trail_segment_open(source->folder, name, &next) == 0 &&
	    trail_segment_frame(&next, 0, &frame) > 0 &&
	    frame.header.frame == source[1].first_frame &&
	    trail_totals_decode(&frame.header, &whole, &count) == 0 &&
	    whole.frame == source->first_frame && whole.frame + count == frame.header.frame)
		leave_out = reader->skip(reader->skip_context, &whole);
	trail_segment_close(&next);
	return leave_out;
}

static int leave_out_segments(struct trail_reader *reader)
{
	int r = 0;

	while (r == 0 && reader->skip && reader->offset == 0 && may_leave_out(reader)) {
		reader->current++;
		r = open_current(reader);
	}
	return r;
}

/* Move to where the next frame is, over ends of segments. 1 with a frame, 0 at the end. */
static int advance(struct trail_reader *reader)
{
	for (;;) {
		int r = leave_out_segments(reader), finished;

		if (r < 0)
			return r;
		r = read_current(reader);
		if (reader->stale && (r == -EBADMSG || r == -EPROTONOSUPPORT))
			return -ESTALE;
		if (r != 0)
			return r;
		finished = refresh_limit(reader);
		if (finished < 0)
			return finished;
		/* Once more: what came before the next segment was begun is to be read first. */
		r = read_current(reader);
		/* It was set aside for what stands there, perhaps. */
		if (reader->stale && (r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT))
			return -ESTALE;
		if (r != 0)
			return r;
		if (!finished) {
			r = find_new_segment(reader);
			if (r <= 0)
				return r;
			continue;
		}
		reader->current++;
		r = open_current(reader);
		if (r < 0)
			return r;
	}
}

int trail_reader_next_frame(struct trail_reader *reader, const struct trail_frame **ret_frame)
{
	int r;

	if (reader->error)
		return reader->error;
	r = advance(reader);
	if (r == -EBADMSG || r == -EPROTONOSUPPORT || r == -ESTALE)
		reader->error = r;
	if (r <= 0)
		return r;
	reader->offset = reader->frame.end_offset;
	reader->next_frame = reader->frame.header.frame + 1;
	*ret_frame = &reader->frame;
	return 1;
}

int trail_reader_payload(struct trail_reader *reader, const char **ret_data, size_t *ret_length)
{
	return trail_segment_payload(&reader->segment, &reader->frame, ret_data, ret_length);
}

int trail_reader_read_part(const struct trail_reader *reader, struct trail_segment *part)
{
	return trail_segment_read_part(&reader->segment, &reader->frame, part);
}

void trail_reader_set_skip(struct trail_reader *reader, trail_reader_skip_function skip,
			   void *context)
{
	reader->skip = skip;
	reader->skip_context = context;
}

const char *trail_reader_path(const struct trail_reader *reader)
{
	return reader->sources[reader->current].path;
}

uint64_t trail_reader_offset(const struct trail_reader *reader)
{
	return reader->offset;
}

uint64_t trail_reader_torn_bytes(const struct trail_reader *reader)
{
	return reader->torn_bytes;
}
