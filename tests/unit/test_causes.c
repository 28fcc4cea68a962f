// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "correlate/causes.h"
#include "event/json.h"
#include "event/record.h"

struct bed {
	struct causes *causes;
	struct record *record;
	struct buffer json;
	unsigned int sequence; /* of the last request: 101 is the first */
};

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_int_equal(causes_new(NULL, &bed->causes), 0);
	assert_int_equal(record_new(&bed->record), 0);
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	causes_free(bed->causes);
	record_free(bed->record);
	buffer_free(&bed->json);
	free(bed);
	return 0;
}

static void read_line(struct bed *bed, const char *line)
{
	assert_int_equal(record_parse_json(bed->record, line, strlen(line)), 0);
}

/* An id of 64 digits that differ with the number. */
static const char *id_of(unsigned int number)
{
	static char ids[4][65];
	static unsigned int next;
	char *id = ids[next++ % 4];

	snprintf(id, sizeof(ids[0]), "%064x", number);
	return id;
}

/* A request of a user for a container; `status` of the answer. */
static void ask(struct bed *bed, const char *operation, const char *id, unsigned int user,
		unsigned int status)
{
	char line[1024];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":%u},"
		 "\"process\":{\"pid\":%u,\"entity_id\":\"b-%u-1\",\"name\":\"docker\","
		 "\"executable\":\"/usr/bin/docker\"},"
		 "\"user\":{\"id\":\"%u\",\"name\":\"u%u\",\"audit\":{\"id\":\"7%u\"}},"
		 "\"http\":{\"response\":{\"status_code\":%u}},"
		 "\"docktrail\":{\"session\":{\"id\":42},\"api\":{\"operation\":\"%s\"},"
		 "\"target\":{\"type\":\"container\",\"id\":\"%s\"}}}",
		 100 + ++bed->sequence, user + 1000, user + 1000, user, user, user, status,
		 operation, id);
	read_line(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
}

/* The line of an event of a container with its causes; without the part that all of them have. */
static const char *told(struct bed *bed, const char *action, const char *id, const char *more)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"%s\"},\"container\":{\"id\":\"%s\"%s}}", action, id,
		 more);
	read_line(bed, line);
	causes_fill(bed->causes, bed->record);
	buffer_clear(&bed->json);
	record_append_json(bed->record, &bed->json);
	assert_int_equal(bed->record->error, 0);
	return buffer_string(&bed->json);
}

static void assert_says(const char *line, const char *words)
{
	if (!strstr(line, words))
		fail_msg("%s is not in %s", words, line);
}

static void assert_silent(const char *line, const char *words)
{
	if (strstr(line, words))
		fail_msg("%s is in %s", words, line);
}

static void test_each_has_their_own(void **state)
{
	struct bed *bed = *state;
	const char *line;

	ask(bed, "ContainerCreate", id_of(1), 1, 201);
	ask(bed, "ContainerCreate", id_of(2), 2, 201);
	ask(bed, "ContainerStart", id_of(2), 5, 204);
	line = told(bed, "container-start", id_of(2), "");
	assert_says(line,
		    "\"created_by\":{\"sequence\":102,\"user\":{\"id\":\"2\",\"name\":\"u2\","
		    "\"audit\":{\"id\":\"72\"}},\"session\":{\"id\":42},\"process\":{\"pid\":1002,"
		    "\"entity_id\":\"b-1002-1\",\"name\":\"docker\",\"executable\":"
		    "\"/usr/bin/docker\"}}");
	assert_says(line, "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"5\"");
	assert_silent(line, "reason");
	line = told(bed, "container-exit", id_of(1), "");
	assert_says(line, "\"created_by\":{\"sequence\":101,\"user\":{\"id\":\"1\"");
	assert_silent(line, "started_by");
	assert_silent(told(bed, "container-exit", id_of(3), ""), "_by");
}

/* Only what the engine did counts, and what it did last. */
static void test_refused_and_repeated(void **state)
{
	struct bed *bed = *state;

	ask(bed, "ContainerStart", id_of(1), 1, 404);
	assert_silent(told(bed, "container-exit", id_of(1), ""), "started_by");
	ask(bed, "ContainerStart", id_of(1), 2, 204);
	ask(bed, "ContainerRestart", id_of(1), 3, 204);
	ask(bed, "ContainerStop", id_of(1), 4, 204);
	assert_says(told(bed, "container-exit", id_of(1), ""),
		    "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"3\"");
}

