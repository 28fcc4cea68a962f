// SPDX-License-Identifier: Apache-2.0
/*
 * What a shell's script feeds to a program that reads secrets: echo X | docker login, chpasswd
 * <<< X, a here-document.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/redact_fed.h"

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
	    "cryptsetup", "add_user", "change_password", "stdin", "config" } },
};

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

static enum fed what_is_read(struct text word)
{
	struct text program = redact_without_folder(word);

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
		if (what_is_read(word) != FED_NOTHING ||
		    text_equal(redact_without_folder(word), TEXT("sudo")))
			return true;
	return false;
}

/* Every word of it: the command may be another's argument. */
void redact_look_for_reader(struct step *step, struct text text)
{
	struct text word;
	size_t at = 0;

	while (next_token(text, &at, &word)) {
		enum fed fed = what_is_read(word);

		step->sudo |= text_equal(redact_without_folder(word), TEXT("sudo"));
		if (step->sudo && word.data[0] == '-' && word.length > 1 && word.data[1] != '-' &&
		    memchr(word.data, 'S', word.length))
			fed = FED_ALL;
		if (fed > step->reads)
			step->reads = fed;
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
		*after = redact_is_one_of(word, words, ARRAY_SIZE(words));
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
	struct text inner = piece->document ? whole : redact_inner_of(whole, script->quotes);

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
	redact_read_script(&script);
	if (script.piece_count == 0)
		return 0;
	find_feeds(&script, cut);
	append_masked(&script, ret);
	return ret->error ?: 1;
}
