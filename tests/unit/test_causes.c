// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "causes_bed.h"
#include "event/json.h"

static void test_each_has_their_own(void **state)
{
	struct causes_bed *bed = *state;
	const char *line;

	causes_ask(bed, "ContainerCreate", causes_id(1), 1, 201);
	causes_ask(bed, "ContainerCreate", causes_id(2), 2, 201);
	causes_ask(bed, "ContainerStart", causes_id(2), 5, 204);
	line = causes_told(bed, "container-start", causes_id(2), "");
	causes_assert_says(
		line,
		"\"created_by\":{\"sequence\":102,\"user\":{\"id\":\"2\",\"name\":\"u2\","
		"\"audit\":{\"id\":\"72\"}},\"session\":{\"id\":42},\"process\":{\"pid\":1002,"
		"\"entity_id\":\"b-1002-1\",\"name\":\"docker\",\"executable\":"
		"\"/usr/bin/docker\"}}");
	causes_assert_says(line, "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"5\"");
	causes_assert_silent(line, "reason");
	line = causes_told(bed, "container-exit", causes_id(1), "");
	causes_assert_says(line, "\"created_by\":{\"sequence\":101,\"user\":{\"id\":\"1\"");
	causes_assert_silent(line, "started_by");
	causes_assert_silent(causes_told(bed, "container-exit", causes_id(3), ""), "_by");
}

/* Only what the engine did counts, and what it did last. */
static void test_refused_and_repeated(void **state)
{
	struct causes_bed *bed = *state;

	causes_ask(bed, "ContainerStart", causes_id(1), 1, 404);
	causes_assert_silent(causes_told(bed, "container-exit", causes_id(1), ""), "started_by");
	causes_ask(bed, "ContainerStart", causes_id(1), 2, 204);
	causes_ask(bed, "ContainerRestart", causes_id(1), 3, 204);
	causes_ask(bed, "ContainerStop", causes_id(1), 4, 204);
	causes_assert_says(causes_told(bed, "container-exit", causes_id(1), ""),
			   "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"3\"");
}

static void test_an_end_ends_the_start(void **state)
{
	struct causes_bed *bed = *state;
	const char *line;

	causes_ask(bed, "ContainerCreate", causes_id(1), 1, 201);
	causes_ask(bed, "ContainerStart", causes_id(1), 2, 204);
	/* One that was started by somebody before. */
	causes_ended(bed->causes, text_of(causes_id(1)), 55);
	causes_assert_says(causes_told(bed, "container-exit", causes_id(1), ""),
			   "\"started_by\":{\"sequence\":102");
	causes_ended(bed->causes, text_of(causes_id(1)), 102);
	line = causes_told(bed, "container-start", causes_id(1), ",\"name\":\"web\"");
	causes_assert_says(line, "\"created_by\":{\"sequence\":101");
	causes_assert_says(
		line, "\"started_by\":{\"reason\":\"no request for it was recorded: the engine");
	/* Of another one nothing is known to end. */
	causes_ended(bed->causes, text_of(causes_id(9)), 1);
}

static void test_nobody_is_known(void **state)
{
	struct causes_bed *bed = *state;

	causes_assert_says(causes_told(bed, "container-start", "by-hand", ""),
			   "by no engine's request");
	causes_assert_silent(causes_told(bed, "container-start", "by-hand", ""), "started_by");
	/* Of an engine, whatever is known of its files. */
	causes_assert_says(
		causes_told(bed, "container-start", causes_id(1), ""),
		"\"created_by\":{\"reason\":\"by no request that is known to have made it");
	causes_assert_says(
		causes_told(bed, "container-start", causes_id(1), ",\"name\":\"web\""),
		"\"created_by\":{\"reason\":\"by no request that is known to have made it");
	causes_assert_says(
		causes_told(bed, "container-present", causes_id(1), ""),
		"\"created_by\":{\"reason\":\"by no request that is known to have made it");
	causes_assert_says(causes_told(bed, "container-present", causes_id(1), ",\"name\":\"web\""),
			   "\"created_by\":{\"reason\":\"made before recording began\"}");
	/* Not of whatever else happens in it. */
	causes_assert_silent(causes_told(bed, "container-exit", causes_id(1), ",\"name\":\"web\""),
			     "reason");
}

/* The engine acts by itself only where it was told to. */
static void test_restart_policy(void **state)
{
	static const char *const policies[] = { "no", "on-failure:3" };
	struct causes_bed *bed = *state;

	for (unsigned int i = 0; i < 2; i++) {
		char request[600];

		snprintf(request, sizeof(request),
			 "{\"event\":{\"action\":\"api-request\",\"sequence\":7},\"http\":"
			 "{\"response\":{\"status_code\":201}},\"docktrail\":{\"api\":{"
			 "\"operation\":\"ContainerCreate\"},\"target\":{\"id\":\"%s\"},"
			 "\"declared\":{\"settings\":[\"Memory=5\",\"RestartPolicy=%s\"]}}}",
			 causes_id(i), policies[i]);
		causes_read(bed, request);
		assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	}
	causes_assert_says(causes_told(bed, "container-start", causes_id(0), ""),
			   "or one that is not read");
	causes_assert_says(causes_told(bed, "container-start", causes_id(1), ""),
			   "\"started_by\":{\"reason\":\"the engine, by its restart policy\"}");
}

