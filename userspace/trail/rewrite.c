// SPDX-License-Identifier: Apache-2.0
#include "trail/rewrite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/io.h"

#define NEW_SUFFIX ".new"
#define NEW_BYTES  (TRAIL_SEGMENT_NAME_BYTES + sizeof(NEW_SUFFIX))

int trail_rewrite(int folder, uint64_t first_frame, trail_rewrite_function rewrite, void *context)
{
	char name[TRAIL_SEGMENT_NAME_BYTES], beside[NEW_BYTES];
	_cleanup_close_ int fd = -1;
	struct trail_segment segment;
	int r;

	trail_segment_name(first_frame, name);
	snprintf(beside, sizeof(beside), "%s" NEW_SUFFIX, name);
	r = trail_segment_open(folder, name, &segment);
	if (r == 0) {
		fd = trail_io_open(folder, beside, O_WRONLY | O_CREAT | O_TRUNC, 0640);
		r = fd < 0 ? fd : rewrite(context, &segment, fd);
	}
	trail_segment_close(&segment);
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

int trail_rewrite_forget(int folder)
{
	return trail_folder_each(folder, forget_one, &folder);
}
