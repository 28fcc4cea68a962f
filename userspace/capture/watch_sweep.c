// SPDX-License-Identifier: Apache-2.0
#include "capture/watch_sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/audit_rule.h"

#define DEPTH_MOST 6 /* of folders below a watched one */

/* Beside enum file_look_flags: nothing is read of it, whatever another rule says. */
#define SECRET 0x100u

/* What rules with such a key are about. */
static const struct subject {
	const char *key;
	unsigned int flags;
	bool below; /* what lies in its folders is watched one by one */
	bool users; /* of users, who can fill their folders with anything */
} subjects[] = {
	{ AUDIT_PLAN_KEY "program", FILE_LOOK_DIGEST, false, false },
	{ AUDIT_PLAN_KEY "unit", FILE_LOOK_DIGEST | FILE_LOOK_CONTENTS, true, false },
	{ AUDIT_PLAN_KEY "config", FILE_LOOK_DIGEST | FILE_LOOK_CONTENTS, true, false },
	{ AUDIT_PLAN_KEY "audit", FILE_LOOK_DIGEST | FILE_LOOK_CONTENTS, true, false },
	/* A digest of a short secret tells it to whoever tries all. */
	{ AUDIT_PLAN_KEY "tls", SECRET, true, false },
	{ AUDIT_PLAN_KEY "client", 0, true, true },
	/* The engine itself works in there all day. */
	{ AUDIT_PLAN_KEY "state", 0, false, false },
};

static const struct subject *subject_of(const struct audit_rule_data *rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (audit_rule_has_key(rule, text_of(subjects[i].key)))
			return &subjects[i];
	return NULL;
}

/* Of what may be a key or a password there is not so much as a digest, whatever its rule says. */
static bool is_told(const char *path)
{
	static const char *const names[] = { "daemon.json", "docker",    "subuid",
					     "subgid",      "*.service", "*.socket",
					     "*.conf",      "*.rules",   "config.toml" };
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fnmatch(names[i], slash ? slash + 1 : path, 0) == 0)
			return true;
	return false;
}

struct sweeping {
	struct watch_sweep *sweep;
	const struct subject *subject;
	size_t left; /* of what may be taken of this folder */
};

static int cut_below(struct watch_sweep *sweep, const char *path)
{
	const char *slash = strrchr(path, '/');

	return text_list_append(&sweep->cut, (struct text){ path, (size_t)(slash - path) });
}

static bool is_program(const struct subject *subject)
{
	return !subject->below && subject->flags & FILE_LOOK_DIGEST;
}

static int add(struct sweeping *sweeping, const char *path)
{
	struct watch_sweep *sweep = sweeping->sweep;
	struct watch_file *files, *file;

	if (sweep->count == WATCH_FILES_MOST) {
		sweep->left_out++;
		return cut_below(sweep, path);
	}
	files = reallocarray(sweep->files, sweep->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	sweep->files = files;
	file = &files[sweep->count];
	*file = (struct watch_file){ .path = strdup(path), .flags = sweeping->subject->flags };
	if (!file->path)
		return -ENOMEM;
	if (!is_told(path) && !is_program(sweeping->subject))
		file->flags &= SECRET;
	sweep->count++;
	return 0;
}

/* What a drop-in or a certificate is a link to. */
static int add_target(struct sweeping *sweeping, const char *path)
{
	_cleanup_free_ char *target = realpath(path, NULL);

	return target ? add(sweeping, target) : 0;
}

/* Not every file system says so in its entries. */
static bool is_folder(int above, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(above, entry->d_name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
	       S_ISDIR(status.st_mode);
}

/* Of folders on other file systems, too: what is mounted over one is what has to be seen. */
static int add_below(struct sweeping *sweeping, const char *folder, unsigned int depth)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	int r = 0;

	if (!entries)
		return 0; /* it is looked at as what it is */
	while (r == 0 && (entry = readdir(entries))) {
		_cleanup_free_ char *path = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			path = NULL;
			r = -ENOMEM;
			break;
		}
		if (sweeping->left == 0) {
			sweeping->sweep->left_out++;
			r = cut_below(sweeping->sweep, path);
			break;
		}
		sweeping->left--;
		r = add(sweeping, path);
		if (r == 0 && entry->d_type == DT_LNK && !sweeping->subject->users)
			r = add_target(sweeping, path);
		if (r == 0 && is_folder(dirfd(entries), entry) && depth < DEPTH_MOST)
			r = add_below(sweeping, path, depth + 1);
	}
	closedir(entries);
	return r;
}

