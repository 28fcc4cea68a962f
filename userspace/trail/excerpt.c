// SPDX-License-Identifier: Apache-2.0
#include "trail/excerpt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "trail/committed.h"
#include "trail/copy.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/sign.h"
#include "trail/summary.h"

struct excerpting {
	struct trail_excerpt *excerpt;
	struct trail_segment *segment;
};

static bool is_in_window(const struct trail_excerpt *excerpt, const struct trail_header *header)
{
	uint64_t first, last;

	return trail_summary_time_range(header->summary, header->summary_length, &first, &last) <
		       0 ||
	       (last >= excerpt->since_ns && first < excerpt->until_ns);
}

/* Of a loss, a degraded hook, a start; the heartbeats between say nothing new. */
static bool tells_of_recorder(const struct trail_header *header)
{
	static const char prefix[] = "recorder-", heartbeat[] = "recorder-heartbeat";
	struct trail_summary_element list;
	struct trail_summary_count item;
	size_t at = 0;

	while (trail_summary_next(header->summary, header->summary_length, &at, &list) > 0) {
		size_t in_list = 0;

		if (list.tag != TRAIL_TAG_KIND)
			continue;
		while (trail_summary_next_count(&list, &in_list, &item) > 0)
			if (strncmp(item.value, prefix, strlen(prefix)) == 0 &&
			    strcmp(item.value, heartbeat) != 0)
				return true;
	}
	return false;
}

static int count_frame(struct excerpting *work, const struct trail_frame *frame)
{
	struct trail_excerpt *excerpt = work->excerpt;
	const struct trail_header *header = &frame->header;

	if (excerpt->frames++ == 0)
		excerpt->first_ns = header->wall_ns;
	excerpt->last_ns = header->wall_ns;
	excerpt->events += header->event_count;
	memcpy(excerpt->head.trail_id, header->trail_id, sizeof(excerpt->head.trail_id));
	excerpt->head.frame = header->frame;
	return trail_segment_hash(work->segment, frame, excerpt->head.hash);
}

/* What is handed over is what was signed. */
static int hand_over(struct excerpting *work, const struct trail_frame *frame)
{
	uint8_t hash[TRAIL_HASH_BYTES];
	const char *data;
	size_t length;
	int r = trail_segment_payload(work->segment, frame, &data, &length);

	if (r == 0)
		r = trail_hash(data, length, hash);
	if (r == 0 && memcmp(hash, frame->header.raw_hash, sizeof(hash)) != 0)
		r = -EBADMSG;
	return r < 0 ? r : work->excerpt->payload(work->excerpt->context, data, length);
}

static int choose(void *context, const struct trail_frame *frame)
{
	struct excerpting *work = context;
	struct trail_excerpt *excerpt = work->excerpt;
	const struct trail_header *header = &frame->header;
	bool pruned = frame->seal.stored_kind == TRAIL_STORED_PRUNED;
	bool wanted = is_in_window(excerpt, header);
	int r = count_frame(work, frame);

	if (r < 0)
		return r;
	if (wanted && pruned) {
		excerpt->gone_frames++;
		excerpt->gone_events += header->event_count;
	} else if (wanted) {
		excerpt->kept_frames++;
		excerpt->kept_events += header->event_count;
	}
	if (pruned || (!wanted && !tells_of_recorder(header)))
		return TRAIL_COPY_HEADER;
	r = hand_over(work, frame);
	return r < 0 ? r : TRAIL_COPY_WHOLE;
}

/* As it lies there, damage and all. */
static int copy_raw(const struct trail_segment *segment, int fd)
{
	char bytes[1 << 16];
	uint64_t at = 0;
	ssize_t n;
	int r = trail_io_truncate(fd, 0);

	while (r == 0 && at < segment->limit) {
		uint64_t left = segment->limit - at;

		n = trail_io_read(segment->fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes),
				  at);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		r = trail_io_write(fd, bytes, (size_t)n, at);
		at += (uint64_t)n;
	}
	return r < 0 ? r : trail_io_sync(fd);
}

static int copy_segment(int from, int to, uint64_t first_frame, uint64_t limit,
			struct trail_excerpt *excerpt)
{
	struct trail_excerpt before = *excerpt;
	char name[TRAIL_SEGMENT_NAME_BYTES];
	_cleanup_close_ int fd = -1;
	struct trail_segment segment;
	struct excerpting work = { excerpt, &segment };
	int r;

	trail_segment_name(first_frame, name);
	r = trail_segment_open(from, name, &segment);
	if (r == 0) {
		if (limit < segment.limit)
			trail_segment_set_limit(&segment, limit);
		fd = trail_io_open(to, name, O_RDWR | O_CREAT | O_EXCL, 0640);
		r = fd < 0 ? fd : trail_copy(&segment, fd, choose, &work);
	}
	if (r == -EBADMSG || r == -EPROTONOSUPPORT) {
		*excerpt = before;
		excerpt->damaged_segments++;
		r = copy_raw(&segment, fd);
	}
	trail_segment_close(&segment);
	excerpt->segments += r == 0;
	return r;
}

static int copy_root(int from, int to)
{
	uint8_t root[TRAIL_KEY_BYTES];
	int r = trail_root_read(from, root);

	if (r == 0)
		r = trail_root_write(to, root);
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

int trail_excerpt(int from, int to, struct trail_excerpt *excerpt)
{
	_cleanup_free_ uint64_t *segments = NULL;
	struct trail_committed committed;
	bool told = trail_committed_read(from, &committed) == 0;
	size_t count;
	int r = trail_segment_list(from, &segments, &count, NULL);

	if (r < 0)
		return r;
	if (count == 0)
		return -ENOENT;
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (told && segments[i] > committed.segment)
			break; /* begun since */
		r = copy_segment(from, to, segments[i],
				 told && segments[i] == committed.segment ? committed.offset
									  : UINT64_MAX,
				 excerpt);
	}
	return r < 0 ? r : copy_root(from, to);
}
