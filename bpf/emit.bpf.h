/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rings and counters. A record goes into the ring that its message names in bpf/events.h; what does
 * not fit is counted by message and reason, and by process, never dropped in silence.
 *
 * Nobody is woken for a single record (+4..5 us for the caller): the reader looks every 50 ms, and
 * is woken at 64 KiB pending.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"

#define EMIT_WAKE_BYTES (64 * 1024)

struct emit_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* userspace sets the size before loading */
};

struct emit_losses {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_MESSAGES *WIRE_LOSSES);
	__type(key, __u32);
	__type(value, struct wire_count);
};

extern struct emit_ring ring_state SEC(".maps"), ring_api SEC(".maps")
, ring_noise SEC(".maps");
extern struct emit_losses losses SEC(".maps");

/* Whom the last pushes out is missing here, but not in the sums above. */
struct emit_lost_callers {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wire_lost_caller);
	__type(value, struct wire_count);
};

extern struct emit_lost_callers lost_callers SEC(".maps");

/* Atomic although per CPU: a probe may be preempted by another one. */
static __always_inline void count_lost(struct wire_count *count, __u32 turns, __u64 bytes)
{
	__sync_fetch_and_add(&count->records, 1);
	__sync_fetch_and_add(&count->turns, turns);
	__sync_fetch_and_add(&count->bytes, bytes);
}

static __always_inline void lost(enum wire_message message, enum wire_loss reason, __u32 turns,
				 __u64 bytes)
{
	__u32 key = message * WIRE_LOSSES + reason;
	struct wire_count *count = bpf_map_lookup_elem(&losses, &key);

	if (count)
		count_lost(count, turns, bytes);
}

/* As lost(), and by whom. */
static __always_inline void lost_by(const struct wire_lost_caller *caller, __u32 turns, __u64 bytes)
{
	struct wire_count *count = bpf_map_lookup_elem(&lost_callers, caller), none = {};

	lost(caller->message, caller->reason, turns, bytes);
	if (!count) {
		bpf_map_update_elem(&lost_callers, caller, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&lost_callers, caller);
	}
	if (count)
		count_lost(count, turns, bytes);
}

/* By the process that runs here. */
static __always_inline void lost_here(enum wire_message message, enum wire_loss reason, __u32 turns,
				      __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wire_lost_caller caller = { .start = task->group_leader->start_boottime,
					   .pid = task->tgid,
					   .message = message,
					   .reason = reason };

	lost_by(&caller, turns, bytes);
}

/* What a record of `size` bytes takes in its ring (__bpf_ringbuf_reserve): a header, rounded up
 * to 8. */
static __always_inline __u32 ring_size(__u32 size)
{
	return (size + 8 + 7) & ~7u;
}

/*
 * One wakeup for each EMIT_WAKE_BYTES, not one a record for as long as the reader is late.
 * `before`: what was pending before this record, which takes `size` bytes.
 */
static __always_inline __u64 wake_flags(__u64 before, __u32 size)
{
	return before / EMIT_WAKE_BYTES != (before + size) / EMIT_WAKE_BYTES ? BPF_RB_FORCE_WAKEUP
									     : BPF_RB_NO_WAKEUP;
}

/* For bpf_ringbuf_output(), which has not reserved its record yet. */
static __always_inline __u64 wake_output(void *ring, __u32 size)
{
	return wake_flags(bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA), ring_size(size));
}

/* For bpf_ringbuf_submit(): the record that was reserved is already counted. */
static __always_inline __u64 wake_submit(void *ring, __u32 size)
{
	__u64 pending = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	size = ring_size(size);
	return wake_flags(pending > size ? pending - size : 0, size);
}

static __always_inline void header_fill(struct wire_header *header, enum wire_message message,
					__u16 struct_size)
{
	header->time = bpf_ktime_get_boot_ns();
	header->length = struct_size;
	header->message = message;
	header->tail = struct_size;
}

/*
 * A record of fixed size (no strings): reserved in its ring and begun, to be sent with EMIT_SEND,
 * or NULL, and then counted.
 */
#define EMIT_BEGIN(ring, name) EMIT_BEGIN_OR(ring, name, lost)
/* The same where the process that runs here is who acts. */
#define EMIT_BEGIN_HERE(ring, name) EMIT_BEGIN_OR(ring, name, lost_here)

#define EMIT_BEGIN_OR(ring, name, count)                                                           \
	({                                                                                         \
		struct wire_##name *record_ =                                                      \
			bpf_ringbuf_reserve(&ring, sizeof(struct wire_##name), 0);                 \
		if (record_) {                                                                     \
			__builtin_memset(record_, 0, sizeof(*record_));                            \
			header_fill(&record_->header, WIRE_##name, sizeof(*record_));              \
		} else {                                                                           \
			count(WIRE_##name, WIRE_LOSS_ring_full, 0, 0);                             \
		}                                                                                  \
		record_;                                                                           \
	})

#define EMIT_SEND(ring, record) bpf_ringbuf_submit(record, wake_submit(&ring, sizeof(*record)))
