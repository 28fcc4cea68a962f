// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/containers.h"
#include "fake_proc.h"

struct fixture {
	char *folder;
	struct containers *containers;
	uint64_t now;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->folder = fake_folder();
	assert_int_equal(containers_new(&fixture->containers), 0);
	assert_int_equal(containers_add_root(fixture->containers, fixture->folder), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	containers_free(fixture->containers);
	fake_remove(fixture->folder);
	free(fixture);
	return 0;
}

static void later(struct fixture *fixture, uint64_t seconds)
{
	fixture->now += seconds * NS_PER_SECOND;
	containers_set_time(fixture->containers, fixture->now);
}

/* "begin" and then zeros, 64 digits. */
static struct text id_of(const char *begin)
{
	static char ids[8][65];
	static unsigned int which;
	char *id = ids[which++ % 8];

	memset(id, '0', 64);
	memcpy(id, begin, strlen(begin));
	return (struct text){ id, 64 };
}

static void write_config(struct fixture *fixture, const char *begin, const void *json,
			 size_t length)
{
	char path[128];

	snprintf(path, sizeof(path), "containers/%.64s/config.v2.json.new", id_of(begin).data);
	fake_file(fixture->folder, path, json, length);
	/* As the engine does it. */
	char from[512], to[512];

	snprintf(from, sizeof(from), "%s/%s", fixture->folder, path);
	snprintf(to, sizeof(to), "%.*s", (int)strlen(from) - 4, from);
	assert_int_equal(rename(from, to), 0);
}

static void engine_has(struct fixture *fixture, const char *begin, const char *name,
		       const char *image)
{
	char json[1024];
	int length = snprintf(
		json, sizeof(json),
		"{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Name\":\"no\"},\"ID\":\"x\","
		"\"Args\":[\"Name\",\"no\",{\"Image\":\"no\"}],\"Config\":{\"Hostname\":\"h\","
		"\"Labels\":{\"Image\":\"no\",\"Name\":\"no\"},\"Image\":\"%s\",\"Name\":\"no\"},"
		"\"Image\":\"sha256:abc\",\"HostConfig\":{\"Image\":\"no\"},\"Name\":\"/%s\"}",
		image, name);

	write_config(fixture, begin, json, (size_t)length);
}

static void engine_removes(struct fixture *fixture, const char *begin)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/containers/%.64s/config.v2.json", fixture->folder,
		 id_of(begin).data);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
}

static void assert_names(struct fixture *fixture, const char *begin, const char *name,
			 const char *image)
{
	struct container_names names = {};

	assert_int_equal(containers_find(fixture->containers, id_of(begin), &names), 0);
	assert_int_equal(names.name.length, name ? strlen(name) : 0);
	assert_int_equal(names.image.length, image ? strlen(image) : 0);
	if (name)
		assert_memory_equal(names.name.data, name, strlen(name));
	if (image)
		assert_memory_equal(names.image.data, image, strlen(image));
}

static void assert_unknown(struct fixture *fixture, const char *begin)
{
	struct container_names names;

	assert_int_equal(containers_find(fixture->containers, id_of(begin), &names), -ENOENT);
}

static void assert_resolves(struct fixture *fixture, const char *reference, const char *begin)
{
	char id[CONTAINER_ID] = {};

	assert_int_equal(containers_resolve(fixture->containers, text_of(reference), id), 0);
	assert_memory_equal(id, id_of(begin).data, CONTAINER_ID);
}

static void assert_no_such(struct fixture *fixture, const char *reference, int error)
{
	char id[CONTAINER_ID] = {};

	assert_int_equal(containers_resolve(fixture->containers, text_of(reference), id), error);
}

static void test_find(void **state)
{
	struct fixture *fixture = *state;

	assert_unknown(fixture, "a1");
	engine_has(fixture, "a1", "quirky_bose", "busybox:1");
	/* Looked at again after a second. */
	assert_unknown(fixture, "a1");
	later(fixture, 1);
	assert_names(fixture, "a1", "quirky_bose", "busybox:1");
	assert_unknown(fixture, "a2");
	assert_int_equal(containers_find(fixture->containers, TEXT("a1"), NULL), -ENOENT);
	assert_int_equal(containers_find(fixture->containers, TEXT(""), NULL), -ENOENT);
}

