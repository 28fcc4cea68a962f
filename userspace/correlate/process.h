/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process tree: who a process was, what it ran and who its ancestors were, also after it ended.
 *
 * A process is its pid and its start time on the boot clock, so that a reused pid never joins. It
 * is learnt from /proc at start and from fork, exec and exit since; messages of the probes wait in
 * their ring while /proc is read, so attach first and seed then. A parent is the one that forked:
 * where an orphan was handed to later is not its parent here. What ended stays as long as something
 * living descends from it, or for a minute, within a bound on all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "bpf/wire.h"

#define PROCESS_TREE_ENTRIES 32768
#define PROCESS_TREE_BYTES   (12u << 20)
#define PROCESS_KEPT_NS      60000000000ull /* how long one stays that ended */
#define PROCESS_ANCESTORS    32

struct program;
struct process_tree;

/* To be read only; the pointer is good until the next function that takes the tree without const.
 */
struct process {
	uint64_t start;                   /* boot clock, ns; only its tick where !start_exact */
	uint64_t parent_start;            /* likewise; 0: unknown */
	uint64_t ended;                   /* boot clock, ns; 0 while it lives */
	struct program *program;          /* NULL: unknown; see process_executable() */
	uint32_t pid, parent_pid;         /* parent_pid 0: it has none */
	uint32_t uid, login_uid, session; /* WIRE_UNSET: none, unknown */
	int32_t status;                   /* as wait(2) gives it, once it ended */
	char name[WIRE_COMM];             /* comm after the last fork or exec; terminated */
	char tty[WIRE_TTY];               /* kernel's name, "pts0"; empty: none */
	bool start_exact, parent_exact;

	/* The tree's own. */
	bool linked;               /* counted in its parent's `children` */
	bool read_tried, up_tried; /* /proc was asked for its program, for its parent */
	uint8_t list;
	uint16_t container; /* handle of the population */
	uint32_t children;
	uint32_t next, older, newer;
};

struct process_statistics {
	uint32_t entries, living;
	size_t bytes, bytes_most; /* of entries and programs now, and the most there were */
	uint64_t evicted_ended;   /* went before their time, for want of room */
	uint64_t evicted_living;  /* the same, longest unused first; /proc is asked again if need be
				   */
	uint64_t refused;         /* no room could be made */
	uint64_t forks_missed;    /* first heard of after their fork */
	uint64_t exits_missed;    /* found to have ended when their pid came again */
};

/*
 * `proc` is a descriptor of /proc, which the tree duplicates, or -1 never to read it. `entries` and
 * `bytes` are the bounds, 0 for the usual ones. Returns 0, -EINVAL or -ENOMEM, or -errno of the
 * duplicate.
 */
int process_tree_new(int proc, size_t entries, size_t bytes, struct process_tree **ret);
/* Takes NULL. */
void process_tree_free(struct process_tree *tree);

/* What the tree tells of containers; each may be NULL. */
struct process_listener {
	/* Found in a container when seeded, the oldest first: what namespaces_learn() wants. */
	void (*contained)(void *context, const struct wire_task *task);
	/* The last living process of a container has ended; `id` is not terminated. */
	void (*container_empty)(void *context, const char id[WIRE_CONTAINER]);
	void *context;
};
void process_tree_listen(struct process_tree *tree, const struct process_listener *listener);

/*
 * Learn every process that there is. `now` is on the boot clock, ns. Returns 0, -ENOMEM or -errno
 * of reading the folder; processes that vanish or make no sense are passed over.
 */
int process_tree_seed(struct process_tree *tree, uint64_t now);

/*
 * What the probes saw. Times are on the boot clock, ns. A fork copies the parent's program until
 * the child runs another; `parent_start` is of who called fork, and falls back to
 * child->parent_start (CLONE_PARENT). None of them reads /proc. Return 0 or -ENOMEM; no room within
 * the bounds is no error but counted.
 */
int process_tree_fork(struct process_tree *tree, const struct wire_task *child,
		      uint64_t parent_start);

struct process_exec {
	struct text executable; /* may be relative or empty: kept as it is */
	struct text args;       /* separated by NUL; what is beyond WIRE_ARGS_MOST is cut */
	uint32_t args_length;   /* of the whole command line */
};
int process_tree_exec(struct process_tree *tree, const struct wire_task *task, uint64_t now,
		      const struct process_exec *exec);
void process_tree_exit(struct process_tree *tree, uint32_t pid, uint64_t start, int32_t status,
		       uint64_t now);

/* Exactly this process, or NULL. With `start` 0 the one that has the pid now. */
const struct process *process_tree_find(const struct process_tree *tree, uint32_t pid,
					uint64_t start);

/*
 * The process of a task that acts. One that is not known is read from /proc, if the start time
 * there fits, and else is made from the task alone; parents that are missing are read likewise.
 * Only where neither room nor memory is left is it an entry for this one call. Never NULL.
 * task->start may be 0, for whoever has the pid now.
 */
const struct process *process_tree_find_or_read(struct process_tree *tree,
						const struct wire_task *task);

/*
 * The process that has this pid now, as a task, for what a probe tells no more of: from the tree,
 * and from /proc if that still shows the same. What neither knows is 0 or WIRE_UNSET, and so is
 * start as long as no message has told it exactly. Returns 0, -ESRCH, or -errno.
 */
int process_tree_identify(struct process_tree *tree, uint32_t pid, struct wire_task *ret_task);

/*
 * The same of the process that had this pid at a time of the boot clock (give or take a tick of the
 * kernel's), whether it lives or not.
 */
int process_tree_identify_at(struct process_tree *tree, uint32_t pid, uint64_t when,
			     struct wire_task *ret_task);

/* Of that process the id of its container, of WIRE_CONTAINER bytes; NULL: none, or not known. Only
 * what is known is looked at, not /proc. */
const char *process_tree_container_at(struct process_tree *tree, uint32_t pid, uint64_t when);

/* A number that grows whenever anything changes that decides what is told of a process: names,
 * programs, parents, which of them live. */
uint64_t process_tree_changes(const struct process_tree *tree);

/* The kernel's path of its program; data NULL when unknown. */
struct text process_executable(const struct process *process);

/* Its command line, each argument ended by NUL but the last one where *ret_cut; data NULL when
 * unknown. */
struct text process_args(const struct process *process, bool *ret_cut);

/*
 * Put what may be written of a known command line in place of it, which is forgotten, until the
 * process runs another program: masking costs more than all else that is told of a process. Returns
 * 0, or -ENOMEM where neither memory nor room is left and nothing was changed.
 */
int process_tree_mask_args(struct process_tree *tree, const struct process *process,
			   struct text args, bool cut);
bool process_args_masked(const struct process *process);

/* The first argument of `args`, which is moved behind it; false at the end. */
bool process_next_arg(struct text *args, struct text *ret_arg);

/* One ancestor, the parent first; `known` is NULL where nothing but its pid is known. */
typedef void (*process_ancestor)(void *context, uint32_t pid, const struct process *known);

/*
 * Tell all ancestors up to init, at most PROCESS_ANCESTORS. Returns whether there are more, or may
 * be: the chain was longer, or one of it is unknown.
 */
bool process_ancestry(const struct process_tree *tree, const struct process *process,
		      process_ancestor tell, void *context);

void process_tree_statistics(const struct process_tree *tree, struct process_statistics *ret);
