// SPDX-License-Identifier: Apache-2.0
/* What the flags of an engine's client hide, and of others that take passwords. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_command.h"

bool redact_takes_plain_value(struct text flag)
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

	return redact_is_exactly(flag, flags, ARRAY_SIZE(flags));
}

void redact_mask_value(struct command *command, enum pending kind, struct text value,
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
		/* The engine joins them by a new line: this one may go on with the one before. */
		if (command->goes_on)
			redact_mask(ret, value);
		else
			redact_change(command->redact, value, ret);
		command->goes_on =
			value.length > 0 && memchr("\\`", value.data[value.length - 1], 2);
		break;
	case PENDING_USER_PASSWORD:
		redact_user_password(value, ret);
		break;
	case PENDING_LABEL:
		if (value.length > 0 && memchr(value.data, '=', value.length))
			redact_pair(value, ret);
		else
			redact_known(command->redact, value, command->cut, ret);
		break;
	case PENDING_PLAIN:
		redact_known(command->redact, value, command->cut, ret);
		break;
	case PENDING_OPTION:
		redact_driver_option(command->redact, value, command->cut, ret);
		break;
	case PENDING_MOUNT:
		redact_mount(command->redact, value, command->cut, ret);
		break;
	case PENDING_HEADER:
		redact_header(command->redact, value, ret);
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
		redact_mask_value(command, kind, (struct text){ word.data + at, word.length - at },
				  ret);
	else
		command->pending = kind;
}

/* --name, or -name as some take it. */
static bool take_long_flag(struct command *command, struct text word, struct buffer *ret)
{
	static const char *const pairs[] = {
		"env",     "build-arg",  "env-add",     "env-merge", "set",
		"log-opt", "driver-opt", "driver-opts", "ipam-opt",
	};
	static const char *const labels[] = {
		"label", "label-add", "container-label", "container-label-add", "annotation",
	};
	/* Of whatever program: what has no '=' is no variable's value. */
	static const char *const variables[] = {
		"env", "setenv", "set-env", "set-env-vars", "update-env-vars", "set-string", "set",
	};
	static const char *const secrets[] = { "secret", "password" };
	static const char *const mounts[] = { "mount", "mount-add", "network", "network-add" };
	static const char *const headers[] = { "header", "proxy-header" };
	static const char *const client_secrets[] = { "cookie", "oauth2-bearer" };
	static const char *const client_users[] = { "user", "cert", "proxy-cert" };
	size_t dashes = word.data[1] == '-' ? 2 : 1, end = dashes;
	enum pending kind = PENDING_NONE;
	struct text name;

	while (end < word.length && redact_is_name(word.data[end]))
		end++;
	if (end < word.length && word.data[end] != '=')
		return false;
	name = (struct text){ word.data + dashes, end - dashes };
	if ((command->engine && redact_is_exactly(name, pairs, ARRAY_SIZE(pairs))) ||
	    text_equal(name, TEXT("from-literal")))
		kind = PENDING_PAIR;
	else if (command->engine && redact_is_exactly(name, secrets, ARRAY_SIZE(secrets)))
		kind = PENDING_SECRET;
	else if (command->engine && command->options && text_equal(name, TEXT("opt")))
		kind = PENDING_OPTION;
	else if (command->engine && redact_is_exactly(name, labels, ARRAY_SIZE(labels)))
		kind = PENDING_LABEL;
	else if (command->engine && redact_is_exactly(name, mounts, ARRAY_SIZE(mounts)))
		kind = PENDING_MOUNT;
	else if (command->client && redact_is_exactly(name, headers, ARRAY_SIZE(headers)))
		kind = PENDING_HEADER;
	else if (command->client &&
		 redact_is_exactly(name, client_secrets, ARRAY_SIZE(client_secrets)))
		kind = PENDING_SECRET;
	else if ((command->is_ctr && text_equal(name, TEXT("user"))) ||
		 (command->client &&
		  redact_is_exactly(name, client_users, ARRAY_SIZE(client_users))) ||
		 text_equal(name, TEXT("proxy-user")))
		kind = PENDING_USER_PASSWORD;
	else if (name.length >= 5 && memcmp(name.data + name.length - 5, "creds", 5) == 0)
		kind = PENDING_USER_PASSWORD;
	else if (redact_is_secret_name(command->redact, name))
		kind = PENDING_NAMED_SECRET;
	else if (redact_is_exactly(name, variables, ARRAY_SIZE(variables)))
		kind = PENDING_LABEL;
	/* A name alone is looked at like any other text. */
	if (kind == PENDING_LABEL && end < word.length &&
	    !memchr(word.data + end + 1, '=', word.length - end - 1))
		kind = PENDING_NONE;
	if (kind == PENDING_NONE)
		return false;
	value_of_flag(command, kind, word, end, ret);
	return true;
}

