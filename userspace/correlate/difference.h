/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declared against actual: what the request that made a container asked for, beside what the kernel
 * shows at its start. What was not declared, or is up to the engine's configuration, is no
 * difference; nor is less than was asked for.
 */
#pragma once

struct containers;
struct isolation;
struct record;

/* What a ContainerCreate declared. Returns 0 or -ENOMEM; *ret is NULL where its body was cut: then
 * nothing can be said. */
int isolation_new(const struct record *create, struct isolation **ret);
/* Takes NULL. */
void isolation_free(struct isolation *isolation);

/* A ContainerUpdate: what it changes is told with its number. */
void isolation_update(struct isolation *isolation, const struct record *update);

/*
 * The group DIFFERENCE of a container-start that is filled otherwise, and its severity: 75, or 50
 * where a ContainerUpdate asked for all of it. `containers` resolves names (may be NULL).
 */
void isolation_compare(const struct isolation *isolation, struct containers *containers,
		       struct record *start);
