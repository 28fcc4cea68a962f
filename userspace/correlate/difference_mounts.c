// SPDX-License-Identifier: Apache-2.0
/* Mounts of the host's sensitive files that nobody asked for; others are not shown. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "correlate/declare.h"
#include "correlate/difference_private.h"
#include "correlate/isolation.h"
#include "event/record.h"

static bool is_at_or_below(struct text path, struct text tree)
{
	return path.length >= tree.length && memcmp(path.data, tree.data, tree.length) == 0 &&
	       (path.length == tree.length || path.data[tree.length] == '/');
}

static struct text last_name(struct text path)
{
	const char *slash = path.length ? memrchr(path.data, '/', path.length) : NULL;

	return slash ? (struct text){ slash + 1, path.length - (size_t)(slash + 1 - path.data) }
		     : path;
}

static bool has_name(const char *path, struct text name)
{
	struct text last = last_name(text_of(path));

	return last.length > 0 && text_equal(last, name);
}

/* How a mount that was asked for explains one that is there. */
enum explanation {
	EXPLAINS_NOT,
	EXPLAINS_AT,
	EXPLAINS_BELOW,   /* it came along */
	EXPLAINS_BY_NAME, /* a link in the image leads its target elsewhere: only one is */
};

/* What is there and what was asked for: the same file of the host? */
enum likeness { LIKE_OTHER, LIKE_UNKNOWN, LIKE_SAME };

static enum likeness likeness(const char *path, const struct file_identity *asked,
			      struct text source)
{
	struct file_identity file = {};
	char shown[PATH_MAX];

	if (text_equal(text_of(path), source))
		return LIKE_SAME;
	if (!asked->inode || source.length >= sizeof(shown))
		return LIKE_UNKNOWN;
	memcpy(shown, source.data, source.length);
	shown[source.length] = '\0';
	/* Of a socket the source is no path of the host, but of its file system. */
	if (file_identify(shown, &file) < 0)
		return LIKE_UNKNOWN;
	return file.inode == asked->inode && file.device == asked->device ? LIKE_SAME : LIKE_OTHER;
}

/* What lies so far below what was asked for. */
static enum likeness likeness_below(const struct declared_path *declared, struct text below,
				    struct text source)
{
	struct file_identity file = {};
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s%.*s",
			      strcmp(declared->source, "/") == 0 ? "" : declared->source,
			      (int)below.length, below.data);

	if (length < 0 || (size_t)length >= sizeof(path))
		return LIKE_UNKNOWN;
	if (declared->file.inode)
		file_identify(path, &file);
	return likeness(path, &file, source);
}

/* A volume may be anything; what lies in it, where it is of the host itself (`found`: there). */
static enum explanation explains(const struct declared_path *declared, struct text where,
				 bool found, struct text source, struct text target)
{
	bool volume = declared->source[0] != '/',
	     sensitive = declare_is_sensitive(text_of(declared->source));
	enum likeness like;

	if (is_at_or_below(target, where)) {
		struct text below = { target.data + where.length, target.length - where.length };

		if (volume && below.length > 0 && !found)
			return EXPLAINS_NOT;
		like = volume             ? LIKE_SAME
		       : below.length > 0 ? likeness_below(declared, below, source)
					  : likeness(declared->source, &declared->file, source);
		if (like == LIKE_OTHER || (like == LIKE_UNKNOWN && !sensitive))
			return EXPLAINS_NOT;
		return below.length > 0 ? EXPLAINS_BELOW : EXPLAINS_AT;
	}
	if (volume)
		return EXPLAINS_NOT;
	like = likeness(declared->source, &declared->file, source);
	if (like == LIKE_UNKNOWN && sensitive &&
	    (has_name(declared->source, last_name(source)) ||
	     has_name(declared->target, last_name(target))))
		return EXPLAINS_BY_NAME;
	return like == LIKE_SAME ? EXPLAINS_BY_NAME : EXPLAINS_NOT;
}

/* The engine's own doing: it shares the host's memory with who shares its IPC namespace, `--init`
 * is a program of its own, and in a user namespace it mounts the devices that it cannot make. */
static bool is_engines(struct text source, struct text target, struct text mode,
		       const struct record *start)
{
	bool device = is_at_or_below(source, TEXT("/dev"));
	struct text users = record_text(start, FIELD_namespaces_user), name = last_name(source);

	if (text_equal(target, TEXT("/dev/shm")))
		return device &&
		       !text_equal(record_text(start, FIELD_namespaces_ipc), TEXT("private"));
	if (text_equal(last_name(target), TEXT("docker-init")) && text_equal(mode, TEXT("ro")))
		return memmem(name.data, name.length, "init", 4) ||
		       memmem(name.data, name.length, "tini", 4);
	return device && users.data && !text_equal(users, TEXT("host"));
}

