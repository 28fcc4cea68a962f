// SPDX-License-Identifier: Apache-2.0
/* Which program a command line runs, and what is known of the words behind it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_command.h"

static const struct client clients[] = {
	{ "mysql", false, "p", "", "" },
	{ "mariadb", false, "p", "", "" },
	{ "sshpass", true, "p", "", "" },
	{ "ssh-keygen", true, "NP", "", "" },
	{ "mongo", true, "p", "", "" },
	{ "redis-cli", true, "a", "", "" },
	{ "ldap", true, "w", "", "" },
	{ "curl", true, "b", "uUE", "H" },
	{ "wget", true, "", "u", "" },
	{ "etcdctl", true, "", "", "" },
	{ "smbclient", true, "", "U", "" },
	{ "sqlcmd", true, "P", "", "" },
	{ "zip", true, "P", "", "" },
	{ "unzip", true, "P", "", "" },
	{ "7z", false, "p", "", "" },
	{ "az", true, "p", "", "" },
	{ "kubectl", true, "p", "", "" },
	{ "oc", true, "p", "", "" },
	{ "helm", true, "p", "", "" },
	{ "skopeo", true, "p", "", "" },
	{ "ftp", true, "", "u", "" },
	{ "lftp", true, "", "u", "" },
	{ "http", true, "", "a", "" },
	{ "mosquitto", true, "P", "", "" },
	{ "ipmitool", true, "P", "", "" },
	{ "snmpget", true, "AXc", "", "" },
	{ "snmpset", true, "AXc", "", "" },
	{ "snmpwalk", true, "AXc", "", "" },
	{ "snmpbulk", true, "AXc", "", "" },
	{ "snmptrap", true, "AXc", "", "" },
	{ "redis-benchmark", true, "a", "", "" },
	{ "https", true, "", "a", "" },
	{ "xh", true, "", "a", "" },
	{ "rar", false, "p", "", "" },
	{ "rpcclient", true, "", "U", "" },
	{ "slappasswd", true, "s", "", "" },
	{ "ldappasswd", true, "ws", "", "" },
	{ "useradd", true, "p", "", "" },
	{ "usermod", true, "p", "", "" },
	{ "cqlsh", true, "p", "", "" },
	{ "cypher-shell", true, "p", "", "" },
	{ "twine", true, "p", "", "" },
	{ "oras", true, "p", "", "" },
	{ "crane", true, "p", "", "" },
	{ "regctl", true, "p", "", "" },
	{ "rabbitmqadmin", true, "p", "", "" },
	{ "cf", true, "p", "", "" },
	{ "kcadm", true, "p", "", "" },
};

/* Programs that are called as another one is. */
static const struct {
	const char *name, *as;
} aliases[] = {
	{ "bao", "vault" },
	{ "valkey-cli", "redis-cli" },
	{ "keydb-cli", "redis-cli" },
	{ "7za", "7z" },
	{ "7zz", "7z" },
	{ "7zr", "7z" },
};

#define EVERY 100
#define PAIRS 200

#define SETTING_WORDS 4 /* behind "set": crudini --set FILE SECTION NAME VALUE */

/* How many words behind a word or a flag of a program its secret stands. */
static const struct {
	const char *program, *word;
	char letter; /* among those of a flag, in place of the word */
	int words;   /* the next is 1; of flags that stand together the sum; EVERY one of so many;
		      * or PAIRS, which all that come may be
		      */
} places[] = {
	{ "vault", "login", 0, 1 },
	{ "vault", "unseal", 0, 1 },
	{ "vault", "unwrap", 0, 1 },
	{ "vault", "revoke", 0, 1 },
	{ "vault", "put", 0, PAIRS },
	{ "vault", "patch", 0, PAIRS },
	{ "vault", "write", 0, PAIRS },
	{ "plugin", "set", 0, PAIRS }, /* of an engine's client */
	{ "plugin", "install", 0, PAIRS },
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
	{ "redis-cli", "auth-pass", 0, 1 },
	{ "cargo", "login", 0, 1 },
	{ "bw", "unlock", 0, 1 },
	{ "ngrok", "authtoken", 0, 1 },
	{ "wpa_passphrase", NULL, 0, 2 }, /* SSID SECRET */
	{ "keytool", "-storepass", 0, 1 },
	{ "keytool", "-keypass", 0, 1 },
	{ "keytool", "-srcstorepass", 0, 1 },
	{ "keytool", "-deststorepass", 0, 1 },
	{ "keytool", "-new", 0, 1 },
	{ "consul", "put", 0, 2 }, /* NAME SECRET */
	{ "mc", "set", 0, 4 },     /* NAME ADDRESS USER SECRET */
	{ "nmcli", "password", 0, 1 },
	{ "nmcli", "wifi-sec.psk", 0, 1 },
	{ "nmcli", "802-11-wireless-security.psk", 0, 1 },
};

bool redact_is_exactly(struct text text, const char *const *words, size_t count)
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

	return redact_is_exactly(program, names, ARRAY_SIZE(names));
}

/* Of an image's name the part that a program is called by: vault:1.13, httpd@sha256:... */
static struct text without_tag(struct text name)
{
	size_t length = 0;

	while (length < name.length && name.data[length] != ':' && name.data[length] != '@')
		length++;
	name.length = length;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (text_equal(name, text_of(aliases[i].name)))
			return text_of(aliases[i].as);
	return name;
}

