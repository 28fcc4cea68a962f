// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/redact_command.h"

#define MOST_NESTING 3 /* of command lines within an argument: sh -c '... "..."' */

static void take_word(struct command *command, struct text word, struct buffer *ret);

/* A word of a line; quotes around it stay, and are not looked at. */
static void take_quoted(struct command *command, struct text word, bool quotes, struct buffer *ret)
{
	size_t start = 0, end = word.length;

	if (!quotes) {
		while (start < end && word.data[start] && strchr("'\"`\\", word.data[start]))
			start++;
		while (end > start && word.data[end - 1] && strchr("'\"`\\", word.data[end - 1]))
			end--;
	} else if (end > 3 && redact_escaped_length(word, false) == end) {
		start += 2;
		end -= 2;
	} else if (end > 1 && (word.data[0] == '\'' || word.data[0] == '"')) {
		if (word.data[end - 1] == word.data[0])
			start++, end--;
		else if (command->cut) /* the other one may be missing */
			start++;
	}
	buffer_append(ret, word.data, start);
	command->quoted = quotes && start > 0;
	take_word(command, (struct text){ word.data + start, end - start }, ret);
	buffer_append(ret, word.data + end, word.length - end);
}

/* What is known of one command says nothing of the next. */
static void next_command(struct command *command)
{
	*command = (struct command){ .redact = command->redact, .nesting = command->nesting };
}

/* Returns how much of the line it took, if no word begins here. */
static size_t take_between(struct command *command, struct text line, size_t at, bool quotes,
			   bool cut, struct buffer *ret)
{
	struct text rest = redact_skip(line, at);
	size_t length = 1;

	if (redact_is_continued(line, at)) {
		length = 2;
	} else if (redact_is_space(*rest.data)) {
		if (*rest.data == '\n')
			next_command(command);
	} else if (redact_is_separator(line, at)) {
		next_command(command);
	} else if (*rest.data == '#' && quotes) {
		const char *end = memchr(rest.data, '\n', rest.length);

		/* A comment, in which an apostrophe is no quote. */
		length = end ? (size_t)(end - rest.data) : rest.length;
		redact_known(command->redact, (struct text){ rest.data, length }, cut && !end, ret);
		return length;
	} else {
		return 0;
	}
	buffer_append(ret, rest.data, length);
	return length;
}

/* An argument that is itself a command line: sh -c 'docker run -e A=b x'. */
static void take_line(const struct command *outer, struct text line, bool quotes,
		      struct buffer *ret)
{
	_cleanup_buffer_ struct buffer fed = {};
	struct command command = *outer;
	int r = redact_fed(line, quotes, outer->cut, &fed);
	size_t i = 0;

	if (r < 0)
		ret->error = r;
	else if (r > 0)
		line = (struct text){ fed.data, fed.length };
	command.pending = PENDING_NONE;
	command.script = false;
	command.until = 0;
	command.every = 0;
	command.users = false;
	command.pairs = false;
	command.setting = 0;
	command.nesting = quotes ? outer->nesting + 1 : MOST_NESTING;
	while (i < line.length) {
		size_t between = take_between(&command, line, i, quotes, outer->cut, ret), end;

		if (between) {
			i += between;
			continue;
		}
		end = redact_word_end(line, i, quotes, command.nesting >= MOST_NESTING, outer->cut);
		command.cut = outer->cut && end == line.length;
		take_quoted(&command, (struct text){ line.data + i, end - i }, quotes, ret);
		i = end;
	}
}

/* sh -c, bash -lc, python3 -c, perl -e: what follows is a script, wherever it stands in the line.
 */
static void look_for_script(struct command *command, struct text word)
{
	static const char *const names[] = { "sh",   "ash",  "bash", "dash",   "zsh",
					     "ksh",  "mksh", "fish", "python", "perl",
					     "ruby", "node", "php",  "lua" };
	struct text program = redact_program_of(word);

	command->script = command->interpreter && word.length > 1 && word.length < 6 &&
			  word.data[0] == '-' &&
			  (word.data[word.length - 1] == 'c' || word.data[word.length - 1] == 'e');
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t length = strlen(names[i]);

		/* "python3.11" too */
		if (program.length >= length && memcmp(program.data, names[i], length) == 0 &&
		    (program.length == length || isdigit((unsigned char)program.data[length])))
			command->interpreter = true;
	}
}

/* A secret as far as the shell would take it for one word, and what stands behind it. */
static void take_secret(struct command *command, enum pending kind, struct text word,
			struct buffer *ret)
{
	size_t end = command->nesting > 0 && !command->quoted
			     ? redact_value_end(word, 0, command->cut)
			     : word.length;
	size_t quote;

