// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "causes_bed.h"

static const char *target_of(const char *id)
{
	static char text[200];

	snprintf(text, sizeof(text), ",\"target\":{\"type\":\"container\",\"id\":\"%s\"}", id);
	return text;
}

static void test_answers_that_come_late(void **state)
{
	struct causes_bed *bed = *state;
	const char *one = causes_id(1), *line;
	char start[100];

	causes_ask_slowly(bed, "ContainerCreate", 1, "");
	causes_ask_slowly(bed, "ContainerCreate", 2, "");
	causes_answer(bed, 2, 409, "");
	causes_answer(bed, 1, 201, target_of(one));
	line = causes_told(bed, "container-start", one, "");
	causes_assert_says(line, "\"created_by\":{\"sequence\":101,\"user\":{\"id\":\"1\"}");
	/* Of two that ask for a start, it was the one who was told so. */
	snprintf(start, sizeof(start), "\"id\":\"%s\"", one);
	causes_ask_slowly(bed, "ContainerStart", 3, start);
	causes_ask_slowly(bed, "ContainerStart", 4, start);
	causes_answer(bed, 4, 204, "");
	causes_answer(bed, 3, 304, "");
	line = causes_told(bed, "container-start", one, "");
	causes_assert_says(line, "\"started_by\":{\"sequence\":106,\"user\":{\"id\":\"4\"}");
	causes_ask_slowly(bed, "ContainerExec", 5, start);
	causes_answer(bed, 5, 201, ",\"exec\":{\"id\":\"00ff\"}");
	line = causes_told(bed, "container-exec", one,
			   "},\"docktrail\":{\"entered_by\":{\"exec_id\":\"00ff\"}");
	causes_assert_says(line, "\"entered_by\":{\"sequence\":109,\"user\":{\"id\":\"5\"}");
}

/* The answer to who asked for it was not read: who started it knew its id. */
static void test_who_starts_an_exec(void **state)
{
	struct causes_bed *bed = *state;
	const char *line;

	causes_ask_slowly(bed, "ExecStart", 3, "\"type\":\"exec\",\"id\":\"00ff\"");
	line = causes_told(bed, "capability-use", causes_id(1),
			   "},\"docktrail\":{\"entered_by\":{\"exec_id\":\"00ff\"}");
	causes_assert_says(line, "\"entered_by\":{\"sequence\":101,\"reason\":\"who started it: ");
	/* Who asked for it goes before who started it. */
	causes_ask_slowly(bed, "ContainerExec", 5, "\"id\":\"00aa\"");
	causes_answer(bed, 5, 201, ",\"exec\":{\"id\":\"00ee\"}");
	causes_ask_slowly(bed, "ExecStart", 3, "\"type\":\"exec\",\"id\":\"00ee\"");
	line = causes_told(bed, "capability-use", "00aa",
			   "},\"docktrail\":{\"entered_by\":{\"exec_id\":\"00ee\"}");
	causes_assert_says(line, "\"entered_by\":{\"sequence\":102,\"user\":{\"id\":\"5\"}");
}

/* Its id was told to nobody: the name is all that there is, and only what it is. */
static void test_an_answer_that_nobody_reads(void **state)
{
	struct causes_bed *bed = *state;
	const char *one = causes_id(1), *two = causes_id(2), *line;

	causes_ask_slowly(bed, "ContainerCreate", 1, "\"name\":\"web\"");
	causes_ask_slowly(bed, "ContainerCreate", 2, "\"name\":\"db\"");
	line = causes_told(bed, "container-start", one, ",\"name\":\"web\"");
	causes_assert_says(line, "\"created_by\":{\"sequence\":101,\"reason\":\"by its name: ");
	line = causes_told(bed, "container-exit", one, "");
	causes_assert_says(line, "\"created_by\":{\"sequence\":101,\"reason\":\"by its name: ");
	line = causes_told(bed, "container-start", two, ",\"name\":\"web\"");
	causes_assert_says(
		line, "\"created_by\":{\"reason\":\"by no request that is known to have made it");
}

/* One who asks twice is one; of two who ask for the same it is nobody. */
static void test_who_asks_for_a_name_again(void **state)
{
	struct causes_bed *bed = *state;
	const char *line;

	causes_ask_slowly(bed, "ContainerCreate", 1, "\"name\":\"web\"");
	causes_ask_slowly(bed, "ContainerCreate", 11, "\"name\":\"web\"");
	line = causes_told(bed, "container-start", causes_id(1), ",\"name\":\"web\"");
	causes_assert_says(line, "\"created_by\":{\"sequence\":101,\"reason\":\"by its name: ");
	causes_ask_slowly(bed, "ContainerCreate", 2, "\"name\":\"web\"");
	line = causes_told(bed, "container-start", causes_id(2), ",\"name\":\"web\"");
	causes_assert_says(line, "\"created_by\":{\"reason\":\"several asked");
}

