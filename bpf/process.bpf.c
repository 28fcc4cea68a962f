// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The process tree: fork, exec and exit of every process, so that a caller that is gone a
 * millisecond later still has its program, its arguments and its ancestors.
 */
#include "bpf/emit.bpf.h"
#include "bpf/task.bpf.h"

#define NAMES_MOST 48
#define NAME_MOST  256

/* The components of a path, the last one first. */
struct path_name {
	__u64 data;
	__u32 length;
};

struct exec_scratch {
	struct wire_process_exec record;
	char tail[WIRE_PATH_MOST + WIRE_ARGS_MOST + NAME_MOST];
	struct path_name names[NAMES_MOST];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} exec_scratches SEC(".maps");

/* On the stack: what a bpf_loop callback may be given. */
struct walk {
	struct exec_scratch *scratch;
	struct dentry *dentry;
	struct mount *mount;
	__u32 count, length;
};

/* One step towards the root, as prepend_path() goes: out of a mount where its root is reached. */
static long step_up(__u32 i, struct walk *walk)
{
	struct dentry *dentry = walk->dentry, *parent;
	struct mount *mount = walk->mount, *above;
	__u32 at = walk->count;
	struct qstr name;

	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount)
			return 1;
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = above;
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry || at >= NAMES_MOST)
		return 1;
	name = BPF_CORE_READ(dentry, d_name);
	walk->scratch->names[at].data = (__u64)name.name;
	walk->scratch->names[at].length = name.len;
	walk->count = at + 1;
	walk->dentry = parent;
	return 0;
}

static long write_name(__u32 i, struct walk *walk)
{
	struct exec_scratch *scratch = walk->scratch;
	__u32 at = walk->count - 1 - i, offset = walk->length, length;

	if (at >= NAMES_MOST || offset >= WIRE_PATH_MOST - NAME_MOST)
		return 1;
	length = scratch->names[at].length;
	if (length >= NAME_MOST)
		length = NAME_MOST - 1;
	scratch->tail[offset] = '/';
	if (bpf_probe_read_kernel(&scratch->tail[offset + 1], length,
				  (void *)scratch->names[at].data))
		return 1;
	walk->length = offset + 1 + length;
	return 0;
}

/* The kernel's path of the program, from the root of its mount namespace; not the string that was
 * typed. */
static __always_inline __u32 executable_fill(struct exec_scratch *scratch, struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct vfsmount *mount = BPF_CORE_READ(file, f_path.mnt);
	struct walk walk = { .scratch = scratch };

	walk.dentry = BPF_CORE_READ(file, f_path.dentry);
	walk.mount = (void *)mount - bpf_core_field_offset(struct mount, mnt);
	bpf_loop(NAMES_MOST * 2, step_up, &walk, 0);
	bpf_loop(walk.count, write_name, &walk, 0);
	return walk.length;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u32 zero = 0, path, args;
	struct exec_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &zero);
	struct wire_process_exec *record;
	__u64 start, end;

	if (!scratch)
		return 0;
	record = &scratch->record;
	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, WIRE_process_exec, sizeof(*record));
	task_fill(&record->task, task);

	path = executable_fill(scratch, task);
	if (path > WIRE_PATH_MOST)
		path = WIRE_PATH_MOST;
	record->executable.length = path;

	/* The new image's own copy, written a moment ago by copy_strings(): it is in memory. */
	start = BPF_CORE_READ(task, mm, arg_start);
	end = BPF_CORE_READ(task, mm, arg_end);
	args = end > start ? end - start : 0;
	record->args_length = args;
	if (args > WIRE_ARGS_MOST)
		args = WIRE_ARGS_MOST;
	if (args && bpf_probe_read_user(&scratch->tail[path], args, (void *)start)) {
		lost(WIRE_process_exec, WIRE_LOSS_unreadable, 0, args);
		args = 0;
	}
	record->args.offset = path;
	record->args.length = args;
	record->header.length = sizeof(*record) + path + args;
	if (bpf_ringbuf_output(&ring_noise, record, (sizeof(*record) + path + args) & 0x3fff,
			       wake_flags(&ring_noise)))
		lost(WIRE_process_exec, WIRE_LOSS_ring_full, 0, path + args);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct wire_process_fork *record;

	if (child->pid != child->tgid) /* a thread */
		return 0;
	record = EMIT_BEGIN(ring_noise, process_fork);
	if (!record)
		return 0;
	task_fill(&record->task, child);
	record->parent_start = BPF_CORE_READ(parent, group_leader, start_boottime);
	EMIT_SEND(ring_noise, record);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct wire_process_exit *record;

	/* do_exit() has already counted this thread off: only the last one of the group finds zero.
	 */
	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	record = EMIT_BEGIN(ring_noise, process_exit);
	if (!record)
		return 0;
	record->start = BPF_CORE_READ(task, group_leader, start_boottime);
	record->pid = task->tgid;
	record->status = BPF_CORE_READ(task, group_leader, exit_code);
	EMIT_SEND(ring_noise, record);
	return 0;
}

/* The host's namespaces are those of kthreadd: pid 1 may be hidden, and nsproxy pointers prove
 * nothing. */
SEC("iter/task")
int process_host_namespaces(struct bpf_iter__task *ctx)
{
	__u32 inums[WIRE_NAMESPACES] = {};
	struct task_struct *task = ctx->task;

	if (!task || task->pid != 2)
		return 0;
	namespaces_fill(task, inums);
	bpf_seq_write(ctx->meta->seq, inums, sizeof(inums));
	return 0;
}
