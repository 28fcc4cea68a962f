// SPDX-License-Identifier: Apache-2.0
#include "correlate/containers_private.h"

#include <stdlib.h>
#include <string.h>

static uint16_t *bucket_of(struct containers *containers, const char *id)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < CONTAINER_ID; i++)
		hash = (hash ^ (unsigned char)id[i]) * 16777619u;
	return &containers->buckets[(hash ^ hash >> 16) % CONTAINERS_BUCKETS];
}

struct entry *containers_lookup(struct containers *containers, const char *id)
{
	uint16_t at = *bucket_of(containers, id);

	for (; at; at = containers->entries[at - 1].next)
		if (memcmp(containers->entries[at - 1].id, id, CONTAINER_ID) == 0)
			return &containers->entries[at - 1];
	return NULL;
}

static struct entry *at_place(struct containers *containers, uint16_t place)
{
	return &containers->entries[place - 1];
}

static uint16_t place_of(const struct containers *containers, const struct entry *entry)
{
	return (uint16_t)(entry - containers->entries + 1);
}

static void leave_list(struct containers *containers, struct entry *entry)
{
	if (entry->list == LIST_NONE)
		return;
	if (entry->older)
		at_place(containers, entry->older)->newer = entry->newer;
	else
		containers->oldest[entry->list] = entry->newer;
	if (entry->newer)
		at_place(containers, entry->newer)->older = entry->older;
	else
		containers->newest[entry->list] = entry->older;
	entry->list = LIST_NONE;
}

void containers_touch(struct containers *containers, struct entry *entry)
{
	enum list list = entry->name.data || entry->image.data ? LIST_NAMED : LIST_NAMELESS;

	leave_list(containers, entry);
	entry->list = (uint8_t)list;
	entry->older = containers->newest[list];
	entry->newer = 0;
	if (entry->older)
		at_place(containers, entry->older)->newer = place_of(containers, entry);
	else
		containers->oldest[list] = place_of(containers, entry);
	containers->newest[list] = place_of(containers, entry);
}

/* A place that was never used, or that of what is sooner to go. */
static struct entry *make_room(struct containers *containers)
{
	struct entry *entry;
	uint16_t *at;

	if (containers->fresh < CONTAINERS_MOST)
		return &containers->entries[containers->fresh++];
	entry = at_place(containers,
			 containers->oldest[LIST_NAMELESS] ?: containers->oldest[LIST_NAMED]);
	leave_list(containers, entry);
	at = bucket_of(containers, entry->id);
	while (*at != place_of(containers, entry))
		at = &at_place(containers, *at)->next;
	*at = entry->next;
	free((char *)entry->name.data);
	free((char *)entry->image.data);
	return entry;
}

struct entry *containers_take(struct containers *containers, const char *id)
{
	struct entry *entry = make_room(containers);
	uint16_t *at = bucket_of(containers, id);

	*entry = (struct entry){ .next = *at, .learnt = ++containers->turn };
	memcpy(entry->id, id, CONTAINER_ID);
	*at = place_of(containers, entry);
	containers_touch(containers, entry);
	return entry;
}

struct entry *containers_entry(struct containers *containers, const char *id)
{
	struct entry *entry = containers_lookup(containers, id);

	if (!entry)
		return containers_take(containers, id);
	containers_touch(containers, entry);
	return entry;
}
