/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who: what is known of a task at the act. Where the verifier knows a pointer's type it is followed
 * directly: that is a load, and BPF_CORE_READ() a call for each step of the way.
 */
#pragma once

#include "bpf/emit.bpf.h"
#include "bpf/kernels.bpf.h"

/* A table and not comparisons: the verifier follows each way through 64 of them. */
static const __u8 no_hex[256] = {
	[0 ... '0' - 1] = 1,
	['9' + 1 ... 'a' - 1] = 1,
	['f' + 1 ... 255] = 1,
};

struct container_id {
	char digits[WIRE_CONTAINER];
};

/*
 * The 64 digits of a container in a cgroup's name: `<id>` (cgroupfs driver), `docker-<id>.scope`,
 * `cri-containerd-<id>.scope`, `libpod-<id>` and the like: the name, without ".scope", ends in
 * them. But podman's "libpod-conmon-<id>.scope" is its monitor's, which is outside: in it the first
 * process of the container would have a parent within. 1 or 0. A function of its own, which is
 * verified once and not on every way that leads to it: with it inlined, half a second of the
 * recorder's start was the verifier's.
 */
__weak int container_in_name(__u64 name, struct container_id *id)
{
	char rest[64] = {}; /* behind the first 63 bytes */
	char before[8] = {};
	long length;
	__u8 wrong = 0;

	if (!id || bpf_probe_read_kernel_str(id, sizeof(*id), (const void *)name) < WIRE_CONTAINER)
		return 0;
	length = bpf_probe_read_kernel_str(rest, sizeof(rest), (const void *)(name + 63)) - 1;
	if (length < 1 || length > 57)
		return 0;
	if (rest[(length - 1) & 63] == 'e' && rest[(length - 6) & 63] == '.')
		length -= 6;
	if (length < 1 || bpf_probe_read_kernel(id, sizeof(*id), (const void *)(name + length - 1)))
		return 0;
	if (length > 7 && !bpf_probe_read_kernel(before, 7, (const void *)(name + length - 8)) &&
	    __builtin_memcmp(before, "conmon-", sizeof(before)) == 0)
		return 0;
	for (int i = 0; i < WIRE_CONTAINER; i++)
		wrong |= no_hex[(__u8)id->digits[i]];
	return !wrong;
}

/* A control group that is called like a container. */
struct named_cgroup {
	__u64 number;
	bool users; /* made by a user, or given to one, who may have named it */
};

/*
 * The container of a task, by the cgroup that it is in at this moment: no race with its end. In the
 * unified tree, which dockerd's cgroupfs driver also fills on hybrid machines; the innermost id
 * wins, and a process may have been moved a few levels below its container.
 */
static __always_inline bool container_of_cgroup(struct task_struct *task, struct container_id *id,
						struct named_cgroup *cgroup)
{
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;
	struct kernfs_iattrs *attributes;

	for (int level = 0; level < 4 && node; level++) {
		/* By number: such a function takes no pointer into the kernel. */
		if (container_in_name((__u64)BPF_CORE_READ(node, name), id)) {
			/* Attributes that are root's alone are not kept (kernfs_new_node). */
			attributes = BPF_CORE_READ(node, iattr);
			cgroup->number = BPF_CORE_READ(node, id);
			cgroup->users = attributes && BPF_CORE_READ(attributes, ia_uid.val);
			return true;
		}
		node = kernfs_parent(node);
	}
	return false;
}

/* What is known of a task that came into a container, or is about to: see container.bpf.h. */
struct inside {
	struct container_id id; /* zeros: in none yet */
	__u32 mnt;              /* its mount namespace when it came */
	__u32 runtime;          /* it runs runc or its like, which makes containers: from */
	__u64 cgroups[2];       /* these control groups; see container.bpf.h */
	__u64 entered; /* start of the one that came in, of which it is a child; 0: of the first */
	__u32 namespaces[WIRE_NAMESPACES]; /* that it is known to be in */
};

struct inside_tasks {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct inside);
};

extern struct inside_tasks insides SEC(".maps");

struct running {
	__u64 start;  /* of its first process, */
	__u64 began;  /* and when that was told; boot clock */
	__u64 cgroup; /* id of its control group, where that is called like it; 0 */
	__u32 pid;
	__u32 out_of_memory;
	__u32 kinds;  /* of capabilities that it used: capability.bpf.c */
	__u32 doubts; /* WIRE_DOUBT_... */
	__u32 guest;  /* anybody may have made it: is_guest() */
	__u32 unused;
	__u32 namespaces[WIRE_NAMESPACES]; /* its own, and what it shares */
};

