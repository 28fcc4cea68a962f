// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/committed.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/reader.h"

struct replay_source {
	char **files; /* owned; only after damage: all segments, in order */
	size_t file_count;
	const char *const *paths;
	size_t path_count;
	replay_damage_function damage;
	void *context;
	struct trail_reader *reader;  /* the usual way; NULL while a damaged segment is searched */
	struct trail_segment segment; /* the damaged one */
	size_t segment_file;          /* its index in `files` */
	uint64_t offset;
	struct trail_frame frame;
	uint64_t begin; /* where the reader gave up, and why */
	int reason;
	bool reported;    /* some damage in this segment was */
	bool in_gap;      /* the damage that is being stepped over was reported */
	const char *path; /* the segment of the frame before, owned by the reader; and its end */
	uint64_t end_offset;
	bool end_reported; /* of the last segment */
};

/* Neither by its name nor by its first bytes a segment: a wrong argument, and no damage. */
static bool is_something_else(const char *path)
{
	static const unsigned char magic[] = { 0x5d, 0x2a, 0x4d, 0x18 };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *slash = strrchr(path, '/');
	unsigned char bytes[sizeof(magic)];
	struct stat status;
	uint64_t first;

	if (fd < 0 || fstat(fd, &status) < 0 || S_ISDIR(status.st_mode))
		return false;
	return !trail_segment_parse(slash ? slash + 1 : path, &first) &&
	       (pread(fd, bytes, sizeof(bytes), 0) != sizeof(bytes) ||
		memcmp(bytes, magic, sizeof(magic)) != 0);
}

const char *replay_source_misfit(const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_something_else(paths[i]))
			return paths[i];
	return NULL;
}

int replay_source_open(const char *const *paths, size_t count, replay_damage_function damage,
		       void *context, struct replay_source **ret)
{
	struct replay_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	*source = (struct replay_source){ .paths = paths,
					  .path_count = count,
					  .damage = damage,
					  .context = context,
					  .segment.fd = -1 };
	r = trail_reader_open(paths, count, TRAIL_READ_COMMITTED, &source->reader);
	if (r < 0) {
		free(source);
		return r;
	}
	*ret = source;
	return 0;
}

void replay_source_set_skip(struct replay_source *source, trail_reader_skip_function skip,
			    void *context)
{
	trail_reader_set_skip(source->reader, skip, context);
}

void replay_source_close(struct replay_source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->file_count; i++)
		free(source->files[i]);
	free(source->files);
	trail_reader_close(source->reader);
	trail_segment_close(&source->segment);
	free(source);
}

static int add_file(struct replay_source *source, const char *folder, const char *name)
{
	char **files = reallocarray(source->files, source->file_count + 1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	source->files = files;
	if (folder && asprintf(&files[source->file_count], "%s/%s", folder, name) < 0)
		return -ENOMEM;
	if (!folder)
		files[source->file_count] = strdup(name);
	if (!files[source->file_count])
		return -ENOMEM;
	source->file_count++;
	return 0;
}

/* The segments of all paths, as the reader has them. */
static int list_files(struct replay_source *source)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int r = 0;

	for (size_t i = 0; r == 0 && i < source->path_count; i++) {
		_cleanup_close_ int folder =
			trail_io_open_folder(AT_FDCWD, source->paths[i], false, 0);
		_cleanup_free_ uint64_t *firsts = NULL;
		size_t count = 0;

		if (folder < 0) {
			r = add_file(source, NULL, source->paths[i]);
			continue;
		}
		r = trail_segment_list(folder, &firsts, &count, NULL);
		for (size_t j = 0; r == 0 && j < count; j++) {
			trail_segment_name(firsts[j], name);
			r = add_file(source, source->paths[i], name);
		}
	}
	return r;
}

/* From now on the damaged segment is searched for frames, from behind the damage. */
static int begin_search(struct replay_source *source)
{
	const char *path = trail_reader_path(source->reader);
	size_t i = source->segment_file;
	int r = 0;

	if (!source->files)
		r = list_files(source);
	while (r == 0 && i < source->file_count && strcmp(source->files[i], path) != 0)
		i++;
	if (r == 0 && i == source->file_count)
		r = -ENOENT;
	if (r == 0)
		r = trail_segment_open(AT_FDCWD, path, &source->segment);
	if (r < 0)
		return r;
	source->segment_file = i;
	source->offset = trail_reader_offset(source->reader);
	/* What is packed with frames before the damage is known by these. */
	for (uint64_t at = 0; at < source->offset; at = source->frame.end_offset)
		if (trail_segment_frame(&source->segment, at, &source->frame) <= 0)
			break;
	source->begin = source->offset;
	source->in_gap = source->reported = false;
	trail_reader_close(source->reader);
	source->reader = NULL;
	source->path = NULL;
	return 0;
}

static void report(struct replay_source *source, uint64_t offset, int error)
{
	source->damage(source->context, source->files[source->segment_file], offset,
		       error == -EPROTONOSUPPORT ? error : -EBADMSG);
	source->reported = true;
}

/* A frame from the damaged segment. Returns 1, 0 when there is none left, -errno. */
static int search(struct replay_source *source)
{
	for (;;) {
		int r = trail_segment_frame(&source->segment, source->offset, &source->frame);

		if (r > 0) {
			source->offset = source->frame.end_offset;
			source->in_gap = false;
			return 1;
		}
		if (r == 0)
			return 0;
		if (!source->in_gap)
			report(source, source->offset, r);
		source->in_gap = true;
		/* A false start is stepped over too. */
		source->offset++;
		r = trail_segment_find(&source->segment, TRAIL_MAGIC_HEADER, TRAIL_HEADER_MAGIC,
				       &source->offset, UINT64_MAX);
		if (r <= 0)
			return r;
	}
}

