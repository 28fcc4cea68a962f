// SPDX-License-Identifier: Apache-2.0
#include "capture/bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "capture/bpf_private.h"

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

int bpf_source_open(const struct bpf_options *options, struct bpf_source **ret,
		    struct buffer *diagnosis)
{
	struct bpf_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	source->cpus = libbpf_num_possible_cpus();
	r = source->cpus < 0 ? source->cpus : bpf_sockets_copy(source, options);
	if (r == 0)
		r = bpf_ladder_climb(source, options, diagnosis);
	if (r == 0)
		r = open_rings(source);
	if (r < 0) {
		bpf_source_free(source);
		return r;
	}
	*ret = source;
	return 0;
}

void bpf_source_stop(struct bpf_source *source)
{
	source->stopped = true;
	for (size_t i = 0; i < BPF_HOOKS_MOST; i++) {
		bpf_link__destroy(source->links[i]);
		source->links[i] = NULL;
	}
}

void bpf_source_free(struct bpf_source *source)
{
	if (!source)
		return;
	for (int i = 0; i < WIRE_RINGS; i++) {
		ring_buffer__free(source->rings[i]);
		queue_clear(&source->queues[i]);
	}
	bpf_ladder_detach(source);
	bpf_sockets_free(source);
	free(source);
}

int bpf_source_fd(const struct bpf_source *source, enum wire_ring ring)
{
	return ring_buffer__epoll_fd(source->rings[ring]);
}

/* What the source itself must know comes first. */
struct drain {
	struct bpf_source *source;
	bpf_message_handler handler;
	void *context;
};

static int hand_over(void *context, const struct wire_header *message)
{
	const struct drain *drain = context;

	if (!bpf_engines_heard(drain->source, message))
		return 0;
	return drain->handler(drain->context, message);
}

/* Returns whether more is there. */
static int fill(struct bpf_source *source)
{
	bool more = false;

	for (int i = 0; i < WIRE_RINGS; i++)
		queue_fill_begin(&source->queues[i]);
	for (int i = 0; i < WIRE_RINGS; i++) {
		int r = ring_buffer__consume(source->rings[i]);

		if (r < 0 && r != QUEUE_FULL)
			return r;
		more |= source->queues[i].full;
	}
	return more;
}

/* How many fills take all that a ring can hold: what comes meanwhile makes no more of them. */
static size_t fills_most(const struct bpf_source *source)
{
	const struct bpf_map *const maps[] = { source->probes->maps.ring_state,
					       source->probes->maps.ring_api,
					       source->probes->maps.ring_noise };
	size_t most = 0;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (bpf_map__max_entries(maps[i]) > most)
			most = bpf_map__max_entries(maps[i]);
	return most / QUEUE_FILL_MOST + 1;
}

int bpf_source_drain(struct bpf_source *source, bool all, bpf_message_handler handler,
		     void *context)
{
	struct drain drain = { source, handler, context };
	size_t fills = all ? fills_most(source) : 1;
	int handed = 0, more, r;

	bpf_engines_tend(source);
	do {
		more = fill(source);
		if (more < 0)
			return more;
		fills--;
		r = queue_merge(source->queues, WIRE_RINGS, all && !(more && fills), hand_over,
				&drain);
		if (r < 0)
			return r;
		handed += r;
	} while (more && fills);
	return handed;
}

int bpf_source_iterate(struct bpf_source *source, const char *program, struct buffer *output)
{
	_cleanup_buffer_ struct buffer nothing = {};
	_cleanup_close_ int fd = -1;
	struct bpf_link *link = bpf_ladder_link(source, program);

	if (!link)
		return -ENOENT;
	output = output ?: &nothing;
	fd = bpf_iter_create(bpf_link__fd(link));
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
	return bpf_source_iterate(source, "socket_sweep", NULL);
}

int bpf_source_look(struct bpf_source *source)
{
	return bpf_source_iterate(source, "engine_look", NULL);
}

int bpf_source_alive(struct bpf_source *source, void (*handler)(void *, const struct bpf_alive *),
		     void *context)
{
	_cleanup_buffer_ struct buffer output = {};
	struct bpf_alive alive;
	int r;

	source->probes->bss->spare_looks++;
	r = bpf_source_iterate(source, "socket_alive", &output);
	if (r == 0 && source->probes->bss->spare_marked > 0)
		r = bpf_source_iterate(source, "spare_forget", &output);
	if (r == 0)
		r = bpf_source_iterate(source, "tcp_alive", &output);
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
	int r = bpf_source_iterate(source, "process_host_namespaces", &output);

	if (r < 0)
		return r;
	if (output.length < WIRE_NAMESPACES * sizeof(*ret))
		return -ENODATA;
	memcpy(ret, output.data, WIRE_NAMESPACES * sizeof(*ret));
	return 0;
}

uint64_t bpf_source_malformed(const struct bpf_source *source)
{
	uint64_t malformed = 0;

	for (int ring = 0; ring < WIRE_RINGS; ring++)
		malformed += source->queues[ring].malformed;
	return malformed;
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
	ret[WIRE_engine_listen][WIRE_LOSS_no_place].records += source->unwatched;
	return 0;
}

int bpf_source_lost_callers(struct bpf_source *source, struct bpf_lost_caller ret[BPF_LOST_CALLERS])
{
	const struct bpf_map *map = source->probes->maps.lost_callers;
	struct bpf_lost_caller caller;
	int count = 0, r;

	/* From the begin each time: what was taken out is not there any more. */
	while (count < BPF_LOST_CALLERS &&
	       bpf_map__get_next_key(map, NULL, &caller.who, sizeof(caller.who)) == 0) {
		r = bpf_map__lookup_and_delete_elem(map, &caller.who, sizeof(caller.who),
						    &caller.count, sizeof(caller.count), 0);
		if (r == -ENOENT)
			continue; /* pushed out at this moment */
		if (r < 0)
			return r;
		ret[count++] = caller;
	}
	return count;
}
