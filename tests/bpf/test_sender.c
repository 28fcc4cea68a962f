// SPDX-License-Identifier: Apache-2.0
/* Who really sends, where that is not who connected, and from which byte on. */
#include "tests/bpf/scene.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bpf/descriptor.h"

static void say(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

/* All that was said is read, so that what was sent and what was received can be told apart. */
static void hear(const struct line *line, size_t length)
{
	char data[256];

	assert_true(length <= sizeof(data));
	read_all(line->engine, data, length);
}

/* The senders of this listener, in order. */
static size_t senders(const struct scene *scene, uint64_t inode,
		      const struct wire_socket_sender **ret, size_t most)
{
	size_t count = 0;

	SCENE_EACH (scene, socket_sender, record)
		if (record->inode == inode) {
			assert_true(count < most);
			ret[count++] = record;
		}
	return count;
}

struct saying {
	int fd;
	const char *text;
};

static int write_text(const struct saying *saying)
{
	size_t length = strlen(saying->text);

	return write(saying->fd, saying->text, length) == (ssize_t)length ? 0 : 1;
}

static int say_it(void *context)
{
	return write_text(context);
}

static void who_connects_and_sends_is_told_once(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	const struct wire_socket_sender *sender;
	const struct wire_socket_connect *connect;

	for (int i = 0; i < 5; i++)
		say(line.client, "hello");
	hear(&line, 25);
	say(line.engine, "answer"); /* the engine is no sender */
	scene_settle(scene);
	connect = only_connect(scene, line.inode);
	sender = only_sender(scene, line.inode);
	assert_int_equal(sender->offset, 0);
	assert_int_equal(sender->connector, getpid());
	assert_int_equal(sender->task.pid, getpid());
	assert_int_equal(sender->task.start, connect->task.start);
	assert_memory_equal(sender->task.name, connect->task.name, WIRE_COMM);
	line_close(&line);
}

static void a_child_that_inherited_the_descriptor(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct saying child = { line.client, "child" };
	const struct wire_socket_sender *found[3];
	pid_t pid;

	say(line.client, "parent");
	pid = process_do(say_it, &child);
	say(line.client, "again");
	hear(&line, 16);
	scene_settle(scene);
	assert_int_equal(senders(scene, line.inode, found, 3), 3);
	assert_int_equal(found[0]->task.pid, getpid());
	assert_int_equal(found[0]->offset, 0);
	assert_int_equal(found[1]->task.pid, pid);
	assert_int_equal(found[1]->task.parent_pid, getpid());
	assert_int_equal(found[1]->connector, getpid());
	assert_int_equal(found[1]->offset, 6);
	assert_int_equal(found[2]->task.pid, getpid());
	assert_int_equal(found[2]->offset, 11);
	assert_int_equal(only_connect(scene, line.inode)->task.pid, getpid());
	line_close(&line);
}

/* ---- a descriptor that is passed on */

static int take_and_say(void *context)
{
	struct saying saying = { descriptor_take(*(int *)context), "passed" };

	/* As somebody else, who could not have connected. */
	if (saying.fd < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 1;
	return write_text(&saying);
}

static void who_was_given_the_descriptor(struct scene *scene, const void *argument)
{
	struct listener listener = scene_listen(scene);
	const struct wire_socket_sender *sender;
	struct line line;
	int pair[2];
	pid_t pid;

	/* The child is made first: it inherits nothing. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = process_start(take_and_say, &pair[1]);
	line = line_open(&listener);
	assert_int_equal(descriptor_pass(pair[0], line.client), 0);
	assert_int_equal(process_wait(pid), 0);
	close(line.client);
	hear(&line, 6);
	scene_settle(scene);
	sender = only_sender(scene, line.inode);
	assert_int_equal(sender->task.pid, pid);
	assert_int_equal(sender->task.uid, NOBODY);
	assert_int_equal(sender->connector, getpid());
	assert_int_equal(sender->offset, 0);
	close(line.engine);
	close(pair[0]);
	close(pair[1]);
	listener_close(&listener);
}

/* ---- the same process, another user or another program */

static int say_as_two_users(void *context)
{
	const struct saying *saying = context;

	if (write_text(saying) || setresuid(-1, NOBODY, 0) < 0 || write_text(saying) ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 1;
	return write_text(saying) || write_text(saying);
}

static void a_change_of_user_is_told(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct saying saying = { line.client, "who?" };
	const struct wire_socket_sender *found[3];
	pid_t pid = process_do(say_as_two_users, &saying);

	hear(&line, 16);
	scene_settle(scene);
	assert_int_equal(senders(scene, line.inode, found, 3), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(found[i]->task.pid, pid);
		assert_int_equal(found[i]->offset, 4 * i);
		assert_int_equal(found[i]->task.uid, i < 2 ? 0 : NOBODY);
		assert_int_equal(found[i]->task.effective_uid, i < 1 ? 0 : NOBODY);
	}
	line_close(&line);
}

struct becoming {
	struct saying saying;
	const char *actor;
};

static int say_and_become_another(void *context)
{
	const struct becoming *becoming = context;
	int fd = dup(becoming->saying.fd); /* without close-on-exec */
	char number[12];

	if (fd < 0 || write_text(&becoming->saying))
		return 1;
	snprintf(number, sizeof(number), "%d", fd);
	execl(becoming->actor, "another", number, "after", NULL);
	return 1;
}

static void another_program_is_told(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct becoming becoming = { { line.client, "before" }, actor_path("say") };
	const struct wire_socket_sender *found[2];
	pid_t pid = process_do(say_and_become_another, &becoming);

	hear(&line, 11);
	scene_settle(scene);
	assert_int_equal(senders(scene, line.inode, found, 2), 2);
	assert_int_equal(found[0]->task.pid, pid);
	assert_int_equal(found[1]->task.pid, pid);
	assert_int_equal(found[0]->task.start, found[1]->task.start);
	assert_int_equal(found[1]->offset, 6);
	assert_string_equal(found[1]->task.name, "say");
	assert_string_not_equal(found[0]->task.name, "say");
	line_close(&line);
}

/* ---- several at once */

struct turns {
	int fd, in, out;
	char letter;
};

/* Waits for its turn, says its letter, and gives the turn back. */
static int say_in_turn(void *context)
{
	const struct turns *turns = context;
	char token;

	for (int i = 0; i < 3; i++)
		if (read(turns->in, &token, 1) != 1 || write(turns->fd, &turns->letter, 1) != 1 ||
		    write(turns->out, &token, 1) != 1)
			return 1;
	return 0;
}

static void two_that_take_turns(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	int first[2], second[2];
	const struct wire_socket_sender *found[6];
	pid_t pids[2];

	assert_int_equal(pipe(first), 0);
	assert_int_equal(pipe(second), 0);
	pids[0] = process_start(say_in_turn,
				&(struct turns){ line.client, first[0], second[1], 'a' });
	pids[1] = process_start(say_in_turn,
				&(struct turns){ line.client, second[0], first[1], 'b' });
	send_all(first[1], "", 1);
	assert_int_equal(process_wait(pids[0]), 0);
	assert_int_equal(process_wait(pids[1]), 0);
	hear(&line, 6);
	scene_settle(scene);
	assert_int_equal(senders(scene, line.inode, found, 6), 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(found[i]->task.pid, pids[i % 2]);
		assert_int_equal(found[i]->offset, i);
	}
	line_close(&line);
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
}

static void *say_in_a_thread(void *context)
{
	pthread_setname_np(pthread_self(), "a-thread");
	return write_text(context) ? context : NULL;
}

static int say_in_threads(void *context)
{
	pthread_t thread;
	void *failed;

	for (int i = 0; i < 3; i++)
		if (write_text(context) ||
		    pthread_create(&thread, NULL, say_in_a_thread, context) ||
		    pthread_join(thread, &failed) || failed)
			return 1;
	return 0;
}

static void threads_are_no_change(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct saying saying = { line.client, "t" };
	pid_t pid = process_do(say_in_threads, &saying);
	const struct wire_socket_sender *sender;

	hear(&line, 6);
	scene_settle(scene);
	sender = only_sender(scene, line.inode);
	assert_int_equal(sender->task.pid, pid);
	assert_string_not_equal(sender->task.name, "a-thread");
	line_close(&line);
}

static int say_in_a_thread_only(void *context)
{
	pthread_t thread;
	void *failed;

	return pthread_create(&thread, NULL, say_in_a_thread, context) ||
	       pthread_join(thread, &failed) || failed;
}

static void a_thread_stands_for_its_process(struct scene *scene, const void *argument)
{
	struct line line = scene_line(scene);
	struct saying saying = { line.client, "t" };
	pid_t pid = process_do(say_in_a_thread_only, &saying);
	const struct wire_socket_sender *sender;

	hear(&line, 1);
	scene_settle(scene);
	sender = only_sender(scene, line.inode);
	assert_int_equal(sender->task.pid, pid);
	assert_int_equal(sender->task.parent_pid, getpid());
	assert_string_not_equal(sender->task.name, "a-thread");
	SCENE_EACH (scene, process_fork, fork)
		if (fork->task.pid == (uint32_t)pid)
			assert_int_equal(fork->task.start, sender->task.start);
	line_close(&line);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(who_connects_and_sends_is_told_once),
		SCENE_TEST(a_child_that_inherited_the_descriptor),
		SCENE_TEST(who_was_given_the_descriptor),
		SCENE_TEST(a_change_of_user_is_told),
		SCENE_TEST(another_program_is_told),
		SCENE_TEST(two_that_take_turns),
		SCENE_TEST(threads_are_no_change),
		SCENE_TEST(a_thread_stands_for_its_process),
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
