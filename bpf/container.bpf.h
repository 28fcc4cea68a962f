/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which container a process came into, and whether this is how the container began.
 *
 * Every process inside a container is marked, from the program with which it came on; its children
 * inherit the mark as they are forked. So whoever is not marked has entered: no parent that was
 * replaced by a subreaper, no pid namespace that is the host's and no move to another cgroup makes
 * an entry of what is none, or hides one. The mark is in task storage and dies with its task.
 */
#pragma once

#include "bpf/container_start.bpf.h"

#define GUESTS_MOST 512 /* containers of users, by no engine's control group, at a time */

extern __u32 guests;

/* Inums of containers' own namespaces; the host's are not among them. */
struct container_namespaces {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct container_id);
};

struct runtime_names {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32);
	__type(key, char[WIRE_RUNTIME]);
	__type(value, __u8);
};

/* Where it is put together: the stack has no room. Only while a program is run. */
struct entry_scratch {
	struct inside inside;
	struct container_id id;
	struct running running;
	struct named_cgroup cgroup;
};

struct entry_scratches {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct entry_scratch);
};

extern struct entry_scratches entry_scratches SEC(".maps");
extern struct container_namespaces owned_namespaces SEC(".maps");
extern struct runtime_names runtimes SEC(".maps");
extern __u32 host_namespaces[WIRE_NAMESPACES];

static __always_inline bool same_container(const struct container_id *one,
					   const struct container_id *other)
{
	const __u64 *left = (const __u64 *)one, *right = (const __u64 *)other;
	__u64 differ = 0;

	for (int i = 0; i < WIRE_CONTAINER / 8; i++)
		differ |= left[i] ^ right[i];
	return !differ;
}

/* WIRE_RUNTIME_..., by the first 15 bytes of the name of the file that the kernel runs. */
static __always_inline int runtime_of(struct task_struct *task)
{
	char name[WIRE_RUNTIME] = {};
	const __u8 *kind;

	bpf_probe_read_kernel_str(name, sizeof(name),
				  BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name));
	kind = bpf_map_lookup_elem(&runtimes, name);
	return kind ? *kind : 0;
}

/* Where a container that no engine made has a name: in the unified tree, and in that of its memory,
 * which is another one on hybrid machines. */
static __always_inline void named_cgroups(struct task_struct *task, struct kernfs_node *nodes[2])
{
	nodes[0] = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	nodes[1] = BPF_CORE_READ(CGROUP_STATE(task, memory_cgrp_id), cgroup, kn);
}

static __always_inline void remember_cgroups(struct task_struct *task, struct inside *inside)
{
	struct kernfs_node *nodes[2];

	named_cgroups(task, nodes);
	inside->cgroups[0] = BPF_CORE_READ(nodes[0], id);
	inside->cgroups[1] = BPF_CORE_READ(nodes[1], id);
}

/*
 * What a runtime that is used by hand calls the container: the name of the cgroup that it made for
 * it. Where it made none, or another one is called so whose namespaces these are not, the container
 * has the number of its mount namespace: anybody may have taken the name before.
 */
static __always_inline void name_by_hand(struct task_struct *task, const struct inside *inside,
					 struct container_id *id)
{
	struct kernfs_node *nodes[2];
	__u32 mnt = task->nsproxy->mnt_ns->ns.inum;

	named_cgroups(task, nodes);
	for (int i = 0; i < 2; i++)
		if (BPF_CORE_READ(nodes[i], id) != inside->cgroups[i] &&
		    bpf_probe_read_kernel_str(id, sizeof(*id), BPF_CORE_READ(nodes[i], name)) > 1 &&
		    !bpf_map_lookup_elem(&containers, id))
			return;
	__builtin_memset(id, 0, sizeof(*id));
	__builtin_memcpy(id->digits, "mnt-", 4);
	for (int i = 13; i > 3; i--) {
		id->digits[i] = '0' + mnt % 10;
		mnt /= 10;
	}
}

/* Whose namespaces a process is in that is in no container by its cgroup. */
static __always_inline const struct container_id *namespace_owner(struct task_struct *task)
{
	__u32 inum = task->nsproxy->mnt_ns->ns.inum;
	const struct container_id *owner;

	if (inum == host_namespaces[WIRE_NS_MNT])
		return NULL;
	owner = bpf_map_lookup_elem(&owned_namespaces, &inum);
	return owner;
}

static __always_inline void own_namespaces(const struct running *running,
					   const struct container_id *id)
{
	for (int i = 0; i < WIRE_NAMESPACES; i++) {
		__u32 inum = running->namespaces[i];

		/* One that it shares with another container stays that one's. */
		if (inum && inum != host_namespaces[i])
			bpf_map_update_elem(&owned_namespaces, &inum, id, BPF_NOEXIST);
	}
}

