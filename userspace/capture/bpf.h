/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probes: which of them are in force, the records they send in order of time, and what they
 * lost. Needs CAP_BPF, CAP_PERFMON and, for the host's files, CAP_SYS_PTRACE; in practice root.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"

struct buffer;
struct bpf_source;

struct bpf_options {
	const char *const
		*sockets; /* paths, ended by NULL; a path that does not exist yet is awaited */
	/*
	 * Further sockets, by what a server binds: absolute, `*`, `?` and `[]` within a component
	 * but not in the last one; each NULL or ended by NULL. Of `connects` only connects and
	 * sizes are told: what is said there is no HTTP.
	 */
	const char *const *patterns, *const *connects;
	/* Names of engines' programs; NULL: the usual ones. Must live as long as the source. */
	const char *const *programs;
	const uint16_t *ports; /* an engine's, whoever listens; ended by 0; NULL: the usual */
	const char *rung; /* only this one ("fentry", "tracepoint"); NULL: the best that attaches */
	uint32_t ring_bytes[WIRE_RINGS]; /* powers of two, at least a page; 0: the default */
	uint32_t volume_bytes;           /* kept of one direction in one turn; 0: 256 KiB */
	bool host_capabilities;          /* that processes in no container use, too */
};

struct bpf_hook_state {
	const char
		*purpose; /* "connect", "refusal", "content", "sender", "close", "process", ... */
	const char *hook; /* "fexit/unix_stream_connect" */
	bool attached;
	bool silent;        /* at the last try it was not run by what it has to see, */
	bool turned;        /* and that is news, or that it was */
	uint64_t proven_at; /* boot clock: when it last was; 0: never */
};

/* What a process does that hooks have to see. */
enum bpf_act {
	BPF_ACT_NONE, /* none can be done: its link is looked at */
	BPF_ACT_UNIX = 1,
	BPF_ACT_TCP = 2,
	BPF_ACT_PROCESS = 4,
	BPF_ACT_CAPABILITY = 8,
	BPF_ACT_NAMESPACE = 16,
};

enum bpf_socket_change { BPF_SOCKET_SAME, BPF_SOCKET_CAME, BPF_SOCKET_WENT, BPF_SOCKET_REPLACED };

struct bpf_socket_state {
	const char *path;
	bool present;
	bool connects; /* only connects and sizes are told */
	bool refused;  /* the probes have no place for it: tried again at each refresh */
	uint64_t inode;
	uint64_t cookie; /* of the listening socket itself; 0: not heard of yet */
	uint32_t device; /* as the kernel numbers it: major << 20 | minor */
	uint32_t looked; /* the last look at who listens that found it; of a pattern only */
	uint32_t uid;    /* who opened it, or was found holding it; of a pattern only */
	enum bpf_socket_change change; /* since the refresh before the last one */
};

/*
 * Load and attach. Rungs are tried whole, the best first; why one was refused is appended to
 * `diagnosis` (lines of text for people), also on success. Returns 0; -EPERM without the
 * capabilities; -ENOTSUP where no rung attaches or the kernel has no BTF; -ENOMEM.
 */
int bpf_source_open(const struct bpf_options *options, struct bpf_source **ret,
		    struct buffer *diagnosis);

/*
 * Detaches all probes, for the last drain: nothing comes any more, what is in the rings and the
 * counters stays.
 */
void bpf_source_stop(struct bpf_source *source);

/* Detaches and unloads everything. Takes NULL. */
void bpf_source_free(struct bpf_source *source);

/* Readable when a ring has much to say; look every 50 ms all the same. */
int bpf_source_fd(const struct bpf_source *source, enum wire_ring ring);

/* Returns 0 to go on, or a negative value that ends the drain and is returned by it. */
typedef int (*bpf_message_handler)(void *context, const struct wire_header *message);

/*
 * Take what is in the rings and hand it over, all rings merged in order of time. What is younger
 * than the call is kept for the next one, unless `all`: an older record may still be on its way.
 * At most QUEUE_FILL_MOST bytes of a ring are taken at once; with `all` that is done until nothing
 * is left of what was there. The bytes are valid during the handler's call. Returns the number of
 * records, or what the handler said, or -errno.
 */
int bpf_source_drain(struct bpf_source *source, bool all, bpf_message_handler handler,
		     void *context);

/*
 * Look at the sockets' files again, and where that or a new engine makes it worth while also at who
 * listens (engine_listen records). Once a second. Returns how many of them changed.
 */
int bpf_source_refresh_sockets(struct bpf_source *source);

/* Ask every process what it listens on: an engine_listen record for each that is an engine's.
 * Returns 0 or -errno. */
