// SPDX-License-Identifier: Apache-2.0
#include "correlate/process_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MALLOC_OVERHEAD 16
#define ROOM_ATTEMPTS   64

int process_store_init(struct process_store *store, size_t entries, size_t bytes)
{
	uint32_t buckets = 64;
	int r;

	if (entries < 4 || entries > 1u << 22 || bytes < 1u << 12)
		return -EINVAL;
	while (buckets < entries / 2)
		buckets *= 2;
	*store = (struct process_store){ .capacity = (uint32_t)entries, .fresh = 1 };
	store->bucket_mask = buckets - 1;
	store->tick_ns = proc_tick_ns();
	store->bytes_bound = bytes;
	store->slots = calloc(entries + 1, sizeof(store->slots[0]));
	store->buckets = calloc(buckets, sizeof(store->buckets[0]));
	r = store->slots && store->buckets ? population_new(&store->population) : -ENOMEM;
	if (r < 0)
		process_store_clear(store);
	return r;
}

static void free_program(struct program *program)
{
	free(program->args);
	free(program);
}

void process_store_clear(struct process_store *store)
{
	for (uint32_t i = 0; store->slots && i < store->fresh; i++) {
		struct program *program = store->slots[i].program;

		if (program && --program->references == 0)
			free_program(program);
	}
	free(store->slots);
	free(store->buckets);
	population_free(store->population);
	*store = (struct process_store){};
}

static uint32_t *bucket_of(const struct process_store *store, uint32_t pid)
{
	return &store->buckets[pid & store->bucket_mask];
}

static uint32_t index_of(const struct process_store *store, const struct process *process)
{
	return (uint32_t)(process - store->slots);
}

static void list_leave(struct process_store *store, struct process *process)
{
	if (process->list == LIST_NONE)
		return;
	if (process->older)
		store->slots[process->older].newer = process->newer;
	else
		store->oldest[process->list] = process->newer;
	if (process->newer)
		store->slots[process->newer].older = process->older;
	else
		store->newest[process->list] = process->older;
	process->list = LIST_NONE;
}

static void list_enter(struct process_store *store, struct process *process, enum process_list list)
{
	uint32_t index = index_of(store, process);

	list_leave(store, process);
	process->list = (uint8_t)list;
	process->newer = 0;
	process->older = store->newest[list];
	if (process->older)
		store->slots[process->older].newer = index;
	else
		store->oldest[list] = index;
	store->newest[list] = index;
}

static void count_bytes(struct process_store *store, size_t more, size_t less)
{
	struct process_statistics *statistics = &store->statistics;

	statistics->bytes += more;
	statistics->bytes -= less;
	if (statistics->bytes > statistics->bytes_most)
		statistics->bytes_most = statistics->bytes;
}

static size_t program_bytes(size_t executable, size_t args)
{
	return sizeof(struct program) + executable + args + 2 * MALLOC_OVERHEAD;
}

static void drop_program(struct process_store *store, struct process *process)
{
	struct program *program = process->program;

	store->changes++;
	process->program = NULL;
	if (!program || --program->references > 0)
		return;
	count_bytes(store, 0, program_bytes(program->executable_length, program->args_length));
	free_program(program);
}

static bool expired(const struct process_store *store, const struct process *process)
{
	return process->list == LIST_ENDED && store->now > process->ended &&
	       store->now - process->ended > PROCESS_KEPT_NS;
}

/* Takes it off its parent; returns the parent if that has become free to go. */
static struct process *leave_parent(struct process_store *store, struct process *process)
{
	struct process *parent;

	if (!process->linked)
		return NULL;
	process->linked = false;
	parent = process_store_find(store, process->parent_pid, process->parent_start,
				    process->parent_exact);
	/* One that was evicted and came back has not counted its former children. */
	if (!parent || parent->children == 0 || --parent->children > 0 || !parent->ended)
		return NULL;
	list_enter(store, parent, LIST_ENDED);
	return parent;
}

