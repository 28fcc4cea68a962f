// SPDX-License-Identifier: Apache-2.0
#include "trail/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "trail/copy.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/rewrite.h"

static int look(int folder, const struct trail_pack *pack, uint64_t first_frame)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct trail_segment segment;
	int r;

	trail_segment_name(first_frame, name);
	r = trail_segment_open(folder, name, &segment);
	if (r == 0)
		r = trail_copy_would_pack(&segment, pack->stop);
	trail_segment_close(&segment);
	return r;
}

static int write_packed(void *context, struct trail_segment *segment, int fd)
{
	struct trail_pack *pack = context;
	uint64_t length;
	int r = trail_copy_packed(segment, fd, pack->stop);

	if (r == 0)
		r = trail_io_length(fd, &length);
	if (r < 0)
		return r;
	pack->bytes_before += segment->limit;
	pack->bytes_after += length;
	return 0;
}

int trail_pack_next(int folder, struct trail_pack *pack)
{
	const struct trail_rewrite rewrite = { .write = write_packed,
					       .context = pack,
					       .locked = pack->locked };
	_cleanup_free_ uint64_t *segments = NULL;
	size_t count;
	int r = trail_segment_list(folder, &segments, &count, NULL);

	/* Not the last one: somebody may go on with it. */
	for (size_t i = 0; r == 0 && i + 1 < count; i++) {
		if (pack->before && segments[i] >= pack->before)
			break;
		if (segments[i] < pack->searched)
			continue;
		r = look(folder, pack, segments[i]);
		if (r > 0)
			r = trail_rewrite(folder, segments[i], &rewrite) ?: 1;
		if (r == -EBADMSG || r == -ENODATA || r == -EPROTONOSUPPORT) {
			pack->damaged++;
			r = 0;
		}
		if (r >= 0)
			pack->searched = segments[i + 1];
		pack->segments += r > 0;
	}
	return r;
}
