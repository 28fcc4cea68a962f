/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities that programs in containers use. The first use of each kind comes as a message; the
 * kernel counts the others, and what it has counted is told now and then and at a container's end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"

struct capability_uses;
struct record;

#define CAPABILITY_KINDS 16384
#define CAPABILITY_NAME  32

/* "CAP_SYS_ADMIN"; of a later kernel "CAP_63". */
void capability_name(unsigned int number, char name[CAPABILITY_NAME]);

/* Returns 0 or -ENOMEM. */
int capability_uses_new(struct capability_uses **ret);
/* Takes NULL. */
void capability_uses_free(struct capability_uses *uses);

/* The group CAPABILITY of a first use, in a record whose actor is filled. Returns 0 or -ENOMEM. */
int capability_first(struct capability_uses *uses, const struct wire_capability_use *message,
		     struct record *record);

/*
 * The kernel's count of a kind. Returns true with the record of a capability-use begun, without its
 * time; false where there is nothing new, or its first use is not known yet.
 */
bool capability_counted(struct capability_uses *uses, const struct wire_capability *kind,
			uint64_t count, struct record *record);

/* Is any kind of this container known? */
bool capability_any_of(const struct capability_uses *uses, const char container[WIRE_CONTAINER]);

/* The kernel has forgotten its count, and tells a first use anew. */
void capability_forget(struct capability_uses *uses, const struct wire_capability *kind);
