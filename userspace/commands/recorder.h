/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: the probes (capture/bpf.h, with the privileges) feed the scribe (scribe.h,
 * without), one event loop around both. What is shared by recorder.c (the loop), recorder_events.c
 * (what it says of itself in the trail) and recorder_status.c (what it says in status.json).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/buffer.h"
#include "bpf/wire.h"
#include "capture/bpf.h"
#include "commands/record_options.h"
#include "commands/scribe.h"

struct audit_plan;
struct recorder_audit;
struct recorder_prune;
struct recorder_sweep;

/* How much the disk takes, and what becomes of events: each is worse than the one before. */
enum recorder_room {
	ROOM_ENOUGH,
	ROOM_WITHOUT_RESERVE,
	ROOM_IN_MEMORY,
	ROOM_FOR_EVIDENCE,
	ROOM_NONE,
};

struct recorder {
	const struct record_options *options;
	struct bpf_source *source;
	struct scribe *scribe;
	struct recorder_audit *audit; /* NULL: it is not asked */
	struct recorder_sweep *sweep; /* NULL: watched files are not looked at */
	struct recorder_prune *prune; /* NULL: nothing is dropped from the trail */
	struct audit_plan *plan;      /* of the host, as it was seen last; NULL: not yet */
	sd_event *loop;
	int trail_folder;
	struct bpf_lost_caller lost_callers[BPF_LOST_CALLERS]; /* room to read them into */
	struct wire_count told[WIRE_MESSAGES][WIRE_LOSSES];    /* losses that stand in the trail */
	struct scribe_losses told_scribe;
	uint64_t told_misses, told_malformed;
	uint64_t started_wall_ns, start_ticks;
	uint64_t beat_at;       /* boot clock: the next heartbeat */
	uint64_t checkpoint_at; /* likewise: the next anchor in the journal */
	uint64_t rate_events, rate_at;
	double rate;  /* events a second, over the last second */
	pid_t prover; /* does what hooks have to see; 0: none */
	bool prove_failed;
	pid_t packer;            /* packs a segment; 0: none */
	uint64_t packed_segment; /* the active one, when all before it was packed last */
	bool pack_failed;
	uint64_t second_at; /* boot clock: the last look at everything */
	bool left_behind;   /* a thread that may still use anything of this */
	bool disk_failed;
	int rotation_error; /* that was told; 0: none */
	enum recorder_room room;
	int room_error;         /* why the disk takes nothing; 0: it does */
	uint64_t disk_failures; /* that were told */
	bool names_missing;     /* it was said that an engine's files are not where we look */
	int error;              /* why the loop ended, 0 for a signal */
};

/* ---- recorder_events.c: events about the recorder */

void recorder_say_start(struct recorder *recorder);
void recorder_say_recovery(struct recorder *recorder);
void recorder_say_newchain(struct recorder *recorder);
struct trail_prune_step;
void recorder_say_pruned(struct recorder *recorder, const struct trail_prune_step *step);
void recorder_say_stop(struct recorder *recorder);
void recorder_say_heartbeat(struct recorder *recorder);
void recorder_say_sockets(struct recorder *recorder);
void recorder_say_clock_step(struct recorder *recorder, int64_t step_ns);
/* It sees less than before, or again what it did not. */
void recorder_say_degraded(struct recorder *recorder, const char *reason);
uint64_t recorder_memory_bytes(void);

/* ---- recorder_prove.c */

/* Begin to try whether the hooks are alive; what comes of it is said when it is known. */
void recorder_prove(struct recorder *recorder);

/* ---- recorder_disk.c */

/* A sentence for people. */
void recorder_room_words(const struct recorder *recorder, struct buffer *out);

/* Tell what has changed since the last call; end recording where nothing would be kept of it. */
void recorder_check_disk(struct recorder *recorder);

/* An anchor for the journal, where it is time; with UINT64_MAX it is: recording ends. */
void recorder_leave_anchor(struct recorder *recorder, uint64_t now);

/* ---- recorder_prune.c */

/* Keep the trail as small as it is to be, as far as payloads are due; begin and end that. */
void recorder_begin_prune(struct recorder *recorder);
void recorder_end_prune(struct recorder *recorder);
/* What is to be done now: once a second. */
void recorder_prune(struct recorder *recorder, uint64_t now);

/* Whether it rewrites a segment, or will. */
bool recorder_is_pruning(const struct recorder *recorder);

/* ---- recorder_pack.c */

