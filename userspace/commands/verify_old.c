// SPDX-License-Identifier: Apache-2.0
#include "commands/verify_old.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hex.h"
#include "trail/folder.h"
#include "trail/io.h"

/* Whether the folder is called after this trail: see trail/old.h. */
static bool is_called(const char *name, const uint8_t *trail_id)
{
	const char *digits = strchr(name, '-');
	char id[17];

	hex_put(id, trail_id, 8);
	return digits && strcmp(digits + 1, id) == 0;
}

static void set_anchor(struct trail_anchor *anchor, const struct trail_old_head *quoted,
		       uint64_t frame, const uint8_t *hash)
{
	*anchor = (struct trail_anchor){ .frame = frame };
	memcpy(anchor->trail_id, quoted->trail_id, TRAIL_ID_BYTES);
	memcpy(anchor->hash, hash, TRAIL_HASH_BYTES);
}

/*
 * What the log came to, and up to where its key said that it went; then those that were given. Of a
 * trail that another machine could have gone on with, and did not, that was the last frame: its key
 * was erased then. For every other reason something is behind it, or may be.
 */
static size_t collect_anchors(const struct trail_old_head *quoted,
			      const struct trail_verify_options *how, struct trail_anchor *anchors)
{
	size_t count = 0;

	if (quoted->frame)
		set_anchor(&anchors[count++], quoted, quoted->frame, quoted->hash);
	if (quoted->key_frame)
		set_anchor(&anchors[count++], quoted, quoted->key_frame, quoted->key_hash);
	if (count == 2)
		anchors[1].last = quoted->reason == TRAIL_DAMAGE_MACHINE &&
				  quoted->key_frame == quoted->frame;
	for (size_t i = 0; i < how->anchor_count; i++)
		if (memcmp(how->anchors[i].trail_id, quoted->trail_id, TRAIL_ID_BYTES) == 0)
			anchors[count++] = how->anchors[i];
	return count;
}

static int verify_one(const char *trail, const struct trail_verify_options *how,
		      struct verify_old *old)
{
	_cleanup_free_ struct trail_anchor *anchors =
		calloc(how->anchor_count + 2, sizeof(*anchors));
	struct trail_verify_options options = { .ignore_state = true,
						.at_rest = true,
						.anchors = anchors,
						.progress = how->progress,
						.context = how->context };
	_cleanup_free_ char *path = NULL;
	int r;

	if (!anchors || asprintf(&path, "%s/%s", trail, old->folder) < 0)
		return -ENOMEM;
	options.anchor_count = collect_anchors(&old->quoted, how, anchors);
	r = trail_verify(path, &options, &old->verdict);
	if (r == 0 && options.anchor_count == 0 && old->verdict.frames > 0) {
		old->verdict.code = TRAIL_TAMPERED;
		snprintf(old->verdict.reason, sizeof(old->verdict.reason),
			 "its successor found no frame in it");
	}
	return r;
}

static bool is_quoted(const struct verify_olds *olds, const uint8_t *trail_id)
{
	for (size_t i = 0; i < olds->count; i++)
		if (memcmp(trail_id, olds->items[i].quoted.trail_id, TRAIL_ID_BYTES) == 0)
			return true;
	return false;
}

int verify_old(const char *trail, const struct trail_verdict *successor,
	       const struct trail_verify_options *how, struct verify_olds *ret_olds)
{
	_cleanup_close_ int folder = trail_io_open_folder(AT_FDCWD, trail, false, 0);
	_cleanup_free_ char(*names)[TRAIL_OLD_NAME_BYTES] = NULL;
	_cleanup_free_ struct verify_old *all = NULL;
	struct trail_old_head quoted = successor->old;
	struct verify_olds olds = {};
	size_t names_count, at = 0;
	int r = folder < 0 ? folder : trail_old_list(folder, &names, &names_count);

	if (r == -ENOMEM)
		return r;
	/* What cannot be read is not there. */
	if (r < 0)
		names_count = 0;
	all = calloc(names_count + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	while (quoted.reason && olds.count <= names_count) {
		struct verify_old *old = &all[olds.count++];

		old->quoted = quoted;
		while (at < names_count && !is_called(names[at], quoted.trail_id))
			at++;
		if (at == names_count)
			break;
		snprintf(old->folder, sizeof(old->folder), TRAIL_OLD_FOLDER "/%s", names[at++]);
		r = verify_one(trail, how, old);
		if (r < 0)
			return r;
		quoted = old->verdict.old;
	}
	olds.items = TAKE_PTR(all);
	for (size_t i = 0; i < how->anchor_count; i++)
		olds.unused_anchors += memcmp(how->anchors[i].trail_id, successor->trail_id,
					      TRAIL_ID_BYTES) != 0 &&
				       !is_quoted(&olds, how->anchors[i].trail_id);
	*ret_olds = olds;
	return 0;
}
