// SPDX-License-Identifier: Apache-2.0
#include "correlate/drift.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/actor.h"
#include "correlate/drift_diff.h"
#include "correlate/process.h"
#include "correlate/redact.h"
#include "event/record.h"

/* A write that goes on behind the look that saw its beginning. */
#define GOES_ON_NS (5 * NS_PER_SECOND)
/* A file system stamps with the time of the last tick. */
#define TICK_NS (20 * NS_PER_MS)

struct hit {
	struct record *record;
	uint64_t told; /* `since` of the looks between which it changed something; 0: it was not
			  seen to */
};

/* In turn. What users do in their own folders has a row of its own: it must not push out the rest.
 */
struct row {
	struct hit hits[DRIFT_HITS_MOST];
	size_t next;
};

struct drifts {
	const struct actor_context *actors;
	struct row host, users;
};

int drifts_new(const struct actor_context *actors, struct drifts **ret)
{
	struct drifts *drifts = calloc(1, sizeof(*drifts));

	if (!drifts)
		return -ENOMEM;
	drifts->actors = actors;
	*ret = drifts;
	return 0;
}

void drifts_free(struct drifts *drifts)
{
	if (!drifts)
		return;
	for (size_t i = 0; i < DRIFT_HITS_MOST; i++) {
		record_free(drifts->host.hits[i].record);
		record_free(drifts->users.hits[i].record);
	}
	free(drifts);
}

/* ---- who was at it */

static bool is_of_users(const struct record *hit)
{
	static const struct text key = TEXT("docktrail-client");

	for (size_t i = 0; i < record_count(hit, FIELD_audit_keys); i++)
		if (!text_equal(record_item(hit, FIELD_audit_keys, i), key))
			return false;
	return record_count(hit, FIELD_audit_keys) > 0;
}

int drifts_hit(struct drifts *drifts, const struct record *hit)
{
	bool users = is_of_users(hit);
	struct row *row = users ? &drifts->users : &drifts->host;
	struct hit *place = &row->hits[row->next];
	int r;

	if (text_equal(record_text(hit, FIELD_audit_operation), TEXT("read")) ||
	    !text_equal(record_text(hit, FIELD_event_outcome), TEXT("success")))
		return 0;
	r = place->record ? 0 : record_new(&place->record);
	if (r < 0)
		return r;
	record_copy(place->record, hit);
	place->told = 0;
	if (place->record->error) {
		record_free(place->record);
		place->record = NULL;
		return -ENOMEM;
	}
	row->next = (row->next + 1) % DRIFT_HITS_MOST;
	return !users;
}

/* Under whichever name: a hard link and a bind mount lead to the same inode. */
static bool has_inode(const struct record *hit, const struct file_look *look)
{
	char inode[24], device[32];

	if (look->type == FILE_ABSENT)
		return false;
	snprintf(inode, sizeof(inode), "%llu", (unsigned long long)look->inode);
	snprintf(device, sizeof(device), "%u:%u", major(look->device), minor(look->device));
	for (size_t i = 0; i < record_count(hit, FIELD_audit_paths_inode); i++)
		if (!text_equal(record_item(hit, FIELD_audit_paths_type, i), TEXT("PARENT")) &&
		    text_equal(record_item(hit, FIELD_audit_paths_inode, i), text_of(inode)) &&
		    text_equal(record_item(hit, FIELD_audit_paths_device, i), text_of(device)))
			return true;
	return false;
}

/* What is mounted over a folder, or moved with it, hides all below. */
static bool is_at_or_above(struct text folder, const char *path)
{
	return folder.length > 0 && strncmp(folder.data, path, folder.length) == 0 &&
	       (path[folder.length] == '\0' || path[folder.length] == '/');
}

static bool names_folder_of(const struct record *hit, const char *path)
{
	for (size_t i = 0; i < record_count(hit, FIELD_audit_paths_name); i++)
		if (!text_equal(record_item(hit, FIELD_audit_paths_type, i), TEXT("PARENT")) &&
		    is_at_or_above(record_item(hit, FIELD_audit_paths_name, i), path))
			return true;
	return is_at_or_above(record_text(hit, FIELD_file_path), path);
}

