// SPDX-License-Identifier: Apache-2.0
/*
 * What a shell's script feeds to a program that reads secrets: echo X | docker login, chpasswd
 * <<< X, a here-document. Of its grammar (POSIX.1-2017, XCU 2.3 and 2.9) only as much is read as
 * tells which command reads from which.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_command.h"

#define MOST_DOCUMENTS 8 /* that begin in one line */

/* How much of what it reads is secret; what comes later here is more. */
enum fed {
	FED_NOTHING,
	FED_AFTER, /* behind a word like AUTH */
	FED_NAMES, /* NAME:password */
	FED_ALL,
};

/* Programs, or words of theirs, that say that a secret is read; '*': any word that ends so. */
static const struct {
	enum fed fed;
	const char *words[24];
} readers[] = {
	{ FED_AFTER,
	  { "redis-cli", "redis-server", "valkey-cli", "keydb-cli", "nc", "ncat", "telnet",
	    "socat" } },
	{ FED_NAMES, { "chpasswd" } },
	{ FED_ALL,
	  { "*passwd", "login", "signin", "--password-stdin", "--with-token", "--passphrase-fd",
	    "su", "sshpass", "vault", "secret", "secrets", "secret-tool", "unlock", "kinit",
	    "cryptsetup", "add_user", "change_password", "stdin" } },
};

/* A command: simple, or a group of others, whose first one comes next. */
struct step {
	unsigned parent;                   /* the group, or the command whose argument it is */
	unsigned into;                     /* the one behind the bar, or 0 */
	unsigned char reads, inner, feeds; /* enum fed; inner: the commands of a group */
	bool words, shows, sudo;           /* words: behind then, do */
	bool used, substitution;
};

/* What may be secret, in the order of the text. */
struct piece {
	size_t start, end;
	unsigned step;
	bool document, shown;
};

enum next { NEXT_WORD, NEXT_TEXT, NEXT_DELIMITER, NEXT_FILE };

struct document {
	struct text delimiter;
	unsigned step;
};

struct script {
	struct text text;
	bool quotes;
	struct step *steps;
	struct piece *pieces;
	unsigned step, step_count, piece_count, backquoted;
	enum next next;
	struct document documents[MOST_DOCUMENTS];
	unsigned document_count;
};

static bool is_one_of(struct text word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (word.length == strlen(words[i]) &&
		    strncasecmp(word.data, words[i], word.length) == 0)
			return true;
	return false;
}

static bool is_in(char c, const char *set)
{
	return c && strchr(set, c);
}

/* The next run of what the name of a program is made of. False at the end. */
static bool next_token(struct text text, size_t *at, struct text *ret)
{
	static const char ends[] = " \t\r\n'\"`\\;&|()<>{}$=:,[]";
	size_t end;

	while (*at < text.length && is_in(text.data[*at], ends))
		++*at;
	for (end = *at; end < text.length && !is_in(text.data[end], ends);)
		end++;
	*ret = (struct text){ text.data + *at, end - *at };
	*at = end;
	return ret->length > 0;
}

static struct text program_of(struct text word)
{
	const char *slash = memrchr(word.data, '/', word.length);

	return slash ? (struct text){ slash + 1, word.length - (size_t)(slash + 1 - word.data) }
		     : word;
}

static enum fed what_is_read(struct text word)
{
	struct text program = program_of(word);

	/* What is done to /etc/passwd is no secret. */
	if (program.length == 0)
		return FED_NOTHING;
	if (program.length < word.length && !memmem(word.data, word.length, "bin/", 4))
		return FED_NOTHING;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		for (const char *const *reader = readers[i].words; *reader; reader++) {
			bool ends = **reader == '*';
			size_t length;

			/* Most differ here; this is asked of every word. */
			if (!ends && program.data[0] != **reader)
				continue;
			length = strlen(*reader + ends);
			if ((ends ? program.length >= length : program.length == length) &&
			    memcmp(program.data + program.length - length, *reader + ends,
				   length) == 0)
				return readers[i].fed;
		}
	return FED_NOTHING;
}

static bool has_reader(struct text text)
{
	struct text word;
	size_t at = 0;

	while (next_token(text, &at, &word))
		if (what_is_read(word) != FED_NOTHING || text_equal(program_of(word), TEXT("sudo")))
			return true;
	return false;
}

