/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every test of the probes stands on: a source on one rung, sockets that it watches, and the
 * records that came. Tracing is host-wide, so each test has a listener of its own and looks only at
 * records of that listener or of its own processes.
 *
 * A test acts, settles, and then looks: scene_settle() makes a process, waits for it and drains
 * until its exit is read. Records are handed over in order of time, so by then everything that the
 * test did before has come, or never will.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "capture/bpf.h"

#define SCENE_PATHS 192
#define NOBODY      65534

struct scene {
	const char *rung;
	bool fentry;
	const char *why_not;       /* this rung is not tried: the words before its name; NULL */
	struct bpf_source *source; /* NULL where the rung is not offered */
	struct buffer diagnosis;
	char folder[40];
	char *paths[SCENE_PATHS + 1]; /* watched; no file is there until scene_listen() */
	size_t used;
	struct buffer records; /* since the test began, each padded to 8 */
	void *prepared;        /* by the suite, before the source was opened */
};

struct scene_test {
	const char *name;
	void (*run)(struct scene *scene, const void *argument);
	const void *argument;
};

struct scene_suite {
	const char *name; /* goes into the names of the tests; may be empty */
	const struct scene_test *tests;
	size_t count;
	struct bpf_options options;           /* without sockets and rung */
	void (*prepare)(struct scene *scene); /* before the source is opened; may be NULL */
};

#define SCENE_TEST(function)                                                                       \
	{                                                                                          \
		.name = #function, .run = function                                                 \
	}

/*
 * Runs the suite once for each rung that the kernel offers, as tried without the source; with
 * FIRST_RUNG in the environment only on the first. Returns the number of tests that failed.
 */
int scene_run(const struct scene_suite *suite);

/* Wait until everything that was done so far has come, or fail. */
void scene_settle(struct scene *scene);
/* Drain once. */
void scene_drain(struct scene *scene);
/* Settle, and forget what came. */
void scene_forget(struct scene *scene);

/* The records of one message in order: `previous` NULL for the first; NULL after the last. Valid
 * until the next drain. */
const void *scene_next(const struct scene *scene, enum wire_message message, const void *previous);

#define SCENE_EACH(scene, name, record)                                                            \
	for (const struct wire_##name *record = scene_next(scene, WIRE_##name, NULL); record;      \
	     record = scene_next(scene, WIRE_##name, record))

/* The bytes of a `str` member, and whether they are this text. */
const char *record_bytes(const struct wire_header *record, struct wire_str string);
bool record_is(const struct wire_header *record, struct wire_str string, const char *text);

/* Losses of one kind since the source was opened. */
struct wire_count scene_losses(struct scene *scene, enum wire_message message,
			       enum wire_loss reason);

/* The hash map of the probes with this name: their own descriptor. Fails where there is none. */
int scene_map(const char *name);

/* As seconds of the machine that tests run on: TIME_FACTOR stretches them. */
double scene_seconds(double seconds);
double scene_clock(void);

/* ---- sockets */

struct listener {
	int fd;
	const char *path;
	uint64_t inode;
	uint32_t device;
};

/* Both ends of one connection, in this process unless a test passes one on. */
struct line {
	int client, engine;
	uint64_t inode; /* of the listener */
};

/* A path that is watched and that no other test uses. */
const char *scene_path(struct scene *scene);
/* Bind, by exactly this string, and listen. */
struct listener listen_at(const char *path);
struct listener scene_listen(struct scene *scene);
void listener_close(struct listener *listener);
/* Connect a blocking stream socket. Returns it, or -errno. */
int connect_to(const char *path);
struct line line_open(const struct listener *listener);
void line_close(struct line *line);
/* A listener of its own, and one connection to it. */
struct line scene_line(struct scene *scene);

/* Send all of it; read exactly that much. They fail the test. */
void send_all(int fd, const void *data, size_t length);
void read_all(int fd, void *data, size_t length);
/* Move `length` bytes from one end to the other, in turns: more than the socket holds. */
void transfer(int from, int to, const char *data, size_t length);

/* Bytes that differ from place to place and have every value; the caller frees them. */
char *pattern(size_t length);

/* ---- what was heard */

struct heard {
	struct buffer bytes;
	uint64_t connection, length; /* bytes that the receiver took */
	uint32_t records, senders, turns;
	uint8_t flags; /* of all pieces together */
	bool gap;
};

/* All pieces of one direction of the only connection to this listener. Fails where they belong to
 * two connections or their offsets do not follow on each other. */
struct heard scene_heard(const struct scene *scene, uint64_t inode, int direction);
void heard_clear(struct heard *heard);
#define _cleanup_heard_ _cleanup_(heard_clear)

/* The only record of its kind for this listener; fails if there is none or another one. */
const struct wire_socket_connect *only_connect(const struct scene *scene, uint64_t inode);
const struct wire_socket_sender *only_sender(const struct scene *scene, uint64_t inode);
const struct wire_socket_close *only_close(const struct scene *scene, uint64_t connection,
					   int direction);
size_t count_connects(const struct scene *scene, uint64_t inode);
size_t count_senders(const struct scene *scene, uint64_t inode);
size_t count_closes(const struct scene *scene, uint64_t connection);

/* ---- processes */

/* Start a process that does `act` and ends with what it returns; it dies with the test. No check of
 * cmocka's may stand in `act`: it would go on with the tests in there. */
pid_t process_start(int (*act)(void *context), void *context);
/* Wait for its end. Returns its status as wait(2) gives it. */
int process_wait(pid_t pid);
/* Both: fails unless it ends with 0. Returns the pid it had. */
pid_t process_do(int (*act)(void *context), void *context);
/* When a process was made, in clock ticks, from /proc; 0: it is not there. */
uint64_t process_start_ticks(pid_t pid);
uint64_t ticks_of(uint64_t boot_ns);
/* Where build/tests/actors/NAME is, beside this program. Static memory. */
const char *actor_path(const char *name);
