// SPDX-License-Identifier: Apache-2.0
#include "trail/chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trail/sign.h"
#include "trail/summary.h"

int trail_chain_begin(struct trail_chain *chain, const uint8_t *root)
{
	*chain = (struct trail_chain){ .next_frame = 1,
				       .next_event = 1,
				       .retention.floor_ns = { TRAIL_NEVER, TRAIL_NEVER } };
	memcpy(chain->next_key, root, sizeof(chain->next_key));
	return trail_random(&chain->seed, sizeof(chain->seed));
}

void trail_chain_end(struct trail_chain *chain)
{
	free(chain->commit_bits);
	chain->commit_bits = NULL;
	trail_totals_free(&chain->totals);
}

void trail_chain_begin_segment(struct trail_chain *chain)
{
	chain->at_segment_begin = true;
}

static int bad(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return -EBADMSG;
}

/* The header against the frame before and the commit's other frames. */
static int check_place(const struct trail_chain *chain, const struct trail_header *header,
		       const char **ret_reason)
{
	if (header->frame != chain->next_frame)
		return bad(ret_reason, "another frame number belongs here: frames are missing, "
				       "doubled or reordered");
	if (header->frame > 1 &&
	    memcmp(header->trail_id, chain->trail_id, sizeof(chain->trail_id)) != 0)
		return bad(ret_reason, "the frame is of another trail");
	if (memcmp(header->previous_hash, chain->hash, sizeof(chain->hash)) != 0)
		return bad(ret_reason, "the frame does not continue the one before");
	if (chain->commit_left == 0)
		return header->commit_index == 0 && header->commit_first_event == chain->next_event
			       ? 0
			       : bad(ret_reason, "event numbers are missing before this frame");
	if (header->commit_frames != chain->commit_frames ||
	    header->commit_index != chain->commit_frames - chain->commit_left ||
	    header->commit_first_event != chain->commit_first_event ||
	    header->commit_event_count != chain->commit_event_count)
		return bad(ret_reason, "the frames of one commit contradict each other");
	return 0;
}

static int begin_commit(struct trail_chain *chain, const struct trail_header *header,
			const char **ret_reason)
{
	if (header->commit_event_count > (uint64_t)TRAIL_COMMIT_MOST * TRAIL_RAW_MOST)
		return bad(ret_reason, "a commit claims more events than it can hold");
	free(chain->commit_bits);
	chain->commit_bits = NULL;
	if (header->commit_frames > 1) {
		chain->commit_bits = calloc(1, header->commit_event_count / 8 + 1);
		if (!chain->commit_bits)
			return -ENOMEM;
	}
	chain->commit_frames = header->commit_frames;
	chain->commit_left = header->commit_frames;
	chain->commit_first_event = header->commit_first_event;
	chain->commit_event_count = header->commit_event_count;
	chain->commit_seen = 0;
	chain->commit_types = 0;
	return 0;
}

