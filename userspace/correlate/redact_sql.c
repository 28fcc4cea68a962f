// SPDX-License-Identifier: Apache-2.0
/*
 * Passwords in SQL: IDENTIFIED [WITH plugin] BY '...', PASSWORD '...', SET PASSWORD FOR u = '...'
 * (MySQL, MariaDB, PostgreSQL, ClickHouse, Oracle, SQL Server), in the quotes of a shell or not.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

#define SPACES               " \t\r\n"
#define MOST_USER_BYTES      256 /* of whom a password is for */
#define MOST_WORDS           8   /* between IDENTIFIED and its value */
#define MOST_DELIMITER_BYTES 8   /* of quotes around a value: '"'"' */

static bool is_word(struct text word, const char *name)
{
	return word.length == strlen(name) && strncasecmp(word.data, name, word.length) == 0;
}

static struct text name_at(struct text text)
{
	size_t length = 0;

	while (length < text.length && redact_is_name(text.data[length]))
		length++;
	return (struct text){ text.data, length };
}

static size_t run_of(struct text text, const char *characters, size_t most)
{
	size_t i = 0;

	while (i < text.length && i < most && text.data[i] && strchr(characters, text.data[i]))
		i++;
	return i;
}

static bool is_sql(struct redact_sql *sql)
{
	static const char *const words[] = { "create", "alter", "grant", "set" };

	if (!sql->looked)
		for (struct text rest = sql->text; rest.length > 2; rest = redact_skip(rest, 1))
			for (size_t i = 0;
			     memchr("cagsCAGS", *rest.data, 8) && i < ARRAY_SIZE(words); i++)
				sql->found |=
					rest.length >= strlen(words[i]) &&
					strncasecmp(rest.data, words[i], strlen(words[i])) == 0;
	sql->looked = true;
	return sql->found;
}

/* What opens a value: ', ", \", '\'', '"'"', $$, $tag$, each also behind E, N, U& and the like. */
static size_t delimiter(struct text text, struct text *ret)
{
	size_t prefix = 0, length;

	if (text.length > 1 && strchr("eEnNxXbBqQuU", *text.data) && *text.data)
		prefix = text.data[1] == '&' ? 2 : 1;
	length = run_of(redact_skip(text, prefix), "'\"\\", MOST_DELIMITER_BYTES);
	if (memchr(text.data + prefix, '\'', length) || memchr(text.data + prefix, '"', length)) {
		*ret = (struct text){ text.data + prefix, length };
		return prefix + length;
	}
	if (text.length < 2 || *text.data != '$')
		return 0;
	for (length = 1; length < text.length && redact_is_name(text.data[length]);)
		length++;
	if (length == text.length || text.data[length] != '$')
		return 0;
	*ret = (struct text){ text.data, length + 1 };
	return length + 1;
}

/* Up to the quote that closes: neither doubled nor behind a backslash, nor a shell's. */
static size_t run_quoted(struct text text, char quote)
{
	size_t i = 0;

	while (i < text.length) {
		bool next = i + 1 < text.length;

		/* An apostrophe within a shell's. */
		if (quote == '"' && text.length - i > 5 &&
		    memcmp(text.data + i, "'\"'\"'", 5) == 0) {
			i += 5;
			continue;
		}
		if (text.data[i] == quote && !(next && text.data[i + 1] == quote))
			break;
		i += next && (text.data[i] == quote || text.data[i] == '\\') ? 2 : 1;
	}
	return i;
}

/* Up to the delimiter, or the same the other way round: "'...'". Without one all of it. */
static size_t run_delimited(struct text text, struct text end)
{
	for (size_t i = 0; i + end.length <= text.length; i++) {
		bool same = true, mirrored = true;

		for (size_t j = 0; j < end.length && (same || mirrored); j++) {
			same &= text.data[i + j] == end.data[j];
			mirrored &= text.data[i + j] == end.data[end.length - 1 - j];
		}
		if (same || mirrored)
			return i;
	}
	return text.length;
}

/* A value in quotes at `at`. Returns how much of the text it took, 0 for nothing. */
static size_t take_quoted(struct text text, size_t at, struct buffer *ret)
{
	struct text quotes, rest = redact_skip(text, at);
	size_t opens = delimiter(rest, &quotes), value;

	if (opens == 0)
		return 0;
	if (quotes.length > 1 && *quotes.data != '$' &&
	    run_of(quotes, (char[]){ *quotes.data, 0 }, quotes.length) == quotes.length) {
		opens -= quotes.length - 1;
		quotes.length = 1;
	}
	rest = redact_skip(rest, opens);
	value = quotes.length == 1 ? run_quoted(rest, *quotes.data) : run_delimited(rest, quotes);
	buffer_append(ret, text.data, at + opens);
	redact_mask(ret, (struct text){ rest.data, value });
	return at + opens + value;
}

