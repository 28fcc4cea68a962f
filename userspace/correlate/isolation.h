/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's isolation has to be, as the engine understands the request that made it and
 * the updates since: whose namespaces, which capabilities, limits and mounts, what protects it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "base/text.h"
#include "correlate/containers.h"
#include "correlate/declare.h"
#include "event/field.h"

struct record;

enum sharing_kind {
	SHARING_UNKNOWN, /* up to the engine's configuration, or it cannot be said whose */
	SHARING_PRIVATE,
	SHARING_HOST, /* the engine's own, which are the host's unless it is in others itself */
	SHARING_CONTAINER,
};

/* Whose namespace it is. */
struct sharing {
	enum sharing_kind kind;
	char id[CONTAINER_ID]; /* of SHARING_CONTAINER */
};

enum resource {
	RESOURCE_MEMORY,
	RESOURCE_PIDS,
	RESOURCE_NANO_CPUS,
	RESOURCE_CPU_QUOTA,
	RESOURCE_CPU_PERIOD,
	RESOURCES
};

enum limit { LIMIT_MEMORY, LIMIT_PIDS, LIMIT_CPUS, LIMITS };

/* Settings by the engine's names and numbers; 0: not set. */
struct resources {
	int64_t values[RESOURCES];
};

/* Both cleaned paths, or the name of a volume; "" where the engine chooses. */
struct declared_path {
	char *source, *target;
	struct file_identity file; /* what the source was when that was asked for */
	bool read_only;
};

/* Whose mounts it has as well: --volumes-from. */
struct declared_lender {
	char id[CONTAINER_ID];
	bool read_only;
};

struct isolation {
	struct sharing namespaces[DECLARED_NAMESPACES];
	struct resources declared, updated; /* the second with all updates since */
	uint64_t requests[LIMITS];          /* number of the last update of it; 0: none */
	bool updated_unknown;               /* an update could not be read */
	uint64_t capabilities;              /* that it may have */
	bool privileged, seccomp_unconfined, no_new_privileges;
	struct declared_path *mounts; /* owned */
	size_t mount_count;
	struct declared_lender *lenders; /* owned */
	size_t lender_count;
	bool mounts_unknown; /* they are of a container that is not known, or of a device's driver
			      */
};

/*
 * What a ContainerCreate declared; `containers` resolves names, which the engine does at once too
 * (NULL: it was asked for long ago, and nothing is
 * looked up as it is now). Returns 0 or -ENOMEM; *ret is NULL where its body was cut: then nothing
 * can be said.
 */
int isolation_new(const struct record *create, struct containers *containers,
		  struct isolation **ret);
/* Takes NULL. */
void isolation_free(struct isolation *isolation);

/* A ContainerUpdate, which changes limits. */
void isolation_update(struct isolation *isolation, const struct record *update);

/* Capabilities that are in one of these lists, a bit for each. */
uint64_t isolation_capabilities(const struct record *record, enum field field);

/* What a limit comes to, in the unit in which it is shown; 0: none. */
uint64_t isolation_limit(const struct resources *resources, enum limit limit);