static __always_inline void own_cgroup(const struct running *running, const struct container_id *id)
{
	__u64 cgroup = running->cgroup;

	if (cgroup)
		bpf_map_update_elem(&cgroups, &cgroup, id, BPF_ANY);
}

/* Has who claims to be this container less reason to be doubted than who is known as it? */
static __always_inline bool has_more_right(const struct running *claim, const struct running *known)
{
	__u32 ours = claim->doubts & (WIRE_DOUBT_RUNTIME | WIRE_DOUBT_OWNER);
	__u32 theirs = known->doubts & (WIRE_DOUBT_RUNTIME | WIRE_DOUBT_OWNER);

	return known->cgroup && known->cgroup != claim->cgroup && theirs &&
	       (!ours || theirs == (WIRE_DOUBT_RUNTIME | WIRE_DOUBT_OWNER));
}

/* Anybody may call a control group like a running container, and is none of its processes. */
static __always_inline bool is_called_so_rightly(const struct container_id *id,
						 const struct running *claim)
{
	const struct running *known = bpf_map_lookup_elem(&containers, id);

	return !known || !known->cgroup || known->cgroup == claim->cgroup ||
	       has_more_right(claim, known);
}

/*
 * The kernel gives the number of a namespace that is gone to the next one that is made
 * (proc_alloc_inum), so none may stay here as this container's.
 */
static __always_inline void disown_namespaces(const struct running *running,
					      const struct container_id *id)
{
	for (int i = 0; i < WIRE_NAMESPACES; i++) {
		__u32 inum = running->namespaces[i];
		const struct container_id *owner = bpf_map_lookup_elem(&owned_namespaces, &inum);

		if (owner && same_container(owner, id))
			bpf_map_delete_elem(&owned_namespaces, &inum);
	}
}

/* It is no container any more, or none that may be called so. */
static __always_inline void disown(const struct running *running, const struct container_id *id)
{
	__u64 cgroup = running->cgroup;

	if (running->guest)
		__sync_fetch_and_sub(&guests, 1);
	disown_namespaces(running, id);
	bpf_map_delete_elem(&cgroups, &cgroup);
}

/* runc's hooks "createContainer" and "startContainer" are run by its own child within. */
static __always_inline bool is_hook(struct task_struct *task)
{
	struct task_struct *parent = task->group_leader->real_parent;

	return parent->nsproxy && parent->nsproxy->mnt_ns == task->nsproxy->mnt_ns;
}

/* Of containers that users make, in control groups of their own or in none, so many at a time. */
static __always_inline bool has_place(struct task_struct *task, bool users_cgroup,
				      struct running *running)
{
	running->guest = is_guest(task) && (!running->cgroup || users_cgroup);
	if (!running->guest || __sync_fetch_and_add(&guests, 1) < GUESTS_MOST)
		return true;
	__sync_fetch_and_sub(&guests, 1);
	lost_here(WIRE_container_start, WIRE_LOSS_no_place, 0, 0);
	return false;
}

/* A container that is known to run is entered; one that is not begins. */
static __always_inline int begin_or_enter(struct task_struct *task, struct entry_scratch *scratch)
{
	struct running *running = &scratch->running, *known;
	const struct container_id *id = &scratch->id;

	known = bpf_map_lookup_elem(&containers, id);
	if (known && !has_more_right(running, known))
		return WIRE_ENTRY_RUNTIME;
	if (running->doubts == (WIRE_DOUBT_RUNTIME | WIRE_DOUBT_OWNER) || is_hook(task))
		return WIRE_ENTRY_NONE;
	if (known) {
		running->doubts |= WIRE_DOUBT_ANOTHER;
		disown(known, id);
	}
	if (!has_place(task, scratch->cgroup.users, running))
		return WIRE_ENTRY_NONE;
	running->start = task->group_leader->start_boottime;
	running->began = bpf_ktime_get_boot_ns();
	running->pid = task->tgid;
	namespaces_fill(task, running->namespaces);
	if (bpf_map_update_elem(&containers, id, running, BPF_ANY)) {
		lost(WIRE_container_exit, WIRE_LOSS_no_place, 0, 0);
		if (running->guest) /* nobody will see its end */
			__sync_fetch_and_sub(&guests, 1);
	}
	own_namespaces(running, id);
	own_cgroup(running, id);
	return WIRE_ENTRY_START;
}

/* What a runtime does with namespaces is how it makes containers; within one anybody may be called
 * so. */
static __always_inline bool is_compared(const struct inside *inside)
{
	return !inside->runtime || inside->id.digits[0];
}

struct change_record {
	struct wire_namespace_change record;
	__u32 before[WIRE_NAMESPACES];
};