static bool has_inode_of(const struct record *hit, const struct file_look *before,
			 const struct file_look *after)
{
	return has_inode(hit, before) || has_inode(hit, after);
}

/* By more than a name, which can be that of something else: in a chroot, in a mount namespace. */
static bool is_sure(const struct record *hit, const char *path, const struct file_look *before,
		    const struct file_look *after)
{
	return has_inode_of(hit, before, after) || before->device != after->device ||
	       !text_equal(record_text(hit, FIELD_file_path), text_of(path));
}

static bool is_about(const struct record *hit, const char *path, const struct file_look *before,
		     const struct file_look *after)
{
	return names_folder_of(hit, path) || has_inode_of(hit, before, after);
}

/* When its process ended, UTC; UINT64_MAX: it lives; 0: that is not known. */
static uint64_t end_of(const struct drifts *drifts, const struct record *hit)
{
	struct text entity = record_text(hit, FIELD_process_entity_id);
	const char *dash = entity.length ? memrchr(entity.data, '-', entity.length) : NULL;
	const struct process *process = NULL;
	char start[24];

	if (dash && drifts->actors && drifts->actors->tree) {
		snprintf(start, sizeof(start), "%.*s",
			 (int)(entity.data + entity.length - dash - 1), dash + 1);
		process = process_tree_find(drifts->actors->tree,
					    (uint32_t)record_number(hit, FIELD_process_pid),
					    strtoull(start, NULL, 10));
	}
	if (!process)
		return 0;
	return process->ended ? actor_wall_ns(drifts->actors, process->ended) : UINT64_MAX;
}

static bool is_one_of(struct text operation, const char *const *words)
{
	for (; *words; words++)
		if (text_equal(operation, text_of(*words)))
			return true;
	return false;
}

static bool has_other_contents(const struct file_look *before, const struct file_look *after)
{
	if (before->sha256[0] && after->sha256[0])
		return strcmp(before->sha256, after->sha256) != 0;
	/* A folder changes with each name in it: those have looks of their own. */
	return before->type == FILE_FILE && after->type == FILE_FILE &&
	       (before->size != after->size || before->modified_ns != after->modified_ns);
}

/* Whether what was done can come to this change: who made a link to a file wrote nothing into it.
 */
static bool can_change(const struct record *hit, const struct file_look *before,
		       const struct file_look *after)
{
	static const char *const metadata[] = { "mode", "owner", "attributes", NULL };
	static const char *const mounts[] = { "mount", "unmount", NULL };
	static const char *const names[] = { "rename", "delete", NULL };
	struct text operation = record_text(hit, FIELD_audit_operation);
	bool other_system = before->device != after->device || before->mounted != after->mounted;
	bool other_file = before->type != after->type || before->inode != after->inode;

	if (is_one_of(operation, metadata))
		return before->mode != after->mode || before->uid != after->uid ||
		       before->gid != after->gid ||
		       (!other_file && !has_other_contents(before, after));
	if (is_one_of(operation, mounts))
		return other_system;
	if (is_one_of(operation, names))
		return other_file || other_system;
	if (text_equal(operation, TEXT("link")))
		return !before->type;
	/* Who wrote put no other file in its place; who made it did, where there was none. */
	return before->type != FILE_FILE || (!other_file && !other_system);
}

/*
 * Whether it can be what changed the file now: nobody is blamed for what was written when he was
 * gone, nor, once he has explained a change, for what comes after, but for what he wrote on.
 */
static bool explains(const struct drifts *drifts, const struct hit *hit,
		     const struct file_look *before, const struct file_look *after, uint64_t since)
{
	static const char *const writes[] = { "write", "truncate", "create", "open", NULL };
	bool again = hit->told && hit->told != since;
	uint64_t end, changed;

	if (!can_change(hit->record, before, after))
		return false;
	if (before->inode != after->inode ||
	    !is_one_of(record_text(hit->record, FIELD_audit_operation), writes))
		return !again;
	/* The time of a file's contents is whatever its writer says; that of its inode is not. */
	changed = after->modified_ns < after->changed_ns ? after->modified_ns : after->changed_ns;
	end = end_of(drifts, hit->record);
	if (again &&
	    (!end || after->changed_ns > record_number(hit->record, FIELD_timestamp) + GOES_ON_NS))
		return false;
	return !end || end >= changed || changed - end <= TICK_NS;
}

