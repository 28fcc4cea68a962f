/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of redaction share. */
#pragma once

#include <stdint.h>
#include <strings.h>

#include "correlate/redact.h"

/* "[redacted len=N]" in place of `secret`; an empty one, or one masked already, stays. */
void redact_mask(struct buffer *ret, struct text secret);

static inline bool redact_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What stands behind the first `length` bytes. */
static inline struct text redact_skip(struct text text, size_t length)
{
	return (struct text){ text.data + length, text.length - length };
}

/* Whatever the case. Most differ in the first byte, and this runs over every command line. */
static inline bool redact_begins(struct text text, struct text prefix)
{
	return text.length >= prefix.length && ((text.data[0] ^ prefix.data[0]) & ~0x20) == 0 &&
	       strncasecmp(text.data, prefix.data, prefix.length) == 0;
}

static inline bool redact_begins_with(struct text text, const char *prefix)
{
	return redact_begins(text, text_of(prefix));
}

/* The length of a mask at the beginning of `text`, or 0. */
size_t redact_mask_length(struct text text);

/* As far as the characters of `stop` do not occur; a mask is passed over as a whole. */
size_t redact_run_until(struct text text, const char *stop);

/*
 * redact_token.c: a token of a well-known kind, "Bearer ...", "-----BEGIN ... PRIVATE KEY" and
 * everything up to its end. Each returns how much of the text it wrote, masked; 0 for nothing.
 */
size_t redact_take_token(struct text text, bool cut, struct buffer *ret);
size_t redact_take_bearer(struct text text, struct buffer *ret);
size_t redact_take_private_key(struct text text, struct buffer *ret);

/* The built-in rules for text, and the operator's names. */
void redact_known(const struct redact *redact, struct text text, bool cut, struct buffer *ret);

/* The same for a command line, of a container of this image or of none. Returns 0 or -ENOMEM. */
int redact_known_arguments(const struct redact *redact, struct text image,
			   const struct text_list *arguments, struct text_list *ret);

/* redact_change.c: a change of an image, an instruction of a Dockerfile: ENV without its values. */
void redact_change(const struct redact *redact, struct text change, struct buffer *ret);

/* redact_sql.c: a text, and whether it is SQL, which is asked when something in it may be. */
struct redact_sql {
	struct text text;
	bool looked, found;
};

/*
 * A password where one of its words (IDENTIFIED, PASSWORD, REPLACE) begins a rest of the text.
 * Returns how much of it was written, masked; 0 for nothing.
 */
size_t redact_take_sql(struct redact_sql *sql, struct text rest, struct buffer *ret);

/* redact_value.c: the values of flags. */

/* A port, or ports, as `docker run -p` takes them. */
bool redact_is_port(struct text text);

/* NAME=value: the name stays, if it is one. Without '=' only what cannot but be one. */
void redact_pair(struct text pair, struct buffer *ret);

/* name:password, name%password, name,password: the name stays. */
void redact_user_password(struct text text, struct buffer *ret);

/* NAME=value of a volume's or a network's driver: what says what is mounted stays, as text. */
void redact_driver_option(const struct redact *redact, struct text option, bool cut,
			  struct buffer *ret);

/* type=volume,...,volume-opt=NAME=value: a mount or a network as `docker run` takes it. */
void redact_mount(const struct redact *redact, struct text mount, bool cut, struct buffer *ret);

/* "Name: value" of HTTP: the values of names that are harmless stay, as text. */
void redact_header(const struct redact *redact, struct text line, struct buffer *ret);

/* User information in front of a host, whatever it looks like, and the rules for text. */
void redact_address(const struct redact *redact, struct text address, struct buffer *ret);

/*
 * Texts of a body are cut at 16 KiB (DECLARED_MOST_TEXT_BYTES), at a whole character, targets at
 * 48: who looks at one this long has to take its end for missing.
 */
#define REDACT_MAY_BE_CUT_BYTES ((16u << 10) - 4)

/* Does the name of a flag or variable say that its value is secret? */
bool redact_is_secret_name(const struct redact *redact, struct text name);

/* A token that says what it is. */
struct redact_token {
	struct text prefix;
	size_t least; /* characters behind it */
};

/* The one that `text` begins with, or NULL. */
const struct redact_token *redact_find_token(struct text text);

/* Is it one of the operator's? */
bool redact_is_operators_name(const struct redact *redact, struct text name);

/* Short texts that the last look has left as they are, each in the place that its hash says. */
#define REDACT_CLEAN_PLACES 1024u
#define REDACT_CLEAN_BYTES  63u

struct redact_clean {
	uint8_t length; /* 0: none */
	char text[REDACT_CLEAN_BYTES];
};

struct redact_clean *redact_clean(struct redact *redact);

/* May the character stand in such a name? */
static inline bool redact_is_name(char c)
{
	static const bool is[256] = {
		['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
		['_'] = true,         ['-'] = true,         ['.'] = true,
	};

	return is[(unsigned char)c];
}
