// SPDX-License-Identifier: Apache-2.0
/* Which programs: rungs are tried whole, the best first; never by a kernel's version. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "capture/bpf_private.h"

static const char *const rung_names[RUNGS] = { "fentry", "tracepoint" };

/*
 * Every program: what it is for, and when. A hook that is not required may be missing from a kernel
 * (its target is not in the BTF) and its purpose is then served by another row or not at all.
 */
static const struct hook {
	const char *program, *purpose, *hook;
	enum rung rung;
	bool required;
	enum bpf_act act; /* what it has to see */
} hooks[] = {
	{ "process_host_namespaces", "namespaces", "iter/task", RUNG_ALL, true, BPF_ACT_NONE },
	{ "connect_begin", "refusal", "fentry/unix_stream_connect", RUNG_FENTRY, true,
	  BPF_ACT_UNIX },
	{ "connect_path", "refusal", "fexit/kern_path", RUNG_FENTRY, false, BPF_ACT_UNIX },
	{ "connect_end", "connect", "fexit/unix_stream_connect", RUNG_FENTRY, true, BPF_ACT_UNIX },
	{ "send_begin", "sender", "fentry/unix_stream_sendmsg", RUNG_FENTRY, true, BPF_ACT_UNIX },
	{ "send_end", "sender", "fexit/unix_stream_sendmsg", RUNG_FENTRY, true, BPF_ACT_UNIX },
	{ "sendpage_begin", "sender", "fentry/unix_stream_sendpage", RUNG_FENTRY, false,
	  BPF_ACT_UNIX },
	{ "sendpage_end", "sender", "fexit/unix_stream_sendpage", RUNG_FENTRY, false,
	  BPF_ACT_UNIX },
	{ "read_end", "content", "fexit/unix_stream_read_actor", RUNG_FENTRY, true, BPF_ACT_UNIX },
	{ "splice_end", "content", "fexit/unix_stream_splice_actor", RUNG_FENTRY, true,
	  BPF_ACT_UNIX },
	{ "release", "close", "fentry/unix_release", RUNG_FENTRY, true, BPF_ACT_UNIX },
	{ "data_ready", "connect", "tp_btf/sk_data_ready", RUNG_TRACEPOINT, true, BPF_ACT_UNIX },
	{ "send_length", "sender", "tp_btf/sock_send_length", RUNG_TRACEPOINT, true, BPF_ACT_UNIX },
	{ "copy_datagram", "content", "tp_btf/skb_copy_datagram_iovec", RUNG_TRACEPOINT, true,
	  BPF_ACT_UNIX },
	{ "receive_length", "close", "tp_btf/sock_recv_length", RUNG_TRACEPOINT, true,
	  BPF_ACT_UNIX },
	{ "listen_end", "listener", "fexit/unix_listen", RUNG_FENTRY, false, BPF_ACT_UNIX },
	{ "tcp_state", "listener", "tp_btf/inet_sock_set_state", RUNG_ALL, false, BPF_ACT_TCP },
	{ "engine_look", "listener", "iter/task_file", RUNG_ALL, false, BPF_ACT_NONE },
	{ "tcp_taken", "tcp", "tp_btf/skb_copy_datagram_iovec", RUNG_TCP, false, BPF_ACT_TCP },
	{ "tcp_sent", "tcp", "tp_btf/net_dev_queue", RUNG_TCP, false, BPF_ACT_TCP },
	{ "process_exec", "process", "tp_btf/sched_process_exec", RUNG_ALL, true, BPF_ACT_PROCESS },
	{ "process_fork", "process", "tp_btf/sched_process_fork", RUNG_ALL, true, BPF_ACT_PROCESS },
	{ "process_exit", "process", "tp_btf/sched_process_exit", RUNG_ALL, true, BPF_ACT_PROCESS },
	{ "socket_sweep", "present", "iter/unix", RUNG_ALL, true, BPF_ACT_NONE },
	{ "capability_checked", "capability", "fexit/cap_capable", RUNG_FENTRY, false,
	  BPF_ACT_CAPABILITY },
	{ "capability_traced", "capability", "tp_btf/cap_capable", RUNG_TRACEPOINT, false,
	  BPF_ACT_CAPABILITY },
	{ "oom_kill", "oom", "tp_btf/mark_victim", RUNG_ALL, false, BPF_ACT_NONE },
	{ "namespaces_switched", "setns", "fexit/switch_task_namespaces", RUNG_FENTRY, false,
	  BPF_ACT_NAMESPACE },
	{ "container_sweep", "container", "iter/task", RUNG_ALL, true, BPF_ACT_NONE },
	{ "unaudited_look", "audit", "iter/task", RUNG_ALL, false, BPF_ACT_NONE },
	{ "socket_alive", "close", "iter/bpf_sk_storage_map", RUNG_ALL, true, BPF_ACT_NONE },
	{ "spare_forget", "close", "iter/bpf_map_elem", RUNG_ALL, true, BPF_ACT_NONE },
	{ "tcp_alive", "close", "iter/bpf_sk_storage_map", RUNG_ALL, true, BPF_ACT_NONE },
};

