/* SPDX-License-Identifier: Apache-2.0 */
/* The allow-list: which fields of which bodies are kept, and how. Private to declare.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"

/* The objects that are looked into. */
enum context {
	CONTEXT_NONE, /* nothing in it is */
	CONTEXT_CONTAINER,
	CONTEXT_HOST,
	CONTEXT_EXEC,
	CONTEXT_VOLUME,
	CONTEXT_SERVICE,
	CONTEXT_TASK,
	CONTEXT_SPEC,
	CONTEXT_NAME,
	CONTEXT_MEMBER,
	CONTEXT_MOUNT,
	CONTEXT_VOLUME_OPTIONS,
	CONTEXT_DRIVER,
	CONTEXT_DEVICE,
	CONTEXT_REQUEST,
	CONTEXT_ELEMENTS, /* an array: its elements belong to the row */
	CONTEXT_MAP,      /* an object whose names are data */
	CONTEXTS,
};

/* How a value is kept. */
enum keep {
	KEEP_TEXT,
	KEEP_FLAG,
	KEEP_LIST,    /* strings, or one string */
	KEEP_OPTIONS, /* as a list, long ones by length only */
	KEEP_NAMES,   /* NAME=value: the names */
	KEEP_KEYS,    /* of a map: the names */
	KEEP_PAIRS,   /* of a map: name=value */
	KEEP_DEVICE,  /* of a map: the value of "device" */
	KEEP_EMPTY,   /* a list: only whether it is empty */
	KEEP_OBJECT,
	KEEP_OBJECTS,
};

enum where { IN_DECLARED, IN_READER, IN_HOST, IN_ELEMENT };

struct row {
	enum context context;
	const char *name;
	enum keep keep;
	enum where where;
	size_t offset;
	enum context next;
};

#define DECLARED(field) IN_DECLARED, offsetof(struct declared, field)
#define READER(field)   IN_READER, offsetof(struct declare, field)
#define HOST(field)     IN_HOST, offsetof(struct host, field)
#define ELEMENT(field)  IN_ELEMENT, offsetof(struct element, field)
#define NOWHERE         IN_READER, 0
#define ROW_NONE        0xff

