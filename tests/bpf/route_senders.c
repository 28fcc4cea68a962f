// SPDX-License-Identifier: Apache-2.0
/* Routes on which who sends is not who connected, or sends in an unusual way. */
#include "tests/bpf/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bpf/descriptor.h"

/* ---- one process */

void go_by_road(struct trip *trip)
{
	const struct road_route *route = trip->argument;
	struct errand errand = trip_errand(trip);

	errand.send = route->send;
	if (route->receive)
		errand.receive = route->receive;
	trip_ask(trip, &errand, route->length);
	trip_go(trip, &errand);
}

void go_two_in_one(struct trip *trip)
{
	struct errand errand = trip_errand(trip);

	trip_ask(trip, &errand, 0);
	trip_ask(trip, &errand, 200);
	trip_go(trip, &errand);
}

void go_and_close_at_once(struct trip *trip)
{
	struct errand errand = trip_errand(trip);

	errand.receive = NULL;
	trip_ask(trip, &errand, 0)->unanswered = true;
	trip_go(trip, &errand);
}

static int talk_on_a_duplicate(void *context)
{
	struct errand *errand = context;
	int fd = errand_connect(errand), other = dup(fd);

	if (fd < 0 || other < 0 || close(fd))
		return 1;
	return errand_talk(errand, dup2(other, 200));
}

void go_with_a_duplicate(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 0);

	expected->pid = expected->connector = trip_run(trip, talk_on_a_duplicate, &errand);
}

/* ---- a process that connects, and another one that sends */

/* In the one that connects. Waits for the other one, which it has made. */
static int end_of(pid_t pid)
{
	int status;

	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static int connect_and_fork(void *context)
{
	struct errand *errand = context;
	int fd = errand_connect(errand);
	pid_t pid = fork();

	if (fd < 0)
		return 1;
	if (pid == 0)
		_exit(errand_talk(errand, fd));
	errand->ground->pid = pid;
	return end_of(pid);
}

static void expect_other(struct trip *trip, struct expected_request *expected, pid_t connector)
{
	expected->connector = connector;
	expected->pid = trip->ground->pid;
	assert_true(expected->pid != 0 && expected->pid != connector);
}

void go_with_an_inherited_descriptor(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 0);

	expect_other(trip, expected, trip_run(trip, connect_and_fork, &errand));
}

/* The program is another one; what it sends it was told on its command line. */
static int connect_and_become_another(void *context)
{
	struct errand *errand = context;
	int fd = dup(errand_connect(errand)); /* without close-on-exec */
	char number[12], answer[256];
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(number, sizeof(number), "%d", fd);
		execl(actor_path("say"), "say", number, errand->request, NULL);
		_exit(1);
	}
	errand->ground->pid = pid;
	/* The answer comes to who reads it, which is not who asked. */
	return end_of(pid) || read(fd, answer, sizeof(answer)) <= 0;
}

void go_with_another_program(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 0);

	expected->name = "say";
	expect_other(trip, expected, trip_run(trip, connect_and_become_another, &errand));
}

struct passing {
	struct errand *errand;
	int end; /* of a pair of sockets */
};

/* Was made before there was a connection: it inherits nothing. */
static int take_and_talk(void *context)
{
	struct passing *passing = context;

	alarm((unsigned int)scene_seconds(30));
	return errand_talk(passing->errand, descriptor_take(passing->end));
}

static int connect_and_pass(void *context)
{
	struct passing *passing = context;
	int fd = errand_connect(passing->errand);

	return fd < 0 || descriptor_pass(passing->end, fd);
}

void go_with_a_passed_descriptor(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 0);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	expected->pid = process_start(take_and_talk, &(struct passing){ &errand, pair[1] });
	expected->connector = process_do(connect_and_pass, &(struct passing){ &errand, pair[0] });
	assert_int_equal(process_wait(expected->pid), 0);
	close(pair[0]);
	close(pair[1]);
}

/* pidfd_getfd(2): who connected does nothing for it. */
static int steal_and_talk(void *context)
{
	struct passing *passing = context;
	pid_t victim = passing->errand->ground->pid;
	int number, fd;

	alarm((unsigned int)scene_seconds(30));
	if (read(passing->end, &number, sizeof(number)) != sizeof(number))
		return 1;
	fd = (int)syscall(SYS_pidfd_getfd, (int)syscall(SYS_pidfd_open, victim, 0), number, 0);
	if (fd < 0)
		return errno == EPERM || errno == ENOSYS ? ROUTE_SKIPPED : 2;
	return errand_talk(passing->errand, fd);
}

static int connect_and_wait(void *context)
{
	struct passing *passing = context;
	int fd = errand_connect(passing->errand);
	char byte;

	if (fd < 0 || write(passing->end, &fd, sizeof(fd)) != sizeof(fd))
		return 1;
	return read(passing->end, &byte, 1) != 1;
}

