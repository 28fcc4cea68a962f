/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and images of containers, from the engine's own files and from requests that went by; the
 * socket is never asked. What was known once stays known after the container is removed, for the
 * events that still come.
 */
#pragma once

#include <stdint.h>

#include "base/text.h"

#define CONTAINER_ID     64 /* hexadecimal digits, lower case */
#define CONTAINERS_MOST  1024
#define CONTAINERS_ROOTS 8

struct containers;

/* Absent is data NULL. Good until the next call. */
struct container_names {
	struct text name;  /* without the slash before it */
	struct text image; /* as the request named it, else its digest */
};

/* Returns 0 or -ENOMEM. */
int containers_new(struct containers **ret);
/* Takes NULL. */
void containers_free(struct containers *containers);

/*
 * Look under this folder too ("/var/lib/docker"), in containers/<id>/config.v2.json; it may appear
 * later, and may be a symbolic link, but nothing below it is followed. Returns 0, -ENOSPC beyond
 * CONTAINERS_ROOTS, or -ENOMEM.
 */
int containers_add_root(struct containers *containers, const char *path);

/*
 * What time it is (any clock that does not go backwards, ns), for all that follows: a file is
 * looked at again after a second, for a container may be renamed.
 */
void containers_set_time(struct containers *containers, uint64_t now);

/*
 * The time of the event that all that follows is asked for, UTC, ns; 0: now. Events are told a
 * moment after they were, and an engine may have gone on meanwhile: what its files became since
 * does not take the place of what is known.
 */
void containers_as_of(struct containers *containers, uint64_t wall_ns);

/* Whether these are 64 hexadecimal digits. */
bool container_id_valid(struct text id);

/* The names of a container by its whole id. Returns 0, -ENOENT when nothing is known of it, or
 * -ENOMEM. */
int containers_find(struct containers *containers, struct text id, struct container_names *ret);

/*
 * The id of a container by what a request calls it, in the engine's order (daemon.GetContainer):
 * its whole id, its name, the begin of its id. What exists goes before what is only remembered.
 * Returns 0; -ENOENT; -ENOTUNIQ when several ids begin so; -ENOMEM.
 */
int containers_resolve(struct containers *containers, struct text reference,
		       char ret_id[CONTAINER_ID]);

/* A request or an answer told this of a container; data NULL is unknown. The engine's file, where
 * it is there and no younger, knows better. Returns 0, -EINVAL for what is no id, or -ENOMEM. */
int containers_learn(struct containers *containers, struct text id, struct text name,
		     struct text image);

/* How many that were learnt had a file of the engine's then, and how many had none: an engine that
 * keeps them in another folder, or one whose files may not be read. */
struct containers_stats {
	uint64_t found, missed;
};

void containers_get_stats(const struct containers *containers, struct containers_stats *ret);

/* A request gave it this name, with or without a slash before it; data NULL, or no id: one of them
 * was renamed. Returns 0 or -ENOMEM. */
int containers_rename(struct containers *containers, struct text id, struct text name);

/* Learn all containers of all roots, within CONTAINERS_MOST: at start, so that one which is removed
 * later is known. Returns 0 or -ENOMEM; a root that is not there is none. */
int containers_scan(struct containers *containers);
