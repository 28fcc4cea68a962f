// SPDX-License-Identifier: Apache-2.0
/* What the probes are told of containers. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
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
	{ "dockerd", WIRE_RUNTIME_SERVES },
	{ "containerd", WIRE_RUNTIME_SERVES },
	{ "podman", WIRE_RUNTIME_SERVES },
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

static bool has_ended(const struct bpf_source *source, const char container[WIRE_CONTAINER])
{
	const struct bpf_map *map = source->probes->maps.containers;
	_cleanup_free_ void *running = malloc(bpf_map__value_size(map));

	return container[0] && running &&
	       bpf_map__lookup_elem(map, container, WIRE_CONTAINER, running,
				    bpf_map__value_size(map), 0) == -ENOENT;
}

int bpf_source_capabilities(struct bpf_source *source, const char *container,
			    void (*handler)(void *, const struct wire_capability *, uint64_t count,
					    bool last),
			    void *context)
{
	const struct bpf_map *map = source->probes->maps.capability_uses;
	struct wire_capability kind, next;
	bool last;
	__u64 count;
	int r = bpf_map__get_next_key(map, NULL, &next, sizeof(next));

	for (__u32 i = 0; r == 0 && i < bpf_map__max_entries(map); i++) {
		kind = next;
		/* Before it may go: from a key that is gone the walk would begin anew. */
		r = bpf_map__get_next_key(map, &kind, &next, sizeof(next));
		if (container && memcmp(kind.container, container, WIRE_CONTAINER) != 0)
			continue;
		if (bpf_map__lookup_elem(map, &kind, sizeof(kind), &count, sizeof(count), 0) < 0)
			continue;
		last = container || has_ended(source, kind.container);
		handler(context, &kind, count, last);
		/* Also what nobody knew, whose first use was lost: else it stayed for ever. */
		if (last)
			bpf_map__delete_elem(map, &kind, sizeof(kind), 0);
	}
	return r == -ENOENT ? 0 : r;
}
