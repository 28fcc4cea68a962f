// SPDX-License-Identifier: Apache-2.0
/* Rings: what does not fit is counted to the byte, and what comes is in order of time across them.
 */
#include "tests/bpf/scene.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS 200
#define ASK   "GET / HTTP/1.1\r\n\r\n"
#define TELL  "HTTP/1.1 200 OK\r\n\r\n"

/* ---- rings that are too small */

static struct wire_count received_pieces(const struct scene *scene, uint64_t inode)
{
	struct wire_count count = {};

	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->inode != inode)
			continue;
		count.records++;
		count.turns += piece->direction == WIRE_CLIENT && (piece->flags & WIRE_PIECE_TURN);
		count.bytes += piece->length;
	}
	return count;
}

static void talk(const struct line *line, int turns)
{
	for (int i = 0; i < turns; i++) {
		transfer(line->client, line->engine, ASK, strlen(ASK));
		transfer(line->engine, line->client, TELL, strlen(TELL));
	}
}

static void pieces_and_losses_add_up(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct wire_count before = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full),
			  received, lost;

	talk(&line, TURNS);
	scene_settle(scene);
	received = received_pieces(scene, line.inode);
	lost = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full);
	assert_true(received.records > 0);
	assert_true(lost.records > before.records);
	assert_int_equal(received.records + lost.records - before.records, 2 * TURNS);
	assert_int_equal(received.turns + lost.turns - before.turns, TURNS);
	assert_int_equal(received.bytes + lost.bytes - before.bytes,
			 TURNS * (strlen(ASK) + strlen(TELL)));

	/* What comes next says by its place and its turn what is missing. */
	scene_forget(scene);
	talk(&line, 1);
	scene_settle(scene);
	assert_int_equal(received_pieces(scene, line.inode).records, 2);
	SCENE_EACH (scene, socket_piece, piece) {
		if (piece->inode != line.inode)
			continue;
		assert_int_equal(piece->turn, TURNS + 1);
		assert_int_equal(
			piece->offset,
			TURNS * (piece->direction == WIRE_CLIENT ? strlen(ASK) : strlen(TELL)));
	}
	line_close(&line);
}

/* Lost in the name of this process since the last look. */
static struct wire_count lost_by(struct scene *scene, enum wire_message message,
				 enum wire_loss reason, pid_t pid, uint64_t start_ticks)
{
	static struct bpf_lost_caller callers[BPF_LOST_CALLERS];
	int count = bpf_source_lost_callers(scene->source, callers);
	struct wire_count sum = {};

	assert_true(count >= 0);
	for (int i = 0; i < count; i++) {
		const struct wire_lost_caller *who = &callers[i].who;

		if (who->message != message || who->reason != reason || who->pid != (uint32_t)pid)
			continue;
		assert_true(!who->start || ticks_of(who->start) == start_ticks);
		sum.records += callers[i].count.records;
		sum.turns += callers[i].count.turns;
		sum.bytes += callers[i].count.bytes;
	}
	return sum;
}

static void losses_have_who_lost(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	uint64_t start = process_start_ticks(getpid());
	struct wire_count before, lost, mine;

	lost_by(scene, WIRE_socket_piece, WIRE_LOSS_ring_full, getpid(), start);
	before = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full);
	talk(&line, TURNS);
	lost = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full);
	mine = lost_by(scene, WIRE_socket_piece, WIRE_LOSS_ring_full, getpid(), start);
	assert_true(mine.records > 0);
	assert_int_equal(mine.records, lost.records - before.records);
	assert_int_equal(mine.turns, lost.turns - before.turns);
	assert_int_equal(mine.bytes, lost.bytes - before.bytes);
	mine = lost_by(scene, WIRE_socket_piece, WIRE_LOSS_ring_full, getpid(), start);
	assert_int_equal(mine.records, 0);
	line_close(&line);
}

enum { FORKS = 100, FORKERS = 24 }; /* each fork about 250 bytes, with its exit */

static int fork_much(void *context)
{
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 90;
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 91;
	}
	return 0;
}

static int leave_at_once(void *context)
{
	return 0;
}

