/* SPDX-License-Identifier: Apache-2.0 */
/* What redact_command.c (lines), redact_word.c, redact_program.c and redact_flag.c (its flags)
 * share. */
#pragma once

#include "correlate/redact_private.h"

/* What the next argument is, because of the one before it. */
enum pending {
	PENDING_NONE,
	PENDING_SECRET,
	PENDING_NAMED_SECRET, /* by the looks of its name, which may be a flag without a value */
	PENDING_PAIR,         /* NAME=value */
	PENDING_PORT, /* -p: a port where the engine's `run` or `create` takes one, or secret */
	PENDING_USER_PASSWORD, /* name:password */
	PENDING_CHANGE,        /* an instruction of a Dockerfile */
	PENDING_LABEL,         /* NAME or NAME=value */
	PENDING_OPTION,        /* NAME=value of a volume's or a network's driver */
	PENDING_MOUNT,         /* type=volume,...,volume-opt=NAME=value */
	PENDING_HEADER,        /* Name: value */
	PENDING_PLAIN,         /* the value of a flag in front of the subcommand */
};

/* A program that takes passwords by flags of one letter. */
struct client {
	const char *name;                      /* what the program's name begins with */
	bool apart;                            /* the value may be the next argument */
	const char *secrets, *users, *headers; /* such letters; of users the name is kept */
};

/* A command line, as far as it was read. */
struct command {
	const struct redact *redact;
	bool engine; /* docker and its like */
	bool is_ctr;
	unsigned words;      /* before and with the subcommand */
	bool group, publish; /* "container run"; run or create: -p is a port */
	bool runs;           /* run, create or exec: behind the image its flags are over */
	bool plain;          /* the word before was no flag */
	bool changes;        /* commit or import: -c is a change */
	bool goes_on;        /* the change before ends like a line that does */
	bool project;        /* compose, before its own subcommand: -p is the project's name */
	bool options;        /* of a volume or a network: -o is an option of its driver */
	const struct client *client;
	enum pending pending;
	unsigned nesting;
	bool interpreter; /* a shell or the like was named: its -c or -e has a script behind it */
	bool script;      /* the word that comes next is one */
	bool cut;         /* the text that is looked at may not be whole */
	const char *program; /* that has rows of its own, below */
	int until;           /* so many words, and the last of them is secret; 0: none */
	unsigned every;      /* so many words that come are secret */
	bool users;          /* ACL SETUSER: a word may be >password */
	bool pairs;          /* words that come are NAME=value: vault kv put PATH NAME=value */
	unsigned setting;    /* "set" was a word: among so many behind it a name, then its value */
	bool quoted;         /* the word stood in quotes: nothing in it is the shell's */
};

/* ---- redact_word.c; a text that is `cut` may lack what ends something in it */

/* $(...), ${...} or `...` that begins here (`text` is not empty), if it ends within reach; else 0.
 */
size_t redact_substitution_length(struct text text, bool cut);

/* \"...\": quotes of a line that stands within quotes itself; else 0. */
size_t redact_escaped_length(struct text text, bool cut);

/* Does another command begin behind it? Not so with >&2, &>file, >|file. */
bool redact_is_separator(struct text text, size_t at);

/* A backslash and a new line. */
bool redact_is_continued(struct text text, size_t at);

/* The end of a shell's word: what stands in quotes is one only if that is asked for; `flat`:
 * nothing that stands in it will be looked at as a line of its own. */
size_t redact_word_end(struct text text, size_t start, bool quotes, bool flat, bool cut);

/* Where a value ends in a script: at what a shell would take for the next word or command. */
size_t redact_value_end(struct text word, size_t start, bool cut);

/* ---- redact_program.c and redact_flag.c */

/* Is it one of these words, as they are? */
bool redact_is_exactly(struct text text, const char *const *words, size_t count);

/* Without the folder, and without what a shell puts around a command. */
struct text redact_program_of(struct text word);

/* A word that is no flag and no flag's value: a program, or the subcommand of the engine's. */
void redact_look_at_word(struct command *command, struct text word);

/* The program that a container's command may leave to its image: vault:1.13. */
void redact_look_at_image(struct command *command, struct text image);

/*
 * What a word of a program that is known says of those behind it: `vault login SECRET`, `htpasswd
 * -b FILE USER SECRET`, `set NAME SECRET`. Sets command->until.
 */
void redact_count_words(struct command *command, struct text word);

/* Flags in front of the subcommand whose value would be taken for it. */
bool redact_takes_plain_value(struct text flag);

/*
 * A flag, of at least two characters: false, with nothing written, if it has no secret to it.
 * Else it is written masked, or command->pending says what the next word is.
 */
bool redact_take_flag(struct command *command, struct text word, struct buffer *ret);

/* The value of a flag that is a word of its own, masked by its kind. */
void redact_mask_value(struct command *command, enum pending kind, struct text value,
		       struct buffer *ret);

/*
 * What is piped, or by <<< and here-documents told, to a program that reads secrets from its
 * standard input; of a script that was `cut` all that may be. `quotes`: they are the shell's.
 * Returns 1 with `text` masked in `ret`; 0 if there is no such thing, and nothing in `ret`;
 * -ENOMEM.
 */
int redact_fed(struct text text, bool quotes, bool cut, struct buffer *ret);