	/* Masked by the look before: a quote behind that opens none. */
	for (size_t i = 0, mask = 0; i < end && mask == 0; i++) {
		mask = redact_mask_length((struct text){ word.data + i, end - i });
		end = mask ? i + mask : end;
		if (mask && i == 1 && (word.data[0] == '\'' || word.data[0] == '"')) {
			buffer_append_char(ret, *word.data++);
			word.length--;
			end--;
		}
	}
	quote = end > 1 && (word.data[0] == '\'' || word.data[0] == '"') &&
		word.data[0] == word.data[end - 1];
	buffer_append(ret, word.data, quote);
	redact_mask_value(command, kind, (struct text){ word.data + quote, end - 2 * quote }, ret);
	redact_known(command->redact,
		     (struct text){ word.data + end - quote, word.length - end + quote },
		     command->cut, ret);
}

/* ACL SETUSER name >password, <password, #hash, !hash. */
static bool take_user_rule(struct text word, bool script, struct buffer *ret)
{
	size_t sign = word.length > 0 && word.data[0] == '\\';

	if (word.length < sign + 2 || !memchr("><#!", word.data[sign], 4))
		return false;
	/* A redirection. */
	if (script && sign == 0 && memchr("/&>(", word.data[1], 4))
		return false;
	buffer_append(ret, word.data, sign + 1);
	redact_mask(ret, (struct text){ word.data + sign + 1, word.length - sign - 1 });
	return true;
}

/* What redact_count_words() has found. */
static bool take_counted(struct command *command, struct text word, struct buffer *ret)
{
	/* No flag, and in a script no operator; "NAME = value" is known by its looks. */
	bool script = command->nesting > 0 && !command->quoted;
	size_t others = script ? 8 : 1;

	if (command->users && take_user_rule(word, script, ret))
		return true;
	if (command->pairs && word.length > 0 && word.data[0] != '-' &&
	    memchr(word.data, '=', word.length)) {
		command->pairs = !script || redact_value_end(word, 0, command->cut) == word.length;
		take_secret(command, PENDING_PAIR, word, ret);
		return true;
	}
	if (command->every > 0 && word.length > 0 &&
	    !(script && memchr(";&|<>", word.data[0], 5))) {
		command->every--;
		if (script && redact_value_end(word, 0, command->cut) < word.length)
			command->every = 0;
		take_secret(command, PENDING_SECRET, word, ret);
		redact_look_at_word(command, word);
		return true;
	}
	if (command->until <= 0 || word.length == 0 || memchr("-;&|<>=:", word.data[0], others) ||
	    --command->until > 0)
		return false;
	take_secret(command, PENDING_SECRET, word, ret);
	/* Should the count be wrong: what is behind a program's name is still that one's. */
	redact_look_at_word(command, word);
	return true;
}

/*
 * NAME=value as a whole argument: spaces belong to the value. Within a script they do not, or one
 * assignment would hide every command behind it.
 */
static bool take_variable(const struct command *command, struct text word, struct buffer *ret)
{
	size_t name = 0, end;

	while (name < word.length && redact_is_name(word.data[name]))
		name++;
	if (name == 0 || name == word.length || word.data[name] != '=' ||
	    !redact_is_secret_name(command->redact, (struct text){ word.data, name }))
		return false;
	end = command->nesting > 0 && !command->quoted
		      ? redact_value_end(word, name + 1, command->cut)
		      : word.length;
	buffer_append(ret, word.data, name + 1);
	redact_mask(ret, (struct text){ word.data + name + 1, end - name - 1 });
	redact_known(command->redact, (struct text){ word.data + end, word.length - end },
		     command->cut, ret);
	return true;
}

/* One word of a script that has spaces only because a command stands in it. */
static bool has_command(struct text word)
{
	bool found = false;

	if (*word.data == '"' || *word.data == '\'' ||
	    redact_word_end(word, 0, true, false, false) < word.length)
		return false;
	for (size_t i = 0, length; !found && i < word.length; i += length ?: 1) {
		length = redact_substitution_length(redact_skip(word, i), false);
		found = length > 0 && memchr(word.data + i, ' ', length);
	}
	return found;
}

/* $(...) and `...` are command lines. */
static void take_substitutions(struct command *command, struct text word, struct buffer *ret)
{
	size_t i = 0, known = 0;

	while (i < word.length) {
		size_t length = redact_substitution_length(redact_skip(word, i), false);
		size_t open = word.data[i] == '`' ? 1 : 2;
		struct command inner = { .redact = command->redact, .nesting = command->nesting };

		if (length == 0 || word.data[i + open - 1] == '{') {
			i++;
			continue;
		}
		redact_known(command->redact, (struct text){ word.data + known, i - known }, false,
			     ret);
		buffer_append(ret, word.data + i, open);
		take_line(&inner, (struct text){ word.data + i + open, length - open - 1 }, true,
			  ret);
		i += length;
		known = i - 1;
	}
	redact_known(command->redact, redact_skip(word, known), command->cut, ret);
}

