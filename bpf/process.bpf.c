// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The process tree: fork, exec and exit of every process, so that a caller that is gone a
 * millisecond later still has its program, its arguments and its ancestors.
 */
#include "bpf/container.bpf.h"

#define EEXIST     17
#define NAME_MOST  256  /* NAME_MAX and a slash */
#define STEPS_MOST 2048 /* names and mounts on the way to the root */
#define CUT        "..."

/*
 * The first half of the ring is whoever's comes first. In the second one each user has a share, or
 * one who forks without end would leave no room for what the others run.
 */
#define SHARE_RECORDS 256                   /* at once */
#define SHARE_REFILL  (50 * 1000 * 1000ull) /* ns for one more */

const volatile __u64 noise_common = 1024 * 1024; /* bytes: half of the ring */

struct share {
	__u64 time; /* when it was last counted up */
	__u64 left;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* real uid */
	__type(value, struct share);
} shares SEC(".maps");

static __always_inline bool has_share(__u32 uid)
{
	struct share new = { .time = bpf_ktime_get_boot_ns(), .left = SHARE_RECORDS }, *share;
	__u64 more;

	share = bpf_map_lookup_elem(&shares, &uid);
	if (!share) {
		bpf_map_update_elem(&shares, &uid, &new, BPF_ANY);
		return true;
	}
	more = new.time > share->time ? (new.time - share->time) / SHARE_REFILL : 0;
	if (more) { /* two CPUs may count it up at once: a share is no exact measure */
		share->time = new.time;
		share->left =
			share->left + more < SHARE_RECORDS ? share->left + more : SHARE_RECORDS;
	}
	if (!share->left)
		return false;
	share->left--;
	return true;
}

/* Whether a record of this process may go into the ring; where not, it is counted. */
static __always_inline bool may_tell(struct task_struct *task, enum wire_message message)
{
	if (bpf_ringbuf_query(&ring_noise, BPF_RB_AVAIL_DATA) < noise_common ||
	    has_share(task->cred->uid.val))
		return true;
	lost_here(message, WIRE_LOSS_share, 0, 0);
	return false;
}

struct exec_scratch {
	struct wire_process_exec record;
	char tail[WIRE_PATH_MOST + WIRE_ARGS_MOST + NAME_MOST];
	char path[WIRE_PATH_MOST + NAME_MOST]; /* grows from WIRE_PATH_MOST to the left */
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
	struct mnt_namespace *namespace;
	__u32 start; /* of what is written in scratch->path */
	__u32 whole;
};

/* One step towards the root, as prepend_path() goes: out of a mount where its root is reached. */
static long step_up(__u32 i, struct walk *walk)
{
	struct dentry *dentry = walk->dentry, *parent;
	struct mount *mount = walk->mount, *above;
	__u32 start = walk->start, length;
	struct qstr name;

	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount) {
			/* A mount that hangs nowhere ends here too, and must not look like "/". */
			walk->whole = BPF_CORE_READ(mount, mnt_ns) == walk->namespace;
			return 1;
		}
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = above;
		return 0;
	}
	name = BPF_CORE_READ(dentry, d_name);
	length = name.len < NAME_MOST ? name.len : NAME_MOST - 1;
	if (start > WIRE_PATH_MOST || start < length + sizeof(CUT))
		return 1;
	start = (start - length - 1) & (WIRE_PATH_MOST - 1);
	walk->scratch->path[start] = '/';
	if (bpf_probe_read_kernel(&walk->scratch->path[start + 1], length & (NAME_MOST - 1),
				  name.name))
		return 1;
	walk->start = start;
	parent = BPF_CORE_READ(dentry, d_parent);
	walk->dentry = parent;
	/* In no folder: "/memfd:name", as /proc has it. */
	walk->whole = parent == dentry;
	return walk->whole;
}

/*
 * The kernel's path of the program, from the root of its mount namespace; not the string that was
 * typed. Where its beginning is too far away, or cannot be reached, it begins with "...".
 */
