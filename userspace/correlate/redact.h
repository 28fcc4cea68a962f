/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of command lines, query strings and raw text, before anything is kept. Each becomes
 * "[redacted len=N]", N being its length in bytes; what is masked already stays as it is. The rules
 * are those of docs/events.md, "Secrets never reach the disk".
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/text.h"
#include "base/text_list.h"

#define REDACT_MOST_PATTERN_BYTES 256

struct operation;
struct record;

/* What the operator adds; everywhere NULL stands for nothing. */
struct redact;

/*
 * POSIX extended regular expressions, NULL at the end of each list (or NULL for none). Back
 * references are refused: they have no bound on time.
 *
 * masks: what one of them matches is masked, or of that its first group if it has one; a command
 *	line is matched as a whole, a space between arguments.
 * names: of flags, variables and JSON members whose value is a secret, without dashes in front;
 *	matched as a whole, whatever the case.
 */
struct redact_rules {
	const char *const *masks, *const *names;
};

/* What is wrong with a pattern, which is the caller's; columns from 1, in bytes. */
struct redact_problem {
	const char *pattern;
	size_t column;
	char words[80];
};

/* Returns 0; -EINVAL with *ret_problem filled; -ENOMEM. */
int redact_new(const struct redact_rules *rules, struct redact **ret,
	       struct redact_problem *ret_problem);
/* Takes NULL. */
void redact_free(struct redact *redact);

/*
 * A command line, of docker and its like or any other: append it to `ret`, masked. Of `arguments`
 * `cut` says that the last one may not be whole. Returns 0, or -ENOMEM: then `ret` is empty, and
 * marked as cut.
 */
int redact_arguments(const struct redact *redact, const struct text_list *arguments,
		     struct text_list *ret);

/* The same of a container, whose image may be the program: vault:1.13. Empty: none is known. */
int redact_command(const struct redact *redact, struct text image,
		   const struct text_list *arguments, struct text_list *ret);

/*
 * A body that is a form: as redact_query(), but of parameters that the operation does not name only
 * the length is kept, for a body may be no form at all, whatever its type says.
 */
void redact_form(const struct redact *redact, const struct operation *operation, struct text form,
		 struct buffer *ret);

/*
 * The query of a request target: parameters that the operation names with their values, all others
 * by name and length. `operation` may be NULL: none is named. Appends to `ret`, whose error is set
 * if memory runs out.
 */
void redact_query(const struct redact *redact, const struct operation *operation, struct text query,
		  struct buffer *ret);

/*
 * The path of a request target, or what was decoded from one: without user information, and without
 * what redact_text() would mask. `encoded`: as it came, and stays so where nothing is masked.
 * Appends to `ret` as above.
 */
void redact_path(const struct redact *redact, struct text path, bool encoded, struct buffer *ret);

/*
 * The start of what is no HTTP message: a request line without its query, headers that are known to
 * be harmless, of anything else the length. Where it has no request line, nothing but its length
 * and what tells TLS or SSH: a client that lies about a length makes any body such a start. Appends
 * to `ret` as above.
 */
void redact_raw(const struct redact *redact, struct text raw, struct buffer *ret);

/*
 * Text in which secrets are recognised by their looks: assignments to names like PASSWORD, user
 * information of URLs, Authorization, well-known kinds of tokens, private keys. `cut`: its end may
 * be missing. Appends to `ret` as above.
 */
void redact_text(const struct redact *redact, struct text text, bool cut, struct buffer *ret);

/*
 * A unit of systemd's or a drop-in (systemd.syntax(7)): its Exec lines as what they are, command
 * lines, and its Environment likewise; the rest as text. Line by line as it was.
 */
void redact_unit(const struct redact *redact, struct text unit, struct buffer *ret);

/*
 * The last look, before an event is written: every text of what was asked, of its target and of
 * what is declared, since a secret may stand in any of them. Command lines and queries were masked
 * by what is known of them, and stay. Returns 0 or -ENOMEM: then the event must not be written.
 */
int redact_record(struct redact *redact, struct record *record);
