// SPDX-License-Identifier: Apache-2.0
/*
 * Every route to the engine: one act is one event of the right process, whatever road it takes. The
 * table below says where a rung does not see one; a route that is unseen and not said to be is a
 * failure, and so is one that is seen and said not to be. What was found goes into docs/kernels.md
 * (tools/routes-table).
 */
#include "tests/bpf/route.h"

#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNSEEN_REFUSAL "a connect that was refused"
#define UNSEEN_SPLICE  "an answer that the client reads with splice(2)"
#define ASKS           "connect, sender, content"

static const struct uring_route uring_inline, uring_worker = { .operation = IOSQE_ASYNC },
					      uring_polled = { .setup = IORING_SETUP_SQPOLL };
static const struct road_route bytes_3777 = { .send = send_by_write,
					      .length = 3777 }, /* to 4096: no linear bytes */
	bytes_4096 = { .send = send_by_write, .length = 4096 },
			       bytes_7873 = { .send = send_by_write, .length = 7873 },
			       bytes_9000 = { .send = send_by_write, .length = 9000 },
			       one_by_one = { .send = send_byte_by_byte, .length = 200 },
			       by_writev = { .send = send_by_writev, .length = 9000 },
			       by_sendmmsg = { .send = send_by_sendmmsg, .length = 9000 },
			       by_sendfile = { .send = send_by_sendfile, .length = 9000 },
			       by_splice = { .send = send_by_splice, .length = 9000 },
			       out_of_a_map = { .send = send_out_of_a_map, .length = 9000 },
			       answer_by_splice = { .send = send_by_write,
						    .receive = receive_by_splice },
			       answer_by_uring = { .send = send_by_write,
						   .receive = receive_by_uring };
static const struct refusal_route
	no_permission = { .code = "EACCES", .uid = NOBODY, .act = refused_plainly },
	no_permission_by_link = { .code = "EACCES",
				  .uid = NOBODY,
				  .act = refused_plainly,
				  .before = through_a_symbolic_link },
	no_permission_by_uring = { .code = "EACCES", .uid = NOBODY, .act = refused_by_uring },
	nothing_there = { .code = "ENOENT", .act = refused_plainly },
	nobody_listens = { .code = "ECONNREFUSED", .act = refused_plainly },
	nobody_listens_32 = { .code = "ECONNREFUSED",
			      .act = refused_in_32_bits,
			      .argument = "calls" };

static void go_as_before(struct trip *trip);

/* clang-format off */
#define ASKED(route_name, act, what) \
	{ .name = route_name, .go = act, .argument = what, .by = ASKS }
#define REFUSED(route_name, what) \
	{ .name = route_name, .go = go_and_be_refused, .argument = what, .by = "refusal", \
	  .unseen_tracepoint = UNSEEN_REFUSAL }

static const struct route routes[] = {
	ASKED("the path", go_plainly, NULL),
	ASKED("a symbolic link", go_plainly, through_a_symbolic_link),
	ASKED("a hard link", go_plainly, through_a_hard_link),
	ASKED("a bind mount", go_plainly, through_a_bind_mount),
	ASKED("/proc/PID/root", go_plainly, through_the_root_of_a_process),
	ASKED("/proc/self/fd/N of an O_PATH descriptor", go_plainly, through_a_descriptor_of_the_path),
	ASKED("a relative path", go_plainly, by_a_relative_path),
	ASKED("another mount namespace", go_plainly, from_another_mount_namespace),
	ASKED("chroot", go_plainly, from_a_chroot),
	ASKED("new user, pid and mount namespaces", go_as_a_child_of_new_namespaces, NULL),
	ASKED("io_uring alone: socket, connect, send, receive", go_by_uring, &uring_inline),
	ASKED("io_uring, by its worker thread (IOSQE_ASYNC)", go_by_uring, &uring_worker),
	ASKED("io_uring, by the kernel's polling thread (SQPOLL)", go_by_uring, &uring_polled),
	ASKED("a 32-bit program, int 0x80", go_in_32_bits, "calls"),
	ASKED("a 32-bit program, socketcall(2)", go_in_32_bits, "socketcall"),
	ASKED("a descriptor passed by SCM_RIGHTS", go_with_a_passed_descriptor, NULL),
	ASKED("a descriptor taken with pidfd_getfd(2)", go_with_a_taken_descriptor, NULL),
	ASKED("a child that inherited it", go_with_an_inherited_descriptor, NULL),
	ASKED("another program that inherited it", go_with_another_program, NULL),
	ASKED("dup(2)", go_with_a_duplicate, NULL),
	{ .name = "a connection opened before the recorder", .go = go_as_before, .by = "present, sender, content" },
	ASKED("write(2) of 3,777 bytes", go_by_road, &bytes_3777),
	ASKED("write(2) of 4,096 bytes", go_by_road, &bytes_4096),
	ASKED("write(2) of 7,873 bytes", go_by_road, &bytes_7873),
	ASKED("write(2) of 9,000 bytes", go_by_road, &bytes_9000),
	ASKED("1 byte at a time", go_by_road, &one_by_one),
	ASKED("writev(2)", go_by_road, &by_writev),
	ASKED("sendmmsg(2)", go_by_road, &by_sendmmsg),
	ASKED("sendfile(2)", go_by_road, &by_sendfile),
	ASKED("splice(2)", go_by_road, &by_splice),
	ASKED("out of a file's map that is not in memory", go_by_road, &out_of_a_map),
	ASKED("two requests in one segment", go_two_in_one, NULL),
	ASKED("send, and close at once", go_and_close_at_once, NULL),
	ASKED("two processes in turns on one descriptor", go_in_turns, NULL),
	ASKED("half a request each of two processes", go_in_halves, NULL),
	ASKED("an answer read with io_uring", go_by_road, &answer_by_uring),
	{ .name = "an answer read with splice(2)", .go = go_by_road, .argument = &answer_by_splice, .by = ASKS,
	  .unseen_tracepoint = UNSEEN_SPLICE },
	REFUSED("refused: EACCES", &no_permission),
	REFUSED("refused: EACCES, through a symbolic link", &no_permission_by_link),
	REFUSED("refused: EACCES, by io_uring", &no_permission_by_uring),
	REFUSED("refused: ENOENT", &nothing_there),
	REFUSED("refused: ECONNREFUSED", &nobody_listens),
	REFUSED("refused: ECONNREFUSED, in 32 bits", &nobody_listens_32),
};
/* clang-format on */

