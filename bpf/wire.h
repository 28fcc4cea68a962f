/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What goes through the rings: derived from bpf/events.h, private to one build (the probes and the
 * decoder are compiled together, so padding and order may be whatever the compiler makes of them).
 * Never written to disk: padding may hold stale bytes.
 */
#pragma once

#include "bpf/events.h"

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum wire_ring { WIRE_RING_state, WIRE_RING_api, WIRE_RING_noise, WIRE_RINGS };

#define WIRE_ID(name, ring, meaning) WIRE_##name,
enum wire_message { MESSAGES(WIRE_ID) WIRE_MESSAGES };
#undef WIRE_ID

#define WIRE_LOSS(name, meaning) WIRE_LOSS_##name,
enum wire_loss { LOSSES(WIRE_LOSS) WIRE_LOSSES };
#undef WIRE_LOSS

/* In the kernel's map, one for each message and reason and CPU. */
struct wire_count {
	__u64 records, turns, bytes;
};

/* By whom: the process in whose name a record would have been. */
struct wire_lost_caller {
	__u64 start; /* boot clock, ns; 0: not known */
	__u32 pid;
	__u16 message, reason;
};

enum {
	WIRE_CLIENT = 0, /* direction: what the client sends */
	WIRE_ENGINE = 1, /* what the engine sends */
};

enum {
	WIRE_PIECE_TURN = 1,   /* first bytes of a turn */
	WIRE_PIECE_STREAM = 2, /* looks like an upgrade: bpf_source_handed_over() if it is one */
	WIRE_PIECE_CUT = 4,    /* what follows in this turn is counted, not kept */
};

/* How a listener is watched: the value of the map `listeners`. */
enum {
	WIRE_WATCH_WHOLE = 1,
	WIRE_WATCH_CONNECTS = 2, /* connects and sizes: what is said is no HTTP */
	WIRE_WATCH_PATTERN = 4,  /* anybody may bind another one that is watched so */
};

/* Why a TCP listener is taken for an engine's. */
enum {
	WIRE_LISTEN_PORT = 1,    /* a configured port */
	WIRE_LISTEN_PROGRAM = 2, /* its process runs an engine's program */
	WIRE_LISTEN_HOLDER = 3,  /* its process holds a watched unix listener */
};

/* How a process came into a container. */
enum {
	WIRE_ENTRY_NONE,
	WIRE_ENTRY_START,     /* it is the first there */
	WIRE_ENTRY_RUNTIME,   /* a runtime brought it: docker exec, runc exec */
	WIRE_ENTRY_NAMESPACE, /* it took the container's namespaces by itself: nsenter */
};

/* Why what is called like a container may be none. */
enum {
	WIRE_DOUBT_RUNTIME = 1, /* no program that is known to make containers made it */
	WIRE_DOUBT_OWNER = 2,   /* its control group may have been made, and named, by a user */
	WIRE_DOUBT_ANOTHER = 4, /* another one, with less right, was called so until now */
};

/* When a process was seen to be in other namespaces. */
enum {
	WIRE_CHANGE_CLONE, /* it was made so */
	WIRE_CHANGE_FORK,  /* as it made another one */
	WIRE_CHANGE_EXEC,
	WIRE_CHANGE_EXIT,
	WIRE_CHANGE_SWITCH, /* as it was done: setns(2), unshare(2) */
};

/* What a program does with containers: the value of the map `runtimes`. */
enum {
	WIRE_RUNTIME_MAKES = 1, /* runc and its like */
	WIRE_RUNTIME_KEEPS =
		2, /* the parent of a container's first process, after runc has ended */
	WIRE_RUNTIME_SERVES = 3, /* an engine: it sets up networks in its containers' namespaces */
};

/* What is mounted of the host and worth a word: the value of the map `sensitive_files`. */
enum {
	WIRE_FILE_WHOLE = 1, /* itself, and nothing below it */
	WIRE_FILE_TREE = 2,  /* and everything below it */
	WIRE_FILE_KERNELS =
		4, /* /proc and /sys: a container has its own, maybe of the host's namespaces */
	WIRE_FILE_HARMLESS = 8, /* with everything below it */
};

/* Its key: what the kernel knows a file by. */
struct wire_file {
	__u64 inode;
	__u32 device, unused;
};

#define WIRE_ROW_SOCKET 0xffff /* not in the list: the socket of an engine */

struct wire_file_row {
	__u16 row; /* its place in the recorder's list */
	__u16 kind;
};

/* Names stand in a list of their own, the last of a path first, each with its zero: of every mount
 * first those of what is mounted, then those of where. */