static void test_an_end_ends_the_start(void **state)
{
	struct bed *bed = *state;
	const char *line;

	ask(bed, "ContainerCreate", id_of(1), 1, 201);
	ask(bed, "ContainerStart", id_of(1), 2, 204);
	/* One that was started by somebody before. */
	causes_ended(bed->causes, text_of(id_of(1)), 55);
	assert_says(told(bed, "container-exit", id_of(1), ""), "\"started_by\":{\"sequence\":102");
	causes_ended(bed->causes, text_of(id_of(1)), 102);
	line = told(bed, "container-start", id_of(1), ",\"name\":\"web\"");
	assert_says(line, "\"created_by\":{\"sequence\":101");
	assert_says(line,
		    "\"started_by\":{\"reason\":\"no request for it was recorded: the engine");
	/* Of another one nothing is known to end. */
	causes_ended(bed->causes, text_of(id_of(9)), 1);
}

static void test_nobody_is_known(void **state)
{
	struct bed *bed = *state;

	assert_says(told(bed, "container-start", "by-hand", ""), "by no engine's request");
	assert_silent(told(bed, "container-start", "by-hand", ""), "started_by");
	/* Of an engine, whatever is known of its files. */
	assert_says(told(bed, "container-start", id_of(1), ""),
		    "\"created_by\":{\"reason\":\"by no request that is known to have made it");
	assert_says(told(bed, "container-start", id_of(1), ",\"name\":\"web\""),
		    "\"created_by\":{\"reason\":\"by no request that is known to have made it");
	assert_says(told(bed, "container-present", id_of(1), ""),
		    "\"created_by\":{\"reason\":\"by no request that is known to have made it");
	assert_says(told(bed, "container-present", id_of(1), ",\"name\":\"web\""),
		    "\"created_by\":{\"reason\":\"made before recording began\"}");
	/* Not of whatever else happens in it. */
	assert_silent(told(bed, "container-exit", id_of(1), ",\"name\":\"web\""), "reason");
}

/* The engine acts by itself only where it was told to. */
static void test_restart_policy(void **state)
{
	static const char *const policies[] = { "no", "on-failure:3" };
	struct bed *bed = *state;

	for (unsigned int i = 0; i < 2; i++) {
		char request[600];

		snprintf(request, sizeof(request),
			 "{\"event\":{\"action\":\"api-request\",\"sequence\":7},\"http\":"
			 "{\"response\":{\"status_code\":201}},\"docktrail\":{\"api\":{"
			 "\"operation\":\"ContainerCreate\"},\"target\":{\"id\":\"%s\"},"
			 "\"declared\":{\"settings\":[\"Memory=5\",\"RestartPolicy=%s\"]}}}",
			 id_of(i), policies[i]);
		read_line(bed, request);
		assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	}
	assert_says(told(bed, "container-start", id_of(0), ""), "or one that is not read");
	assert_says(told(bed, "container-start", id_of(1), ""),
		    "\"started_by\":{\"reason\":\"the engine, by its restart policy\"}");
}

/* Where its end was lost, who started a container is not taken for who starts it again. */
static void test_an_end_that_was_lost(void **state)
{
	struct bed *bed = *state;

	ask(bed, "ContainerCreate", id_of(1), 1, 201);
	ask(bed, "ContainerStart", id_of(1), 2, 204);
	assert_says(told(bed, "container-start", id_of(1), ""), "\"started_by\":{\"sequence\":102");
	assert_says(told(bed, "capability-use", id_of(1), ""), "\"started_by\":{\"sequence\":102");
	assert_says(told(bed, "container-start", id_of(1), ""), "\"started_by\":{\"reason\":");
	ask(bed, "ContainerStart", id_of(1), 3, 204);
	assert_says(told(bed, "container-start", id_of(1), ""), "\"started_by\":{\"sequence\":103");
}

