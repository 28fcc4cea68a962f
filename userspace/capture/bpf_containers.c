// SPDX-License-Identifier: Apache-2.0
/* What the probes are told of containers. */
#include <bpf/libbpf.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/bpf_private.h"

/*
 * What these run in a mount namespace of its own is a container, whatever its cgroup is called.
 * Engines' containers are also known by the 64 digits in their cgroup's name.
 */
static const char *const runtime_programs[] = { "runc", "docker-runc", "crun", "youki", "runsc" };

void bpf_containers_name(struct bpf_source *source)
{
	__u8 one = 1;

	for (size_t i = 0; i < ARRAY_SIZE(runtime_programs); i++) {
		char name[WIRE_RUNTIME] = {};

		memcpy(name, runtime_programs[i], strnlen(runtime_programs[i], sizeof(name) - 1));
		bpf_map__update_elem(source->probes->maps.runtimes, name, sizeof(name), &one,
				     sizeof(one), BPF_ANY);
	}
}
