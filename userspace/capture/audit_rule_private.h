/* SPDX-License-Identifier: Apache-2.0 */
/* What audit_rule.c (reading) and audit_rule_text.c (looking, writing) share. */
#pragma once

#include "capture/audit_rule.h"

/* Whether a field's value is the length of a text, or a user; else it is a number. */
bool audit_rule_holds_text(unsigned int field);
bool audit_rule_holds_user(unsigned int field);

/* libaudit's number for `b64`, this kernel's architecture, or `b32`, the other one whose programs
 * it can run. -1: it has none, or this is neither. */
int audit_rule_machine(struct text name);
