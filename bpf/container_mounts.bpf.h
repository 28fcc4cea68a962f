/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a container has mounted of the host, out of its mount table as it is when its program
 * begins: also what somebody else than the engine put there, and what hides behind links.
 */
#pragma once

#include "bpf/task.bpf.h"

#define MOUNT_STEPS  1024 /* through the tree of mounts; a mount takes two at most */
#define MOUNT_LEVELS 16   /* of folders, from what is mounted up */
#define TARGET_STEPS 24   /* up to the container's root, by folders and mounts */
#define MOUNT_RO     0x40 /* MNT_READONLY */
#define SYSFS_MAGIC  0x62656572

struct sensitive_files {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct wire_file);
	__type(value, struct wire_file_row);
};

/* Where a container-start is put together: the stack has no room. Only while a program is run. */
struct start_scratch {
	__u32 count, cut, used; /* of the mounts, and bytes of their names */
	__u32 unused;
	/* What is sent, as much of it as there is. */
	struct wire_container_start record;
	struct wire_extent uids[WIRE_EXTENTS], gids[WIRE_EXTENTS];
	struct wire_mount mounts[WIRE_MOUNTS];
	char names[WIRE_MOUNT_NAMES + WIRE_NAME_MOST];
};

struct start_scratches {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2); /* a program that is run may come between the steps of a sweep */
	__type(key, __u32);
	__type(value, struct start_scratch);
};

extern struct sensitive_files sensitive_files SEC(".maps");
extern struct start_scratches start_scratches SEC(".maps");

/*
 * Its own /sys, which all that are in a network namespace share; each /proc is one of its own
 * (proc_get_tree). And what a runtime covers in both with themselves, read-only.
 */
static __always_inline bool is_own_view(struct task_struct *task, struct mount *mount)
{
	struct mount *parent = BPF_CORE_READ(mount, mnt_parent);
	struct super_block *block = BPF_CORE_READ(mount, mnt.mnt_sb);
	struct kernfs_super_info *info = BPF_CORE_READ(block, s_fs_info);

	if (parent == mount)
		return false;
	if (BPF_CORE_READ(parent, mnt.mnt_sb) == block)
		return true;
	return BPF_CORE_READ(block, s_magic) == SYSFS_MAGIC &&
	       BPF_CORE_READ(info, ns) == BPF_CORE_READ(task, nsproxy, net_ns);
}

static __always_inline bool name_keep(struct dentry *dentry, struct start_scratch *scratch)
{
	__u32 used = scratch->used;
	long length;

	if (used >= WIRE_MOUNT_NAMES)
		return false;
	barrier_var(used);
	length = bpf_probe_read_kernel_str(scratch->names + used, WIRE_NAME_MOST,
					   BPF_CORE_READ(dentry, d_name.name));
	if (length <= 0)
		return false;
	scratch->used = used + length;
	return true;
}

/* What is mounted: so many folders of its path, or all of them. */
static __always_inline void source_name(struct mount *mount, int most, struct wire_mount *found,
					struct start_scratch *scratch)
{
	struct dentry *dentry = BPF_CORE_READ(mount, mnt.mnt_root), *parent;

	for (int i = 0; i < MOUNT_LEVELS && found->source_names < most; i++) {
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry)
			return;
		if (!name_keep(dentry, scratch))
			break;
		found->source_names++;
		dentry = parent;
	}
	found->source_cut = found->source_names < most;
}

/* Where it is mounted: up through the mounts that are above it, as the kernel's prepend_path(). */
static __always_inline void target_name(struct mount *mount, struct wire_mount *found,
					struct start_scratch *scratch)
{
	struct dentry *dentry = BPF_CORE_READ(mount, mnt_mountpoint);
	struct mount *parent = BPF_CORE_READ(mount, mnt_parent);

