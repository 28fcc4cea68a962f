// SPDX-License-Identifier: Apache-2.0
#include "correlate/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/process_store.h"

static void process_tree_freep(struct process_tree **tree)
{
	process_tree_free(*tree);
}

int process_tree_new(int proc, size_t entries, size_t bytes, struct process_tree **ret)
{
	_cleanup_(process_tree_freep)
	struct process_tree *tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree)
		return -ENOMEM;
	tree->proc = -1;
	r = process_store_init(&tree->store, entries ?: PROCESS_TREE_ENTRIES,
			       bytes ?: PROCESS_TREE_BYTES);
	if (r < 0)
		return r;
	if (proc >= 0) {
		tree->proc = fcntl(proc, F_DUPFD_CLOEXEC, 0);
		if (tree->proc < 0)
			return -errno;
	}
	*ret = TAKE_PTR(tree);
	return 0;
}

void process_tree_free(struct process_tree *tree)
{
	if (!tree)
		return;
	closep(&tree->proc);
	process_store_clear(&tree->store);
	proc_process_clear(&tree->scratch);
	free(tree);
}

void process_tree_listen(struct process_tree *tree, const struct process_listener *listener)
{
	tree->listener = *listener;
	population_on_empty(tree->store.population, listener->container_empty, listener->context);
}

void process_tree_statistics(const struct process_tree *tree, struct process_statistics *ret)
{
	*ret = tree->store.statistics;
}

uint64_t process_tree_changes(const struct process_tree *tree)
{
	return tree->store.changes;
}

/* What a task says of its process at any time; its name and parent are taken at fork and exec. */
void process_tree_take_identity(struct process_tree *tree, struct process *process,
				const struct wire_task *task)
{
	process->uid = task->uid;
	process->login_uid = task->login_uid;
	process->session = task->session;
	memcpy(process->tty, task->tty, WIRE_TTY);
	process->tty[WIRE_TTY - 1] = '\0';
	if (process->list == LIST_LIVING)
		process->container = population_move(tree->store.population, process->container,
						     task->container);
}

void process_tree_take_name(struct process_tree *tree, struct process *process,
			    const struct wire_task *task)
{
	tree->store.changes++;
	memcpy(process->name, task->name, WIRE_COMM);
	process->name[WIRE_COMM - 1] = '\0';
}

void process_tree_take_parent(struct process_tree *tree, struct process *process, uint32_t pid,
			      uint64_t start)
{
	tree->store.changes++;
	process->parent_pid = pid;
	process->parent_start = start;
	process->parent_exact = start != 0;
	process_store_link(&tree->store, process);
}

/* The entry that a probe's word is about. One from /proc has its start by the tick only: the first
 * word of a process with that pid and tick makes it exact. */
struct process *process_tree_find_exact(struct process_tree *tree, uint32_t pid, uint64_t start)
{
	struct process *process = process_store_find(&tree->store, pid, start, true);

	if (process && !process->start_exact && start) {
		tree->store.changes++;
		process->start = start;
		process->start_exact = true;
	}
	return process;
}

struct process *process_tree_add(struct process_tree *tree, const struct wire_task *task)
{
	struct process *process =
		process_store_add(&tree->store, task->pid, task->start, task->start != 0);

	process_tree_take_name(tree, process, task);
	process_tree_take_identity(tree, process, task);
	return process;
}

int process_tree_fork(struct process_tree *tree, const struct wire_task *child,
		      uint64_t parent_start)
{
	struct process *parent, *process;

	if (child->pid == 0 || child->start == 0)
		return 0;
	process_store_advance(&tree->store, child->start);
	parent = process_tree_find_exact(tree, child->parent_pid, parent_start);
	if (!parent)
		parent = process_tree_find_exact(tree, child->parent_pid, child->parent_start);
	if (parent)
		process_store_touch(&tree->store, parent);
	process = process_tree_find_exact(tree, child->pid, child->start);
	if (process) { /* read from /proc while this message was on its way */
		process_store_unlink(&tree->store, process);
		process_tree_take_name(tree, process, child);
		process_tree_take_identity(tree, process, child);
	} else {
		tree->store.pinned = parent;
		process = process_tree_add(tree, child);
		tree->store.pinned = NULL;
	}
	process_tree_take_parent(tree, process, child->parent_pid,
				 parent ? parent->start : parent_start);
	if (parent)
		process_store_share_program(&tree->store, process, parent);
	return 0;
}

