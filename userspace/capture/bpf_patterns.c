// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets of engines whose paths are only known as patterns: /run/user/1000/docker.sock. They are
 * found by the name that a server bound, as the kernel has it, never by reading folders: a folder
 * may be another user's file system and hang, and an engine in a container has folders of its own.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/bpf_private.h"

#define FOUND_MOST 256 /* sockets that patterns found */

static int add_patterns(struct bpf_source *source, const char *const *patterns, bool connects)
{
	for (; patterns && *patterns; patterns++) {
		struct bpf_pattern *more =
			reallocarray(source->patterns, source->pattern_count + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		source->patterns = more;
		more[source->pattern_count].connects = connects;
		more[source->pattern_count].pattern = strdup(*patterns);
		if (!more[source->pattern_count].pattern)
			return -ENOMEM;
		source->pattern_count++;
	}
	return 0;
}

int bpf_patterns_copy(struct bpf_source *source, const struct bpf_options *options)
{
	int r = add_patterns(source, options->patterns, false);

	return r < 0 ? r : add_patterns(source, options->connects, true);
}

void bpf_patterns_free(struct bpf_source *source)
{
	for (size_t i = 0; i < source->pattern_count; i++)
		free(source->patterns[i].pattern);
	free(source->patterns);
}

static void name_last(struct bpf_source *source, const char *path)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	char name[WIRE_SUN_MOST] = {};
	__u8 one = 1;

	if (!*last || strlen(last) >= sizeof(name))
		return;
	memcpy(name, last, strlen(last));
	bpf_map__update_elem(source->probes->maps.listener_basenames, name, sizeof(name), &one,
			     sizeof(one), BPF_ANY);
}

void bpf_patterns_name(struct bpf_source *source)
{
	for (size_t i = 0; i < source->path_count; i++)
		name_last(source, source->sockets[i].path);
	for (size_t i = 0; i < source->pattern_count; i++)
		name_last(source, source->patterns[i].pattern);
}

/*
 * What was bound by a relative name, or got its name by rename(2), may lie anywhere: its last
 * component decides, or whoever steps into its folder first would not be seen.
 */
static bool matches(const char *pattern, const char *name)
{
	const char *slash = strrchr(name, '/');

	if (*name == '/')
		return fnmatch(pattern, name, FNM_PATHNAME) == 0;
	return strcmp(strrchr(pattern, '/') + 1, slash ? slash + 1 : name) == 0;
}

/* The configured path or pattern that such a name belongs to. */
static bool find_match(const struct bpf_source *source, const char *name, bool *ret_connects)
{
	for (size_t i = 0; i < source->path_count; i++)
		if (strcmp(source->sockets[i].path, name) == 0) {
			*ret_connects = source->sockets[i].connects;
			return true;
		}
	for (size_t i = 0; i < source->pattern_count; i++)
		if (matches(source->patterns[i].pattern, name)) {
			*ret_connects = source->patterns[i].connects;
			return true;
		}
	return false;
}

static struct bpf_socket_state *find_state(struct bpf_source *source, uint64_t inode,
					   uint32_t device)
{
	for (size_t i = 0; i < source->socket_count; i++)
		if (source->sockets[i].present && source->sockets[i].inode == inode &&
		    source->sockets[i].device == device)
			return &source->sockets[i];
	return NULL;
}

static size_t count_of(const struct bpf_source *source, uint32_t uid)
{
	size_t count = 0;

	for (size_t i = source->path_count; i < source->socket_count; i++)
		count += source->sockets[i].uid == uid;
	return count;
}

/*
 * Whose place the next one gets: the first that is gone, else the oldest one of the user who has
 * the most. Who opens many takes the places of his own, never that of another user's engine.
 */
static struct bpf_socket_state *find_place(struct bpf_source *source, uint32_t uid)
{
	struct bpf_socket_state *most = NULL;
	size_t most_count = 0, own_count = count_of(source, uid);

	for (size_t i = source->path_count; i < source->socket_count; i++) {
		struct bpf_socket_state *state = &source->sockets[i];
		size_t count;

		if (!state->present)
			return state;
		if (most && most->uid == state->uid)
			continue;
		count = state->uid == uid ? own_count : count_of(source, state->uid);
		if (count > most_count || (count == most_count && state->uid == uid)) {
			most = state;
			most_count = count;
		}
	}
	return most;
}

