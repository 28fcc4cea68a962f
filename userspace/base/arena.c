// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer the use of something from before a reset is an error like a use after
 * free.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, length)   ((void)(start), (void)(length))
#define ASAN_UNPOISON_MEMORY_REGION(start, length) ((void)(start), (void)(length))
#endif

#define FIRST_CHUNK 4096u

struct chunk {
	struct chunk *next; /* the one before it, always full */
	size_t capacity;
	alignas(max_align_t) char data[];
};

struct arena {
	struct chunk *chunk; /* the one in use; NULL before the first allocation */
	size_t used;         /* of its data */
};

int arena_new(struct arena **ret)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return -ENOMEM;
	*ret = arena;
	return 0;
}

static void chunk_free(struct chunk *chunk)
{
	ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->capacity);
	free(chunk);
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	while (arena->chunk) {
		struct chunk *next = arena->chunk->next;

		chunk_free(arena->chunk);
		arena->chunk = next;
	}
	free(arena);
}

static int add_chunk(struct arena *arena, size_t length)
{
	size_t capacity = arena->chunk ? arena->chunk->capacity : FIRST_CHUNK / 2;
	struct chunk *chunk;
	size_t size;

	capacity = capacity < ARENA_KEPT / 2 ? 2 * capacity : ARENA_KEPT;
	if (capacity < length)
		capacity = length;
	if (__builtin_add_overflow(capacity, sizeof(*chunk), &size))
		return -ENOMEM;
	chunk = malloc(size);
	if (!chunk)
		return -ENOMEM;
	chunk->next = arena->chunk;
	chunk->capacity = capacity;
	ASAN_POISON_MEMORY_REGION(chunk->data, capacity);
	arena->chunk = chunk;
	arena->used = 0;
	return 0;
}

void *arena_allocate(struct arena *arena, size_t length)
{
	size_t rounded;
	void *data;

	if (__builtin_add_overflow(length, alignof(max_align_t) - 1, &rounded))
		return NULL;
	rounded &= ~(alignof(max_align_t) - 1);
	if (!arena->chunk || rounded > arena->chunk->capacity - arena->used)
		if (add_chunk(arena, rounded) < 0)
			return NULL;
	data = arena->chunk->data + arena->used;
	arena->used += rounded;
	ASAN_UNPOISON_MEMORY_REGION(data, length);
	return data;
}

void *arena_copy(struct arena *arena, const void *data, size_t length)
{
	void *copy = arena_allocate(arena, length);

	if (copy && length > 0)
		memcpy(copy, data, length);
	return copy;
}

void arena_reset(struct arena *arena)
{
	struct chunk *chunk = arena->chunk, *kept = NULL;

	/* The largest that is not too large: after a few rounds one chunk holds a whole event. */
	while (chunk) {
		struct chunk *next = chunk->next;

		if (chunk->capacity <= ARENA_KEPT && (!kept || chunk->capacity > kept->capacity)) {
			if (kept)
				chunk_free(kept);
			kept = chunk;
		} else {
			chunk_free(chunk);
		}
		chunk = next;
	}
	if (kept) {
		kept->next = NULL;
		ASAN_POISON_MEMORY_REGION(kept->data, kept->capacity);
	}
	arena->chunk = kept;
	arena->used = 0;
}
