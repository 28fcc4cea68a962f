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
	char exec_id[CONTAINER_ID]; /* zeros: by no engine's request */
	bool refused;               /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct entries {
	struct entry *table; /* the oldest first */
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

	if (find(entries, start))
		return 0;
	if (HASH_COUNT(entries->table) >= ENTRIES_MOST)
		forget(entries, entries->table);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->start = start;
	if (exec_id.length == CONTAINER_ID)
		memcpy(entry->exec_id, exec_id.data, CONTAINER_ID);
	HASH_ADD(hh, entries->table, start, sizeof(entry->start), entry);
	if (!entry->refused)
		return 0;
	free(entry);
	return -ENOMEM;
}

struct text entries_find(const struct entries *entries, uint64_t start)
{
	const struct entry *entry = find(entries, start);

	if (!entry || !entry->exec_id[0])
		return (struct text){};
	return (struct text){ entry->exec_id, CONTAINER_ID };
}
