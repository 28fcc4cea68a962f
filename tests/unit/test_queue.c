// SPDX-License-Identifier: Apache-2.0
/* Records of several rings in one order: capture/queue.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/cleanup.h"
#include "capture/queue.h"

#define BARE    sizeof(struct wire_process_exit) /* a message without a tail */
#define HOUR_NS (3600 * NS_PER_SECOND)

/* A record of `length` bytes in all, with a mark in its first byte behind the header. */
static int push(struct queue *queue, uint64_t time, char mark, uint32_t length)
{
	char *bytes = calloc(1, length);
	struct wire_header *header = (struct wire_header *)bytes;
	int r;

	assert_non_null(bytes);
	header->time = time;
	header->length = length;
	header->message = WIRE_process_exit;
	header->tail = BARE;
	bytes[BARE] = mark;
	r = queue_push(queue, bytes, length);
	free(bytes);
	return r;
}

static void push_small(struct queue *queue, uint64_t time, char mark)
{
	assert_int_equal(push(queue, time, mark, BARE + 1), 0);
}

struct story {
	struct buffer marks;
	int after, then; /* what the handler says after so many records; 0: goes on */
};

static int tell(void *context, const struct wire_header *record)
{
	struct story *story = context;

	assert_int_equal((uintptr_t)record % 8, 0);
	buffer_append_char(&story->marks, ((const char *)record)[BARE]);
	return story->after && story->marks.length == (size_t)story->after ? story->then : 0;
}

static void expect(struct queue *queues, size_t count, bool all, const char *marks)
{
	struct story story = {};

	assert_int_equal(queue_merge(queues, count, all, tell, &story), strlen(marks));
	assert_string_equal(buffer_string(&story.marks), marks);
	buffer_free(&story.marks);
}

static void begin(struct queue *queues, size_t count)
{
	for (size_t i = 0; i < count; i++)
		queue_fill_begin(&queues[i]);
}

static void clear(struct queue *queues, size_t count)
{
	for (size_t i = 0; i < count; i++)
		queue_clear(&queues[i]);
}

static void nothing_gives_nothing(void **state)
{
	struct queue queues[2] = {};

	expect(queues, 2, false, "");
	begin(queues, 2);
	expect(queues, 2, true, "");
	clear(queues, 2);
	expect(queues, 0, true, "");
}

static void rings_are_merged_by_time(void **state)
{
	struct queue queues[3] = {};

	begin(queues, 3);
	push_small(&queues[0], 10, 'a');
	push_small(&queues[0], 40, 'd');
	push_small(&queues[0], 70, 'g');
	push_small(&queues[1], 20, 'b');
	push_small(&queues[1], 50, 'e');
	push_small(&queues[2], 30, 'c');
	push_small(&queues[2], 60, 'f');
	expect(queues, 3, false, "abcdefg");
	expect(queues, 3, true, "");
	clear(queues, 3);
}

static void what_is_equal_keeps_the_order_of_the_rings(void **state)
{
	struct queue queues[2] = {};

	begin(queues, 2);
	push_small(&queues[1], 5, 'c');
	push_small(&queues[1], 5, 'd');
	push_small(&queues[0], 5, 'a');
	push_small(&queues[0], 5, 'b');
	expect(queues, 2, false, "abcd");
	clear(queues, 2);
}

static void lengths_of_every_kind_stay_aligned(void **state)
{
	struct queue queue = {};
	char marks[65] = {};

	begin(&queue, 1);
	for (uint32_t i = 0; i < 64; i++) {
		marks[i] = (char)('0' + i);
		assert_int_equal(push(&queue, i, marks[i], BARE + 1 + i), 0);
	}
	expect(&queue, 1, false, marks);
	clear(&queue, 1);
}

static void what_is_too_young_waits(void **state)
{
	struct queue queues[2] = {};
	uint64_t now = clock_boot_ns();

	begin(queues, 2);
	push_small(&queues[0], 1, 'a');
	push_small(&queues[0], now + HOUR_NS, 'c');
	push_small(&queues[1], now + HOUR_NS - 1, 'b');
	expect(queues, 2, false, "a");
	begin(queues, 2);
	expect(queues, 2, false, "");
	/* An older one that was on its way comes first. */
	push_small(&queues[1], now + HOUR_NS + 1, 'd');
	push_small(&queues[0], 2, '0');
	expect(queues, 2, true, "bc0d");
	clear(queues, 2);
}

/* A ring that was not read to its end may still hold what is younger than its last record only. */
static void a_ring_that_floods_holds_the_others_back(void **state)
{
	struct queue queues[2] = {};
	const uint32_t length = 1024 * 1024;
	int pushed = 0, r;

	begin(queues, 2);
	do {
		r = push(&queues[0], (uint64_t)++pushed * NS_PER_MS, 'f', length);
	} while (r == 0);
	assert_int_equal(r, QUEUE_FULL);
	assert_true(queues[0].full);
	assert_int_equal(pushed, QUEUE_FILL_MOST / length);
	push_small(&queues[1], 1, 'a');
	push_small(&queues[1], 100 * NS_PER_MS, 'z'); /* younger than the flood's last */
	/* The last two of the flood are within the slack of 2 ms. */
	expect(queues, 2, false, "affffff");

	/* Then the flood is over, and all is told. */
	begin(queues, 2);
	assert_false(queues[0].full);
	expect(queues, 2, false, "ffz");
	clear(queues, 2);
}