static __always_inline __u32 executable_fill(struct exec_scratch *scratch, struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct vfsmount *mount = BPF_CORE_READ(file, f_path.mnt);
	struct walk walk = { .scratch = scratch, .start = WIRE_PATH_MOST };
	__u32 start, length;

	walk.dentry = BPF_CORE_READ(file, f_path.dentry);
	walk.mount = (void *)mount - bpf_core_field_offset(struct mount, mnt);
	walk.namespace = BPF_CORE_READ(task, nsproxy, mnt_ns);
	bpf_loop(STEPS_MOST, step_up, &walk, 0);
	start = walk.start;
	if (!walk.whole) {
		start -= sizeof(CUT) - 1;
		if (start >= WIRE_PATH_MOST)
			return 0;
		__builtin_memcpy(&scratch->path[start], CUT, sizeof(CUT) - 1);
	}
	if (start >= WIRE_PATH_MOST)
		return 0;
	length = WIRE_PATH_MOST - start;
	barrier_var(length); /* or the compiler proves the bound that the verifier wants to see */
	length &= WIRE_PATH_MOST * 2 - 1;
	if (bpf_probe_read_kernel(scratch->tail, length, &scratch->path[start]))
		return 0;
	return length;
}

static __always_inline void exec_send(void *ring, struct wire_process_exec *record, __u32 size)
{
	if (bpf_ringbuf_output(ring, record, size & 0x3fff, wake_output(ring, size & 0x3fff)))
		lost_here(WIRE_process_exec, WIRE_LOSS_ring_full, 0, size - sizeof(*record));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u32 zero = 0, path, args;
	struct exec_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &zero);
	struct wire_process_exec *record;
	int entry = container_enter(task);
	__u64 start, end;

	if (!scratch || (!entry && !may_tell(task, WIRE_process_exec)))
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
	start = task->mm->arg_start;
	end = task->mm->arg_end;
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
	/* Nobody's noise can push it out. */
	if (entry && has_room(task))
		exec_send(&ring_state, record, sizeof(*record) + path + args);
	else if (!entry || may_tell(task, WIRE_process_exec))
		exec_send(&ring_noise, record, sizeof(*record) + path + args);
	if (entry)
		container_tell(task, entry);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct wire_process_fork *record;

	container_inherit(parent, child);
	if (child->pid != child->tgid /* a thread */ || !may_tell(child, WIRE_process_fork))
		return 0;
	record = EMIT_BEGIN_HERE(ring_noise, process_fork);
	if (!record)
		return 0;
	task_fill(&record->task, child);
	record->parent_start = parent->group_leader->start_boottime;
	EMIT_SEND(ring_noise, record);
	return 0;
}

/* Processes whose end has been told, by one of several threads that ended at once. */
struct ended {
	__u64 start;
	__u32 pid, unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ended);
	__type(value, __u8);
} ended SEC(".maps");

#define SIGNAL_GROUP_EXIT 4

/* As wait_task_zombie() has it: the leader may not have noted its own yet. */
static __always_inline int exit_status(struct task_struct *task)
{
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return task->signal->group_exit_code;
	return task->group_leader->exit_code;
}

/*
 * do_exit() has already counted this thread off: the last one finds zero, and so do others that
 * ended at the same moment. Only where such have been released since is it alone and late.
 */
static __always_inline bool is_end_of_process(struct task_struct *task)
{
	struct ended key = {};
	__u8 one = 1;
	int r;

	if (task->signal->live.counter != 0)
		return false;
	key.start = task->group_leader->start_boottime;
	key.pid = task->tgid;
	if (task->signal->nr_threads > 1) {
		/* 32 bits of it: before 6.4 (d7ba4cc900bf) the upper half is not set. */
		r = bpf_map_update_elem(&ended, &key, &one, BPF_NOEXIST);
		return r != -EEXIST;
	}
	return !bpf_map_lookup_elem(&ended, &key);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct wire_process_exit *record;

	if (!is_end_of_process(task))
		return 0;
	container_leave(task, exit_status(task));
	if (!may_tell(task, WIRE_process_exit))
		return 0;
	record = EMIT_BEGIN_HERE(ring_noise, process_exit);
	if (!record)
		return 0;
	record->start = task->group_leader->start_boottime;
	record->pid = task->tgid;
	record->status = exit_status(task);
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
	__builtin_memcpy(host_namespaces, inums, sizeof(inums));
	bpf_seq_write(ctx->meta->seq, inums, sizeof(inums));
	return 0;
}
