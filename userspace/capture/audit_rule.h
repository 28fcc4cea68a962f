/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule of the kernel's audit, as auditctl(8) writes it and as the kernel takes and lists it
 * (struct audit_rule_data, linux/audit.h; kernel/auditfilter.c). Built from the public structure
 * and libaudit's tables of names: libaudit's own builder keeps state between rules.
 */
#pragma once

#include <libaudit.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/text.h"

/*
 * Read `-w PATH -p rwxa -k KEY`, or `-a LIST,ACTION [-F FIELD=VALUE]... [-S NAME[,NAME]]... -k
 * KEY`; words are parted by blanks. A watch is of a folder and all below it where `folder` is set,
 * else of one name. Of fields those that hold a number, a path or a text; of users their numbers
 * and `unset`. On success *ret is owned by the caller, free(). Returns 0; -EINVAL with a sentence
 * in `problem`; -ENOMEM.
 */
int audit_rule_parse(const char *text, bool folder, struct audit_rule_data **ret,
		     struct buffer *problem);

/* As `auditctl -l` lists it: a watch as such where it is one. */
void audit_rule_append(const struct audit_rule_data *rule, struct buffer *text);

/* Whether the kernel would take them for the same (audit_compare_rule). */
bool audit_rule_equal(const struct audit_rule_data *a, const struct audit_rule_data *b);
/* The same, whether one of them is about what is run, too, or not. */
bool audit_rule_equal_but_exec(const struct audit_rule_data *a, const struct audit_rule_data *b);

/* The text of a string field (AUDIT_WATCH, AUDIT_DIR, AUDIT_FILTERKEY...), or an empty one. */
struct text audit_rule_text(const struct audit_rule_data *rule, unsigned int field);

/* Whether one of its keys begins like this: a rule may have several. */
bool audit_rule_has_key(const struct audit_rule_data *rule, struct text beginning);

/* What is watched, of a path or a folder; empty where it is no rule about one. */
struct text audit_rule_path(const struct audit_rule_data *rule);

/* AUDIT_PERM_ bits; all of them where the rule names none. */
unsigned int audit_rule_permissions(const struct audit_rule_data *rule);

/* Whether this call (of the rule's architecture) is one it is about. */
bool audit_rule_has_call(const struct audit_rule_data *rule, int call);
