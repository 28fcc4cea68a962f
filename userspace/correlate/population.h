/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many living processes each container has, so that what is known of a container's namespaces
 * is forgotten with its last process: the kernel gives the inum of a namespace that is gone to the
 * next one that is made (proc_alloc_inum takes the lowest that is free).
 */
#pragma once

#include <stdint.h>

#include "bpf/wire.h"

#define POPULATION_CONTAINERS 4096

struct population;

/* A container has no living process left. `id` is 64 digits, not terminated. */
typedef void (*population_empty)(void *context, const char id[WIRE_CONTAINER]);

/* Returns 0 or -ENOMEM. */
int population_new(struct population **ret);
/* Takes NULL. */
void population_free(struct population *population);

void population_on_empty(struct population *population, population_empty function, void *context);

/*
 * A living process was seen in container `id` (zeros: in none) that was in `before` so far, a
 * handle that this function returned, or 0. Returns the handle of where it is now; 0 for no
 * container, and for one more than POPULATION_CONTAINERS, which are not counted.
 */
uint16_t population_move(struct population *population, uint16_t before,
			 const char id[WIRE_CONTAINER]);

/* The 64 digits of it, or NULL for 0. Good until it is empty and all of it is forgotten. */
const char *population_id(const struct population *population, uint16_t handle);

/* A process in `handle` began; or ended, and is remembered until it is forgotten. */
void population_enter(struct population *population, uint16_t handle);
void population_end(struct population *population, uint16_t handle);
void population_forget(struct population *population, uint16_t handle);
