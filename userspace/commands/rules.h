/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for the kernel's audit: which there should be (capture/audit_plan.h), which there are,
 * and what stands in their way. Shared by docktrail rules and the recorder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/terminal.h"
#include "base/text_list.h"
#include "capture/audit_kernel.h"
#include "capture/audit_plan.h"
#include "commands/record_options.h"

#define RULES_FOLDER "/etc/audit/rules.d"
#define RULES_FILE   RULES_FOLDER "/docktrail.rules"

struct rules_options {
	const char *config;
	bool no_exec, persist, enable, json;
	enum colour colour;
};

struct rules {
	struct audit_plan *plan;
	const struct audit_plan_rule *wanted;
	size_t count;
	struct audit_kernel *kernel; /* NULL: it was not asked */
	struct audit_status status;
	struct audit_kernel_rules loaded;
};

/*
 * A plan for these sockets: what there should be. Reads the host's files, and may have to wait for
 * a file server. Returns 0; -errno with a sentence in `problem`, or without.
 */
int rules_make_plan(const struct record_options *record, bool no_exec, struct audit_plan **ret,
		    struct buffer *problem);

/* Take a plan in place of the one that is there, which is freed. */
void rules_take_plan(struct rules *rules, struct audit_plan *plan);

/* Both. Prints what is wrong. Returns 0 or -errno. */
int rules_plan(struct rules *rules, const struct record_options *record, bool no_exec);

/* Ask the kernel what there is, for the first time or again. Returns 0 or -errno. */
int rules_ask(struct rules *rules);

/* What an errno of the kernel means for a person. */
const char *rules_problem(int error);

/* Whether the kernel has it. */
bool rules_is_loaded(const struct rules *rules, const struct audit_rule_data *rule);

/* Whether all its keys are docktrail's: nobody else's rule is changed. */
bool rules_is_own(const struct audit_rule_data *rule);

/*
 * Own rules that the kernel has and the plan has not. One without exec where the plan has it with
 * that is a recording's, and stays.
 */
bool rules_is_stale(const struct rules *rules, const struct audit_rule_data *rule);

void rules_clear(struct rules *rules);

/* ---- rules_change.c, rules_status.c: each prints what it does and returns an exit status */

int rules_install(struct rules *rules, const struct rules_options *options);
int rules_remove(struct rules *rules);
int rules_status(struct rules *rules, const struct rules_options *options);

/* ---- rules_traps.c */

/* What makes rules see less than they say, as sentences. Returns 0 or -ENOMEM. */
int rules_traps(const struct rules *rules, struct text_list *ret);
/* The same, printed: each on a line of its own behind `before`. */
int rules_say_traps(const struct rules *rules, FILE *out, const char *before);