static void a_fill_is_counted_from_its_beginning(void **state)
{
	struct queue queue = {};
	const uint32_t length = 3 * 1024 * 1024;

	begin(&queue, 1);
	assert_int_equal(push(&queue, 1, 'a', length), 0);
	assert_int_equal(push(&queue, 2, 'b', length), 0);
	begin(&queue, 1);
	assert_int_equal(push(&queue, 3, 'c', length), 0);
	assert_int_equal(push(&queue, 4, 'd', length), 0);
	assert_int_equal(push(&queue, 5, 'e', length), QUEUE_FULL);
	expect(&queue, 1, true, "abcde");
	clear(&queue, 1);
}

static void memory_is_used_again(void **state)
{
	struct queue queue = {};

	for (int i = 0; i < 10000; i++) {
		/* One always waits, so that the queue is never empty. */
		begin(&queue, 1);
		assert_int_equal(push(&queue, UINT64_MAX - 1, 'w', 1000), 0);
		assert_int_equal(push(&queue, UINT64_MAX - 1, 'x', 1000), 0);
		if (i == 0)
			continue;
		struct story story = { .after = 2, .then = -ECANCELED };

		assert_int_equal(queue_merge(&queue, 1, true, tell, &story), -ECANCELED);
		assert_string_equal(buffer_string(&story.marks), "wx");
		buffer_free(&story.marks);
	}
	assert_true(queue.bytes.capacity < 64 * 1024);
	expect(&queue, 1, true, "wx");
	clear(&queue, 1);
}

static void a_handler_that_refuses_ends_it(void **state)
{
	struct queue queues[2] = {};
	struct story story = { .after = 2, .then = -EPIPE };

	begin(queues, 2);
	push_small(&queues[0], 1, 'a');
	push_small(&queues[1], 2, 'b');
	push_small(&queues[0], 3, 'c');
	assert_int_equal(queue_merge(queues, 2, false, tell, &story), -EPIPE);
	assert_string_equal(buffer_string(&story.marks), "ab");
	expect(queues, 2, false, "c");
	buffer_free(&story.marks);
	clear(queues, 2);
}

static void what_no_probe_writes_is_counted(void **state)
{
	const struct wire_process_exit good = {
		.header = { .time = 1, .length = BARE, .message = WIRE_process_exit, .tail = BARE }
	};
	static const struct {
		size_t size;
		uint32_t length;
		uint16_t message, tail;
	} bad[] = {
		{ BARE, BARE - 1, WIRE_process_exit, BARE },
		{ BARE, BARE + 1, WIRE_process_exit, BARE },
		{ BARE, UINT32_MAX, WIRE_process_exit, BARE },
		{ BARE, BARE, WIRE_MESSAGES, BARE },
		{ BARE, BARE, WIRE_process_exit, BARE + 1 },
		{ BARE, BARE, WIRE_process_exit, BARE - 1 }, /* a tail within the members */
		{ BARE, BARE, WIRE_process_exec, BARE },
		{ BARE, sizeof(struct wire_header), WIRE_process_exit, sizeof(struct wire_header) },
	};
	struct wire_process_exit message = good;
	struct queue queue = {};

	begin(&queue, 1);
	for (size_t size = 0; size < sizeof(good); size++)
		assert_int_equal(queue_push(&queue, &message, size), 0);
	assert_int_equal(queue.malformed, sizeof(good));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		message.header.length = bad[i].length;
		message.header.message = bad[i].message;
		message.header.tail = bad[i].tail;
		assert_int_equal(queue_push(&queue, &message, bad[i].size), 0);
	}
	assert_int_equal(queue.malformed, sizeof(good) + ARRAY_SIZE(bad));
	assert_int_equal(queue.bytes.length, 0);
	expect(&queue, 1, true, "");
	clear(&queue, 1);
}

/* A ring's sample may be longer than its record says (connects reserve room for the longest path).
 */
static void what_follows_a_record_is_left_out(void **state)
{
	struct {
		struct wire_process_exit message;
		char bytes[64];
	} sample = { .message.header = { .time = 1,
					 .length = BARE + 3,
					 .message = WIRE_process_exit,
					 .tail = BARE },
		     .bytes = "abcdefgh" };
	struct queue queue = {};

	begin(&queue, 1);
	assert_int_equal(queue_push(&queue, &sample, sizeof(sample)), 0);
	assert_int_equal(queue.bytes.length, BARE + 8);
	assert_memory_equal(queue.bytes.data + BARE, "abc\0\0\0\0\0", 8);
	push_small(&queue, 2, 'n');
	expect(&queue, 1, true, "an");
	clear(&queue, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_gives_nothing),
		cmocka_unit_test(rings_are_merged_by_time),
		cmocka_unit_test(what_is_equal_keeps_the_order_of_the_rings),
		cmocka_unit_test(lengths_of_every_kind_stay_aligned),
		cmocka_unit_test(what_is_too_young_waits),
		cmocka_unit_test(a_ring_that_floods_holds_the_others_back),
		cmocka_unit_test(a_fill_is_counted_from_its_beginning),
		cmocka_unit_test(memory_is_used_again),
		cmocka_unit_test(a_handler_that_refuses_ends_it),
		cmocka_unit_test(what_no_probe_writes_is_counted),
		cmocka_unit_test(what_follows_a_record_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
