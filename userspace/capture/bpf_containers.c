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
static const struct {
	const char *name;
	__u8 kind;
} programs[] = {
	{ "runc", WIRE_RUNTIME_MAKES },
	{ "docker-runc", WIRE_RUNTIME_MAKES },
	{ "crun", WIRE_RUNTIME_MAKES },
	{ "youki", WIRE_RUNTIME_MAKES },
	{ "runsc", WIRE_RUNTIME_MAKES },
	{ "containerd-shim", WIRE_RUNTIME_KEEPS },
	{ "docker-containerd-shim", WIRE_RUNTIME_KEEPS },
	{ "conmon", WIRE_RUNTIME_KEEPS },
};

void bpf_containers_name(struct bpf_source *source)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		char name[WIRE_RUNTIME] = {};

		memcpy(name, programs[i].name, strnlen(programs[i].name, sizeof(name) - 1));
		bpf_map__update_elem(source->probes->maps.runtimes, name, sizeof(name),
				     &programs[i].kind, sizeof(programs[i].kind), BPF_ANY);
	}
}

int bpf_source_sweep_containers(struct bpf_source *source)
{
	int r = 0;

	for (__u32 pass = 0; r == 0 && pass < source->probes->rodata->sweep_passes; pass++) {
		source->probes->bss->sweep_pass = pass;
		r = bpf_source_iterate(source, "container_sweep", NULL);
	}
	source->probes->bss->containers_swept = 1;
	return r;
}