/* Where its end was lost, who started a container is not taken for who starts it again. */
static void test_an_end_that_was_lost(void **state)
{
	struct causes_bed *bed = *state;

	causes_ask(bed, "ContainerCreate", causes_id(1), 1, 201);
	causes_ask(bed, "ContainerStart", causes_id(1), 2, 204);
	causes_assert_says(causes_told(bed, "container-start", causes_id(1), ""),
			   "\"started_by\":{\"sequence\":102");
	causes_assert_says(causes_told(bed, "capability-use", causes_id(1), ""),
			   "\"started_by\":{\"sequence\":102");
	causes_assert_says(causes_told(bed, "container-start", causes_id(1), ""),
			   "\"started_by\":{\"reason\":");
	causes_ask(bed, "ContainerStart", causes_id(1), 3, 204);
	causes_assert_says(causes_told(bed, "container-start", causes_id(1), ""),
			   "\"started_by\":{\"sequence\":103");
}

static void test_an_exec(void **state)
{
	struct causes_bed *bed = *state;
	char request[700], event[500];
	const char *line;

	causes_ask(bed, "ContainerCreate", causes_id(1), 1, 201);
	snprintf(request, sizeof(request),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":900},\"user\":{\"id\":\"6\"},"
		 "\"http\":{\"response\":{\"status_code\":201}},\"docktrail\":{"
		 "\"exec\":{\"id\":\"%s\"},\"api\":{\"operation\":\"ContainerExec\"},"
		 "\"target\":{\"type\":\"container\",\"id\":\"%s\"}}}",
		 causes_id(50), causes_id(1));
	causes_read(bed, request);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	/* The request itself was not entered by anybody. */
	causes_fill(bed->causes, bed->record);
	assert_false(record_has(bed->record, FIELD_entered_by_sequence));
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"container-exec\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 causes_id(1), causes_id(50));
	causes_read(bed, event);
	causes_fill(bed->causes, bed->record);
	record_append_json(bed->record, &bed->json);
	line = buffer_string(&bed->json);
	causes_assert_says(line, "\"created_by\":{\"sequence\":101,\"user\":{\"id\":\"1\"");
	causes_assert_says(line,
			   "\"entered_by\":{\"sequence\":900,\"user\":{\"id\":\"6\"},\"exec_id\"");
	/* What its processes ask of the engine, be it for another exec. */
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"api-request\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"exec\":{\"id\":\"%s\"},\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 causes_id(1), causes_id(51), causes_id(50));
	causes_read(bed, event);
	causes_fill(bed->causes, bed->record);
	assert_int_equal(record_number(bed->record, FIELD_entered_by_sequence), 900);
	/* In another container nobody came for it, whatever is said. */
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"container-exec\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 causes_id(2), causes_id(50));
	causes_read(bed, event);
	causes_fill(bed->causes, bed->record);
	assert_false(record_has(bed->record, FIELD_entered_by_sequence));
}

/* A healthcheck is an exec that nobody asked for. */
static void test_an_exec_of_nobody(void **state)
{
	struct causes_bed *bed = *state;
	char event[300];

	causes_assert_says(
		causes_told(bed, "container-exec", causes_id(1), ""),
		"\"entered_by\":{\"reason\":\"no request for it is known: its ancestors show who did it\"}");
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"container-exec\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 causes_id(1), causes_id(51));
	causes_read(bed, event);
	causes_fill(bed->causes, bed->record);
	buffer_clear(&bed->json);
	record_append_json(bed->record, &bed->json);
	causes_assert_says(buffer_string(&bed->json),
			   "\"reason\":\"no request for it was recorded");
}

/* Where a proxy passed it on, whoever asked the proxy is who wanted it. */
static void test_behind_a_proxy(void **state)
{
	struct causes_bed *bed = *state;
	char request[900];
	const char *line;

	snprintf(request, sizeof(request),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":901},"
		 "\"process\":{\"pid\":7,\"name\":\"socat\"},\"user\":{\"id\":\"0\",\"audit\":"
		 "{\"id\":\"1\"}},\"http\":{\"response\":{\"status_code\":201}},"
		 "\"docktrail\":{\"downstream\":{\"process\":{\"pid\":8,\"name\":\"curl\"},"
		 "\"user\":{\"id\":\"9\"}},\"api\":{\"operation\":\"ContainerCreate\"},"
		 "\"target\":{\"type\":\"container\",\"id\":\"%s\"}}}",
		 causes_id(1));
	causes_read(bed, request);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	line = causes_told(bed, "container-exit", causes_id(1), "");
	causes_assert_says(line,
			   "\"created_by\":{\"sequence\":901,\"user\":{\"id\":\"9\"},\"process\":"
			   "{\"pid\":8,\"name\":\"curl\"}}");
}