/* What becomes of the mounts of a start: which are explained, by what is used up for it. */
struct mounts {
	struct record *start;
	struct declared_path *asked; /* its own, and those of whom it borrows */
	size_t asked_count;
	struct text *at;      /* by what was asked for: where its target led; data NULL: it has not
				 explained any */
	const char **differs; /* by what is there: what is told as declared; NULL: explained */
};

/* Three looks: where it was asked for, elsewhere, and below where that turned out to be. What is
 * where it was asked for takes nothing away from what is elsewhere. */
enum look { LOOK_AT, LOOK_ELSEWHERE, LOOK_BELOW, LOOKS };

static void explain_mount(struct mounts *mounts, size_t i, enum look look)
{
	const struct record *start = mounts->start;
	struct text source = record_item(start, FIELD_mounts_source, i);
	struct text target = record_item(start, FIELD_mounts_target, i);
	bool read_only = text_equal(record_item(start, FIELD_mounts_mode, i), TEXT("ro"));

	for (size_t j = 0; j < mounts->asked_count && mounts->differs[i]; j++) {
		const struct declared_path *path = &mounts->asked[j];
		struct text where = look == LOOK_BELOW ? mounts->at[j] : text_of(path->target);
		enum explanation how =
			where.length ? explains(path, where, look == LOOK_BELOW, source, target)
				     : EXPLAINS_NOT;

		if (how == EXPLAINS_NOT || (how == EXPLAINS_BY_NAME) != (look == LOOK_ELSEWHERE) ||
		    (look == LOOK_ELSEWHERE && mounts->at[j].length > 0))
			continue;
		if (how != EXPLAINS_BELOW)
			mounts->at[j] = target;
		/* Of what is mounted below it, it makes nothing read-only. */
		mounts->differs[i] =
			path->read_only && !read_only && how != EXPLAINS_BELOW ? "ro" : NULL;
	}
}

static void tell_mount(struct record *start, size_t i, const char *declared)
{
	struct text source = record_item(start, FIELD_mounts_source, i);
	struct text target = record_item(start, FIELD_mounts_target, i);
	struct text mode = record_item(start, FIELD_mounts_mode, i);
	_cleanup_buffer_ struct buffer actual = {};

	if (is_engines(source, target, mode, start))
		return;
	buffer_printf(&actual, "%.*s:%.*s:%.*s", (int)source.length, source.data,
		      (int)target.length, target.data, (int)mode.length, mode.data);
	/* Without memory the record is refused as well. */
	if (!actual.error)
		difference_tell(start, "mounts", declared,
				(struct text){ actual.data, actual.length });
}

/* All that it asked for, lent; `ret` NULL: only how many. Returns their count, or -1 where one from
 * whom it borrows is not known as a whole. */
static ssize_t gather(const struct isolation *isolation, const struct isolation_peers *peers,
		      struct declared_path *ret)
{
	size_t count = isolation->mount_count;

	if (isolation->mounts_unknown)
		return -1;
	for (size_t i = 0; ret && i < count; i++)
		ret[i] = isolation->mounts[i];
	for (size_t i = 0; i < isolation->lender_count; i++) {
		const struct declared_lender *lender = &isolation->lenders[i];
		const struct isolation *peer =
			peers->find(peers->user, (struct text){ lender->id, CONTAINER_ID });

		if (!peer || peer->mounts_unknown || peer->lender_count > 0)
			return -1;
		for (size_t j = 0; j < peer->mount_count; j++, count++) {
			if (!ret)
				continue;
			ret[count] = peer->mounts[j];
			ret[count].read_only |= lender->read_only;
		}
	}
	return (ssize_t)count;
}

void difference_mounts(const struct isolation *isolation, const struct isolation_peers *peers,
		       struct record *start)
{
	size_t count = record_count(start, FIELD_mounts_source);
	ssize_t asked_count = gather(isolation, peers, NULL);
	_cleanup_free_ struct declared_path *asked = NULL;
	_cleanup_free_ struct text *at = NULL;
	_cleanup_free_ const char **differs = calloc(count + 1, sizeof(*differs));
	struct mounts mounts = { .start = start, .differs = differs };

	if (asked_count < 0)
		return;
	mounts.asked_count = (size_t)asked_count;
	mounts.asked = asked = calloc(mounts.asked_count + 1, sizeof(*asked));
	mounts.at = at = calloc(mounts.asked_count + 1, sizeof(*at));
	if (!asked || !at || !differs) {
		start->error = -ENOMEM;
		return;
	}
	gather(isolation, peers, asked);
	for (size_t i = 0; i < count; i++)
		differs[i] = "without it";
	for (enum look look = LOOK_AT; look < LOOKS; look++)
		for (size_t i = 0; i < count; i++)
			explain_mount(&mounts, i, look);
	for (size_t i = 0; i < count; i++)
		if (differs[i])
			tell_mount(start, i, differs[i]);
}
