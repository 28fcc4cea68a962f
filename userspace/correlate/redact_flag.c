// SPDX-License-Identifier: Apache-2.0
/* What the flags of a program hide: of an engine's client, and of others that take passwords. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_command.h"

static const struct client clients[] = {
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

#define EVERY 100

/* How many words behind a word or a flag of a program its secret stands. */
static const struct {
	const char *program, *word;
	char letter; /* among those of a flag, in place of the word */
	int words;   /* the next is 1; of flags that stand together the sum; or EVERY one of so many
		      */
} places[] = {
	{ "vault", "login", 0, 1 },
	{ "openssl", "-k", 0, 1 },
	{ "openssl", "-K", 0, 1 },
	{ "openssl", "-hmac", 0, 1 },
	{ "htpasswd", NULL, 'b', 3 },  /* FILE USER SECRET */
	{ "htpasswd", NULL, 'n', -1 }, /* no file */
	{ "htpasswd", NULL, 'C', 1 },
	{ "htpasswd", NULL, 'r', 1 },
	{ "rabbitmqctl", "authenticate_user", 0, 2 },
	{ "rabbitmqctl", "add_user", 0, 2 },
	{ "rabbitmqctl", "change_password", 0, 2 },
	{ "mysqladmin", "password", 0, 1 },
	{ "redis-cli", "auth", 0, EVERY + 2 }, /* [USER] SECRET */
	{ "redis-cli", "auth2", 0, EVERY + 2 },
	{ "valkey-cli", "auth", 0, EVERY + 2 },
	{ "keydb-cli", "auth", 0, EVERY + 2 },
};

static bool is_one_of(struct text text, const char *const *words, size_t count)
{
	for (size_t i = 0; text.length > 0 && i < count; i++)
		if (text.data[0] == words[i][0] && text_equal(text, text_of(words[i])))
			return true;
	return false;
}

struct text redact_program_of(struct text word)
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

void redact_look_at_image(struct command *command, struct text image)
{
	struct text name = redact_program_of(image);

	for (size_t i = 0; name.length > 0 && i < ARRAY_SIZE(places); i++) {
		const char *program = places[i].program;
		size_t length;

		if (name.data[0] != *program)
			continue;
		length = strlen(program);
		if (name.length >= length && memcmp(name.data, program, length) == 0 &&
		    (name.length == length || name.data[length] == ':' || name.data[length] == '@'))
			command->program = program;
	}
}

static void look_at_program(struct command *command, struct text word)
{
	struct text program = redact_program_of(word);

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
	redact_look_at_image(command, program);
	command->until = command->until > 0 ? command->until : 0;
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

void redact_look_at_word(struct command *command, struct text word)
{
	if (command->engine)
		look_at_subcommand(command, word);
	look_at_program(command, word);
}

/* A name alone, with nothing behind it that would be its value. */
static bool is_secret_word(const struct command *command, struct text word)
{
	for (size_t i = 0; i < word.length; i++)
		if (!redact_is_name(word.data[i]))
			return false;
	return redact_is_secret_name(command->redact, word);
}

static bool is_letters(struct text flag)
{
	for (size_t i = 1; i < flag.length; i++)
		if (!isalpha((unsigned char)flag.data[i]))
			return false;
	return flag.length > 1 && flag.data[0] == '-';
}

/* Whatever the case; flags as they are. */
static bool is_word(struct text word, const char *name)
{
	return word.length > 0 && (word.data[0] | 0x20) == (name[0] | 0x20) &&
	       word.length == strlen(name) &&
	       (*name == '-' ? memcmp(word.data, name, word.length)
			     : strncasecmp(word.data, name, word.length)) == 0;
}

void redact_count_words(struct command *command, struct text word)
{
	/* These are a name wherever they stand (redis.conf). */
	static const char *const directives[] = { "requirepass", "masterauth" };
	bool plain = word.length > 0 && word.data[0] != '-', letters = is_letters(word);

	for (size_t i = 0; command->program && i < ARRAY_SIZE(places); i++) {
		if (strcmp(command->program, places[i].program) != 0 ||
		    !(places[i].word ? is_word(word, places[i].word)
				     : letters && memchr(word.data, places[i].letter, word.length)))
			continue;
		if (places[i].words > EVERY)
			command->every = (unsigned)(places[i].words - EVERY);
		else
			command->until += places[i].words;
	}
	if (!plain) {
		command->setting &= word.length > 1 && word.data[1] == '-';
		return;
	}
	if (is_word(word, directives[0]) || is_word(word, directives[1]) ||
	    (command->setting && is_secret_word(command, word)))
		command->until = 1;
	command->setting = text_equal(word, TEXT("set"));
	command->users |= is_word(word, "setuser");
	/* Another command begins. */
	if (strchr(";&|", word.data[0]) || strchr(";&|", word.data[word.length - 1])) {
		command->until = 0;
		command->every = 0;
		command->users = false;
		command->program = NULL;
	}
}

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

	return is_one_of(flag, flags, ARRAY_SIZE(flags));
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
		redact_mask_value(command, kind, (struct text){ word.data + at, word.length - at },
				  ret);
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
	if ((command->engine && is_one_of(name, pairs, ARRAY_SIZE(pairs))) ||
	    text_equal(name, TEXT("from-literal")))
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
