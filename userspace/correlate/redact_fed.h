/* SPDX-License-Identifier: Apache-2.0 */
/* What redact_shell.c (which command reads from which) and redact_fed.c (what of it is secret)
 * share. */
#pragma once

#include <string.h>

#include "correlate/redact_command.h"

#define MOST_DOCUMENTS 8 /* that begin in one line */

/* How much of what it reads is secret; what comes later here is more. */
enum fed {
	FED_NOTHING,
	FED_AFTER, /* behind a word like AUTH */
	FED_NAMES, /* NAME:password */
	FED_ALL,
};

/* A command: simple, or a group of others, whose first one comes next. */
struct step {
	unsigned parent;                   /* the group, or the command whose argument it is */
	unsigned into;                     /* the one behind the bar, or 0 */
	unsigned char reads, inner, feeds; /* enum fed; inner: the commands of a group */
	bool words, shows, sudo;           /* words: behind then, do */
	bool used, substitution;
};

/* What may be secret, in the order of the text. */
struct piece {
	size_t start, end;
	unsigned step;
	bool document, shown;
};

/* What a word is, because of the operator in front of it. */
enum next { NEXT_WORD, NEXT_TEXT, NEXT_DELIMITER, NEXT_FILE };

struct document {
	struct text delimiter;
	unsigned step;
};

struct script {
	struct text text;
	bool quotes;
	struct step *steps;
	struct piece *pieces;
	unsigned step, step_count, piece_count, backquoted;
	enum next next;
	struct document documents[MOST_DOCUMENTS];
	unsigned document_count;
};

/*
 * Read `text` into steps and pieces, for which the caller has room: a step for each byte of it and
 * two more, a piece for each two and two more. Linear in time.
 */
void redact_read_script(struct script *script);

/* redact_fed.c: what words of a command say that it reads. */
void redact_look_for_reader(struct step *step, struct text text);

/* What stands within the quotes of a word. */
struct text redact_inner_of(struct text word, bool quotes);

/* A word without the folder. */
struct text redact_without_folder(struct text word);

/* Whatever the case. */
bool redact_is_one_of(struct text word, const char *const *words, size_t count);

static inline bool is_in(char c, const char *set)
{
	return c && strchr(set, c);
}
