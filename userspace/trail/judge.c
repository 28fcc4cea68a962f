// SPDX-License-Identifier: Apache-2.0
#include "trail/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

void trail_judge_conclude(struct trail_judge *judge, enum trail_verdict_code code,
			  const char *format, ...)
{
	va_list arguments;

	judge->verdict->code = code;
	va_start(arguments, format);
	vsnprintf(judge->verdict->reason, sizeof(judge->verdict->reason), format, arguments);
	va_end(arguments);
}

static bool tampered_or(struct trail_judge *judge, const char *reason)
{
	/* What the walk found is more to the point than what follows from it. */
	if (judge->broken)
		judge->verdict->code = TRAIL_TAMPERED;
	else
		trail_judge_conclude(judge, TRAIL_TAMPERED, "%s", reason);
	return false;
}

/* Whether the last whole commit is the one that this key follows on. */
static bool follows(const struct trail_judge *judge, const struct trail_key *key)
{
	return key->frame == judge->whole.next_frame &&
	       memcmp(key->public_key, judge->whole.next_key, TRAIL_KEY_BYTES) == 0 &&
	       memcmp(key->previous_hash, judge->whole.hash, TRAIL_HASH_BYTES) == 0;
}

/* `committed` against the log. Returns false with a verdict of tampering. */
static bool judge_committed(struct trail_judge *judge)
{
	const struct trail_committed *committed = &judge->committed;
	uint64_t last = judge->whole.next_frame - 1;

	judge->verdict->committed_missing = !judge->told;
	if (!judge->told)
		return true;
	if (committed->frame > last)
		return tampered_or(judge, "frames that had been committed are gone");
	if (judge->live)
		return true;
	if (last > 0 && memcmp(committed->trail_id, judge->whole.trail_id, TRAIL_ID_BYTES) != 0)
		return tampered_or(judge, "`committed` is of another trail");
	if (committed->frame == last &&
	    (memcmp(committed->hash, judge->whole.hash, TRAIL_HASH_BYTES) != 0 ||
	     committed->event != judge->whole.next_event - 1))
		return tampered_or(judge, "`committed` names another frame than the last one");
	return true;
}

/* What was known from elsewhere must be there. Returns false with a verdict of tampering. */
static bool judge_anchors(struct trail_judge *judge)
{
	uint64_t last = judge->whole.next_frame - 1;

	for (size_t i = 0; i < judge->options->anchor_count; i++) {
		const struct trail_anchor *anchor = &judge->anchors[i];

		if (last > 0 && !trail_anchor_is_of(anchor, judge->whole.trail_id)) {
			if (judge->options->others_expected)
				continue;
			return tampered_or(judge, "an anchor is of another trail");
		}
		if (anchor->frame > last)
			return tampered_or(judge, "the frame that an anchor names is gone");
		if (anchor->last && anchor->frame < last)
			return tampered_or(judge, "there are frames behind the one that was the "
						  "last by an anchor");
		judge->end_anchored |= anchor->last;
	}
	return true;
}

/*
 * Payloads are gone where a signed note says so, and they were due: by the note's clock, which who
 * has the key may set forward, and by ours. Returns false with a verdict of tampering.
 */
static bool judge_gone(struct trail_judge *judge)
{
	uint64_t now_ns = clock_wall_ns();

	for (unsigned int class = 0; class < TRAIL_CLASSES; class ++) {
		const struct trail_gone *gone = &judge->whole.gone[class];

		if (gone->frames == 0)
			continue;
		if (gone->last_frame >= gone->before_frame)
			trail_judge_conclude(judge, TRAIL_TAMPERED,
					     "the payload of frame %" PRIu64
					     " is gone, and no signed note says why",
					     gone->last_frame);
		else if (gone->due_ns > gone->noted_ns || gone->due_ns > now_ns)
			trail_judge_conclude(judge, TRAIL_TAMPERED,
					     "payloads up to frame %" PRIu64
					     " were dropped before their time",
					     gone->last_frame);
		else
			continue;
		return false;
	}
	return true;
}

/* Two good slots that no commit can have left: one trail, and the second a commit ahead of the
 * first. */
static bool keys_agree(const struct trail_judge *judge)
{
	const struct trail_key *older = judge->older, *newer = judge->newer;

	return !newer ||
	       (memcmp(older->trail_id, newer->trail_id, TRAIL_ID_BYTES) == 0 &&
		newer->frame > older->frame && newer->frame - older->frame <= TRAIL_COMMIT_MOST);
}

/* The end of a log that no one is writing, by the table in docs/trail-format.md. */
static bool judge_end(struct trail_judge *judge)
{
	const struct trail_key *older = judge->older, *newer = judge->newer;
	uint64_t next = judge->whole.next_frame;
	bool last = judge->segment + 1 >= judge->segment_count;

	if (!keys_agree(judge))
		return tampered_or(judge, "the two key slots contradict each other");
	if (newer && next == older->frame && follows(judge, older) && last && !judge->misplaced) {
		judge->verdict->in_flight = true;
		judge->verdict->torn_bytes = judge->rest_bytes;
		return judge->verdict->end_proven = true;
	}
	if (next < older->frame)
		return tampered_or(judge, "the log ends before the frame that the key follows on: "
					  "its tail was cut off");
	if (newer && next < newer->frame)
		return tampered_or(judge, "the key state and the log contradict each other");
	if (judge->broken || !last)
		return tampered_or(judge, "there are segments behind the end");
	if (next > (newer ?: older)->frame) {
		trail_judge_conclude(judge, TRAIL_UNPROVEN_END,
				     "the key state is older than the log");
		return true;
	}
	if (!follows(judge, newer ?: older))
		return tampered_or(judge, "the key is not the one that the last frame names");
	if (judge->rest_bytes > 0)
		return tampered_or(judge, "there are bytes behind the proven end of the log");
	judge->verdict->in_flight = newer;
	return judge->verdict->end_proven = true;
}