static void test_rename_and_remove(void **state)
{
	struct fixture *fixture = *state;

	engine_has(fixture, "a1", "old", "img");
	assert_names(fixture, "a1", "old", "img");
	engine_has(fixture, "a1", "new", "img");
	later(fixture, 1);
	assert_names(fixture, "a1", "new", "img");
	assert_resolves(fixture, "new", "a1");
	assert_no_such(fixture, "old", -ENOENT);
	engine_removes(fixture, "a1");
	later(fixture, 1);
	/* docker run --rm: its exit still comes. */
	assert_names(fixture, "a1", "new", "img");
	assert_resolves(fixture, "new", "a1");
	assert_resolves(fixture, "a100", "a1");
	/* The name goes to another one. */
	engine_has(fixture, "b1", "new", "img2");
	later(fixture, 20);
	assert_resolves(fixture, "new", "b1");
	assert_names(fixture, "a1", "new", "img");
}

static void test_name_taken_at_once(void **state)
{
	struct fixture *fixture = *state;

	engine_has(fixture, "a1", "web", "img");
	assert_resolves(fixture, "web", "a1");
	/* docker rm -f web && docker run --name web, before the file is looked at again */
	engine_removes(fixture, "a1");
	engine_has(fixture, "b1", "web", "img");
	assert_int_equal(
		containers_learn(fixture->containers, id_of("b1"), TEXT("web"), (struct text){}),
		0);
	assert_resolves(fixture, "web", "b1");
}

