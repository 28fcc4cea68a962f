/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's audit is told and asked: its state and its rules (kernel/audit.c,
 * kernel/auditfilter.c; NETLINK_AUDIT). Needs CAP_AUDIT_CONTROL, in the host's user and pid
 * namespaces.
 */
#pragma once

#include <libaudit.h>
#include <stdbool.h>
#include <stddef.h>

struct audit_kernel;

/* Returns 0; -EPERM; -ENOTSUP where the kernel has no audit; -errno. */
int audit_kernel_open(struct audit_kernel **ret);
/* Takes NULL. */
void audit_kernel_close(struct audit_kernel *kernel);

enum { AUDIT_OFF = 0, AUDIT_ON = 1, AUDIT_IMMUTABLE = 2 }; /* audit_status.enabled */

/* Returns 0; -EPERM; -ETIME where the kernel does not answer within a second; -errno. */
int audit_kernel_status(struct audit_kernel *kernel, struct audit_status *ret);

/* Rules as the kernel has them, in its order. */
struct audit_kernel_rules {
	struct audit_rule_data **items; /* owned */
	size_t count;
};

/* The same errors. */
int audit_kernel_rules(struct audit_kernel *kernel, struct audit_kernel_rules *ret);
void audit_kernel_rules_free(struct audit_kernel_rules *rules);

/*
 * Append a rule to its list, or delete it. Returns 0; -EEXIST or -ENOENT where that is so already;
 * -EPERM where the rules are immutable; what the kernel says of the rule: -ENOENT for a path whose
 * folder is not there, -EINVAL...
 */
int audit_kernel_add(struct audit_kernel *kernel, const struct audit_rule_data *rule);
int audit_kernel_delete(struct audit_kernel *kernel, const struct audit_rule_data *rule);

/* Switch audit on: from then on every system call of every process begun later costs more. */
int audit_kernel_enable(struct audit_kernel *kernel);