static struct hit *find_in(const struct drifts *drifts, struct row *row, const char *path,
			   const struct file_look *before, const struct file_look *after,
			   uint64_t since)
{
	for (size_t i = 1; i <= DRIFT_HITS_MOST; i++) {
		struct hit *hit = &row->hits[(row->next + DRIFT_HITS_MOST - i) % DRIFT_HITS_MOST];

		if (!hit->record ||
		    record_number(hit->record, FIELD_timestamp) + DRIFT_OPEN_NS < since)
			return NULL;
		if (!is_about(hit->record, path, before, after) ||
		    !explains(drifts, hit, before, after, since))
			continue;
		return hit;
	}
	return NULL;
}

static struct hit *find_hit(struct drifts *drifts, const char *path, const struct file_look *before,
			    const struct file_look *after, uint64_t since)
{
	return find_in(drifts, &drifts->host, path, before, after, since)
		       ?: find_in(drifts, &drifts->users, path, before, after, since);
}

/* ---- what is different */

/* Where nothing was read and nothing else is different: what a file says of itself can be put back
 * after it was written to, but for the time of its inode. Or it has another link, other attributes.
 */
static bool was_touched(const struct file_look *before, const struct file_look *after)
{
	return !(before->sha256[0] && after->sha256[0]) && before->type == FILE_FILE &&
	       after->type == FILE_FILE && before->inode == after->inode &&
	       before->device == after->device && before->changed_ns != after->changed_ns;
}

enum change {
	CHANGE_new,
	CHANGE_gone,
	CHANGE_type,
	CHANGE_contents,
	CHANGE_mode,
	CHANGE_owner,
	CHANGE_file,
	CHANGE_mount,
	CHANGE_inode,
	CHANGES
};

static const char *const change_words[CHANGES] = { "new",   "gone", "type",  "contents", "mode",
						   "owner", "file", "mount", "inode" };

/* A bit for each of enum change. */
static unsigned int changes_of(const struct file_look *before, const struct file_look *after)
{
	bool both = before->type && after->type;
	const bool is[CHANGES] = {
		[CHANGE_new] = !before->type && after->type,
		[CHANGE_gone] = before->type && !after->type,
		[CHANGE_type] = both && before->type != after->type,
		[CHANGE_contents] = both && has_other_contents(before, after),
		[CHANGE_mode] = both && before->mode != after->mode,
		[CHANGE_owner] = both && (before->uid != after->uid || before->gid != after->gid),
		[CHANGE_file] =
			both && (before->inode != after->inode || before->device != after->device),
		[CHANGE_mount] = before->mounted != after->mounted ||
				 (both && before->device != after->device),
	};
	unsigned int changes = 0;

	for (unsigned int i = 0; i < CHANGES; i++)
		changes |= (unsigned int)is[i] << i;
	if (!changes && was_touched(before, after))
		changes = 1u << CHANGE_inode;
	return changes;
}

bool drifts_waits(struct drifts *drifts, const char *path, const struct file_look *before,
		  const struct file_look *after, uint64_t since)
{
	return changes_of(before, after) && !find_hit(drifts, path, before, after, since);
}

struct look_fields {
	enum field type, device, inode, mode, uid, gid, size, modified, sha256;
};

static const struct look_fields fields_before = {
#define FIELDS_OF(when)                                                                            \
	FIELD_drift_##when##_type, FIELD_drift_##when##_device, FIELD_drift_##when##_inode,        \
		FIELD_drift_##when##_mode, FIELD_drift_##when##_uid, FIELD_drift_##when##_gid,     \
		FIELD_drift_##when##_size, FIELD_drift_##when##_modified,                          \
		FIELD_drift_##when##_sha256
	FIELDS_OF(before)
};
static const struct look_fields fields_after = { FIELDS_OF(after)
#undef FIELDS_OF
};