/* The engine stops it for long before it starts it, and answers then. */
static void test_a_restart_that_takes_long(void **state)
{
	struct causes_bed *bed = *state;
	const char *one = causes_id(1);
	char target[100];

	causes_ask(bed, "ContainerCreate", one, 1, 201);
	causes_ask(bed, "ContainerStart", one, 2, 204);
	causes_assert_says(causes_told(bed, "container-start", one, ""),
			   "\"started_by\":{\"sequence\":102");
	snprintf(target, sizeof(target), "\"id\":\"%s\"", one);
	causes_ask_slowly(bed, "ContainerRestart", 3, target);
	causes_assert_says(causes_told(bed, "container-exit", one, ""),
			   "\"started_by\":{\"sequence\":102");
	causes_ended(bed->causes, text_of(one), 102);
	causes_assert_says(causes_told(bed, "container-start", one, ""),
			   "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"3\"}");
	causes_answer(bed, 3, 204, "");
	causes_assert_says(causes_told(bed, "capability-use", one, ""),
			   "\"started_by\":{\"sequence\":103");
}

/* An engine that is slow to answer: what its answer is about was told, and may have ended. */
static void test_a_start_that_is_answered_late(void **state)
{
	struct causes_bed *bed = *state;
	const char *one = causes_id(1);
	char rest[100];

	causes_ask(bed, "ContainerCreate", one, 1, 201);
	snprintf(rest, sizeof(rest), "\"id\":\"%s\"", one);
	causes_ask_slowly(bed, "ContainerStart", 3, rest);
	causes_assert_says(causes_told(bed, "container-start", one, ""),
			   "\"started_by\":{\"sequence\":102");
	causes_answer(bed, 3, 204, "");
	causes_assert_says(causes_told(bed, "container-exit", one, ""),
			   "\"started_by\":{\"sequence\":102");
	causes_ended(bed->causes, text_of(one), 102);
	causes_assert_says(causes_told(bed, "container-start", one, ""),
			   "\"started_by\":{\"reason\":");
	/* Ended before its answer came. */
	causes_ask_slowly(bed, "ContainerStart", 4, rest);
	causes_assert_says(causes_told(bed, "container-start", one, ""),
			   "\"started_by\":{\"sequence\":104");
	causes_ended(bed->causes, text_of(one), 104);
	causes_answer(bed, 4, 204, "");
	causes_assert_says(causes_told(bed, "container-start", one, ""),
			   "\"started_by\":{\"reason\":");
}

/* One whose last byte is held back is told, and whoever asks in full goes before. */
static void test_a_request_that_is_never_finished(void **state)
{
	struct causes_bed *bed = *state;
	const char *one = causes_id(1);
	char rest[200], line[512];

	causes_ask(bed, "ContainerCreate", one, 1, 201);
	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":%u},"
		 "\"user\":{\"id\":\"3\"},\"docktrail\":{\"request\":{\"id\":\"c-3\"},"
		 "\"api\":{\"operation\":\"ContainerRestart\",\"state\":\"pending\","
		 "\"reason\":\"its body has not ended\"},\"target\":{\"id\":\"%s\"}}}",
		 100 + ++bed->sequence, one);
	causes_read(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	snprintf(rest, sizeof(rest), "\"id\":\"%s\"", one);
	causes_ask_slowly(bed, "ContainerStart", 4, rest);
	causes_assert_says(causes_told(bed, "container-start", one, ""),
			   "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"4\"}");
	/* Nor does a later one that is as little sure take its place. */
	causes_ask_slowly(bed, "ContainerStart", 5, rest);
	causes_assert_says(causes_told(bed, "capability-use", one, ""),
			   "\"started_by\":{\"sequence\":103");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, causes_set_up, causes_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_that_come_late),           TEST(who_starts_an_exec),
		TEST(an_answer_that_nobody_reads),      TEST(who_asks_for_a_name_again),
		TEST(a_restart_that_takes_long),        TEST(a_start_that_is_answered_late),
		TEST(a_request_that_is_never_finished),
	};

	return cmocka_run_group_tests_name("causes late", tests, NULL, NULL);
}
