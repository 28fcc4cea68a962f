// SPDX-License-Identifier: Apache-2.0
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

static void test_find(void **state)
{
	struct engine_bed *fixture = *state;

	engine_assert_unknown(fixture, "a1");
	engine_has(fixture, "a1", "quirky_bose", "busybox:1");
	/* Looked at again after a second. */
	engine_assert_unknown(fixture, "a1");
	engine_later(fixture, 1);
	engine_assert_names(fixture, "a1", "quirky_bose", "busybox:1");
	engine_assert_unknown(fixture, "a2");
	assert_int_equal(containers_find(fixture->containers, TEXT("a1"), NULL), -ENOENT);
	assert_int_equal(containers_find(fixture->containers, TEXT(""), NULL), -ENOENT);
}

static void test_rename_and_remove(void **state)
{
	struct engine_bed *fixture = *state;

	engine_has(fixture, "a1", "old", "img");
	engine_assert_names(fixture, "a1", "old", "img");
	engine_has(fixture, "a1", "new", "img");
	engine_later(fixture, 1);
	engine_assert_names(fixture, "a1", "new", "img");
	engine_assert_resolves(fixture, "new", "a1");
	engine_assert_no_such(fixture, "old", -ENOENT);
	engine_removes(fixture, "a1");
	engine_later(fixture, 1);
	/* docker run --rm: its exit still comes. */
	engine_assert_names(fixture, "a1", "new", "img");
	engine_assert_resolves(fixture, "new", "a1");
	engine_assert_resolves(fixture, "a100", "a1");
	/* The name goes to another one. */
	engine_has(fixture, "b1", "new", "img2");
	engine_later(fixture, 20);
	engine_assert_resolves(fixture, "new", "b1");
	engine_assert_names(fixture, "a1", "new", "img");
}

static void test_name_taken_at_once(void **state)
{
	struct engine_bed *fixture = *state;

	engine_has(fixture, "a1", "web", "img");
	engine_assert_resolves(fixture, "web", "a1");
	/* docker rm -f web && docker run --name web, before the file is looked at again */
	engine_removes(fixture, "a1");
	engine_has(fixture, "b1", "web", "img");
	assert_int_equal(containers_learn(fixture->containers, engine_id("b1"), TEXT("web"),
					  (struct text){}),
			 0);
	engine_assert_resolves(fixture, "web", "b1");
}