/* Out of the trail: who started it may have been somebody else since. */
static void test_remembered(void **state)
{
	struct causes_bed *bed = *state;
	const char *line;

	causes_ask(bed, "ContainerStart", causes_id(9), 1, 204); /* a line to read again */
	record_append_json(bed->record, &bed->json);
	assert_int_equal(causes_remember(bed->causes, bed->record), 0);
	causes_ask(bed, "ContainerCreate", causes_id(8), 2, 201);
	causes_ended(bed->causes, text_of(causes_id(9)), 101);
	assert_int_equal(record_parse_json(bed->record, bed->json.data, bed->json.length), 0);
	assert_int_equal(causes_remember(bed->causes, bed->record), 0);
	causes_assert_silent(causes_told(bed, "container-exit", causes_id(9), ""), "started_by");
	line = causes_told(bed, "container-exit", causes_id(8), "");
	causes_assert_says(line, "\"created_by\":{\"sequence\":102");
}

static void test_bounded(void **state)
{
	struct causes_bed *bed = *state;

	for (unsigned int i = 0; i < CAUSES_CONTAINERS; i++)
		causes_ask(bed, "ContainerCreate", causes_id(i), i, 201);
	/* The first is heard of again, so that the second is who was silent longest. */
	causes_ask(bed, "ContainerStart", causes_id(0), 1, 204);
	causes_ask(bed, "ContainerCreate", causes_id(CAUSES_CONTAINERS), 1, 201);
	causes_assert_says(causes_told(bed, "container-exit", causes_id(0), ""), "created_by");
	causes_assert_silent(causes_told(bed, "container-exit", causes_id(1), ""), "created_by");
	causes_assert_says(causes_told(bed, "container-exit", causes_id(2), ""), "created_by");
	causes_assert_says(causes_told(bed, "container-exit", causes_id(CAUSES_CONTAINERS), ""),
			   "created_by");
}

/* One that shares with one that shares with the host is in the host's. */
static void test_shares_in_turn(void **state)
{
	struct causes_bed *bed = *state;
	const char *line;

	for (unsigned int i = 1; i <= 3; i++) {
		char mode[80] = "host", request[600];

		if (i > 1)
			snprintf(mode, sizeof(mode), "container:%s", causes_id(i - 1));
		snprintf(request, sizeof(request),
			 "{\"event\":{\"action\":\"api-request\",\"sequence\":7},\"http\":"
			 "{\"response\":{\"status_code\":201}},\"docktrail\":{\"api\":{"
			 "\"operation\":\"ContainerCreate\"},\"target\":{\"id\":\"%s\"},"
			 "\"declared\":{\"image\":\"i\",\"namespaces\":{\"pid\":\"%s\"}}}}",
			 causes_id(i), mode);
		causes_read(bed, request);
		assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	}
	line = causes_told(bed, "container-start", causes_id(3),
			   "},\"docktrail\":{\"namespaces\":{\"pid\":\"host\"}");
	causes_assert_silent(line, "difference");
	line = causes_told(bed, "container-start", causes_id(3),
			   "},\"docktrail\":{\"namespaces\":{\"pid\":\"private\"}");
	causes_assert_says(line,
			   "\"difference\":[{\"field\":\"namespaces.pid\",\"declared\":\"host\"");
}

#define BY_HAND                                                                                    \
	"\"},\"docktrail\":{\"created_by\":{\"reason\":\"made\"},"                                 \
	"\"started_by\":{\"reason\":\"by hand\"}"

/* What was read from the ancestors stands where no request is known, and only there. */
static void test_what_ancestors_say(void **state)
{
	struct causes_bed *bed = *state;
	const char *one = causes_id(1), *line;

	causes_ask_slowly(bed, "ContainerCreate", 1, "\"name\":\"web\"");
	/* Somebody's own, that is called like what an engine was asked for. */
	line = causes_told(bed, "container-start", one, ",\"name\":\"web" BY_HAND);
	causes_assert_says(line, "\"created_by\":{\"reason\":\"made\"}");
	causes_assert_says(line, "\"started_by\":{\"reason\":\"by hand\"}");
	causes_ask(bed, "ContainerCreate", one, 2, 201);
	line = causes_told(bed, "container-start", one, ",\"name\":\"x" BY_HAND);
	causes_assert_says(line, "\"user\":{\"id\":\"2\"");
	causes_assert_silent(line, "made");
	causes_assert_says(line, "\"started_by\":{\"reason\":\"by hand\"}");
	causes_ask(bed, "ContainerStart", one, 3, 204);
	line = causes_told(bed, "container-start", one, ",\"name\":\"x" BY_HAND);
	causes_assert_silent(line, "by hand");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, causes_set_up, causes_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_has_their_own),
		TEST(refused_and_repeated),
		TEST(an_end_ends_the_start),
		TEST(nobody_is_known),
		TEST(restart_policy),
		TEST(an_end_that_was_lost),
		TEST(an_exec),
		TEST(an_exec_of_nobody),
		TEST(behind_a_proxy),
		TEST(remembered),
		TEST(bounded),
		TEST(shares_in_turn),
		TEST(what_ancestors_say),
	};

	return cmocka_run_group_tests_name("causes", tests, NULL, NULL);
}
