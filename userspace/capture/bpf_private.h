/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source from inside: what bpf.c (rings and counters), bpf_ladder.c (which programs, attached
 * how) and bpf_sockets.c (which sockets) share.
 */
#pragma once

#include "capture/bpf.h"
#include "capture/queue.h"
#include "probes.skel.h"

enum rung { RUNG_FENTRY, RUNG_TRACEPOINT, RUNGS, RUNG_ALL };

#define BPF_HOOKS_MOST 32

struct bpf_source {
	struct probes *probes;
	struct bpf_link *links[BPF_HOOKS_MOST];
	struct bpf_hook_state states[BPF_HOOKS_MOST];
	size_t state_count;
	enum rung rung;
	struct ring_buffer *rings[WIRE_RINGS];
	struct queue queues[WIRE_RINGS];
	struct bpf_socket_state *sockets;
	size_t socket_count;
	int cpus;
};

/* ---- bpf_ladder.c */

/* Try the rungs, the best first; what was refused and why goes to `diagnosis`. 0, -ENOTSUP or
 * -errno. */
int bpf_ladder_climb(struct bpf_source *source, const struct bpf_options *options,
		     struct buffer *diagnosis);
void bpf_ladder_detach(struct bpf_source *source);

/* The link of a program, NULL where it is not attached. */
struct bpf_link *bpf_ladder_link(const struct bpf_source *source, const char *program);

/* ---- bpf_sockets.c */

int bpf_sockets_copy(struct bpf_source *source, const char *const *paths);
void bpf_sockets_free(struct bpf_source *source);

/* Tell the probes the configured paths: before anything attaches, so that no client slips by. */
void bpf_sockets_name(struct bpf_source *source);