	for (int i = 0; i < TARGET_STEPS; i++) {
		if (dentry != BPF_CORE_READ(parent, mnt.mnt_root)) {
			if (!name_keep(dentry, scratch))
				break;
			found->target_names++;
			dentry = BPF_CORE_READ(dentry, d_parent);
			continue;
		}
		mount = parent;
		parent = BPF_CORE_READ(mount, mnt_parent);
		if (parent == mount)
			return;
		dentry = BPF_CORE_READ(mount, mnt_mountpoint);
	}
	found->target_cut = 1;
}

static __always_inline void mount_look(struct task_struct *task, struct mount *mount,
				       struct start_scratch *scratch)
{
	struct dentry *dentry = BPF_CORE_READ(mount, mnt.mnt_root), *parent;
	struct wire_file key = { .device = BPF_CORE_READ(mount, mnt.mnt_sb, s_dev) };
	const struct wire_file_row *row = NULL;
	struct wire_mount *found;
	int depth;

	for (depth = 0; depth < MOUNT_LEVELS; depth++) {
		key.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
		row = bpf_map_lookup_elem(&sensitive_files, &key);
		parent = BPF_CORE_READ(dentry, d_parent);
		if (row || parent == dentry)
			break;
		dentry = parent;
	}
	/* How much further it goes up nobody knows. */
	if (depth == MOUNT_LEVELS)
		scratch->cut = 1;
	if (!row || row->kind & WIRE_FILE_HARMLESS || (depth && !(row->kind & WIRE_FILE_TREE)) ||
	    (row->kind & WIRE_FILE_KERNELS && is_own_view(task, mount)))
		return;
	if (scratch->count >= WIRE_MOUNTS) {
		scratch->cut = 1;
		return;
	}
	found = &scratch->mounts[scratch->count++ & (WIRE_MOUNTS - 1)];
	__builtin_memset(found, 0, sizeof(*found));
	found->row = row->row;
	found->read_only = !!(BPF_CORE_READ(mount, mnt.mnt_flags) & MOUNT_RO);
	source_name(mount, row->row == WIRE_ROW_SOCKET ? MOUNT_LEVELS + 1 : depth, found, scratch);
	target_name(mount, found, scratch);
}

/* On the stack, for bpf_loop. */
struct mount_walk {
	struct task_struct *task;
	struct mount *root, *at;
	__u32 place; /* of the scratch */
	bool climbs; /* from what was looked at with all below it */
};

/* One step of the kernel's own way through a tree of mounts, next_mnt(). */
static long mount_step(__u32 step, struct mount_walk *walk)
{
	struct mount *at = walk->at, *parent;
	struct start_scratch *scratch = bpf_map_lookup_elem(&start_scratches, &walk->place);
	struct list_head *next;

	if (!scratch)
		return 1;
	if (!walk->climbs) {
		mount_look(walk->task, at, scratch);
		next = BPF_CORE_READ(at, mnt_mounts.next);
		if (next != (void *)at + bpf_core_field_offset(struct mount, mnt_mounts)) {
			walk->at = (void *)next - bpf_core_field_offset(struct mount, mnt_child);
			return 0;
		}
	}
	if (at == walk->root)
		return 1;
	next = BPF_CORE_READ(at, mnt_child.next);
	parent = BPF_CORE_READ(at, mnt_parent);
	walk->climbs = next == (void *)parent + bpf_core_field_offset(struct mount, mnt_mounts);
	walk->at = walk->climbs ? parent
				: (void *)next - bpf_core_field_offset(struct mount, mnt_child);
	return 0;
}

static __always_inline void mounts_find(struct task_struct *task, __u32 place,
					struct start_scratch *scratch)
{
	struct mount *root = BPF_CORE_READ(task, nsproxy, mnt_ns, root);
	struct mount_walk walk = { .task = task, .root = root, .at = root, .place = place };

	scratch->count = scratch->cut = scratch->used = 0;
	if (root && bpf_loop(MOUNT_STEPS, mount_step, &walk, 0) == MOUNT_STEPS)
		scratch->cut = 1;
}
