// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Containers and their namespaces. How one begins and is entered: container.bpf.h. */
#include "bpf/container.bpf.h"

struct running_containers containers SEC(".maps");
struct container_cgroups cgroups SEC(".maps");
struct container_namespaces owned_namespaces SEC(".maps");
struct runtime_names runtimes SEC(".maps");
struct entry_scratches entry_scratches SEC(".maps");
struct sensitive_files sensitive_files SEC(".maps");
struct start_scratches start_scratches SEC(".maps");
struct inside_tasks insides SEC(".maps");

/* Zeros until process_host_namespaces has run: before anything else is attached. */
__u32 host_namespaces[WIRE_NAMESPACES];

__u32 containers_swept;
__u32 guests; /* of those that run */

/*
 * Behind setns(2) and unshare(2), and at the end of a task, which has none any more. Of user
 * namespaces only the credentials tell, which change behind this: those are seen a little later.
 */
SEC("fexit/switch_task_namespaces")
int BPF_PROG(namespaces_switched, struct task_struct *task)
{
	struct inside *inside = bpf_task_storage_get(&insides, task, NULL, 0), fresh = {};

	if (!task->nsproxy || !containers_swept)
		return 0;
	if (inside && is_compared(inside))
		namespaces_compare(task, inside->namespaces, WIRE_CHANGE_SWITCH);
	else if (!inside && !runtime_of(task))
		host_compare(task, &fresh, WIRE_CHANGE_SWITCH);
	return 0;
}

/*
 * Containers that were there before the probes, in three passes over all tasks: which is the first
 * process of each, the eldest whose parent is not in it; then a mark for every task in one; then
 * what they are told as.
 */
enum { SWEEP_FIRST, SWEEP_MARK, SWEEP_TELL };

const volatile __u32 sweep_passes = SWEEP_TELL + 1;
__u32 sweep_pass;

/* The stack has no room. One sweep goes on at a time. */
struct sweep_scratch {
	struct container_id id, other;
	struct named_cgroup cgroup, others;
	struct running found;
	struct inside inside;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweep_scratch);
} sweep_scratches SEC(".maps");

/* One that has not run the container's program yet: it is told when it does. */
static __always_inline bool is_being_made(struct task_struct *task)
{
	const struct inside *inside = bpf_task_storage_get(&insides, task, NULL, 0);
	char name[WIRE_COMM] = {};

	BPF_CORE_READ_STR_INTO(&name, task, group_leader, comm);
	return (inside && inside->runtime) || runtime_of(task) == WIRE_RUNTIME_MAKES ||
	       (name[0] == 'r' && name[1] == 'u' && name[2] == 'n' && name[3] == 'c' &&
		name[4] == ':' && name[5] == '[');
}

static __always_inline bool present_id(struct task_struct *task, struct sweep_scratch *scratch)
{
	struct task_struct *parent = task->group_leader->real_parent;
	const struct container_id *owner = namespace_owner(task);
	struct inside *from = &scratch->inside;

	__builtin_memset(&scratch->cgroup, 0, sizeof(scratch->cgroup));
	if (container_of_cgroup(task, &scratch->id, &scratch->cgroup))
		return true;
	if (owner) {
		scratch->id = *owner;
		return true;
	}
	if (!runtime_of(parent))
		return false;
	__builtin_memset(&scratch->id, 0, sizeof(scratch->id));
	remember_cgroups(parent, from);
	name_by_hand(task, from, &scratch->id);
	return true;
}

static __always_inline void note_first(struct task_struct *task, struct sweep_scratch *scratch)
{
	struct task_struct *parent = task->group_leader->real_parent;
	const struct container_id *id = &scratch->id;
	struct running *found = &scratch->found;
	const struct running *known;

	if (container_of_cgroup(parent, &scratch->other, &scratch->others) &&
	    same_container(&scratch->other, id))
		return;
	__builtin_memset(found, 0, sizeof(*found));
	found->start = task->group_leader->start_boottime;
	found->cgroup = scratch->cgroup.number;
	found->pid = task->tgid;
	if (scratch->cgroup.users)
		found->doubts |= WIRE_DOUBT_OWNER;
	if (!runtime_of(parent))
		found->doubts |= WIRE_DOUBT_RUNTIME;
	if (found->doubts == (WIRE_DOUBT_RUNTIME | WIRE_DOUBT_OWNER))
		return;
	known = bpf_map_lookup_elem(&containers, id);
	if (known && has_more_right(found, known))
		found->doubts |= WIRE_DOUBT_ANOTHER;
	else if (known &&
		 (known->began || known->start <= found->start || !is_called_so_rightly(id, found)))
		return;
	if (!has_place(task, scratch->cgroup.users, found))
		return;
	if (known)
		disown(known, id);
	namespaces_fill(task, found->namespaces);
	if (bpf_map_update_elem(&containers, id, found, BPF_ANY))
		lost(WIRE_container_start, WIRE_LOSS_no_place, 0, 0);
	own_namespaces(found, id);
	own_cgroup(found, id);
}

#define ANCESTORS_MOST 24

/* Who has another parent came by himself, or by an exec: nobody knows any more for whom. */
static __always_inline bool is_of_first(struct task_struct *task, const struct running *first)
{
	struct task_struct *at = task->group_leader;

	for (int i = 0; i < ANCESTORS_MOST && at; i++) {
		if (BPF_CORE_READ(at, tgid) == first->pid &&
		    BPF_CORE_READ(at, start_boottime) == first->start)
			return true;
		at = BPF_CORE_READ(at, real_parent, group_leader);
	}
	return false;
}

static __always_inline void mark_present(struct task_struct *task, struct sweep_scratch *scratch)
{
	const struct running *first = bpf_map_lookup_elem(&containers, &scratch->id);
	struct inside *fresh = &scratch->inside;

	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->id = scratch->id;
	if (first && !is_of_first(task, first))
		fresh->entered = WIRE_ENTERED_BEFORE;
	namespaces_fill(task, fresh->namespaces);
	fresh->mnt = fresh->namespaces[WIRE_NS_MNT];
	if (!bpf_task_storage_get(&insides, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE))
		lost(WIRE_container_start, WIRE_LOSS_no_memory, 0, 0);
}

static __always_inline void tell_present(struct task_struct *task, const struct container_id *id)
{
	const struct running *running = bpf_map_lookup_elem(&containers, id);

	if (running && !running->began && running->pid == task->pid &&
	    running->start == task->start_boottime)
		start_tell(task, true, running->doubts);
}

SEC("iter/task")
int container_sweep(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct sweep_scratch *scratch;
	__u32 mnt, zero = 0;

	scratch = bpf_map_lookup_elem(&sweep_scratches, &zero);
	if (!scratch || !task || !task->nsproxy || !host_namespaces[WIRE_NS_MNT])
		return 0;
	mnt = task->nsproxy->mnt_ns->ns.inum;
	if (mnt == host_namespaces[WIRE_NS_MNT] || is_being_made(task) ||
	    !present_id(task, scratch))
		return 0;
	switch (sweep_pass) {
	case SWEEP_FIRST:
		note_first(task, scratch);
		break;
	case SWEEP_MARK:
		scratch->found.cgroup = scratch->cgroup.number;
		scratch->found.doubts = WIRE_DOUBT_RUNTIME | WIRE_DOUBT_OWNER;
		if (is_called_so_rightly(&scratch->id, &scratch->found))
			mark_present(task, scratch);
		break;
	case SWEEP_TELL:
		tell_present(task, &scratch->id);
		break;
	}
	return 0;
}
