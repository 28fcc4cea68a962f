/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who: what is known of a task at the act. Where the verifier knows a pointer's type it is followed
 * directly: that is a load, and BPF_CORE_READ() a call for each step of the way.
 */
#pragma once

#include "bpf/emit.bpf.h"
#include "bpf/kernels.bpf.h"

static __always_inline bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/*
 * The 64 digits of a container in a cgroup's name: `<id>` (cgroupfs driver), `docker-<id>.scope`,
 * `cri-containerd-<id>.scope`, `libpod-<id>` and the like: the name, without ".scope", ends in
 * them.
 */
static __always_inline bool container_in_name(const char *name, char id[WIRE_CONTAINER])
{
	char text[128] = {};
	long length = bpf_probe_read_kernel_str(text, sizeof(text), name) - 1;
	__u32 start;

	if (length < WIRE_CONTAINER || length > 120)
		return false;
	if (text[(length - 1) & 127] == 'e' && text[(length - 6) & 127] == '.')
		length -= 6;
	if (length < WIRE_CONTAINER)
		return false;
	start = length - WIRE_CONTAINER;
	for (int i = 0; i < WIRE_CONTAINER; i++) {
		char c = text[(start + i) & 127];

		if (!is_hex(c))
			return false;
		id[i] = c;
	}
	return true;
}

/*
 * The container of a task, by the cgroup that it is in at this moment: no race with its end. In the
 * unified tree, which dockerd's cgroupfs driver also fills on hybrid machines; the innermost id
 * wins, and a process may have been moved a few levels below its container.
 */
static __always_inline void container_fill(struct task_struct *task, char id[WIRE_CONTAINER])
{
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;

	for (int level = 0; level < 4 && node; level++) {
		if (container_in_name(node->name, id))
			return;
		node = kernfs_parent(node);
	}
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
	namespaces_fill(task, who->namespaces);
	/* The leader's: a thread's own name ("dockerd-worker") would not be found again in ps. */
	BPF_CORE_READ_STR_INTO(&who->name, leader, comm);
	if (tty)
		BPF_CORE_READ_STR_INTO(&who->tty, tty, name);
	container_fill(task, who->container);
}