/* Also a process whose fork was never heard of has a place in the tree, by what its task says. */
static struct process *find_or_add(struct process_tree *tree, const struct wire_task *task)
{
	struct process *process = process_tree_find_exact(tree, task->pid, task->start);

	if (!process) {
		tree->store.statistics.forks_missed++;
		process = process_tree_add(tree, task);
	}
	if (!process->parent_pid)
		process_tree_take_parent(tree, process, task->parent_pid, task->parent_start);
	return process;
}

int process_tree_exec(struct process_tree *tree, const struct wire_task *task, uint64_t now,
		      const struct process_exec *exec)
{
	struct text executable = exec->executable, args = exec->args;
	struct process *process;

	if (task->pid == 0 || task->start == 0)
		return 0;
	process_store_advance(&tree->store, now);
	process = find_or_add(tree, task);
	process_store_touch(&tree->store, process);
	process_tree_take_name(tree, process, task);
	process_tree_take_identity(tree, process, task);
	process->read_tried = true;
	if (executable.length > WIRE_PATH_MOST)
		executable.length = WIRE_PATH_MOST;
	if (args.length > WIRE_ARGS_MOST)
		args.length = WIRE_ARGS_MOST;
	/* Of a command line that could not be read nothing is known, not that it is empty. */
	if (args.length == 0 && exec->args_length > 0)
		args.data = NULL;
	return process_store_set_program(&tree->store, process, executable, args,
					 exec->args_length > args.length);
}

void process_tree_exit(struct process_tree *tree, uint32_t pid, uint64_t start, int32_t status,
		       uint64_t now)
{
	struct process *process = process_tree_find_exact(tree, pid, start);

	if (process && !process->ended) {
		process->status = status;
		process_store_end(&tree->store, process, now);
	}
	process_store_advance(&tree->store, now);
}

const struct process *process_tree_find(const struct process_tree *tree, uint32_t pid,
					uint64_t start)
{
	return process_store_find(&tree->store, pid, start, true);
}

struct text process_executable(const struct process *process)
{
	const struct program *program = process->program;

	if (!program || program->executable_length == 0)
		return (struct text){};
	return (struct text){ program->executable, program->executable_length };
}

struct text process_args(const struct process *process, bool *ret_cut)
{
	const struct program *program = process->program;

	*ret_cut = program && program->cut;
	if (!program || !program->args)
		return (struct text){};
	return (struct text){ program->args, program->args_length };
}

bool process_args_masked(const struct process *process)
{
	return process->program && process->program->args_masked;
}

int process_tree_mask_args(struct process_tree *tree, const struct process *process,
			   struct text args, bool cut)
{
	return process_store_mask_args(&tree->store, (struct process *)process, args, cut);
}

bool process_next_arg(struct text *args, struct text *ret_arg)
{
	const char *end = args->length ? memchr(args->data, '\0', args->length) : NULL;
	size_t length = end ? (size_t)(end - args->data) : args->length;

	if (args->length == 0)
		return false;
	*ret_arg = (struct text){ args->data, length };
	length += end != NULL;
	*args = (struct text){ args->data + length, args->length - length };
	return true;
}

bool process_ancestry(const struct process_tree *tree, const struct process *process,
		      process_ancestor tell, void *context)
{
	for (int i = 0; i < PROCESS_ANCESTORS; i++) {
		const struct process *parent;

		if (process->parent_pid == 0)
			return false;
		parent = process_store_parent(&tree->store, process);
		tell(context, process->parent_pid, parent);
		if (!parent)
			return true;
		process = parent;
	}
	return process->parent_pid != 0;
}
