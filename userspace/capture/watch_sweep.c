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

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/audit_rule.h"

#define DEPTH_MOST 6 /* of folders below a watched one */

/* What rules with such a key are about. */
static const struct subject {
	const char *key;
	unsigned int flags;
	bool below; /* what lies in its folders is watched one by one */
} subjects[] = {
	{ AUDIT_PLAN_KEY "program", FILE_LOOK_DIGEST, false },
	{ AUDIT_PLAN_KEY "unit", FILE_LOOK_DIGEST | FILE_LOOK_CONTENTS, true },
	{ AUDIT_PLAN_KEY "config", FILE_LOOK_DIGEST | FILE_LOOK_CONTENTS, true },
	{ AUDIT_PLAN_KEY "audit", FILE_LOOK_DIGEST | FILE_LOOK_CONTENTS, true },
	/* A digest of a short secret tells it to whoever tries all. */
	{ AUDIT_PLAN_KEY "tls", 0, true },
	{ AUDIT_PLAN_KEY "client", 0, true },
	/* The engine itself works in there all day. */
	{ AUDIT_PLAN_KEY "state", 0, false },
};

static const struct subject *subject_of(const struct audit_rule_data *rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (audit_rule_has_key(rule, text_of(subjects[i].key)))
			return &subjects[i];
	return NULL;
}

/* Of what may be a key or a password nothing is kept, whatever its rule says. */
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

static int add(struct sweeping *sweeping, const char *path)
{
	struct watch_sweep *sweep = sweeping->sweep;
	struct watch_file *files, *file;

	if (sweep->count == WATCH_FILES_MOST) {
		sweep->left_out++;
		return 0;
	}
	files = reallocarray(sweep->files, sweep->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	sweep->files = files;
	file = &files[sweep->count];
	*file = (struct watch_file){ .path = strdup(path), .flags = sweeping->subject->flags };
	if (!file->path)
		return -ENOMEM;
	if (!is_told(path))
		file->flags &= ~(unsigned int)FILE_LOOK_CONTENTS;
	sweep->count++;
	return 0;
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
		if (sweeping->left == 0) {
			sweeping->sweep->left_out++;
			break;
		}
		sweeping->left--;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			path = NULL;
			r = -ENOMEM;
			break;
		}
		r = add(sweeping, path);
		if (r == 0 && entry->d_type == DT_DIR && depth < DEPTH_MOST)
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

/* Of several rules about one file the first one counts. */
static void sort(struct watch_sweep *sweep)
{
	size_t kept = 0;

	qsort(sweep->files, sweep->count, sizeof(*sweep->files), by_path);
	for (size_t i = 0; i < sweep->count; i++) {
		struct watch_file *file = &sweep->files[i];

		if (kept > 0 && strcmp(sweep->files[kept - 1].path, file->path) == 0) {
			/* What is not to be read by one of them is not read. */
			sweep->files[kept - 1].flags &= file->flags;
			free(file->path);
			continue;
		}
		sweep->files[kept++] = *file;
	}
	sweep->count = kept;
}

static int list(const struct audit_plan *plan, struct sweeping *sweeping)
{
	const struct audit_plan_rule *rules;
	size_t count = audit_plan_rules(plan, &rules);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct text path = rules[i].data ? audit_rule_path(rules[i].data) : (struct text){};
		_cleanup_free_ char *name = path.length ? strndup(path.data, path.length) : NULL;

		sweeping->subject = path.length ? subject_of(rules[i].data) : NULL;
		if (!sweeping->subject)
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

int watch_sweep(const struct audit_plan *plan, const struct watch_sweep *before, bool quick,
		struct watch_sweep *ret)
{
	struct watch_sweep sweep = { .began_ns = clock_wall_ns() };
	struct sweeping sweeping = { .sweep = &sweep };
	int r = list(plan, &sweeping);

	if (r == 0)
		sort(&sweep);
	for (size_t i = 0; r == 0 && i < sweep.count; i++) {
		struct watch_file *file = &sweep.files[i];
		const struct watch_file *known =
			before ? watch_sweep_find(before, file->path) : NULL;

		r = file_look(file->path, file->flags | (quick ? FILE_LOOK_QUICK : 0),
			      known ? &known->look : NULL, &file->look);
		/* It cannot be reached now: as if it were not there. */
		if (r != -ENOMEM)
			r = 0;
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

void watch_sweep_clear(struct watch_sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++) {
		free(sweep->files[i].path);
		file_look_clear(&sweep->files[i].look);
	}
	free(sweep->files);
	*sweep = (struct watch_sweep){};
}