static bool judge_live_end(struct trail_judge *judge)
{
	if (!keys_agree(judge))
		return tampered_or(judge, "the two key slots contradict each other");
	if (judge->broken || judge->whole.next_frame < judge->older->frame)
		return tampered_or(judge, "frames before the recorder's key are gone");
	if (!follows(judge, judge->older))
		return tampered_or(judge, "the key is not the one that the last frame names");
	return judge->verdict->end_proven = true;
}

/* Without a key nothing proves the end; what is broken before it is broken all the same. */
static bool judge_without_key(struct trail_judge *judge)
{
	bool last = judge->segment + 1 >= judge->segment_count;
	bool torn = judge->told ? judge->whole.next_frame > judge->committed.frame
				: judge->broken == -ENODATA;

	if (judge->misplaced || (judge->broken && !(last && torn && !(judge->live && judge->told))))
		return tampered_or(judge, "");
	judge->verdict->torn_bytes = judge->live ? 0 : judge->rest_bytes;
	if (judge->end_anchored) {
		judge->verdict->in_flight = judge->rest_bytes > 0;
		return judge->verdict->end_proven = true;
	}
	trail_judge_conclude(judge, TRAIL_UNPROVEN_END,
			     "%s: that nothing was cut off the end is not shown", judge->no_keys);
	return true;
}

static void judge_gaps(struct trail_judge *judge)
{
	struct trail_verdict *verdict = judge->verdict;
	const struct trail_gaps *gaps = &verdict->gaps;

	verdict->ended_without_stop = !judge->live && verdict->frames > 0 &&
				      !(judge->whole.commit_types & 1u << TRAIL_STOP);
	if (verdict->code != TRAIL_VALID)
		return;
	if (verdict->frames > 0 && verdict->skipped_frames == verdict->frames)
		trail_judge_conclude(judge, TRAIL_UNPROVEN_END,
				     "no frame was made since then: no payload was looked at");
	else if (verdict->in_flight)
		trail_judge_conclude(
			judge, TRAIL_VALID_WITH_GAPS,
			"the recorder ended within a commit, which had not been acknowledged");
	else if (verdict->ended_without_stop)
		trail_judge_conclude(judge, TRAIL_VALID_WITH_GAPS,
				     "the recorder ended without a STOP");
	else if (gaps->losses || gaps->recoveries || gaps->degraded || gaps->clock_steps ||
		 gaps->new_chains)
		trail_judge_conclude(judge, TRAIL_VALID_WITH_GAPS,
				     "signed notes: %" PRIu64 " of loss, %" PRIu64
				     " of recovery, %" PRIu64 " of degraded hooks, %" PRIu64
				     " of a clock step, %" PRIu64 " of a trail before this one",
				     gaps->losses, gaps->recoveries, gaps->degraded,
				     gaps->clock_steps, gaps->new_chains);
	else if (verdict->committed_missing)
		trail_judge_conclude(judge, TRAIL_VALID_WITH_GAPS,
				     "`committed` is missing or damaged");
	else if (verdict->gone[TRAIL_ROUTINE].frames || verdict->gone[TRAIL_EVIDENCE].frames)
		trail_judge_conclude(judge, TRAIL_VALID_WITH_GAPS,
				     verdict->excerpt ? "an excerpt: payloads were left out"
						      : "payloads were dropped by policy, as "
							"signed notes say");
}

int trail_judge(struct trail_judge *judge)
{
	bool decided;

	judge->verdict->reason[0] = judge->broken ? judge->verdict->reason[0] : '\0';
	if (judge->older && judge->segment_count > 0 && judge->whole.next_frame > 1 &&
	    memcmp(judge->older->trail_id, judge->whole.trail_id, TRAIL_ID_BYTES) != 0) {
		judge->older = judge->newer = NULL;
		judge->no_keys = "the key state is of another trail";
	}
	judge->verdict->excerpt = judge->options->excerpt;
	if (!judge->options->excerpt && !judge_gone(judge))
		return judge->live;
	if (!judge_committed(judge) || !judge_anchors(judge))
		return 0;
	if (!judge->older)
		decided = judge_without_key(judge);
	else
		decided = judge->live ? judge_live_end(judge) : judge_end(judge);
	if (decided && judge->verdict->code != TRAIL_TAMPERED) {
		/* What is torn is not bad: it was never part of the log. */
		judge->verdict->bad_frame = 0;
		judge->verdict->bad_offset = 0;
		judge->verdict->bad_segment[0] = '\0';
		if (judge->verdict->code == TRAIL_VALID)
			judge->verdict->reason[0] = '\0';
		judge_gaps(judge);
	}
	return 0;
}
