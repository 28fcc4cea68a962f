/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command lines of those say who put a process into its container: containerd's shim has
 * runc do it, podman and its like a monitor for each container, conmon.
 */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "bpf/wire.h"
#include "correlate/containers.h"

struct process;
struct process_tree;

/* Who had the monitor do it. */
enum monitor_of {
	MONITOR_NONE,    /* there is no conmon above it */
	MONITOR_ENGINE,  /* one that serves requests, or that is not known */
	MONITOR_BY_HAND, /* podman as somebody ran it: there was no request */
	MONITOR_POLICY,  /* podman as the monitor runs it when the container ends */
};

struct monitor {
	enum monitor_of of;
	char exec_id[CONTAINER_ID]; /* what the engine calls an exec; not terminated */
	bool has_exec;
	struct text name; /* of the container; good until the tree is changed; data NULL */
};

/*
 * Look through the ancestors of `process`, which is in the container with this id. Only what says
 * that it is about this container counts, unless it is one that only the kernel has numbered.
 */
void monitor_read(const struct process_tree *tree, const struct process *process,
		  const char container[WIRE_CONTAINER], struct monitor *ret);
