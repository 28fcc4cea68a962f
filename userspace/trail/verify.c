// SPDX-License-Identifier: Apache-2.0
#include "trail/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ahead.h"
#include "base/cleanup.h"
#include "trail/ahead.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/judge.h"
#include "trail/sign.h"

/* Of a smaller trail a thread costs more than it saves. */
#define WORTH_THREADS (1u << 20)

const char *trail_verdict_name(enum trail_verdict_code code)
{
	static const char *const names[] = { "VALID", "VALID-WITH-GAPS", "UNPROVEN-END", "TAMPERED",
					     "UNREADABLE" };

	return names[code];
}

/* ---- what there is beside the log ---- */

static const char *read_keys(struct trail_judge *judge)
{
	_cleanup_close_ int state = -1, file = -1;
	int older = -1, newer = -1;

	if (judge->options->ignore_state)
		return "the key state was not looked at";
	state = judge->options->state
			? trail_io_open_folder(AT_FDCWD, judge->options->state, false, 0)
			: trail_io_open_folder(judge->folder, TRAIL_STATE_FOLDER, false, 0);
	if (state >= 0)
		file = trail_io_open(state, TRAIL_KEY_FILE, O_RDONLY, 0);
	if (state == -EACCES || file == -EACCES)
		return "the key state may not be read by this user";
	if (state < 0 || file < 0)
		return "there is no key state";
	/* A recorder at work may be changing both while they are read. */
	for (int attempt = 0; older < 0 && attempt < 16; attempt++) {
		if (trail_key_read(file, &judge->keys) < 0)
			return "the key state cannot be read";
		trail_key_order(&judge->keys, &older, &newer);
	}
	/* Only the public halves are needed here. */
	for (int slot = 0; slot < TRAIL_SLOTS; slot++)
		trail_wipe(judge->keys.key[slot].seed, TRAIL_KEY_BYTES);
	if (older < 0)
		return "the key state holds no good key";
	judge->older = &judge->keys.key[older];
	judge->newer = newer >= 0 ? &judge->keys.key[newer] : NULL;
	return NULL;
}

/* Returns false when the verdict is already there. */
static bool read_root(struct trail_judge *judge)
{
	uint8_t *root = judge->verdict->root, own[TRAIL_KEY_BYTES];
	int r = trail_root_read(judge->folder, own);

	if (judge->options->root) {
		memcpy(root, judge->options->root, TRAIL_KEY_BYTES);
		judge->verdict->root_given = true;
		if (r == 0 && memcmp(root, own, sizeof(own)) != 0) {
			trail_judge_conclude(
				judge, TRAIL_TAMPERED,
				"the root key that was given is not the one in root.pub");
			return false;
		}
		return true;
	}
	if (r == -EBADMSG)
		trail_judge_conclude(judge, TRAIL_TAMPERED, "root.pub is not a key");
	else if (r < 0)
		trail_judge_conclude(judge, TRAIL_UNREADABLE, "root.pub: %s", strerror(-r));
	else
		memcpy(root, own, sizeof(own));
	return r == 0;
}

/* ---- the walk ---- */

/* Whether the next frame is one that the recorder may still be writing. */
static bool in_progress(const struct trail_judge *judge)
{
	if (!judge->live)
		return false;
	if (judge->older)
		return judge->chain.next_frame >= judge->older->frame;
	return judge->told && judge->chain.next_frame > judge->committed.frame;
}

static void remember_whole(struct trail_judge *judge, uint64_t end_offset)
{
	judge->whole = judge->chain;
	judge->whole.commit_bits = NULL;
	judge->whole.totals = (struct trail_totals){};
	judge->end_offset = end_offset;
}

static void set_bad(struct trail_judge *judge, uint64_t offset, const char *reason)
{
	struct trail_verdict *verdict = judge->verdict;

	verdict->bad_frame = judge->chain.next_frame;
	verdict->bad_offset = offset;
	trail_segment_name(judge->segments[judge->segment], verdict->bad_segment);
	snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
}

static const char *read_error_text(int r)
{
	switch (r) {
	case -ENODATA:
		return "the file ends within a frame";
	case -EBADMSG:
		return "what stands here is not a frame";
	case -EPROTONOSUPPORT:
		return "the frame is of another version of the format";
	default:
		return strerror(-r);
	}
}

static void tell_progress(struct trail_judge *judge, uint64_t bytes)
{
	uint64_t before = judge->done_bytes;

	judge->done_bytes += bytes;
	/* Once a mebibyte is enough. */
	if (judge->options->progress && before >> 20 != judge->done_bytes >> 20)
		judge->options->progress(judge->options->context, judge->done_bytes,
					 judge->all_bytes);
}

