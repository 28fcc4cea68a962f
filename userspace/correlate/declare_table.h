/* SPDX-License-Identifier: Apache-2.0 */
/* The allow-list: which fields of which bodies are kept, and how. Private to declare_*.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "correlate/operations.h"

/* The objects that are looked into. */
enum context {
	CONTEXT_NONE, /* nothing in it is */
	CONTEXT_CONTAINER,
	CONTEXT_HOST,
	CONTEXT_RESTART,
	CONTEXT_LOG,
	CONTEXT_HEALTH,
	CONTEXT_NETWORKING,
	CONTEXT_PORT,
	CONTEXT_EXEC,
	CONTEXT_CHECKPOINT,
	CONTEXT_VOLUME,
	CONTEXT_CLUSTER_VOLUME,
	CONTEXT_CLUSTER_SPEC,
	CONTEXT_NETWORK,
	CONTEXT_CONFIG_FROM,
	CONTEXT_ADDRESSES,
	CONTEXT_POOL,
	CONTEXT_MEMBER,
	CONTEXT_ENDPOINT,
	CONTEXT_ENDPOINT_ADDRESSES,
	CONTEXT_SERVICE,
	CONTEXT_MODE,
	CONTEXT_PUBLISHED,
	CONTEXT_SERVICE_PORT,
	CONTEXT_TASK,
	CONTEXT_PLACEMENT,
	CONTEXT_CONDITION,
	CONTEXT_ATTACHMENT,
	CONTEXT_SPEC,
	CONTEXT_SECURITY,
	CONTEXT_SELINUX,
	CONTEXT_SECCOMP,
	CONTEXT_APPARMOR,
	CONTEXT_SECRET_GIVEN,
	CONTEXT_CONFIG_GIVEN,
	CONTEXT_PLUGIN,
	CONTEXT_PRIVILEGE,
	CONTEXT_SECRET,
	CONTEXT_SECRET_DRIVER,
	CONTEXT_TEMPLATING,
	CONTEXT_SWARM,
	CONTEXT_AUTHORITY,
	CONTEXT_EXTERNAL_AUTHORITY,
	CONTEXT_TASK_DEFAULTS,
	CONTEXT_NODE,
	CONTEXT_MOUNT,
	CONTEXT_BIND_OPTIONS,
	CONTEXT_VOLUME_OPTIONS,
	CONTEXT_DRIVER,
	CONTEXT_DEVICE,
	CONTEXT_REQUEST,
	CONTEXT_PRIVILEGES,      /* a body that is an array of privileges */
	CONTEXT_PLUGIN_SETTINGS, /* a body that is an array of strings */
	CONTEXT_ELEMENTS,        /* an array: its elements belong to the row */
	CONTEXT_MAP,             /* an object whose names are data */
	CONTEXTS,
};

/* How a value is kept. */
enum keep {
	KEEP_TEXT,
	KEEP_NUMBER, /* as a text */
	KEEP_FLAG,
	KEEP_LIST,            /* strings, or one string */
	KEEP_ITEM,            /* a string: one more of the list */
	KEEP_OPTIONS,         /* as a list, long ones by length only */
	KEEP_NAMES,           /* NAME=value: the names */
	KEEP_SETTING,         /* Name=value into the list, for each of an array */
	KEEP_LIMIT,           /* the same; of an update 0 counts: it takes a limit away */
	KEEP_LENGTH,          /* Name= and the length */
	KEEP_WORD,            /* true: the label into the list */
	KEEP_PLUGIN_SETTING,  /* NAME=value: paths as they are */
	KEEP_KEYS,            /* of a map: the names; with a label "label=name" */
	KEEP_PAIRS,           /* of a map: name=value */
	KEEP_LENGTHS,         /* of a map: name= and the length, behind the label */
	KEEP_VOLUME_OPTIONS,  /* of a map: what a volume's driver is told */
	KEEP_NETWORK_OPTIONS, /* of a map: as KEEP_PAIRS those of Docker, others as KEEP_LENGTHS */
	KEEP_PORTS,           /* of a map: each of the array is a port of the container */
	KEEP_EMPTY,           /* a list: only whether it is empty */
	KEEP_OBJECT,
	KEEP_OBJECTS, /* an array of them that replaces what was there */
	KEEP_EACH,    /* an array of them */
};

enum where { IN_DECLARED, IN_READER, IN_HOST, IN_ELEMENT };

struct row {
	enum context context;
	const char *name;
	enum keep keep;
	enum where where;
	size_t offset;
	enum context next;
	const char *label; /* what the setting is called, where that is not the name */
};

#define ROW_NONE          0xff
#define DECLARE_MOST_ROWS 254

/* The row of a field, or ROW_NONE. The fields of a host may stand at the top of a create. */
uint8_t declare_find_row(enum context context, struct text key);

/* The row, or NULL for ROW_NONE. */
const struct row *declare_row(uint8_t row);

/* What a body begins with: an object, or an array whose elements belong to *ret_row. */
enum context declare_root(enum operation_declares declares, uint8_t *ret_row);

/*
 * Is this key the field? As encoding/json folds: without regard to case, and the two letters that
 * Unicode folds into ASCII, the long s and the Kelvin sign.
 */
bool declare_is_field(const char *field, struct text key);