/* The file of one that is called so, as it was written at this time, UTC, ns. */
static void engine_had(struct fixture *fixture, const char *begin, const char *name,
		       uint64_t wall_ns)
{
	struct timespec times[2] = {};
	char path[256];

	engine_has(fixture, begin, name, "img");
	times[0].tv_sec = times[1].tv_sec = (time_t)(wall_ns / NS_PER_SECOND);
	times[0].tv_nsec = times[1].tv_nsec = (long)(wall_ns % NS_PER_SECOND);
	snprintf(path, sizeof(path), "%s/containers/%.64s/config.v2.json", fixture->folder,
		 id_of(begin).data);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* What the engine did until we came to look is not what was asked for. */
static void test_as_of(void **state)
{
	const uint64_t begin = 1700000000 * NS_PER_SECOND, second = NS_PER_SECOND;
	struct fixture *fixture = *state;
	struct containers *containers = fixture->containers;

	/* one, other; one becomes gone, other becomes one, and all of it before we look. */
	containers_as_of(containers, begin);
	engine_had(fixture, "a1", "gone", begin + 3 * second);
	engine_had(fixture, "b1", "one", begin + 4 * second);
	assert_int_equal(containers_learn(containers, id_of("a1"), TEXT("one"), TEXT("img")), 0);
	assert_names(fixture, "a1", "one", "img");
	containers_as_of(containers, begin + second);
	assert_int_equal(containers_learn(containers, id_of("b1"), TEXT("other"), TEXT("img")), 0);
	assert_names(fixture, "b1", "other", "img");
	containers_as_of(containers, begin + 2 * second);
	assert_resolves(fixture, "one", "a1");
	assert_resolves(fixture, "other", "b1");
	/* The requests that rename them, each a moment before its file was written. */
	containers_as_of(containers, begin + 3 * second);
	assert_resolves(fixture, "one", "a1");
	assert_int_equal(containers_rename(containers, id_of("a1"), TEXT("/gone")), 0);
	containers_as_of(containers, begin + 4 * second);
	assert_int_equal(containers_rename(containers, id_of("b1"), TEXT("one")), 0);
	containers_as_of(containers, begin + 4 * second + NS_PER_MS);
	assert_resolves(fixture, "one", "b1");
	assert_resolves(fixture, "gone", "a1");
	/* One that nobody told of. */
	engine_had(fixture, "b1", "unheard", begin + 6 * second);
	later(fixture, 1);
	containers_as_of(containers, begin + 5 * second);
	assert_names(fixture, "b1", "one", "img");
	containers_as_of(containers, begin + 7 * second);
	assert_names(fixture, "b1", "unheard", "img");
	/* Made later under a name that another one had; and of whom nothing else is known. */
	engine_had(fixture, "c1", "gone", begin + 9 * second);
	assert_int_equal(containers_scan(containers), 0);
	containers_as_of(containers, begin + 8 * second);
	assert_resolves(fixture, "gone", "a1");
	engine_had(fixture, "d1", "new", begin + 9 * second);
	assert_int_equal(containers_scan(containers), 0);
	assert_resolves(fixture, "new", "d1");
}

static void test_resolve(void **state)
{
	struct fixture *fixture = *state;
	struct text whole = id_of("abc2");

	engine_has(fixture, "abc1", "web", "img");
	engine_has(fixture, "abc2", "db", "img");
	engine_has(fixture, "d", "abc1", "img");
	engine_has(fixture, "e", "fff", "img");
	engine_has(fixture, "fff", "other", "img");
	assert_resolves(fixture, "web", "abc1");
	assert_resolves(fixture, "/db", "abc2");
	assert_resolves(fixture, "abc2", "abc2");
	assert_no_such(fixture, "abc", -ENOTUNIQ);
	/* A name goes before the begin of an id. */
	assert_resolves(fixture, "abc1", "d");
	assert_resolves(fixture, "fff", "e");
	assert_resolves(fixture, "ff", "fff");
	assert_resolves(fixture, whole.data, "abc2");
	assert_no_such(fixture, "nobody", -ENOENT);
	assert_no_such(fixture, "", -ENOENT);
	assert_no_such(fixture, "/", -ENOENT);
	assert_no_such(fixture, "ABC2", -ENOENT);
	assert_no_such(fixture, "../abc2", -ENOENT);
	assert_no_such(fixture, id_of("abc3").data, -ENOENT);
}

static void test_learn(void **state)
{
	struct fixture *fixture = *state;
	struct text none = {};

	assert_int_equal(containers_learn(fixture->containers, TEXT("abc"), TEXT("n"), none),
			 -EINVAL);
	assert_int_equal(
		containers_learn(fixture->containers, id_of("a"), TEXT("/job"), TEXT("alpine")), 0);
	assert_names(fixture, "a", "job", "alpine");
	assert_resolves(fixture, "job", "a");
	assert_int_equal(containers_learn(fixture->containers, id_of("b"), none, TEXT("alpine")),
			 0);
	assert_names(fixture, "b", NULL, "alpine");
	engine_has(fixture, "b", "made_up", "alpine");
	later(fixture, 1);
	assert_names(fixture, "b", "made_up", "alpine");
	/* The engine's file knows better than what a request asked for. */
	assert_int_equal(containers_learn(fixture->containers, id_of("b"), TEXT("wrong"), none), 0);
	assert_names(fixture, "b", "made_up", "alpine");
}

/* Whether the folder is the engine's shows in the containers that it makes. */
static void test_found_and_missed(void **state)
{
	struct fixture *fixture = *state;
	struct containers_stats stats;
	struct text none = {};

	engine_has(fixture, "a", "one", "img");
	assert_int_equal(containers_learn(fixture->containers, id_of("a"), none, TEXT("img")), 0);
	containers_get_stats(fixture->containers, &stats);
	assert_int_equal(stats.found, 1);
	assert_int_equal(stats.missed, 0);
	assert_int_equal(containers_learn(fixture->containers, id_of("b"), none, TEXT("img")), 0);
	assert_int_equal(containers_learn(fixture->containers, TEXT("b"), none, none), -EINVAL);
	containers_get_stats(fixture->containers, &stats);
	assert_int_equal(stats.found, 1);
	assert_int_equal(stats.missed, 1);
}

static void test_scan_remembers(void **state)
{
	struct fixture *fixture = *state;

	engine_has(fixture, "a", "one", "img");
	engine_has(fixture, "b", "two", "img");
	assert_int_equal(containers_scan(fixture->containers), 0);
	engine_removes(fixture, "a");
	assert_names(fixture, "a", "one", "img");
	assert_resolves(fixture, "one", "a");
}

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
	struct fixture *fixture = *state;
	char deep[70000];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_config(fixture, "a", texts[i], strlen(texts[i]));
		later(fixture, 1);
		assert_unknown(fixture, "a");
	}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"x\":", 5);
	write_config(fixture, "a", deep, sizeof(deep));
	later(fixture, 1);
	assert_unknown(fixture, "a");
	/* The second of two is what Go takes. */
	write_config(fixture, "a", "{\"Name\":\"/1\",\"Name\":\"/2\"}", 25);
	later(fixture, 1);
	assert_names(fixture, "a", "2", NULL);
	/* What was known stays known. */
	write_config(fixture, "a", "{", 1);
	later(fixture, 1);
	assert_names(fixture, "a", "2", NULL);
}

