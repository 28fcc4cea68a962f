/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that are servers themselves: where they listen, as /proc shows it (proc(5): fd,
 * net/tcp, net/tcp6, net/unix). One that asks the engine and listens itself may pass on what others
 * ask.
 *
 * A look costs some ten system calls, so that there is a bound on how many there are in a second,
 * and what was found is kept for a while. A process that is gone by then is not known to listen.
 */
#pragma once

#include <stdint.h>

#include "base/text_list.h"

#define SERVERS_KEPT             64
#define SERVERS_KEPT_NS          60000000000ull
#define SERVERS_LOOKS_PER_SECOND 32

struct servers;

/* `proc` is a descriptor of /proc, which is duplicated. Returns 0, -ENOMEM or -errno. */
int servers_new(int proc, struct servers **ret);
/* Takes NULL. */
void servers_free(struct servers *servers);

/*
 * Where the process that began at `start` (boot clock, ns; 0: whoever has the pid now) listens:
 * "tcp://127.0.0.1:2375", "unix:///run/front.sock". NULL where it does not, or is not known to.
 * `now` is any clock that does not go backwards, ns. The list is good until the next call.
 */
const struct text_list *servers_find(struct servers *servers, uint32_t pid, uint64_t start,
				     uint64_t now);

/* The same without the memory: read it now and append to `ret`. Returns 0, -ESRCH or -errno. */
int servers_read(int proc, uint32_t pid, struct text_list *ret);
