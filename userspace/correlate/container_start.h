/* SPDX-License-Identifier: Apache-2.0 */
/* What a container was given, as the kernel shows it when its program begins. */
#pragma once

#include "base/text.h"
#include "bpf/wire.h"

struct record;

/*
 * The group CONTAINED of a record whose actor, with its namespaces, is filled; raises the severity
 * to what was given away, as declare_severity() does to what was asked for. The label, which the
 * kernel does not tell at once, is read from /proc while the process is there. Returns 0, -ENOMEM
 * or -EBADMSG.
 */
int container_start_fill(const struct wire_container_start *message, struct record *record);

/*
 * docktrail.mounts[]: `names` are those of all of them, as struct wire_mount says. Returns 0,
 * -ENOMEM, or -EBADMSG where there are fewer: then what they name is left out.
 */
int container_start_mounts(const struct wire_mount *mounts, size_t count, struct text names,
			   struct record *record);