static void test_texts(void **state)
{
	struct fixture *fixture = *state;
	struct buffer json = {};
	char expected[600];

	write_config(fixture, "a",
		     "{\"Image\":\"sha256:12\",\"Name\":\"\\u00e9\\n\\ud83d\\ude00\"}", 51);
	assert_names(fixture, "a", "\xc3\xa9\n\xf0\x9f\x98\x80", "sha256:12");
	/* Too long is none. */
	memset(expected, 'n', sizeof(expected));
	buffer_printf(&json, "{\"Name\":\"/%.300s\",\"Image\":\"%.500s\"}", expected, expected);
	expected[500] = '\0';
	write_config(fixture, "b", json.data, json.length);
	assert_names(fixture, "b", NULL, expected);
	/* A client may give a container megabytes of labels; the name comes last. */
	buffer_clear(&json);
	buffer_printf(&json, "{\"Config\":{\"Labels\":{");
	while (json.length < 3u << 20)
		buffer_printf(&json, "\"%zu\":\"\\\"}]\",", json.length);
	buffer_printf(&json, "\"\":[]},\"Image\":\"i\"},\"Name\":\"/last\"}");
	write_config(fixture, "c", json.data, json.length);
	assert_names(fixture, "c", "last", "i");
	for (int more = 0; more < 2; more++) {
		buffer_clear(&json);
		while (json.length < (4u << 20) - 13 + (size_t)more)
			buffer_append_char(&json, ' ');
		buffer_append_string(&json, "{\"Name\":\"/x\"}");
		write_config(fixture, more ? "d" : "e", json.data, json.length);
	}
	assert_names(fixture, "e", "x", NULL);
	assert_unknown(fixture, "d");
	buffer_free(&json);
}

static void test_nothing_is_followed(void **state)
{
	struct fixture *fixture = *state;
	char target[512], path[512];

	engine_has(fixture, "a", "real", "img");
	snprintf(target, sizeof(target), "%.64s", id_of("a").data);
	snprintf(path, sizeof(path), "%s/containers/%.64s", fixture->folder, id_of("b").data);
	assert_int_equal(symlink(target, path), 0);
	assert_unknown(fixture, "b");

	snprintf(path, sizeof(path), "%s/containers/%.64s", fixture->folder, id_of("c").data);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(target, sizeof(target), "../%.64s/config.v2.json", id_of("a").data);
	strcat(path, "/config.v2.json");
	assert_int_equal(symlink(target, path), 0);
	assert_unknown(fixture, "c");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	later(fixture, 1);
	assert_unknown(fixture, "c");
	assert_int_equal(containers_scan(fixture->containers), 0);
	assert_unknown(fixture, "b");
	assert_unknown(fixture, "c");
	assert_names(fixture, "a", "real", "img");
}

static void test_several_roots(void **state)
{
	struct fixture *fixture = *state;
	char *other = fake_folder(), missing[512];
	struct fixture second = { .folder = other };

	snprintf(missing, sizeof(missing), "%s/not/there", other);
	assert_int_equal(containers_add_root(fixture->containers, missing), 0);
	assert_int_equal(containers_add_root(fixture->containers, other), 0);
	engine_has(fixture, "a", "one", "img");
	engine_has(&second, "b", "two", "img");
	assert_names(fixture, "b", "two", "img");
	assert_resolves(fixture, "one", "a");
	assert_resolves(fixture, "two", "b");
	for (int i = 3; i < CONTAINERS_ROOTS; i++)
		assert_int_equal(containers_add_root(fixture->containers, other), 0);
	assert_int_equal(containers_add_root(fixture->containers, other), -ENOSPC);
	fake_remove(other);
}

static void test_bound(void **state)
{
	struct fixture *fixture = *state;
	char begin[16], name[16];

	for (int i = 0; i < CONTAINERS_MOST; i++) {
		snprintf(begin, sizeof(begin), "%04x", i);
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(containers_learn(fixture->containers, id_of(begin), text_of(name),
						  (struct text){}),
				 0);
	}
	/* Of ids that nothing is known of one place is enough. */
	for (int i = 0; i < 3000; i++) {
		snprintf(begin, sizeof(begin), "f%04x", i);
		assert_unknown(fixture, begin);
	}
	assert_unknown(fixture, "0000");
	assert_names(fixture, "0001", "n1", NULL);
	/* The longest unused goes first. */
	assert_int_equal(
		containers_learn(fixture->containers, id_of("e1"), TEXT("x"), (struct text){}), 0);
	assert_int_equal(
		containers_learn(fixture->containers, id_of("e2"), TEXT("y"), (struct text){}), 0);
	assert_names(fixture, "0001", "n1", NULL);
	assert_unknown(fixture, "0002");
	assert_names(fixture, "03ff", "n1023", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(find),
		TEST(rename_and_remove),
		TEST(as_of),
		TEST(name_taken_at_once),
		TEST(resolve),
		TEST(learn),
		TEST(found_and_missed),
		TEST(scan_remembers),
		TEST(broken_files),
		TEST(texts),
		TEST(nothing_is_followed),
		TEST(several_roots),
		TEST(bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