/* Pack what was closed, one segment after the other: once a second. */
void recorder_pack(struct recorder *recorder);
/* Whether no process is at work on a segment; one that is is told to end. */
bool recorder_is_not_packing(struct recorder *recorder);
void recorder_end_pack(struct recorder *recorder);

/* ---- recorder_losses.c */

/*
 * An event for each reason whose count has grown since the last call, and for each of the processes
 * that it grew by most; while much waits for the disk, later, unless this is the last call. Returns
 * how many.
 */
int recorder_say_losses(struct recorder *recorder, bool last);

/* ---- recorder_audit.c */

/* Load the rules and join the kernel's audit, or say why not: recording goes on without. */
void recorder_begin_audit(struct recorder *recorder);
/* Take away the rules that were loaded. */
void recorder_end_audit(struct recorder *recorder);
/* Readable when there are records; -1: it is not asked. */
int recorder_audit_fd(const struct recorder *recorder);
void recorder_drain_audit(struct recorder *recorder);
/* All that waits, for a second at most: nothing comes any more. */
void recorder_drain_audit_whole(struct recorder *recorder);

/* witness_options.watched; `recorder` as scribe_options.user. */
bool recorder_audit_watches(void *recorder, const char *path, uint64_t inode, uint32_t device,
			    bool above);

/*
 * Are the rules still there? What is not is loaded again, what has come of a new plan is loaded.
 * May have to wait for the kernel, and is for the thread that looks at files; the plan must live
 * until the next look. Then tell what it did.
 */
void recorder_audit_look(struct recorder_audit *audit, const struct audit_plan *plan);
void recorder_audit_tell(struct recorder *recorder);

/* Every ten seconds: do audit and the probes tell the same? */
void recorder_audit_compare(struct recorder *recorder, uint64_t now);

#define RECORDER_AUDIT_LOSSES 5
struct recorder_audit_loss {
	const char *reason;
	uint64_t records; /* more than when this was asked last */
};
/* For status.json. */
struct recorder_audit_state {
	const char *state; /* off, on, immutable; NULL: it is not asked */
	uint32_t auditd;   /* its pid; 0: none runs */
	size_t wanted,
		loaded; /* rules that can be loaded as things are, and of these those that are */
	const char *warning;                                      /* what is wrong, or NULL */
	struct recorder_audit_loss losses[RECORDER_AUDIT_LOSSES]; /* since the start */
};
void recorder_audit_state(const struct recorder *recorder, struct recorder_audit_state *ret);

/* Returns how many there are. */
size_t recorder_audit_losses(struct recorder *recorder,
			     struct recorder_audit_loss ret[RECORDER_AUDIT_LOSSES]);

/* ---- recorder_sweep.c */

/*
 * Look at the host for the first time, and for the last: which files there are to be watched (the
 * plan for audit's rules), and, unless that is switched off, at these. What cannot be is said.
 */
void recorder_begin_sweep(struct recorder *recorder);
void recorder_end_sweep(struct recorder *recorder);
/* Begin a look where it is time, tell what came of one that has ended. */
void recorder_sweep(struct recorder *recorder, uint64_t now);

/* Whether a watched file had this inode (major << 20 | minor) at the last look. */
bool recorder_sweep_knows(const struct recorder *recorder, uint64_t inode, uint32_t device);

/* ---- recorder_status.c */

/* Rename a new status.json into the trail's folder. Returns 0 or -errno. */
int recorder_write_status(struct recorder *recorder);

/* ---- recorder_begin.c: prints what is wrong, and what to do */

/* 0, or -EPERM with the capabilities that are missing named. */
int recorder_check_capabilities(void);

/* What of the host is told where a container has it mounted: looked up anew. */
void recorder_sensitive_files(struct recorder *recorder);
/* Attach the probes, open the trail, learn what is there. 0 or -errno; recorder_run() cleans up. */
int recorder_begin(struct recorder *recorder);

/* ---- recorder_words.c: on stderr */

/* The line that begins with `recording`, sockets, what is not seen, the root key. */
void recorder_announce(struct recorder *recorder);
/* Once, when containers turn out to have no file in any engine's folder that is known. */
void recorder_warn_names(struct recorder *recorder);
/* What was recorded and lost, and how to check it. */
void recorder_say_totals(const struct recorder *recorder, const struct scribe_stats *stats);

/* ---- recorder.c */

/* Record until SIGINT or SIGTERM. Prints what it does on stderr. Returns an exit status
 * (sysexits.h). */
int recorder_run(const struct record_options *options);
