// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whom the kernel kills for memory. mark_oom_victim() runs in the context of whoever asked for the
 * memory, once for each victim.
 */
#include "bpf/container.bpf.h"

#define LEVELS_MOST 8    /* of control groups, from the victim's up */
#define MARGIN      1024 /* pages: what CPUs have charged ahead (MEMCG_CHARGE_BATCH each) */

/* The innermost control group without room left; where none is, the host had none. */
static __always_inline void limit_fill(struct task_struct *victim, struct wire_oom_kill *record)
{
	struct mem_cgroup *group = (void *)CGROUP_STATE(victim, memory_cgrp_id);
	struct page_counter *counter;

	if (!group)
		return;
	counter = (void *)group + bpf_core_field_offset(struct mem_cgroup, memory);
	for (int level = 0; level < LEVELS_MOST && counter; level++) {
		__u64 limit = BPF_CORE_READ(counter, max);
		__u64 usage = BPF_CORE_READ(counter, usage.counter);

		if (usage + MARGIN >= limit) {
			record->limit = limit;
			record->usage = usage;
			return;
		}
		counter = BPF_CORE_READ(counter, parent);
	}
}

static __always_inline void note_out_of_memory(struct task_struct *victim)
{
	const struct inside *inside = bpf_task_storage_get(&insides, victim, NULL, 0);
	struct running *running;

	if (!inside)
		return;
	running = bpf_map_lookup_elem(&containers, &inside->id);
	if (running)
		running->out_of_memory = 1;
}

/* Before 6.8 (72ba14deb40a, in stable kernels since) the argument was a pid: then it is not loaded.
 */
SEC("tp_btf/mark_victim")
int BPF_PROG(oom_kill, struct task_struct *victim)
{
	struct wire_oom_kill *record;
	struct mm_struct *mm;

	note_out_of_memory(victim);
	if (!has_room(victim)) {
		lost(WIRE_oom_kill, WIRE_LOSS_ring_full, 0, 0);
		return 0;
	}
	record = EMIT_BEGIN(ring_state, oom_kill);
	if (!record)
		return 0;
	task_fill(&record->task, victim);
	task_fill(&record->trigger, bpf_get_current_task_btf());
	limit_fill(victim, record);
	mm = BPF_CORE_READ(victim, mm);
	if (mm) {
		record->file = resident_pages(mm, MM_FILEPAGES);
		record->anonymous = resident_pages(mm, MM_ANONPAGES);
		record->shared = resident_pages(mm, MM_SHMEMPAGES);
	}
	record->score_adjustment = victim->signal->oom_score_adj;
	EMIT_SEND(ring_state, record);
	return 0;
}
