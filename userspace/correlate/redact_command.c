// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

#define MOST_NESTING 3 /* of command lines within an argument: sh -c '... "..."' */

/* What the next argument is, because of the one before it. */
enum pending {
	PENDING_NONE,
	PENDING_SECRET,
	PENDING_PAIR, /* NAME=value */
	PENDING_PORT, /* -p: a port where the engine's `run` or `create` takes one, or secret */
	PENDING_USER_PASSWORD, /* name:password */
	PENDING_CHANGE,        /* an instruction of a Dockerfile */
	PENDING_PLAIN,         /* the value of a flag in front of the subcommand */
};

struct command {
	const struct redact *redact;
	bool engine; /* docker and its like */
	bool is_ctr;
	unsigned words;      /* before and with the subcommand */
	bool group, publish; /* "container run"; run or create: -p is a port */
	bool changes;        /* commit or import: -c is a change */
	const struct client *client;
	enum pending pending;
	unsigned nesting;
	bool interpreter; /* a shell or the like was named: its -c or -e has a script behind it */
	bool script;      /* the word that comes next is one */
	bool cut;         /* the text that is looked at may not be whole */
};

/* Programs that take a password by a flag of one letter. */
static const struct client {
	const char *name; /* what the program's name begins with */
	char letter;
	bool apart;         /* its value may be the next argument */
	bool user_password; /* name:password, of which the name is kept */
} clients[] = {
	{ "mysql", 'p', false, false },    { "mariadb", 'p', false, false },
	{ "sshpass", 'p', true, false },   { "mongo", 'p', true, false },
	{ "redis-cli", 'a', true, false }, { "ldap", 'w', true, false },
	{ "curl", 'u', true, true },       { "wget", 'u', true, true },
	{ "smbclient", 'U', true, true },  { "sqlcmd", 'P', true, false },
	{ "zip", 'P', true, false },       { "unzip", 'P', true, false },
	{ "7z", 'p', false, false },       { "az", 'p', true, false },
	{ "kubectl", 'p', true, false },   { "oc", 'p', true, false },
	{ "helm", 'p', true, false },      { "skopeo", 'p', true, false },
	{ "ftp", 'u', true, true },        { "lftp", 'u', true, true },
	{ "http", 'a', true, true },       { "mosquitto", 'P', true, false },
};

static bool is_one_of(struct text text, const char *const *words, size_t count)
{
	for (size_t i = 0; text.length > 0 && i < count; i++)
		if (text.data[0] == words[i][0] && text_equal(text, text_of(words[i])))
			return true;
	return false;
}

/* Without the folder, and without what a shell puts around a command. */
static struct text program_of(struct text word)
{
	const char *slash;

	while (word.length > 0 && strchr("(){}$;|&`'\"", word.data[word.length - 1]) &&
	       word.data[word.length - 1])
		word.length--;
	while (word.length > 0 && word.data[0] && strchr("(){}$;|&`'\"", word.data[0])) {
		word.data++;
		word.length--;
	}
	slash = word.length ? memrchr(word.data, '/', word.length) : NULL;
	if (slash) {
		word.length -= (size_t)(slash + 1 - word.data);
		word.data = slash + 1;
	}
	return word;
}

static bool is_engine(struct text program)
{
	static const char *const names[] = {
		"docker",         "podman",         "nerdctl",        "ctr",
		"buildx",         "docker-buildx",  "docker-compose", "podman-compose",
		"podman-remote",  "buildctl",       "buildah",        "docker.exe",
		"docker-current", "com.docker.cli", "nerdctl.lima",
	};

	return is_one_of(program, names, ARRAY_SIZE(names));
}

static void look_at_program(struct command *command, struct text word)
{
	struct text program = program_of(word);

	if (is_engine(program) && command->engine) {
		/* One within the other: whose -p comes next is not known. */
		command->publish &= memchr(word.data, ':', word.length) != NULL;
		return;
	}
	if (is_engine(program)) {
		*command = (struct command){ .redact = command->redact,
					     .engine = true,
					     .is_ctr = text_equal(program, TEXT("ctr")),
					     .nesting = command->nesting,
					     .interpreter = command->interpreter,
					     .cut = command->cut };
		return;
	}
	for (size_t i = 0; program.length > 0 && i < ARRAY_SIZE(clients); i++) {
		size_t length;

		if (program.data[0] != clients[i].name[0])
			continue;
		length = strlen(clients[i].name);
		if (program.length < length || memcmp(program.data, clients[i].name, length) != 0)
			continue;
		/* Of a few letters it has to be the whole name. */
		if (length <= 4 && program.length != length &&
		    memcmp(program.data, "ldap", 4) != 0 && memcmp(program.data, "curl", 4) != 0)
			continue;
		command->client = &clients[i];
		return;
	}
}

