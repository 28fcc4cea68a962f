// SPDX-License-Identifier: Apache-2.0
/* What an engine's files of its containers may hold. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/containers.h"
#include "engine_bed.h"
#include "fake_proc.h"

static void test_broken_files(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"\"Name\"",
		"{\"Name\":\"/x\"",
		"{\"Name\":/x}",
		"{\"Name\":{}}",
		"{\"Name\":[\"x\"],\"Config\":[{\"Image\":\"y\"}],\"Image\":7}",
		"{\"Name\":null,\"Config\":\"Image\",\"Image\":{\"Image\":\"x\"}}",
		"{\"Config\":{\"Other\":{\"Image\":\"x\"}}}",
		"{\"Name\":\"\"}",
		"\0\0\0",
	};
	struct engine_bed *fixture = *state;
	char deep[70000];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		engine_config_is(fixture, "a", texts[i], strlen(texts[i]));
		engine_later(fixture, 1);
		engine_assert_unknown(fixture, "a");
	}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"x\":", 5);
	engine_config_is(fixture, "a", deep, sizeof(deep));
	engine_later(fixture, 1);
	engine_assert_unknown(fixture, "a");
	/* The second of two is what Go takes. */
	engine_config_is(fixture, "a", "{\"Name\":\"/1\",\"Name\":\"/2\"}", 25);
	engine_later(fixture, 1);
	engine_assert_names(fixture, "a", "2", NULL);
	/* What was known stays known. */
	engine_config_is(fixture, "a", "{", 1);
	engine_later(fixture, 1);
	engine_assert_names(fixture, "a", "2", NULL);
}

static void test_texts(void **state)
{
	struct engine_bed *fixture = *state;
	struct buffer json = {};
	char expected[600];

	engine_config_is(fixture, "a",
			 "{\"Image\":\"sha256:12\",\"Name\":\"\\u00e9\\n\\ud83d\\ude00\"}", 51);
	engine_assert_names(fixture, "a", "\xc3\xa9\n\xf0\x9f\x98\x80", "sha256:12");
	/* Too long is none. */
	memset(expected, 'n', sizeof(expected));
	buffer_printf(&json, "{\"Name\":\"/%.300s\",\"Image\":\"%.500s\"}", expected, expected);
	expected[500] = '\0';
	engine_config_is(fixture, "b", json.data, json.length);
	engine_assert_names(fixture, "b", NULL, expected);
	/* A client may give a container megabytes of labels; the name comes last. */
	buffer_clear(&json);
	buffer_printf(&json, "{\"Config\":{\"Labels\":{");
	while (json.length < 3u << 20)
		buffer_printf(&json, "\"%zu\":\"\\\"}]\",", json.length);
	buffer_printf(&json, "\"\":[]},\"Image\":\"i\"},\"Name\":\"/last\"}");
	engine_config_is(fixture, "c", json.data, json.length);
	engine_assert_names(fixture, "c", "last", "i");
	for (int more = 0; more < 2; more++) {
		buffer_clear(&json);
		while (json.length < (4u << 20) - 13 + (size_t)more)
			buffer_append_char(&json, ' ');
		buffer_append_string(&json, "{\"Name\":\"/x\"}");
		engine_config_is(fixture, more ? "d" : "e", json.data, json.length);
	}
	engine_assert_names(fixture, "e", "x", NULL);
	engine_assert_unknown(fixture, "d");
	buffer_free(&json);
}

static void test_nothing_is_followed(void **state)
{
	struct engine_bed *fixture = *state;
	char target[512], path[512];

	engine_has(fixture, "a", "real", "img");
	snprintf(target, sizeof(target), "%.64s", engine_id("a").data);
	snprintf(path, sizeof(path), "%s/containers/%.64s", fixture->folder, engine_id("b").data);
	assert_int_equal(symlink(target, path), 0);
	engine_assert_unknown(fixture, "b");

	snprintf(path, sizeof(path), "%s/containers/%.64s", fixture->folder, engine_id("c").data);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(target, sizeof(target), "../%.64s/config.v2.json", engine_id("a").data);
	strcat(path, "/config.v2.json");
	assert_int_equal(symlink(target, path), 0);
	engine_assert_unknown(fixture, "c");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	engine_later(fixture, 1);
	engine_assert_unknown(fixture, "c");
	assert_int_equal(containers_scan(fixture->containers), 0);
	engine_assert_unknown(fixture, "b");
	engine_assert_unknown(fixture, "c");
	engine_assert_names(fixture, "a", "real", "img");
}

static void test_several_roots(void **state)
{
	struct engine_bed *fixture = *state;
	char *other = fake_folder(), missing[512];
	struct engine_bed second = { .folder = other };

	snprintf(missing, sizeof(missing), "%s/not/there", other);
	assert_int_equal(containers_add_root(fixture->containers, missing), 0);
	assert_int_equal(containers_add_root(fixture->containers, other), 0);
	engine_has(fixture, "a", "one", "img");
	engine_has(&second, "b", "two", "img");
	engine_assert_names(fixture, "b", "two", "img");
	engine_assert_resolves(fixture, "one", "a");
	engine_assert_resolves(fixture, "two", "b");
	for (int i = 3; i < CONTAINERS_ROOTS; i++)
		assert_int_equal(containers_add_root(fixture->containers, other), 0);
	assert_int_equal(containers_add_root(fixture->containers, other), -ENOSPC);
	fake_remove(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, engine_set_up, engine_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(broken_files),
		TEST(texts),
		TEST(nothing_is_followed),
		TEST(several_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