/* A place for one more. They stand in the order in which they came. */
static struct bpf_socket_state *new_state(struct bpf_source *source, uint32_t uid)
{
	struct bpf_socket_state *more, *last, *place;

	if (source->socket_count - source->path_count < FOUND_MOST) {
		more = reallocarray(source->sockets, source->socket_count + 1, sizeof(*more));
		if (!more)
			return NULL;
		source->sockets = more;
		return &more[source->socket_count++];
	}
	place = find_place(source, uid);
	if (place->present) {
		bpf_sockets_forget(source, place);
		source->unwatched++;
	}
	free((char *)place->path);
	last = &source->sockets[source->socket_count - 1];
	memmove(place, place + 1, (size_t)(last - place) * sizeof(*place));
	return last;
}

static bool is_file_of(const struct wire_engine_listen *listener, int folder, const char *name,
		       uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve };
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == listener->socket_inode &&
	       (major(status.st_dev) << 20 | minor(status.st_dev)) == listener->device;
}

/*
 * The name as it is, if this host finds the same file by it; else as its process sees it. NULL
 * where neither does: what was bound is not there any more. Takes the name.
 */
static char *path_from_here(const struct wire_engine_listen *listener, char *name)
{
	_cleanup_close_ int root = -1;
	char *path = NULL, folder[32];

	if (*name != '/' || is_file_of(listener, AT_FDCWD, name, 0))
		return name;
	snprintf(folder, sizeof(folder), "/proc/%u/root", listener->task.pid);
	root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 && is_file_of(listener, root, name, RESOLVE_IN_ROOT) &&
	    asprintf(&path, "%s%s", folder, name) < 0)
		path = NULL;
	free(name);
	return path;
}

static void add_found(struct bpf_source *source, const struct wire_engine_listen *listener,
		      char *name, bool connects)
{
	struct bpf_socket_state *state = new_state(source, listener->task.uid);

	if (!state) {
		source->unwatched++;
		free(name);
		return;
	}
	*state = (struct bpf_socket_state){ .path = name,
					    .present = true,
					    .connects = connects,
					    .inode = listener->socket_inode,
					    .cookie = listener->cookie,
					    .device = listener->device,
					    .uid = listener->task.uid,
					    .change = BPF_SOCKET_CAME,
					    .looked = source->look };
	source->changed++;
	bpf_sockets_watch(source, state);
}

/*
 * One that is known already, unless its file's inode went to another socket: a file system may give
 * it away again at once. The file of a configured path was just looked at: it is that other one.
 */
static bool is_known(struct bpf_source *source, const struct wire_engine_listen *listener)
{
	struct bpf_socket_state *state =
		find_state(source, listener->socket_inode, listener->device);
	bool configured = state && state < source->sockets + source->path_count;

	if (!state)
		return false;
	if (state->cookie && state->cookie != listener->cookie) {
		state->change = configured ? BPF_SOCKET_REPLACED : BPF_SOCKET_WENT;
		state->present = configured;
		source->changed++;
	}
	state->cookie = listener->cookie;
	state->looked = source->look;
	if (state->present)
		bpf_sockets_watch(source, state);
	return state->present;
}

bool bpf_patterns_heard(struct bpf_source *source, const struct wire_engine_listen *listener)
{
	const char *tail = (const char *)listener + listener->header.tail;
	size_t room = listener->header.length - listener->header.tail;
	struct bpf_socket_state gone = { .inode = listener->socket_inode,
					 .device = listener->device };
	bool connects;
	char *name;

	if (listener->name.offset > room || listener->name.length > room - listener->name.offset)
		return false;
	source->changed += bpf_sockets_refresh(source);
	if (is_known(source, listener))
		return true;
	name = strndup(tail + listener->name.offset, listener->name.length);
	if (name && find_match(source, name, &connects)) {
		name = path_from_here(listener, name);
		if (name) {
			add_found(source, listener, name, connects);
			return true;
		}
	}
	free(name);
	bpf_sockets_forget(source, &gone);
	return false;
}

void bpf_patterns_expire(struct bpf_source *source)
{
	for (size_t i = source->path_count; i < source->socket_count; i++) {
		struct bpf_socket_state *state = &source->sockets[i];

		if (!state->present || state->looked == source->look)
			continue;
		bpf_sockets_forget(source, state);
		state->present = false;
		state->change = BPF_SOCKET_WENT;
		source->changed++;
	}
}
