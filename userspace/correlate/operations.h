/* SPDX-License-Identifier: Apache-2.0 */
/* Which of Docker's operations a request is: see operations_table.h for the list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/text.h"
#include "correlate/operations_table.h"

enum operation_declares {
	OPERATION_DECLARES_none,
	OPERATION_DECLARES_query,     /* its query alone: the body is none of JSON */
	OPERATION_DECLARES_container, /* create, and commit: its config */
	OPERATION_DECLARES_host,      /* the host's part alone: update, and start before v1.24 */
	OPERATION_DECLARES_exec,
	OPERATION_DECLARES_checkpoint,
	OPERATION_DECLARES_volume,
	OPERATION_DECLARES_cluster_volume, /* an update */
	OPERATION_DECLARES_network,
	OPERATION_DECLARES_member, /* the container that joins or leaves a network */
	OPERATION_DECLARES_service,
	OPERATION_DECLARES_secret,          /* or a config */
	OPERATION_DECLARES_privileges,      /* that a plugin is granted */
	OPERATION_DECLARES_plugin_settings, /* NAME=value */
	OPERATION_DECLARES_swarm,           /* init, join, update */
	OPERATION_DECLARES_node,
	OPERATION_DECLARES_COUNT
};

struct operation {
	const char *method;
	const char *path;
	const char *id;     /* Docker's operationId */
	const char *target; /* docktrail.target.type */
	unsigned char severity;
	enum operation_declares declares;
	const char *query; /* see operations_table.h */
};

struct operation_match {
	const struct operation *operation; /* NULL: none that is known */
	struct buffer path;                /* owned: decoded and clean, with its version */
	struct text version;               /* "1.41" or empty; a slice of path */
	struct text target;                /* id or name in the path, or empty; a slice of path */
	struct text raw_path;              /* as received; a slice of what was given */
	struct text query;                 /* as received, without '?'; a slice of what was given */
	bool refused;                      /* no request target that Go takes: it answers 400 */
	bool redirected;                   /* not clean: the engine answers 301 and does nothing */
};

/*
 * Find the operation of a request line, as Go's url.ParseRequestURI and the engine's router
 * (gorilla/mux, which decodes, then cleans the path) would: what it does not dispatch has none.
 * Fills *match, whose path is reused; give it back with operation_match_free(). Returns 0 or
 * -ENOMEM.
 */
int operation_find(struct operation_match *match, struct text method, struct text target);

/* event.severity of a request: that of its row; 0 for what only reads, 25 for what nobody knows. */
unsigned operation_severity(const struct operation_match *match, struct text method);

/* May this request take the connection over without an Upgrade header? */
bool operation_may_take_over(const struct operation *operation);

/* Is the value of this query parameter kept? `operation` may be NULL: none is. */
bool operation_keeps(const struct operation *operation, struct text name);

/* All rows, for listing; the count goes to *ret_count. */
const struct operation *operation_all(size_t *ret_count);

/* Give the memory back. Takes NULL. */
void operation_match_free(struct operation_match *match);

/* Append `text` with %XX decoded; `plus`: '+' is a space, as in a query. False if an escape is
 * broken; then it stands as it was. Bytes that cannot be appended set the buffer's error. */
bool operation_decode(struct buffer *buffer, struct text text, bool plus);
