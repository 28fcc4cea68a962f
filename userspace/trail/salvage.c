// SPDX-License-Identifier: Apache-2.0
#include "trail/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/sign.h"

struct place {
	size_t segment;
	uint64_t offset;
};

/* What the next frame of a run has to continue. */
struct tip {
	uint8_t trail_id[TRAIL_ID_BYTES], hash[TRAIL_HASH_BYTES], next_key[TRAIL_KEY_BYTES];
	uint64_t frame; /* the last one; 0: there is none yet, and any may be the first */
};

/* A run as it was found. */
struct found {
	struct place begin;
	struct tip tip;
	uint64_t first_frame;
	uint64_t anchored_frame; /* up to where an anchor proves it; 0: none does */
	bool from_root;
};

struct salvage {
	const struct trail_salvage_options *options;
	int folder;
	uint64_t *segments;
	size_t segment_count;
	struct trail_segment segment; /* the one that is open */
	size_t open;                  /* its index; segment_count: none */
	struct found *runs;
	unsigned int searches;      /* for the SEAL of a HEADER */
	size_t run_count, root_run; /* root_run: TRAIL_RUNS_MOST where there is none */
};

/* ---- one frame after the other, whatever stands between them */

static int open_segment(struct salvage *salvage, size_t at)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	int r;

	if (salvage->open == at)
		return 0;
	trail_segment_close(&salvage->segment);
	salvage->open = salvage->segment_count;
	trail_segment_name(salvage->segments[at], name);
	r = trail_segment_open(salvage->folder, name, &salvage->segment);
	if (r == 0)
		salvage->open = at;
	return r;
}

/*
 * A frame of which HEADER and SEAL are there, and between them what has lost its shape: the SEAL
 * says how long that was. Returns 1, 0 when it is none, -errno.
 */
static int read_around(struct salvage *salvage, uint64_t offset, struct trail_frame *ret_frame)
{
	const struct buffer *header = &salvage->segment.header;
	struct trail_frame frame = { .offset = offset };
	_cleanup_buffer_ struct buffer again = {};
	uint8_t seal[TRAIL_SEAL_BYTES];
	uint64_t at = offset + header->length;
	int r = buffer_reserve(&again, header->length + 1);

	if (r < 0)
		return r;
	/* What the segment read last may have been another one's; and false HEADERs are cheap. */
	if (header->length == 0 || salvage->searches == TRAIL_RUNS_MOST ||
	    trail_io_read(salvage->segment.fd, again.data, header->length, offset) !=
		    (ssize_t)header->length ||
	    memcmp(again.data, header->data, header->length) != 0 ||
	    trail_header_decode((const uint8_t *)header->data, header->length, &frame.header) < 0)
		return 0;
	salvage->searches++;
	frame.stored_offset = at;
	while ((r = trail_segment_find(&salvage->segment, TRAIL_MAGIC_SEAL, TRAIL_SEAL_MAGIC, &at,
				       frame.stored_offset + TRAIL_STORED_MOST)) > 0) {
		if (trail_io_read(salvage->segment.fd, seal, sizeof(seal), at) ==
			    (ssize_t)sizeof(seal) &&
		    trail_seal_decode(seal, sizeof(seal), &frame.seal) == 0 &&
		    frame.seal.stored_length == at - frame.stored_offset) {
			frame.stored_length = frame.seal.stored_length;
			frame.end_offset = at + sizeof(seal);
			*ret_frame = frame;
			return 1;
		}
		at++;
	}
	return r;
}

static bool says_nothing_of_the_disk(int r)
{
	return r == -EBADMSG || r == -ENODATA || r == -EPROTONOSUPPORT || r == -ELOOP ||
	       r == -EINVAL || r == -EISDIR || r == -ENXIO || r == -EIO;
}

