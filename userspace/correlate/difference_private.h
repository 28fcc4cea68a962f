/* SPDX-License-Identifier: Apache-2.0 */
/* What difference.c shares with difference_mounts.c. */
#pragma once

#include "correlate/difference.h"

/* One more difference, which nobody asked for. */
void difference_tell(struct record *start, const char *field, const char *declared,
		     struct text actual);

void difference_mounts(const struct isolation *isolation, const struct isolation_peers *peers,
		       struct record *start);
