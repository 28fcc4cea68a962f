/* SPDX-License-Identifier: Apache-2.0 */
/* What `docktrail record` is told: by its configuration file, then by its command line, which wins.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"

#define RECORD_LIST_MOST 64

/* Owned strings, ended by NULL. */
struct string_list {
	char *items[RECORD_LIST_MOST + 1];
	unsigned int count;
};

/*
 * Whether the kernel's audit is asked, too. AUTO: where it is on already, or auditd runs. DAEMON:
 * as ON, and this is the audit daemon, for whom the kernel keeps what was not read yet.
 */
enum record_audit { RECORD_AUDIT_AUTO, RECORD_AUDIT_ON, RECORD_AUDIT_OFF, RECORD_AUDIT_DAEMON };

struct record_options {
	char *config; /* file that was read, or NULL */
	char *trail, *state;
	struct string_list sockets;  /* paths of engines' sockets */
	struct string_list patterns; /* further ones, `*` for a folder's name */
	struct string_list connects; /* of these only connects and sizes; paths or patterns */
	struct string_list ports;    /* an engine's TCP ports, whoever listens; none: the usual */
	struct string_list engine_roots; /* where engines keep their containers' files */
	struct string_list masks;        /* further patterns of secrets, POSIX extended */
	struct string_list mask_names;   /* of flags and variables whose value is one */
	char *rung;                      /* only this rung of the ladder */
	char *live;                      /* format to print committed events in, or NULL */
	uint32_t ring_bytes[WIRE_RINGS];
	uint32_t volume_bytes;
	uint32_t heartbeat_s;
	uint32_t sweep_s;         /* between two looks at watched files; 0: none */
	bool host_capabilities;   /* those that processes in no container use, too */
	uint32_t queue_bytes;     /* of events that wait for the disk */
	uint32_t checkpoint_s;    /* between two anchors in the journal; 0: none */
	uint32_t segment_bytes;   /* of a segment of the trail; */
	uint32_t segment_s;       /* and how long it is written to */
	uint64_t retention_bytes; /* of the trail, beyond which something is dropped; 0: never */
	uint32_t retention_routine_s, retention_evidence_s; /* but nothing younger than that */
	bool pack;                                          /* closed segments of the trail */
	bool halt_on_full; /* end where there is no room for the trail, instead of going on */
	enum record_audit audit;
};

#define RECORD_CONFIG_DEFAULT "/etc/docktrail/docktrail.conf"
#define RECORD_TRAIL_DEFAULT  "/var/log/docktrail"
#define RECORD_STATE_DEFAULT  "/var/lib/docktrail"

/*
 * Read the command line and the configuration. Prints what is wrong, with the file and line or the
 * option, and returns -EINVAL; 0; or -ENOMEM. A --help ends the process, as argp does.
 */
int record_options_parse(struct record_options *options, int argc, char **argv);

/*
 * The configuration and its defaults alone, for commands beside record: `config` is the default
 * file where it is NULL; `sockets`, where there are any, stand in place of the configuration's and
 * are taken. The same errors.
 */
int record_options_read(struct record_options *options, const char *config,
			struct string_list *sockets);

void record_options_clear(struct record_options *options);
