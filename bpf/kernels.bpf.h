/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One getter for each difference between kernels, naming the commit or release that made it. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* kernfs_node.parent became __parent, RCU-protected, in 6.15 (633488947ef6 "kernfs: Use RCU to
 * access kernfs_node::parent"). */
struct kernfs_node___before_6_15 {
	struct kernfs_node *parent;
} __attribute__((preserve_access_index));

struct kernfs_node___since_6_15 {
	struct kernfs_node *__parent;
} __attribute__((preserve_access_index));

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___before_6_15 *before = (void *)node;
	struct kernfs_node___since_6_15 *since = (void *)node;

	if (bpf_core_field_exists(before->parent))
		return before->parent;
	return since->__parent;
}

/* Absent without CONFIG_AUDIT. */
static __always_inline __u32 task_login_uid(struct task_struct *task)
{
	if (bpf_core_field_exists(task->loginuid))
		return task->loginuid.val;
	return 0xffffffff;
}

static __always_inline __u32 task_session(struct task_struct *task)
{
	if (bpf_core_field_exists(task->sessionid))
		return task->sessionid;
	return 0xffffffff;
}

/* Whether its system calls can be recorded; absent without CONFIG_AUDITSYSCALL. */
static __always_inline bool task_has_audit(struct task_struct *task)
{
	return bpf_core_field_exists(task->audit_context) && task->audit_context;
}

/*
 * Page fragments of an skb: struct bio_vec until 6.8, struct skb_frag with a netmem since
 * (21d2e6737c97); both are {page, u32 length, u32 offset}, so only the place of the array is taken
 * by CO-RE.
 */
struct fragment {
	__u64 page;
	__u32 length, offset;
};

/* One counter for each kind of page until 6.1; per CPU since 6.2 (f1a7941243c1): what the CPUs have
 * not added up yet is missing. */
struct mm_struct___since_6_2 {
	struct percpu_counter rss_stat[4];
} __attribute__((preserve_access_index));

static __always_inline __u64 resident_pages(struct mm_struct *mm, int kind)
{
	struct mm_struct___since_6_2 *since = (void *)mm;
	__s64 pages = 0;

	if (bpf_core_type_exists(struct mm_rss_stat))
		bpf_core_read(&pages, sizeof(pages), &mm->rss_stat.count[kind]);
	else
		bpf_core_read(&pages, sizeof(pages), &since->rss_stat[kind].count);
	return pages > 0 ? pages : 0;
}