static void look_at_places(struct command *command, struct text program)
{
	for (size_t i = 0; program.length > 0 && i < ARRAY_SIZE(places); i++) {
		if (program.data[0] != *places[i].program ||
		    !text_equal(program, text_of(places[i].program)))
			continue;
		command->program = places[i].program;
		/* Its own words are counted, whatever they are. */
		if (!places[i].word && !places[i].letter)
			command->until = places[i].words;
	}
}

static void look_at_engine(struct command *command, struct text program, bool is_image)
{
	/* One within the other: whose -p comes next is not known. */
	bool publish = command->publish && is_image;

	*command = (struct command){ .redact = command->redact,
				     .engine = true,
				     .publish = publish,
				     .client = command->engine ? command->client : NULL,
				     .is_ctr = text_equal(program, TEXT("ctr")),
				     .project = program.length > 8 &&
						memcmp(program.data + program.length - 8,
						       "-compose", 8) == 0,
				     .options = command->options,
				     .nesting = command->nesting,
				     .interpreter = command->interpreter,
				     .cut = command->cut };
}

static void look_at_client(struct command *command, struct text program)
{
	for (size_t i = 0; program.length > 0 && i < ARRAY_SIZE(clients); i++) {
		size_t length;

		if (program.data[0] != clients[i].name[0])
			continue;
		length = strlen(clients[i].name);
		if (program.length < length || memcmp(program.data, clients[i].name, length) != 0)
			continue;
		/* Of a few letters it has to be the whole name. */
		if (length <= 4 && program.length != length &&
		    strcmp(clients[i].name, "ldap") != 0 && strcmp(clients[i].name, "curl") != 0)
			continue;
		command->client = &clients[i];
		return;
	}
}

static void look_at_program(struct command *command, struct text word)
{
	struct text named = redact_program_of(word), program = without_tag(named);

	if (is_engine(program)) {
		/* A mount of it is no program. */
		if (!command->engine || program.length < named.length ||
		    !memchr(word.data, ':', word.length))
			look_at_engine(command, program, program.length < named.length);
		return;
	}
	command->until = command->until > 0 ? command->until : 0;
	look_at_places(command, program);
	look_at_client(command, program);
}

void redact_look_at_image(struct command *command, struct text image)
{
	look_at_program(command, image);
}

/* "run", "create", and with a group in front of it; only these first words are the subcommand. */
static void look_at_subcommand(struct command *command, struct text word)
{
	static const char *const groups[] = { "container", "containers", "pod",    "c",
					      "image",     "compose",    "service" };
	static const char *const publishing[] = { "run", "create" };
	static const char *const running[] = { "run", "create", "exec" };
	static const char *const changing[] = { "commit", "import" };
	static const char *const driven[] = { "volume", "network" };

	/* Wherever it stands: docker run docker volume create. */
	command->options |= redact_is_exactly(word, driven, ARRAY_SIZE(driven));
	if (++command->words > (command->group ? 2u : 1u))
		return;
	if (command->words == 1 && redact_is_exactly(word, groups, ARRAY_SIZE(groups)))
		command->group = true;
	else
		command->publish = redact_is_exactly(word, publishing, ARRAY_SIZE(publishing));
	command->runs = redact_is_exactly(word, running, ARRAY_SIZE(running));
	command->project = command->words == 1 && text_equal(word, TEXT("compose"));
	command->changes = redact_is_exactly(word, changing, ARRAY_SIZE(changing));
}

void redact_look_at_word(struct command *command, struct text word)
{
	if (command->engine && command->runs && command->plain) {
		/* Two words one behind the other: the second is the image, or comes behind it,
		 * where flags are no more the engine's. */
		command->engine = command->publish = command->options = command->is_ctr = false;
	}
	if (command->engine)
		look_at_subcommand(command, word);
	/* The subcommand is none of them. */
	command->plain = !command->engine || command->words > (command->group ? 2u : 1u);
	look_at_program(command, word);
}

/* A name alone, with nothing behind it that would be its value: also //host/:_authToken. */
static bool is_secret_word(const struct command *command, struct text word)
{
	size_t start = word.length;

	if (word.length > 0 && memchr(word.data, '=', word.length))
		return false;
	while (start > 0 && redact_is_name(word.data[start - 1]))
		start--;
	return redact_is_secret_name(command->redact, redact_skip(word, start));
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
	static const char *const settings[] = { "set", "setenv", "--set", "--arg" };
	bool plain = word.length > 0 && word.data[0] != '-', letters = is_letters(word);

	for (size_t i = 0; command->program && i < ARRAY_SIZE(places); i++) {
		if (strcmp(command->program, places[i].program) != 0 ||
		    !(places[i].word ? is_word(word, places[i].word)
				     : letters && memchr(word.data, places[i].letter, word.length)))
			continue;
		if (places[i].words == PAIRS)
			command->pairs = true;
		else if (places[i].words > EVERY)
			command->every = (unsigned)(places[i].words - EVERY);
		else
			command->until += places[i].words;
	}
	if (!plain) {
		if (redact_is_exactly(word, settings, ARRAY_SIZE(settings)))
			command->setting = SETTING_WORDS;
		return;
	}
	if (is_word(word, directives[0]) || is_word(word, directives[1]) ||
	    (command->setting && is_secret_word(command, word)))
		command->until = 1;
	if (redact_is_exactly(word, settings, ARRAY_SIZE(settings)))
		command->setting = SETTING_WORDS;
	else if (command->setting > 0)
		command->setting--;
	command->users |= is_word(word, "setuser");
}