struct wire_mount {
	__u16 row; /* of what it lies in or is */
	__u8 read_only;
	__u8 source_names;           /* below the row; of a socket below its file system's root */
	__u8 target_names;           /* below the container's root */
	__u8 source_cut, target_cut; /* there are more */
	__u8 unused;
};

#define WIRE_MOUNTS      16   /* of a container that are kept */
#define WIRE_MOUNT_NAMES 2048 /* bytes, for all of them; the last name may go beyond */
#define WIRE_NAME_MOST   256  /* NAME_MAX and a zero */
#define WIRE_PIECE_MOST  4096 /* bytes of a conversation in one record */
#define WIRE_ARGS_MOST   4096
#define WIRE_PATH_MOST   4096
#define WIRE_TAIL_MOST   8192 /* all strings of one record */
#define WIRE_SUN_MOST    108
#define WIRE_CONTAINER   64
#define WIRE_NAMESPACES  8
#define WIRE_COMM        16
#define WIRE_TTY         16
#define WIRE_UNSET       0xffffffffu /* login uid and session: none */
#define WIRE_NO_LIMIT    0xffffffffffffffffull
#define WIRE_EXTENTS     5  /* of a uid or gid map that are kept: UID_GID_MAP_MAX_BASE_EXTENTS */
#define WIRE_RUNTIME     16 /* bytes of a runtime's name, padded with zeros */

/* mnt pid net ipc uts user cgroup time, as everywhere */
enum wire_namespace {
	WIRE_NS_MNT,
	WIRE_NS_PID,
	WIRE_NS_NET,
	WIRE_NS_IPC,
	WIRE_NS_UTS,
	WIRE_NS_USER,
	WIRE_NS_CGROUP,
	WIRE_NS_TIME,
};

struct wire_str {
	__u16 offset; /* from the start of the tail */
	__u16 length;
};

/* As in /proc/PID/uid_map. */
struct wire_extent {
	__u32 inside, outside, count;
};

/*
 * What is counted together: a capability, used by a program in a container. Of a container that has
 * many programs or user namespaces the latter two are zeros.
 */
struct wire_capability {
	char container[WIRE_CONTAINER];
	__u64 inode; /* of the program's file */
	__u32 device;
	__u32 user_namespace; /* inum of the one that it was asked for */
	__u16 capability;
	__u8 denied;
	__u8 borrowed; /* with credentials that the kernel put on for this: overlayfs, access(2) */
	__u8 unused[4];
};

/* A process that the kernel's audit does not see. */
struct wire_unaudited {
	__u32 pid;
	char name[WIRE_COMM];
};

/* Instead of a start: it was there before the probes, and is no child of the first one. */
#define WIRE_ENTERED_BEFORE 1

/* Who: taken from the task at the act. */
struct wire_task {
	__u64 start;        /* boot clock, ns: with pid, the identity of a process */
	__u64 parent_start; /* of the real parent's thread group */
	__u64 entered; /* start of the process by which it came into its container; 0: by the first
			  one of it */
	__u32 pid, parent_pid;
	__u32 uid, gid, effective_uid, effective_gid;
	__u32 login_uid, session; /* WIRE_UNSET where there is none */
	__u32 unaudited;          /* 1: the kernel's audit does not see it */
	__u32 unused;
	__u32 namespaces[WIRE_NAMESPACES];
	char name[WIRE_COMM];
	char tty[WIRE_TTY];             /* empty where there is none */
	char container[WIRE_CONTAINER]; /* 64 hexadecimal digits, or zeros */
};

struct wire_header {
	__u64 time;   /* boot clock, ns */
	__u32 length; /* of the whole record */
	__u16 message;
	__u16 tail; /* where the tail begins, from the start of the record */
};

#define WIRE_TYPE_u8   __u8
#define WIRE_TYPE_u16  __u16
#define WIRE_TYPE_u32  __u32
#define WIRE_TYPE_u64  __u64
#define WIRE_TYPE_i32  __s32
#define WIRE_TYPE_str  struct wire_str
#define WIRE_TYPE_task struct wire_task

#define WIRE_MEMBER(type, name) WIRE_TYPE_##type name;
#define WIRE_STRUCT(name, ring, meaning)                                                           \
	struct wire_##name {                                                                       \
		struct wire_header header;                                                         \
		WIRE_##name(WIRE_MEMBER, WIRE_MEMBER)                                              \
	};
MESSAGES(WIRE_STRUCT)
#undef WIRE_STRUCT
#undef WIRE_MEMBER
