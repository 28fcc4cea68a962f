// SPDX-License-Identifier: Apache-2.0
#include "causes_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/json.h"

int causes_set_up(void **state)
{
	struct causes_bed *bed = calloc(1, sizeof(*bed));

	assert_int_equal(causes_new(NULL, &bed->causes), 0);
	assert_int_equal(record_new(&bed->record), 0);
	*state = bed;
	return 0;
}

int causes_tear_down(void **state)
{
	struct causes_bed *bed = *state;

	causes_free(bed->causes);
	record_free(bed->record);
	buffer_free(&bed->json);
	free(bed);
	return 0;
}

void causes_read(struct causes_bed *bed, const char *line)
{
	assert_int_equal(record_parse_json(bed->record, line, strlen(line)), 0);
}

const char *causes_id(unsigned int number)
{
	static char ids[4][65];
	static unsigned int next;
	char *id = ids[next++ % 4];

	snprintf(id, sizeof(ids[0]), "%064x", number);
	return id;
}

void causes_ask(struct causes_bed *bed, const char *operation, const char *id, unsigned int user,
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
	causes_read(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
}

const char *causes_told(struct causes_bed *bed, const char *action, const char *id,
			const char *more)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"%s\"},\"container\":{\"id\":\"%s\"%s}}", action, id,
		 more);
	causes_read(bed, line);
	causes_fill(bed->causes, bed->record);
	buffer_clear(&bed->json);
	record_append_json(bed->record, &bed->json);
	assert_int_equal(bed->record->error, 0);
	return buffer_string(&bed->json);
}

void causes_assert_says(const char *line, const char *words)
{
	if (!strstr(line, words))
		fail_msg("%s is not in %s", words, line);
}

void causes_assert_silent(const char *line, const char *words)
{
	if (strstr(line, words))
		fail_msg("%s is in %s", words, line);
}

void causes_ask_slowly(struct causes_bed *bed, const char *operation, unsigned int number,
		       const char *target)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"api-request\",\"sequence\":%u},"
		 "\"process\":{\"pid\":9},\"user\":{\"id\":\"%u\"},"
		 "\"docktrail\":{\"request\":{\"id\":\"c-%u\"},"
		 "\"api\":{\"operation\":\"%s\",\"state\":\"pending\"},\"target\":{%s}}}",
		 100 + ++bed->sequence, number % 10, number, operation, target);
	causes_read(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
}

void causes_answer(struct causes_bed *bed, unsigned int number, unsigned int status,
		   const char *more)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"event\":{\"action\":\"api-answer\",\"sequence\":%u},"
		 "\"http\":{\"response\":{\"status_code\":%u}},"
		 "\"docktrail\":{\"request\":{\"id\":\"c-%u\"}%s}}",
		 100 + ++bed->sequence, status, number, more);
	causes_read(bed, line);
	assert_int_equal(causes_learn(bed->causes, bed->record), 0);
}
