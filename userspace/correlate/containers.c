// SPDX-License-Identifier: Apache-2.0
#include "correlate/containers_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define REFERENCE_MOST 256
/* Of one scan: names in the folder, and files that are new or were changed. */
#define SCAN_NAMES 8192
#define SCAN_READS 1024
/* A request for a name that nobody has must not make us read all the time. */
#define SCAN_PAUSE_NS (NS_PER_SECOND)
#define SCAN_COST_NS  (10 * NS_PER_MS) /* pause for each file read */
/* A file's time is that of the last tick before it was written. */
#define TICK_NS (10 * NS_PER_MS)

static void closedirp(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

int containers_new(struct containers **ret)
{
	struct containers *containers = calloc(1, sizeof(*containers));

	if (!containers)
		return -ENOMEM;
	*ret = containers;
	return 0;
}

void containers_free(struct containers *containers)
{
	if (!containers)
		return;
	for (size_t i = 0; i < containers->root_count; i++)
		free(containers->roots[i]);
	for (size_t i = 0; i < CONTAINERS_MOST; i++) {
		free((char *)containers->entries[i].name.data);
		free((char *)containers->entries[i].image.data);
	}
	engine_config_clear(&containers->scratch);
	free(containers);
}

int containers_add_root(struct containers *containers, const char *path)
{
	if (containers->root_count == CONTAINERS_ROOTS)
		return -ENOSPC;
	containers->roots[containers->root_count] = strdup(path);
	if (!containers->roots[containers->root_count])
		return -ENOMEM;
	containers->root_count++;
	return 0;
}

void containers_set_time(struct containers *containers, uint64_t now)
{
	if (now > containers->now)
		containers->now = now;
}

void containers_as_of(struct containers *containers, uint64_t wall_ns)
{
	containers->as_of = wall_ns;
}

/* Whether this was, or may have been, after the event. */
static bool is_later(const struct containers *containers, uint64_t wall_ns)
{
	return containers->as_of && wall_ns + TICK_NS > containers->as_of;
}

static uint64_t changed_at(const struct stat *status)
{
	return (uint64_t)status->st_mtim.tv_sec * NS_PER_SECOND + (uint64_t)status->st_mtim.tv_nsec;
}

static bool is_hexadecimal(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!(text.data[i] >= '0' && text.data[i] <= '9') &&
		    !(text.data[i] >= 'a' && text.data[i] <= 'f'))
			return false;
	return text.length > 0;
}

bool container_id_valid(struct text id)
{
	return id.length == CONTAINER_ID && is_hexadecimal(id);
}

/* Of what was there a moment ago the folder tells whether it went since. */
static bool went_later(const struct containers *containers, int folder)
{
	struct stat status;

	return fstat(folder, &status) == 0 && is_later(containers, changed_at(&status));
}

static int set_text(struct text *text, struct text value)
{
	char *copy;

	if (text_equal(*text, value))
		return 0;
	copy = malloc(value.length);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, value.data, value.length);
	free((char *)text->data);
	text->data = copy;
	text->length = value.length;
	return 0;
}

