// SPDX-License-Identifier: Apache-2.0
#include "capture/bpf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "capture/queue.h"
#include "probes.skel.h"

enum rung { RUNG_FENTRY, RUNG_TRACEPOINT, RUNGS, RUNG_ALL };

static const char *const rung_names[RUNGS] = { "fentry", "tracepoint" };

/*
 * Every program: what it is for, and when. A hook that is not required may be missing from a kernel
 * (its target is not in the BTF) and its purpose is then served by another row or not at all.
 */
static const struct hook {
	const char *program, *purpose, *hook;
	enum rung rung;
	bool required;
} hooks[] = {
	{ "connect_begin", "refusal", "fentry/unix_stream_connect", RUNG_FENTRY, true },
	{ "connect_path", "refusal", "fexit/kern_path", RUNG_FENTRY, false },
	{ "connect_end", "connect", "fexit/unix_stream_connect", RUNG_FENTRY, true },
	{ "send_begin", "sender", "fentry/unix_stream_sendmsg", RUNG_FENTRY, true },
	{ "send_end", "sender", "fexit/unix_stream_sendmsg", RUNG_FENTRY, true },
	{ "sendpage_begin", "sender", "fentry/unix_stream_sendpage", RUNG_FENTRY, false },
	{ "sendpage_end", "sender", "fexit/unix_stream_sendpage", RUNG_FENTRY, false },
	{ "read_end", "content", "fexit/unix_stream_read_actor", RUNG_FENTRY, true },
	{ "splice_end", "content", "fexit/unix_stream_splice_actor", RUNG_FENTRY, true },
	{ "release", "close", "fentry/unix_release", RUNG_FENTRY, true },
	{ "data_ready", "connect", "tp_btf/sk_data_ready", RUNG_TRACEPOINT, true },
	{ "send_length", "sender", "tp_btf/sock_send_length", RUNG_TRACEPOINT, true },
	{ "copy_datagram", "content", "tp_btf/skb_copy_datagram_iovec", RUNG_TRACEPOINT, true },
	{ "receive_length", "close", "tp_btf/sock_recv_length", RUNG_TRACEPOINT, true },
	{ "process_exec", "process", "tp_btf/sched_process_exec", RUNG_ALL, true },
	{ "process_fork", "process", "tp_btf/sched_process_fork", RUNG_ALL, true },
	{ "process_exit", "process", "tp_btf/sched_process_exit", RUNG_ALL, true },
	{ "socket_sweep", "present", "iter/unix", RUNG_ALL, true },
	{ "socket_alive", "close", "iter/bpf_sk_storage_map", RUNG_ALL, true },
	{ "process_host_namespaces", "namespaces", "iter/task", RUNG_ALL, true },
};

static const char *const blind_fentry[] = { NULL };
static const char *const blind_tracepoint[] = {
	"a connect that was refused",
	"an answer that the client reads with splice(2)",
	"which bytes were only peeked at: they appear twice",
	"the moment a connection is closed, where neither side reads its end: it is known within a second",
	NULL,
};

static const uint32_t default_ring_bytes[WIRE_RINGS] = {
	[WIRE_RING_state] = 512 * 1024,
	[WIRE_RING_api] = 4 * 1024 * 1024,
	[WIRE_RING_noise] = 2 * 1024 * 1024,
};

struct bpf_source {
	struct probes *probes;
	struct bpf_link *links[ARRAY_SIZE(hooks)];
	struct bpf_hook_state states[ARRAY_SIZE(hooks)];
	size_t state_count;
	enum rung rung;
	struct ring_buffer *rings[WIRE_RINGS];
	struct queue queues[WIRE_RINGS];
	struct bpf_socket_state *sockets;
	size_t socket_count;
	int cpus;
};

#define NAME_OF(name, ring, meaning) #name,
static const char *const message_names[] = { MESSAGES(NAME_OF) };
#undef NAME_OF
#define RING_OF(name, ring, meaning) #ring,
static const char *const message_rings[] = { MESSAGES(RING_OF) };
#undef RING_OF
#define LOSS_NAME(name, meaning) #name,
static const char *const loss_names[] = { LOSSES(LOSS_NAME) };
#undef LOSS_NAME

const char *bpf_message_name(enum wire_message message)
{
	return message < WIRE_MESSAGES ? message_names[message] : "unknown";
}

