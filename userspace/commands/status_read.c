// SPDX-License-Identifier: Apache-2.0
#include "commands/status_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "output/quantity.h"
#include "trail/folder.h"
#include "trail/old.h"

#define DEPTH_MOST 16

static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!object || !json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *status_string(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_string);

	return value ? json_object_get_string(value) : "";
}

uint64_t status_number(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_int);

	return value ? json_object_get_uint64(value) : 0;
}

double status_real(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_double);

	return value ? json_object_get_double(value) : (double)status_number(object, key);
}

struct json_object *status_object(struct json_object *object, const char *key)
{
	return member(object, key, json_type_object);
}

struct json_object *status_list(struct json_object *object, const char *key)
{
	return member(object, key, json_type_array);
}

size_t status_count(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

struct json_object *status_item(struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

/* Field 22 of /proc/PID/stat: when it was started, in clock ticks. The name in brackets before it
 * may hold anything, so that it is counted from the last bracket. Returns 0 or -errno. */
static int start_of_process(uint64_t pid, uint64_t *ret_ticks)
{
	_cleanup_buffer_ struct buffer stat = {};
	char path[64], *at;
	int r;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
	r = file_read(AT_FDCWD, path, 4096, &stat);
	if (r < 0)
		return r;
	if (!buffer_string(&stat))
		return -ENOMEM;
	at = strrchr(stat.data, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EBADMSG;
	*ret_ticks = strtoull(at, NULL, 10);
	return 0;
}

/* 1 it lives, 0 it is gone or another has its number, -errno it cannot be said. */
static int is_alive(struct json_object *root)
{
	uint64_t pid = status_number(root, "pid"), ticks = 0;
	int r;

	if (!pid)
		return 0;
	r = start_of_process(pid, &ticks);
	if (r == -ENOENT || r == -ESRCH)
		return 0;
	if (r < 0)
		return r;
	return !status_number(root, "start_ticks") || status_number(root, "start_ticks") == ticks;
}

static int parse(const struct buffer *contents, struct json_object **ret_root)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MOST);
	struct json_object *root;

	if (!tokener)
		return -ENOMEM;
	root = json_tokener_parse_ex(tokener, contents->data ? contents->data : "",
				     (int)contents->length);
	json_tokener_free(tokener);
	if (!root || !json_object_is_type(root, json_type_object)) {
		json_object_put(root);
		return -EBADMSG;
	}
	*ret_root = root;
	return 0;
}

static int read_file(int folder, struct status *status)
{
	_cleanup_buffer_ struct buffer contents = {};
	struct stat file;
	uint64_t now = clock_wall_ns(), written;
	int r;

	r = -EBADMSG;
	/* On a full disk it is written over in place. */
	for (int attempt = 0; r == -EBADMSG && attempt < 4; attempt++) {
		buffer_clear(&contents);
		r = file_read(folder, STATUS_FILE, STATUS_BYTES_MOST, &contents);
		if (r == 0)
			r = parse(&contents, &status->root);
	}
	if (r < 0)
		return r;
	if (fstatat(folder, STATUS_FILE, &file, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	written = (uint64_t)file.st_mtim.tv_sec * NS_PER_SECOND + (uint64_t)file.st_mtim.tv_nsec;
	status->age_ns = now > written ? now - written : 0;
	return 0;
}

static void judge(struct status *status, int locked)
{
	int alive = status->root ? is_alive(status->root) : 0;
	uint64_t pid = status_number(status->root, "pid");
	bool stale = status->age_ns > STATUS_STALE_NS;
	char age[QUANTITY_MOST];

	quantity_duration(status->age_ns, age);
	/* The lock is what counts; it also tells of a recorder in another container, whose pid says
	 * nothing here. */
	if (locked == 0 || (locked < 0 && alive == 0)) {
		if (pid)
			snprintf(status->why, sizeof(status->why),
				 "recorder %" PRIu64 " has ended; its last sign of life was %s ago",
				 pid, age);
		else
			snprintf(status->why, sizeof(status->why), "no recorder is at work here");
	} else if (!status->root)
		snprintf(status->why, sizeof(status->why),
			 "a recorder holds the trail, but has not yet said how it is");
	else if (stale)
		snprintf(status->why, sizeof(status->why),
			 "recorder %" PRIu64
			 " holds the trail, but has given no sign of life for %s: it hangs",
			 pid, age);
	else
		status->recording = true;
	if (!status->recording)
		return;
	status->degraded = status_count(status_list(status->root, "warnings")) > 0;
	if (status_count(status_list(status->root, "losses")) > 0)
		snprintf(status->why, sizeof(status->why), "with losses since it began");
}

int status_read(const char *folder, struct status *ret_status)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(status_clear)
	struct status status = {};
	_cleanup_free_ char(*old)[TRAIL_OLD_NAME_BYTES] = NULL;
	_cleanup_free_ uint64_t *segments = NULL;
	size_t count = 0;
	int r;

	if (fd < 0)
		return -errno;
	r = read_file(fd, &status);
	if (r == -ENOENT) {
		r = trail_segment_list(fd, &segments, &count, NULL);
		if (r == 0 && count == 0 && trail_is_live(fd) <= 0)
			return -ENOENT;
	} else if (r == -EBADMSG || r == -EFBIG) {
		/* Whoever could write it wrote something else. */
		r = 0;
	}
	if (r < 0)
		return r;
	judge(&status, trail_is_live(fd));
	/* What cannot be read is for `verify` to say. */
	if (trail_old_list(fd, &old, &status.set_aside) < 0)
		status.set_aside = 0;
	*ret_status = status;
	status = (struct status){};
	return 0;
}

void status_clear(struct status *status)
{
	if (!status)
		return;
	json_object_put(status->root);
	status->root = NULL;
}