static int by_frame(const void *a, const void *b)
{
	const struct trail_anchor *left = a, *right = b;

	return left->frame < right->frame ? -1 : left->frame > right->frame;
}

/* There may be a year's of them. */
static int sort_anchors(struct trail_judge *judge)
{
	size_t count = judge->options->anchor_count;

	judge->anchors = calloc(count + 1, sizeof(*judge->anchors));
	if (!judge->anchors)
		return -ENOMEM;
	if (count > 0)
		memcpy(judge->anchors, judge->options->anchors, count * sizeof(*judge->anchors));
	qsort(judge->anchors, count, sizeof(*judge->anchors), by_frame);
	return 0;
}

/* The frame just checked against what is known of it from elsewhere. */
static bool fits_anchors(struct trail_judge *judge, uint64_t offset)
{
	uint64_t frame = judge->chain.next_frame - 1;

	for (; judge->anchor_at < judge->options->anchor_count; judge->anchor_at++) {
		const struct trail_anchor *anchor = &judge->anchors[judge->anchor_at];

		if (anchor->frame > frame)
			break;
		if (anchor->frame < frame || !trail_anchor_is_of(anchor, judge->chain.trail_id))
			continue;
		if (memcmp(anchor->hash, judge->chain.hash, sizeof(anchor->hash)) != 0) {
			set_bad(judge, offset, "the frame is not the one that an anchor names");
			judge->verdict->bad_frame = frame;
			return false;
		}
		judge->verdict->anchored_frame = frame;
	}
	return true;
}

/* Returns 0 at the segment's end or what is in progress, with judge->broken or otherwise; -errno.
 */
static int walk_segment(struct trail_judge *judge, struct trail_segment *segment)
{
	uint64_t offset = 0;

	remember_whole(judge, 0);
	trail_chain_begin_segment(&judge->chain);
	trail_ahead_begin(judge->ahead, segment, judge->chain.next_key);
	for (;;) {
		const struct trail_frame *frame;
		const struct trail_look *look;
		const char *reason = NULL;
		int r;

		if (in_progress(judge)) {
			judge->over = true;
			break;
		}
		r = trail_ahead_next(judge->ahead, &frame, &look);
		if (r == 0)
			break;
		if (r > 0)
			r = trail_chain_check(&judge->chain, frame, look, &reason);
		if (r < 0) {
			set_bad(judge, offset, reason ?: read_error_text(r));
			if (r != -EBADMSG && r != -ENODATA)
				return r;
			judge->broken = r;
			break;
		}
		if (!fits_anchors(judge, offset)) {
			judge->broken = -EBADMSG;
			break;
		}
		offset = frame->end_offset;
		tell_progress(judge, offset - frame->offset);
		if (judge->chain.commit_left == 0)
			remember_whole(judge, offset);
	}
	/* A commit of which only the first frame is there is no commit. */
	if (!judge->broken && judge->chain.commit_left > 0) {
		set_bad(judge, offset, "the log ends within a commit");
		judge->broken = -ENODATA;
	}
	judge->rest_bytes = segment->limit - judge->end_offset;
	return 0;
}

static int open_and_walk(struct trail_judge *judge)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct trail_segment segment;
	int r;

	if (judge->segments[judge->segment] != judge->chain.next_frame) {
		set_bad(judge, 0, "a segment is missing before this one, or does not belong here");
		judge->broken = -EBADMSG;
		judge->misplaced = true;
		return 0;
	}
	trail_segment_name(judge->segments[judge->segment], name);
	r = trail_segment_open(judge->folder, name, &segment);
	if (r == 0) {
		r = walk_segment(judge, &segment);
		trail_ahead_stop(judge->ahead);
	} else
		set_bad(judge, 0, strerror(-r));
	trail_segment_close(&segment);
	return r;
}

/* All segments, up to what is bad or in progress. Returns 0 or -errno. */
static int walk(struct trail_judge *judge)
{
	remember_whole(judge, 0);
	for (; judge->segment < judge->segment_count; judge->segment++) {
		bool last = judge->segment + 1 == judge->segment_count;
		int r = open_and_walk(judge);

		if (r < 0)
			return r;
		judge->verdict->segments++;
		if (judge->broken || judge->over || last)
			return 0;
	}
	return 0;
}

