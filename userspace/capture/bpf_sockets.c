// SPDX-License-Identifier: Apache-2.0
/* Which sockets: paths, the files behind them, and what the probes are told of both. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "capture/bpf_private.h"

int bpf_sockets_copy(struct bpf_source *source, const struct bpf_options *options)
{
	const char *const *paths = options->sockets;
	size_t count = 0;
	int r = bpf_patterns_copy(source, options);

	if (r < 0)
		return r;
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
	source->path_count = count;
	return 0;
}

void bpf_sockets_free(struct bpf_source *source)
{
	for (size_t i = 0; i < source->socket_count; i++)
		free((char *)source->sockets[i].path);
	free(source->sockets);
	bpf_patterns_free(source);
}

void bpf_sockets_name(struct bpf_source *source)
{
	__u8 one = 1;

	for (size_t i = 0; i < source->path_count; i++) {
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

/* Its files are known by a device that no mount of it has, and a number that is another one's too.
 */
static bool is_unknown_to_mounts(const char *path)
{
	struct statfs status;

	return statfs(path, &status) == 0 && status.f_type == BTRFS_SUPER_MAGIC;
}

int bpf_source_sensitive(struct bpf_source *source, const char *path, uint16_t row, uint16_t kind)
{
	const struct bpf_map *map = source->probes->maps.sensitive_files;
	struct wire_file_row value = { .row = row, .kind = kind };
	struct wire_file key = {}, *known;
	struct stat status;

	if (row >= BPF_SENSITIVE_MOST)
		return -E2BIG;
	known = &source->sensitive[row];
	if (stat(path, &status) == 0) {
		if (is_unknown_to_mounts(path)) {
			source->mounts_blind = true;
			return 0;
		}
		key.inode = status.st_ino;
		key.device = kernel_device(status.st_dev);
	} else if (errno != ENOENT) {
		return -errno;
	}
	/* The number of what was there is another file's one day. */
	if (known->inode && memcmp(known, &key, sizeof(key)) != 0)
		bpf_map__delete_elem(map, known, sizeof(*known), 0);
	*known = key;
	if (!key.inode)
		return 0;
	return bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
}

static bool is_claimed(const struct bpf_source *source, const struct wire_file *key,
		       const struct bpf_socket_state *but)
{
	for (size_t i = 0; i < source->socket_count; i++)
		if (&source->sockets[i] != but && source->sockets[i].present &&
		    source->sockets[i].inode == key->inode &&
		    source->sockets[i].device == key->device)
			return true;
	return false;
}

void bpf_sockets_forget(struct bpf_source *source, const struct bpf_socket_state *gone)
{
	struct wire_file key = { .inode = gone->inode, .device = gone->device };

	/* Another path may lead to the same socket. */
	if (source->probes && !is_claimed(source, &key, gone)) {
		bpf_map__delete_elem(source->probes->maps.listeners, &key, sizeof(key), 0);
		bpf_map__delete_elem(source->probes->maps.sensitive_files, &key, sizeof(key), 0);
	}
}

void bpf_sockets_watch(struct bpf_source *source, struct bpf_socket_state *socket)
{
	struct wire_file key = { .inode = socket->inode, .device = socket->device };
	struct wire_file_row row = { .row = WIRE_ROW_SOCKET, .kind = WIRE_FILE_WHOLE };
	__u8 watch = socket->connects ? WIRE_WATCH_CONNECTS : WIRE_WATCH_WHOLE;
	bool refused;

	if (socket >= source->sockets + source->path_count)
		watch |= WIRE_WATCH_PATTERN;
	refused = bpf_map__update_elem(source->probes->maps.listeners, &key, sizeof(key), &watch,
				       sizeof(watch), BPF_ANY) < 0;

	if (refused && !socket->refused)
		source->unwatched++;
	socket->refused = refused;
	bpf_map__update_elem(source->probes->maps.sensitive_files, &key, sizeof(key), &row,
			     sizeof(row), BPF_ANY);
}

/*
 * A probe notes a listener by its name alone and says so; should that record be lost, nobody ever
 * takes the note away.
 */
static void drop_unclaimed(struct bpf_source *source)
{
	struct bpf_map *map = source->probes->maps.listeners;
	struct wire_file key, next;
	int r = bpf_map__get_next_key(map, NULL, &next, sizeof(next));

	/* Probes write meanwhile: an end that does not hang on them. */
	for (__u32 i = 0; r == 0 && i < bpf_map__max_entries(map); i++) {
		key = next;
		r = bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if (!is_claimed(source, &key, NULL))
			bpf_map__delete_elem(map, &key, sizeof(key), 0);
	}
}

static void watch_refused(struct bpf_source *source)
{
	bool dropped = false;

	for (size_t i = 0; i < source->socket_count; i++) {
		if (!source->sockets[i].present || !source->sockets[i].refused)
			continue;
		if (!dropped)
			drop_unclaimed(source);
		dropped = true;
		bpf_sockets_watch(source, &source->sockets[i]);
	}
}

static void refresh_socket(struct bpf_source *source, struct bpf_socket_state *socket)
{
	struct wire_file key = {};
	struct stat status;
	bool present = stat(socket->path, &status) == 0 && S_ISSOCK(status.st_mode);

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
		bpf_sockets_forget(source, socket);
	socket->change = !present          ? BPF_SOCKET_WENT
			 : socket->present ? BPF_SOCKET_REPLACED
					   : BPF_SOCKET_CAME;
	socket->present = present;
	socket->cookie = 0;
	socket->refused = false;
	if (!present)
		return;
	socket->inode = key.inode;
	socket->device = key.device;
	bpf_sockets_watch(source, socket);
}

int bpf_sockets_refresh(struct bpf_source *source)
{
	int changed = 0;

	watch_refused(source);
	for (size_t i = 0; i < source->path_count; i++) {
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

/* The probes learn a listener from the name that it is bound to, before the next refresh. */
static const char *just_bound(const struct bpf_source *source, uint64_t inode, uint32_t device)
{
	struct stat status;

	for (size_t i = 0; i < source->path_count; i++)
		if (stat(source->sockets[i].path, &status) == 0 && status.st_ino == inode &&
		    kernel_device(status.st_dev) == device)
			return source->sockets[i].path;
	return NULL;
}

const char *bpf_source_socket_path(const struct bpf_source *source, uint64_t inode, uint32_t device)
{
	const char *gone = NULL;

	/* Of a socket that was never there no inode is known: it is not the one that was meant. */
	if (!inode)
		return NULL;
	/* A file system may give the inode of a socket that is gone to the next one. */
	for (size_t i = 0; i < source->socket_count; i++) {
		const struct bpf_socket_state *socket = &source->sockets[i];

		if (socket->inode != inode || socket->device != device)
			continue;
		if (socket->present)
			return socket->path;
		gone = socket->path;
	}
	return gone ?: just_bound(source, inode, device);
}

int bpf_source_handed_over(struct bpf_source *source, uint64_t connection)
{
	__u8 one = 1;

	return bpf_map__update_elem(source->probes->maps.handed_over, &connection,
				    sizeof(connection), &one, sizeof(one), BPF_ANY);
}