const char *bpf_message_ring(enum wire_message message)
{
	return message < WIRE_MESSAGES ? message_rings[message] : "unknown";
}

const char *bpf_loss_name(enum wire_loss loss)
{
	return loss < WIRE_LOSSES ? loss_names[loss] : "unknown";
}

/* libbpf's own words about the attempt under way: their last lines say why the verifier refused. */
#define WORDS_SHOWN 1200

static struct buffer *libbpf_words;

static int keep_words(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *line;

	if (level == LIBBPF_DEBUG || !libbpf_words)
		return 0;
	if (vasprintf(&line, format, arguments) < 0)
		return 0;
	buffer_append_string(libbpf_words, line);
	free(line);
	return 0;
}

static const char *last_words(struct buffer *words)
{
	const char *text = buffer_string(words) ?: "";

	return words->length > WORDS_SHOWN ? text + words->length - WORDS_SHOWN : text;
}

static bool target_exists(const struct btf *btf, const char *hook)
{
	const char *target = strchr(hook, '/') + 1;
	char name[128];

	if (strncmp(hook, "tp_btf/", 7) == 0) {
		snprintf(name, sizeof(name), "btf_trace_%s", target);
		return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
	}
	if (strncmp(hook, "iter/", 5) == 0) {
		snprintf(name, sizeof(name), "bpf_iter_%s", target);
		return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
	}
	return btf__find_by_name_kind(btf, target, BTF_KIND_FUNC) > 0;
}

static bool in_rung(const struct hook *hook, enum rung rung)
{
	return hook->rung == RUNG_ALL || hook->rung == rung;
}

/* Which programs of the rung this kernel can have. -ENOTSUP names the first required one that it
 * lacks. */
static int choose_programs(struct probes *probes, enum rung rung, const struct btf *btf,
			   struct buffer *diagnosis)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(probes->obj, hooks[i].program);
		bool wanted = in_rung(&hooks[i], rung);
		bool exists = wanted && target_exists(btf, hooks[i].hook);

		if (!program)
			return -ENOENT;
		if (wanted && !exists && hooks[i].required) {
			buffer_printf(diagnosis, "rung %s: this kernel has no %s\n",
				      rung_names[rung], hooks[i].hook);
			return -ENOTSUP;
		}
		bpf_program__set_autoload(program, exists);
	}
	return 0;
}

static int attach_one(struct bpf_source *source, size_t i)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(source->probes->obj, hooks[i].program);
	union bpf_iter_link_info info = {};
	LIBBPF_OPTS(bpf_iter_attach_opts, options);

	if (strcmp(hooks[i].program, "socket_alive") == 0) {
		info.map.map_fd = (__u32)bpf_map__fd(source->probes->maps.marks);
		options.link_info = &info;
		options.link_info_len = sizeof(info);
		source->links[i] = bpf_program__attach_iter(program, &options);
	} else {
		source->links[i] = bpf_program__attach(program);
	}
	return source->links[i] ? 0 : -errno;
}

static int attach_all(struct bpf_source *source, struct buffer *diagnosis)
{
	source->state_count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(source->probes->obj, hooks[i].program);
		struct bpf_hook_state *state = &source->states[source->state_count];
		int r;

		if (!in_rung(&hooks[i], source->rung))
			continue;
		*state = (struct bpf_hook_state){ .purpose = hooks[i].purpose,
						  .hook = hooks[i].hook };
		source->state_count++;
		if (!bpf_program__autoload(program))
			continue;
		r = attach_one(source, i);
		state->attached = r == 0;
		if (r == 0)
			continue;
		buffer_printf(diagnosis, "rung %s: %s does not attach: %s\n",
			      rung_names[source->rung], hooks[i].hook, strerror(-r));
		if (hooks[i].required)
			return r;
	}
	return 0;
}

static void detach(struct bpf_source *source)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		bpf_link__destroy(source->links[i]);
		source->links[i] = NULL;
	}
	probes__destroy(source->probes);
	source->probes = NULL;
}

static void size_maps(struct probes *probes, const struct bpf_options *options)
{
	struct bpf_map *const rings[WIRE_RINGS] = {
		[WIRE_RING_state] = probes->maps.ring_state,
		[WIRE_RING_api] = probes->maps.ring_api,
		[WIRE_RING_noise] = probes->maps.ring_noise,
	};

	for (int i = 0; i < WIRE_RINGS; i++)
		bpf_map__set_max_entries(rings[i], options->ring_bytes[i] ?: default_ring_bytes[i]);
	if (options->volume_bytes)
		probes->rodata->volume_most = options->volume_bytes;
}

