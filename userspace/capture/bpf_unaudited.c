// SPDX-License-Identifier: Apache-2.0
#include "capture/bpf_unaudited.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probes.skel.h"

static int be_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

/* Maps of programs that are not loaded are made all the same: as small as they may be. */
static void choose(struct probes *probes)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program (program, probes->obj)
		bpf_program__set_autoload(program, program == probes->progs.unaudited_look);
	bpf_object__for_each_map(map, probes->obj) if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
		bpf_map__set_max_entries(map, (__u32)sysconf(_SC_PAGESIZE));
	else if (bpf_map__max_entries(map) > 64 && !bpf_map__is_internal(map))
		bpf_map__set_max_entries(map, 64);
}

static int read_all(int fd, int (*handler)(void *, const struct wire_unaudited *), void *user)
{
	struct wire_unaudited found[64];
	size_t length = 0;

	for (;;) {
		ssize_t n = read(fd, (char *)found + length, sizeof(found) - length);
		size_t whole;
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		length += (size_t)n;
		whole = length / sizeof(found[0]);
		for (size_t i = 0; r >= 0 && i < whole; i++)
			r = handler(user, &found[i]);
		if (r < 0)
			return r;
		length -= whole * sizeof(found[0]);
		memmove(found, &found[whole], length);
	}
}

int bpf_unaudited(int (*handler)(void *user, const struct wire_unaudited *process), void *user)
{
	libbpf_print_fn_t before = libbpf_set_print(be_quiet);
	struct probes *probes = probes__open();
	struct bpf_link *link = NULL;
	_cleanup_close_ int fd = -1;
	int r = probes ? 0 : -errno;

	if (r == 0) {
		choose(probes);
		r = bpf_object__load(probes->obj);
	}
	if (r == 0) {
		link = bpf_program__attach_iter(probes->progs.unaudited_look, NULL);
		fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
		r = fd < 0 ? -errno : read_all(fd, handler, user);
	}
	bpf_link__destroy(link);
	probes__destroy(probes);
	libbpf_set_print(before);
	return r == -ESRCH || r == -EINVAL ? -ENOTSUP : r;
}
