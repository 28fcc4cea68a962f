// SPDX-License-Identifier: Apache-2.0
#include "trail/committed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "trail/checked.h"
#include "trail/io.h"

static void append_checked(struct buffer *out, const struct trail_committed *committed)
{
	buffer_append_string(out, "docktrail committed 1\ntrail ");
	buffer_append_hex(out, committed->trail_id, sizeof(committed->trail_id));
	buffer_printf(out,
		      "\nframe %020" PRIu64 "\nevent %020" PRIu64 "\nsegment %020" PRIu64
		      "\noffset %020" PRIu64 "\nwall_ns %020" PRIu64 "\nhash ",
		      committed->frame, committed->event, committed->segment, committed->offset,
		      committed->wall_ns);
	buffer_append_hex(out, committed->hash, sizeof(committed->hash));
	buffer_append_char(out, '\n');
	trail_checked_end(out);
}

int trail_committed_write(int fd, const struct trail_committed *committed)
{
	_cleanup_buffer_ struct buffer text = {};

	append_checked(&text, committed);
	return text.error ?: trail_io_write(fd, text.data, text.length, 0);
}

int trail_committed_replace(int folder, const struct trail_committed *committed)
{
	_cleanup_buffer_ struct buffer text = {};
	int r;

	append_checked(&text, committed);
	r = text.error
		    ?: trail_io_replace(folder, TRAIL_COMMITTED_FILE, text.data, text.length, 0640);
	return r < 0 ? r : trail_io_open(folder, TRAIL_COMMITTED_FILE, O_RDWR, 0);
}

static bool parse(const char *text, size_t length, struct trail_committed *ret_committed)
{
	_cleanup_buffer_ struct buffer again = {};
	char id[2 * TRAIL_ID_BYTES + 1], hash[2 * TRAIL_HASH_BYTES + 1];
	struct trail_committed committed = {};

	if (sscanf(text,
		   "docktrail committed 1 trail %32[0-9a-f] frame %20" SCNu64 " event %20" SCNu64
		   " segment %20" SCNu64 " offset %20" SCNu64 " wall_ns %20" SCNu64
		   " hash %64[0-9a-f]",
		   id, &committed.frame, &committed.event, &committed.segment, &committed.offset,
		   &committed.wall_ns, hash) != 7)
		return false;
	if (!trail_checked_hex(id, committed.trail_id, sizeof(committed.trail_id)) ||
	    !trail_checked_hex(hash, committed.hash, sizeof(committed.hash)))
		return false;
	/* Written again it must be the same text: that is check, lengths and spelling in one. */
	append_checked(&again, &committed);
	if (again.error || again.length != length || memcmp(again.data, text, length) != 0)
		return false;
	*ret_committed = committed;
	return true;
}

int trail_committed_read(int folder, struct trail_committed *ret_committed)
{
	char text[TRAIL_CHECKED_MOST + 1];

	for (int attempt = 0; attempt < 8; attempt++) {
		int n = trail_checked_read(folder, TRAIL_COMMITTED_FILE, text);

		if (n < 0)
			return n;
		if (parse(text, (size_t)n, ret_committed))
			return 0;
	}
	return -EBADMSG;
}
