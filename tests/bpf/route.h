/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes to the engine: each is one way to bring a request to it, and is judged by the events that
 * come of it. An engine stands at the other end, in a process of its own, which writes down what it
 * read and answers each request. The records of the probes go through the same correlation as the
 * recorder's, so that a route is seen when it is the right number of api-request events, each of
 * the right process, and what was heard are the bytes that the engine read.
 */
#pragma once

#include "tests/bpf/roads.h"
#include "tests/bpf/scene.h"

#define ROUTE_REQUESTS     8
#define ROUTE_REQUEST_MOST 9216
#define ROUTE_SKIPPED      77 /* exit status: it cannot be gone here */

/* In memory that all processes of a route share. */
struct ground {
	size_t length, requests; /* that the engine read */
	char bytes[64 * 1024];
	pid_t pid; /* of who sends, where only another process knows it */
};

struct expected_request {
	pid_t pid, connector;
	const char *name; /* process.name */
	char path[32];
	bool unanswered;
};

struct trip {
	struct scene *scene;
	struct listener listener;
	struct ground *ground;
	int stop; /* a byte on it: the engine ends */
	pid_t engine;
	const void *argument; /* the route's */
	struct expected_request expected[ROUTE_REQUESTS];
	size_t count;
	uint64_t refused_inode; /* a refusal is expected instead of requests */
	pid_t refused;
	uid_t refused_user;
	const char *refused_code, *refused_name, *refused_path;
	bool present;     /* open before the probes: there is no connect */
	const char *skip; /* why the route cannot be gone here */
};

/* What one process does: everything that it needs is in here when it is made. */
struct errand {
	const char *folder; /* of the socket */
	const char *name;   /* of the socket, in there */
	char path[128];     /* it connects to this */
	int fd;             /* or was given this, where `path` is empty */
	uid_t uid;
	int (*before)(struct errand *errand); /* sets `path`; 0: go on */
	road_in send;
	road_out receive; /* NULL: goes without waiting for an answer */
	char request[ROUTE_REQUEST_MOST];
	size_t length;
	size_t answers; /* that it waits for */
	struct ground *ground;
	const void *argument;
};

struct route {
	const char *name; /* as in docs/kernels.md */
	void (*go)(struct trip *trip);
	const void *argument;
	const char *by; /* purposes of the hooks that show it */
	/* By rung: NULL where it is to be seen, else what bpf_source_blind() says about it. */
	const char *unseen_fentry, *unseen_tracepoint;
};

/* A listener and the engine behind it. `accepted`: a connection that is open already, or -1. */
struct trip trip_begin(struct scene *scene, struct listener listener, int accepted);
/* The engine reads what is under way, and ends. */
void trip_end(struct trip *trip);

/* An errand to this trip's socket with nothing to say yet. */
struct errand trip_errand(struct trip *trip);
/* Add the next request, `length` bytes in all or as short as can be, and expect it. */
struct expected_request *trip_ask(struct trip *trip, struct errand *errand, size_t length);

/* In the process: `before`, connect, send, receive. An act for process_do(). */
int errand_do(void *errand);
/* Its parts: a connected socket or -errno; 0 or an exit status. */
int errand_connect(struct errand *errand);
int errand_talk(struct errand *errand, int fd);

/* Run an act to its end; trip->skip is set where it cannot be gone. Returns its pid. */
pid_t trip_run(struct trip *trip, int (*act)(void *), struct errand *errand);
/* The same, and expect what it asked of it: it connects and sends. */
void trip_go(struct trip *trip, struct errand *errand);

/* Is it as expected? What is not is appended to `wrong`. */
void trip_judge(struct trip *trip, struct buffer *wrong);

/* Append a line to the file that the environment's ROUTES names: what tools/routes-table reads. */
void route_note(const struct scene *scene, const char *route, const char *by, const char *verdict,
		const char *why);

/* ---- the routes, by what is unusual in them */

void go_plainly(struct trip *trip); /* argument: errand.before */
void go_as_a_child_of_new_namespaces(struct trip *trip);
void go_by_uring(struct trip *trip);   /* argument: struct uring_route */
void go_in_32_bits(struct trip *trip); /* argument: the actor's first */
void go_by_road(struct trip *trip);    /* argument: struct road_route */
void go_two_in_one(struct trip *trip);
void go_and_close_at_once(struct trip *trip);
void go_with_a_passed_descriptor(struct trip *trip);
void go_with_a_taken_descriptor(struct trip *trip);
void go_with_an_inherited_descriptor(struct trip *trip);
void go_with_another_program(struct trip *trip);
void go_with_a_duplicate(struct trip *trip);
void go_in_turns(struct trip *trip);
void go_in_halves(struct trip *trip);
void go_and_be_refused(struct trip *trip); /* argument: struct refusal_route */

int through_a_symbolic_link(struct errand *errand);
int through_a_hard_link(struct errand *errand);
int through_a_bind_mount(struct errand *errand);
int through_the_root_of_a_process(struct errand *errand);
int through_a_descriptor_of_the_path(struct errand *errand);
int by_a_relative_path(struct errand *errand);
int from_another_mount_namespace(struct errand *errand);
int from_a_chroot(struct errand *errand);

struct uring_route {
	unsigned int setup, operation; /* flags of the ring, of each operation */
};

struct road_route {
	road_in send;
	road_out receive;
	size_t length;
};

struct refusal_route {
	const char *code;
	uid_t uid;
	int (*act)(void *errand);
	int (*before)(struct errand *errand);
	const char *argument;
};

int refused_plainly(void *errand);
int refused_by_uring(void *errand);
int refused_in_32_bits(void *errand);
