// SPDX-License-Identifier: Apache-2.0
/*
 * A shell's script, and of its grammar (POSIX.1-2017, XCU 2.3 and 2.9) only as much as tells which
 * command reads from which.
 */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_fed.h"

bool redact_is_one_of(struct text word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (word.length == strlen(words[i]) &&
		    strncasecmp(word.data, words[i], word.length) == 0)
			return true;
	return false;
}

struct text redact_without_folder(struct text word)
{
	const char *slash = memrchr(word.data, '/', word.length);

	return slash ? (struct text){ slash + 1, word.length - (size_t)(slash + 1 - word.data) }
		     : word;
}

static void begin_step(struct script *script, unsigned parent)
{
	script->step = script->step_count++;
	script->steps[script->step] = (struct step){ .parent = parent };
}

static void open_group(struct script *script)
{
	script->steps[script->step].used = true;
	begin_step(script, script->step);
}

static void close_group(struct script *script)
{
	/* The first is the whole, and its first command. */
	if (script->steps[script->step].parent > 0)
		script->step = script->steps[script->step].parent;
}

static void next_step(struct script *script, bool piped)
{
	unsigned before = script->step;

	begin_step(script, script->steps[before].parent);
	if (piped)
		script->steps[before].into = script->step;
}

static void add_piece(struct script *script, unsigned step, size_t start, size_t end, bool document,
		      bool shown)
{
	if (end > start)
		script->pieces[script->piece_count++] =
			(struct piece){ start, end, step, document, shown };
}

static bool is_quote(char c)
{
	return c == '\'' || c == '"';
}

/* Of a word as it stands in the script: what is within its quotes. */
struct text redact_inner_of(struct text word, bool quotes)
{
	if (quotes) {
		if (word.length > 1 && is_quote(word.data[0]) &&
		    word.data[word.length - 1] == word.data[0])
			return (struct text){ word.data + 1, word.length - 2 };
		return word;
	}
	while (word.length > 0 && is_quote(word.data[0]))
		word = (struct text){ word.data + 1, word.length - 1 };
	while (word.length > 0 && is_quote(word.data[word.length - 1]))
		word.length--;
	return word;
}

/* $(...): read as a group. */
static bool is_substitution(struct text text, size_t at)
{
	return text.length - at > 1 && text.data[at] == '$' && text.data[at + 1] == '(';
}

static size_t word_end(struct text text, bool quotes, size_t start)
{
	char quote = 0;
	bool dollar = false, escapes = false;
	size_t i = start;

	for (; i < text.length; i++) {
		char c = text.data[i];
		size_t mask = c == '[' ? redact_mask_length(
						 (struct text){ text.data + i, text.length - i })
				       : 0;

		if (mask)
			i += mask - 1;
		else if (c == '\\' && quotes && (quote != '\'' || escapes) && i + 1 < text.length)
			i++;
		else if (quote)
			quote = c == quote ? 0 : quote;
		else if (quotes && is_quote(c))
			quote = c, escapes = dollar;
		else if (is_in(c, " \t\r\n;&|()<>`") || is_substitution(text, i))
			break;
		dollar = c == '$';
	}
	return i;
}

/* The bodies of here-documents, behind the line that names them. Returns where they end. */
static size_t take_documents(struct script *script, size_t at)
{
	struct text text = script->text;

	for (unsigned i = 0; i < script->document_count; i++) {
		const struct document *document = &script->documents[i];
		size_t start = at, line = at;

		for (; line < text.length; line = at) {
			const char *end = memchr(text.data + line, '\n', text.length - line);
			size_t begin = line, stop = end ? (size_t)(end - text.data) : text.length;

			at = end ? stop + 1 : stop;
			while (begin < stop && text.data[begin] == '\t')
				begin++;
			if (text_equal((struct text){ text.data + begin, stop - begin },
				       document->delimiter))
				break;
		}
		add_piece(script, document->step, start, line, true, false);
	}
	script->document_count = 0;
	return at;
}

