// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Capabilities that processes in containers ask for, granted or not: each first use at once, then
 * counted here. Every check of the host comes by, so that who is in no container costs one lookup.
 */
#include "bpf/container.bpf.h"

#define KINDS_MOST      256 /* of one container that are told apart by program and user namespace */
#define HOST_KINDS_MOST 4096 /* of the host, likewise */

const volatile bool host_capabilities;
__u32 host_kinds;

#define EEXIST          17
#define CAP_SYS_ADMIN   21
#define CAP_OPT_NOAUDIT 2

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct wire_capability);
	__type(value, __u64);
} capability_uses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_capability);
} capability_keys SEC(".maps");

static __always_inline void program_fill(struct task_struct *task, struct wire_capability *key)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);

	key->inode = BPF_CORE_READ(inode, i_ino);
	key->device = BPF_CORE_READ(inode, i_sb, s_dev);
}

/* Whether it is told. */
static __always_inline bool first_use(struct task_struct *task, const struct wire_capability *key)
{
	struct wire_capability_use *record;

	if (!has_room(task)) {
		lost_here(WIRE_capability_use, WIRE_LOSS_ring_full, 0, 0);
		return false;
	}
	record = EMIT_BEGIN_HERE(ring_state, capability_use);
	if (!record)
		return false;
	task_fill(&record->task, task);
	/* As it is counted, which by the control group alone it is not. */
	__builtin_memcpy(record->task.container, key->container, WIRE_CONTAINER);
	record->inode = key->inode;
	record->device = key->device;
	record->user_namespace = key->user_namespace;
	record->capability = key->capability;
	record->denied = key->denied;
	record->borrowed = key->borrowed;
	EMIT_SEND(ring_state, record);
	return true;
}

/*
 * One container must not take the place of all others by copying its programs; nor may what has
 * outlived its container, of which nobody would know how many kinds it has.
 */
static __always_inline bool is_lumped(const struct inside *inside)
{
	struct running *running;

	if (!inside || !inside->id.digits[0])
		return __sync_fetch_and_add(&host_kinds, 1) >= HOST_KINDS_MOST;
	running = bpf_map_lookup_elem(&containers, &inside->id);
	return !running || __sync_fetch_and_add(&running->kinds, 1) >= KINDS_MOST;
}

struct check {
	const struct cred *cred;
	__u32 user_namespace;
	int capability;
	bool denied;
};

static __always_inline void count_use(struct task_struct *task, const struct inside *inside,
				      const struct check *check)
{
	struct wire_capability *key;
	__u64 one = 1, *count;
	__u32 zero = 0;
	int r;

	key = bpf_map_lookup_elem(&capability_keys, &zero);
	if (!key)
		return;
	__builtin_memset(key, 0, sizeof(*key));
	if (inside)
		__builtin_memcpy(key->container, &inside->id, WIRE_CONTAINER);
	key->user_namespace = check->user_namespace;
	key->capability = check->capability;
	key->denied = check->denied;
	key->borrowed = check->cred != task->real_cred;
	program_fill(task, key);
	count = bpf_map_lookup_elem(&capability_uses, key);
	if (!count && is_lumped(inside)) {
		key->inode = 0;
		key->device = key->user_namespace = 0;
		count = bpf_map_lookup_elem(&capability_uses, key);
	}
	if (count) {
		__sync_fetch_and_add(count, 1);
		return;
	}
	r = bpf_map_update_elem(&capability_uses, key, &one, BPF_NOEXIST);
	if (r == 0 && !first_use(task, key)) /* the next one is */
		bpf_map_delete_elem(&capability_uses, key);
	else if (r == 0)
		return;
	else if (r == -EEXIST && (count = bpf_map_lookup_elem(&capability_uses, key)))
		__sync_fetch_and_add(count, 1);
	else
		lost_here(WIRE_capability_use, WIRE_LOSS_no_place, 0, 0);
}

/* Whether anybody asked to be told of this process's. */
static __always_inline bool is_told(const struct inside *inside)
{
	return inside && inside->id.digits[0] ? true : host_capabilities;
}

/* The hook shows which checks the kernel itself does not hold for worth an audit record. */
SEC("fexit/cap_capable")
int BPF_PROG(capability_checked, const struct cred *cred, struct user_namespace *target,
	     int capability, unsigned int options, int denied)
{
	struct check check = { cred, target->ns.inum, capability, denied != 0 };
	struct task_struct *task = bpf_get_current_task_btf();
	struct inside *inside = bpf_task_storage_get(&insides, task, NULL, 0);

	if (!(options & CAP_OPT_NOAUDIT) && is_told(inside))
		count_use(task, inside, &check);
	return 0;
}

extern const void security_vm_enough_memory_mm __ksym __weak;

#define FUNCTION_MOST 512 /* bytes of it, at most */

#define FRAMES_MOST 4 /* where more than one program sees the tracepoint there is one more */

/*
 * The tracepoint has no options. What asks most is each mapping of memory, whether it may use the
 * last of it (cap_vm_enough_memory): by the system call, or by where it was called from.
 */
static __always_inline bool is_about_memory(void *context, struct task_struct *task)
{
	__u64 frames[FRAMES_MOST] = {}, begin = (__u64)&security_vm_enough_memory_mm;
	struct pt_regs *registers = (void *)bpf_task_pt_regs(task);
	__s64 call = BPF_CORE_READ(registers, orig_ax);

	if (call == 9 || call == 10 || call == 12 || call == 25 || call == -1)
		return true;
	if (!begin || bpf_get_stack(context, frames, sizeof(frames), 2) <= 0)
		return false;
	for (int i = 0; i < FRAMES_MOST; i++)
		if (frames[i] - begin < FUNCTION_MOST)
			return true;
	return false;
}

SEC("tp_btf/cap_capable")
int BPF_PROG(capability_traced, const struct cred *cred, struct user_namespace *target,
	     const struct user_namespace *capable, int capability, int denied)
{
	struct check check = { cred, BPF_CORE_READ(target, ns.inum), capability, denied != 0 };
	struct task_struct *task = bpf_get_current_task_btf();
	struct inside *inside = bpf_task_storage_get(&insides, task, NULL, 0);

	if (!is_told(inside))
		return 0;
	if (capability == CAP_SYS_ADMIN && is_about_memory(ctx, task))
		return 0;
	count_use(task, inside, &check);
	return 0;
}