int bpf_source_look(struct bpf_source *source);
size_t bpf_source_sockets(const struct bpf_source *source, const struct bpf_socket_state **ret);

/*
 * The configured path whose file this is, or was last, or NULL; of a socket that a pattern found,
 * the name that its server bound.
 */
const char *bpf_source_socket_path(const struct bpf_source *source, uint64_t inode,
				   uint32_t device);

/* The programs of the rung in force. */
const char *bpf_source_rung(const struct bpf_source *source);
size_t bpf_source_hooks(const struct bpf_source *source, const struct bpf_hook_state **ret);

/*
 * Whether hooks are alive: between these two calls somebody does what they have to see, and the
 * kernel counts how often each program is run (BPF_ENABLE_STATS), at most for that time. `done` are
 * the acts that were done, BPF_ACT_...: hooks for others are left as they were. Iterators are left
 * out: they are run by the recorder itself. The first call returns 0 or -errno.
 */
int bpf_source_prove_begin(struct bpf_source *source);
void bpf_source_prove_end(struct bpf_source *source, unsigned int done, uint64_t now);

/* What the rung in force cannot see: sentences, ended by NULL. */
const char *const *bpf_source_blind(const struct bpf_source *source);

/* Mark and announce connections that were there before (socket_present records). Returns 0 or
 * -errno. */
int bpf_source_sweep(struct bpf_source *source);

/*
 * The same for containers (container_start records), once: from then on whoever is not known to be
 * in a container has entered it, also where this fails. Returns 0 or -errno.
 */
int bpf_source_sweep_containers(struct bpf_source *source);

/* Whether ends of connections are told by the kernel; else ask bpf_source_alive() now and then. */
bool bpf_source_tells_close(const struct bpf_source *source);

/*
 * The engine has handed this connection over: from here on both directions are counted, not kept.
 * Without it nothing is left out but by the bound on volume, whatever the bytes look like. Returns
 * 0 or -errno.
 */
int bpf_source_handed_over(struct bpf_source *source, uint64_t connection);

/* One end of a live connection, with its totals. */
struct bpf_alive {
	uint64_t connection, sent;
	uint32_t turns;
	uint8_t direction;
};
int bpf_source_alive(struct bpf_source *source, void (*handler)(void *, const struct bpf_alive *),
		     void *context);

/* Inums of the host's namespaces. Returns 0 or -errno; those that are not known are 0. */
int bpf_source_host_namespaces(struct bpf_source *source, uint32_t ret[WIRE_NAMESPACES]);

/* Totals since the load, and under engine_listen what is not watched for want of a place. Returns
 * 0 or -errno. */
int bpf_source_losses(struct bpf_source *source, struct wire_count ret[WIRE_MESSAGES][WIRE_LOSSES]);

/*
 * How often programs in containers used each capability since the first time, which was a
 * capability_use record. With `container` (not terminated; NULL: all) only of that one, which has
 * ended. What processes in no container used has an id of zeros. Counts of containers that have
 * ended are handed over as the last ones, and forgotten: there may be new ones, of processes that
 * outlive their container, whose first use is told anew. Returns 0 or -errno.
 */
int bpf_source_capabilities(struct bpf_source *source, const char *container,
			    void (*handler)(void *, const struct wire_capability *, uint64_t count,
					    bool last),
			    void *context);

/* A file of the host whose mount into a container is told by its row; called again, it is looked up
 * anew. One that is not there is left out, and so is one of btrfs: bpf_source_blind() says so.
 * Returns 0 or -errno. */
int bpf_source_sensitive(struct bpf_source *source, const char *path, uint16_t row, uint16_t kind);

#define BPF_LOST_CALLERS 1024

/* In whose name records were lost: part of those totals. */
struct bpf_lost_caller {
	struct wire_lost_caller who;
	struct wire_count count;
};

/*
 * What was counted by process since the last call, in no order. Of more than BPF_LOST_CALLERS those
 * who lost last. Returns how many, or -errno; those that were read are not told again.
 */
int bpf_source_lost_callers(struct bpf_source *source,
			    struct bpf_lost_caller ret[BPF_LOST_CALLERS]);

/* Times the kernel did not run a probe because it was already running on that CPU. */
uint64_t bpf_source_misses(struct bpf_source *source);
/* Records out of the rings that were not what a probe of this build writes. */
uint64_t bpf_source_malformed(const struct bpf_source *source);

/* "socket_piece", "ring_full": names of the tables. */
const char *bpf_message_name(enum wire_message message);
const char *bpf_message_ring(enum wire_message message);
const char *bpf_loss_name(enum wire_loss loss);
