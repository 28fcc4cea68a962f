// SPDX-License-Identifier: Apache-2.0
/* Who listens: sockets by patterns; on TCP: test_listener_tcp.c. */
#include "tests/bpf/scene.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* ---- another socket at the inode of one that is gone */

static const struct bpf_socket_state *state_at(const struct scene *scene, const char *path)
{
	const struct bpf_socket_state *states;
	size_t count = bpf_source_sockets(scene->source, &states);

	for (size_t i = count; i-- > 0;)
		if (strcmp(states[i].path, path) == 0)
			return &states[i];
	return NULL;
}

static bool is_present(const struct scene *scene, const char *path)
{
	const struct bpf_socket_state *state = state_at(scene, path);

	return state && state->present;
}

/* Ends `old` and listens at `path`, with its inode. False where this file system keeps that back.
 */
static bool inherit(struct listener *old, const char *path, struct listener *ret)
{
	listener_close(old);
	*ret = listen_at(path);
	if (ret->inode == old->inode)
		return true;
	print_message("# skip: this file system does not give an inode away at once\n");
	listener_close(ret);
	return false;
}

static void an_heir_of_an_inode_is_found_by_its_own_name(struct scene *scene, const void *argument)
{
	const char *heir_path = place(scene, "p6", "engine-test.sock");
	struct listener old = listen_at(place(scene, "p5", "engine-test.sock")), heir;

	hear(scene);
	assert_true(is_present(scene, old.path));
	if (!inherit(&old, heir_path, &heir))
		skip();
	hear(scene);
	assert_string_equal(bpf_source_socket_path(scene->source, heir.inode, heir.device),
			    heir.path);
	assert_false(is_present(scene, old.path));
	assert_true(is_present(scene, heir.path));
	stop_listening(&heir);
}

static void an_heir_of_an_inode_that_is_no_engine_is_none(struct scene *scene, const void *argument)
{
	const char *heir_path = place(scene, "q2", "harmless");
	struct listener old = listen_at(place(scene, "p7", "engine-test.sock")), heir;
	struct line line;

	hear(scene);
	if (!inherit(&old, heir_path, &heir))
		skip();
	hear(scene);
	assert_false(is_present(scene, old.path));
	line = line_open(&heir);
	scene_settle(scene);
	assert_int_equal(count_connects(scene, heir.inode), 0);
	line_close(&line);
	stop_listening(&heir);
}

static void an_heir_at_a_configured_path_is_told(struct scene *scene, const void *argument)
{
	struct listener old = scene_listen(scene), heir;

	hear(scene);
	assert_int_not_equal(state_at(scene, old.path)->cookie, 0);
	hear(scene);
	bpf_source_refresh_sockets(scene->source);
	assert_int_equal(bpf_source_refresh_sockets(scene->source), 0);
	if (!inherit(&old, old.path, &heir))
		skip();
	hear(scene);
	assert_int_equal(bpf_source_refresh_sockets(scene->source), 1);
	assert_true(is_present(scene, heir.path));
	listener_close(&heir);
}

/* ---- more than there are places for */

enum { FAKES = 300, NOTED = 1024 };

struct fakes {
	const char *folder;
	int ready[2], done[2];
};

/* Another user's process; no check of cmocka's here. */
static int open_fakes(void *context)
{
	const struct fakes *fakes = context;
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "engine-test.sock" };
	char name[16];

	close(fakes->done[1]);
	if (setuid(NOBODY) < 0 || chdir(fakes->folder) < 0)
		return 1;
	for (int i = 0; i < FAKES; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		snprintf(name, sizeof(name), "%d", i);
		if (fd < 0 || mkdir(name, 0755) < 0 || chdir(name) < 0 ||
		    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		    listen(fd, 1) < 0 || chdir("..") < 0)
			return 1;
	}
	if (write(fakes->ready[1], "", 1) != 1)
		return 1;
	return read(fakes->done[0], name, 1) == 0 ? 0 : 1;
}

static uint64_t count_unwatched(struct scene *scene)
{
	return scene_losses(scene, WIRE_engine_listen, WIRE_LOSS_no_place).records;
}

static void who_opens_many_takes_only_his_own_places(struct scene *scene, const void *argument)
{
	struct listener before = listen_at(place(scene, "p8", "engine-test.sock")), after;
	struct fakes fakes = { .folder = place(scene, "p9", "") };
	uint64_t unwatched = count_unwatched(scene);
	struct line line;
	char byte;
	pid_t pid;

	hear(scene);
	assert_int_equal(chmod(fakes.folder, 0777), 0);
	assert_int_equal(pipe(fakes.ready), 0);
	assert_int_equal(pipe(fakes.done), 0);
	pid = process_start(open_fakes, &fakes);
	close(fakes.ready[1]);
	assert_int_equal(read(fakes.ready[0], &byte, 1), 1);
	hear(scene);
	/* What does not fit is told, and the engine that was there first keeps its place. */
	assert_true(count_unwatched(scene) >= unwatched + FAKES - 256);
	assert_true(is_present(scene, before.path));
	after = listen_at(place(scene, "p10", "engine-test.sock"));
	hear(scene);
	assert_true(is_present(scene, before.path));
	assert_true(is_present(scene, after.path));
	line = line_open(&after);
	scene_settle(scene);
	only_connect(scene, after.inode);
	line_close(&line);
	close(fakes.done[1]);
	assert_int_equal(process_wait(pid), 0);
	stop_listening(&before);
	stop_listening(&after);
}

static void a_map_that_is_full_is_told_and_tried_again(struct scene *scene, const void *argument)
{
	uint64_t unwatched = count_unwatched(scene), key[2] = {}, one = 1;
	int map = scene_map("listeners");
	struct listener listener;
	struct line line;

	/* As probes leave them whose records were lost. */
	while (key[0] <= NOTED && bpf_map_update_elem(map, key, &one, BPF_NOEXIST) == 0)
		key[0]++;
	assert_in_range(key[0], 1, NOTED);
	listener = listen_at(place(scene, "p11", "engine-test.sock"));
	assert_int_equal(bpf_source_look(scene->source), 0);
	scene_settle(scene);
	assert_true(is_present(scene, listener.path));
	assert_int_equal(count_unwatched(scene), unwatched + 1);
	bpf_source_refresh_sockets(scene->source);
	line = line_open(&listener);
	scene_settle(scene);
	only_connect(scene, listener.inode);
	assert_int_equal(count_unwatched(scene), unwatched + 1);
	line_close(&line);
	stop_listening(&listener);
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
		SCENE_TEST(an_heir_of_an_inode_is_found_by_its_own_name),
		SCENE_TEST(an_heir_of_an_inode_that_is_no_engine_is_none),
		SCENE_TEST(an_heir_at_a_configured_path_is_told),
		SCENE_TEST(a_map_that_is_full_is_told_and_tried_again),
		SCENE_TEST(who_opens_many_takes_only_his_own_places),
	};
	const struct scene_suite suite = {
		.name = "listener",
		.tests = tests,
		.count = ARRAY_SIZE(tests),
		.options = { .patterns = patterns, .connects = connects },
	};

	return scene_run(&suite);
}
