// SPDX-License-Identifier: Apache-2.0
#include "correlate/population.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

struct place {
	char id[WIRE_CONTAINER];
	uint32_t living, remembered; /* both 0: the place is free */
	uint16_t next;               /* of its bucket, or of the free ones */
};

struct population {
	struct place places[POPULATION_CONTAINERS + 1]; /* 0 is none */
	uint16_t buckets[BUCKETS];
	uint16_t free;
	population_empty empty;
	void *context;
};

static size_t bucket_of(const char id[WIRE_CONTAINER])
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < WIRE_CONTAINER; i++)
		hash = (hash ^ (unsigned char)id[i]) * 16777619u;
	return (hash ^ hash >> 16) % BUCKETS;
}

int population_new(struct population **ret)
{
	struct population *population = calloc(1, sizeof(*population));

	if (!population)
		return -ENOMEM;
	for (uint16_t i = POPULATION_CONTAINERS; i > 0; i--) {
		population->places[i].next = population->free;
		population->free = i;
	}
	*ret = population;
	return 0;
}

void population_free(struct population *population)
{
	free(population);
}

void population_on_empty(struct population *population, population_empty function, void *context)
{
	population->empty = function;
	population->context = context;
}

static uint16_t find_or_take(struct population *population, const char id[WIRE_CONTAINER])
{
	uint16_t *bucket = &population->buckets[bucket_of(id)];
	uint16_t handle = *bucket;

	while (handle && memcmp(population->places[handle].id, id, WIRE_CONTAINER) != 0)
		handle = population->places[handle].next;
	if (handle || !population->free)
		return handle;
	handle = population->free;
	population->free = population->places[handle].next;
	memcpy(population->places[handle].id, id, WIRE_CONTAINER);
	population->places[handle].next = *bucket;
	*bucket = handle;
	return handle;
}

static void free_if_unused(struct population *population, uint16_t handle)
{
	struct place *place = &population->places[handle];
	uint16_t *at;

	if (place->living > 0 || place->remembered > 0)
		return;
	at = &population->buckets[bucket_of(place->id)];
	while (*at != handle)
		at = &population->places[*at].next;
	*at = place->next;
	place->next = population->free;
	population->free = handle;
}

static void leave(struct population *population, uint16_t handle)
{
	struct place *place = &population->places[handle];

	if (handle && --place->living == 0 && population->empty)
		population->empty(population->context, place->id);
}

uint16_t population_move(struct population *population, uint16_t before,
			 const char id[WIRE_CONTAINER])
{
	uint16_t handle;

	if (before ? memcmp(population->places[before].id, id, WIRE_CONTAINER) == 0 : !id[0])
		return before;
	handle = id[0] ? find_or_take(population, id) : 0;
	population_enter(population, handle);
	leave(population, before);
	if (before)
		free_if_unused(population, before);
	return handle;
}

const char *population_id(const struct population *population, uint16_t handle)
{
	return handle ? population->places[handle].id : NULL;
}

void population_enter(struct population *population, uint16_t handle)
{
	if (handle)
		population->places[handle].living++;
}

void population_end(struct population *population, uint16_t handle)
{
	if (!handle)
		return;
	population->places[handle].remembered++;
	leave(population, handle);
}

void population_forget(struct population *population, uint16_t handle)
{
	if (!handle)
		return;
	population->places[handle].remembered--;
	free_if_unused(population, handle);
}