void go_with_a_taken_descriptor(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 0);
	int pair[2], status;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	expected->connector =
		process_start(connect_and_wait, &(struct passing){ &errand, pair[0] });
	trip->ground->pid = expected->connector;
	expected->pid = process_start(steal_and_talk, &(struct passing){ &errand, pair[1] });
	status = process_wait(expected->pid);
	send_all(pair[1], "", 1);
	assert_int_equal(process_wait(expected->connector), 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == ROUTE_SKIPPED)
		trip->skip = "pidfd_getfd(2) is refused";
	else
		assert_int_equal(status, 0);
	close(pair[0]);
	close(pair[1]);
}

/* ---- several that send on one connection */

#define TURNS 6

struct turns {
	struct errand *errands[TURNS];
	int fd, which, in, out; /* every second errand is its own */
};

static int talk_in_turns(void *context)
{
	const struct turns *turns = context;
	char token;

	alarm((unsigned int)scene_seconds(30));
	for (int i = turns->which; i < TURNS; i += 2)
		if (read(turns->in, &token, 1) != 1 || errand_talk(turns->errands[i], turns->fd) ||
		    write(turns->out, &token, 1) != 1)
			return 1;
	return 0;
}

/* This process connects and sends nothing itself. */
static void start_turns(struct trip *trip, struct errand errands[TURNS], int (*act)(void *context))
{
	int first[2], second[2], fd = errand_connect(&errands[0]);
	struct turns turns = { .fd = fd };
	pid_t pids[2];

	assert_true(fd >= 0);
	assert_int_equal(pipe(first), 0);
	assert_int_equal(pipe(second), 0);
	for (int i = 0; i < TURNS; i++)
		turns.errands[i] = &errands[i];
	for (turns.which = 0; turns.which < 2; turns.which++) {
		turns.in = turns.which ? second[0] : first[0];
		turns.out = turns.which ? first[1] : second[1];
		pids[turns.which] = process_start(act, &turns);
	}
	send_all(first[1], "", 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(process_wait(pids[i]), 0);
	for (size_t i = 0; i < trip->count; i++) {
		trip->expected[i].pid = pids[i % 2];
		trip->expected[i].connector = getpid();
	}
	alarm(0);
	close(fd);
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
}

void go_in_turns(struct trip *trip)
{
	struct errand *errands = calloc(TURNS, sizeof(*errands));

	assert_non_null(errands);
	for (int i = 0; i < TURNS; i++) {
		errands[i] = trip_errand(trip);
		trip_ask(trip, &errands[i], 0);
	}
	start_turns(trip, errands, talk_in_turns);
	free(errands);
}

/* Of one request each sends a half: it is the one's who began it. */
void go_in_halves(struct trip *trip)
{
	struct errand *errands = calloc(TURNS, sizeof(*errands)), *first = &errands[0];

	assert_non_null(errands);
	for (int i = 0; i < TURNS; i++)
		errands[i] = trip_errand(trip);
	trip_ask(trip, first, 200);
	errands[1].length = first->length / 2;
	memcpy(errands[1].request, first->request + first->length - errands[1].length,
	       errands[1].length);
	first->length -= errands[1].length;
	first->receive = NULL;
	errands[1].answers = 1;
	start_turns(trip, errands, talk_in_turns);
	free(errands);
}

void go_and_be_refused(struct trip *trip)
{
	const struct refusal_route *route = trip->argument;
	struct errand errand = trip_errand(trip);
	int status, expected = 0;

	while (!strerrorname_np(expected) || strcmp(strerrorname_np(expected), route->code))
		expected++;
	errand.uid = route->uid;
	errand.before = route->before;
	errand.argument = route->argument;
	/* Nobody listens any more: the engine holds the listener too. */
	trip_end(trip);
	if (expected == ECONNREFUSED)
		close(trip->listener.fd);
	else if (expected == ENOENT)
		assert_int_equal(unlink(trip->listener.path), 0);
	else
		assert_int_equal(chmod(trip->listener.path, 0600), 0);
	trip->refused = process_start(route->act, &errand);
	status = process_wait(trip->refused);
	trip->refused_inode = expected == ENOENT ? 0 : trip->listener.inode;
	trip->refused_user = route->uid;
	trip->refused_code = route->code;
	trip->refused_name = route->argument ? "ia32" : program_invocation_short_name;
	trip->refused_path = trip->listener.path;
	if (WIFEXITED(status) && WEXITSTATUS(status) == ROUTE_SKIPPED)
		trip->skip = "this kernel refuses what it needs";
	else
		assert_int_equal(WEXITSTATUS(status), expected);
}
