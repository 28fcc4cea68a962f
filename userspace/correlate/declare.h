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
	struct text mode;   /* options as written; "ro" for ReadOnly */
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

struct declared {
	struct text image, user;
	struct text name;             /* of a volume, network, secret, config, service */
	struct text container;        /* that joins or leaves a network */
	struct text_list command;     /* entrypoint and command: still to be masked */
	struct text_list environment; /* names only */
	signed char privileged;       /* -1: not declared */
	struct text namespaces[DECLARED_NAMESPACES]; /* as written; "" is the engine's default */
	struct declared_mount *mounts;
	size_t mount_count;
	struct text_list devices;      /* paths on the host; "driver:id" of device requests */
	struct text_list device_rules; /* DeviceCgroupRules */
	struct text_list capabilities_add, capabilities_drop;
	struct text_list security_options; /* a whole profile by its length only */
	struct text_list sysctls;          /* name=value */
	struct text_list volumes_from;
	bool paths_unmasked; /* MaskedPaths or ReadonlyPaths declared empty */
	bool cut;            /* something was longer than what is kept */
	bool repeated;       /* a name occurs twice in one object: somebody may be fooled */
	bool broken;         /* no JSON from somewhere on */
	bool whole;          /* read to its end */
};

struct declare;

/* A reader for the body of an operation that declares something. Returns 0 or -ENOMEM. */
int declare_new(enum operation_declares declares, struct declare **ret);

/* The next bytes of the body. Returns 0 or -ENOMEM. */
int declare_feed(struct declare *declare, const char *data, size_t length);

/* Bytes are missing: what follows is not read. */
void declare_gap(struct declare *declare);

/*
 * What was declared so far; nothing is fed any more. Owned by the reader. Returns 0 or -ENOMEM.
 */
int declare_finish(struct declare *declare, const struct declared **ret);

/* Takes NULL. */
void declare_free(struct declare *declare);

/*
 * event.severity that follows from it: 75 where isolation is given away, else 0. What is cut or
 * declared twice in the lists that decide it counts as given away.
 */
unsigned declare_severity(const struct declared *declared);

/* Is this path on the host one whose mount gives isolation away? The path is cleaned first. */
bool declare_is_sensitive(struct text path);

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