static void test_an_exec(void **state)
{
	struct bed *bed = *state;
	char request[700], event[500];
	const char *line;

	ask(bed, "ContainerCreate", id_of(1), 1, 201);
	snprintf(request, sizeof(request),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":900},\"user\":{\"id\":\"6\"},"
		 "\"http\":{\"response\":{\"status_code\":201}},\"docktrail\":{"
		 "\"exec\":{\"id\":\"%s\"},\"api\":{\"operation\":\"ContainerExec\"},"
		 "\"target\":{\"type\":\"container\",\"id\":\"%s\"}}}",
		 id_of(50), id_of(1));
	read_line(bed, request);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	/* The request itself was not entered by anybody. */
	causes_fill(bed->causes, bed->record);
	assert_false(record_has(bed->record, FIELD_entered_by_sequence));
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"container-exec\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 id_of(1), id_of(50));
	read_line(bed, event);
	causes_fill(bed->causes, bed->record);
	record_append_json(bed->record, &bed->json);
	line = buffer_string(&bed->json);
	assert_says(line, "\"created_by\":{\"sequence\":101,\"user\":{\"id\":\"1\"");
	assert_says(line, "\"entered_by\":{\"sequence\":900,\"user\":{\"id\":\"6\"},\"exec_id\"");
	/* What its processes ask of the engine, be it for another exec. */
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"api-request\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"exec\":{\"id\":\"%s\"},\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 id_of(1), id_of(51), id_of(50));
	read_line(bed, event);
	causes_fill(bed->causes, bed->record);
	assert_int_equal(record_number(bed->record, FIELD_entered_by_sequence), 900);
	/* In another container nobody came for it, whatever is said. */
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"container-exec\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 id_of(2), id_of(50));
	read_line(bed, event);
	causes_fill(bed->causes, bed->record);
	assert_false(record_has(bed->record, FIELD_entered_by_sequence));
}

/* A healthcheck is an exec that nobody asked for. */
static void test_an_exec_of_nobody(void **state)
{
	struct bed *bed = *state;
	char event[300];

	assert_says(
		told(bed, "container-exec", id_of(1), ""),
		"\"entered_by\":{\"reason\":\"no request for it is known: its ancestors show who did it\"}");
	snprintf(event, sizeof(event),
		 "{\"event\":{\"action\":\"container-exec\"},\"container\":{\"id\":\"%s\"},"
		 "\"docktrail\":{\"entered_by\":{\"exec_id\":\"%s\"}}}",
		 id_of(1), id_of(51));
	read_line(bed, event);
	causes_fill(bed->causes, bed->record);
	buffer_clear(&bed->json);
	record_append_json(bed->record, &bed->json);
	assert_says(buffer_string(&bed->json), "\"reason\":\"no request for it was recorded");
}

/* Where a proxy passed it on, whoever asked the proxy is who wanted it. */
static void test_behind_a_proxy(void **state)
{
	struct bed *bed = *state;
	char request[900];
	const char *line;

	snprintf(request, sizeof(request),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":901},"
		 "\"process\":{\"pid\":7,\"name\":\"socat\"},\"user\":{\"id\":\"0\",\"audit\":"
		 "{\"id\":\"1\"}},\"http\":{\"response\":{\"status_code\":201}},"
		 "\"docktrail\":{\"downstream\":{\"process\":{\"pid\":8,\"name\":\"curl\"},"
		 "\"user\":{\"id\":\"9\"}},\"api\":{\"operation\":\"ContainerCreate\"},"
		 "\"target\":{\"type\":\"container\",\"id\":\"%s\"}}}",
		 id_of(1));
	read_line(bed, request);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	line = told(bed, "container-exit", id_of(1), "");
	assert_says(line, "\"created_by\":{\"sequence\":901,\"user\":{\"id\":\"9\"},\"process\":"
			  "{\"pid\":8,\"name\":\"curl\"}}");
}

/* Out of the trail: who started it may have been somebody else since. */
static void test_remembered(void **state)
{
	struct bed *bed = *state;
	const char *line;

	ask(bed, "ContainerStart", id_of(9), 1, 204); /* a line to read again */
	record_append_json(bed->record, &bed->json);
	assert_int_equal(causes_remember(bed->causes, bed->record), 0);
	ask(bed, "ContainerCreate", id_of(8), 2, 201);
	causes_ended(bed->causes, text_of(id_of(9)), 101);
	assert_int_equal(record_parse_json(bed->record, bed->json.data, bed->json.length), 0);
	assert_int_equal(causes_remember(bed->causes, bed->record), 0);
	assert_silent(told(bed, "container-exit", id_of(9), ""), "started_by");
	line = told(bed, "container-exit", id_of(8), "");
	assert_says(line, "\"created_by\":{\"sequence\":102");
}

