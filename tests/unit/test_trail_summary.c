// SPDX-License-Identifier: Apache-2.0
/* What a frame says of its events: exact where it says anything. */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "trail/summary.h"

static void add(struct trail_summary *summary, const char *kind, unsigned int type,
		const char *value)
{
	struct trail_term terms[] = { { TRAIL_TERM_KIND, kind, (uint32_t)strlen(kind) },
				      { (uint8_t)type, value, (uint32_t)strlen(value) },
				      { (uint8_t)type, value, (uint32_t)strlen(value) } };

	assert_int_equal(trail_summary_check(terms, 3), 0);
	trail_summary_add(summary, 100, terms, 3);
}

static uint64_t find(const struct buffer *bytes, unsigned int type, const char *value, int expect)
{
	struct trail_term term = { (uint8_t)type, value, (uint32_t)strlen(value) };
	uint64_t count = 0;

	assert_int_equal(trail_summary_find((uint8_t *)bytes->data, bytes->length, &term, &count),
			 expect);
	return count;
}

static void test_summary_is_exact(void **state)
{
	static const char id[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	struct trail_summary *summary = calloc(1, sizeof(*summary));
	_cleanup_buffer_ struct buffer bytes = {};
	uint64_t first, last;

	trail_summary_clear(summary, 42);
	for (int i = 0; i < 10; i++)
		add(summary, "api-request", TRAIL_TERM_CONTAINER, i < 3 ? id : "short");
	add(summary, "socket-close", TRAIL_TERM_USER, "1000");
	add(summary, "watch-hit", TRAIL_TERM_KEY, "docktrail-config");
	trail_summary_add(summary, 50, &(struct trail_term){ TRAIL_TERM_KIND, "oom-kill", 8 }, 1);
	assert_false(trail_summary_encode(summary, 1 << 20, &bytes));
	assert_int_equal(find(&bytes, TRAIL_TERM_KIND, "api-request", 0), 10);
	assert_int_equal(find(&bytes, TRAIL_TERM_KIND, "socket-close", 0), 1);
	assert_int_equal(find(&bytes, TRAIL_TERM_CONTAINER, id, 0), 3);
	assert_int_equal(find(&bytes, TRAIL_TERM_CONTAINER, "short", 0), 7);
	assert_int_equal(find(&bytes, TRAIL_TERM_USER, "1000", 0), 1);
	assert_int_equal(find(&bytes, TRAIL_TERM_USER, "short", 0), 0);
	assert_int_equal(find(&bytes, TRAIL_TERM_OPERATION, "x", 0), 0);
	assert_int_equal(find(&bytes, TRAIL_TERM_KEY, "docktrail-config", 0), 1);
	assert_int_equal(
		trail_summary_time_range((uint8_t *)bytes.data, bytes.length, &first, &last), 0);
	assert_int_equal(first, 50);
	assert_int_equal(last, 100);
	/* Every cut is seen, or ends between two elements. */
	for (size_t length = 0; length < bytes.length; length++) {
		struct trail_summary_element element;
		size_t at = 0;
		int r;

		while ((r = trail_summary_next((uint8_t *)bytes.data, length, &at, &element)) > 0)
			assert_true(element.value + element.length <=
				    (uint8_t *)bytes.data + length);
		assert_true(r == -EBADMSG || at == length);
	}
	free(summary);
}

static void test_summary_says_that_it_is_incomplete(void **state)
{
	struct trail_summary *summary = calloc(1, sizeof(*summary));
	_cleanup_buffer_ struct buffer bytes = {};
	char value[300];

	trail_summary_clear(summary, 1);
	for (int i = 0; i < 5000; i++) {
		snprintf(value, sizeof(value), "container-%d", i);
		add(summary, i % 2 ? "api-request" : "process-exec", TRAIL_TERM_CONTAINER, value);
		add(summary, "api-request", TRAIL_TERM_CONTAINER, "often");
	}
	assert_true(trail_summary_encode(summary, 1 << 20, &bytes));
	/* A list that would not fit is short: what it lacks has to be looked for anyway. */
	assert_true(bytes.length <= TRAIL_SUMMARY_MOST / 8);
	/* "often" came second, when there was room: what stands there is exact. */
	assert_int_equal(find(&bytes, TRAIL_TERM_CONTAINER, "often", 0), 5000);
	assert_int_equal(find(&bytes, TRAIL_TERM_CONTAINER, "container-4999", -ENODATA), 0);
	assert_int_equal(find(&bytes, TRAIL_TERM_KIND, "api-request", 0), 7500);
	assert_int_equal(find(&bytes, TRAIL_TERM_KIND, "process-exec", 0), 2500);
	/* An eighth of a small payload has room for kinds only, and they are complete. */
	buffer_clear(&bytes);
	assert_true(trail_summary_encode(summary, 400, &bytes));
	assert_int_equal(find(&bytes, TRAIL_TERM_CONTAINER, "often", -ENODATA), 0);
	assert_int_equal(find(&bytes, TRAIL_TERM_KIND, "api-request", 0), 7500);

	/* One that fits has all of them. */
	trail_summary_clear(summary, 1);
	buffer_clear(&bytes);
	for (int i = 0; i < 150; i++) {
		snprintf(value, sizeof(value), "container-%d", i);
		add(summary, "api-request", TRAIL_TERM_CONTAINER, value);
	}
	assert_false(trail_summary_encode(summary, 1 << 20, &bytes));
	assert_int_equal(find(&bytes, TRAIL_TERM_CONTAINER, "container-149", 0), 1);

	trail_summary_clear(summary, 1);
	buffer_clear(&bytes);
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	add(summary, "api-request", TRAIL_TERM_USER, value);
	assert_true(trail_summary_encode(summary, 1 << 20, &bytes));
	assert_int_equal(find(&bytes, TRAIL_TERM_USER, value, -ENODATA), 0);
	free(summary);
}

static void test_kinds_are_bounded(void **state)
{
	struct trail_summary *summary = calloc(1, sizeof(*summary));
	struct trail_term terms[2] = { { TRAIL_TERM_KIND, "new", 3 } };
	char kind[TRAIL_KIND_LENGTH_MOST + 1];

	trail_summary_clear(summary, 1);
	for (int i = 0; i < TRAIL_KINDS_MOST; i++) {
		assert_true(trail_summary_fits(summary, terms, 1));
		snprintf(kind, sizeof(kind), "%048d", i);
		add(summary, kind, TRAIL_TERM_USER, "u");
	}
	assert_false(trail_summary_fits(summary, terms, 1));
	terms[0] = (struct trail_term){ TRAIL_TERM_KIND, kind, TRAIL_KIND_LENGTH_MOST };
	assert_true(trail_summary_fits(summary, terms, 1));

	assert_int_equal(trail_summary_check(terms, 0), -EINVAL);
	terms[1] = terms[0];
	assert_int_equal(trail_summary_check(terms, 2), -EINVAL);
	terms[0].length = 0;
	assert_int_equal(trail_summary_check(terms, 1), -EINVAL);
	terms[0] = (struct trail_term){ TRAIL_TAG_BLOOM, "x", 1 };
	assert_int_equal(trail_summary_check(terms, 2), -EINVAL);
	free(summary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary_is_exact),
		cmocka_unit_test(test_summary_says_that_it_is_incomplete),
		cmocka_unit_test(test_kinds_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