/* Every word of it: the command may be another's argument. */
static void look_for_reader(struct step *step, struct text text)
{
	struct text word;
	size_t at = 0;

	while (next_token(text, &at, &word)) {
		enum fed fed = what_is_read(word);

		step->sudo |= text_equal(program_of(word), TEXT("sudo"));
		if (step->sudo && word.data[0] == '-' && word.length > 1 && word.data[1] != '-' &&
		    memchr(word.data, 'S', word.length))
			fed = FED_ALL;
		if (fed > step->reads)
			step->reads = fed;
	}
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
static struct text inner_of(struct text word, bool quotes)
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

	if (is_one_of(word, opens, ARRAY_SIZE(opens)))
		open_group(script);
	else if (is_one_of(word, closes, ARRAY_SIZE(closes)))
		close_group(script);
	else if (!is_one_of(word, passes, ARRAY_SIZE(passes)))
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
				(struct document){ inner_of(*text.data == '\\' ? bare : text, true),
						   script->step };
	} else if (next == NEXT_FILE) {
		;
	} else if (step->shows) {
		if (!is_flag_of_echo(text))
			add_piece(script, script->step, start, end, false, true);
	} else {
		if (!step->words)
			take_first_word(script, text);
		look_for_reader(&script->steps[script->step], text);
		word = program_of(inner_of(text, script->quotes));
		script->steps[script->step].shows = is_one_of(word, shows, ARRAY_SIZE(shows));
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

static void read_script(struct script *script)
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

static unsigned char more(unsigned char a, unsigned char b)
{
	return a > b ? a : b;
}

/* Which commands feed one that reads secrets. Of a script that was cut the last ones may. */
static void find_feeds(struct script *script, bool cut)
{
	struct step *steps = script->steps;

	for (unsigned i = cut ? script->step : 0; i > 0; i = steps[i].parent) {
		steps[i].feeds = FED_ALL;
		if (steps[i].reads == FED_NOTHING)
			steps[i].reads = FED_ALL;
	}
	/* A group comes before its commands, and a command before the one it is piped into. */
	for (unsigned i = script->step_count; i-- > 1;) {
		struct step *step = &steps[i], *into = &steps[step->into];
		struct step *parent = &steps[step->parent];

		if (step->into)
			step->feeds = more(step->feeds,
					   more(into->feeds, more(into->reads, into->inner)));
		if (step->parent)
			parent->inner = more(parent->inner, more(step->reads, step->inner));
	}
	for (unsigned i = 1; i < script->step_count; i++) {
		const struct step *parent = &steps[steps[i].parent];

		if (!steps[i].parent)
			continue;
		steps[i].feeds = more(steps[i].feeds, more(parent->feeds, parent->reads));
		if (steps[i].substitution)
			steps[i].feeds = more(steps[i].feeds, parent->inner);
	}
}

/* A variable's name is no secret, and tells where one is. */
static bool is_variable(struct text text)
{
	bool braces = text.length > 3 && text.data[1] == '{' && text.data[text.length - 1] == '}';
	size_t first = braces ? 2 : 1, end = text.length - braces;

	if (text.length < 2 || text.data[0] != '$')
		return false;
	for (size_t i = first; i < end; i++)
		if (!is_in(text.data[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") &&
		    (i == first || !is_in(text.data[i], "0123456789")))
			return false;
	return true;
}

/* Behind AUTH and its like, as far as one of them stands here or before: the end of the line. */
static void mask_after(struct text line, bool *after, struct buffer *ret)
{
	static const char *const words[] = { "auth",    "auth2",       "pass",
					     "setuser", "requirepass", "masterauth" };
	struct text word;
	size_t at = 0;

	while (!*after && next_token(line, &at, &word))
		*after = is_one_of(word, words, ARRAY_SIZE(words));
	while (at > 0 && at < line.length && is_in(line.data[at], " \t"))
		at++;
	buffer_append(ret, line.data, at);
	redact_mask(ret, (struct text){ line.data + at, line.length - at });
}

static void mask_lines(enum fed fed, struct text text, bool *after, struct buffer *ret)
{
	while (text.length > 0) {
		const char *end = memchr(text.data, '\n', text.length);
		struct text line = { text.data, end ? (size_t)(end - text.data) : text.length };

		if (fed == FED_AFTER)
			mask_after(line, after, ret);
		else if (fed == FED_NAMES && line.length && memchr(line.data, ':', line.length))
			redact_user_password(line, ret);
		else
			redact_mask(ret, line);
		if (!end)
			return;
		*after = false;
		buffer_append_char(ret, '\n');
		text = (struct text){ end + 1, text.length - line.length - 1 };
	}
}

static void append_piece(const struct script *script, const struct piece *piece, bool *after,
			 struct buffer *ret)
{
	struct text whole = { script->text.data + piece->start, piece->end - piece->start };
	const struct step *step = &script->steps[piece->step];
	enum fed fed =
		piece->shown ? step->feeds : more(step->feeds, more(step->reads, step->inner));
	struct text inner = piece->document ? whole : inner_of(whole, script->quotes);

	while (piece->document && inner.length > 0 && inner.data[inner.length - 1] == '\n')
		inner.length--;
	buffer_append(ret, whole.data, (size_t)(inner.data - whole.data));
	if (fed == FED_NOTHING || (is_variable(inner) && *whole.data != '\''))
		buffer_append(ret, inner.data, inner.length);
	else if (fed == FED_ALL)
		redact_mask(ret, inner);
	else
		mask_lines(fed, inner, after, ret);
	inner.data += inner.length;
	buffer_append(ret, inner.data, (size_t)(whole.data + whole.length - inner.data));
}

static void append_masked(const struct script *script, struct buffer *ret)
{
	struct text text = script->text;
	unsigned step = 0;
	bool after = false;
	size_t at = 0;

	for (unsigned i = 0; i < script->piece_count; i++) {
		const struct piece *piece = &script->pieces[i];

		after &= piece->step == step && !piece->document;
		step = piece->step;
		buffer_append(ret, text.data + at, piece->start - at);
		append_piece(script, piece, &after, ret);
		at = piece->end;
	}
	buffer_append(ret, text.data + at, text.length - at);
}

int redact_fed(struct text text, bool quotes, bool cut, struct buffer *ret)
{
	_cleanup_free_ struct step *steps = NULL;
	_cleanup_free_ struct piece *pieces = NULL;
	struct script script = { .text = text, .quotes = quotes };

	if (text.length == 0 || !(cut || ((memchr(text.data, '|', text.length) ||
					   memmem(text.data, text.length, "<<", 2) ||
					   memmem(text.data, text.length, "<(", 2)) &&
					  has_reader(text))))
		return 0;
	steps = calloc(text.length + 2, sizeof(*steps));
	pieces = calloc(text.length / 2 + 2, sizeof(*pieces));
	if (!steps || !pieces)
		return -ENOMEM;
	script.steps = steps;
	script.pieces = pieces;
	read_script(&script);
	if (script.piece_count == 0)
		return 0;
	find_feeds(&script, cut);
	append_masked(&script, ret);
	return ret->error ?: 1;
}