static void test_bounded(void **state)
{
	struct bed *bed = *state;

	for (unsigned int i = 0; i < CAUSES_CONTAINERS; i++)
		ask(bed, "ContainerCreate", id_of(i), i, 201);
	/* The first is heard of again, so that the second is who was silent longest. */
	ask(bed, "ContainerStart", id_of(0), 1, 204);
	ask(bed, "ContainerCreate", id_of(CAUSES_CONTAINERS), 1, 201);
	assert_says(told(bed, "container-exit", id_of(0), ""), "created_by");
	assert_silent(told(bed, "container-exit", id_of(1), ""), "created_by");
	assert_says(told(bed, "container-exit", id_of(2), ""), "created_by");
	assert_says(told(bed, "container-exit", id_of(CAUSES_CONTAINERS), ""), "created_by");
}

/* One that shares with one that shares with the host is in the host's. */
static void test_shares_in_turn(void **state)
{
	struct bed *bed = *state;
	const char *line;

	for (unsigned int i = 1; i <= 3; i++) {
		char mode[80] = "host", request[600];

		if (i > 1)
			snprintf(mode, sizeof(mode), "container:%s", id_of(i - 1));
		snprintf(request, sizeof(request),
			 "{\"event\":{\"action\":\"api-request\",\"sequence\":7},\"http\":"
			 "{\"response\":{\"status_code\":201}},\"docktrail\":{\"api\":{"
			 "\"operation\":\"ContainerCreate\"},\"target\":{\"id\":\"%s\"},"
			 "\"declared\":{\"image\":\"i\",\"namespaces\":{\"pid\":\"%s\"}}}}",
			 id_of(i), mode);
		read_line(bed, request);
		assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	}
	line = told(bed, "container-start", id_of(3),
		    "},\"docktrail\":{\"namespaces\":{\"pid\":\"host\"}");
	assert_silent(line, "difference");
	line = told(bed, "container-start", id_of(3),
		    "},\"docktrail\":{\"namespaces\":{\"pid\":\"private\"}");
	assert_says(line, "\"difference\":[{\"field\":\"namespaces.pid\",\"declared\":\"host\"");
}

/* A request that was written before its answer, and that answer. */
/* Of the user of its last digit. */
static void ask_slowly(struct bed *bed, const char *operation, unsigned int number,
		       const char *target)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":%u},"
		 "\"process\":{\"pid\":9},\"user\":{\"id\":\"%u\"},"
		 "\"docktrail\":{\"request\":{\"id\":\"c-%u\"},"
		 "\"api\":{\"operation\":\"%s\",\"state\":\"pending\"},\"target\":{%s}}}",
		 100 + ++bed->sequence, number % 10, number, operation, target);
	read_line(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
}

static void answer(struct bed *bed, unsigned int number, unsigned int status, const char *more)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"api-answer\",\"sequence\":%u},"
		 "\"http\":{\"response\":{\"status_code\":%u}},"
		 "\"docktrail\":{\"request\":{\"id\":\"c-%u\"}%s}}",
		 100 + ++bed->sequence, status, number, more);
	read_line(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
}

static const char *target_of(const char *id)
{
	static char text[200];

	snprintf(text, sizeof(text), ",\"target\":{\"type\":\"container\",\"id\":\"%s\"}", id);
	return text;
}

static void test_answers_that_come_late(void **state)
{
	struct bed *bed = *state;
	const char *one = id_of(1), *line;
	char start[100];

	ask_slowly(bed, "ContainerCreate", 1, "");
	ask_slowly(bed, "ContainerCreate", 2, "");
	answer(bed, 2, 409, "");
	answer(bed, 1, 201, target_of(one));
	line = told(bed, "container-start", one, "");
	assert_says(line, "\"created_by\":{\"sequence\":101,\"user\":{\"id\":\"1\"}");
	/* Of two that ask for a start, it was the one who was told so. */
	snprintf(start, sizeof(start), "\"id\":\"%s\"", one);
	ask_slowly(bed, "ContainerStart", 3, start);
	ask_slowly(bed, "ContainerStart", 4, start);
	answer(bed, 4, 204, "");
	answer(bed, 3, 304, "");
	line = told(bed, "container-start", one, "");
	assert_says(line, "\"started_by\":{\"sequence\":106,\"user\":{\"id\":\"4\"}");
	ask_slowly(bed, "ContainerExec", 5, start);
	answer(bed, 5, 201, ",\"exec\":{\"id\":\"00ff\"}");
	line = told(bed, "container-exec", one,
		    "},\"docktrail\":{\"entered_by\":{\"exec_id\":\"00ff\"}");
	assert_says(line, "\"entered_by\":{\"sequence\":109,\"user\":{\"id\":\"5\"}");
}