/* The file of one that is called so, as it was written at this time, UTC, ns. */
static void engine_had(struct engine_bed *fixture, const char *begin, const char *name,
		       uint64_t wall_ns)
{
	struct timespec times[2] = {};
	char path[256];

	engine_has(fixture, begin, name, "img");
	times[0].tv_sec = times[1].tv_sec = (time_t)(wall_ns / NS_PER_SECOND);
	times[0].tv_nsec = times[1].tv_nsec = (long)(wall_ns % NS_PER_SECOND);
	snprintf(path, sizeof(path), "%s/containers/%.64s/config.v2.json", fixture->folder,
		 engine_id(begin).data);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* What the engine did until we came to look is not what was asked for. */
static void test_as_of(void **state)
{
	const uint64_t begin = 1700000000 * NS_PER_SECOND, second = NS_PER_SECOND;
	struct engine_bed *fixture = *state;
	struct containers *containers = fixture->containers;

	/* one, other; one becomes gone, other becomes one, and all of it before we look. */
	containers_as_of(containers, begin);
	engine_had(fixture, "a1", "gone", begin + 3 * second);
	engine_had(fixture, "b1", "one", begin + 4 * second);
	assert_int_equal(containers_learn(containers, engine_id("a1"), TEXT("one"), TEXT("img")),
			 0);
	engine_assert_names(fixture, "a1", "one", "img");
	containers_as_of(containers, begin + second);
	assert_int_equal(containers_learn(containers, engine_id("b1"), TEXT("other"), TEXT("img")),
			 0);
	engine_assert_names(fixture, "b1", "other", "img");
	containers_as_of(containers, begin + 2 * second);
	engine_assert_resolves(fixture, "one", "a1");
	engine_assert_resolves(fixture, "other", "b1");
	/* The requests that rename them, each a moment before its file was written. */
	containers_as_of(containers, begin + 3 * second);
	engine_assert_resolves(fixture, "one", "a1");
	assert_int_equal(containers_rename(containers, engine_id("a1"), TEXT("/gone")), 0);
	containers_as_of(containers, begin + 4 * second);
	assert_int_equal(containers_rename(containers, engine_id("b1"), TEXT("one")), 0);
	containers_as_of(containers, begin + 4 * second + NS_PER_MS);
	engine_assert_resolves(fixture, "one", "b1");
	engine_assert_resolves(fixture, "gone", "a1");
	/* One that nobody told of. */
	engine_had(fixture, "b1", "unheard", begin + 6 * second);
	engine_later(fixture, 1);
	containers_as_of(containers, begin + 5 * second);
	engine_assert_names(fixture, "b1", "one", "img");
	containers_as_of(containers, begin + 7 * second);
	engine_assert_names(fixture, "b1", "unheard", "img");
	/* Made later under a name that another one had; and of whom nothing else is known. */
	engine_had(fixture, "c1", "gone", begin + 9 * second);
	assert_int_equal(containers_scan(containers), 0);
	containers_as_of(containers, begin + 8 * second);
	engine_assert_resolves(fixture, "gone", "a1");
	engine_had(fixture, "d1", "new", begin + 9 * second);
	assert_int_equal(containers_scan(containers), 0);
	engine_assert_resolves(fixture, "new", "d1");
}

static void test_resolve(void **state)
{
	struct engine_bed *fixture = *state;
	struct text whole = engine_id("abc2");

	engine_has(fixture, "abc1", "web", "img");
	engine_has(fixture, "abc2", "db", "img");
	engine_has(fixture, "d", "abc1", "img");
	engine_has(fixture, "e", "fff", "img");
	engine_has(fixture, "fff", "other", "img");
	engine_assert_resolves(fixture, "web", "abc1");
	engine_assert_resolves(fixture, "/db", "abc2");
	engine_assert_resolves(fixture, "abc2", "abc2");
	engine_assert_no_such(fixture, "abc", -ENOTUNIQ);
	/* A name goes before the begin of an id. */
	engine_assert_resolves(fixture, "abc1", "d");
	engine_assert_resolves(fixture, "fff", "e");
	engine_assert_resolves(fixture, "ff", "fff");
	engine_assert_resolves(fixture, whole.data, "abc2");
	engine_assert_no_such(fixture, "nobody", -ENOENT);
	engine_assert_no_such(fixture, "", -ENOENT);
	engine_assert_no_such(fixture, "/", -ENOENT);
	engine_assert_no_such(fixture, "ABC2", -ENOENT);
	engine_assert_no_such(fixture, "../abc2", -ENOENT);
	engine_assert_no_such(fixture, engine_id("abc3").data, -ENOENT);
}

static void test_learn(void **state)
{
	struct engine_bed *fixture = *state;
	struct text none = {};

	assert_int_equal(containers_learn(fixture->containers, TEXT("abc"), TEXT("n"), none),
			 -EINVAL);
	assert_int_equal(
		containers_learn(fixture->containers, engine_id("a"), TEXT("/job"), TEXT("alpine")),
		0);
	engine_assert_names(fixture, "a", "job", "alpine");
	engine_assert_resolves(fixture, "job", "a");
	assert_int_equal(
		containers_learn(fixture->containers, engine_id("b"), none, TEXT("alpine")), 0);
	engine_assert_names(fixture, "b", NULL, "alpine");
	engine_has(fixture, "b", "made_up", "alpine");
	engine_later(fixture, 1);
	engine_assert_names(fixture, "b", "made_up", "alpine");
	/* The engine's file knows better than what a request asked for. */
	assert_int_equal(containers_learn(fixture->containers, engine_id("b"), TEXT("wrong"), none),
			 0);
	engine_assert_names(fixture, "b", "made_up", "alpine");
}

/* Whether the folder is the engine's shows in the containers that it makes. */
static void test_found_and_missed(void **state)
{
	struct engine_bed *fixture = *state;
	struct containers_stats stats;
	struct text none = {};

	engine_has(fixture, "a", "one", "img");
	assert_int_equal(containers_learn(fixture->containers, engine_id("a"), none, TEXT("img")),
			 0);
	containers_get_stats(fixture->containers, &stats);
	assert_int_equal(stats.found, 1);
	assert_int_equal(stats.missed, 0);
	assert_int_equal(containers_learn(fixture->containers, engine_id("b"), none, TEXT("img")),
			 0);
	assert_int_equal(containers_learn(fixture->containers, TEXT("b"), none, none), -EINVAL);
	containers_get_stats(fixture->containers, &stats);
	assert_int_equal(stats.found, 1);
	assert_int_equal(stats.missed, 1);
}

static void test_scan_remembers(void **state)
{
	struct engine_bed *fixture = *state;

	engine_has(fixture, "a", "one", "img");
	engine_has(fixture, "b", "two", "img");
	assert_int_equal(containers_scan(fixture->containers), 0);
	engine_removes(fixture, "a");
	engine_assert_names(fixture, "a", "one", "img");
	engine_assert_resolves(fixture, "one", "a");
}

static void test_bound(void **state)
{
	struct engine_bed *fixture = *state;
	char begin[16], name[16];

	for (int i = 0; i < CONTAINERS_MOST; i++) {
		snprintf(begin, sizeof(begin), "%04x", i);
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(containers_learn(fixture->containers, engine_id(begin),
						  text_of(name), (struct text){}),
				 0);
	}
	/* Of ids that nothing is known of one place is enough. */
	for (int i = 0; i < 3000; i++) {
		snprintf(begin, sizeof(begin), "f%04x", i);
		engine_assert_unknown(fixture, begin);
	}
	engine_assert_unknown(fixture, "0000");
	engine_assert_names(fixture, "0001", "n1", NULL);
	/* The longest unused goes first. */
	assert_int_equal(
		containers_learn(fixture->containers, engine_id("e1"), TEXT("x"), (struct text){}),
		0);
	assert_int_equal(
		containers_learn(fixture->containers, engine_id("e2"), TEXT("y"), (struct text){}),
		0);
	engine_assert_names(fixture, "0001", "n1", NULL);
	engine_assert_unknown(fixture, "0002");
	engine_assert_names(fixture, "03ff", "n1023", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, engine_set_up, engine_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(find),
		TEST(rename_and_remove),
		TEST(name_taken_at_once),
		TEST(as_of),
		TEST(resolve),
		TEST(learn),
		TEST(found_and_missed),
		TEST(scan_remembers),
		TEST(bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
