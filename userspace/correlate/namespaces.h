/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose namespaces a task is in: the host's, a container's, or its own. Compared by inum with those
 * of the host; what the host does not have belongs to the container that was seen in it first,
 * until that container is gone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"

#define NAMESPACES_CONTAINERS 4096
#define NAMESPACES_TEXT       (sizeof("container:") + WIRE_CONTAINER)

struct namespaces;

/*
 * With the inums that never change (include/linux/proc_ns.h: pid ipc uts user cgroup time) as the
 * host's; mnt and net are unknown until they are told. Returns 0 or -ENOMEM.
 */
int namespaces_new(struct namespaces **ret);
/* Takes NULL. */
void namespaces_free(struct namespaces *namespaces);

/* The host's, as an iterator over tasks found them at pid 2, or /proc/2/ns; 0 changes nothing. */
void namespaces_set_host(struct namespaces *namespaces, const uint32_t inums[WIRE_NAMESPACES]);

/*
 * A task ran a program (or acts). If it is the first one of its container, in a mount namespace
 * that is not the host's, what it is in is the container's. Not for forks: runc makes some of the
 * namespaces after its last one, and its own exec in the container's cgroup is still in the host's.
 * Nor for a task that has ended: what it was in may be another container's by now.
 */
void namespaces_learn(struct namespaces *namespaces, const struct wire_task *task);

/* A container has ended: the kernel gives its inums to others now. `id` is not terminated. */
void namespaces_forget(struct namespaces *namespaces, const char id[WIRE_CONTAINER]);

/*
 * The first process of a container ended at `ended` (boot clock, ns), and with its pid namespace
 * all others: its inums may be given away from now on, even where nobody hears of the others' ends.
 * What it began with is known until it is forgotten, or begins again.
 */
void namespaces_end(struct namespaces *namespaces, const char id[WIRE_CONTAINER], uint64_t ended);

/*
 * "host", "private" (its own, or its container's) or "container:<64 digits>" (of another
 * container); NULL for unknown. `text` is where the last one is put together.
 */
const char *namespaces_describe(const struct namespaces *namespaces, const struct wire_task *task,
				enum wire_namespace namespace, char text[NAMESPACES_TEXT]);
/* The same of a task that ended at `ended` (boot clock, ns): no container that began later is told.
 */
const char *namespaces_describe_ended(const struct namespaces *namespaces,
				      const struct wire_task *task, enum wire_namespace namespace,
				      uint64_t ended, char text[NAMESPACES_TEXT]);

/* Whether this is what the task's container had from the begin, shared or its own; of a task in
 * none, the host's. */
bool namespaces_usual(const struct namespaces *namespaces, const struct wire_task *task,
		      enum wire_namespace namespace);