static int try_rung(struct bpf_source *source, const struct bpf_options *options,
		    const struct btf *btf, struct buffer *diagnosis)
{
	_cleanup_buffer_ struct buffer words = {};
	int r;

	libbpf_words = &words;
	source->probes = probes__open();
	r = source->probes ? choose_programs(source->probes, source->rung, btf, diagnosis) : -errno;
	if (r == 0) {
		size_maps(source->probes, options);
		r = probes__load(source->probes);
		if (r < 0)
			buffer_printf(diagnosis, "rung %s: does not load: %s\n%s",
				      rung_names[source->rung], strerror(-r), last_words(&words));
	}
	libbpf_words = NULL;
	return r;
}

static void name_listeners(struct bpf_source *source)
{
	__u8 one = 1;

	for (size_t i = 0; i < source->socket_count; i++) {
		char name[WIRE_SUN_MOST] = {};

		if (strlen(source->sockets[i].path) >= sizeof(name))
			continue; /* longer than a socket's name can be: by its inode only */
		memcpy(name, source->sockets[i].path, strlen(source->sockets[i].path));
		bpf_map__update_elem(source->probes->maps.listener_names, name, sizeof(name), &one,
				     sizeof(one), BPF_ANY);
	}
}

/* The whole ladder, best rung first. Listeners are named before anything attaches: no client slips
 * by. */
static int climb(struct bpf_source *source, const struct bpf_options *options,
		 struct buffer *diagnosis)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int r = -ENOTSUP;

	if (!btf) {
		buffer_append_string(diagnosis, "this kernel has no BTF (/sys/kernel/btf/vmlinux): "
						"CONFIG_DEBUG_INFO_BTF is needed\n");
		return -ENOTSUP;
	}
	for (int rung = 0; rung < RUNGS; rung++) {
		if (options->rung && strcmp(options->rung, rung_names[rung]) != 0)
			continue;
		source->rung = (enum rung)rung;
		r = try_rung(source, options, btf, diagnosis);
		if (r == 0) {
			name_listeners(source);
			bpf_source_refresh_sockets(source);
			r = attach_all(source, diagnosis);
		}
		if (r == 0)
			break;
		detach(source);
	}
	btf__free(btf);
	return r;
}

static int open_rings(struct bpf_source *source)
{
	struct bpf_map *const maps[WIRE_RINGS] = {
		[WIRE_RING_state] = source->probes->maps.ring_state,
		[WIRE_RING_api] = source->probes->maps.ring_api,
		[WIRE_RING_noise] = source->probes->maps.ring_noise,
	};

	for (int i = 0; i < WIRE_RINGS; i++) {
		source->rings[i] = ring_buffer__new(bpf_map__fd(maps[i]), queue_push,
						    &source->queues[i], NULL);
		if (!source->rings[i])
			return -errno;
	}
	return 0;
}

static int copy_sockets(struct bpf_source *source, const char *const *paths)
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

int bpf_source_open(const struct bpf_options *options, struct bpf_source **ret,
		    struct buffer *diagnosis)
{
	struct bpf_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	libbpf_set_print(keep_words);
	source->cpus = libbpf_num_possible_cpus();
	r = source->cpus < 0 ? source->cpus : copy_sockets(source, options->sockets);
	if (r == 0)
		r = climb(source, options, diagnosis);
	if (r == 0)
		r = open_rings(source);
	if (r < 0) {
		bpf_source_free(source);
		return r;
	}
	*ret = source;
	return 0;
}

void bpf_source_free(struct bpf_source *source)
{
	if (!source)
		return;
	for (int i = 0; i < WIRE_RINGS; i++) {
		ring_buffer__free(source->rings[i]);
		queue_clear(&source->queues[i]);
	}
	detach(source);
	for (size_t i = 0; i < source->socket_count; i++)
		free((char *)source->sockets[i].path);
	free(source->sockets);
	free(source);
}

int bpf_source_fd(const struct bpf_source *source, enum wire_ring ring)
{
	return ring_buffer__epoll_fd(source->rings[ring]);
}

