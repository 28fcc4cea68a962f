/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trail proves. See docs/trail-format.md, "Verdicts": a verdict never rests on something
 * that an attacker could simply have left out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trail/anchor.h"
#include "trail/chain.h"

/* The exit statuses of `docktrail verify`. */
enum trail_verdict_code {
	TRAIL_VALID = 0,
	TRAIL_VALID_WITH_GAPS = 1,
	TRAIL_UNPROVEN_END = 2,
	TRAIL_TAMPERED = 3,
	TRAIL_UNREADABLE = 4,
};

struct trail_verify_options {
	const char *state;   /* the folder with the key; NULL: folder/state */
	bool ignore_state;   /* judge without the key: the end is then never proven */
	const uint8_t *root; /* the public key of frame 1, kept elsewhere; NULL: the folder's own
				root.pub */
	const struct trail_anchor *anchors;
	size_t anchor_count;
	uint64_t since_ns; /* wall clock: payloads of frames that were made before are not looked at
			    */
	bool others_expected; /* anchors of other trails are not looked at, instead of tampering */
	bool excerpt;         /* payloads may be missing that nobody dropped: they were left out */
	bool at_rest;         /* nobody records to it: who holds its lock holds another one */
	unsigned int threads; /* with the caller's own; 0: one for each CPU, for a trail that is
				 worth it */
	/* Called now and then with the bytes checked so far, of how many there were at the begin.
	 */
	void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes);
	void *context;
};

struct trail_verdict {
	enum trail_verdict_code code;
	char reason[256]; /* one sentence: what is wrong, or what is not proven; "" when VALID */
	uint8_t trail_id[TRAIL_ID_BYTES];
	uint8_t root[TRAIL_KEY_BYTES];
	bool root_given; /* not taken from the folder, which is as good as whoever can write there
			  */
	bool end_proven; /* by the key state, or by an anchor that says so */
	uint64_t skipped_frames; /* whose payload was not looked at, as was asked */
	uint64_t anchored_frame; /* the greatest that an anchor confirms; 0: none does */
	bool live; /* a recorder is writing: what it is committing was not looked at */
	uint64_t segments, frames, events, raw_bytes, stored_bytes; /* all good ones */
	uint64_t good_frame, good_event; /* the last good ones; 0 without any */
	uint64_t good_wall_ns;           /* when that frame was made */
	uint8_t good_hash[TRAIL_HASH_BYTES];
	uint64_t bad_frame;   /* the first bad one, 0 without any */
	char bad_segment[32]; /* its file */
	uint64_t bad_offset;  /* where it begins there */
	struct trail_gaps gaps;
	struct trail_gone gone[TRAIL_CLASSES]; /* payloads that were dropped by policy, */
	bool excerpt;                          /* or left out */
	struct trail_old_head
		old; /* the trail before this one, as frame 1 quotes it; reason 0: none */
	bool ended_without_stop; /* no recorder is writing, and the last commit has no STOP */
	bool in_flight;         /* a commit was cut short, or its old key not yet erased: a crash */
	uint64_t torn_bytes;    /* behind the last whole commit */
	bool committed_missing; /* `committed` is not there or does not check */
};

/* "VALID", "VALID-WITH-GAPS" and so on. */
const char *trail_verdict_name(enum trail_verdict_code code);

/*
 * Judge the trail in `folder`. What cannot be read is a verdict too. Returns 0, or -ENOMEM.
 * Memory is bounded: one frame at a time.
 */
int trail_verify(const char *folder, const struct trail_verify_options *options,
		 struct trail_verdict *ret_verdict);
