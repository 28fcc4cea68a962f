/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: rules/audit/docktrail.rules with this host's paths in place of names. Read from the
 * host's files alone; nothing here speaks to the kernel's audit.
 */
#pragma once

#include <libaudit.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* What begins the keys of these rules, and of no others. */
#define AUDIT_PLAN_KEY "docktrail-"

struct audit_plan_rule {
	const char *text;  /* as auditctl reads it; a name that nothing was found for stays in it */
	const char *cis;   /* numbers in the CIS Docker Benchmark, or "" */
	const char *about; /* for people */
	const char *waits; /* why it cannot be loaded as things are; NULL: it can, */
	struct audit_rule_data *data; /* like this */
};

struct audit_plan_options {
	const char *const *sockets; /* paths, * for the name of a folder; ended by NULL */
	bool no_exec;               /* nothing is recorded of what is run */
	const char *root;           /* of the host's files; NULL: the root itself. For tests */
};

struct audit_plan;

/* Look at the host. Returns 0; -EINVAL with a sentence in `problem`; -ENOMEM. */
int audit_plan_new(const struct audit_plan_options *options, struct audit_plan **ret,
		   struct buffer *problem);

size_t audit_plan_rules(const struct audit_plan *plan, const struct audit_plan_rule **ret);

/* How many rules there would be beyond the bound, homes of users beyond theirs. */
size_t audit_plan_left_out(const struct audit_plan *plan);

/*
 * As a file for /etc/audit/rules.d, behind what stands in `file`: comments, rules, and as comments
 * those that cannot be loaded, and those that `left_out` gives a reason for (NULL: none).
 */
void audit_plan_print(const struct audit_plan *plan,
		      const char *(*left_out)(const struct audit_plan_rule *rule),
		      struct buffer *file);

/* Takes NULL. */
void audit_plan_free(struct audit_plan *plan);
