/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames for a reader who wants all there is: damage is reported and stepped over, where the reader
 * of the trail stops. Checks no signatures: that is what verify is for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/reader.h"

struct replay_source;

/* Called for each place that cannot be read: the segment, where in it, and why (-EBADMSG,
 * -EPROTONOSUPPORT; -EPIPE for an end within a frame;
 * -ENOENT for an end before what was committed; -EINPROGRESS for
 * what was never acknowledged, which is no damage). */
typedef void (*replay_damage_function)(void *context, const char *path, uint64_t offset, int error);

/* The first of the paths that is a file, and no segment: a wrong argument, and no damage. NULL
 * without one. */
const char *replay_source_misfit(const char *const *paths, size_t count);

/* Folders and segments, in the order given; the strings are borrowed. Returns 0, -ENOENT, -errno.
 */
int replay_source_open(const char *const *paths, size_t count, replay_damage_function damage,
		       void *context, struct replay_source **ret);
/* Takes NULL. */
void replay_source_close(struct replay_source *source);

/* Segments that need not be read: trail_reader_set_skip(). Behind damage each is read. */
void replay_source_set_skip(struct replay_source *source, trail_reader_skip_function skip,
			    void *context);

/*
 * The next frame's header, owned by the source until the next call. Returns 1; 0 at the end (later
 * again 1 when more was committed, unless there was damage: replay_source_can_follow()); -errno.
 */
int replay_source_next(struct replay_source *source, const struct trail_header **ret_header);

/* Whether its payload was dropped by policy. */
bool replay_source_is_pruned(const struct replay_source *source);

/* Where it lies. Until the next call. */
const struct trail_frame *replay_source_frame(const struct replay_source *source);

/*
 * What is stored of its payload, for later or for another thread: trail_segment_read_part().
 * Returns 0; -EBADMSG where it is not known where that is; -errno.
 */
int replay_source_read_part(const struct replay_source *source, struct trail_segment *part);

/* The segment that it is in; until the next call. */
const char *replay_source_path(const struct replay_source *source);

bool replay_source_can_follow(const struct replay_source *source);
/* After 0: bytes behind the last whole commit. */
uint64_t replay_source_torn_bytes(const struct replay_source *source);
