// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Containers and their namespaces. How one begins and is entered: container.bpf.h. */
#include "bpf/container.bpf.h"

struct running_containers containers SEC(".maps");
struct container_namespaces owned_namespaces SEC(".maps");
struct runtime_names runtimes SEC(".maps");
struct inside_tasks insides SEC(".maps");

/* Zeros until process_host_namespaces has run: before anything else is attached. */
__u32 host_namespaces[WIRE_NAMESPACES];