static void fill_look(const struct file_look *look, const struct look_fields *fields,
		      struct record *record)
{
	char text[32];

	record_set_string(record, fields->type, file_type_name(look->type) ?: "absent");
	if (look->type == FILE_ABSENT)
		return;
	snprintf(text, sizeof(text), "%u:%u", major(look->device), minor(look->device));
	record_set_string(record, fields->device, text);
	record_set_number(record, fields->inode, look->inode);
	snprintf(text, sizeof(text), "%04o", look->mode);
	record_set_string(record, fields->mode, text);
	record_set_number(record, fields->uid, look->uid);
	record_set_number(record, fields->gid, look->gid);
	if (look->type == FILE_FILE || look->type == FILE_LINK)
		record_set_number(record, fields->size, look->size);
	record_set_number(record, fields->modified, look->modified_ns);
	if (look->sha256[0])
		record_set_string(record, fields->sha256, look->sha256);
}

static bool is_text(const struct buffer *contents)
{
	return !contents->length || !memchr(contents->data, '\0', contents->length);
}

static struct text text_in(const struct buffer *buffer)
{
	return (struct text){ buffer->data ?: "", buffer->length };
}

static void mask(const struct redact *redact, const char *path, struct text contents,
		 struct buffer *ret)
{
	if (fnmatch("*.service", path, 0) == 0 || fnmatch("*.socket", path, 0) == 0 ||
	    fnmatch("*.d/*.conf", path, 0) == 0)
		redact_unit(redact, contents, ret);
	else
		redact_text(redact, contents, false, ret);
}

/* Masked first, the whole of it: a secret may be longer than a line. */
static void fill_diff(const char *path, const struct file_look *before,
		      const struct file_look *after, const struct redact *redact,
		      struct record *record)
{
	_cleanup_buffer_ struct buffer old = {}, new = {};
	_cleanup_text_list_ struct text_list lines = {};
	int r;

	if (!is_text(&before->contents) || !is_text(&after->contents))
		return;
	mask(redact, path, text_in(&before->contents), &old);
	mask(redact, path, text_in(&after->contents), &new);
	r = old.error ?: new.error;
	r = r
		    ?: drift_diff(text_in(&old), text_in(&new), DRIFT_LINES_MOST, DRIFT_LINE_MOST,
				  &lines);
	if (r < 0)
		record->error = -ENOMEM;
	for (size_t i = 0; i < lines.count; i++)
		record_add_text(record, FIELD_drift_diff, text_list_at(&lines, i));
	if (lines.cut)
		record_set_boolean(record, FIELD_drift_diff_cut, true);
}

bool drifts_fill(struct drifts *drifts, const char *path, const struct file_look *before,
		 const struct file_look *after, uint64_t since, bool witnessed,
		 const struct redact *redact, struct record *record)
{
	unsigned int changes = changes_of(before, after);
	struct hit *hit;

	if (!changes)
		return false;
	for (unsigned int i = 0; i < CHANGES; i++)
		if (changes >> i & 1)
			record_add_text(record, FIELD_drift_changed, text_of(change_words[i]));
	record_set_string(record, FIELD_file_path, path);
	fill_look(before, &fields_before, record);
	fill_look(after, &fields_after, record);
	if (after->type == FILE_FILE)
		record_set_number(record, FIELD_file_size, after->size);
	if (after->sha256[0])
		record_set_string(record, FIELD_file_sha256, after->sha256);
	fill_diff(path, before, after, redact, record);
	hit = find_hit(drifts, path, before, after, since);
	/* A time alone can be a backup's. */
	if ((!hit || !is_sure(hit->record, path, before, after)) && changes != 1u << CHANGE_inode)
		record_raise_severity(record, witnessed ? 100 : 75);
	if (!hit)
		return true;
	hit->told = since;
	record_copy_groups(record, hit->record, GROUP_ACTOR | GROUP_CAUSE);
	record_set_number(record, FIELD_drift_hit,
			  record_number(hit->record, FIELD_event_sequence));
	return true;
}
