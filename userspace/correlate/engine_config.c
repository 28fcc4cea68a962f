// SPDX-License-Identifier: Apache-2.0
#include "correlate/engine_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

#define NAME_MOST  256
#define IMAGE_MOST 512

int engine_open(const char *root)
{
	/* The root may lie behind a link, as /var/lib/docker often does; what is below may not. */
	_cleanup_close_ int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (folder < 0)
		return -errno;
	fd = openat(folder, "containers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_container(int folder, const char *id)
{
	int fd = openat(folder, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int engine_config_stat(int folder, const char *id, struct stat *ret_status)
{
	_cleanup_close_ int container = open_container(folder, id);

	if (container < 0)
		return container;
	if (fstatat(container, "config.v2.json", ret_status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISREG(ret_status->st_mode) ? 0 : -EINVAL;
}

static int open_config(int folder, const char *id)
{
	_cleanup_close_ int container = open_container(folder, id);
	_cleanup_close_ int fd = -1;
	struct stat status;

	if (container < 0)
		return container;
	fd = openat(container, "config.v2.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	return S_ISREG(status.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

/* Where the next value belongs: a text that is looked for, or NULL. */
struct place {
	struct engine_config *config;
	struct buffer digest; /* the outer Image, where Config has none */
	struct buffer *wanted;
	size_t most;
	bool key_is_config, in_config;
};

static void enter_key(struct place *place, struct text key, unsigned int depth)
{
	place->wanted = NULL;
	place->key_is_config = depth == 1 && text_equal(key, TEXT("Config"));
	if (depth == 1 && text_equal(key, TEXT("Name"))) {
		place->wanted = &place->config->name;
		place->most = NAME_MOST;
	} else if (depth <= 2 && text_equal(key, TEXT("Image")) &&
		   (depth == 1 || place->in_config)) {
		place->wanted = depth == 1 ? &place->digest : &place->config->image;
		place->most = IMAGE_MOST;
	}
}

static void take_event(struct place *place, const struct json_reader *json, enum json_event event)
{
	switch (event) {
	case JSON_KEY:
		enter_key(place, json->text, json->depth);
		return;
	case JSON_OBJECT:
		if (json->depth == 2)
			place->in_config = place->key_is_config;
		break;
	case JSON_OBJECT_END:
		if (json->depth == 1)
			place->in_config = false;
		break;
	case JSON_STRING:
		if (!place->wanted)
			break;
		buffer_clear(place->wanted);
		if (!json->text_cut && json->text.length <= place->most)
			buffer_append(place->wanted, json->text.data, json->text.length);
		break;
	default:
		break;
	}
	place->wanted = NULL;
}

/* Returns 0 once the whole value was read. */
static int read_all(int fd, struct json_reader *json, struct place *place)
{
	char piece[16384];
	size_t length = 0;

	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));
		enum json_event event;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG; /* it ends in the middle */
		length += (size_t)n;
		if (length > ENGINE_CONFIG_MOST)
			return -EFBIG;
		json_feed(json, piece, (size_t)n);
		while ((event = json_next(json)) > JSON_MORE) {
			if (event == JSON_DONE)
				return 0;
			take_event(place, json, event);
		}
		if (event == JSON_ERROR)
			return json->error;
	}
}

int engine_config_read(int folder, const char *id, struct engine_config *ret)
{
	_cleanup_close_ int fd = open_config(folder, id);
	_cleanup_json_ struct json_reader json = {};
	struct place place = { .config = ret };
	int r;

	buffer_clear(&ret->name);
	buffer_clear(&ret->image);
	if (fd < 0)
		return fd;
	json_init(&json, IMAGE_MOST);
	r = read_all(fd, &json, &place);
	if (ret->name.length > 0 && ret->name.data[0] == '/')
		buffer_consume(&ret->name, 1);
	if (ret->image.length == 0)
		buffer_append(&ret->image, place.digest.data, place.digest.length);
	r = r ?: ret->name.error ?: ret->image.error ?: place.digest.error;
	buffer_free(&place.digest);
	return r;
}

void engine_config_clear(struct engine_config *config)
{
	buffer_free(&config->name);
	buffer_free(&config->image);
}
