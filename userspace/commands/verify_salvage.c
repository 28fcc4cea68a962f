// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "commands/verify_report.h"
#include "trail/salvage.h"

static int put_lines(void *context, const char *data, size_t length)
{
	(void)context;
	errno = 0;
	return fwrite(data, 1, length, stdout) == length ? 0 : errno ? -errno : -EIO;
}

static const char *proof(const struct trail_run *run)
{
	return run->from_root  ? "proven from the root"
	       : run->anchored ? "proven by an anchor"
			       : "proven by nothing: not shown";
}

static int tell_run(void *context, const struct trail_run *run)
{
	const char *name = context;

	fprintf(stderr, "%s: frames %" PRIu64 " to %" PRIu64 ": %s", name, run->first_frame,
		run->last_frame, proof(run));
	if (run->from_root || run->anchored)
		fprintf(stderr, ": %" PRIu64 " events", run->events);
	if (run->lost_frames)
		fprintf(stderr,
			"; of %" PRIu64 " frames with %" PRIu64 " events the payload is lost",
			run->lost_frames, run->lost_events);
	fputc('\n', stderr);
	return 0;
}

int verify_salvage(const char *name, const char *trail, const struct trail_verify_options *how)
{
	const struct trail_salvage_options options = {
		.root = how->root,
		.anchors = how->anchors,
		.anchor_count = how->anchor_count,
		.payload = put_lines,
		.run = tell_run,
		.context = (void *)name,
	};
	int r = trail_salvage(trail, &options);

	return r == 0 && fflush(stdout) != 0 ? -EIO : r;
}