/* The answer to who asked for it was not read: who started it knew its id. */
static void test_who_starts_an_exec(void **state)
{
	struct bed *bed = *state;
	const char *line;

	ask_slowly(bed, "ExecStart", 3, "\"type\":\"exec\",\"id\":\"00ff\"");
	line = told(bed, "capability-use", id_of(1),
		    "},\"docktrail\":{\"entered_by\":{\"exec_id\":\"00ff\"}");
	assert_says(line, "\"entered_by\":{\"sequence\":101,\"reason\":\"who started it: ");
	/* Who asked for it goes before who started it. */
	ask_slowly(bed, "ContainerExec", 5, "\"id\":\"00aa\"");
	answer(bed, 5, 201, ",\"exec\":{\"id\":\"00ee\"}");
	ask_slowly(bed, "ExecStart", 3, "\"type\":\"exec\",\"id\":\"00ee\"");
	line = told(bed, "capability-use", "00aa",
		    "},\"docktrail\":{\"entered_by\":{\"exec_id\":\"00ee\"}");
	assert_says(line, "\"entered_by\":{\"sequence\":102,\"user\":{\"id\":\"5\"}");
}

/* Its id was told to nobody: the name is all that there is, and only what it is. */
static void test_an_answer_that_nobody_reads(void **state)
{
	struct bed *bed = *state;
	const char *one = id_of(1), *two = id_of(2), *line;

	ask_slowly(bed, "ContainerCreate", 1, "\"name\":\"web\"");
	ask_slowly(bed, "ContainerCreate", 2, "\"name\":\"db\"");
	line = told(bed, "container-start", one, ",\"name\":\"web\"");
	assert_says(line, "\"created_by\":{\"sequence\":101,\"reason\":\"by its name: ");
	line = told(bed, "container-exit", one, "");
	assert_says(line, "\"created_by\":{\"sequence\":101,\"reason\":\"by its name: ");
	line = told(bed, "container-start", two, ",\"name\":\"web\"");
	assert_says(line,
		    "\"created_by\":{\"reason\":\"by no request that is known to have made it");
}

/* One who asks twice is one; of two who ask for the same it is nobody. */
static void test_who_asks_for_a_name_again(void **state)
{
	struct bed *bed = *state;
	const char *line;

	ask_slowly(bed, "ContainerCreate", 1, "\"name\":\"web\"");
	ask_slowly(bed, "ContainerCreate", 11, "\"name\":\"web\"");
	line = told(bed, "container-start", id_of(1), ",\"name\":\"web\"");
	assert_says(line, "\"created_by\":{\"sequence\":101,\"reason\":\"by its name: ");
	ask_slowly(bed, "ContainerCreate", 2, "\"name\":\"web\"");
	line = told(bed, "container-start", id_of(2), ",\"name\":\"web\"");
	assert_says(line, "\"created_by\":{\"reason\":\"several asked");
}

/* The engine stops it for long before it starts it, and answers then. */
static void test_a_restart_that_takes_long(void **state)
{
	struct bed *bed = *state;
	const char *one = id_of(1);
	char target[100];

	ask(bed, "ContainerCreate", one, 1, 201);
	ask(bed, "ContainerStart", one, 2, 204);
	assert_says(told(bed, "container-start", one, ""), "\"started_by\":{\"sequence\":102");
	snprintf(target, sizeof(target), "\"id\":\"%s\"", one);
	ask_slowly(bed, "ContainerRestart", 3, target);
	assert_says(told(bed, "container-exit", one, ""), "\"started_by\":{\"sequence\":102");
	causes_ended(bed->causes, text_of(one), 102);
	assert_says(told(bed, "container-start", one, ""),
		    "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"3\"}");
	answer(bed, 3, 204, "");
	assert_says(told(bed, "capability-use", one, ""), "\"started_by\":{\"sequence\":103");
}

