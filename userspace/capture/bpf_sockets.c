// SPDX-License-Identifier: Apache-2.0
/* Which sockets: paths, the files behind them, and what the probes are told of both. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "capture/bpf_private.h"

int bpf_sockets_copy(struct bpf_source *source, const char *const *paths)
{
	size_t count = 0;

	while (paths[count])
		count++;
	source->sockets = calloc(count ?: 1, sizeof(*source->sockets));
	if (!source->sockets)
		return -ENOMEM;
	for (; source->socket_count < count; source->socket_count++) {
		char *path = strdup(paths[source->socket_count]);

		if (!path)
			return -ENOMEM;
		source->sockets[source->socket_count].path = path;
	}
	return 0;
}

void bpf_sockets_free(struct bpf_source *source)
{
	for (size_t i = 0; i < source->socket_count; i++)
		free((char *)source->sockets[i].path);
	free(source->sockets);
}

void bpf_sockets_name(struct bpf_source *source)
{
	__u8 one = 1;

	for (size_t i = 0; i < source->socket_count; i++) {
		size_t length = strlen(source->sockets[i].path);
		char name[WIRE_SUN_MOST] = {};

		if (length >= sizeof(name))
			continue; /* longer than a socket's name can be: by its inode only */
		memcpy(name, source->sockets[i].path, length);
		source->probes->bss->listener_lengths[length] = 1;
		bpf_map__update_elem(source->probes->maps.listener_names, name, sizeof(name), &one,
				     sizeof(one), BPF_ANY);
	}
}

/* The kernel's own dev_t, as a super block has it, from that of stat(2). */
static uint32_t kernel_device(dev_t device)
{
	return (uint32_t)(major(device) << 20 | minor(device));
}

static void forget_listener(struct bpf_source *source, const struct bpf_socket_state *gone)
{
	struct {
		__u64 inode;
		__u32 device, unused;
	} key = { .inode = gone->inode, .device = gone->device };

	for (size_t i = 0; i < source->socket_count; i++)
		if (&source->sockets[i] != gone && source->sockets[i].present &&
		    source->sockets[i].inode == gone->inode &&
		    source->sockets[i].device == gone->device)
			return; /* another path leads to the same socket */
	bpf_map__delete_elem(source->probes->maps.listeners, &key, sizeof(key), 0);
}

static void refresh_socket(struct bpf_source *source, struct bpf_socket_state *socket)
{
	struct {
		__u64 inode;
		__u32 device, unused;
	} key = {};
	struct stat status;
	bool present = stat(socket->path, &status) == 0 && S_ISSOCK(status.st_mode);
	__u8 one = 1;

	if (present) {
		key.inode = status.st_ino;
		key.device = kernel_device(status.st_dev);
	}
	if (present == socket->present &&
	    (!present || (key.inode == socket->inode && key.device == socket->device))) {
		socket->change = BPF_SOCKET_SAME;
		return;
	}
	if (socket->present)
		forget_listener(source, socket);
	socket->change = !present          ? BPF_SOCKET_WENT
			 : socket->present ? BPF_SOCKET_REPLACED
					   : BPF_SOCKET_CAME;
	socket->present = present;
	if (!present)
		return;
	socket->inode = key.inode;
	socket->device = key.device;
	bpf_map__update_elem(source->probes->maps.listeners, &key, sizeof(key), &one, sizeof(one),
			     BPF_ANY);
}

int bpf_source_refresh_sockets(struct bpf_source *source)
{
	int changed = 0;

	for (size_t i = 0; i < source->socket_count; i++) {
		refresh_socket(source, &source->sockets[i]);
		changed += source->sockets[i].change != BPF_SOCKET_SAME;
	}
	return changed;
}

size_t bpf_source_sockets(const struct bpf_source *source, const struct bpf_socket_state **ret)
{
	*ret = source->sockets;
	return source->socket_count;
}

const char *bpf_source_socket_path(const struct bpf_source *source, uint64_t inode, uint32_t device)
{
	const char *gone = NULL;

	/* A file system may give the inode of a socket that is gone to the next one. */
	for (size_t i = 0; i < source->socket_count; i++) {
		const struct bpf_socket_state *socket = &source->sockets[i];

		if (socket->inode != inode || socket->device != device)
			continue;
		if (socket->present)
			return socket->path;
		gone = socket->path;
	}
	return gone;
}

int bpf_source_handed_over(struct bpf_source *source, uint64_t connection)
{
	__u8 one = 1;

	return bpf_map__update_elem(source->probes->maps.handed_over, &connection,
				    sizeof(connection), &one, sizeof(one), BPF_ANY);
}
