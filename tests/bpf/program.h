/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run for their records. */
#pragma once

#include "tests/bpf/scene.h"

struct program {
	const char *path;
	char *const *arguments; /* the first is the program's own name for itself; NULL: "leave" */
	int (*before)(const struct program *program); /* in the new process; 0: go on */
	const void *context;
};

/* Run it in a process of its own, wait for its end and settle. Returns the only exec record of it;
 * fails where there is none. */
const struct wire_process_exec *exec_of(struct scene *scene, const struct program *program);
/* An act for process_do(): becomes the program. */
int run_program(void *program);

/* The only record of its kind of a process. They fail where there is none or another one. */
const struct wire_process_exec *only_exec(const struct scene *scene, pid_t pid);
const struct wire_process_fork *only_fork(const struct scene *scene, pid_t pid);
const struct wire_process_exit *only_exit(const struct scene *scene, pid_t pid);

/* A copy of an actor at `path`. */
void copy_actor(const char *actor, const char *path, mode_t mode);