/* "run", "create", and with a group in front of it; only these first words are the subcommand. */
static void look_at_subcommand(struct command *command, struct text word)
{
	static const char *const groups[] = { "container", "containers", "pod", "c", "image" };
	static const char *const publishing[] = { "run", "create" };
	static const char *const changing[] = { "commit", "import" };

	if (++command->words > (command->group ? 2u : 1u))
		return;
	if (command->words == 1 && is_one_of(word, groups, ARRAY_SIZE(groups)))
		command->group = true;
	else
		command->publish = is_one_of(word, publishing, ARRAY_SIZE(publishing));
	command->changes = is_one_of(word, changing, ARRAY_SIZE(changing));
}

/* Flags in front of the subcommand whose value would be taken for it. */
static bool takes_plain_value(struct text flag)
{
	static const char *const flags[] = {
		"-H",
		"--host",
		"-c",
		"--context",
		"--config",
		"-l",
		"--log-level",
		"--tlscacert",
		"--tlscert",
		"--tlskey",
		"-f",
		"--file",
		"--profile",
		"--project-directory",
		"-n",
		"--namespace",
		"-a",
		"--address",
		"--url",
		"--connection",
		"--identity",
		"--root",
		"--runroot",
		"--storage-driver",
		"--project-name",
		"--env-file",
	};

	return is_one_of(flag, flags, ARRAY_SIZE(flags));
}

static void mask_value(struct command *command, enum pending kind, struct text value,
		       struct buffer *ret)
{
	switch (kind) {
	case PENDING_PAIR:
		redact_pair(value, ret);
		break;
	case PENDING_PORT:
		/* Where a client that takes passwords was named, a number alone may be one. */
		if (command->publish && redact_is_port(value) &&
		    (!command->client || memchr(value.data, ':', value.length)))
			buffer_append(ret, value.data, value.length);
		else
			redact_mask(ret, value);
		break;
	case PENDING_CHANGE:
		redact_change(command->redact, value, ret);
		break;
	case PENDING_USER_PASSWORD:
		redact_user_password(value, ret);
		break;
	default:
		redact_mask(ret, value);
	}
}

/* The value of a flag: behind `at` in the same argument, or the next one. */
static void value_of_flag(struct command *command, enum pending kind, struct text word, size_t at,
			  struct buffer *ret)
{
	if (at < word.length && word.data[at] == '=')
		at++;
	buffer_append(ret, word.data, at);
	if (at < word.length || (at > 0 && word.data[at - 1] == '='))
		mask_value(command, kind, (struct text){ word.data + at, word.length - at }, ret);
	else
		command->pending = kind;
}

/* --name, or -name as some take it. */
static bool take_long_flag(struct command *command, struct text word, struct buffer *ret)
{
	static const char *const pairs[] = { "env", "build-arg", "env-add", "set" };
	static const char *const secrets[] = { "secret", "password", "creds" };
	size_t dashes = word.data[1] == '-' ? 2 : 1, end = dashes;
	enum pending kind = PENDING_NONE;
	struct text name;

	while (end < word.length && redact_is_name(word.data[end]))
		end++;
	if (end < word.length && word.data[end] != '=')
		return false;
	name = (struct text){ word.data + dashes, end - dashes };
	if (command->engine && is_one_of(name, pairs, ARRAY_SIZE(pairs)))
		kind = PENDING_PAIR;
	else if (command->engine && is_one_of(name, secrets, ARRAY_SIZE(secrets)))
		kind = PENDING_SECRET;
	else if (((command->is_ctr || command->client) && text_equal(name, TEXT("user"))) ||
		 text_equal(name, TEXT("proxy-user")))
		kind = PENDING_USER_PASSWORD;
	else if (redact_is_secret_name(command->redact, name))
		kind = PENDING_SECRET;
	if (kind == PENDING_NONE)
		return false;
	value_of_flag(command, kind, word, end, ret);
	return true;
}

