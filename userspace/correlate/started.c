// SPDX-License-Identifier: Apache-2.0
#include "correlate/started.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/containers.h"

#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#define HASH_NONFATAL_OOM          1
#include <uthash.h>

struct entry {
	char id[CONTAINER_ID];
	uint64_t wall_ns;
	bool refused; /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct started {
	struct entry *table;
};

int started_new(struct started **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void forget(struct started *started, struct entry *entry)
{
	HASH_DEL(started->table, entry);
	free(entry);
}

void started_free(struct started *started)
{
	if (!started)
		return;
	while (started->table)
		forget(started, started->table);
	free(started);
}

static struct entry *find(const struct started *started, struct text id)
{
	struct entry *entry = NULL;

	if (id.length == CONTAINER_ID)
		HASH_FIND(hh, started->table, id.data, CONTAINER_ID, entry);
	return entry;
}

int started_learn(struct started *started, struct text id, uint64_t wall_ns)
{
	struct entry *entry = find(started, id);

	if (id.length != CONTAINER_ID)
		return -EINVAL;
	if (entry) {
		entry->wall_ns = wall_ns;
		return 0;
	}
	if (HASH_COUNT(started->table) == STARTED_MOST)
		forget(started, started->table);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	memcpy(entry->id, id.data, CONTAINER_ID);
	entry->wall_ns = wall_ns;
	HASH_ADD(hh, started->table, id, CONTAINER_ID, entry);
	if (!entry->refused)
		return 0;
	free(entry);
	return -ENOMEM;
}

bool started_before(const struct started *started, struct text id, uint64_t wall_ns)
{
	const struct entry *entry = find(started, id);

	return entry && entry->wall_ns <= wall_ns;
}
