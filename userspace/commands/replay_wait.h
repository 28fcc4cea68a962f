/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for more of a trail that is being recorded. */
#pragma once

/*
 * Catch SIGINT and SIGTERM from here on, and watch what `folder` has as `committed`. Returns a
 * descriptor (owned by the caller) or -errno.
 */
int replay_wait_begin(const char *folder);

/* Until something was committed. Returns 1; 0 when a signal asked to end; -errno. */
int replay_wait(int watch);
