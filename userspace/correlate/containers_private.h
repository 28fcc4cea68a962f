/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each container, by its id, and the order in which it was used. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "correlate/containers.h"
#include "correlate/engine_config.h"

#define CONTAINERS_BUCKETS 1024

/* In the order of their use; those of which nothing is known go first when room is wanted. */
enum list { LIST_NONE, LIST_NAMELESS, LIST_NAMED, LISTS };

/* Places in `entries` are counted from 1; 0 is none. */
struct entry {
	char id[CONTAINER_ID];
	bool looked;
	bool there;       /* its file was there when we looked, */
	bool passed_over; /* and younger than what was asked for */
	uint8_t list;     /* LIST_NONE: free */
	uint16_t next;    /* of its bucket */
	uint16_t older, newer;
	uint64_t looked_at;
	uint64_t named_at;       /* UTC: when it got this name, as far as is known */
	uint64_t learnt;         /* turn of `turn` */
	struct text name, image; /* owned */
	struct stat seen;
};

struct containers {
	char *roots[CONTAINERS_ROOTS];
	size_t root_count;
	struct entry entries[CONTAINERS_MOST];
	uint16_t fresh; /* entries that were ever used */
	uint16_t oldest[LISTS], newest[LISTS];
	uint16_t buckets[CONTAINERS_BUCKETS];
	uint64_t now, turn, scan_after;
	uint64_t as_of; /* 0: now */
	struct containers_stats stats;
	struct engine_config scratch;
};

/* NULL where nothing is known by this id, of CONTAINER_ID bytes. */
struct entry *containers_lookup(struct containers *containers, const char *id);

/* A new one, in the place of what is sooner to go where there is no room. */
struct entry *containers_take(struct containers *containers, const char *id);

/* The one that there is, used just now, or a new one. */
struct entry *containers_entry(struct containers *containers, const char *id);

/* It was used just now, or something became known of it. */
void containers_touch(struct containers *containers, struct entry *entry);
