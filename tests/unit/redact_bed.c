// SPDX-License-Identifier: Apache-2.0
#include "redact_bed.h"

#include "base/cleanup.h"

/* Arguments apart by '|', that stand for themselves nowhere here. */
void redact_bed_split(const char *line, struct text_list *list)
{
	while (line) {
		const char *bar = strchrnul(line, '|');

		assert_int_equal(
			text_list_append(list, (struct text){ line, (size_t)(bar - line) }), 0);
		line = *bar ? bar + 1 : NULL;
	}
}

void redact_bed_join(const struct text_list *list, struct buffer *out)
{
	buffer_clear(out);
	for (size_t i = 0; i < list->count; i++) {
		struct text text = text_list_at(list, i);

		buffer_append_string(out, i ? "|" : "");
		buffer_append(out, text.data, text.length);
	}
}

void expect_with(const struct redact *redact, const char *line, bool cut, const char *expected)
{
	_cleanup_text_list_ struct text_list list = {}, masked = {}, again = {};
	_cleanup_buffer_ struct buffer out = {};

	redact_bed_split(line, &list);
	list.cut = cut;
	assert_int_equal(redact_arguments(redact, &list, &masked), 0);
	assert_int_equal(masked.cut, cut);
	redact_bed_join(&masked, &out);
	assert_string_equal(buffer_string(&out), expected);
	if (redact)
		return;
	/* What is masked stays as it is. */
	masked.cut = false;
	assert_int_equal(redact_arguments(redact, &masked, &again), 0);
	redact_bed_join(&again, &out);
	assert_string_equal(buffer_string(&out), expected);
}

void expect(const char *line, const char *expected)
{
	expect_with(NULL, line, false, expected);
}

void expect_kept(const char *line)
{
	expect(line, line);
}