/* IDENTIFIED BY secret, without quotes. */
static size_t take_bare(struct text text, size_t at, struct buffer *ret)
{
	size_t mask = redact_mask_length(redact_skip(text, at)), value = mask;

	while (!mask && at + value < text.length &&
	       !isspace((unsigned char)text.data[at + value]) &&
	       !(text.data[at + value] && strchr(";,()'\"`", text.data[at + value])))
		value++;
	if (value == 0)
		return 0;
	buffer_append(ret, text.data, at);
	redact_mask(ret, (struct text){ text.data + at, value });
	return at + value;
}

/* What a word behind IDENTIFIED says of the one that comes. */
static const struct {
	const char *word;
	enum comes { COMES_WORD, COMES_PLUGIN, COMES_VALUE } comes;
} clauses[] = {
	{ "with", COMES_PLUGIN },  { "via", COMES_PLUGIN },  { "by", COMES_VALUE },
	{ "as", COMES_VALUE },     { "using", COMES_VALUE }, { "password", COMES_VALUE },
	{ "values", COMES_VALUE }, { "or", COMES_PLUGIN },
};

static size_t take_identified(struct text text, size_t at, struct buffer *ret)
{
	enum comes comes = COMES_WORD;

	for (unsigned words = 0; words < MOST_WORDS; words++) {
		size_t clause = 0, taken;
		struct text word;

		at += run_of(redact_skip(text, at),
			     comes == COMES_VALUE ? SPACES "(" : SPACES "'\"`\\", text.length);
		taken = comes == COMES_VALUE ? take_quoted(text, at, ret) : 0;
		if (taken)
			return taken;
		word = name_at(redact_skip(text, at));
		while (clause < ARRAY_SIZE(clauses) && !is_word(word, clauses[clause].word))
			clause++;
		if (comes == COMES_PLUGIN)
			comes = COMES_WORD;
		else if (clause < ARRAY_SIZE(clauses))
			comes = clauses[clause].comes;
		else
			return comes == COMES_VALUE ? take_bare(text, at, ret) : 0;
		at += word.length;
	}
	return 0;
}

/* SET PASSWORD FOR user = ..., or TO ...: where the value begins, or 0. */
static size_t behind_user(struct text text, size_t at)
{
	size_t most = text.length < at + MOST_USER_BYTES ? text.length : at + MOST_USER_BYTES;

	for (; at < most && text.data[at] != ';'; at++) {
		if (text.data[at] == '=')
			return at + 1;
		if (isspace((unsigned char)text.data[at]) &&
		    is_word(name_at(redact_skip(text, at + 1)), "to"))
			return at + 3;
	}
	return 0;
}

/* PASSWORD '...', = '...', ('...'), = PASSWORD('...'), FOR user = '...'. */
static size_t take_password(struct text text, size_t at, struct redact_sql *sql, struct buffer *ret)
{
	size_t first = at;
	struct text word;

	at += run_of(redact_skip(text, at), SPACES, text.length);
	if (at == text.length || (text.data[at] != '=' && text.data[at] != '(' && !is_sql(sql)))
		return 0;
	if (is_word(name_at(redact_skip(text, at)), "for")) {
		at = behind_user(text, at);
		if (at == 0)
			return 0;
	} else if (text.data[at] == '=') {
		at++;
	} else if (text.data[at] != '(' && at == first) {
		return 0;
	}
	at += run_of(redact_skip(text, at), SPACES "(", text.length);
	word = name_at(redact_skip(text, at));
	if (word.length > 2 && at + word.length < text.length && word.data[word.length] == '(')
		at += word.length +
		      run_of(redact_skip(text, at + word.length), SPACES "(", text.length);
	return take_quoted(text, at, ret);
}

size_t redact_take_sql(struct redact_sql *sql, struct text text, struct buffer *ret)
{
	struct text word;

	if (text.length < 8)
		return 0;
	word = name_at(text);
	if (is_word(word, "identified"))
		return is_sql(sql) ? take_identified(text, word.length, ret) : 0;
	if (is_word(word, "password"))
		return take_password(text, word.length, sql, ret);
	if (!is_word(word, "replace") || !is_sql(sql))
		return 0;
	return take_quoted(
		text, word.length + run_of(redact_skip(text, word.length), SPACES, text.length),
		ret);
}