static void take_first_word(struct script *script, struct text word)
{
	static const char *const opens[] = { "{", "while", "until", "for", "if", "case" };
	static const char *const closes[] = { "}", "done", "fi", "esac" };
	static const char *const passes[] = { "do", "then", "else", "!", "time" };

	if (redact_is_one_of(word, opens, ARRAY_SIZE(opens)))
		open_group(script);
	else if (redact_is_one_of(word, closes, ARRAY_SIZE(closes)))
		close_group(script);
	else if (!redact_is_one_of(word, passes, ARRAY_SIZE(passes)))
		script->steps[script->step].words = true;
}

/* echo -n, and no more than that: a secret may begin with a dash. */
static bool is_flag_of_echo(struct text word)
{
	for (size_t i = 0; i < word.length; i++)
		if (!is_in(word.data[i], i ? "neErs-" : "-"))
			return false;
	return true;
}

static void take_word(struct script *script, size_t start, size_t end)
{
	static const char *const shows[] = { "echo", "printf", "print", "yes" };
	struct text text = { script->text.data + start, end - start }, word;
	struct step *step = &script->steps[script->step];
	enum next next = script->next;

	step->used = true;
	script->next = NEXT_WORD;
	if (next == NEXT_TEXT) {
		add_piece(script, script->step, start, end, false, false);
	} else if (next == NEXT_DELIMITER) {
		struct text bare = { text.data + 1, text.length - 1 };

		if (script->document_count < MOST_DOCUMENTS)
			script->documents[script->document_count++] =
				(struct document){ redact_inner_of(*text.data == '\\' ? bare : text,
								   true),
						   script->step };
	} else if (next == NEXT_FILE) {
		;
	} else if (step->shows) {
		if (!is_flag_of_echo(text))
			add_piece(script, script->step, start, end, false, true);
	} else {
		if (!step->words)
			take_first_word(script, text);
		redact_look_for_reader(&script->steps[script->step], text);
		word = redact_without_folder(redact_inner_of(text, script->quotes));
		script->steps[script->step].shows =
			redact_is_one_of(word, shows, ARRAY_SIZE(shows));
	}
}

/* Returns how long the operator is. */
static size_t take_operator(struct script *script, size_t at)
{
	size_t run = 1, left = script->text.length - at;
	const char *p = script->text.data + at;

	while (run < 3 && run < left && p[run] == *p)
		run++;
	script->next = NEXT_WORD;
	switch (*p) {
	case '(':
		open_group(script);
		script->steps[script->step].substitution = at > 0 && (p[-1] == '$' || p[-1] == '<');
		return 1;
	case ')':
		close_group(script);
		return 1;
	case '`':
		if (script->backquoted) {
			script->step = script->backquoted - 1;
			script->backquoted = 0;
		} else {
			script->backquoted = script->step + 1;
			open_group(script);
		}
		return 1;
	case '<':
		script->next = run == 3 ? NEXT_TEXT : run == 2 ? NEXT_DELIMITER : NEXT_FILE;
		return run + (run == 2 && left > 2 && p[2] == '-');
	case '>':
		while (run < left && is_in(p[run], "&|"))
			run++;
		script->next = NEXT_FILE;
		return run;
	case '|':
		next_step(script, run == 1);
		return run == 1 && left > 1 && p[1] == '&' ? 2 : run;
	case '\n': /* behind a bar it ends nothing */
		if (script->steps[script->step].used)
			next_step(script, false);
		return 1;
	default: /* ; and & */
		next_step(script, false);
		return run;
	}
}

void redact_read_script(struct script *script)
{
	struct text text = script->text;
	size_t i = 0;

	begin_step(script, 0);
	begin_step(script, 0);
	while (i < text.length) {
		char c = text.data[i];

		if (is_in(c, " \t\r") || is_substitution(text, i)) {
			i++;
		} else if (c == '#' && script->quotes) {
			while (i < text.length && text.data[i] != '\n')
				i++;
		} else if (is_in(c, ";&|()<>`\n")) {
			i += take_operator(script, i);
			if (c == '\n')
				i = take_documents(script, i);
		} else {
			bool quotes = script->quotes || script->next == NEXT_DELIMITER;
			size_t end = word_end(text, quotes, i);

			/* A line that goes on. */
			if (text.length - i < 2 || c != '\\' || text.data[i + 1] != '\n' ||
			    end > i + 2)
				take_word(script, i, end);
			i = end;
		}
	}
}
