/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declared against actual: what the request that made a container asked for, beside what the kernel
 * shows at its start. What was not declared, or is up to the engine's configuration, is no
 * difference; nor is less than was asked for. But for seccomp: an engine whose configuration does
 * without is told with each container, as is one whose runtime does.
 */
#pragma once

#include "base/text.h"

struct isolation;
struct record;

/* What other containers declared, for those that share with them. */
struct isolation_peers {
	/* By its whole id; NULL: nothing is known of it. */
	const struct isolation *(*find)(void *user, struct text id);
	void *user;
};

/*
 * The group DIFFERENCE of a container-start that is filled otherwise, and its severity: 75, or 50
 * where a ContainerUpdate asked for all of it; that is told with its number.
 */
void isolation_compare(const struct isolation *isolation, const struct isolation_peers *peers,
		       struct record *start);