/* Flags of one letter of an engine's client, alone or behind some that take no value: -ite A=b. */
static bool take_short_flags(struct command *command, struct text word, struct buffer *ret)
{
	static const char without_value[] = "itdDPqTafrsA";

	for (size_t i = 1; i < word.length; i++) {
		enum pending kind = PENDING_NONE;
		char c = word.data[i];

		if (c == 'e')
			kind = PENDING_PAIR;
		else if (c == 'p')
			kind = command->project ? PENDING_PLAIN : PENDING_PORT;
		else if (c == 'l' && command->words > 0 &&
			 (i + 1 == word.length || memchr(word.data, '=', word.length)))
			kind = PENDING_LABEL;
		else if (c == 'o' && command->options)
			kind = PENDING_OPTION;
		else if (c == 'u' && command->is_ctr)
			kind = PENDING_USER_PASSWORD;
		if (kind != PENDING_NONE) {
			value_of_flag(command, kind, word, i + 1, ret);
			return true;
		}
		if (!c || !strchr(without_value, c))
			return false;
	}
	return false;
}

/* What the last of letters that stand together says of its value; of the first, if it takes one. */
static enum pending client_kind(const struct client *client, char letter)
{
	if (strchr(client->secrets, letter))
		return PENDING_SECRET;
	if (strchr(client->users, letter))
		return PENDING_USER_PASSWORD;
	return strchr(client->headers, letter) ? PENDING_HEADER : PENDING_NONE;
}

static bool take_client_flag(struct command *command, struct text word, struct buffer *ret)
{
	const struct client *client = command->client;
	enum pending kind;
	size_t letters = 1;

	if (!client || !isalpha((unsigned char)word.data[1]))
		return false;
	while (letters < word.length && isalpha((unsigned char)word.data[letters]))
		letters++;
	/* curl -su NAME:PASSWORD */
	kind = client_kind(client, word.data[letters - 1]);
	if (client->apart && letters == word.length && kind != PENDING_NONE) {
		value_of_flag(command, kind, word, letters, ret);
		return true;
	}
	kind = client_kind(client, word.data[1]);
	if (kind == PENDING_NONE || word.length == 2)
		return false;
	value_of_flag(command, kind, word, 2, ret);
	return true;
}

/* Of commit and import: -c, also behind flags that take no value. There -p has none: pause. */
static bool take_change_flag(struct command *command, struct text word, struct buffer *ret)
{
	const struct text change = TEXT("--change");
	size_t letter = 1;

	if (word.data[1] == '-') {
		if (word.length < change.length ||
		    memcmp(word.data, change.data, change.length) != 0 ||
		    (word.length > change.length && word.data[change.length] != '='))
			return false;
		value_of_flag(command, PENDING_CHANGE, word, change.length, ret);
		return true;
	}
	while (letter < word.length && memchr("pqs", word.data[letter], 3))
		letter++;
	if (letter < word.length && word.data[letter] == 'c') {
		value_of_flag(command, PENDING_CHANGE, word, letter + 1, ret);
		return true;
	}
	if (letter < word.length)
		return false;
	buffer_append(ret, word.data, word.length);
	return true;
}

bool redact_take_flag(struct command *command, struct text word, struct buffer *ret)
{
	if (command->changes && take_change_flag(command, word, ret))
		return true;
	if (word.data[1] != '-' && take_client_flag(command, word, ret))
		return true;
	if (take_long_flag(command, word, ret))
		return true;
	return word.data[1] != '-' && command->engine && take_short_flags(command, word, ret);
}
