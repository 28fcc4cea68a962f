/* SPDX-License-Identifier: Apache-2.0 */
/* Containers made by hand, and what the probes said of them. */
#pragma once

#include "tests/bpf/program.h"

/* A container made by hand: a cgroup with an id in its name, and what runs in it. */
struct box {
	char id[WIRE_CONTAINER + 1], parent[200], cgroup[300];
};

/* Where control groups of the unified tree are made. */
const char *cgroup_root(void);

/* A new id, and a control group that is called so; the test is skipped where none can be made. */
void box_make(struct box *box);
/* A control group elsewhere that is called like that of another box. */
void box_make_another(struct box *box, const struct box *other);
/* Fails the test while anything runs in it. */
void box_remove(struct box *box);

/* Of the calling process; 0 or -1. */
int enter_cgroup(const struct box *box);

/* For struct program, whose context is a struct box: go into the container as its first process. */
int begin_box(const struct program *program);

bool is_of_box(const struct wire_task *task, const struct box *box);

/* The test fails where there is none, or more than one. */
const struct wire_container_start *only_start(const struct scene *scene, const struct box *box);
const struct wire_container_exit *only_end(const struct scene *scene, const struct box *box);
const struct wire_container_exec *only_entry(const struct scene *scene, const struct box *box);
size_t count_entries(const struct scene *scene, const struct box *box);

/* Its first process, which reads its standard input to the end. */
struct first {
	struct box box;
	struct program program;
	int ends[2];
	pid_t pid;
};

/* Started, `cat` unless there are arguments for a shell; that its program runs is not awaited. */
void first_begin(struct first *first, char *const *arguments);
/* Returns once its program runs. */
void first_start(struct scene *scene, struct first *first, char *const *arguments);
/* Its status, as process_wait() has it. */
int first_stop(struct first *first);

/* The calling process goes into its mount namespace; 0 or -1. */
int join_mount_namespace(const struct first *first);