/* An engine that is slow to answer: what its answer is about was told, and may have ended. */
static void test_a_start_that_is_answered_late(void **state)
{
	struct bed *bed = *state;
	const char *one = id_of(1);
	char rest[100];

	ask(bed, "ContainerCreate", one, 1, 201);
	snprintf(rest, sizeof(rest), "\"id\":\"%s\"", one);
	ask_slowly(bed, "ContainerStart", 3, rest);
	assert_says(told(bed, "container-start", one, ""), "\"started_by\":{\"sequence\":102");
	answer(bed, 3, 204, "");
	assert_says(told(bed, "container-exit", one, ""), "\"started_by\":{\"sequence\":102");
	causes_ended(bed->causes, text_of(one), 102);
	assert_says(told(bed, "container-start", one, ""), "\"started_by\":{\"reason\":");
	/* Ended before its answer came. */
	ask_slowly(bed, "ContainerStart", 4, rest);
	assert_says(told(bed, "container-start", one, ""), "\"started_by\":{\"sequence\":104");
	causes_ended(bed->causes, text_of(one), 104);
	answer(bed, 4, 204, "");
	assert_says(told(bed, "container-start", one, ""), "\"started_by\":{\"reason\":");
}

/* One whose last byte is held back is told, and whoever asks in full goes before. */
static void test_a_request_that_is_never_finished(void **state)
{
	struct bed *bed = *state;
	const char *one = id_of(1);
	char rest[200], line[512];

	ask(bed, "ContainerCreate", one, 1, 201);
	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":%u},"
		 "\"user\":{\"id\":\"3\"},\"docktrail\":{\"request\":{\"id\":\"c-3\"},"
		 "\"api\":{\"operation\":\"ContainerRestart\",\"state\":\"pending\","
		 "\"reason\":\"its body has not ended\"},\"target\":{\"id\":\"%s\"}}}",
		 100 + ++bed->sequence, one);
	read_line(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
	snprintf(rest, sizeof(rest), "\"id\":\"%s\"", one);
	ask_slowly(bed, "ContainerStart", 4, rest);
	assert_says(told(bed, "container-start", one, ""),
		    "\"started_by\":{\"sequence\":103,\"user\":{\"id\":\"4\"}");
	/* Nor does a later one that is as little sure take its place. */
	ask_slowly(bed, "ContainerStart", 5, rest);
	assert_says(told(bed, "capability-use", one, ""), "\"started_by\":{\"sequence\":103");
}

#define BY_HAND                                                                                    \
	"\"},\"docktrail\":{\"created_by\":{\"reason\":\"made\"},"                                 \
	"\"started_by\":{\"reason\":\"by hand\"}"

/* What was read from the ancestors stands where no request is known, and only there. */
static void test_what_ancestors_say(void **state)
{
	struct bed *bed = *state;
	const char *one = id_of(1), *line;

	ask_slowly(bed, "ContainerCreate", 1, "\"name\":\"web\"");
	/* Somebody's own, that is called like what an engine was asked for. */
	line = told(bed, "container-start", one, ",\"name\":\"web" BY_HAND);
	assert_says(line, "\"created_by\":{\"reason\":\"made\"}");
	assert_says(line, "\"started_by\":{\"reason\":\"by hand\"}");
	ask(bed, "ContainerCreate", one, 2, 201);
	line = told(bed, "container-start", one, ",\"name\":\"x" BY_HAND);
	assert_says(line, "\"user\":{\"id\":\"2\"");
	assert_silent(line, "made");
	assert_says(line, "\"started_by\":{\"reason\":\"by hand\"}");
	ask(bed, "ContainerStart", one, 3, 204);
	line = told(bed, "container-start", one, ",\"name\":\"x" BY_HAND);
	assert_silent(line, "by hand");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_has_their_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_and_repeated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_end_ends_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart_policy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_end_that_was_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_exec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_exec_of_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_starts_an_exec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_behind_a_proxy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shares_in_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_answers_that_come_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_asks_for_a_name_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_restart_that_takes_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_start_that_is_answered_late, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_request_that_is_never_finished, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_ancestors_say, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_answer_that_nobody_reads, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("cause", tests, NULL, NULL);
}