/* clang-format off */
static const struct row rows[] = {
	{ CONTEXT_CONTAINER, "Image",	   KEEP_TEXT,  DECLARED(image),	      0 },
	{ CONTEXT_CONTAINER, "User",	   KEEP_TEXT,  DECLARED(user),	      0 },
	{ CONTEXT_CONTAINER, "Cmd",	   KEEP_LIST,  DECLARED(command),     0 },
	{ CONTEXT_CONTAINER, "Entrypoint", KEEP_LIST,  READER(entrypoint),    0 },
	{ CONTEXT_CONTAINER, "Env",	   KEEP_NAMES, DECLARED(environment), 0 },
	{ CONTEXT_CONTAINER, "Volumes",	   KEEP_KEYS,  READER(volumes),	      0 },
	{ CONTEXT_CONTAINER, "HostConfig", KEEP_OBJECT, HOST(present),	      CONTEXT_HOST },

	{ CONTEXT_HOST, "Privileged",	     KEEP_FLAG,	   HOST(privileged),		     0 },
	{ CONTEXT_HOST, "PidMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_PID]),    0 },
	{ CONTEXT_HOST, "NetworkMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_NET]),    0 },
	{ CONTEXT_HOST, "IpcMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_IPC]),    0 },
	{ CONTEXT_HOST, "UTSMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_UTS]),    0 },
	{ CONTEXT_HOST, "UsernsMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_USER]),   0 },
	{ CONTEXT_HOST, "CgroupnsMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_CGROUP]), 0 },
	{ CONTEXT_HOST, "Binds",	     KEEP_LIST,	   HOST(binds),			     0 },
	{ CONTEXT_HOST, "Mounts",	     KEEP_OBJECTS, HOST(mounts),		     CONTEXT_MOUNT },
	{ CONTEXT_HOST, "Tmpfs",	     KEEP_KEYS,	   HOST(tmpfs),			     0 },
	{ CONTEXT_HOST, "VolumesFrom",	     KEEP_LIST,	   HOST(volumes_from),		     0 },
	{ CONTEXT_HOST, "Devices",	     KEEP_OBJECTS, HOST(devices),		     CONTEXT_DEVICE },
	{ CONTEXT_HOST, "DeviceRequests",    KEEP_OBJECTS, HOST(requests),		     CONTEXT_REQUEST },
	{ CONTEXT_HOST, "DeviceCgroupRules", KEEP_LIST,	   HOST(device_rules),		     0 },
	{ CONTEXT_HOST, "CapAdd",	     KEEP_LIST,	   HOST(add),			     0 },
	{ CONTEXT_HOST, "CapDrop",	     KEEP_LIST,	   HOST(drop),			     0 },
	{ CONTEXT_HOST, "SecurityOpt",	     KEEP_OPTIONS, HOST(options),		     0 },
	{ CONTEXT_HOST, "Sysctls",	     KEEP_PAIRS,   HOST(sysctls),		     0 },
	{ CONTEXT_HOST, "MaskedPaths",	     KEEP_EMPTY,   HOST(masked_empty),		     0 },
	{ CONTEXT_HOST, "ReadonlyPaths",     KEEP_EMPTY,   HOST(readonly_empty),	     0 },

	{ CONTEXT_EXEC, "Cmd",	      KEEP_LIST,  DECLARED(command),	 0 },
	{ CONTEXT_EXEC, "User",	      KEEP_TEXT,  DECLARED(user),	 0 },
	{ CONTEXT_EXEC, "Privileged", KEEP_FLAG,  HOST(privileged),	 0 },
	{ CONTEXT_EXEC, "Env",	      KEEP_NAMES, DECLARED(environment), 0 },

	{ CONTEXT_VOLUME, "Name",	KEEP_TEXT,   DECLARED(name),  0 },
	{ CONTEXT_VOLUME, "DriverOpts", KEEP_DEVICE, ELEMENT(device), 0 },

	{ CONTEXT_SERVICE, "Name",	    KEEP_TEXT,	  DECLARED(name),	 0 },
	{ CONTEXT_SERVICE, "TaskTemplate",  KEEP_OBJECT,  NOWHERE,		 CONTEXT_TASK },
	{ CONTEXT_TASK,	   "ContainerSpec", KEEP_OBJECT,  NOWHERE,		 CONTEXT_SPEC },
	{ CONTEXT_SPEC,	   "Image",	    KEEP_TEXT,	  DECLARED(image),	 0 },
	{ CONTEXT_SPEC,	   "User",	    KEEP_TEXT,	  DECLARED(user),	 0 },
	{ CONTEXT_SPEC,	   "Command",	    KEEP_LIST,	  READER(entrypoint),	 0 },
	{ CONTEXT_SPEC,	   "Args",	    KEEP_LIST,	  DECLARED(command),	 0 },
	{ CONTEXT_SPEC,	   "Env",	    KEEP_NAMES,	  DECLARED(environment), 0 },
	{ CONTEXT_SPEC,	   "Mounts",	    KEEP_OBJECTS, HOST(mounts),		 CONTEXT_MOUNT },
	{ CONTEXT_SPEC,	   "CapabilityAdd", KEEP_LIST,	  HOST(add),		 0 },
	{ CONTEXT_SPEC,	   "CapabilityDrop", KEEP_LIST,	  HOST(drop),		 0 },
	{ CONTEXT_SPEC,	   "Sysctls",	    KEEP_PAIRS,	  HOST(sysctls),	 0 },

	{ CONTEXT_NAME,	  "Name",      KEEP_TEXT, DECLARED(name),      0 },
	{ CONTEXT_MEMBER, "Container", KEEP_TEXT, DECLARED(container), 0 },

	{ CONTEXT_MOUNT,	  "Type",	   KEEP_TEXT,	ELEMENT(type),	    0 },
	{ CONTEXT_MOUNT,	  "Source",	   KEEP_TEXT,	ELEMENT(source),    0 },
	{ CONTEXT_MOUNT,	  "Target",	   KEEP_TEXT,	ELEMENT(target),    0 },
	{ CONTEXT_MOUNT,	  "ReadOnly",	   KEEP_FLAG,	ELEMENT(read_only), 0 },
	{ CONTEXT_MOUNT,	  "VolumeOptions", KEEP_OBJECT, NOWHERE, CONTEXT_VOLUME_OPTIONS },
	{ CONTEXT_VOLUME_OPTIONS, "DriverConfig",  KEEP_OBJECT, NOWHERE, CONTEXT_DRIVER },
	{ CONTEXT_DRIVER,	  "Options",	   KEEP_DEVICE, ELEMENT(device),    0 },

	{ CONTEXT_DEVICE,  "PathOnHost",   KEEP_TEXT, ELEMENT(source),	     0 },
	{ CONTEXT_REQUEST, "Driver",	   KEEP_TEXT, ELEMENT(driver),	     0 },
	{ CONTEXT_REQUEST, "DeviceIDs",	   KEEP_LIST, ELEMENT(ids),	     0 },
	{ CONTEXT_REQUEST, "Capabilities", KEEP_LIST, ELEMENT(capabilities), 0 },
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(rows) <= 64, "a bit for each row in struct frame");
