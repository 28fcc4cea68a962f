// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

/* How long a setting is, with the lines that it goes on over: those behind a backslash. */
static size_t setting_length(struct text unit)
{
	size_t at = 0;

	while (at < unit.length) {
		const char *newline = memchr(unit.data + at, '\n', unit.length - at);
		size_t end = newline ? (size_t)(newline - unit.data) : unit.length;

		at = end + (newline != NULL);
		if (!newline || end == 0 || unit.data[end - 1] != '\\')
			break;
	}
	return at;
}

/* Where the value of such a setting begins; 0: it is none. */
static size_t value_of(struct text setting)
{
	static const struct text begins[] = { TEXT("Exec"), TEXT("Environment") };
	const char *equals = setting.length ? memchr(setting.data, '=', setting.length) : NULL;
	size_t at = 0;

	while (at < setting.length && redact_is_space(setting.data[at]))
		at++;
	for (size_t i = 0; equals && i < ARRAY_SIZE(begins); i++)
		if (redact_begins(redact_skip(setting, at), begins[i]))
			return (size_t)(equals - setting.data) + 1;
	return 0;
}

/* As a shell would read it: quotes and words are the same, near enough. */
static int mask_words(const struct redact *redact, struct text words, struct buffer *ret)
{
	static const struct text before = TEXT("env ");
	_cleanup_text_list_ struct text_list shell = {}, masked = {};
	_cleanup_buffer_ struct buffer line = {};
	struct text told;
	int r = text_list_append(&shell, TEXT("sh"));

	buffer_append(&line, before.data, before.length);
	buffer_append(&line, words.data, words.length);
	r = r ?: text_list_append(&shell, TEXT("-c"));
	r = r ?: line.error;
	r = r ?: text_list_append(&shell, (struct text){ line.data, line.length });
	r = r ?: redact_arguments(redact, &shell, &masked);
	if (r < 0 || masked.count < 3)
		return -ENOMEM;
	told = text_list_at(&masked, 2);
	if (told.length >= before.length && memcmp(told.data, before.data, before.length) == 0)
		told = redact_skip(told, before.length);
	buffer_append(ret, told.data, told.length);
	return ret->error;
}

void redact_unit(const struct redact *redact, struct text unit, struct buffer *ret)
{
	while (unit.length > 0) {
		struct text setting = { unit.data, setting_length(unit) };
		size_t value = value_of(setting), end = setting.length;

		while (end > value && setting.data[end - 1] == '\n')
			end--;
		if (value == 0 || value == end) {
			redact_text(redact, setting, false, ret);
		} else {
			buffer_append(ret, setting.data, value);
			if (mask_words(redact, (struct text){ setting.data + value, end - value },
				       ret) < 0)
				ret->error = -ENOMEM;
			buffer_append(ret, setting.data + end, setting.length - end);
		}
		unit = redact_skip(unit, setting.length);
	}
}
