// SPDX-License-Identifier: Apache-2.0
#include "correlate/namespaces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWNED_MOST (NAMESPACES_CONTAINERS * WIRE_NAMESPACES)
#define BUCKETS    4096

/* One namespace of one container. Container `i` has the slots from i * WIRE_NAMESPACES on. */
struct owned {
	uint32_t inum;
	uint16_t next; /* of its bucket; slot + 1, 0 for none */
};

struct container {
	char id[WIRE_CONTAINER]; /* zeros: free */
	uint16_t count;
	uint64_t used;                   /* turns of `clock` */
	uint64_t start;                  /* of the first that was seen in it; boot clock, ns */
	uint64_t ended;                  /* namespaces_end(); 0: it lives */
	uint32_t begin[WIRE_NAMESPACES]; /* those of the first that was seen in it */
};

struct namespaces {
	uint32_t host[WIRE_NAMESPACES];
	struct container containers[NAMESPACES_CONTAINERS];
	struct owned owned[OWNED_MOST];
	uint16_t buckets[BUCKETS];
	uint64_t clock;
};

/* PROC_*_INIT_INO of include/linux/proc_ns.h */
static const uint32_t fixed[WIRE_NAMESPACES] = {
	[WIRE_NS_IPC] = 0xefffffffu, [WIRE_NS_UTS] = 0xeffffffeu,    [WIRE_NS_USER] = 0xeffffffdu,
	[WIRE_NS_PID] = 0xeffffffcu, [WIRE_NS_CGROUP] = 0xeffffffbu, [WIRE_NS_TIME] = 0xeffffffau,
};

int namespaces_new(struct namespaces **ret)
{
	struct namespaces *namespaces = calloc(1, sizeof(*namespaces));

	if (!namespaces)
		return -ENOMEM;
	memcpy(namespaces->host, fixed, sizeof(fixed));
	*ret = namespaces;
	return 0;
}

void namespaces_free(struct namespaces *namespaces)
{
	free(namespaces);
}

void namespaces_set_host(struct namespaces *namespaces, const uint32_t inums[WIRE_NAMESPACES])
{
	for (size_t i = 0; i < WIRE_NAMESPACES; i++)
		if (inums[i])
			namespaces->host[i] = inums[i];
}

static size_t bucket_of(uint32_t inum)
{
	return inum % BUCKETS;
}

/* The place of the container that has it, or NAMESPACES_CONTAINERS. */
static size_t owner_of(const struct namespaces *namespaces, uint32_t inum)
{
	uint16_t at = namespaces->buckets[bucket_of(inum)];

	for (; at; at = namespaces->owned[at - 1].next)
		if (namespaces->owned[at - 1].inum == inum)
			return (at - 1u) / WIRE_NAMESPACES;
	return NAMESPACES_CONTAINERS;
}

static bool is_of(const struct namespaces *namespaces, size_t place, const struct wire_task *task)
{
	return place < NAMESPACES_CONTAINERS &&
	       memcmp(namespaces->containers[place].id, task->container, WIRE_CONTAINER) == 0;
}

static void give_away(struct namespaces *namespaces, struct container *container)
{
	size_t first = (size_t)(container - namespaces->containers) * WIRE_NAMESPACES;

	for (size_t slot = first; slot < first + container->count; slot++) {
		uint16_t *at = &namespaces->buckets[bucket_of(namespaces->owned[slot].inum)];

		while (*at != slot + 1)
			at = &namespaces->owned[*at - 1].next;
		*at = namespaces->owned[slot].next;
	}
	container->count = 0;
}

static void disown_all(struct namespaces *namespaces, struct container *container)
{
	give_away(namespaces, container);
	*container = (struct container){};
}

static struct container *find(struct namespaces *namespaces, const char id[WIRE_CONTAINER])
{
	for (size_t i = 0; i < NAMESPACES_CONTAINERS; i++)
		if (memcmp(namespaces->containers[i].id, id, WIRE_CONTAINER) == 0)
			return &namespaces->containers[i];
	return NULL;
}

/* A free place, or that of the container which was not heard of for longest. */
static struct container *take(struct namespaces *namespaces, const char id[WIRE_CONTAINER])
{
	struct container *oldest = &namespaces->containers[0];

	for (size_t i = 1; i < NAMESPACES_CONTAINERS && oldest->id[0]; i++) {
		struct container *container = &namespaces->containers[i];

		if (!container->id[0] || container->used < oldest->used)
			oldest = container;
	}
	disown_all(namespaces, oldest);
	memcpy(oldest->id, id, WIRE_CONTAINER);
	return oldest;
}

