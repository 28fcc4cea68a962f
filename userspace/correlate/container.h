/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the probes say of containers to events: how one begins and ends, and who comes into it.
 *
 * Who started a container is known once the request that starts it has been written, which is when
 * the engine has answered, and the container runs before that. Its events wait for it, as long as
 * such a request is under way, and CONVERSATION_PATIENCE_NS at the most.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "bpf/wire.h"

struct actor_context;
struct causes;
struct container_watch;
struct record;

#define CONTAINER_HELD_MOST 1024 /* events that wait; beyond, the oldest is written as it is */

struct container_options {
	struct actor_context *actors;
	struct causes *causes;
	/* A finished event; the record is the caller's again when it returns. */
	void (*emit)(void *user, struct record *record);
	/* Whether a request is under way, and not written yet, that makes or starts this container.
	 */
	bool (*starting)(void *user, struct text container);
	/*
	 * A container has ended (`id` is not terminated): call container_capability() for all that
	 * the kernel has counted of it. May be NULL.
	 */
	void (*count)(void *user, const char id[WIRE_CONTAINER]);
	void *user;
};

/* The options are copied, what they point to must live on. Returns 0 or -ENOMEM. */
int container_watch_new(const struct container_options *options, struct container_watch **ret);
/* Forgets what waits: container_watch_release() first. Takes NULL. */
void container_watch_free(struct container_watch *watch);

/* A message of the probes about a container; others are ignored. In order of time, behind what the
 * process tree makes of it. Returns 0, or -ENOMEM: then that message is lost. */
int container_message(struct container_watch *watch, const struct wire_header *message);

/* The kernel's count of a kind of capability use; what is new is told, as of `now` on the boot
 * clock. Returns 0 or -ENOMEM. */
int container_capability(struct container_watch *watch, const struct wire_capability *kind,
			 uint64_t count, uint64_t now);

/* The kernel has forgotten its count. */
void container_capability_forget(struct container_watch *watch, const struct wire_capability *kind);

/* Write what need not wait any more; with `all` everything. After each message and tick; while what
 * waits takes long to look at, a part of the calls does nothing. Returns 0, or -ENOMEM where an
 * event was lost. */
int container_watch_release(struct container_watch *watch, bool all);
