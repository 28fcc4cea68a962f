/* SPDX-License-Identifier: Apache-2.0 */
/* Which sockets and ports are watched where nobody says so, and what may be said of them. */
#pragma once

#include "commands/record_options.h"

/* Where no socket was named: those of Docker, rootless Docker, Docker Desktop, Podman and
 * containerd. Returns 0 or -ENOMEM. */
int record_sockets_default(struct record_options *options);

/*
 * Sockets that are patterns are moved to `patterns`. Prints what is wrong and returns -EINVAL; 0;
 * or -ENOMEM, -E2BIG.
 */
int record_sockets_sort(struct record_options *options);

/* "2375": 0, or -EINVAL. */
int record_port_parse(const char *text, uint16_t *ret);

/* For bpf_options.ports: ended by 0. */
void record_ports(const struct record_options *options, uint16_t ret[RECORD_LIST_MOST + 1]);