static void own(struct namespaces *namespaces, struct container *container, uint32_t inum)
{
	size_t slot =
		(size_t)(container - namespaces->containers) * WIRE_NAMESPACES + container->count++;
	uint16_t *bucket = &namespaces->buckets[bucket_of(inum)];

	namespaces->owned[slot] = (struct owned){ inum, *bucket };
	*bucket = (uint16_t)(slot + 1);
}

/* Where the host's mount namespace is not known any other must differ. */
static bool in_its_own(const struct namespaces *namespaces, const struct wire_task *task)
{
	if (namespaces->host[WIRE_NS_MNT])
		return task->namespaces[WIRE_NS_MNT] &&
		       task->namespaces[WIRE_NS_MNT] != namespaces->host[WIRE_NS_MNT];
	for (size_t i = 0; i < WIRE_NAMESPACES; i++)
		if (task->namespaces[i] && namespaces->host[i] &&
		    task->namespaces[i] != namespaces->host[i])
			return true;
	return false;
}

void namespaces_learn(struct namespaces *namespaces, const struct wire_task *task)
{
	struct container *container;
	size_t place;

	if (!task->container[0] || !in_its_own(namespaces, task))
		return;
	place = owner_of(namespaces, task->namespaces[WIRE_NS_MNT]);
	container = is_of(namespaces, place, task) ? &namespaces->containers[place]
						   : find(namespaces, task->container);
	/* Those that die with its first process are heard of a little later than that one's end. */
	if (container && container->ended && task->start > container->ended) {
		disown_all(namespaces, container);
		container = NULL;
	}
	if (container) {
		container->used = ++namespaces->clock;
		return;
	}
	container = take(namespaces, task->container);
	container->used = ++namespaces->clock;
	container->start = task->start;
	memcpy(container->begin, task->namespaces, sizeof(container->begin));
	for (size_t i = 0; i < WIRE_NAMESPACES; i++) {
		uint32_t inum = task->namespaces[i], host = namespaces->host[i];

		/* Without the host's there is no telling whose it is. */
		if (inum && host && inum != host &&
		    owner_of(namespaces, inum) == NAMESPACES_CONTAINERS)
			own(namespaces, container, inum);
	}
}

void namespaces_forget(struct namespaces *namespaces, const char id[WIRE_CONTAINER])
{
	struct container *container = id[0] ? find(namespaces, id) : NULL;

	if (container)
		disown_all(namespaces, container);
}

void namespaces_end(struct namespaces *namespaces, const char id[WIRE_CONTAINER], uint64_t ended)
{
	struct container *container = id[0] ? find(namespaces, id) : NULL;

	if (!container)
		return;
	give_away(namespaces, container);
	container->ended = ended;
}

const char *namespaces_describe_ended(const struct namespaces *namespaces,
				      const struct wire_task *task, enum wire_namespace namespace,
				      uint64_t ended, char text[NAMESPACES_TEXT])
{
	uint32_t inum = task->namespaces[namespace], host = namespaces->host[namespace];
	size_t owner;

	if (!inum)
		return NULL;
	if (inum == host)
		return "host";
	owner = owner_of(namespaces, inum);
	if (owner < NAMESPACES_CONTAINERS && namespaces->containers[owner].start > ended)
		owner = NAMESPACES_CONTAINERS; /* the number was used again */
	if (owner == NAMESPACES_CONTAINERS)
		return host ? "private" : NULL;
	if (task->container[0] && is_of(namespaces, owner, task))
		return "private";
	snprintf(text, NAMESPACES_TEXT, "container:%.*s", WIRE_CONTAINER,
		 namespaces->containers[owner].id);
	return text;
}

const char *namespaces_describe(const struct namespaces *namespaces, const struct wire_task *task,
				enum wire_namespace namespace, char text[NAMESPACES_TEXT])
{
	return namespaces_describe_ended(namespaces, task, namespace, UINT64_MAX, text);
}

bool namespaces_usual(const struct namespaces *namespaces, const struct wire_task *task,
		      enum wire_namespace namespace)
{
	const uint32_t *usual = namespaces->host;

	for (size_t i = 0; task->container[0] && i < NAMESPACES_CONTAINERS; i++)
		if (memcmp(namespaces->containers[i].id, task->container, WIRE_CONTAINER) == 0)
			usual = namespaces->containers[i].begin;
	return task->namespaces[namespace] == usual[namespace];
}
