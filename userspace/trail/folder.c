// SPDX-License-Identifier: Apache-2.0
#include "trail/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "trail/committed.h"
#include "trail/io.h"

#define SEGMENT_SUFFIX ".jsonl.zst"

void trail_segment_name(uint64_t first_frame, char ret_name[TRAIL_SEGMENT_NAME_BYTES])
{
	snprintf(ret_name, TRAIL_SEGMENT_NAME_BYTES, "%020" PRIu64 SEGMENT_SUFFIX, first_frame);
}

bool trail_segment_parse(const char *name, uint64_t *ret_first_frame)
{
	uint64_t number = 0;

	if (strlen(name) != 20 + strlen(SEGMENT_SUFFIX) || strcmp(name + 20, SEGMENT_SUFFIX) != 0)
		return false;
	for (int i = 0; i < 20; i++)
		if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(name[i] - '0'), &number))
			return false;
	*ret_first_frame = number;
	return number > 0;
}

static int ascending(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void closedirp(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* Like a segment, whatever its number. */
static bool is_called_so(const char *name)
{
	return strspn(name, "0123456789") == 20 && strcmp(name + 20, SEGMENT_SUFFIX) == 0;
}

int trail_folder_each(int folder, int (*each)(void *context, const char *name), void *context)
{
	_cleanup_(closedirp)
	DIR *names = NULL;
	_cleanup_close_ int fd = trail_io_open_folder(folder, ".", false, 0);
	const struct dirent *entry;
	int r;

	if (fd < 0)
		return fd;
	names = fdopendir(fd);
	if (!names)
		return -errno;
	TAKE_FD(fd);
	for (errno = 0; (entry = readdir(names)); errno = 0) {
		r = each(context, entry->d_name);
		if (r != 0)
			return r;
	}
	return -errno;
}

bool trail_folder_belongs(const char *name)
{
	return is_called_so(name) || strcmp(name, TRAIL_ROOT_FILE) == 0 ||
	       strcmp(name, TRAIL_COMMITTED_FILE) == 0 || strcmp(name, TRAIL_TORN_FOLDER) == 0;
}

struct listing {
	struct buffer first_frames;
	bool any_false;
};

static int list_segment(void *context, const char *name)
{
	struct listing *listing = context;
	uint64_t first_frame;

	if (trail_segment_parse(name, &first_frame))
		buffer_append(&listing->first_frames, &first_frame, sizeof(first_frame));
	else if (is_called_so(name))
		listing->any_false = true;
	return listing->first_frames.error;
}

int trail_segment_list(int folder, uint64_t **ret_first_frames, size_t *ret_count, bool *ret_false)
{
	struct listing listing = {};
	struct buffer *list = &listing.first_frames;
	int r = trail_folder_each(folder, list_segment, &listing);

	if (r < 0) {
		buffer_free(list);
		return r;
	}
	if (ret_false)
		*ret_false = listing.any_false;
	*ret_count = list->length / sizeof(uint64_t);
	if (*ret_count > 0)
		qsort(list->data, *ret_count, sizeof(uint64_t), ascending);
	*ret_first_frames = (uint64_t *)(void *)list->data;
	return 0;
}

int trail_root_read(int folder, uint8_t *ret_public_key)
{
	_cleanup_close_ int fd = trail_io_open(folder, TRAIL_ROOT_FILE, O_RDONLY, 0);
	char text[2 * TRAIL_KEY_BYTES + 2] = "";
	uint8_t key[TRAIL_KEY_BYTES];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = trail_io_read(fd, text, sizeof(text), 0);
	if (n < 0)
		return (int)n;
	if (n != 2 * TRAIL_KEY_BYTES + 1 || text[2 * TRAIL_KEY_BYTES] != '\n' ||
	    strspn(text, "0123456789abcdef") != 2 * TRAIL_KEY_BYTES)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(key); i++)
		sscanf(text + 2 * i, "%2hhx", &key[i]);
	memcpy(ret_public_key, key, sizeof(key));
	return 0;
}

int trail_root_write(int folder, const uint8_t *public_key)
{
	_cleanup_buffer_ struct buffer text = {};

	buffer_append_hex(&text, public_key, TRAIL_KEY_BYTES);
	buffer_append_char(&text, '\n');
	return text.error
		       ?: trail_io_replace(folder, TRAIL_ROOT_FILE, text.data, text.length, 0640);
}

int trail_is_live(int folder)
{
	_cleanup_close_ int fd = trail_io_open(folder, TRAIL_LOCK_FILE, O_RDONLY, 0);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return trail_io_locked(fd);
}
