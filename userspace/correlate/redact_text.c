// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

#define MASK_BEGIN "[redacted len="

static bool contains(struct text text, const char *word)
{
	for (; text.length > 0; text.data++, text.length--)
		if (redact_begins_with(text, word))
			return true;
	return false;
}

static struct text head(struct text text, size_t length)
{
	return (struct text){ text.data, length };
}

size_t redact_mask_length(struct text text)
{
	size_t i = sizeof(MASK_BEGIN) - 1;

	if (text.length <= i || memcmp(text.data, MASK_BEGIN, i) != 0)
		return 0;
	while (i < text.length && isdigit((unsigned char)text.data[i]))
		i++;
	return i < text.length && text.data[i] == ']' ? i + 1 : 0;
}

void redact_mask(struct buffer *ret, struct text secret)
{
	if (secret.length == 0)
		return;
	if (redact_mask_length(secret) == secret.length)
		buffer_append(ret, secret.data, secret.length);
	else
		buffer_printf(ret, MASK_BEGIN "%zu]", secret.length);
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

size_t redact_run_until(struct text text, const char *stop)
{
	size_t i = 0;

	while (i < text.length && !(text.data[i] && strchr(stop, text.data[i]))) {
		size_t mask = redact_mask_length(redact_skip(text, i));

		i += mask ? mask : 1;
	}
	return i;
}

/* Within quotes: up to the one that closes, a backslash before it does not. Or within three, as of
 * TOML: with two of them on both sides. */
static size_t run_quoted(struct text text, char quote)
{
	const char three[] = { quote, quote, quote };
	const char *end = text.length > 2 && text.data[0] == quote && text.data[1] == quote
				  ? memmem(text.data + 2, text.length - 2, three, sizeof(three))
				  : NULL;
	size_t i = 0;

	if (end)
		return (size_t)(end - text.data) + 2;
	while (i < text.length && text.data[i] != quote)
		i += text.data[i] == '\\' && i + 1 < text.length ? 2 : 1;
	return i;
}

/* What a query or a request's body declares for a container or a build. */
static size_t declared_length(struct text name, struct text value)
{
	static const struct text query[] = { TEXT("buildargs"), TEXT("changes"), TEXT("labels") };

	for (size_t i = 0; i < ARRAY_SIZE(query); i++)
		if (name.length == query[i].length && redact_begins(name, query[i]))
			return redact_run_until(value, " \t\r\n'&");
	return 0;
}

/* What stands between a name and its value: =, :, and +=, ?=, :=, :-, =>, ==, !=. Returns its
 * length. */
static size_t operator_length(struct text text, bool closed)
{
	char first = text.length > 0 ? text.data[0] : 0,
	     second = text.length > 1 ? text.data[1] : 0;

	if (first && strchr("+?:!=", first) && second == '=')
		return 2;
	if (first == '=' || (first == ':' && second == '-'))
		return second == '>' || second == '-' ? 2 : 1;
	/* "name:1.0" is an image and its tag. */
	return first == ':' &&
	       (closed || text.length == 1 || redact_is_space(second) || is_quote(second));
}

static size_t skip_blanks(struct text text, size_t at)
{
	while (at < text.length && (text.data[at] == ' ' || text.data[at] == '\t'))
		at++;
	return at;
}

/*
 * NAME=value, NAME: value, "NAME": "value", ["NAME"] = "value" at the beginning of a name. Returns
 * how much of the text it took, 0 for nothing.
 */
static size_t take_assignment(const struct redact *redact, struct text text, struct buffer *ret)
{
	size_t name = 0, at, value, length, declared;
	bool quoted_name;
	char quote;

	while (name < text.length && redact_is_name(text.data[name]))
		name++;
	if (name == 0)
		return 0;
	at = name;
	/* JSON within a quoted argument has \" around its names. */
	while (at < text.length && at < name + 4 &&
	       (is_quote(text.data[at]) || strchr("\\])}[", text.data[at])) && text.data[at])
		at++;
	value = skip_blanks(text, at);
	length = operator_length(redact_skip(text, value), at > name);
	if (length == 0)
		return 0;
	declared = declared_length(head(text, name), redact_skip(text, value + length));
	if (declared == 0 && !redact_is_secret_name(redact, head(text, name)))
		return 0;
	quoted_name = at > name;
	at = skip_blanks(text, value + length);
	while (quoted_name && at < text.length && redact_is_space(text.data[at]))
		at++;
	/* f'...', b"..." */
	if (at + 1 < text.length && strchr("fbru", text.data[at]) && text.data[at] &&
	    is_quote(text.data[at + 1]))
		at++;
	if (at + 1 < text.length && text.data[at] == '\\' && is_quote(text.data[at + 1]))
		at++;
	quote = at < text.length && is_quote(text.data[at]) ? text.data[at] : 0;
	value = redact_mask_length(redact_skip(text, at));
	if (value) /* done before: what follows is no part of it */
		;
	else if (declared)
		value = declared;
	else if (quote)
		value = run_quoted(redact_skip(text, ++at), quote);
	else if (contains(head(text, name), "auth") || contains(head(text, name), "cookie"))
		value = redact_run_until(redact_skip(text, at), "\r\n\"'`");
	else
		value = redact_run_until(redact_skip(text, at), " \t\r\n\"'`");
	/* password=password('...') */
	if (!quote && value > 0 && text.data[at + value - 1] == '(' && at + value < text.length &&
	    is_quote(text.data[at + value]))
		value += 1 + run_quoted(redact_skip(text, at + value + 1), text.data[at + value]);
	buffer_append(ret, text.data, at);
	redact_mask(ret, (struct text){ text.data + at, value });
	return at + value;
}

/* A string of JSON, with its quotes, also \" ones; else 0. */
static size_t string_length(struct text text)
{
	size_t open = text.length > 0 && text.data[0] == '\\';

	if (text.length <= open || text.data[open] != '"')
		return 0;
	for (size_t i = open + 1; i < text.length; i++)
		if (text.data[i] == '"')
			return i + 1;
		else if (text.data[i] == '\\' &&
			 !(open && i + 1 < text.length && text.data[i + 1] == '"'))
			i++;
	return text.length;
}

/* "Env": ["NAME=value", ...], "Data": "..." of a body that somebody sends by hand. */
static size_t take_body(struct text text, struct buffer *ret)
{
	static const struct text env = TEXT("Env"), data = TEXT("Data");
	bool list = text.length > env.length && memcmp(text.data, env.data, env.length) == 0;
	size_t at = list ? env.length : data.length, length;

	if (!list && !(text.length > at && memcmp(text.data, data.data, at) == 0))
		return 0;
	at += text.data[at] == '\\';
	if (at >= text.length || text.data[at] != '"')
		return 0;
	at = skip_blanks(text, at + 1);
	if (at >= text.length || text.data[at] != ':')
		return 0;
	at = skip_blanks(text, at + 1);
	if (list && (at >= text.length || text.data[at++] != '['))
		return 0;
	buffer_append(ret, text.data, at);
	while ((length = string_length(redact_skip(text, at))) > 0) {
		size_t open = text.data[at] == '\\' ? 2 : 1;
		struct text inner = { text.data + at + open,
				      length > 2 * open ? length - 2 * open : 0 };
		const char *equals = inner.length ? memchr(inner.data, '=', inner.length) : NULL;
		size_t kept = list && equals ? (size_t)(equals - inner.data) + 1 : 0;

		buffer_append(ret, text.data + at, open + kept);
		redact_mask(ret, redact_skip(inner, kept));
		buffer_append(ret, inner.data + inner.length,
			      (size_t)(text.data + at + length - inner.data - inner.length));
		at += length;
		if (!list)
			break;
		while (at < text.length && (redact_is_space(text.data[at]) || text.data[at] == ','))
			buffer_append_char(ret, text.data[at++]);
	}
	return at;
}

/*
 * "://" was found: the user information behind it, if there is some; `word` bytes belong to the
 * address. Returns what it took.
 */
static size_t take_authority(struct text scheme, struct text text, size_t word, bool cut,
			     struct buffer *ret)
{
	size_t length = redact_run_until(head(text, word), "/?#");
	const char *at = memrchr(text.data, '@', length);
	const char *colon = length ? memchr(text.data, ':', length) : NULL;
	bool keeps_user = !redact_begins_with(scheme, "http") && !redact_begins_with(scheme, "git");
	size_t user = 0;

	if (colon && !at) {
		/* Behind the colon of a host there are digits: anything else is a password. */
		for (const char *p = colon + 1; p < text.data + length; p++)
			if (!isdigit((unsigned char)*p))
				user = length;
		if (user && text.data[0] == '[')
			user = 0;
		if (user) {
			at = memrchr(text.data, '@', word);
			user = at ? (size_t)(at - text.data) : length;
		}
	} else if (at) {
		user = (size_t)(at - text.data);
	}
	if (user == 0 && cut && length == text.length)
		user = length;
	if (user == 0)
		return 0;
	colon = memchr(text.data, ':', user);
	if (keeps_user && (colon || at)) {
		size_t name = colon ? (size_t)(colon - text.data) + 1 : user;

		buffer_append(ret, text.data, name);
		redact_mask(ret, (struct text){ text.data + name, user - name });
	} else {
		redact_mask(ret, head(text, user));
	}
	return user;
}

/* The digest of an image stands behind its tag: busybox:1@sha256:... */
static bool is_digest(struct text text)
{
	return redact_begins_with(text, "sha256:") || redact_begins_with(text, "sha384:") ||
	       redact_begins_with(text, "sha512:");
}

/* The word in which a colon stands: what it is to all colons of it is looked for once. */
struct colon_word {
	size_t end;
	size_t at; /* its last '@'; SIZE_MAX: none */
};

/* Also at what a shell would take for the next command: a rule must not hide any. */
static void find_colon_word(struct text text, size_t colon, struct colon_word *word)
{
	struct text rest = redact_skip(text, colon + 1);
	size_t length = redact_run_until(rest, " \t\r\n\"'`<>/;|&(){}$\\");
	const char *at = length ? memrchr(rest.data, '@', length) : NULL;

	word->end = colon + 1 + length;
	word->at = at ? (size_t)(at - text.data) : SIZE_MAX;
}

/* NAME was found, and a colon: "NAME:password@host" without a scheme. Returns what it took. */
static size_t take_password(struct text name, struct text text, size_t colon,
			    const struct colon_word *word, bool cut, struct buffer *ret)
{
	size_t end = word->at != SIZE_MAX ? word->at : word->end;
	struct text host = word->at != SIZE_MAX ? redact_skip(text, word->at + 1) : (struct text){};
	bool whole = host.length > 0 && (isalnum((unsigned char)*host.data) || *host.data == '[');

	if (name.length == 0 || end < colon + 2 || is_digest(host) ||
	    redact_begins_with(name, "mailto") || !(whole || (cut && word->end == text.length)))
		return 0;
	buffer_append_char(ret, ':');
	redact_mask(ret, (struct text){ text.data + colon + 1, end - colon - 1 });
	return end - colon;
}

/* "://"; where a path was cleaned only "http:/" is left of it. */
static size_t scheme_end(struct text scheme, struct text text)
{
	static const char *const schemes[] = { "http", "https", "git", "ssh", "ftp" };

	if (text.length > 3 && memcmp(text.data, "://", 3) == 0)
		return 3;
	if (text.length < 3 || memcmp(text.data, ":/", 2) != 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (scheme.length == strlen(schemes[i]) && redact_begins_with(scheme, schemes[i]))
			return 2;
	return 0;
}

/* The length of a word behind which no value can stand; nearly all words of most texts are such. */
static size_t plain_word(struct text text)
{
	size_t i = 0;

	if (*text.data == '-')
		return 0;
	while (i < text.length && redact_is_name(text.data[i]))
		i++;
	if (i + 1 < text.length && text.data[i + 1] == '=')
		return 0;
	return i == text.length || strchr("/+,;()&?#~@", text.data[i]) ? i : 0;
}

static bool may_begin_sql(char c)
{
	return (c | 0x20) == 'i' || (c | 0x20) == 'p' || (c | 0x20) == 'r';
}

/*
 * How much of a text no rule below can touch, up to the beginning of a word: paths, ids, names of
 * images, which most texts are. Of rules that need neither a space nor a quote nor '=' there are
 * the one for tokens, which is asked, and those for a colon: without a '@' behind it, and with a
 * name there, it is the one of a tag or a port.
 */
static size_t untouched(struct text text, bool cut)
{
	bool colon = !cut && text.length && !memchr(text.data, '@', text.length);
	size_t i = 0, word = 0;

	for (;; i++) {
		if (i < text.length && redact_is_name(text.data[i]))
			continue;
		if (i > word &&
		    (text.data[word] == '-' || redact_find_token(redact_skip(text, word))))
			return word;
		if (i >= text.length)
			return text.length;
		if (text.data[i] != '/' && text.data[i] != ',' &&
		    !(colon && text.data[i] == ':' && i > word && i + 1 < text.length &&
		      redact_is_name(text.data[i + 1])))
			return word;
		word = i + 1;
	}
}

void redact_known(const struct redact *redact, struct text text, bool cut, struct buffer *ret)
{
	size_t i = untouched(text, cut),
	       name = i; /* where the current run of name characters began */
	struct redact_sql sql = { .text = text };
	size_t address_end = 0; /* of the URL that is being read: what it is made of is known */
	struct colon_word word = {};

	buffer_append(ret, text.data, i);
	while (i < text.length) {
		struct text rest = redact_skip(text, i),
			    before = head(redact_skip(text, name), i - name);
		size_t taken = *rest.data == '[' ? redact_mask_length(rest) : 0, scheme;

		if (taken) {
			buffer_append(ret, rest.data, taken);
		} else if (i == name) {
			size_t plain = plain_word(rest);

			taken = redact_take_token(rest, cut, ret);
			if (!taken && may_begin_sql(*rest.data))
				taken = redact_take_sql(&sql, rest, ret);
			if (!taken && plain) {
				buffer_append(ret, rest.data, plain);
				i += plain;
				name = i;
				continue;
			}
			if (!taken)
				taken = redact_take_private_key(rest, ret);
			if (!taken)
				taken = take_body(rest, ret);
			if (!taken)
				taken = take_assignment(redact, rest, ret);
			if (!taken)
				taken = redact_take_bearer(rest, ret);
		}
		scheme = !taken && *rest.data == ':' ? scheme_end(before, rest) : 0;
		if (scheme) {
			if (i >= address_end)
				address_end = i + redact_run_until(rest, " \t\r\n\"'`<>");
			buffer_append(ret, rest.data, scheme);
			taken = scheme + take_authority(before, redact_skip(rest, scheme),
							address_end - i - scheme, cut, ret);
		} else if (!taken && *rest.data == ':' && i >= address_end) {
			if (i >= word.end || (word.at != SIZE_MAX && i > word.at))
				find_colon_word(text, i, &word);
			taken = take_password(before, text, i, &word, cut, ret);
		}
		if (taken) {
			i += taken;
			name = i;
			continue;
		}
		buffer_append_char(ret, text.data[i++]);
		if (!redact_is_name(text.data[i - 1]))
			name = i;
	}
}

void redact_address(const struct redact *redact, struct text address, struct buffer *ret)
{
	const char *scheme = memmem(address.data, address.length, "://", 3);
	size_t start = scheme ? (size_t)(scheme - address.data) + 3 : 0;
	struct text rest = redact_skip(address, start);
	size_t length = redact_run_until(rest, "/?#");
	const char *at = length ? memrchr(rest.data, '@', length) : NULL;

	/* A password with a slash in it. */
	if (!at && length && memchr(rest.data, ':', length))
		at = memrchr(rest.data, '@', rest.length);
	if (!at) {
		redact_known(redact, address, true, ret);
		return;
	}
	buffer_append(ret, address.data, start);
	redact_mask(ret, (struct text){ rest.data, (size_t)(at - rest.data) });
	redact_known(redact, redact_skip(rest, (size_t)(at - rest.data)), false, ret);
}