_Static_assert(ARRAY_SIZE(hooks) <= BPF_HOOKS_MOST, "more links than there is room for");

#define BLIND_TCP                                                                                        \
	"a connection over TCP that another process than the one that connected sends on: its requests " \
	"are told as that one's"
#define BLIND_MPTCP "what an engine answers over MPTCP"
/* The first only where it is so. */
#define BLIND_MOUNTS                                                                               \
	"what a container has mounted of the host's files on btrfs; what was asked for is told"
static const char *const blind_fentry[] = { BLIND_MOUNTS, BLIND_TCP, BLIND_MPTCP, NULL };
static const char *const blind_tracepoint[] = {
	BLIND_MOUNTS,
	"a connect that was refused",
	"an answer that the client reads with splice(2)",
	"which bytes were only peeked at: they appear twice",
	BLIND_TCP,
	BLIND_MPTCP,
	"the first second of an engine's socket that only a pattern names",
	"namespaces that a process has taken and left again before it made a process, ran a program or ended",
	"the moment a connection is closed, where neither side reads its end: it is known within a second",
	NULL,
};

static const uint32_t default_ring_bytes[WIRE_RINGS] = {
	[WIRE_RING_state] = 512 * 1024,
	[WIRE_RING_api] = 4 * 1024 * 1024,
	[WIRE_RING_noise] = 2 * 1024 * 1024,
};

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

/*
 * A tracepoint's prototype: a typedef of a pointer to a function whose first argument is the
 * context. All that are attached to here have a pointer behind it; mark_victim once had a number.
 */
static bool begins_with_a_pointer(const struct btf *btf, int typedef_id)
{
	const struct btf_type *type =
		typedef_id > 0 ? btf__type_by_id(btf, (__u32)typedef_id) : NULL;

	for (int i = 0; type && i < 2; i++)
		type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_func_proto(type) || btf_vlen(type) < 2)
		return false;
	type = btf__type_by_id(btf, btf_params(type)[1].type);
	return type && btf_is_ptr(btf_is_mod(type) ? btf__type_by_id(btf, type->type) : type);
}

static bool target_exists(const struct btf *btf, const char *hook)
{
	const char *target = strchr(hook, '/') + 1;
	char name[128];

	if (strncmp(hook, "tp_btf/", 7) == 0) {
		snprintf(name, sizeof(name), "btf_trace_%s", target);
		return begins_with_a_pointer(btf,
					     btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF));
	}
	if (strncmp(hook, "iter/", 5) == 0) {
		snprintf(name, sizeof(name), "bpf_iter_%s", target);
		return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
	}
	return btf__find_by_name_kind(btf, target, BTF_KIND_FUNC) > 0;
}

static bool in_rung(const struct hook *hook, enum rung rung)
{
	return hook->rung == RUNG_ALL || hook->rung == RUNG_TCP || hook->rung == rung;
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

	const struct bpf_map *walked = NULL;

	if (strcmp(hooks[i].program, "socket_alive") == 0)
		walked = source->probes->maps.marks;
	else if (strcmp(hooks[i].program, "spare_forget") == 0)
		walked = source->probes->maps.spare_marks;
	else if (strcmp(hooks[i].program, "tcp_alive") == 0)
		walked = source->probes->maps.tcp_lines;
	if (walked) {
		info.map.map_fd = (__u32)bpf_map__fd(walked);
		options.link_info = &info;
		options.link_info_len = sizeof(info);
		source->links[i] = bpf_program__attach_iter(program, &options);
	} else {
		source->links[i] = bpf_program__attach(program);
	}
	return source->links[i] ? 0 : -errno;
}

/* The probes compare with them: the first in the table. Should it fail, its caller asks again, and
 * says so. */
static void learn_host_namespaces(struct bpf_source *source)
{
	uint32_t inums[WIRE_NAMESPACES];

	bpf_source_host_namespaces(source, inums);
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
		if (!bpf_program__autoload(program) || hooks[i].rung == RUNG_TCP)
			continue;
		r = attach_one(source, i);
		state->attached = r == 0;
		if (r == 0 && strcmp(hooks[i].purpose, "namespaces") == 0)
			learn_host_namespaces(source);
		if (r == 0)
			continue;
		buffer_printf(diagnosis, "rung %s: %s does not attach: %s\n",
			      rung_names[source->rung], hooks[i].hook, strerror(-r));
		if (hooks[i].required)
			return r;
	}
	return 0;
}