/*
 * The ring has no room for all that one user does. Only until the user's share is used up: it grows
 * with time, and on a slow machine what came later would fill the ring after all.
 */
static void who_forks_without_end_leaves_room_for_others(struct scene *scene, const void *argument)
{
	struct wire_count mine = {};
	pid_t other;
	bool told = false;

	for (int i = 0; i < FORKERS && !mine.records; i++) {
		pid_t much = process_start(fork_much, NULL);
		uint64_t start = process_start_ticks(much);

		assert_int_equal(process_wait(much), 0);
		mine = lost_by(scene, WIRE_process_fork, WIRE_LOSS_share, much, start);
	}
	assert_true(mine.records > 0);
	other = process_do(leave_at_once, NULL);
	scene_settle(scene);
	SCENE_EACH (scene, process_fork, record)
		told |= record->task.pid == (uint32_t)other;
	assert_true(told);
	assert_int_equal(scene_losses(scene, WIRE_process_fork, WIRE_LOSS_ring_full).records, 0);
}

static void a_piece_that_never_fits_is_counted(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct wire_count before = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full),
			  received, lost;
	const size_t length = 9171;
	_cleanup_free_ char *data = calloc(1, length);

	assert_non_null(data);
	transfer(line.client, line.engine, data, length);
	scene_settle(scene);
	received = received_pieces(scene, line.inode);
	lost = scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full);
	assert_true(lost.bytes > before.bytes);
	assert_int_equal(received.bytes + lost.bytes - before.bytes, length);
	assert_int_equal(received.turns + lost.turns - before.turns, 1);
	line_close(&line);
}

static void a_sender_that_was_lost_is_told_again(struct scene *scene, const void *argument)
{
	struct line flood = scene_line(scene), line = scene_line(scene);
	struct wire_count before;
	const struct wire_socket_sender *sender;

	talk(&flood, TURNS);
	before = scene_losses(scene, WIRE_socket_sender, WIRE_LOSS_ring_full);
	transfer(line.client, line.engine, ASK, strlen(ASK));
	assert_int_equal(scene_losses(scene, WIRE_socket_sender, WIRE_LOSS_ring_full).records,
			 before.records + 1);
	scene_settle(scene);
	assert_int_equal(count_senders(scene, line.inode), 0);
	transfer(line.client, line.engine, ASK, strlen(ASK));
	transfer(line.client, line.engine, ASK, strlen(ASK));
	scene_settle(scene);
	sender = only_sender(scene, line.inode);
	assert_int_equal(sender->task.pid, getpid());
	assert_int_equal(sender->offset, strlen(ASK));
	line_close(&flood);
	line_close(&line);
}

static void connects_and_closes_add_up(struct scene *scene, const void *argument)
{
	enum { LINES = 60 };
	struct listener listener = scene_listen(scene);
	struct line lines[LINES];
	uint64_t lost[2] = {
		scene_losses(scene, WIRE_socket_connect, WIRE_LOSS_ring_full).records,
		scene_losses(scene, WIRE_socket_close, WIRE_LOSS_ring_full).records,
	};
	size_t closes = 0;

	for (int i = 0; i < LINES; i++)
		lines[i] = line_open(&listener);
	scene_settle(scene);
	lost[0] = scene_losses(scene, WIRE_socket_connect, WIRE_LOSS_ring_full).records - lost[0];
	assert_true(lost[0] > 0);
	assert_int_equal(count_connects(scene, listener.inode) + lost[0], LINES);

	scene_forget(scene);
	for (int i = 0; i < LINES; i++)
		line_close(&lines[i]);
	scene_settle(scene);
	SCENE_EACH (scene, socket_close, record)
		closes++;
	lost[1] = scene_losses(scene, WIRE_socket_close, WIRE_LOSS_ring_full).records - lost[1];
	/* Nothing was ever said on them: the tracepoint rung does not know them. */
	assert_int_equal(closes + lost[1], scene->fentry ? 2 * LINES : 0);
	assert_int_equal(lost[1] > 0, scene->fentry);
	listener_close(&listener);
}

/* ---- rings of their usual size */

static int leave(void *context)
{
	return 0;
}

