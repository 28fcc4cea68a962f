/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source from inside: what bpf.c (rings and counters), bpf_ladder.c (which programs, attached
 * how) and bpf_sockets.c (which sockets) share.
 */
#pragma once

#include "capture/bpf.h"
#include "capture/queue.h"
#include "probes.skel.h"

/* RUNG_TCP: loaded on every rung, attached while an engine listens on TCP. */
enum rung { RUNG_FENTRY, RUNG_TRACEPOINT, RUNGS, RUNG_ALL, RUNG_TCP };

#define BPF_HOOKS_MOST 40

struct bpf_pattern {
	char *pattern;
	bool connects;
};

#define BPF_SENSITIVE_MOST 128 /* rows */

struct bpf_source {
	struct probes *probes;
	struct bpf_link *links[BPF_HOOKS_MOST];
	struct bpf_hook_state states[BPF_HOOKS_MOST];
	size_t state_count;
	enum rung rung;
	struct ring_buffer *rings[WIRE_RINGS];
	struct queue queues[WIRE_RINGS];
	struct bpf_socket_state *sockets; /* first the paths, then what patterns found */
	size_t socket_count, path_count;
	struct bpf_pattern *patterns;
	size_t pattern_count;
	int changed;                /* found since the last refresh */
	uint64_t unwatched;         /* listeners that had no place, or had to leave it */
	uint32_t look;              /* looks at who listens, counted */
	uint64_t look_at, look_due; /* boot clock: one is wanted; and the next at the latest */
	const char *const *programs;
	bool tcp_attached, stopped;
	struct wire_file sensitive[BPF_SENSITIVE_MOST]; /* by row; zeros: not there */
	bool mounts_blind;                              /* of some of them a mount is not known */
	int stats;                     /* while hooks are proven: makes the kernel count; 0 */
	uint64_t runs[BPF_HOOKS_MOST]; /* of each program, when that began, */
	bool tried[BPF_HOOKS_MOST];    /* and whether it was attached then */
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

/* Attach what sees packets, or detach it. Returns 0 or -errno. */
int bpf_ladder_tcp(struct bpf_source *source, bool attach);

/* ---- bpf_containers.c */

/* Tell the probes which programs make containers: before anything attaches. */
void bpf_containers_name(struct bpf_source *source);

/* ---- bpf.c */

/* Run an iterator once; what it writes is appended to `output` (NULL: nothing is wanted), at most
 * 16 MiB. Returns 0 or -errno. */
int bpf_source_iterate(struct bpf_source *source, const char *program, struct buffer *output);

/* ---- bpf_sockets.c */

int bpf_sockets_copy(struct bpf_source *source, const struct bpf_options *options);
void bpf_sockets_free(struct bpf_source *source);

/* Tell the probes the configured paths: before anything attaches, so that no client slips by. */
void bpf_sockets_name(struct bpf_source *source);

/* Watch its file from now on; where that fails it is counted, and tried again at each refresh. */
void bpf_sockets_watch(struct bpf_source *source, struct bpf_socket_state *socket);

/* Or not any more, unless another path leads there. */
void bpf_sockets_forget(struct bpf_source *source, const struct bpf_socket_state *gone);

/* Look at the files of the paths, and watch what could not be before. Returns how many changed. */
int bpf_sockets_refresh(struct bpf_source *source);

/* ---- bpf_patterns.c: sockets that are found by the name that a server bound */

int bpf_patterns_copy(struct bpf_source *source, const struct bpf_options *options);
void bpf_patterns_free(struct bpf_source *source);
/* Tell the probes the last components of all paths and patterns. */
void bpf_patterns_name(struct bpf_source *source);
/* A unix listener was heard of: watch it if it is one of ours. Returns whether it is. */
bool bpf_patterns_heard(struct bpf_source *source, const struct wire_engine_listen *listener);
/* What patterns found and the last look did not find again is gone. */
void bpf_patterns_expire(struct bpf_source *source);

/* ---- bpf_engines.c: which programs and ports, when to look, when packets are worth looking at */

void bpf_engines_name(struct bpf_source *source, const struct bpf_options *options);
/* Before a drain. */
void bpf_engines_tend(struct bpf_source *source);
/* Each message before it is handed over. Returns whether it is to be. */
bool bpf_engines_heard(struct bpf_source *source, const struct wire_header *message);