/*
 * Tell it if the task is in other namespaces than those that are noted, and note these. No hook of
 * every kernel sees setns(2) and unshare(2) themselves; what comes of them is seen here, unless the
 * task goes back before it does anything.
 */
static __noinline void namespaces_compare(struct task_struct *task, __u32 *known, int how)
{
	__u32 now[WIRE_NAMESPACES] = {}, differ = 0;
	struct change_record *whole;

	if (!task->nsproxy)
		return;
	namespaces_fill(task, now);
	for (int i = 0; i < WIRE_NAMESPACES; i++)
		differ |= now[i] ^ known[i];
	if (!differ)
		return;
	whole = has_room(task) ? bpf_ringbuf_reserve(&ring_state, sizeof(*whole), 0) : NULL;
	if (whole) {
		__builtin_memset(whole, 0, sizeof(*whole));
		header_fill(&whole->record.header, WIRE_namespace_change, sizeof(whole->record));
		whole->record.header.length = sizeof(*whole);
		task_fill(&whole->record.task, task);
		whole->record.how = how;
		whole->record.before = (struct wire_str){ 0, sizeof(whole->before) };
		__builtin_memcpy(whole->before, known, sizeof(whole->before));
		bpf_ringbuf_submit(whole, wake_submit(&ring_state, sizeof(*whole)));
	} else {
		lost_here(WIRE_namespace_change, WIRE_LOSS_ring_full, 0, 0);
	}
	__builtin_memcpy(known, now, sizeof(now));
}