/* -e and -p of an engine's client, alone or behind flags that take no value: -ite A=b. */
static bool take_short_flags(struct command *command, struct text word, struct buffer *ret)
{
	static const char without_value[] = "itdDPqTafrsA";

	for (size_t i = 1; i < word.length; i++) {
		char c = word.data[i];

		if (c == 'e' || c == 'p') {
			value_of_flag(command, c == 'e' ? PENDING_PAIR : PENDING_PORT, word, i + 1,
				      ret);
			return true;
		}
		if (c == 'u' && command->is_ctr) {
			value_of_flag(command, PENDING_USER_PASSWORD, word, i + 1, ret);
			return true;
		}
		if (!c || !strchr(without_value, c))
			return false;
	}
	return false;
}

static bool take_client_flag(struct command *command, struct text word, struct buffer *ret)
{
	const struct client *client = command->client;
	size_t letters = 1;

	if (!client)
		return false;
	while (letters < word.length && isalpha((unsigned char)word.data[letters]))
		letters++;
	/* curl -su NAME:PASSWORD */
	if (client->apart && letters == word.length && word.data[letters - 1] == client->letter) {
		value_of_flag(command,
			      client->user_password ? PENDING_USER_PASSWORD : PENDING_SECRET, word,
			      letters, ret);
		return true;
	}
	if (word.data[1] != client->letter || word.length == 2)
		return false;
	value_of_flag(command, client->user_password ? PENDING_USER_PASSWORD : PENDING_SECRET, word,
		      2, ret);
	return true;
}

static bool take_change_flag(struct command *command, struct text word, struct buffer *ret)
{
	const struct text change = TEXT("--change");

	if (word.data[1] == 'c')
		value_of_flag(command, PENDING_CHANGE, word, 2, ret);
	else if (word.length >= change.length &&
		 memcmp(word.data, change.data, change.length) == 0 &&
		 (word.length == change.length || word.data[change.length] == '='))
		value_of_flag(command, PENDING_CHANGE, word, change.length, ret);
	else
		return false;
	return true;
}

static bool take_flag(struct command *command, struct text word, struct buffer *ret)
{
	if (command->changes && take_change_flag(command, word, ret))
		return true;
	if (word.data[1] != '-' && take_client_flag(command, word, ret))
		return true;
	if (take_long_flag(command, word, ret))
		return true;
	return word.data[1] != '-' && command->engine && take_short_flags(command, word, ret);
}

static void take_word(struct command *command, struct text word, struct buffer *ret);

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of a shell's word: a mask is one, and so, if asked for, is what stands in quotes. */
static size_t word_end(struct text text, size_t start, bool quotes)
{
	char quote = 0;
	size_t i = start;

	while (i < text.length && (quote || !is_space(text.data[i]))) {
		char c = text.data[i];
		size_t mask = redact_mask_length((struct text){ text.data + i, text.length - i });

		if (mask) {
			i += mask;
			continue;
		}
		if (quotes && c == '\\' && quote != '\'' && i + 1 < text.length)
			i++;
		else if (quote ? c == quote : quotes && (c == '\'' || c == '"'))
			quote = quote ? 0 : c;
		i++;
	}
	return i;
}

/* A word of a line; quotes around it stay, and are not looked at. */
static void take_quoted(struct command *command, struct text word, bool quotes, struct buffer *ret)
{
	size_t start = 0, end = word.length;

	if (quotes) {
		if (end > 1 && (word.data[0] == '\'' || word.data[0] == '"') &&
		    word.data[end - 1] == word.data[0])
			start++, end--;
	} else {
		while (start < end && word.data[start] && strchr("'\"`\\", word.data[start]))
			start++;
		while (end > start && word.data[end - 1] && strchr("'\"`\\", word.data[end - 1]))
			end--;
	}
	buffer_append(ret, word.data, start);
	take_word(command, (struct text){ word.data + start, end - start }, ret);
	buffer_append(ret, word.data + end, word.length - end);
}

/* An argument that is itself a command line: sh -c 'docker run -e A=b x'. */
static void take_line(const struct command *outer, struct text line, bool quotes,
		      struct buffer *ret)
{
	struct command command = *outer;
	size_t i = 0;

