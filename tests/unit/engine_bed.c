// SPDX-License-Identifier: Apache-2.0
#include "engine_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/containers.h"
#include "fake_proc.h"

int engine_set_up(void **state)
{
	struct engine_bed *fixture = calloc(1, sizeof(*fixture));

	fixture->folder = fake_folder();
	assert_int_equal(containers_new(&fixture->containers), 0);
	assert_int_equal(containers_add_root(fixture->containers, fixture->folder), 0);
	*state = fixture;
	return 0;
}

int engine_tear_down(void **state)
{
	struct engine_bed *fixture = *state;

	containers_free(fixture->containers);
	fake_remove(fixture->folder);
	free(fixture);
	return 0;
}

void engine_later(struct engine_bed *fixture, uint64_t seconds)
{
	fixture->now += seconds * NS_PER_SECOND;
	containers_set_time(fixture->containers, fixture->now);
}

struct text engine_id(const char *begin)
{
	static char ids[8][65];
	static unsigned int which;
	char *id = ids[which++ % 8];

	memset(id, '0', 64);
	memcpy(id, begin, strlen(begin));
	return (struct text){ id, 64 };
}

void engine_config_is(struct engine_bed *fixture, const char *begin, const void *json,
		      size_t length)
{
	char path[128];

	snprintf(path, sizeof(path), "containers/%.64s/config.v2.json.new", engine_id(begin).data);
	fake_file(fixture->folder, path, json, length);
	/* As the engine does it. */
	char from[512], to[512];

	snprintf(from, sizeof(from), "%s/%s", fixture->folder, path);
	snprintf(to, sizeof(to), "%.*s", (int)strlen(from) - 4, from);
	assert_int_equal(rename(from, to), 0);
}

void engine_has(struct engine_bed *fixture, const char *begin, const char *name, const char *image)
{
	char json[1024];
	int length = snprintf(
		json, sizeof(json),
		"{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Name\":\"no\"},\"ID\":\"x\","
		"\"Args\":[\"Name\",\"no\",{\"Image\":\"no\"}],\"Config\":{\"Hostname\":\"h\","
		"\"Labels\":{\"Image\":\"no\",\"Name\":\"no\"},\"Image\":\"%s\",\"Name\":\"no\"},"
		"\"Image\":\"sha256:abc\",\"HostConfig\":{\"Image\":\"no\"},\"Name\":\"/%s\"}",
		image, name);

	engine_config_is(fixture, begin, json, (size_t)length);
}

void engine_removes(struct engine_bed *fixture, const char *begin)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/containers/%.64s/config.v2.json", fixture->folder,
		 engine_id(begin).data);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
}

void engine_assert_names(struct engine_bed *fixture, const char *begin, const char *name,
			 const char *image)
{
	struct container_names names = {};

	assert_int_equal(containers_find(fixture->containers, engine_id(begin), &names), 0);
	assert_int_equal(names.name.length, name ? strlen(name) : 0);
	assert_int_equal(names.image.length, image ? strlen(image) : 0);
	if (name)
		assert_memory_equal(names.name.data, name, strlen(name));
	if (image)
		assert_memory_equal(names.image.data, image, strlen(image));
}

void engine_assert_unknown(struct engine_bed *fixture, const char *begin)
{
	struct container_names names;

	assert_int_equal(containers_find(fixture->containers, engine_id(begin), &names), -ENOENT);
}

void engine_assert_resolves(struct engine_bed *fixture, const char *reference, const char *begin)
{
	char id[CONTAINER_ID] = {};

	assert_int_equal(containers_resolve(fixture->containers, text_of(reference), id), 0);
	assert_memory_equal(id, engine_id(begin).data, CONTAINER_ID);
}

void engine_assert_no_such(struct engine_bed *fixture, const char *reference, int error)
{
	char id[CONTAINER_ID] = {};

	assert_int_equal(containers_resolve(fixture->containers, text_of(reference), id), error);
}