/* No number stands in two frames of the commit. */
static int check_numbers(struct trail_chain *chain, const struct buffer *numbers,
			 const char **ret_reason)
{
	const uint64_t *number = (const uint64_t *)(const void *)numbers->data;

	for (size_t i = 0; chain->commit_bits && i < numbers->length / sizeof(*number); i++) {
		uint64_t bit = number[i] - chain->commit_first_event;

		if (chain->commit_bits[bit / 8] & 1u << bit % 8)
			return bad(ret_reason,
				   "the numbers of the events are not those of the header");
		chain->commit_bits[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
	return 0;
}

static void count_gap(struct trail_gaps *gaps, const struct trail_summary_count *item)
{
	if (strcmp(item->value, "recorder-loss") == 0)
		gaps->losses += item->count;
	else if (strcmp(item->value, "recorder-recovery") == 0)
		gaps->recoveries += item->count;
	else if (strcmp(item->value, "recorder-degraded") == 0)
		gaps->degraded += item->count;
	else if (strcmp(item->value, "clock-step") == 0)
		gaps->clock_steps += item->count;
	else if (strcmp(item->value, "recorder-newchain") == 0)
		gaps->new_chains += item->count;
}

/* It can be read to its end, and its kinds add up to the events. */
static int check_summary(const struct trail_header *header, struct trail_gaps *gaps)
{
	struct trail_gaps found = {};
	struct trail_summary_element list;
	struct trail_summary_count item;
	uint64_t kinds = 0;
	size_t at = 0;
	int r;

	while ((r = trail_summary_next(header->summary, header->summary_length, &at, &list)) > 0) {
		size_t in_list = 0;

		if (!trail_summary_is_list(list.tag))
			continue;
		while ((r = trail_summary_next_count(&list, &in_list, &item)) > 0) {
			if (list.tag != TRAIL_TAG_KIND)
				continue;
			kinds += item.count;
			count_gap(&found, &item);
		}
		if (r < 0)
			return r;
	}
	if (r < 0 || kinds != header->event_count)
		return -EBADMSG;
	/* The types are a second witness, should a caller name its kinds otherwise. */
	gaps->losses += found.losses ?: !!(header->types & 1u << TRAIL_LOSS);
	gaps->recoveries += found.recoveries ?: !!(header->types & 1u << TRAIL_RECOVERY);
	gaps->degraded += found.degraded;
	gaps->clock_steps += found.clock_steps;
	gaps->new_chains += found.new_chains ?: !!(header->types & 1u << TRAIL_NEWCHAIN);
	return 0;
}

static int end_frame(struct trail_chain *chain, const struct trail_frame *frame,
		     const char **ret_reason)
{
	const struct trail_header *header = &frame->header;

	chain->commit_seen += header->event_count;
	chain->commit_types |= header->types;
	if (--chain->commit_left == 0) {
		if (chain->commit_seen != chain->commit_event_count)
			return bad(ret_reason, "the commit has not as many events as it says");
		chain->next_event = chain->commit_first_event + chain->commit_event_count;
	}
	memcpy(chain->next_key, frame->seal.next_public_key, sizeof(chain->next_key));
	chain->next_frame++;
	chain->events += header->event_count;
	chain->raw_bytes += header->raw_length;
	chain->stored_bytes += frame->end_offset - frame->offset;
	chain->last_wall_ns = header->wall_ns;
	return 0;
}

/* What it tells of the segment before; and what will be told of this one. */
static int check_totals(struct trail_chain *chain, const struct trail_header *header,
			const char **ret_reason)
{
	int r;

	if (chain->at_segment_begin) {
		if (trail_totals_check(&chain->totals, header) < 0)
			return bad(ret_reason,
				   "what it tells of the segment before is not what that came to");
		trail_totals_clear(&chain->totals, chain->seed);
		chain->at_segment_begin = false;
	}
	r = trail_totals_add(&chain->totals, header);
	return r == -EBADMSG ? bad(ret_reason, "the summary is not one of this payload") : r;
}

/* Whether it might be gone is known when the note is read, which stands in a later frame. */
static void count_gone(struct trail_chain *chain, const struct trail_header *header)
{
	struct trail_gone *gone = &chain->gone[header->class];
	uint64_t due_ns = trail_retention_due(&chain->retention, header);

	gone->frames++;
	gone->events += header->event_count;
	gone->last_frame = header->frame;
	gone->last_wall_ns = header->wall_ns;
	gone->due_ns = due_ns > gone->due_ns ? due_ns : gone->due_ns;
}

/* What is said of how long payloads are kept, and of those that are gone. */
static int note_retention(struct trail_chain *chain, const struct trail_frame *frame,
			  const char **ret_reason)
{
	const struct trail_header *header = &frame->header;
	struct trail_pruned pruned;
	int r = trail_retention_decode(header, &chain->retention);

	if (frame->seal.stored_kind == TRAIL_STORED_PRUNED)
		count_gone(chain, header);
	if (r == 0 || r == -ENOENT)
		r = trail_pruned_decode(header, &pruned);
	if (r == -EBADMSG)
		return bad(ret_reason, "what it says of payloads that are gone is not whole");
	for (unsigned int class = 0; r == 0 && class < TRAIL_CLASSES; class ++)
		if (chain->gone[class].before_frame <= pruned.before_frame[class] &&
		    pruned.before_frame[class] <= header->frame) {
			chain->gone[class].before_frame = pruned.before_frame[class];
			chain->gone[class].noted_ns = header->wall_ns;
		}
	return 0;
}

int trail_chain_check(struct trail_chain *chain, const struct trail_frame *frame,
		      const struct trail_look *look, const char **ret_reason)
{
	const struct trail_header *header = &frame->header;
	struct trail_gaps gaps = chain->gaps;
	int r;

	r = check_place(chain, header, ret_reason);
	if (r == 0 && look->error < 0) {
		*ret_reason = look->reason;
		r = look->error;
	}
	if (r == 0 && chain->commit_left == 0)
		r = begin_commit(chain, header, ret_reason);
	if (r < 0)
		return r;
	if (header->frame == 1)
		memcpy(chain->trail_id, header->trail_id, sizeof(chain->trail_id));
	chain->skipped_frames += look->skipped;
	r = check_numbers(chain, &look->numbers, ret_reason);
	if (r == 0)
		r = note_retention(chain, frame, ret_reason);
	if (r < 0)
		return r;
	if (check_summary(header, &gaps) < 0)
		return bad(ret_reason, "the summary is not one of this payload");
	if (header->frame == 1 &&
	    trail_old_decode(header->summary, header->summary_length, &chain->old) == -EBADMSG)
		return bad(ret_reason, "what it quotes of the chain before is not whole");
	r = check_totals(chain, header, ret_reason);
	if (r < 0)
		return r;
	memcpy(chain->hash, look->hash, sizeof(chain->hash));
	chain->gaps = gaps;
	return end_frame(chain, frame, ret_reason);
}
