// SPDX-License-Identifier: Apache-2.0
#include "correlate/redact.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/operations.h"
#include "correlate/redact_private.h"

struct redact {
	regex_t *patterns;
	size_t count;
};

static bool is_usable(const char *pattern)
{
	if (strlen(pattern) > REDACT_MOST_PATTERN_BYTES)
		return false;
	for (const char *p = pattern; *p; p++)
		if (*p == '\\' && isdigit((unsigned char)*++p))
			return false;
		else if (!*p)
			break;
	return true;
}

int redact_new(const char *const *patterns, struct redact **ret, const char **ret_wrong)
{
	struct redact *redact = calloc(1, sizeof(*redact));
	size_t count = 0;

	if (!redact)
		return -ENOMEM;
	while (patterns && patterns[count])
		count++;
	redact->patterns = calloc(count ? count : 1, sizeof(*redact->patterns));
	if (!redact->patterns) {
		free(redact);
		return -ENOMEM;
	}
	for (; redact->count < count; redact->count++) {
		const char *pattern = patterns[redact->count];
		int r = is_usable(pattern)
				? regcomp(&redact->patterns[redact->count], pattern, REG_EXTENDED)
				: REG_BADPAT;

		if (r == 0)
			continue;
		redact_free(redact);
		if (r == REG_ESPACE)
			return -ENOMEM;
		*ret_wrong = pattern;
		return -EINVAL;
	}
	*ret = redact;
	return 0;
}

void redact_free(struct redact *redact)
{
	if (!redact)
		return;
	for (size_t i = 0; i < redact->count; i++)
		regfree(&redact->patterns[i]);
	free(redact->patterns);
	free(redact);
}

/* Set a byte of `marks` for each byte of the text that the pattern covers. Returns whether any. */
static bool mark(const regex_t *pattern, struct text text, char *marks)
{
	regmatch_t found[2];
	size_t at = 0;
	bool any = false;

	while (at <= text.length) {
		regmatch_t *hit = &found[0];
		size_t start, end;

		/* Without the beginning, '^' is where the text begins only. */
		found[0] = (regmatch_t){ (regoff_t)at, (regoff_t)text.length };
		if (regexec(pattern, text.data, 2, found, REG_STARTEND | (at ? REG_NOTBOL : 0)) !=
		    0)
			break;
		if (pattern->re_nsub > 0 && found[1].rm_so >= 0)
			hit = &found[1];
		start = (size_t)hit->rm_so;
		end = (size_t)hit->rm_eo;
		memset(marks + start, 1, end - start);
		any |= end > start;
		at = (size_t)found[0].rm_eo + (found[0].rm_eo == found[0].rm_so);
	}
	return any;
}

/* The text of [start, end), what is marked in it masked. */
static void append_unmarked(struct text text, const char *marks, struct buffer *ret)
{
	for (size_t i = 0, run; i < text.length; i += run) {
		for (run = 1; i + run < text.length && marks[i + run] == marks[i]; run++)
			;
		if (marks[i])
			redact_mask(ret, (struct text){ text.data + i, run });
		else
			buffer_append(ret, text.data + i, run);
	}
}

/*
 * What the operator's patterns find, or NULL if that is nothing. A zero byte has to stand behind
 * the text: not every regexec() stops at the end that it is told.
 */
static int find_marks(const struct redact *redact, struct text text, char **ret_marks)
{
	_cleanup_free_ char *marks = NULL;
	bool any = false;

	*ret_marks = NULL;
	if (!redact || redact->count == 0 || text.length == 0)
		return 0;
	marks = calloc(text.length, 1);
	if (!marks)
		return -ENOMEM;
	for (size_t i = 0; i < redact->count; i++)
		any |= mark(&redact->patterns[i], text, marks);
	if (any)
		*ret_marks = TAKE_PTR(marks);
	return 0;
}

static int apply_patterns(const struct redact *redact, struct text_list *list, size_t first)
{
	_cleanup_text_list_ struct text_list masked = {};
	_cleanup_buffer_ struct buffer line = {}, text = {};
	_cleanup_free_ char *marks = NULL;
	size_t at = 0;
	int r;

	if (!redact || redact->count == 0)
		return 0;
	for (size_t i = first; i < list->count; i++) {
		struct text argument = text_list_at(list, i);

		buffer_append(&line, argument.data, argument.length);
		buffer_append_char(&line, ' ');
	}
	if (!buffer_string(&line))
		return line.error;
	r = find_marks(redact, (struct text){ line.data, line.length ? line.length - 1 : 0 },
		       &marks);
	if (r < 0 || !marks)
		return r;
	for (size_t i = 0; i < list->count; i++) {
		struct text argument = text_list_at(list, i);

		buffer_clear(&text);
		if (i < first) {
			buffer_append(&text, argument.data, argument.length);
		} else {
			append_unmarked(argument, marks + at, &text);
			at += argument.length + 1;
		}
		r = text.error;
		if (r == 0)
			r = text_list_append(&masked, (struct text){ text.data, text.length });
		if (r < 0)
			return r;
	}
	masked.cut |= list->cut;
	text_list_free(list);
	*list = masked;
	masked = (struct text_list){};
	return 0;
}

int redact_arguments(const struct redact *redact, const struct text_list *arguments,
		     struct text_list *ret)
{
	size_t first = ret->count;
	int r = redact_known_arguments(arguments, ret);

	if (r == 0)
		r = apply_patterns(redact, ret, first);
	if (r < 0) {
		text_list_clear(ret);
		ret->cut = true;
	}
	return r;
}

void redact_text(const struct redact *redact, struct text text, bool cut, struct buffer *ret)
{
	_cleanup_buffer_ struct buffer known = {};
	_cleanup_free_ char *marks = NULL;
	int r;

	redact_known(text, cut, &known);
	r = buffer_string(&known) ? 0 : known.error;
	if (r == 0)
		r = find_marks(redact, (struct text){ known.data, known.length }, &marks);
	if (r < 0)
		ret->error = r;
	else if (marks)
		append_unmarked((struct text){ known.data, known.length }, marks, ret);
	else
		buffer_append(ret, known.data, known.length);
}