enum { ACTS = 40, STEPS = 5 }; /* connect, send, receive, fork, exit */

static size_t step_of(const struct wire_header *record, uint64_t inode, const pid_t pids[ACTS],
		      size_t act)
{
	switch (record->message) {
	case WIRE_socket_connect:
		return ((const struct wire_socket_connect *)record)->socket_inode == inode ? 1 : 0;
	case WIRE_socket_sender:
		return ((const struct wire_socket_sender *)record)->inode == inode ? 2 : 0;
	case WIRE_socket_piece:
		return ((const struct wire_socket_piece *)record)->inode == inode ? 3 : 0;
	case WIRE_process_fork:
		return ((const struct wire_process_fork *)record)->task.pid == (uint32_t)pids[act]
			       ? 4
			       : 0;
	case WIRE_process_exit:
		return ((const struct wire_process_exit *)record)->pid == (uint32_t)pids[act] ? 5
											      : 0;
	default:
		return 0;
	}
}

static void three_rings_come_as_one(struct scene *scene, const void *argument)
{
	struct listener listener = scene_listen(scene);
	pid_t pids[ACTS + 1] = {};
	size_t seen = 0;
	uint64_t last = 0;

	for (int i = 0; i < ACTS; i++) {
		struct line line = line_open(&listener);

		transfer(line.client, line.engine, ASK, strlen(ASK));
		pids[i] = process_do(leave, NULL);
		line_close(&line);
		if (i % 7 == 0)
			scene_drain(scene);
	}
	scene_settle(scene);
	for (size_t at = 0; at < scene->records.length;) {
		const struct wire_header *record = (const void *)(scene->records.data + at);
		size_t step = step_of(record, listener.inode, pids, seen / STEPS);

		at += (record->length + 7u) & ~7u;
		if (!step)
			continue;
		if (step != seen % STEPS + 1)
			fail_msg("%s where step %zu of act %zu was due",
				 bpf_message_name(record->message), seen % STEPS + 1, seen / STEPS);
		assert_true(record->time >= last);
		last = record->time;
		seen++;
	}
	assert_int_equal(seen, ACTS * STEPS);
	listener_close(&listener);
}

static int count_here(void *context, const struct wire_header *record)
{
	const struct wire_socket_connect *connect = (const void *)record;
	uint64_t *wanted = context; /* the inode, and how many */

	if (record->message == WIRE_socket_connect && connect->socket_inode == wanted[0])
		wanted[1]++;
	return 0;
}

static void the_last_drain_hands_over_all(struct scene *scene, const void *argument)
{
	struct listener listener = scene_listen(scene);
	struct line line = line_open(&listener);
	uint64_t wanted[2] = { listener.inode };

	assert_true(bpf_source_drain(scene->source, true, count_here, wanted) > 0);
	assert_int_equal(wanted[1], 1);
	line_close(&line);
	listener_close(&listener);
}

static int refuse(void *context, const struct wire_header *record)
{
	return -77;
}

static void a_handler_can_end_the_drain(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);

	talk(&line, 3);
	assert_int_equal(bpf_source_drain(scene->source, true, refuse, NULL), -77);
	/* The others are still there. */
	scene_settle(scene);
	assert_true(received_pieces(scene, line.inode).records >= 5);
	line_close(&line);
}