static int by_path(const void *a, const void *b)
{
	const struct watch_file *left = a, *right = b;

	return strcmp(left->path, right->path);
}

/* Of several rules about one file the one counts by which most is seen, but for what is secret. */
static void sort(struct watch_sweep *sweep)
{
	size_t kept = 0;

	qsort(sweep->files, sweep->count, sizeof(*sweep->files), by_path);
	for (size_t i = 0; i < sweep->count; i++) {
		struct watch_file *file = &sweep->files[i];

		if (kept > 0 && strcmp(sweep->files[kept - 1].path, file->path) == 0) {
			sweep->files[kept - 1].flags |= file->flags;
			free(file->path);
			continue;
		}
		sweep->files[kept++] = *file;
	}
	sweep->count = kept;
	for (size_t i = 0; i < kept; i++)
		if (sweep->files[i].flags & SECRET)
			sweep->files[i].flags = 0;
}

/* `users`: what lies in folders of users, who can fill them; else everything but that. */
static int list(const struct audit_plan *plan, struct sweeping *sweeping, bool users)
{
	const struct audit_plan_rule *rules;
	size_t count = audit_plan_rules(plan, &rules);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct text path = rules[i].data ? audit_rule_path(rules[i].data) : (struct text){};
		_cleanup_free_ char *name = path.length ? strndup(path.data, path.length) : NULL;

		sweeping->subject = path.length ? subject_of(rules[i].data) : NULL;
		if (!sweeping->subject || users != sweeping->subject->users)
			continue;
		if (!name)
			return -ENOMEM;
		r = add(sweeping, name);
		sweeping->left = WATCH_FOLDER_MOST;
		if (r == 0 && sweeping->subject->below)
			r = add_below(sweeping, name, 1);
	}
	return r;
}

/* What cannot be reached now is as it was: nothing is known of it that could be told. */
static int look(struct watch_file *file, const struct watch_file *known, bool quick)
{
	const struct file_look *before = known && !known->unseen ? &known->look : NULL;
	int r = file_look(file->path, file->flags | (quick ? FILE_LOOK_QUICK : 0), before,
			  &file->look);

	if (r == 0 || r == -ENOMEM)
		return r;
	file->unseen = !before;
	return before ? file_look_copy(before, &file->look) : 0;
}

int watch_sweep(const struct audit_plan *plan, const struct watch_sweep *before, bool quick,
		struct watch_sweep *ret)
{
	struct watch_sweep sweep = { .began_ns = clock_wall_ns() };
	struct sweeping sweeping = { .sweep = &sweep };
	int r = list(plan, &sweeping, false);

	if (r == 0)
		r = list(plan, &sweeping, true);
	if (r == 0)
		sort(&sweep);
	for (size_t i = 0; r == 0 && i < sweep.count; i++) {
		struct watch_file *file = &sweep.files[i];

		r = look(file, before ? watch_sweep_find(before, file->path) : NULL, quick);
	}
	if (r < 0) {
		watch_sweep_clear(&sweep);
		return r;
	}
	*ret = sweep;
	return 0;
}

const struct watch_file *watch_sweep_find(const struct watch_sweep *sweep, const char *path)
{
	const struct watch_file key = { .path = (char *)path };

	return sweep->count ? bsearch(&key, sweep->files, sweep->count, sizeof(key), by_path)
			    : NULL;
}

bool watch_sweep_passes(const struct watch_sweep *sweep, const char *path)
{
	for (size_t i = 0; i < sweep->cut.count; i++) {
		struct text folder = text_list_at(&sweep->cut, i);

		if (strncmp(path, folder.data, folder.length) == 0 && path[folder.length] == '/')
			return true;
	}
	return false;
}

void watch_sweep_clear(struct watch_sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++) {
		free(sweep->files[i].path);
		file_look_clear(&sweep->files[i].look);
	}
	free(sweep->files);
	text_list_free(&sweep->cut);
	*sweep = (struct watch_sweep){};
}
