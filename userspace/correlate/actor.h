/* SPDX-License-Identifier: Apache-2.0 */
/* Who did it: the fields of the groups ACTOR and CONNECTOR of a record, from a task. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"

struct actor_cache;
struct containers;
struct entries;
struct namespaces;
struct process_tree;
struct record;
struct sessions;
struct text_list;
struct users;

/*
 * What was told of the last processes that acted, until anything in the tree changes: who floods an
 * engine's socket is described once, not for each request. About half a mebibyte. Returns 0 or
 * -ENOMEM.
 */
int actor_cache_new(struct actor_cache **ret);
/* Takes NULL. */
void actor_cache_free(struct actor_cache *cache);

/* All of it is the caller's. Any of the first five may be NULL: their fields are absent then. */
struct actor_context {
	struct process_tree *tree;
	struct users *users;           /* whoever owns it refreshes it, */
	struct containers *containers; /* and tells it the time */
	struct namespaces *namespaces;
	struct entries *entries;   /* of who came into containers */
	struct sessions *sessions; /* NULL: from where they came is not told */
	struct actor_cache *cache; /* NULL: nothing is kept */
	const char *boot_id;       /* of /proc/sys/kernel/random/boot_id */
	int64_t wall_offset_ns;    /* clock_wall_offset_ns(): UTC minus boot clock */
	bool audit;                /* the kernel's audit is a second witness */
	/*
	 * Append a command line to `ret` with its secrets masked. `arguments->cut` when there was
	 * more: the last one may be a part. Asked once for each program, so that it must always
	 * answer the same; returns 0 or -ENOMEM. NULL: no command line is written at all.
	 */
	int (*redact)(void *user, const struct text_list *arguments, struct text_list *ret);
	void *redact_user;
};

/*
 * Join tree and namespaces: what the tree finds in containers when it is seeded, and when the last
 * process of a container ends. Once, before process_tree_seed(); both must live as long as each
 * other.
 */
void actor_connect(const struct actor_context *context);

/* A task of which no more is known than its number and, if it is not 0, its start. */
struct wire_task actor_task(uint32_t pid, uint64_t start);

/* UTC, ns since 1970, of a time on the boot clock. */
uint64_t actor_wall_ns(const struct actor_context *context, uint64_t boot_ns);

/*
 * "<first 8 digits of the boot id>-<pid>-<start, ns on the boot clock>": a pid that was reused has
 * another start, and a start at the same nanosecond of another boot has other digits.
 */
#define ENTITY_ID_MOST 48
void actor_entity_id(const struct actor_context *context, uint32_t pid, uint64_t start,
		     char ret[ENTITY_ID_MOST]);

/*
 * The group ACTOR. What is not known is absent. Of a task that has only a pid (start 0: who
 * connected before the probes, or to a send that none of them saw) the tree and /proc tell the
 * rest, unless that process began after the record's timestamp, which is to be set before; it has
 * no entity id until a message has told its exact start. The record keeps a failed allocation.
 */
void actor_fill(const struct actor_context *context, const struct wire_task *task,
		struct record *record);

/* Of the group ACTOR the ids, names and session of a user alone, in place of what is there. */
void actor_fill_user(const struct actor_context *context, const struct wire_task *task,
		     struct record *record);

/* Name and image of the container whose id the record has. */
void actor_fill_container(const struct actor_context *context, struct record *record);

/* The group CONNECTOR, and who stands in the group PROXY, likewise. */
void actor_fill_connector(const struct actor_context *context, const struct wire_task *task,
			  struct record *record);
void actor_fill_downstream(const struct actor_context *context, const struct wire_task *task,
			   struct record *record);
/* Who triggered an oom-kill, likewise. */
void actor_fill_trigger(const struct actor_context *context, const struct wire_task *task,
			struct record *record);
