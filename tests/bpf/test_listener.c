// SPDX-License-Identifier: Apache-2.0
/* Who listens: sockets by patterns; on TCP: test_listener_tcp.c. */
#include "tests/bpf/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const patterns[] = { "/tmp/docktrail-bpf-*/p*/engine-test.sock", NULL };
static const char *const connects[] = { "/tmp/docktrail-bpf-*/c*/connects-test.sock", NULL };

static const struct wire_engine_listen *find_listener(const struct scene *scene, uint64_t inode)
{
	SCENE_EACH (scene, engine_listen, record)
		if (!record->port && record->socket_inode == inode)
			return record;
	return NULL;
}

/* The tracepoint rung is not told of listen(2): it looks. */
static void hear(struct scene *scene)
{
	if (!scene->fentry)
		assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
}

/*
 * Its file stays until the end: the inode would be used again at once, and is watched until a look
 * does not find it again.
 */
static void stop_listening(struct listener *listener)
{
	close(listener->fd);
}

static const char *place(const struct scene *scene, const char *folder, const char *name)
{
	static char path[2][100];
	static int next;
	char *at = path[next++ % 2];

	snprintf(at, 100, "%s/%s", scene->folder, folder);
	assert_true(mkdir(at, 0755) == 0 || errno == EEXIST);
	snprintf(at, 100, "%s/%s/%s", scene->folder, folder, name);
	return at;
}

static void a_pattern_finds_a_socket(struct scene *scene, const void *argument)
{
	struct listener listener = listen_at(place(scene, "p1", "engine-test.sock"));
	const struct wire_engine_listen *record;
	struct line line;

	hear(scene);
	record = find_listener(scene, listener.inode);
	assert_non_null(record);
	assert_int_equal(record->device, listener.device);
	assert_int_equal(record->task.pid, getpid());
	assert_int_equal(record->opener, getpid());
	assert_true(record_is(&record->header, record->name, listener.path));
	assert_string_equal(bpf_source_socket_path(scene->source, listener.inode, listener.device),
			    listener.path);
	line = line_open(&listener);
	scene_settle(scene);
	assert_int_equal(only_connect(scene, listener.inode)->task.pid, getpid());
	line_close(&line);
	stop_listening(&listener);
}

static void a_socket_of_another_folder_is_none(struct scene *scene, const void *argument)
{
	struct listener listener = listen_at(place(scene, "q1", "engine-test.sock"));
	struct line line;

	hear(scene);
	assert_null(find_listener(scene, listener.inode));
	line = line_open(&listener);
	scene_settle(scene);
	assert_int_equal(count_connects(scene, listener.inode), 0);
	line_close(&line);
	stop_listening(&listener);
}

static void a_relative_name_is_found(struct scene *scene, const void *argument)
{
	char back[200];
	struct listener listener;

	place(scene, "p2", "");
	assert_non_null(getcwd(back, sizeof(back)));
	assert_int_equal(chdir(place(scene, "p2", "")), 0);
	listener = listen_at("engine-test.sock");
	hear(scene);
	assert_non_null(find_listener(scene, listener.inode));
	stop_listening(&listener);
	assert_int_equal(chdir(back), 0);
}

static void a_name_by_rename_is_found(struct scene *scene, const void *argument)
{
	const char *path = place(scene, "p3", "engine-test.sock");
	struct listener listener = listen_at(place(scene, "p3", "harmless"));
	struct line line;

	assert_int_equal(rename(listener.path, path), 0);
	listener.path = path;
	assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
	assert_non_null(find_listener(scene, listener.inode));
	line = line_open(&listener);
	scene_settle(scene);
	only_connect(scene, listener.inode);
	line_close(&line);
	stop_listening(&listener);
}

static void of_some_only_connects_are_told(struct scene *scene, const void *argument)
{
	struct listener listener = listen_at(place(scene, "c1", "connects-test.sock"));
	_cleanup_heard_ struct heard heard = {};
	struct line line;

	hear(scene);
	line = line_open(&listener);
	send_all(line.client, "PRI * HTTP/2.0", 14);
	read_all(line.engine, (char[14]){}, 14);
	scene_settle(scene);
	only_connect(scene, listener.inode);
	heard = scene_heard(scene, listener.inode, WIRE_CLIENT);
	assert_int_equal(heard.records, 0);
	line_close(&line);
	stop_listening(&listener);
}

static void what_a_look_does_not_find_again_is_gone(struct scene *scene, const void *argument)
{
	struct listener listener = listen_at(place(scene, "p4", "engine-test.sock"));
	const struct bpf_socket_state *states;
	bool present = false;
	size_t count;

	hear(scene);
	listener_close(&listener);
	for (int i = 0; i < 2; i++) {
		/* A change of another one makes it look. */
		struct listener other = listen_at(scene_path(scene));

		bpf_source_refresh_sockets(scene->source);
		scene_settle(scene);
		listener_close(&other);
	}
	count = bpf_source_sockets(scene->source, &states);
	for (size_t i = 0; i < count; i++)
		if (strcmp(states[i].path, listener.path) == 0)
			present |= states[i].present;
	assert_false(present);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(a_pattern_finds_a_socket),
		SCENE_TEST(a_socket_of_another_folder_is_none),
		SCENE_TEST(a_relative_name_is_found),
		SCENE_TEST(a_name_by_rename_is_found),
		SCENE_TEST(of_some_only_connects_are_told),
		SCENE_TEST(what_a_look_does_not_find_again_is_gone),
	};
	const struct scene_suite suite = {
		.name = "listener",
		.tests = tests,
		.count = ARRAY_SIZE(tests),
		.options = { .patterns = patterns, .connects = connects },
	};

	return scene_run(&suite);
}
