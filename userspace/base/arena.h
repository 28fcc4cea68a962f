/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for many small things that are given back all at once: an allocation moves a pointer, and
 * a reset keeps the memory for the next round, so that a loop that reuses an arena soon stops
 * calling malloc.
 */
#pragma once

#include <stddef.h>

struct arena;

/* A new, empty arena. Returns 0 or -ENOMEM. */
int arena_new(struct arena **ret);
/* Takes NULL. */
void arena_free(struct arena *arena);

/*
 * `length` bytes, not initialised, aligned for any object (alignof(max_align_t)); never NULL for
 * length 0. Owned by the arena until arena_reset() or arena_free(). NULL when memory is out.
 */
void *arena_allocate(struct arena *arena, size_t length);

/* The same, filled with a copy of `length` bytes at `data` (which may be NULL when length is 0). */
void *arena_copy(struct arena *arena, const void *data, size_t length);

/*
 * Everything that was allocated is gone. At most ARENA_KEPT bytes stay with the arena: one
 * monstrous event does not make the process large for ever.
 */
void arena_reset(struct arena *arena);

#define ARENA_KEPT (256u * 1024)

static inline void arena_freep(struct arena **arena)
{
	arena_free(*arena);
}

#define _cleanup_arena_ __attribute__((cleanup(arena_freep)))