void bpf_ladder_detach(struct bpf_source *source)
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
	probes->rodata->noise_common = bpf_map__max_entries(probes->maps.ring_noise) / 2;
	probes->rodata->host_capabilities = options->host_capabilities;
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

/* The whole ladder, best rung first. Listeners are named before anything attaches: no client slips
 * by. */
int bpf_ladder_climb(struct bpf_source *source, const struct bpf_options *options,
		     struct buffer *diagnosis)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int r = -ENOTSUP;

	libbpf_set_print(keep_words);
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
			bpf_sockets_name(source);
			bpf_patterns_name(source);
			bpf_engines_name(source, options);
			bpf_containers_name(source);
			bpf_sockets_refresh(source);
			r = attach_all(source, diagnosis);
		}
		if (r == 0)
			break;
		bpf_ladder_detach(source);
	}
	btf__free(btf);
	return r;
}

/* The state of a hook: they stand in the order of the table. */
static struct bpf_hook_state *state_of(struct bpf_source *source, size_t hook)
{
	size_t at = 0;

	for (size_t i = 0; i < hook; i++)
		at += in_rung(&hooks[i], source->rung);
	return &source->states[at];
}

int bpf_ladder_tcp(struct bpf_source *source, bool attach)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (hooks[i].rung != RUNG_TCP || !!source->links[i] == attach)
			continue;
		if (attach) {
			int failed = attach_one(source, i);

			if (failed < 0) {
				source->links[i] = NULL;
				r = failed;
			}
		} else {
			bpf_link__destroy(source->links[i]);
			source->links[i] = NULL;
		}
		state_of(source, i)->attached = source->links[i] != NULL;
	}
	return r;
}

static int program_info(const struct bpf_source *source, size_t hook, struct bpf_prog_info *info)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(source->probes->obj, hooks[hook].program);
	__u32 length = sizeof(*info);

	*info = (struct bpf_prog_info){};
	if (!program || bpf_program__fd(program) < 0)
		return -ENOENT;
	return bpf_obj_get_info_by_fd(bpf_program__fd(program), info, &length);
}

int bpf_source_prove_begin(struct bpf_source *source)
{
	struct bpf_prog_info info;
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0)
		return fd;
	source->stats = fd;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		source->runs[i] = program_info(source, i, &info) == 0 ? info.run_cnt : 0;
		source->tried[i] = source->links[i];
	}
	return 0;
}

/* That the link leads to this program is all that can be known of one that must not be run. */
static bool is_linked(const struct bpf_source *source, size_t hook, __u32 program)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);

	return source->links[hook] &&
	       bpf_obj_get_info_by_fd(bpf_link__fd(source->links[hook]), &info, &length) == 0 &&
	       info.prog_id == program;
}

static void prove(struct bpf_source *source, size_t hook, unsigned int done, uint64_t now)
{
	struct bpf_hook_state *state = state_of(source, hook);
	struct bpf_prog_info info;
	bool silent;

	state->turned = false;
	/* One that was attached meanwhile may have missed the act. */
	if (!state->attached || !source->tried[hook] ||
	    strncmp(hooks[hook].hook, "iter/", 5) == 0 ||
	    (hooks[hook].act && !(hooks[hook].act & done)))
		return;
	silent = program_info(source, hook, &info) < 0 || !is_linked(source, hook, info.id) ||
		 (hooks[hook].act && info.run_cnt == source->runs[hook]);
	state->turned = silent != state->silent;
	state->silent = silent;
	if (!silent)
		state->proven_at = now;
}

void bpf_source_prove_end(struct bpf_source *source, unsigned int done, uint64_t now)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (in_rung(&hooks[i], source->rung))
			prove(source, i, done, now);
	if (source->stats > 0)
		close(source->stats);
	source->stats = 0;
}

struct bpf_link *bpf_ladder_link(const struct bpf_source *source, const char *program)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (strcmp(hooks[i].program, program) == 0)
			return source->links[i];
	return NULL;
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
	const char *const *blind = source->rung == RUNG_FENTRY ? blind_fentry : blind_tracepoint;

	return source->mounts_blind ? blind : blind + 1;
}

bool bpf_source_tells_close(const struct bpf_source *source)
{
	return source->rung == RUNG_FENTRY;
}

uint64_t bpf_source_misses(struct bpf_source *source)
{
	uint64_t misses = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(source->probes->obj, hooks[i].program);
		struct bpf_prog_info info = {};
		__u32 length = sizeof(info);

		/* What is not of this rung was not loaded. */
		if (bpf_program__fd(program) >= 0 &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) == 0)
			misses += info.recursion_misses;
	}
	return misses;
}