static int set_name(struct entry *entry, struct text name, uint64_t named_at)
{
	entry->named_at = named_at;
	return set_text(&entry->name, name);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/*
 * Look for the entry's file in this folder of an engine. Returns whether it is there; *ret_read
 * tells whether it was read.
 */
static bool look_in(struct containers *containers, int folder, struct entry *entry, bool *ret_read)
{
	const struct engine_config *config = &containers->scratch;
	char id[CONTAINER_ID + 1] = {};
	struct stat status;
	int r;

	*ret_read = false;
	memcpy(id, entry->id, CONTAINER_ID);
	if (engine_config_stat(folder, id, &status) < 0)
		return entry->there && went_later(containers, folder);
	if (same_file(&status, &entry->seen))
		return true;
	entry->passed_over = entry->name.data && is_later(containers, changed_at(&status));
	if (entry->passed_over)
		return true;
	*ret_read = true;
	r = engine_config_read(folder, id, &containers->scratch);
	if (r == 0 && config->name.length)
		r = set_name(entry, (struct text){ config->name.data, config->name.length },
			     changed_at(&status));
	if (r == 0 && config->image.length)
		r = set_text(&entry->image,
			     (struct text){ config->image.data, config->image.length });
	/* As it was before it was read; what makes no sense is not read again until it changes. */
	if (r != -ENOMEM)
		entry->seen = status;
	containers_touch(containers, entry);
	return true;
}

static void look(struct containers *containers, struct entry *entry)
{
	bool there = false;

	if (entry->looked && containers->now - entry->looked_at < NS_PER_SECOND)
		return;
	entry->looked = true;
	entry->looked_at = containers->now;
	for (size_t i = 0; i < containers->root_count && !there; i++) {
		_cleanup_close_ int folder = engine_open(containers->roots[i]);
		bool read;

		if (folder >= 0)
			there = look_in(containers, folder, entry, &read);
	}
	entry->there = there;
	/* What was passed over for its time is looked at for the next event. */
	if (there && entry->passed_over)
		entry->looked = false;
}

static struct text without_slash(struct text name)
{
	if (name.length > 0 && name.data[0] == '/')
		return (struct text){ name.data + 1, name.length - 1 };
	return name;
}

int containers_rename(struct containers *containers, struct text id, struct text name)
{
	for (size_t i = 0; i < containers->fresh; i++)
		containers->entries[i].looked = false;
	containers->scan_after = 0;
	name = without_slash(name);
	if (!container_id_valid(id) || name.length == 0 || name.length > REFERENCE_MOST)
		return 0;
	return set_name(containers_entry(containers, id.data), name, containers->as_of);
}

int containers_find(struct containers *containers, struct text id, struct container_names *ret)
{
	struct entry *entry;

	if (!container_id_valid(id))
		return -ENOENT;
	entry = containers_entry(containers, id.data);
	look(containers, entry);
	if (!entry->name.data && !entry->image.data)
		return -ENOENT;
	*ret = (struct container_names){ entry->name, entry->image };
	return 0;
}

int containers_learn(struct containers *containers, struct text id, struct text name,
		     struct text image)
{
	struct entry *entry;
	int r = 0;

	if (!container_id_valid(id))
		return -EINVAL;
	entry = containers_entry(containers, id.data);
	look(containers, entry);
	if (entry->there)
		containers->stats.found++;
	else
		containers->stats.missed++;
	name = without_slash(name);
	if (name.length > 0 && name.length <= REFERENCE_MOST &&
	    (!entry->there || !entry->name.data || is_later(containers, entry->named_at)))
		r = set_name(entry, name, containers->as_of);
	if (r == 0 && image.length > 0 && image.length <= 2 * REFERENCE_MOST &&
	    !(entry->there && entry->image.data))
		r = set_text(&entry->image, image);
	containers_touch(containers, entry);
	return r;
}

void containers_get_stats(const struct containers *containers, struct containers_stats *ret)
{
	*ret = containers->stats;
}

/* Returns how many files were read. */
static size_t scan_root(struct containers *containers, const char *root, size_t most)
{
	_cleanup_close_ int fd = engine_open(root);
	_cleanup_(closedirp)
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *found;
	size_t reads = 0;

	if (!folder)
		return 0;
	fd = -1; /* the folder's now */
	for (size_t i = 0; i < SCAN_NAMES && reads < most && (found = readdir(folder)); i++) {
		struct entry *entry;
		bool read;

		if (!container_id_valid(text_of(found->d_name)))
			continue;
		entry = containers_lookup(containers, found->d_name)
				?: containers_take(containers, found->d_name);
		entry->there = look_in(containers, dirfd(folder), entry, &read);
		entry->looked = true;
		entry->looked_at = containers->now;
		reads += read;
	}
	return reads;
}

int containers_scan(struct containers *containers)
{
	size_t reads = 0;

	for (size_t i = 0; i < containers->root_count; i++)
		reads += scan_root(containers, containers->roots[i], SCAN_READS - reads);
	containers->scan_after = containers->now + SCAN_PAUSE_NS + reads * SCAN_COST_NS;
	return containers->scratch.name.error ?: containers->scratch.image.error;
}

static bool is_called(const struct entry *entry, struct text reference, bool by_name)
{
	if (by_name)
		return text_equal(entry->name, reference);
	return reference.length < CONTAINER_ID && is_hexadecimal(reference) &&
	       memcmp(entry->id, reference.data, reference.length) == 0;
}

/*
 * One that is called so among those whose file is there, or among the others the latest. Who got
 * the name after the event is meant only where nobody else is.
 */
static int search(struct containers *containers, struct text reference, bool by_name, bool there,
		  const struct entry **ret)
{
	const struct entry *found = NULL, *later = NULL;

	for (size_t i = 0; i < containers->fresh; i++) {
		struct entry *entry = &containers->entries[i];

		if (!is_called(entry, reference, by_name))
			continue;
		look(containers, entry);
		if (entry->there != there || !is_called(entry, reference, by_name) ||
		    (!there && !entry->name.data && !entry->image.data))
			continue;
		if (found && !by_name)
			return -ENOTUNIQ;
		if (by_name && is_later(containers, entry->named_at))
			later = entry;
		else if (!found || entry->learnt > found->learnt)
			found = entry;
	}
	found = found ?: later;
	if (!found)
		return -ENOENT;
	*ret = found;
	return 0;
}

static int search_there(struct containers *containers, struct text reference,
			const struct entry **ret)
{
	int r = search(containers, reference, true, true, ret);

	return r == -ENOENT ? search(containers, reference, false, true, ret) : r;
}

int containers_resolve(struct containers *containers, struct text reference,
		       char ret_id[CONTAINER_ID])
{
	const struct entry *found = NULL;
	struct container_names names;
	bool known;
	int r;

	if (reference.length > 0 && reference.data[0] == '/')
		reference = (struct text){ reference.data + 1, reference.length - 1 };
	if (reference.length == 0 || reference.length > REFERENCE_MOST)
		return -ENOENT;
	known = containers_find(containers, reference, &names) == 0;
	if (known && containers_lookup(containers, reference.data)->there) {
		memcpy(ret_id, reference.data, CONTAINER_ID);
		return 0;
	}
	/* One may be called by the id of one that is gone. */
	r = search(containers, reference, true, true, &found);
	/* Before a prefix counts, which may be a name that was not read yet, or fit others too. */
	if (r == -ENOENT && containers->now >= containers->scan_after)
		containers_scan(containers);
	if (r == -ENOENT && known) {
		memcpy(ret_id, reference.data, CONTAINER_ID);
		return 0;
	}
	if (r == -ENOENT)
		r = search_there(containers, reference, &found);
	if (r == -ENOENT)
		r = search(containers, reference, true, false, &found);
	if (r == -ENOENT)
		r = search(containers, reference, false, false, &found);
	if (r < 0)
		return r;
	memcpy(ret_id, found->id, CONTAINER_ID);
	return 0;
}