int bpf_source_drain(struct bpf_source *source, bool all, bpf_message_handler handler,
		     void *context)
{
	for (int i = 0; i < WIRE_RINGS; i++)
		queue_fill_begin(&source->queues[i]);
	for (int i = 0; i < WIRE_RINGS; i++) {
		int r = ring_buffer__consume(source->rings[i]);

		if (r < 0 && r != QUEUE_FULL)
			return r;
	}
	return queue_merge(source->queues, WIRE_RINGS, all, handler, context);
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

const char *bpf_source_rung(const struct bpf_source *source)
{
	return rung_names[source->rung];
}

size_t bpf_source_hooks(const struct bpf_source *source, const struct bpf_hook_state **ret)
{
	*ret = source->states;
	return source->state_count;
}

const char *const *bpf_source_blind(const struct bpf_source *source)
{
	return source->rung == RUNG_FENTRY ? blind_fentry : blind_tracepoint;
}

bool bpf_source_tells_close(const struct bpf_source *source)
{
	return source->rung == RUNG_FENTRY;
}

/* Run an iterator once; what it writes is appended to `output`, at most 16 MiB. */
static int run_iterator(struct bpf_source *source, const char *program, struct buffer *output)
{
	_cleanup_close_ int fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (strcmp(hooks[i].program, program) == 0 && source->links[i])
			fd = bpf_iter_create(bpf_link__fd(source->links[i]));
	if (fd < 0)
		return -errno;
	while (output->length < 16 * 1024 * 1024) {
		ssize_t n;
		int r = buffer_reserve(output, 65536);

		if (r < 0)
			return r;
		n = read(fd, output->data + output->length, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		output->length += (size_t)n;
	}
	return 0;
}

int bpf_source_sweep(struct bpf_source *source)
{
	_cleanup_buffer_ struct buffer nothing = {};

	return run_iterator(source, "socket_sweep", &nothing);
}

int bpf_source_alive(struct bpf_source *source, void (*handler)(void *, const struct bpf_alive *),
		     void *context)
{
	_cleanup_buffer_ struct buffer output = {};
	struct bpf_alive alive;
	int r = run_iterator(source, "socket_alive", &output);

	if (r < 0)
		return r;
	for (size_t at = 0; at + sizeof(alive) <= output.length; at += sizeof(alive)) {
		memcpy(&alive, output.data + at, sizeof(alive));
		handler(context, &alive);
	}
	return 0;
}

int bpf_source_host_namespaces(struct bpf_source *source, uint32_t ret[WIRE_NAMESPACES])
{
	_cleanup_buffer_ struct buffer output = {};
	int r = run_iterator(source, "process_host_namespaces", &output);

	if (r < 0)
		return r;
	if (output.length < WIRE_NAMESPACES * sizeof(*ret))
		return -ENODATA;
	memcpy(ret, output.data, WIRE_NAMESPACES * sizeof(*ret));
	return 0;
}

int bpf_source_losses(struct bpf_source *source, struct wire_count ret[WIRE_MESSAGES][WIRE_LOSSES])
{
	_cleanup_free_ struct wire_count *counts = calloc((size_t)source->cpus, sizeof(*counts));

	if (!counts)
		return -ENOMEM;
	memset(ret, 0, sizeof(struct wire_count) * WIRE_MESSAGES * WIRE_LOSSES);
	for (__u32 key = 0; key < WIRE_MESSAGES * WIRE_LOSSES; key++) {
		struct wire_count *total = &ret[key / WIRE_LOSSES][key % WIRE_LOSSES];
		int r = bpf_map__lookup_elem(source->probes->maps.losses, &key, sizeof(key), counts,
					     (size_t)source->cpus * sizeof(*counts), 0);

		if (r < 0)
			return r;
		for (int cpu = 0; cpu < source->cpus; cpu++) {
			total->records += counts[cpu].records;
			total->turns += counts[cpu].turns;
			total->bytes += counts[cpu].bytes;
		}
	}
	return 0;
}

uint64_t bpf_source_misses(struct bpf_source *source)
{
	uint64_t misses = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(source->probes->obj, hooks[i].program);
		struct bpf_prog_info info = {};
		__u32 length = sizeof(info);

		if (source->links[i] &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) == 0)
			misses += info.recursion_misses;
	}
	return misses;
}
