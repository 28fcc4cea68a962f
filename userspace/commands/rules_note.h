/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a rule in the kernel is: it does not say who loaded it, so that is noted beside it. */
#pragma once

#include <libaudit.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* What `docktrail rules install` has loaded; gone with the boot, as the rules are. */
#define RULES_NOTE_INSTALLED "/run/docktrail-rules"

/*
 * Replace the note at `path`, which says the boot as well; without rules it is removed. Returns 0
 * or -errno.
 */
int rules_note_write(const char *path, struct audit_rule_data *const *rules, size_t count);

/* What is noted there in this boot, into `ret`; nothing where there is no such note. Returns 0 or
 * -ENOMEM. */
int rules_note_read(const char *path, struct buffer *ret);
bool rules_note_has(const struct buffer *note, const struct audit_rule_data *rule);

/* Whether `docktrail rules install` loaded it, or auditd does from what that wrote. */
bool rules_is_installed(const struct audit_rule_data *rule);