/* The next frame from `*place` on, which is moved to its begin. 1, 0 at the end, -errno. */
static int next_frame(struct salvage *salvage, struct place *place, struct trail_frame *ret_frame)
{
	for (; place->segment < salvage->segment_count; place->segment++, place->offset = 0) {
		int r = open_segment(salvage, place->segment);

		while (r == 0) {
			r = trail_segment_frame(&salvage->segment, place->offset, ret_frame);
			if (r > 0)
				return 1;
			if (r == 0)
				break;
			if (!says_nothing_of_the_disk(r))
				return r;
			r = read_around(salvage, place->offset, ret_frame);
			if (r != 0)
				return r;
			place->offset++;
			r = trail_segment_find(&salvage->segment, TRAIL_MAGIC_HEADER,
					       TRAIL_HEADER_MAGIC, &place->offset, UINT64_MAX);
			if (r <= 0)
				break;
			r = 0;
		}
		if (r < 0 && !says_nothing_of_the_disk(r))
			return r;
	}
	return 0;
}

/* ---- runs */

static int check_signature(struct salvage *salvage, const struct trail_frame *frame,
			   const uint8_t *key)
{
	const struct buffer *bytes;
	int r = trail_segment_signed(&salvage->segment, frame, &bytes);

	return r < 0 ? r
		     : trail_check_signature(key, bytes->data, bytes->length,
					     frame->seal.signature);
}

/* Returns 1, 0, -errno. */
static int continues(struct salvage *salvage, const struct tip *tip,
		     const struct trail_frame *frame)
{
	const struct trail_header *header = &frame->header;
	int r;

	if (tip->frame == 0 || header->frame != tip->frame + 1 ||
	    memcmp(header->trail_id, tip->trail_id, sizeof(tip->trail_id)) != 0 ||
	    memcmp(header->previous_hash, tip->hash, sizeof(tip->hash)) != 0)
		return 0;
	r = check_signature(salvage, frame, tip->next_key);
	return r == -EBADMSG ? 0 : r < 0 ? r : 1;
}

static int move_tip(struct salvage *salvage, struct tip *tip, const struct trail_frame *frame)
{
	memcpy(tip->trail_id, frame->header.trail_id, sizeof(tip->trail_id));
	memcpy(tip->next_key, frame->seal.next_public_key, sizeof(tip->next_key));
	tip->frame = frame->header.frame;
	return trail_segment_hash(&salvage->segment, frame, tip->hash);
}

/* The one that the frame belongs to; NULL in `ret_run` where it begins one. */
static int find_run(struct salvage *salvage, const struct trail_frame *frame,
		    struct found **ret_run)
{
	size_t last = salvage->run_count - 1, root = salvage->root_run;
	int r = 0;

	*ret_run = NULL;
	if (salvage->run_count == 0)
		return 0;
	r = continues(salvage, &salvage->runs[last].tip, frame);
	if (r > 0)
		*ret_run = &salvage->runs[last];
	if (r != 0 || root >= last)
		return r < 0 ? r : 0;
	/* Something was put in between. */
	r = continues(salvage, &salvage->runs[root].tip, frame);
	if (r > 0)
		*ret_run = &salvage->runs[root];
	return r < 0 ? r : 0;
}

