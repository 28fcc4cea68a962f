// SPDX-License-Identifier: Apache-2.0
#include "correlate/entries.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/containers.h"

#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#define HASH_NONFATAL_OOM          1
#include <uthash.h>

struct entry {
	uint64_t start;
	char exec_id[CONTAINER_ID];
	bool refused; /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct entries {
	struct entry *table; /* what was used last is the last */
	bool forgot;
};

int entries_new(struct entries **ret)
{
	struct entries *entries = calloc(1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	*ret = entries;
	return 0;
}

static void forget(struct entries *entries, struct entry *entry)
{
	HASH_DEL(entries->table, entry);
	free(entry);
}

void entries_free(struct entries *entries)
{
	if (!entries)
		return;
	while (entries->table)
		forget(entries, entries->table);
	free(entries);
}

static struct entry *find(const struct entries *entries, uint64_t start)
{
	struct entry *entry;

	HASH_FIND(hh, entries->table, &start, sizeof(start), entry);
	return entry;
}

int entries_keep(struct entries *entries, uint64_t start, struct text exec_id)
{
	struct entry *entry;

	if (exec_id.length != CONTAINER_ID || find(entries, start))
		return 0;
	if (HASH_COUNT(entries->table) >= ENTRIES_MOST) {
		entries->forgot = true;
		forget(entries, entries->table);
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->start = start;
	memcpy(entry->exec_id, exec_id.data, CONTAINER_ID);
	HASH_ADD(hh, entries->table, start, sizeof(entry->start), entry);
	if (!entry->refused)
		return 0;
	free(entry);
	return -ENOMEM;
}

struct text entries_find(struct entries *entries, uint64_t start)
{
	struct entry *entry = find(entries, start);

	if (!entry)
		return (struct text){};
	if (entry->hh.next) { /* to the end */
		HASH_DEL(entries->table, entry);
		HASH_ADD(hh, entries->table, start, sizeof(entry->start), entry);
	}
	if (!entry->refused)
		return (struct text){ entry->exec_id, CONTAINER_ID };
	entries->forgot = true;
	free(entry);
	return (struct text){};
}

bool entries_forgot(const struct entries *entries)
{
	return entries->forgot;
}
