/* SPDX-License-Identifier: Apache-2.0 */
/* What a container was given, as the kernel shows it when its program begins. */
#pragma once

#include "bpf/wire.h"

struct record;

/*
 * The group CONTAINED of a record whose actor, with its namespaces, is filled; raises the severity
 * to what was given away, as declare_severity() does to what was asked for.
 */
void container_start_fill(const struct wire_container_start *message, struct record *record);