/* A chain of ancestors may go with its last descendant: a loop, as chains have no bound. */
static void remove_with_expired(struct process_store *store, struct process *process)
{
	while (process) {
		struct process *parent = leave_parent(store, process);
		uint32_t index = index_of(store, process), *at = bucket_of(store, process->pid);

		store->changes++;
		process_store_end(store, process, store->now);
		population_forget(store->population, process->container);
		list_leave(store, process);
		drop_program(store, process);
		while (*at != index)
			at = &store->slots[*at].next;
		*at = process->next;
		*process = (struct process){ .next = store->free };
		store->free = index;
		store->statistics.entries--;
		count_bytes(store, 0, sizeof(*process));
		process = parent && expired(store, parent) ? parent : NULL;
	}
}

void process_store_advance(struct process_store *store, uint64_t now)
{
	if (now > store->now)
		store->now = now;
	while (store->oldest[LIST_ENDED] &&
	       expired(store, &store->slots[store->oldest[LIST_ENDED]]))
		remove_with_expired(store, &store->slots[store->oldest[LIST_ENDED]]);
}

/* Of those that ended the one that did so first, whether something descends from it or not. */
static struct process *oldest_ended(struct process_store *store, const struct process *keep)
{
	struct process *oldest = NULL;

	for (enum process_list list = LIST_ENDED; list <= LIST_INNER; list++) {
		struct process *process = &store->slots[store->oldest[list]];

		while (process != store->slots && (process == keep || process == store->pinned))
			process = &store->slots[process->newer];
		if (process != store->slots && (!oldest || process->ended < oldest->ended))
			oldest = process;
	}
	return oldest;
}

/* The living one that was longest unused, but none that has children: it is their ancestor. */
static struct process *unused_leaf(struct process_store *store, const struct process *keep)
{
	for (int i = 0; i < ROOM_ATTEMPTS; i++) {
		struct process *process = &store->slots[store->oldest[LIST_LIVING]];

		if (process == store->slots)
			return NULL;
		if (process->children == 0 && process != keep && process != store->pinned)
			return process;
		list_enter(store, process, LIST_LIVING);
	}
	return NULL;
}

static bool make_room(struct process_store *store, size_t entries, size_t bytes,
		      const struct process *keep)
{
	while (store->statistics.entries + entries > store->capacity ||
	       store->statistics.bytes + bytes > store->bytes_bound) {
		struct process *victim = oldest_ended(store, keep);

		if (victim) {
			store->statistics.evicted_ended++;
		} else {
			victim = unused_leaf(store, keep);
			if (!victim) {
				store->statistics.refused++;
				return false;
			}
			store->statistics.evicted_living++;
		}
		remove_with_expired(store, victim);
	}
	return true;
}

static bool same_start(const struct process_store *store, const struct process *process,
		       uint64_t start, bool exact)
{
	if (start == 0)
		return !process->ended;
	if (exact && process->start_exact)
		return process->start == start;
	return process->start / store->tick_ns == start / store->tick_ns;
}

struct process *process_store_find(const struct process_store *store, uint32_t pid, uint64_t start,
				   bool exact)
{
	uint32_t index = *bucket_of(store, pid);

	for (; index; index = store->slots[index].next) {
		struct process *process = &store->slots[index];

		if (process->pid == pid && same_start(store, process, start, exact))
			return process;
	}
	return NULL;
}

struct process *process_store_find_at(const struct process_store *store, uint32_t pid,
				      uint64_t when, uint64_t slack)
{
	struct process *found = NULL;

	for (uint32_t index = *bucket_of(store, pid); index; index = store->slots[index].next) {
		struct process *process = &store->slots[index];

		if (process->pid == pid && process->start <= when + slack &&
		    (!process->ended || process->ended + slack >= when) &&
		    (!found || process->start > found->start))
			found = process;
	}
	return found;
}

struct process *process_store_passing(struct process_store *store, uint32_t pid, uint64_t start,
				      bool exact)
{
	struct process *process = &store->slots[0];

	drop_program(store, process);
	*process = (struct process){ .pid = pid, .start = start, .start_exact = exact };
	return process;
}