static void take_text(struct command *command, struct text word, bool script, struct buffer *ret)
{
	_cleanup_buffer_ struct buffer line = {}, plain = {};
	bool spaces = script;

	for (size_t i = 0; i < word.length && !spaces; i++)
		spaces = redact_is_space(word.data[i]);
	if (!spaces || command->nesting >= MOST_NESTING) {
		redact_known(command->redact, word, command->cut, ret);
		return;
	}
	if (command->nesting > 0 && has_command(word)) {
		take_substitutions(command, word, ret);
		return;
	}
	take_line(command, word, true, &line);
	/* Once more without quotes: an apostrophe in a here-document is none, and hides nothing. */
	if (command->nesting == 0) {
		take_line(command, (struct text){ line.data, line.length }, false, &plain);
		plain.error = plain.error ?: line.error;
	} else {
		plain = line;
		line = (struct buffer){};
	}
	redact_known(command->redact, (struct text){ plain.data, plain.length }, command->cut, ret);
	ret->error = ret->error ?: plain.error;
}

/* openssl's -passin pass:SECRET, buildctl's --opt build-arg:NAME=value and label:NAME=value. */
static bool take_prefixed(struct command *command, struct text word, struct buffer *ret)
{
	static const struct text pairs[] = { TEXT("build-arg:"), TEXT("label:") };

	if (word.length > 5 && memcmp(word.data, "pass:", 5) == 0) {
		buffer_append(ret, word.data, 5);
		redact_mask(ret, redact_skip(word, 5));
		return true;
	}
	for (size_t i = 0; command->engine && i < ARRAY_SIZE(pairs); i++) {
		size_t length = pairs[i].length;

		if (word.length <= length || memcmp(word.data, pairs[i].data, length) != 0)
			continue;
		buffer_append(ret, word.data, length);
		redact_pair(redact_skip(word, length), ret);
		return true;
	}
	return false;
}

/*
 * The value of a flag that stands behind '=': also a command line, --health-cmd=..., whose program
 * would not be seen behind the flag, and --entrypoint=PROGRAM.
 */
static bool take_flag_value(struct command *command, struct text word, struct buffer *ret)
{
	struct command value = *command;
	size_t length = 0;
	struct text rest;

	while (length < word.length && (redact_is_name(word.data[length])))
		length++;
	if (length < 3 || word.data[0] != '-' || length >= word.length ||
	    word.data[length] != '=' ||
	    redact_is_secret_name(command->redact, (struct text){ word.data, length }))
		return false;
	rest = redact_skip(word, ++length);
	buffer_append(ret, word.data, length);
	value.pending = PENDING_NONE;
	value.script = false;
	if (command->engine &&
	    text_equal((struct text){ word.data, length }, TEXT("--entrypoint=")))
		redact_look_at_image(command, rest);
	if (!take_prefixed(&value, rest, ret))
		take_text(&value, rest, false, ret);
	return true;
}

static void take_word(struct command *command, struct text word, struct buffer *ret)
{
	enum pending pending = command->pending;
	bool script = command->script;

	bool plain = command->plain;

	command->pending = PENDING_NONE;
	command->plain = false;
	look_for_script(command, word);
	/* --auth --bind_ip_all */
	if (pending == PENDING_NAMED_SECRET && word.length > 3 && memcmp(word.data, "--", 2) == 0 &&
	    isalpha((unsigned char)word.data[2]))
		pending = PENDING_NONE;
	/* Of a label a name alone is looked at like any other text. */
	if (pending == PENDING_LABEL && !(word.length && memchr(word.data, '=', word.length)))
		pending = PENDING_PLAIN;
	if (pending != PENDING_NONE && pending != PENDING_PLAIN) {
		redact_mask_value(command, pending, word, ret);
		return;
	}
	if (take_counted(command, word, ret))
		return;
	redact_count_words(command, word);
	if (word.length > 1 && word.data[0] == '-' && redact_take_flag(command, word, ret))
		return;
	if (take_prefixed(command, word, ret) || take_flag_value(command, word, ret))
		return;
	if (!script && take_variable(command, word, ret))
		return;
	if (word.length > 0 && word.data[0] == '-') {
		if (command->engine && command->words == 0 && redact_takes_plain_value(word))
			command->pending = PENDING_PLAIN;
	} else if (pending != PENDING_PLAIN) {
		command->plain = plain;
		redact_look_at_word(command, word);
	}
	take_text(command, word, script, ret);
}

int redact_known_arguments(const struct redact *redact, struct text image,
			   const struct text_list *arguments, struct text_list *ret)
{
	struct command command = { .redact = redact };
	_cleanup_buffer_ struct buffer masked = {};

	redact_look_at_image(&command, image);
	for (size_t i = 0; i < arguments->count; i++) {
		int r;

		buffer_clear(&masked);
		command.cut = (arguments->cut && i + 1 == arguments->count) ||
			      text_list_at(arguments, i).length >= REDACT_MAY_BE_CUT_BYTES;
		take_word(&command, text_list_at(arguments, i), &masked);
		r = masked.error;
		if (r == 0)
			r = text_list_append(ret, (struct text){ masked.data, masked.length });
		if (r < 0)
			return r;
	}
	ret->cut |= arguments->cut;
	return 0;
}
