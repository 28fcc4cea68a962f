// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "commands/status_read.h"
#include "trail/anchor.h"
#include "trail/committed.h"

static int print(const struct trail_committed *committed, bool json)
{
	_cleanup_buffer_ struct buffer time = {};
	char text[TRAIL_ANCHOR_TEXT_MOST];
	int r;

	trail_anchor_text(committed->trail_id, committed->frame, committed->hash, text);
	clock_append_rfc3339(&time, committed->wall_ns);
	if (json)
		r = printf("{\"anchor\":\"%s\",\"frame\":%" PRIu64 ",\"event\":%" PRIu64
			   ",\"time\":\"%s\"}\n",
			   text, committed->frame, committed->event, buffer_string(&time) ?: "");
	else
		r = puts(text);
	return r < 0 || fflush(stdout) != 0 ? EX_IOERR : 0;
}

int status_checkpoint(const char *name, const char *trail, bool json)
{
	_cleanup_close_ int folder = open(trail, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct trail_committed committed;
	int r = folder < 0 ? -errno : trail_committed_read(folder, &committed);

	if (r == 0 && committed.frame > 0)
		return print(&committed, json);
	fprintf(stderr, "%s: %s/" TRAIL_COMMITTED_FILE ": %s\n", name, trail,
		r == 0          ? "nothing was recorded yet"
		: r == -EBADMSG ? "it is damaged: `docktrail verify` tells how far the trail goes"
				: strerror(-r));
	return EX_NOINPUT;
}