/* ---- a connection that is older than the probes */

struct before {
	struct listener listener;
	int accepted;
	struct errand errand;
	int words; /* to the process that holds it */
	pid_t pid;
	struct trip trip;
};

static int connect_and_talk_later(void *context)
{
	struct before *before = context;
	int fd = errand_connect(&before->errand);
	char byte;

	alarm(0); /* it waits for its turn among the tests, and ends with them */
	if (fd < 0 || write(before->words, "", 1) != 1 || read(before->words, &byte, 1) != 1)
		return 1;
	return errand_talk(&before->errand, fd);
}

static void prepare(struct scene *scene)
{
	struct before *before = calloc(1, sizeof(*before));
	int pair[2];
	char byte;

	assert_non_null(before);
	before->listener = listen_at(scene_path(scene));
	before->trip = trip_begin(scene, before->listener, -1);
	before->errand = trip_errand(&before->trip);
	trip_ask(&before->trip, &before->errand, 300);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	before->words = pair[1];
	before->pid = process_start(connect_and_talk_later, before);
	before->words = pair[0];
	close(pair[1]);
	read_all(before->words, &byte, 1);
	scene->prepared = before;
}

static void go_as_before(struct trip *trip)
{
	struct before *before = trip->scene->prepared;

	trip_end(trip);
	listener_close(&trip->listener);
	*trip = before->trip;
	trip->present = true;
	trip->expected[0].pid = trip->expected[0].connector = before->pid;
	assert_int_equal(bpf_source_sweep(trip->scene->source), 0);
	send_all(before->words, "", 1);
	assert_int_equal(process_wait(before->pid), 0);
	close(before->words);
	free(before);
}

/* ---- one route */

static bool is_said_to_be_unseen(const struct scene *scene, const char *why)
{
	const char *const *blind = bpf_source_blind(scene->source);

	for (; *blind; blind++)
		if (strcmp(*blind, why) == 0)
			return true;
	return false;
}

static void run_route(struct scene *scene, const void *argument)
{
	const struct route *route = argument;
	const char *unseen = scene->fentry ? route->unseen_fentry : route->unseen_tracepoint;
	_cleanup_buffer_ struct buffer wrong = {};
	struct trip trip = trip_begin(scene, scene_listen(scene), -1);

	trip.argument = route->argument;
	route->go(&trip);
	trip_end(&trip);
	scene_settle(scene);
	if (trip.skip) {
		route_note(scene, route->name, route->by, "not tried", trip.skip);
		print_message("# skip: %s\n", trip.skip);
		skip();
	}
	trip_judge(&trip, &wrong);
	listener_close(&trip.listener);
	route_note(scene, route->name, route->by, wrong.length ? "unseen" : "seen", unseen);
	if (!unseen && wrong.length)
		fail_msg("not seen as it was%s", buffer_string(&wrong));
	if (unseen && !wrong.length)
		fail_msg("it is seen now: say so in the table of this test");
	if (unseen)
		assert_true(is_said_to_be_unseen(scene, unseen));
}

/* Which hook serves which purpose: what the table in docs/kernels.md calls them. */
static void hooks_of_the_rung(struct scene *scene, const void *argument)
{
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(scene->source, &hooks);

	for (size_t i = 0; i < count; i++)
		if (hooks[i].attached)
			route_note(scene, "", hooks[i].purpose, "hook", hooks[i].hook);
	assert_true(count > 0);
}

int main(void)
{
	static struct scene_test tests[ARRAY_SIZE(routes) + 1];
	static const struct scene_suite suite = {
		.name = "", .tests = tests, .count = ARRAY_SIZE(tests), .prepare = prepare
	};

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		tests[i] = (struct scene_test){ routes[i].name, run_route, &routes[i] };
	tests[ARRAY_SIZE(routes)] =
		(struct scene_test){ "hooks_of_the_rung", hooks_of_the_rung, NULL };
	return scene_run(&suite);
}