struct running_containers {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct container_id);
	__type(value, struct running);
};

extern struct running_containers containers SEC(".maps");

/* The control groups of running containers, by their own number: a name anybody may give. */
struct container_cgroups {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct container_id);
};

extern struct container_cgroups cgroups SEC(".maps");
/* What was there before has been looked at: who is not marked now has entered, and a control group
 * that is not known is no container's. */
extern __u32 containers_swept;

/*
 * Of one that came into a container the mark, whatever control group it has moved to since. Of
 * others the container whose control group they are in, or, until these are known, what it is
 * called.
 */
static __always_inline void container_fill(struct task_struct *task, char id[WIRE_CONTAINER],
					   __u64 *entered)
{
	struct inside *inside = bpf_task_storage_get(&insides, task, NULL, 0);
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;
	const struct container_id *known = NULL;
	struct named_cgroup named;
	__u64 cgroup;

	*entered = 0;
	if (inside && inside->id.digits[0]) {
		*entered = inside->entered;
		__builtin_memcpy(id, &inside->id, WIRE_CONTAINER);
		return;
	}
	if (!containers_swept) {
		if (!container_of_cgroup(task, (struct container_id *)id, &named))
			__builtin_memset(id, 0, WIRE_CONTAINER);
		return;
	}
	for (int level = 0; level < 4 && node && !known; level++) {
		cgroup = BPF_CORE_READ(node, id);
		known = bpf_map_lookup_elem(&cgroups, &cgroup);
		node = kernfs_parent(node);
	}
	if (known)
		__builtin_memcpy(id, known, WIRE_CONTAINER);
	else
		__builtin_memset(id, 0, WIRE_CONTAINER);
}

/* The pid namespace a task lives in is that of its own number, not nsproxy's, which is for its
 * children. */
static __always_inline __u32 pid_namespace(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	struct upid number = {};
	__u32 level = pid->level;

	if (!level) /* the host's, where most tasks are */
		return pid->numbers[0].ns->ns.inum;
	pid = BPF_CORE_READ(task,
			    thread_pid); /* by number: the verifier lets no typed pointer go */
	bpf_probe_read_kernel(&number, sizeof(number),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid));
	return BPF_CORE_READ(number.ns, ns.inum);
}

static __always_inline void namespaces_fill(struct task_struct *task, __u32 inums[WIRE_NAMESPACES])
{
	struct nsproxy *proxy = task->nsproxy;

	if (!proxy) /* an exiting task has none */
		return;
	inums[WIRE_NS_MNT] = proxy->mnt_ns->ns.inum;
	inums[WIRE_NS_PID] = pid_namespace(task);
	inums[WIRE_NS_NET] = proxy->net_ns->ns.inum;
	inums[WIRE_NS_IPC] = proxy->ipc_ns->ns.inum;
	inums[WIRE_NS_UTS] = proxy->uts_ns->ns.inum;
	inums[WIRE_NS_USER] = task->real_cred->user_ns->ns.inum;
	inums[WIRE_NS_CGROUP] = proxy->cgroup_ns->ns.inum;
	inums[WIRE_NS_TIME] = proxy->time_ns->ns.inum;
}

static __always_inline void task_fill(struct wire_task *who, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct task_struct *parent = leader->real_parent->group_leader;
	const struct cred *cred = task->cred;
	struct tty_struct *tty = task->signal->tty;

	who->start = leader->start_boottime;
	who->pid = task->tgid;
	who->parent_pid = parent->tgid;
	who->parent_start = parent->start_boottime;
	who->uid = cred->uid.val;
	who->gid = cred->gid.val;
	who->effective_uid = cred->euid.val;
	who->effective_gid = cred->egid.val;
	who->login_uid = task_login_uid(task);
	who->session = task_session(task);
	who->unaudited = !task_has_audit(task);
	namespaces_fill(task, who->namespaces);
	/* The leader's: a thread's own name ("dockerd-worker") would not be found again in ps. */
	BPF_CORE_READ_STR_INTO(&who->name, leader, comm);
	if (tty)
		BPF_CORE_READ_STR_INTO(&who->tty, tty, name);
	container_fill(task, who->container, &who->entered);
}
