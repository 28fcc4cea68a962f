/* SPDX-License-Identifier: Apache-2.0 */
/* What a container was given, as the kernel shows it when its program begins. */
#pragma once

#include "base/text.h"
#include "bpf/wire.h"

struct record;

/*
 * The group CONTAINED of a record whose actor, with its namespaces, is filled; raises the severity
 * to what was given away, as declare_severity() does to what was asked for. What the kernel
 * does not tell at once, targets of mounts and a label, is read from /proc while the process is
 * there. Returns 0 or -ENOMEM.
 */
int container_start_fill(const struct wire_container_start *message, struct record *record);

/*
 * docktrail.mounts[]: `table` is the container's mount table as /proc/PID/mountinfo has it
 * (proc_pid_mountinfo(5)); empty where its process is gone: then targets are. Returns 0 or -ENOMEM.
 */
int container_start_mounts(const struct wire_mount *mounts, size_t count, struct text table,
			   struct record *record);
