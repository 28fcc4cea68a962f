/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request declares in its body: read by an allow-list of paths, everything else is passed
 * over. Names are matched as Go's encoding/json does it, without regard to case and with the last
 * of several winning, since that is what the engine acts upon; `HostConfig` fields at the top of a
 * create count where there is no HostConfig, as engines before v25 have it (runconfig/config.go).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/text_list.h"
#include "correlate/operations.h"

#define DECLARED_MOST_MOUNTS     256
#define DECLARED_MOST_TEXT_BYTES (16u << 10)

/* A text with data NULL was not declared. Zero-terminated, owned by the struct around it. */
struct declared_mount {
	struct text type; /* bind, volume, tmpfs, ... */
	struct text source;
	struct text target;
	struct text mode;   /* options, separated by commas; "ro" for ReadOnly */
	struct text device; /* of a volume: what its driver is told to mount */
};

enum declared_namespace {
	DECLARED_PID,
	DECLARED_NET,
	DECLARED_IPC,
	DECLARED_UTS,
	DECLARED_USER,
	DECLARED_CGROUP,
	DECLARED_NAMESPACES
};

/* The texts of struct declared, and its lists: the only list of either. */
#define DECLARED_TEXTS(TEXT)                                                                       \
	TEXT(image) /* of a container; that is made, pulled, pushed or imported */                 \
	TEXT(user)                                                                                 \
	TEXT(name)      /* of a container, volume, network, secret, config, service, plugin */     \
	TEXT(container) /* that joins or leaves a network, or is committed */                      \
	TEXT(source)    /* of a build or an import: an address */                                  \
	TEXT(driver)    /* of a volume, network, secret */

#define DECLARED_LISTS(LIST)                                                                       \
	LIST(command)      /* entrypoint and command: still to be masked */                        \
	LIST(healthcheck)  /* a command too */                                                     \
	LIST(environment)  /* names only */                                                        \
	LIST(devices)      /* paths on the host; "driver:id" of device requests */                 \
	LIST(device_rules) /* DeviceCgroupRules */                                                 \
	LIST(capabilities_add)                                                                     \
	LIST(capabilities_drop)                                                                    \
	LIST(security_options) /* a whole profile by its length only */                            \
	LIST(sysctls)          /* name=value */                                                    \
	LIST(volumes_from)                                                                         \
	LIST(ports) /* address:port:port/protocol, what is published first */                      \
	LIST(networks)                                                                             \
	LIST(driver_options) /* name=value, most values by their length */                         \
	LIST(labels)         /* name=, and the length of the value */                              \
	LIST(secrets)        /* that a service is given, by name */                                \
	LIST(configs)                                                                              \
	LIST(privileges) /* of a plugin: name=value */                                             \
	LIST(settings)   /* anything else as Name=value, what is 0, false or "" left out */

struct declared {
#define DECLARED_TEXT(name) struct text name;
	DECLARED_TEXTS(DECLARED_TEXT)
#undef DECLARED_TEXT
#define DECLARED_LIST(name) struct text_list name;
	DECLARED_LISTS(DECLARED_LIST)
#undef DECLARED_LIST
	signed char privileged;                      /* -1: not declared */
	struct text namespaces[DECLARED_NAMESPACES]; /* as written; "" is the engine's default */
	struct declared_mount *mounts;
	size_t mount_count;
	bool paths_unmasked; /* MaskedPaths or ReadonlyPaths declared empty */
	bool mounts_host;    /* a volume's driver is told to mount what gives isolation away */
	bool cut;            /* something is missing, or was longer than what is kept */
	bool repeated;       /* a name occurs twice in one object: somebody may be fooled */
	bool broken;         /* no JSON from somewhere on */
	bool whole;          /* read to its end */
};

struct record;
struct redact;
struct declare;

/* A reader for the body of an operation that declares something. Returns 0 or -ENOMEM. */
int declare_new(enum operation_declares declares, struct declare **ret);

/*
 * What the query of the request declares: names of images, addresses that they come from, the
 * network of a build. `target` is that of its path, `query` what redact_query() has let through; of
 * several parameters of one name the engine takes the first (Go's url.Values.Get). Returns 0 or
 * -ENOMEM.
 */
int declare_query(struct declare *declare, const struct operation *operation, struct text target,
		  struct text query);

/* The next bytes of the body. Returns 0 or -ENOMEM. */
int declare_feed(struct declare *declare, const char *data, size_t length);

/* Bytes are missing: what follows is not read. */
void declare_gap(struct declare *declare);

/*
 * What was declared so far; nothing is fed any more. Owned by the reader. Returns 0 or -ENOMEM.
 */
int declare_finish(struct declare *declare, const struct declared **ret);

/* How what is made is to be called, as far as it was read; empty: not known. */
struct text declare_object_name(const struct declare *declare);

/* Takes NULL. */
void declare_free(struct declare *declare);

/* Into the DECLARED fields of an event, secrets masked, and its severity raised. */
void declare_fill(const struct declared *declared, const struct redact *redact,
		  struct record *record);

/*
 * event.severity that follows from it: 75 where isolation is given away, else 0. What is cut or
 * declared twice in the lists that decide it counts as given away.
 */
unsigned declare_severity(const struct declared *declared);

#define DECLARE_CAPABILITY 40 /* room for a capability's name and its zero */

/*
 * A capability's name as the engine understands it (moby, NormalizeLegacyCapabilities): in upper
 * case as Go's strings.ToUpper() has it, which makes ASCII of two other letters too, here without
 * CAP_. Returns false for what is longer than any.
 */
bool declare_capability(struct text written, char name[DECLARE_CAPABILITY]);

/* Does this capability ("CAP_SYS_ADMIN", the prefix and case as one likes) reach the host? */
bool declare_is_strong(const char *capability);

/* An absolute path without "//", "." and "..", and no slash at the end: "/" is "". */
void declare_clean_path(struct text path, struct buffer *ret);

/* Is this path on the host one whose mount gives isolation away? The path is cleaned first. */
bool declare_is_sensitive(struct text path);

/* What is sensitive, row by row: an absolute path and WIRE_FILE_...; false behind the last. */
bool declare_sensitive_row(size_t row, const char **path, uint16_t *kind);

/* Where an answer's body names what was made. */
enum declare_answer {
	DECLARE_ANSWER_NONE,
	DECLARE_ANSWER_ID,   /* {"Id": ...} */
	DECLARE_ANSWER_NAME, /* {"Name": ...} */
	DECLARE_ANSWER_AUX,  /* a stream of objects, the last {"aux": {"ID": ...}} */
};

/* For an operation, which may be NULL. */
enum declare_answer declare_answer_of(const struct operation *operation);

#define DECLARE_MOST_ID_BYTES 256

struct declare_answer_reader;

/* A reader for such an answer. Returns 0 or -ENOMEM. */
int declare_answer_new(enum declare_answer answer, struct declare_answer_reader **ret);
/* The next bytes of the body. Returns 0 or -ENOMEM. */
int declare_answer_feed(struct declare_answer_reader *reader, const char *data, size_t length);
/* Bytes are missing: what follows is not read. */
void declare_answer_gap(struct declare_answer_reader *reader);
/* What was found so far, or empty; owned by the reader. */
struct text declare_answer_found(const struct declare_answer_reader *reader);
/* Takes NULL. */
void declare_answer_free(struct declare_answer_reader *reader);