/* Behind the damaged segment the usual way goes on. Returns 1, 0 when it was the last. */
static int end_search(struct replay_source *source)
{
	size_t next = source->segment_file + 1;
	int r;

	/* Every frame was sound, but not all of a commit's were there. */
	if (!source->reported)
		report(source, source->begin, source->reason);
	trail_segment_close(&source->segment);
	source->segment.fd = -1;
	if (next >= source->file_count)
		return 0;
	source->segment_file = next;
	r = trail_reader_open((const char *const *)source->files + next, source->file_count - next,
			      0, &source->reader);
	return r < 0 ? r : 1;
}

static bool was_given(const struct replay_source *source, const char *path)
{
	for (size_t i = 0; i < source->path_count; i++)
		if (strcmp(source->paths[i], path) == 0)
			return true;
	return false;
}

/* Whether whole frames lie behind `offset`, up to the end: a commit that was not acknowledged. */
static bool ends_whole(const char *path, uint64_t offset)
{
	_cleanup_(trail_segment_close)
	struct trail_segment segment = { .fd = -1 };
	struct trail_frame frame;
	unsigned int index = 0, count = 0;
	int r;

	if (trail_segment_open(AT_FDCWD, path, &segment) < 0)
		return false;
	while ((r = trail_segment_frame(&segment, offset, &frame)) > 0) {
		offset = frame.end_offset;
		index = frame.header.commit_index + 1;
		count = frame.header.commit_frames;
	}
	return r == 0 && index >= count;
}

/*
 * How the segment at `path`, read up to `offset`, ends: 0 cleanly, or as it may where a recorder is
 * at work; -EPIPE within a frame or a commit; -ENOENT where frames that were committed are not
 * there; -EINPROGRESS where what is left was never acknowledged, as after a crash.
 */
static int how_it_ends(const struct replay_source *source, const char *path, uint64_t offset)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *parent =
		slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC), folder = -1;
	struct trail_committed committed;
	uint64_t length = 0, first = 0;
	bool known;

	if (fd < 0 || trail_io_length(fd, &length) < 0)
		return 0;
	folder = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (folder >= 0 && trail_is_live(folder) > 0)
		return 0;
	known = folder >= 0 && trail_segment_parse(name, &first) &&
		trail_committed_read(folder, &committed) == 0;
	if (known && committed.segment == first && committed.offset <= offset)
		return length > offset ? -EINPROGRESS : 0;
	if (length > offset)
		return ends_whole(path, offset) ? 0 : -EPIPE;
	/* Whoever names one segment does not ask for those behind it. */
	return known && (committed.segment == first ||
			 (committed.segment > first && !was_given(source, path)))
		       ? -ENOENT
		       : 0;
}

/* Of a segment that the reader has left, or is at the end of. */
static void check_end(struct replay_source *source, const char *path, uint64_t offset)
{
	int r = how_it_ends(source, path, offset);

	if (r < 0)
		source->damage(source->context, path, offset, r);
}

/* The reader's next frame. A segment that was given alone may end within one: that is said when it
 * is left. */
static int next_of_reader(struct replay_source *source)
{
	const struct trail_frame *frame = NULL;
	const char *path;
	int r = trail_reader_next_frame(source->reader, &frame);

	path = trail_reader_path(source->reader);
	if (r == 0 && !source->end_reported &&
	    how_it_ends(source, path, trail_reader_offset(source->reader)) < 0) {
		/* Once more: the recorder may have committed it and ended just now. */
		r = trail_reader_next_frame(source->reader, &frame);
		path = trail_reader_path(source->reader);
		if (r == 0) {
			source->end_reported = true;
			check_end(source, path, trail_reader_offset(source->reader));
		}
	}
	if (r > 0) {
		if (source->path && source->path != path && was_given(source, source->path))
			check_end(source, source->path, source->end_offset);
		source->frame = *frame;
		source->path = path;
		source->end_offset = frame->end_offset;
	}
	return r;
}

int replay_source_next(struct replay_source *source, const struct trail_header **ret_header)
{
	int r;

	for (;;) {
		if (source->reader) {
			r = next_of_reader(source);
			if (r > 0) {
				*ret_header = &source->frame.header;
				return 1;
			}
			if (r != -EBADMSG && r != -EPROTONOSUPPORT)
				return r;
			source->reason = r;
			r = begin_search(source);
			if (r < 0)
				return r;
		}
		if (source->segment.fd < 0)
			return 0;
		r = search(source);
		if (r > 0)
			*ret_header = &source->frame.header;
		if (r != 0)
			return r;
		r = end_search(source);
		if (r <= 0)
			return r;
	}
}

bool replay_source_is_pruned(const struct replay_source *source)
{
	return source->frame.seal.stored_kind == TRAIL_STORED_PRUNED;
}

const char *replay_source_path(const struct replay_source *source)
{
	return source->reader ? trail_reader_path(source->reader)
			      : source->files[source->segment_file];
}

const struct trail_frame *replay_source_frame(const struct replay_source *source)
{
	return &source->frame;
}

int replay_source_read_part(const struct replay_source *source, struct trail_segment *part)
{
	if (source->reader)
		return trail_reader_read_part(source->reader, part);
	return trail_segment_read_part(&source->segment, &source->frame, part);
}

bool replay_source_can_follow(const struct replay_source *source)
{
	return source->reader && !source->files;
}

uint64_t replay_source_torn_bytes(const struct replay_source *source)
{
	return source->reader ? trail_reader_torn_bytes(source->reader) : 0;
}