	command.pending = PENDING_NONE;
	command.script = false;
	command.nesting = quotes ? outer->nesting + 1 : MOST_NESTING;
	while (i < line.length) {
		size_t end;

		if (is_space(line.data[i])) {
			buffer_append_char(ret, line.data[i++]);
			continue;
		}
		end = word_end(line, i, quotes);
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
	struct text program = program_of(word);

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

/* Where a value ends in a script: at what a shell would take for the next word or command. */
static size_t script_value_end(struct text word, size_t start)
{
	char quote = 0;
	size_t i =
		start + redact_mask_length((struct text){ word.data + start, word.length - start });

	for (; i < word.length; i++) {
		char c = word.data[i];

		if (c == '\\' && quote != '\'' && i + 1 < word.length)
			i++;
		else if (quote ? c == quote : c == '\'' || c == '"')
			quote = quote ? 0 : c;
		else if (!quote && c && (is_space(c) || strchr(";&|<>()", c)))
			break;
	}
	return i;
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
	end = command->nesting > 0 ? script_value_end(word, name + 1) : word.length;
	buffer_append(ret, word.data, name + 1);
	redact_mask(ret, (struct text){ word.data + name + 1, end - name - 1 });
	redact_known(command->redact, (struct text){ word.data + end, word.length - end },
		     command->cut, ret);
	return true;
}

static void take_text(struct command *command, struct text word, bool script, struct buffer *ret)
{
	_cleanup_buffer_ struct buffer line = {}, plain = {};
	bool spaces = script;

	for (size_t i = 0; i < word.length && !spaces; i++)
		spaces = is_space(word.data[i]);
	if (!spaces || command->nesting >= MOST_NESTING) {
		redact_known(command->redact, word, command->cut, ret);
		return;
	}
	take_line(command, word, true, &line);
	/* Once more without quotes: an apostrophe in a comment is none, and hides nothing. */
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

/*
 * openssl's -passin pass:SECRET, buildctl's --opt build-arg:NAME=value, and a command line as the
 * value of a flag: --health-cmd=..., whose program would not be seen behind the flag.
 */
static bool take_prefixed(struct command *command, struct text word, struct buffer *ret)
{
	struct command value = *command;
	size_t length = 0;

	if (word.length > 5 && memcmp(word.data, "pass:", 5) == 0) {
		buffer_append(ret, word.data, 5);
		redact_mask(ret, (struct text){ word.data + 5, word.length - 5 });
		return true;
	}
	if (command->engine && word.length > 10 && memcmp(word.data, "build-arg:", 10) == 0) {
		buffer_append(ret, word.data, 10);
		redact_pair((struct text){ word.data + 10, word.length - 10 }, ret);
		return true;
	}
	while (length < word.length && (redact_is_name(word.data[length])))
		length++;
	if (length < 3 || word.data[0] != '-' || length >= word.length ||
	    word.data[length] != '=' ||
	    redact_is_secret_name(command->redact, (struct text){ word.data, length }))
		return false;
	length++;
	buffer_append(ret, word.data, length);
	value.pending = PENDING_NONE;
	value.script = false;
	take_text(&value, (struct text){ word.data + length, word.length - length }, false, ret);
	return true;
}

static void take_word(struct command *command, struct text word, struct buffer *ret)
{
	enum pending pending = command->pending;
	bool script = command->script;

	command->pending = PENDING_NONE;
	look_for_script(command, word);
	if (pending != PENDING_NONE && pending != PENDING_PLAIN) {
		mask_value(command, pending, word, ret);
		return;
	}
	if (word.length > 1 && word.data[0] == '-' && take_flag(command, word, ret))
		return;
	if (take_prefixed(command, word, ret))
		return;
	if (!script && take_variable(command, word, ret))
		return;
	if (word.length > 0 && word.data[0] == '-') {
		if (command->engine && command->words == 0 && takes_plain_value(word))
			command->pending = PENDING_PLAIN;
	} else if (pending != PENDING_PLAIN) {
		if (command->engine)
			look_at_subcommand(command, word);
		look_at_program(command, word);
	}
	take_text(command, word, script, ret);
}

int redact_known_arguments(const struct redact *redact, const struct text_list *arguments,
			   struct text_list *ret)
{
	struct command command = { .redact = redact };
	_cleanup_buffer_ struct buffer masked = {};

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
