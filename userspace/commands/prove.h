/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the recorder has a process of its own do now and then, so that every hook has something to
 * see. None of it touches an engine or is an event: sockets without a path, its own children.
 */
#pragma once

#define PROVE_SECONDS  5
#define PROVE_ARGUMENT "--do-what-hooks-see" /* of the recorder's own program: main() */

/* Returns BPF_ACT_... that were done, as an exit status. */
int prove_acts(void);
