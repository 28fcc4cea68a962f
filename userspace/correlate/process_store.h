/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the process tree, for process.c and process_read.c only: the entries, where they are
 * found and which of them goes when room is short.
 *
 * An entry is found by its pid and told apart by its start. Parents are found by that key too and
 * never by a pointer, so that one which had to go leaves nothing dangling. Every entry stands in
 * one of three lists: the living, longest unused first; the ended of whom nothing descends, which
 * expire; and the ended that still have children.
 */
#pragma once

#include "correlate/population.h"
#include "correlate/proc.h"
#include "correlate/process.h"

enum process_list { LIST_NONE, LIST_LIVING, LIST_ENDED, LIST_INNER, LISTS };

struct program {
	uint32_t references;
	uint16_t executable_length;
	bool cut;
	bool args_masked;
	uint32_t args_length;
	char *args; /* its own: it may be replaced by what is masked; NULL: unknown */
	char executable[];
};

struct process_store {
	struct process *slots; /* slot 0 is for one call, when there is no room: never in a list */
	uint32_t *buckets;
	uint32_t bucket_mask, capacity;
	uint32_t free, fresh; /* slots given back, and the first one never used */
	uint32_t oldest[LISTS], newest[LISTS];
	size_t bytes_bound;
	uint64_t now, tick_ns;        /* boot clock, ns: the latest that was heard of */
	const struct process *pinned; /* in use by the caller: stays whatever the need for room */
	uint64_t changes;             /* see process_tree_changes() */
	struct population *population;
	struct process_statistics statistics;
};

struct process_tree {
	struct process_store store;
	int proc; /* -1: none */
	struct process_listener listener;
	struct proc_process scratch;
};

int process_store_init(struct process_store *store, size_t entries, size_t bytes);
void process_store_clear(struct process_store *store);

/* Time goes on: what ended long enough ago goes. */
void process_store_advance(struct process_store *store, uint64_t now);

/* The entry with this pid and start (0: the living one), or NULL. */
struct process *process_store_find(const struct process_store *store, uint32_t pid, uint64_t start,
				   bool exact);

/* The one that had this pid at this time, or ended shortly before; NULL. */
struct process *process_store_find_at(const struct process_store *store, uint32_t pid,
				      uint64_t when, uint64_t slack);

/* A new entry in the list of the living; any other that has the pid must have ended. Slot 0 when
 * there is no room. */
struct process *process_store_add(struct process_store *store, uint32_t pid, uint64_t start,
				  bool exact);
/* Slot 0, emptied: an entry until the next one is wanted. */
struct process *process_store_passing(struct process_store *store, uint32_t pid, uint64_t start,
				      bool exact);

/* It was used just now. */
void process_store_touch(struct process_store *store, struct process *process);
void process_store_end(struct process_store *store, struct process *process, uint64_t time);

/* Its parent, if that is known. */
struct process *process_store_parent(const struct process_store *store,
				     const struct process *process);
/* Count it with its parent, if that is known; and take it back. */
void process_store_link(struct process_store *store, struct process *process);
void process_store_unlink(struct process_store *store, struct process *process);

/* Returns 0 or -ENOMEM. Without room the program stays unknown, which is counted. */
int process_store_set_program(struct process_store *store, struct process *process,
			      struct text executable, struct text args, bool cut);
/* For all that share the program. Returns 0 or -ENOMEM, also where no room can be made. */
int process_store_mask_args(struct process_store *store, struct process *process, struct text args,
			    bool cut);
/* A fork runs what its parent runs; one whose parent's program is unknown keeps its own. */
void process_store_share_program(struct process_store *store, struct process *process,
				 const struct process *parent);

/* The tree: what a task says of its process, and where it comes from. */
struct process *process_tree_find_exact(struct process_tree *tree, uint32_t pid, uint64_t start);
struct process *process_tree_add(struct process_tree *tree, const struct wire_task *task);
void process_tree_take_name(struct process_tree *tree, struct process *process,
			    const struct wire_task *task);
void process_tree_take_identity(struct process_tree *tree, struct process *process,
				const struct wire_task *task);
void process_tree_take_parent(struct process_tree *tree, struct process *process, uint32_t pid,
			      uint64_t start);