/* A process of the host in a namespace of a container: its children will be, too. */
static __always_inline void host_compare(struct task_struct *task, struct inside *fresh, int how)
{
	struct inside *inside;
	bool owned = false;

	namespaces_fill(task, fresh->namespaces);
	fresh->mnt = fresh->namespaces[WIRE_NS_MNT];
	for (int i = WIRE_NS_PID; i <= WIRE_NS_UTS; i++) {
		__u32 inum = fresh->namespaces[i];

		if (inum != host_namespaces[i])
			owned |= !!bpf_map_lookup_elem(&owned_namespaces, &inum);
	}
	if (!owned)
		return;
	__builtin_memcpy(fresh->namespaces, host_namespaces, sizeof(fresh->namespaces));
	inside = bpf_task_storage_get(&insides, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (inside)
		namespaces_compare(task, inside->namespaces, how);
	else
		lost(WIRE_namespace_change, WIRE_LOSS_no_memory, 0, 0);
}

/* A program that brings nobody into a container: a runtime, or anything else. */
static __always_inline void stay(struct task_struct *task, struct inside *inside,
				 struct inside *fresh)
{
	if (runtime_of(task) != WIRE_RUNTIME_MAKES) {
		if (!inside)
			host_compare(task, fresh, WIRE_CHANGE_EXEC);
		else if (is_compared(inside))
			namespaces_compare(task, inside->namespaces, WIRE_CHANGE_EXEC);
		return;
	}
	if (!inside)
		inside =
			bpf_task_storage_get(&insides, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (inside) {
		/* Only of the first one: on cgroup v2 its own child is in the container's already.
		 */
		if (!inside->runtime)
			remember_cgroups(task, inside);
		inside->runtime = 1;
		/* Whichever it is: rootless engines have one of their own. */
		inside->mnt = task->nsproxy->mnt_ns->ns.inum;
	} else {
		lost(WIRE_container_start, WIRE_LOSS_no_memory, 0, 0);
	}
}

/* What it is called, and how well that is known; 1 or 0. */
static __always_inline bool name_by_cgroup(struct task_struct *task, struct entry_scratch *scratch)
{
	struct running *running = &scratch->running;

	if (!container_of_cgroup(task, &scratch->id, &scratch->cgroup))
		return false;
	running->cgroup = scratch->cgroup.number;
	if (scratch->cgroup.users)
		running->doubts |= WIRE_DOUBT_OWNER;
	return is_called_so_rightly(&scratch->id, running);
}

/*
 * A task runs another program: whether it has come into a container with it (WIRE_ENTRY_...). On
 * cgroup v2 a runtime's own program is run in the container's cgroup before: the container is there
 * once the mount namespace is another one than that from which the task came.
 */
static __always_inline int container_enter(struct task_struct *task)
{
	struct inside *inside = bpf_task_storage_get(&insides, task, NULL, 0), *fresh;
	__u32 mnt = task->nsproxy->mnt_ns->ns.inum, zero = 0;
	__u32 from = host_namespaces[WIRE_NS_MNT];
	const struct container_id *owner = namespace_owner(task);
	struct entry_scratch *scratch = bpf_map_lookup_elem(&entry_scratches, &zero);
	int entry;

	if (!scratch || !host_namespaces[WIRE_NS_MNT])
		return WIRE_ENTRY_NONE;
	__builtin_memset(scratch, 0, sizeof(*scratch));
	fresh = &scratch->inside;
	if (inside)
		from = inside->mnt;
	barrier_var(from); /* or it becomes a pointer that is not checked */
	if (mnt == from) {
		stay(task, inside, fresh);
		return WIRE_ENTRY_NONE;
	}
	if (!containers_swept && !inside)
		return WIRE_ENTRY_NONE;
	scratch->running.doubts = inside && inside->runtime ? 0 : WIRE_DOUBT_RUNTIME;
	if (name_by_cgroup(task, scratch)) {
		entry = inside && same_container(&inside->id, &scratch->id)
				? WIRE_ENTRY_NONE
				: begin_or_enter(task, scratch);
	} else if (inside && inside->runtime) {
		scratch->running.cgroup = 0;
		scratch->running.doubts = 0;
		if (owner)
			scratch->id = *owner;
		else
			name_by_hand(task, inside, &scratch->id);
		entry = begin_or_enter(task, scratch);
	} else {
		entry = owner && (!inside || !inside->id.digits[0]) ? WIRE_ENTRY_NAMESPACE
								    : WIRE_ENTRY_NONE;
		if (entry)
			scratch->id = *owner;
	}
	if (!entry) {
		if (!inside || !inside->runtime)
			stay(task, inside, fresh);
		else if (is_compared(inside))
			namespaces_compare(task, inside->namespaces, WIRE_CHANGE_EXEC);
		return entry;
	}
	/* By the helper: what is assigned goes over the stack, which has no room. */
	bpf_probe_read_kernel(&fresh->id, sizeof(fresh->id), &scratch->id);
	fresh->mnt = mnt;
	fresh->entered = entry == WIRE_ENTRY_START ? 0 : task->group_leader->start_boottime;
	namespaces_fill(task, fresh->namespaces);
	if (inside)
		bpf_probe_read_kernel(inside, sizeof(*inside), fresh);
	else if (!bpf_task_storage_get(&insides, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE))
		lost(WIRE_container_start, WIRE_LOSS_no_memory, 0, 0);
	return entry;
}

/* A task was forked, or a thread begun: it is where its parent is. */
static __always_inline void container_inherit(struct task_struct *parent, struct task_struct *child)
{
	struct inside *inside = bpf_task_storage_get(&insides, parent, NULL, 0);

	if (!inside)
		return;
	if (is_compared(inside))
		namespaces_compare(parent, inside->namespaces, WIRE_CHANGE_FORK);
	inside = bpf_task_storage_get(&insides, child, inside, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!inside)
		lost(WIRE_container_start, WIRE_LOSS_no_memory, 0, 0);
	else if (is_compared(inside))
		namespaces_compare(child, inside->namespaces, WIRE_CHANGE_CLONE);
}

/* What container_enter() returned goes out, behind the exec itself. */
static __always_inline void container_tell(struct task_struct *task, int entry)
{
	struct entry_scratch *scratch;
	struct wire_container_exec *record;
	__u32 zero = 0;

	if (entry == WIRE_ENTRY_START) {
		scratch = bpf_map_lookup_elem(&entry_scratches, &zero);
		start_tell(task, false, scratch ? scratch->running.doubts : 0);
		return;
	}
	if (!has_room(task)) {
		lost_here(WIRE_container_exec, WIRE_LOSS_ring_full, 0, 0);
		return;
	}
	record = EMIT_BEGIN_HERE(ring_state, container_exec);
	if (!record)
		return;
	task_fill(&record->task, task);
	record->how = entry;
	EMIT_SEND(ring_state, record);
}

/* The last thread of a process ends: the container does if it was its first process. */
static __always_inline void container_leave(struct task_struct *task, int status)
{
	struct inside *inside = bpf_task_storage_get(&insides, task, NULL, 0);
	struct wire_container_exit *record = NULL;
	struct running *running;

	if (!inside)
		return;
	if (is_compared(inside))
		namespaces_compare(task, inside->namespaces, WIRE_CHANGE_EXIT);
	running = bpf_map_lookup_elem(&containers, &inside->id);
	if (!running || running->pid != task->tgid ||
	    running->start != task->group_leader->start_boottime)
		return;
	if (has_room(task))
		record = EMIT_BEGIN_HERE(ring_state, container_exit);
	else
		lost_here(WIRE_container_exit, WIRE_LOSS_ring_full, 0, 0);
	if (record) {
		task_fill(&record->task, task);
		/* Of one that was there before the probes. */
		record->began = running->began ?: running->start;
		record->status = status;
		record->out_of_memory = running->out_of_memory;
		EMIT_SEND(ring_state, record);
	}
	disown(running, &inside->id);
	bpf_map_delete_elem(&containers, &inside->id);
}