struct process *process_store_add(struct process_store *store, uint32_t pid, uint64_t start,
				  bool exact)
{
	struct process *process, *other;
	bool late = false;
	uint32_t index;

	if (!make_room(store, 1, sizeof(*process), NULL))
		return process_store_passing(store, pid, start, exact);
	other = process_store_find(store, pid, 0, false);
	if (other && other->start <= start) {
		store->statistics.exits_missed++;
		process_store_end(store, other, start);
	} else if (other) {
		late = true; /* a word of one that had the pid before */
	}
	index = store->free ?: store->fresh++;
	process = &store->slots[index];
	store->free = store->free ? process->next : 0;
	*process = (struct process){ .pid = pid, .start = start, .start_exact = exact };
	process->next = *bucket_of(store, pid);
	*bucket_of(store, pid) = index;
	list_enter(store, process, LIST_LIVING);
	store->statistics.entries++;
	store->statistics.living++;
	count_bytes(store, sizeof(*process), 0);
	if (late)
		process_store_end(store, process, store->now);
	return process;
}

void process_store_touch(struct process_store *store, struct process *process)
{
	if (process->list == LIST_LIVING)
		list_enter(store, process, LIST_LIVING);
}

void process_store_end(struct process_store *store, struct process *process, uint64_t time)
{
	if (process->list != LIST_LIVING)
		return;
	store->changes++;
	process->ended = time ?: 1;
	store->statistics.living--;
	list_enter(store, process, process->children ? LIST_INNER : LIST_ENDED);
	population_end(store->population, process->container);
}

struct process *process_store_parent(const struct process_store *store,
				     const struct process *process)
{
	struct process *parent;

	if (process->parent_pid == 0)
		return NULL;
	parent = process_store_find(store, process->parent_pid, process->parent_start,
				    process->parent_exact);
	/* Whoever is younger got the pid of a parent that is gone. */
	if (!parent || parent == process || parent->start > process->start + store->tick_ns)
		return NULL;
	return parent;
}

void process_store_link(struct process_store *store, struct process *process)
{
	struct process *parent;

	if (process->linked || process->list == LIST_NONE)
		return;
	parent = process_store_parent(store, process);
	if (!parent)
		return;
	store->changes++;
	process->parent_start = parent->start;
	process->parent_exact = parent->start_exact;
	process->linked = true;
	if (parent->children++ == 0 && parent->ended)
		list_enter(store, parent, LIST_INNER);
}

void process_store_unlink(struct process_store *store, struct process *process)
{
	leave_parent(store, process);
}

/* NULL stays NULL, and what is empty has a place nevertheless. */
static int copy_args(struct text args, char **ret)
{
	char *copy = NULL;

	if (args.data) {
		copy = malloc(args.length ?: 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, args.data, args.length);
	}
	*ret = copy;
	return 0;
}

int process_store_set_program(struct process_store *store, struct process *process,
			      struct text executable, struct text args, bool cut)
{
	size_t bytes = program_bytes(executable.length, args.length);
	struct program *program;
	char *copy;

	drop_program(store, process);
	if (!make_room(store, 0, bytes, process))
		return 0;
	if (copy_args(args, &copy) < 0)
		return -ENOMEM;
	program = malloc(sizeof(*program) + executable.length);
	if (!program) {
		free(copy);
		return -ENOMEM;
	}
	*program = (struct program){
		.references = 1,
		.executable_length = (uint16_t)executable.length,
		.cut = cut,
		.args_length = (uint32_t)args.length,
		.args = copy,
	};
	if (executable.length)
		memcpy(program->executable, executable.data, executable.length);
	store->changes++;
	process->program = program;
	count_bytes(store, bytes, 0);
	return 0;
}

int process_store_mask_args(struct process_store *store, struct process *process, struct text args,
			    bool cut)
{
	struct program *program = process->program;
	char *copy;

	if (!make_room(store, 0, args.length, process) || copy_args(args, &copy) < 0)
		return -ENOMEM;
	count_bytes(store, args.length, program->args_length);
	free(program->args);
	program->args = copy;
	program->args_length = (uint32_t)args.length;
	program->args_masked = true;
	program->cut = cut;
	return 0;
}

void process_store_share_program(struct process_store *store, struct process *process,
				 const struct process *parent)
{
	if (!parent->program || parent->program == process->program)
		return;
	drop_program(store, process);
	process->program = parent->program;
	process->program->references++;
}