static void fill_sums(struct trail_judge *judge)
{
	struct trail_verdict *verdict = judge->verdict;
	const struct trail_chain *whole = &judge->whole;

	verdict->live = judge->live;
	verdict->frames = whole->next_frame - 1;
	verdict->events = whole->events;
	verdict->raw_bytes = whole->raw_bytes;
	verdict->stored_bytes = whole->stored_bytes;
	verdict->good_frame = whole->next_frame - 1;
	verdict->good_event = whole->next_event - 1;
	verdict->good_wall_ns = whole->last_wall_ns;
	verdict->skipped_frames = whole->skipped_frames;
	verdict->gaps = whole->gaps;
	memcpy(verdict->gone, whole->gone, sizeof(verdict->gone));
	verdict->old = whole->old;
	memcpy(verdict->good_hash, whole->hash, sizeof(verdict->good_hash));
	memcpy(verdict->trail_id, whole->trail_id, sizeof(verdict->trail_id));
}

/* What there is to read: for progress, and whether more threads are worth it. */
static void measure(struct trail_judge *judge)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	struct stat status;

	for (size_t i = 0; i < judge->segment_count; i++) {
		trail_segment_name(judge->segments[i], name);
		if (fstatat(judge->folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			judge->all_bytes += (uint64_t)status.st_size;
	}
}

static unsigned int threads_beside(const struct trail_judge *judge)
{
	if (judge->options->threads)
		return judge->options->threads - 1;
	return judge->all_bytes < WORTH_THREADS ? 0 : ahead_threads();
}

static int judge_folder(struct trail_judge *judge)
{
	bool false_segment;
	int r;

	r = trail_segment_list(judge->folder, &judge->segments, &judge->segment_count,
			       &false_segment);
	if (r < 0) {
		trail_judge_conclude(judge, TRAIL_UNREADABLE, "%s", strerror(-r));
		return r;
	}
	if (false_segment) {
		trail_judge_conclude(judge, TRAIL_TAMPERED,
				     "a file is called like a segment, and can be none");
		return 0;
	}
	if (judge->segment_count == 0) {
		if (judge->older && judge->older->frame > 1)
			trail_judge_conclude(judge, TRAIL_TAMPERED,
					     "the key follows on frames that are gone");
		else if (judge->options->anchor_count > 0)
			trail_judge_conclude(judge, TRAIL_TAMPERED,
					     "the frame that an anchor names is gone");
		else
			trail_judge_conclude(judge, TRAIL_UNREADABLE, "there is no segment here");
		return 0;
	}
	if (!read_root(judge))
		return 0;
	measure(judge);
	r = trail_chain_begin(&judge->chain, judge->verdict->root);
	if (r == 0)
		r = trail_ahead_new(threads_beside(judge), judge->options->since_ns, &judge->ahead);
	if (r == 0)
		r = walk(judge);
	fill_sums(judge);
	if (r < 0)
		judge->verdict->code = TRAIL_UNREADABLE;
	else
		r = trail_judge(judge);
	return r;
}

static int judge_once(const char *path, const struct trail_verify_options *options,
		      struct trail_verdict *ret_verdict)
{
	_cleanup_close_ int folder = trail_io_open_folder(AT_FDCWD, path, false, 0);
	struct trail_judge judge = { .options = options, .folder = folder, .verdict = ret_verdict };
	int r;

	*ret_verdict = (struct trail_verdict){};
	if (folder < 0) {
		trail_judge_conclude(&judge, TRAIL_UNREADABLE, "%s", strerror(-folder));
		return folder;
	}
	/* In this order: whatever the recorder does meanwhile, what `committed` says comes before
	 * these keys, and frames before these keys are there. */
	judge.live = !options->at_rest && trail_is_live(folder) > 0;
	judge.told = trail_committed_read(folder, &judge.committed) == 0;
	judge.no_keys = read_keys(&judge);
	r = sort_anchors(&judge);
	if (r == 0)
		r = judge_folder(&judge);
	trail_ahead_free(judge.ahead);
	trail_chain_end(&judge.chain);
	free(judge.segments);
	free(judge.anchors);
	trail_key_state_clear(&judge.keys);
	/* A recorder that started meanwhile made of a log at rest one in motion. */
	if (r >= 0 && !judge.live && !options->at_rest && trail_is_live(folder) > 0)
		return 1;
	return r;
}

int trail_verify(const char *folder, const struct trail_verify_options *options,
		 struct trail_verdict *ret_verdict)
{
	static const struct trail_verify_options none;
	struct trail_verdict verdict;
	int r = 1;

	for (int attempt = 0; r > 0 && attempt < 3; attempt++)
		r = judge_once(folder, options ?: &none, &verdict);
	if (r == -ENOMEM)
		return r;
	*ret_verdict = verdict;
	return 0;
}
