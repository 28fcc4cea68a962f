// SPDX-License-Identifier: Apache-2.0
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "commands/command.h"
#include "commands/prove.h"
#include "base/version.h"

static const struct command commands[] = {
#define COMMAND_ROW(name, summary, example) { #name, summary, example, command_##name },
	COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};

static void print_help(FILE *out)
{
	fputs("docktrail answers: who used the Docker socket, what did they ask for, what came of it?\n\n"
	      "Usage: docktrail COMMAND [OPTION...]\n\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-9s%s\n", commands[i].name, commands[i].summary);
	fputs("\nFor example:\n\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %s\n", commands[i].example);
	fputs("\n`docktrail COMMAND --help` has the options of one; `docktrail --version` the version.\n",
	      out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t most = a < b ? a : b;

	return most < c ? most : c;
}

/* Levenshtein, of names of at most 31 bytes: how many letters were wrong, missing or too many. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], length = strlen(b), corner;

	if (length >= ARRAY_SIZE(row) || strlen(a) >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t changed = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			row[j] = least(row[j] + 1, row[j - 1] + 1, changed);
		}
	}
	return row[length];
}

static int unknown_command(const char *name)
{
	const struct command *nearest = NULL;
	size_t best = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t wrong = distance(name, commands[i].name);

		if (wrong >= best)
			continue;
		best = wrong;
		nearest = &commands[i];
	}
	fprintf(stderr, "docktrail: there is no command \"%.60s\".", name);
	if (nearest)
		fprintf(stderr, " Did you mean `docktrail %s`?", nearest->name);
	fputs("\n`docktrail --help` lists them.\n", stderr);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	static char name[64], help[] = "--help";
	const struct command *command;
	char *help_arguments[] = { name, help, NULL };
	bool asked_for_help;

	/* How wide a character is depends on the locale; what is written is always UTF-8. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	argp_err_exit_status = EX_USAGE;
	argp_program_version = "docktrail " DOCKTRAIL_VERSION;

	if (argc < 2) {
		print_help(stderr);
		return EX_USAGE;
	}
	/* For the recorder alone, which starts itself once more. */
	if (strcmp(argv[1], PROVE_ARGUMENT) == 0)
		return prove_acts();
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(argp_program_version);
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "-?") == 0 || (strcmp(argv[1], "help") == 0 && argc == 2)) {
		print_help(stdout);
		return 0;
	}
	asked_for_help = strcmp(argv[1], "help") == 0;
	command = find_command(argv[asked_for_help ? 2 : 1]);
	if (!command)
		return unknown_command(argv[asked_for_help ? 2 : 1]);
	snprintf(name, sizeof(name), "docktrail %s", command->name);
	if (asked_for_help)
		return command->run(2, help_arguments);
	argv[1] = name;
	return command->run(argc - 1, argv + 1);
}