static bool is_readable(struct scene *scene)
{
	struct pollfd fd = { .fd = bpf_source_fd(scene->source, WIRE_RING_api), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void the_reader_is_woken_by_much_and_not_by_little(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	_cleanup_free_ char *data = calloc(1, 80 * 1024);

	assert_non_null(data);
	talk(&line, 1);
	assert_false(is_readable(scene));
	transfer(line.client, line.engine, data, 80 * 1024);
	assert_true(is_readable(scene));
	scene_settle(scene);
	assert_false(is_readable(scene));
	line_close(&line);
}

/* ---- a ring that holds more than one fill takes */

struct tally {
	uint64_t inode, connects, pieces, last;
};

static int tally(void *context, const struct wire_header *record)
{
	const struct wire_socket_connect *connect = (const void *)record;
	const struct wire_socket_piece *piece = (const void *)record;
	struct tally *tally = context;

	assert_true(record->time >= tally->last);
	tally->last = record->time;
	if (record->message == WIRE_socket_connect)
		tally->connects += connect->socket_inode == tally->inode;
	if (record->message == WIRE_socket_piece && piece->inode == tally->inode)
		tally->pieces += piece->length;
	return 0;
}

static void the_last_drain_takes_more_than_one_fill(struct scene *scene, const void *argument)
{
	const size_t length = 24 * 1024 * 1024;
	_cleanup_free_ char *data = calloc(1, length);
	struct line line = scene_line(scene);
	struct tally heard = { .inode = line.inode };

	assert_non_null(data);
	transfer(line.client, line.engine, data, length);
	assert_true(bpf_source_drain(scene->source, true, tally, &heard) > 0);
	assert_int_equal(scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full).records, 0);
	assert_int_equal(heard.pieces, length);
	assert_int_equal(heard.connects, 1);
	line_close(&line);
}

/* The last one of its suite: nothing comes after it. */
static void what_comes_after_the_stop_is_not_taken(struct scene *scene, const void *argument)
{
	const size_t length = 12 * 1024 * 1024;
	_cleanup_free_ char *data = calloc(1, length);
	struct line line = scene_line(scene);
	struct tally heard = { .inode = line.inode };

	assert_non_null(data);
	transfer(line.client, line.engine, data, length);
	bpf_source_stop(scene->source);
	transfer(line.client, line.engine, data, length);
	assert_true(bpf_source_drain(scene->source, true, tally, &heard) > 0);
	assert_int_equal(heard.pieces, length);
	assert_int_equal(bpf_source_drain(scene->source, true, tally, &heard), 0);
	assert_int_equal(scene_losses(scene, WIRE_socket_piece, WIRE_LOSS_ring_full).records, 0);
	line_close(&line);
}

int main(void)
{
	static const struct scene_test tiny_tests[] = {
		SCENE_TEST(pieces_and_losses_add_up),
		SCENE_TEST(losses_have_who_lost),
		SCENE_TEST(a_piece_that_never_fits_is_counted),
		SCENE_TEST(a_sender_that_was_lost_is_told_again),
		SCENE_TEST(connects_and_closes_add_up),
	};
	static const struct scene_test usual_tests[] = {
		SCENE_TEST(three_rings_come_as_one),
		SCENE_TEST(the_last_drain_hands_over_all),
		SCENE_TEST(a_handler_can_end_the_drain),
		SCENE_TEST(the_reader_is_woken_by_much_and_not_by_little),
	};
	static const struct scene_test large_tests[] = {
		SCENE_TEST(the_last_drain_takes_more_than_one_fill),
		SCENE_TEST(what_comes_after_the_stop_is_not_taken),
	};
	static const struct scene_suite tiny = {
		.name = "rings of a page",
		.tests = tiny_tests,
		.count = ARRAY_SIZE(tiny_tests),
		.options.ring_bytes = { [WIRE_RING_state] = 4096, [WIRE_RING_api] = 4096 },
	};
	static const struct scene_suite usual = { .name = "rings as they are",
						  .tests = usual_tests,
						  .count = ARRAY_SIZE(usual_tests) };
	static const struct scene_test noisy_tests[] = {
		SCENE_TEST(who_forks_without_end_leaves_room_for_others),
	};
	static const struct scene_suite noisy = {
		.name = "a noisy ring of 256 KiB",
		.tests = noisy_tests,
		.count = ARRAY_SIZE(noisy_tests),
		.options.ring_bytes = { [WIRE_RING_noise] = 256 * 1024 },
	};
	static const struct scene_suite large = {
		.name = "a ring of 32 MiB",
		.tests = large_tests,
		.count = ARRAY_SIZE(large_tests),
		.options = { .ring_bytes = { [WIRE_RING_api] = 32 * 1024 * 1024 },
			     .volume_bytes = 64 * 1024 * 1024 },
	};

	return scene_run(&tiny) + scene_run(&usual) + scene_run(&noisy) + scene_run(&large);
}
