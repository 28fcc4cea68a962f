/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a container's first process was given, as it is when its program begins. */
#pragma once

#include "bpf/container_mounts.bpf.h"

/* Its control group of one kind. Numbers of kinds depend on the kernel's configuration. */
static __always_inline struct cgroup_subsys_state *cgroup_state(struct task_struct *task,
								__u64 kind)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;

	bpf_probe_read_kernel(&state, sizeof(state),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      kind * sizeof(state));
	return state;
}

#define CGROUP_STATE(task, kind)                                                                   \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, kind)                                   \
		 ? cgroup_state(task, bpf_core_enum_value(enum cgroup_subsys_id, kind))            \
		 : NULL)

static __always_inline __u64 capabilities(const kernel_cap_t *set)
{
	__u64 bits = 0;

	/* Two words of 32 bits, since 6.3 one of 64 (f122a08b197d): the same bytes. */
	bpf_probe_read_kernel(&bits, sizeof(bits), set);
	return bits;
}

static __always_inline __u8 extents(struct uid_gid_map *map, struct wire_extent to[WIRE_EXTENTS])
{
	__u32 count = BPF_CORE_READ(map, nr_extents);

	/* More than are kept lie elsewhere. */
	if (count <= WIRE_EXTENTS)
		bpf_probe_read_kernel(to, sizeof(struct wire_extent) * WIRE_EXTENTS, map->extent);
	return count < 255 ? count : 255;
}

/* Limits of the control groups that the task itself is in, v1 or v2. */
static __always_inline void limits_fill(struct task_struct *task,
					struct wire_container_start *record)
{
	struct cgroup_subsys_state *state;
	struct cfs_bandwidth *bandwidth;

	record->memory_most = record->pids_most = record->cpu_quota = WIRE_NO_LIMIT;
	state = CGROUP_STATE(task, memory_cgrp_id);
	if (state)
		record->memory_most = BPF_CORE_READ((struct mem_cgroup *)state, memory.max);
	state = CGROUP_STATE(task, pids_cgrp_id);
	if (state)
		record->pids_most = BPF_CORE_READ((struct pids_cgroup *)state, limit.counter);
	state = CGROUP_STATE(task, cpu_cgrp_id);
	if (state && bpf_core_field_exists(struct task_group, cfs_bandwidth)) {
		bandwidth = &((struct task_group *)state)->cfs_bandwidth;
		record->cpu_quota = BPF_CORE_READ(bandwidth, quota);
		record->cpu_period = BPF_CORE_READ(bandwidth, period);
	}
}

#define START_TAIL(member)                                                                         \
	(offsetof(struct start_scratch, member) - offsetof(struct start_scratch, record) -         \
	 sizeof(struct wire_container_start))

static __always_inline struct wire_str extents_string(__u8 count, __u16 offset)
{
	return (struct wire_str){ offset, (count <= WIRE_EXTENTS ? count : 0) *
						  sizeof(struct wire_extent) };
}

/* Whoever may have a user namespace may make what looks like a container: any user. */
static __always_inline bool is_guest(struct task_struct *task)
{
	return BPF_CORE_READ(task, cred, user_ns, level) > 0;
}

/* One half of the ring is for those who are none: nobody makes them go unseen by a flood. */
static __noinline bool has_room(struct task_struct *task)
{
	return !is_guest(task) || bpf_ringbuf_query(&ring_state, BPF_RB_AVAIL_DATA) <
					  bpf_ringbuf_query(&ring_state, BPF_RB_RING_SIZE) / 2;
}

static __always_inline void start_tell(struct task_struct *task, bool present, __u32 doubts)
{
	__u32 place = present, used, size;
	struct start_scratch *scratch = bpf_map_lookup_elem(&start_scratches, &place);
	const struct cred *cred = task->cred;
	struct wire_container_start *record;
	struct user_namespace *users;

	if (!scratch || !has_room(task)) {
		lost_here(WIRE_container_start, WIRE_LOSS_ring_full, 0, 0);
		return;
	}
	__builtin_memset(scratch, 0, offsetof(struct start_scratch, names));
	mounts_find(task, place, scratch);
	used = scratch->used;
	barrier_var(used); /* or the compiler proves the bound that the verifier wants to see */
	if (used > sizeof(scratch->names))
		used = sizeof(scratch->names);
	record = &scratch->record;
	size = offsetof(struct start_scratch, names) - offsetof(struct start_scratch, record) +
	       used;
	header_fill(&record->header, WIRE_container_start, sizeof(*record));
	record->header.length = size;
	task_fill(&record->task, task);
	record->capabilities_permitted = capabilities(&cred->cap_permitted);
	record->capabilities_effective = capabilities(&cred->cap_effective);
	record->capabilities_bounding = capabilities(&cred->cap_bset);
	record->capabilities_ambient = capabilities(&cred->cap_ambient);
	record->seccomp = task->seccomp.mode;
	record->seccomp_filters = task->seccomp.filter_count.counter;
	record->present = present;
	record->doubts = doubts;
	record->no_new_privileges = task->atomic_flags & 1; /* PFA_NO_NEW_PRIVS */
	limits_fill(task, record);
	users = BPF_CORE_READ(cred, user_ns);
	record->uid_extents = extents(&users->uid_map, scratch->uids);
	record->uid_map = extents_string(record->uid_extents, START_TAIL(uids));
	record->gid_extents = extents(&users->gid_map, scratch->gids);
	record->gid_map = extents_string(record->gid_extents, START_TAIL(gids));
	record->mounts_cut = scratch->cut;
	record->mounts =
		(struct wire_str){ START_TAIL(mounts), (scratch->count & (2 * WIRE_MOUNTS - 1)) *
							       sizeof(struct wire_mount) };
	record->mount_names = (struct wire_str){ START_TAIL(names), used };
	if (bpf_ringbuf_output(&ring_state, record, size, wake_output(&ring_state, size)))
		lost_here(WIRE_container_start, WIRE_LOSS_ring_full, 0, 0);
}
