/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a trail: frames in order over its segments. Checks the shape and zstd's checksums, not
 * the chain and the signatures: that is trail/verify.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/segment.h"
#include "trail/summary.h"

struct trail_reader;

enum {
	/*
	 * While a recorder is at work stop at what `committed` in a segment's folder says: what
	 * lies behind it is in progress. Without one, or without a good `committed`, every whole
	 * commit is read: after a power cut the disk may know of fewer than it has.
	 */
	TRAIL_READ_COMMITTED = 1 << 0,
};

/*
 * Open folders (their segments in order) and single segments, in the order given. Returns 0;
 * -ENOENT when a path or, in a folder, any segment is missing; -errno.
 */
int trail_reader_open(const char *const *paths, size_t path_count, unsigned int flags,
		      struct trail_reader **ret_reader);
void trail_reader_close(struct trail_reader *reader); /* takes NULL */

/*
 * The next frame; owned by the reader until the next call. Returns 1; 0 at the end, and then again
 * 1 when more was committed or a new segment begun (wait with inotify on the folder); -EBADMSG at
 * damage and -EPROTONOSUPPORT at another version, both for ever; -ESTALE when the trail was set
 * aside and a new one begun in its folder: what there was has been read; -errno. A last segment
 * that ends within a frame, or in a commit whose other frame is missing, is read up to there: see
 * trail_reader_torn_bytes().
 */
int trail_reader_next_frame(struct trail_reader *reader, const struct trail_frame **ret_frame);

/*
 * Whether a segment may be left out, by what the first frame of the next one tells of it as if it
 * was one frame (trail/totals.h): asked before its first frame is read, where that is told.
 */
typedef bool (*trail_reader_skip_function)(void *context, const struct trail_header *whole);
void trail_reader_set_skip(struct trail_reader *reader, trail_reader_skip_function skip,
			   void *context);

/* Decompress the payload of the frame just returned: trail_segment_payload(). */
int trail_reader_payload(struct trail_reader *reader, const char **ret_data, size_t *ret_length);

/* Read it for later, or for another thread: trail_segment_read_part(). */
int trail_reader_read_part(const struct trail_reader *reader, struct trail_segment *part);

/* The path of the segment that the last frame, or the last error, was in. Owned by the reader. */
const char *trail_reader_path(const struct trail_reader *reader);
/* The offset there at which the next frame is expected. */
uint64_t trail_reader_offset(const struct trail_reader *reader);
/* After 0: bytes behind the last frame that are none, a torn end. 0 when it ends cleanly. */
uint64_t trail_reader_torn_bytes(const struct trail_reader *reader);