static int begin_run(struct salvage *salvage, const struct trail_frame *frame,
		     const struct place *place, struct found **ret_run)
{
	static const uint8_t none[TRAIL_HASH_BYTES];
	struct found *runs, *run;
	int r;

	if (salvage->run_count == TRAIL_RUNS_MOST)
		return -E2BIG;
	runs = reallocarray(salvage->runs, salvage->run_count + 1, sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	salvage->runs = runs;
	run = &runs[salvage->run_count++];
	*run = (struct found){ .begin = *place, .first_frame = frame->header.frame };
	*ret_run = run;
	if (frame->header.frame != 1 || !salvage->options->root ||
	    salvage->root_run < TRAIL_RUNS_MOST ||
	    memcmp(frame->header.previous_hash, none, sizeof(none)) != 0)
		return 0;
	r = check_signature(salvage, frame, salvage->options->root);
	run->from_root = r == 0;
	if (run->from_root)
		salvage->root_run = salvage->run_count - 1;
	return r == -EBADMSG ? 0 : r;
}

static void compare_anchors(const struct salvage *salvage, struct found *run)
{
	const struct tip *tip = &run->tip;

	for (size_t i = 0; i < salvage->options->anchor_count; i++) {
		const struct trail_anchor *anchor = &salvage->options->anchors[i];

		if (anchor->frame == tip->frame && trail_anchor_is_of(anchor, tip->trail_id) &&
		    memcmp(anchor->hash, tip->hash, sizeof(tip->hash)) == 0)
			run->anchored_frame = anchor->frame;
	}
}

static int find_runs(struct salvage *salvage)
{
	struct place place = {};
	struct trail_frame frame;
	struct found *run;
	int r;

	while ((r = next_frame(salvage, &place, &frame)) > 0) {
		r = find_run(salvage, &frame, &run);
		if (r == 0 && !run)
			r = begin_run(salvage, &frame, &place, &run);
		if (r == 0)
			r = move_tip(salvage, &run->tip, &frame);
		if (r < 0)
			return r;
		place.offset = frame.end_offset;
		compare_anchors(salvage, run);
	}
	return r;
}

/* ---- what they hold */

static int show_frame(struct salvage *salvage, const struct trail_frame *frame,
		      struct trail_run *told)
{
	uint8_t hash[TRAIL_HASH_BYTES];
	const char *data;
	size_t length;
	int r = trail_segment_payload(&salvage->segment, frame, &data, &length);

	/* The hash is what was signed; how it was compressed is nobody's business here. */
	if (r == 0)
		r = trail_hash(data, length, hash);
	if (r == 0 && memcmp(hash, frame->header.raw_hash, sizeof(hash)) != 0)
		r = -EBADMSG;
	if (r < 0) {
		told->lost_frames++;
		told->lost_events += frame->header.event_count;
		return says_nothing_of_the_disk(r) ? 0 : r;
	}
	told->events += frame->header.event_count;
	return salvage->options->payload(salvage->options->context, data, length);
}

static int show_run(struct salvage *salvage, const struct found *run)
{
	uint64_t last = run->from_root ? run->tip.frame : run->anchored_frame;
	struct trail_run told = { .first_frame = run->first_frame,
				  .last_frame = last ?: run->tip.frame,
				  .from_root = run->from_root,
				  .anchored = run->anchored_frame > 0 };
	struct place place = run->begin;
	struct trail_frame frame;
	struct tip tip = {};
	int r = 0;

	while (tip.frame < last && r == 0 && (r = next_frame(salvage, &place, &frame)) > 0) {
		/* What does not belong to it was found before, and is another run. */
		r = tip.frame == 0 ? 1 : continues(salvage, &tip, &frame);
		place.offset = frame.end_offset;
		if (r > 0) {
			r = move_tip(salvage, &tip, &frame);
			if (r == 0)
				r = show_frame(salvage, &frame, &told);
		}
	}
	if (r >= 0)
		r = salvage->options->run(salvage->options->context, &told);
	if (r < 0 || !last || last == run->tip.frame)
		return r;
	/* What stands behind the last frame that an anchor names. */
	told = (struct trail_run){ .first_frame = last + 1, .last_frame = run->tip.frame };
	return salvage->options->run(salvage->options->context, &told);
}

int trail_salvage(const char *folder, const struct trail_salvage_options *options)
{
	_cleanup_close_ int fd = trail_io_open_folder(AT_FDCWD, folder, false, 0);
	struct trail_salvage_options own = *options;
	struct salvage salvage = {
		.options = &own, .folder = fd, .segment.fd = -1, .root_run = TRAIL_RUNS_MOST
	};
	uint8_t root[TRAIL_KEY_BYTES];
	int r = fd;

	if (r >= 0)
		r = trail_segment_list(fd, &salvage.segments, &salvage.segment_count, NULL);
	if (r >= 0 && salvage.segment_count == 0)
		r = -ENOENT;
	if (r >= 0) {
		if (!own.root && trail_root_read(fd, root) == 0)
			own.root = root;
		salvage.open = salvage.segment_count;
		r = find_runs(&salvage);
	}
	for (size_t i = 0; r == 0 && i < salvage.run_count; i++)
		r = show_run(&salvage, &salvage.runs[i]);
	trail_segment_close(&salvage.segment);
	free(salvage.segments);
	free(salvage.runs);
	return r;
}
