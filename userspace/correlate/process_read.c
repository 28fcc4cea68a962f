// SPDX-License-Identifier: Apache-2.0
/* The part of the process tree that reads /proc: at start, and for what the probes did not tell. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/process_store.h"

#define SEED_MOST 8192 /* tasks in containers */

static void closedirp(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static int take_program(struct process_tree *tree, struct process *process)
{
	const struct proc_process *read = &tree->scratch;
	struct text executable = { read->executable.data, read->executable.length };
	struct text args = { read->args.data, read->args.length };

	/* Neither is what a kernel thread has, and one that has just ended. */
	if (executable.length == 0 && args.length == 0)
		return 0;
	return process_store_set_program(&tree->store, process, executable, args, read->args_cut);
}

static bool same_tick(const struct process_tree *tree, uint64_t a, uint64_t b)
{
	return a / tree->store.tick_ns == b / tree->store.tick_ns;
}

/* What was read makes an entry, of whatever has the pid now. */
static struct process *add_read(struct process_tree *tree, uint64_t exact_start)
{
	const struct wire_task *task = &tree->scratch.task;
	struct process *process = process_store_add(&tree->store, task->pid,
						    exact_start ?: task->start, exact_start != 0);

	process->read_tried = true;
	process_tree_take_name(tree, process, task);
	process_tree_take_identity(tree, process, task);
	process_tree_take_parent(tree, process, task->parent_pid, 0);
	take_program(tree, process);
	if (tree->scratch.ended)
		process_store_end(&tree->store, process, tree->store.now);
	return process;
}

static bool read_scratch(struct process_tree *tree, uint32_t pid, unsigned int parts)
{
	return tree->proc >= 0 && pid && proc_read(tree->proc, pid, parts, &tree->scratch) == 0;
}

/*
 * What was heard of only in part is completed from /proc, once, and only while the program there
 * still has the name of the one that is meant: a later one must not stand for it.
 */
static void read_program(struct process_tree *tree, struct process *process,
			 const char name[WIRE_COMM])
{
	if (process->program || process->read_tried || process->ended)
		return;
	process->read_tried = true;
	if (read_scratch(tree, process->pid, PROC_PROGRAM) &&
	    same_tick(tree, tree->scratch.task.start, process->start) &&
	    strncmp(tree->scratch.task.name, name, WIRE_COMM) == 0)
		take_program(tree, process);
}

/* Parents that were never heard of, or had to go, are read while they are there. */
static void read_ancestors(struct process_tree *tree, struct process *process)
{
	for (int i = 0; i < PROCESS_ANCESTORS && process->parent_pid; i++) {
		struct process *parent = process_store_parent(&tree->store, process);

		if (!parent && !process->up_tried) {
			uint64_t start = process->parent_start;

			process->up_tried = true;
			if (read_scratch(tree, process->parent_pid,
					 PROC_PROGRAM | PROC_CONTAINER) &&
			    (start ? same_tick(tree, tree->scratch.task.start, start)
				   : tree->scratch.task.start <= process->start))
				parent = add_read(tree, process->parent_exact ? start : 0);
			if (parent && parent->list == LIST_NONE)
				return;
		}
		if (!parent)
			return;
		process_store_link(&tree->store, process);
		process = parent;
	}
}

/* A process that acts and is not in the tree: its fork was lost, or it had to go. */
static struct process *add_unknown(struct process_tree *tree, const struct wire_task *task)
{
	struct process *process;
	bool there = read_scratch(tree, task->pid, PROC_PROGRAM) &&
		     (!task->start || same_tick(tree, tree->scratch.task.start, task->start));

	tree->store.statistics.forks_missed++;
	if (!task->start)
		return there ? add_read(tree, 0)
			     : process_store_passing(&tree->store, task->pid, 0, false);
	process = process_tree_add(tree, task);
	process_tree_take_parent(tree, process, task->parent_pid, task->parent_start);
	if (there && strncmp(tree->scratch.task.name, process->name, WIRE_COMM) == 0)
		take_program(tree, process);
	process->read_tried = true;
	/* Of one that is not there any more no exit will be heard. */
	if (tree->proc >= 0 && (!there || tree->scratch.ended))
		process_store_end(&tree->store, process, tree->store.now);
	return process;
}

const struct process *process_tree_find_or_read(struct process_tree *tree,
						const struct wire_task *task)
{
	struct process *process = NULL;

	if (task->pid)
		process = process_tree_find_exact(tree, task->pid, task->start);
	if (!process)
		process = add_unknown(tree, task);
	else if (task->start)
		process_tree_take_identity(tree, process, task);
	process_store_touch(&tree->store, process);
	if (process->list == LIST_NONE)
		return process;
	tree->store.pinned = process;
	read_program(tree, process, task->start ? task->name : process->name);
	read_ancestors(tree, process);
	tree->store.pinned = NULL;
	return process;
}

/* What the tree alone knows of one that /proc does not show any more. */
static void describe(const struct process_tree *tree, const struct process *process,
		     struct wire_task *ret)
{
	const char *container = population_id(tree->store.population, process->container);

	*ret = (struct wire_task){
		.pid = process->pid,
		.parent_pid = process->parent_pid,
		.uid = process->uid,
		.gid = WIRE_UNSET,
		.effective_uid = WIRE_UNSET,
		.effective_gid = WIRE_UNSET,
		.login_uid = process->login_uid,
		.session = process->session,
	};
	memcpy(ret->name, process->name, WIRE_COMM);
	memcpy(ret->tty, process->tty, WIRE_TTY);
	if (container)
		memcpy(ret->container, container, WIRE_CONTAINER);
}

int process_tree_identify(struct process_tree *tree, uint32_t pid, struct wire_task *ret_task)
{
	struct process *process;
	struct wire_task task;
	int r = -ESRCH;

	if (pid == 0)
		return -ESRCH;
	process = process_store_find(&tree->store, pid, 0, false);
	if (tree->proc >= 0)
		r = proc_read(tree->proc, pid, PROC_PROGRAM | PROC_CONTAINER | PROC_NAMESPACES,
			      &tree->scratch);
	if (r < 0 && !process)
		return r;
	if (r == 0 && (!process || same_tick(tree, tree->scratch.task.start, process->start)))
		task = tree->scratch.task;
	else
		describe(tree, process, &task);
	if (!process)
		process = add_read(tree, 0);
	task.start = process->start_exact ? process->start : 0;
	*ret_task = task;
	return 0;
}

#define STAMP_SLACK_NS 20000000ull /* two ticks of the slowest kernel (HZ=100) */

int process_tree_identify_at(struct process_tree *tree, uint32_t pid, uint64_t when,
			     struct wire_task *ret_task)
{
	const struct process *process =
		process_store_find_at(&tree->store, pid, when, STAMP_SLACK_NS);

	if (!process || !process->ended) {
		int r = process_tree_identify(tree, pid, ret_task);

		/* Who has the pid now may have got it since. */
		process = process_store_find(&tree->store, pid, 0, false);
		return r == 0 && process && process->start > when + STAMP_SLACK_NS ? -ESRCH : r;
	}
	describe(tree, process, ret_task);
	ret_task->start = process->start_exact ? process->start : 0;
	return 0;
}

const char *process_tree_container_at(struct process_tree *tree, uint32_t pid, uint64_t when)
{
	const struct process *process =
		process_store_find_at(&tree->store, pid, when, STAMP_SLACK_NS);

	return process ? population_id(tree->store.population, process->container) : NULL;
}

/* Also the tasks that run in a container are kept, in `contained`. */
static void seed_one(struct process_tree *tree, const char *name, struct buffer *contained)
{
	const struct wire_task *task = &tree->scratch.task;
	char *end;
	unsigned long pid = strtoul(name, &end, 10);

	if (!isdigit((unsigned char)name[0]) || *end != '\0' || pid == 0 || pid > INT32_MAX)
		return;
	if (!read_scratch(tree, (uint32_t)pid, PROC_PROGRAM | PROC_CONTAINER))
		return;
	if (!process_store_find(&tree->store, (uint32_t)pid, task->start, false))
		add_read(tree, 0);
	if (task->container[0] && contained->length < SEED_MOST * sizeof(*task)) {
		proc_namespaces(tree->proc, (uint32_t)pid, tree->scratch.task.namespaces);
		buffer_append(contained, task, sizeof(*task));
	}
}

static int compare_start(const void *a, const void *b)
{
	const struct wire_task *one = a, *other = b;

	return one->start < other->start ? -1 : one->start > other->start;
}

int process_tree_seed(struct process_tree *tree, uint64_t now)
{
	_cleanup_(closedirp)
	DIR *folder = NULL;
	_cleanup_close_ int fd = -1;
	_cleanup_buffer_ struct buffer contained = {};
	struct dirent *entry;
	size_t count;

	if (tree->proc < 0)
		return -EBADF;
	process_store_advance(&tree->store, now);
	fd = openat(tree->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	folder = fdopendir(fd);
	if (!folder)
		return -errno;
	TAKE_FD(fd);
	errno = 0;
	while ((entry = readdir(folder))) {
		seed_one(tree, entry->d_name, &contained);
		errno = 0;
	}
	if (errno)
		return -errno;
	/* A parent may have a higher pid than its child. */
	for (uint32_t i = 1; i < tree->store.fresh; i++)
		process_store_link(&tree->store, &tree->store.slots[i]);
	count = contained.length / sizeof(struct wire_task);
	if (count)
		qsort(contained.data, count, sizeof(struct wire_task), compare_start);
	for (size_t i = 0; tree->listener.contained && i < count; i++)
		tree->listener.contained(tree->listener.context,
					 (const struct wire_task *)contained.data + i);
	return contained.error;
}
