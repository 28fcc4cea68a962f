// SPDX-License-Identifier: Apache-2.0
#include "correlate/redact.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

#define MOST_NAME_BYTES 128 /* of a flag or variable that the operator may have named */

struct patterns {
	regex_t *items;
	size_t count;
};

struct redact {
	struct patterns masks, names;
	struct redact_clean clean[REDACT_CLEAN_PLACES];
};

struct redact_clean *redact_clean(struct redact *redact)
{
	return redact->clean;
}

/* A back reference, which has no bound on time; NULL if there is none. */
static const char *find_back_reference(const char *pattern)
{
	for (const char *p = pattern; *p; p++)
		if (*p == '\\' && isdigit((unsigned char)*++p))
			return p - 1;
		else if (!*p)
			break;
	return NULL;
}

/* regcomp() does not say where: it is behind the longest beginning that compiles. */
static size_t find_wrong(const char *pattern, size_t length)
{
	char beginning[REDACT_MOST_PATTERN_BYTES + 1];
	regex_t regex;

	memcpy(beginning, pattern, length + 1);
	while (length > 0) {
		beginning[--length] = '\0';
		if (regcomp(&regex, beginning, REG_EXTENDED) != 0)
			continue;
		regfree(&regex);
		break;
	}
	return length;
}

static int refuse(struct redact_problem *problem, const char *pattern, size_t offset,
		  const char *words)
{
	problem->pattern = pattern;
	problem->column = offset + 1;
	snprintf(problem->words, sizeof(problem->words), "%s", words);
	return -EINVAL;
}

/* A name matches as a whole, in capitals or not. */
static int compile(const char *pattern, bool name, regex_t *ret, struct redact_problem *problem)
{
	char whole[REDACT_MOST_PATTERN_BYTES + 8], words[80];
	size_t length = strlen(pattern);
	const char *reference;
	int r;

	if (length == 0)
		return refuse(problem, pattern, 0, "it is empty");
	if (length > REDACT_MOST_PATTERN_BYTES)
		return refuse(problem, pattern, REDACT_MOST_PATTERN_BYTES, "it is too long");
	reference = find_back_reference(pattern);
	if (reference)
		return refuse(problem, pattern, (size_t)(reference - pattern), "a back reference");
	r = regcomp(ret, pattern, REG_EXTENDED);
	if (r == 0 && name) {
		regfree(ret);
		snprintf(whole, sizeof(whole), "^(%s)$", pattern);
		r = regcomp(ret, whole, REG_EXTENDED | REG_ICASE | REG_NOSUB);
	}
	if (r == 0)
		return 0;
	if (r == REG_ESPACE)
		return -ENOMEM;
	regerror(r, NULL, words, sizeof(words));
	return refuse(problem, pattern, find_wrong(pattern, length), words);
}

static int compile_all(struct patterns *patterns, const char *const *texts, bool names,
		       struct redact_problem *problem)
{
	size_t count = 0;
	int r = 0;

	while (texts && texts[count])
		count++;
	if (count == 0)
		return 0;
	patterns->items = calloc(count, sizeof(*patterns->items));
	if (!patterns->items)
		return -ENOMEM;
	for (; r == 0 && patterns->count < count; patterns->count += r == 0)
		r = compile(texts[patterns->count], names, &patterns->items[patterns->count],
			    problem);
	return r;
}

static void free_all(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->count; i++)
		regfree(&patterns->items[i]);
	free(patterns->items);
}

int redact_new(const struct redact_rules *rules, struct redact **ret,
	       struct redact_problem *ret_problem)
{
	struct redact *redact = calloc(1, sizeof(*redact));
	int r;

	if (!redact)
		return -ENOMEM;
	r = compile_all(&redact->masks, rules->masks, false, ret_problem);
	if (r == 0)
		r = compile_all(&redact->names, rules->names, true, ret_problem);
	if (r < 0)
		redact_free(redact);
	else
		*ret = redact;
	return r;
}

void redact_free(struct redact *redact)
{
	if (!redact)
		return;
	free_all(&redact->masks);
	free_all(&redact->names);
	free(redact);
}

bool redact_is_operators_name(const struct redact *redact, struct text name)
{
	char text[MOST_NAME_BYTES + 1];

	if (!redact || redact->names.count == 0 || name.length == 0 ||
	    name.length > MOST_NAME_BYTES || memchr(name.data, '\0', name.length))
		return false;
	memcpy(text, name.data, name.length);
	text[name.length] = '\0';
	for (size_t i = 0; i < redact->names.count; i++)
		if (regexec(&redact->names.items[i], text, 0, NULL, 0) == 0)
			return true;
	return false;
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
	if (!redact || redact->masks.count == 0 || text.length == 0)
		return 0;
	marks = calloc(text.length, 1);
	if (!marks)
		return -ENOMEM;
	for (size_t i = 0; i < redact->masks.count; i++)
		any |= mark(&redact->masks.items[i], text, marks);
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

	if (!redact || redact->masks.count == 0)
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

int redact_command(const struct redact *redact, struct text image,
		   const struct text_list *arguments, struct text_list *ret)
{
	size_t first = ret->count;
	int r = redact_known_arguments(redact, image, arguments, ret);

	if (r == 0)
		r = apply_patterns(redact, ret, first);
	if (r < 0) {
		text_list_clear(ret);
		ret->cut = true;
	}
	return r;
}

int redact_arguments(const struct redact *redact, const struct text_list *arguments,
		     struct text_list *ret)
{
	return redact_command(redact, TEXT(""), arguments, ret);
}

void redact_text(const struct redact *redact, struct text text, bool cut, struct buffer *ret)
{
	_cleanup_buffer_ struct buffer known = {};
	_cleanup_free_ char *marks = NULL;
	int r;

	if (!redact || redact->masks.count == 0) {
		redact_known(redact, text, cut, ret);
		return;
	}
	redact_known(redact, text, cut, &known);
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
