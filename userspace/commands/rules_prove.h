/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether loaded rules have effect: a process of our own does what they are about, in a way that
 * changes nothing, and the kernel's record of it is awaited.
 *
 *	a watch          an attribute is removed that the file has not
 *	connect          a datagram socket is connected: a stream socket refuses it (EPROTOTYPE, in
 *	                 unix_find_bsd()), and its server never hears of it
 *	setns, mount...  they are called with what they refuse
 *
 * A rule of another architecture is tried with a call of that architecture (int $0x80).
 */
#pragma once

#include <libaudit.h>
#include <stdbool.h>
#include <stddef.h>

#include "capture/audit_kernel.h"

enum rules_effect {
	RULES_UNTRIED,   /* `why` says why */
	RULES_EFFECTIVE, /* recorded */
	RULES_OF_OTHER,  /* recorded, under the key of another rule that comes first: `key` */
	RULES_SILENT,    /* done, and no record came */
};

struct rules_proof {
	const struct audit_rule_data *rule; /* in: to be tried, or NULL */
	enum rules_effect effect;
	const char *why;
	char key[64];
};

/*
 * Audit has to be on when this is called: who was forked before is not recorded. Takes about as
 * long as the records need, at most two seconds. Returns 0; -EPERM; -errno.
 */
int rules_prove(struct rules_proof *proofs, size_t count);

/*
 * Whether this kernel records what is run: a program is not run to see it. A rule of the same shape
 * is loaded for a moment, of a file of ours that is no program, and its refusal (ENOEXEC) awaited.
 * Fills `ret`, whose rule is not used. The same errors.
 */
int rules_prove_exec(struct audit_kernel *kernel, struct rules_proof *ret);
