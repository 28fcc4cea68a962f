/* SPDX-License-Identifier: Apache-2.0 */
/* What redact.c (patterns, queries), redact_command.c and redact_text.c share. */
#pragma once

#include "correlate/redact.h"

/* "[redacted len=N]" in place of `secret`; an empty one, or one masked already, stays. */
void redact_mask(struct buffer *ret, struct text secret);

/* The length of a mask at the beginning of `text`, or 0. */
size_t redact_mask_length(struct text text);

/* The built-in rules for text. */
void redact_known(struct text text, bool cut, struct buffer *ret);

/* The built-in rules for a command line. Returns 0 or -ENOMEM. */
int redact_known_arguments(const struct text_list *arguments, struct text_list *ret);

/* redact_value.c: the values of flags. */

/* A port, or ports, as `docker run -p` takes them. */
bool redact_is_port(struct text text);

/* NAME=value: the name stays, if it is one. Without '=' only what cannot but be one. */
void redact_pair(struct text pair, struct buffer *ret);

/* name:password, name%password, name,password: the name stays. */
void redact_user_password(struct text text, struct buffer *ret);

/* User information in front of a host, whatever it looks like, and the rules for text. */
void redact_address(struct text address, struct buffer *ret);

/* Does the name of a flag or variable say that its value is secret? */
bool redact_is_secret_name(struct text name);

/* May the character stand in such a name? */
bool redact_is_name(char c);
