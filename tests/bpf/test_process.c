// SPDX-License-Identifier: Apache-2.0
/* The process tree: exec, fork and exit of processes that are gone before anybody looks. */
#include "tests/bpf/program.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

/* ---- a life */

static void a_life_of_a_millisecond(struct scene *scene, const void *argument)
{
	char *arguments[] = { "named as it likes", "0", "", "an argument\twith\x01 bytes", NULL };
	static const char line[] = "named as it likes\0"
				   "0\0"
				   "\0"
				   "an argument\twith\x01 bytes";
	struct program program = { actor_path("leave"), .arguments = arguments };
	pid_t pid = process_do(run_program, &program);
	const struct wire_process_fork *fork_record;
	const struct wire_process_exec *exec;
	const struct wire_process_exit *exit_record;
	uint64_t mine = process_start_ticks(getpid());

	/* It is gone before the first record of it is read. */
	scene_settle(scene);
	fork_record = only_fork(scene, pid);
	exec = only_exec(scene, pid);
	exit_record = only_exit(scene, pid);
	assert_true(fork_record->header.time < exec->header.time);
	assert_true(exec->header.time < exit_record->header.time);
	assert_true(fork_record->task.start <= fork_record->header.time);
	assert_true(fork_record->header.time - fork_record->task.start < 10000000000ull);
	assert_int_equal(exec->task.start, fork_record->task.start);
	assert_int_equal(exit_record->start, fork_record->task.start);
	assert_int_equal(exit_record->status, 0);
	assert_int_equal(fork_record->task.parent_pid, getpid());
	assert_int_equal(ticks_of(fork_record->parent_start), mine);
	assert_int_equal(exec->task.parent_pid, getpid());
	assert_int_equal(ticks_of(exec->task.parent_start), mine);
	assert_string_equal(exec->task.name, "leave");
	assert_true(record_is(&exec->header, exec->executable, program.path));
	assert_int_equal(exec->args_length, sizeof(line));
	assert_int_equal(exec->args.length, sizeof(line));
	assert_memory_equal(record_bytes(&exec->header, exec->args), line, sizeof(line));
}

static int wait_for_end(void *context)
{
	char byte;

	return read(*(int *)context, &byte, 1) == 0 ? 0 : 1;
}

static void a_start_is_that_of_proc(struct scene *scene, const void *argument)
{
	int ends[2];
	uint64_t ticks;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = process_start(wait_for_end, &ends[0]);
	ticks = process_start_ticks(pid);
	assert_true(kill(pid, SIGKILL) == 0);
	assert_int_equal(process_wait(pid), SIGKILL);
	scene_settle(scene);
	assert_int_equal(ticks_of(only_fork(scene, pid)->task.start), ticks);
	assert_int_equal(only_exit(scene, pid)->status, SIGKILL);
	close(ends[0]);
	close(ends[1]);
}

static int leave_with_seven(void *context)
{
	return 7;
}

static void *sleep_on(void *context)
{
	pause();
	return NULL;
}

static void *end_all(void *context)
{
	_exit(9);
}

static int end_in_a_thread(void *context)
{
	pthread_t thread;

	for (int i = 0; i < 6; i++)
		if (pthread_create(&thread, NULL, sleep_on, NULL))
			return 1;
	if (pthread_create(&thread, NULL, end_all, NULL))
		return 1;
	pause();
	return 2;
}

static void the_status_is_what_the_parent_gets(struct scene *scene, const void *argument)
{
	enum { TIMES = 20 };
	pid_t seven = process_start(leave_with_seven, NULL), threads[TIMES];
	int status = process_wait(seven);

	assert_int_equal(WEXITSTATUS(status), 7);
	for (int i = 0; i < TIMES; i++) {
		threads[i] = process_start(end_in_a_thread, NULL);
		assert_int_equal(WEXITSTATUS(process_wait(threads[i])), 9);
	}
	scene_settle(scene);
	assert_int_equal(only_exit(scene, seven)->status, status);
	/* One end for eight threads, which end on two processors at once. */
	for (int i = 0; i < TIMES; i++) {
		assert_int_equal(WEXITSTATUS(only_exit(scene, threads[i])->status), 9);
		only_fork(scene, threads[i]);
	}
}

/* ---- arguments */

static void a_long_command_line_is_cut_and_says_so(struct scene *scene, const void *argument)
{
	char *arguments[12] = {}, line[12 * 700];
	struct program program = { actor_path("leave"), .arguments = arguments };
	const struct wire_process_exec *exec;
	size_t length = 0;

	for (int i = 0; i < 11; i++) {
		arguments[i] = line + length;
		memset(arguments[i], i ? 'a' + i : '0', 599);
		arguments[i][599] = 0;
		length += 600;
	}
	exec = exec_of(scene, &program);
	assert_int_equal(exec->args_length, length);
	assert_int_equal(exec->args.length, WIRE_ARGS_MOST);
	assert_memory_equal(record_bytes(&exec->header, exec->args), line, WIRE_ARGS_MOST);
	assert_true(record_is(&exec->header, exec->executable, program.path));
}

/* ---- where the program is */

static void a_program_that_is_no_file(struct scene *scene, const void *argument)
{
	_cleanup_buffer_ struct buffer contents = {};
	int fd = memfd_create("hidden", 0);
	char path[40];
	struct program program = { .path = path };
	const struct wire_process_exec *exec;

	assert_true(fd >= 0);
	assert_int_equal(file_read(AT_FDCWD, actor_path("leave"), 16 * 1024 * 1024, &contents), 0);
	assert_int_equal(file_write_all(fd, contents.data, contents.length), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	exec = exec_of(scene, &program);
	/* As /proc/PID/exe has it, without its remark that the file is deleted. */
	assert_true(record_is(&exec->header, exec->executable, "/memfd:hidden"));
	close(fd);
}

/* Below the scene's folder: `depth` folders of this name, and the program in the last one. Returns
 * a descriptor of it. */
static int program_below(struct scene *scene, const char *name, int depth, struct buffer *path)
{
	char program[100];
	int folder = open(scene->folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	buffer_append_string(path, scene->folder);
	for (int i = 0; i < depth; i++) {
		assert_int_equal(mkdirat(folder, name, 0755), 0);
		fd = openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(fd >= 0);
		close(folder);
		folder = fd;
		buffer_printf(path, "/%s", name);
	}
	snprintf(program, sizeof(program), "%s/below", scene->folder);
	copy_actor("leave", program, 0755);
	assert_int_equal(renameat(AT_FDCWD, program, folder, "leave"), 0);
	buffer_append_string(path, "/leave");
	fd = openat(folder, "leave", O_PATH);
	assert_true(fd >= 0);
	close(folder);
	return fd;
}

static void remove_below(struct scene *scene, const char *name)
{
	char command[400];

	snprintf(command, sizeof(command), "rm -rf '%s'/'%s'", scene->folder, name);
	assert_int_equal(system(command), 0);
}

struct place {
	const char *name;
	int depth;
	bool whole;
};

static void a_program_deep_below(struct scene *scene, const void *argument)
{
	const struct place *place = argument;
	_cleanup_buffer_ struct buffer path = {};
	_cleanup_close_ int fd = program_below(scene, place->name, place->depth, &path);
	char link[40];
	struct program program = { .path = link };
	const struct wire_process_exec *exec;
	const char *bytes;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	exec = exec_of(scene, &program);
	bytes = record_bytes(&exec->header, exec->executable);
	if (place->whole) {
		assert_int_equal(exec->executable.length, path.length);
		assert_memory_equal(bytes, path.data, path.length);
	} else {
		/* What is left is the end of it, and does not look like a path from the root. */
		assert_true(exec->executable.length > 1000);
		assert_memory_equal(bytes, ".../", 4);
		assert_memory_equal(bytes + 3,
				    path.data + path.length - (exec->executable.length - 3),
				    exec->executable.length - 3);
	}
	assert_int_equal(exec->args.length, sizeof("leave"));
	remove_below(scene, place->name);
}

static int bind_over(const struct program *program)
{
	return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	       mount(program->context, program->context, NULL, MS_BIND, NULL) < 0;
}

static void a_program_below_a_mount(struct scene *scene, const void *argument)
{
	char path[120];
	struct program program = { path, .before = bind_over, .context = scene->folder };
	const struct wire_process_exec *exec;

	snprintf(path, sizeof(path), "%s/below-a-mount", scene->folder);
	copy_actor("leave", path, 0755);
	exec = exec_of(scene, &program);
	assert_true(record_is(&exec->header, exec->executable, path));
}

/* As a container is made: a root of its own, and the old one let go. */
static int change_root(const struct program *program)
{
	char old[120];

	snprintf(old, sizeof(old), "%s/mnt", (const char *)program->context);
	return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	       mount("/", program->context, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	       syscall(__NR_pivot_root, program->context, old) < 0 || chdir("/") < 0 ||
	       umount2("/mnt", MNT_DETACH) < 0;
}

static void a_program_below_a_root_of_its_own(struct scene *scene, const void *argument)
{
	struct program program = { actor_path("leave"), .before = change_root,
				   .context = scene->folder };
	const struct wire_process_exec *exec = exec_of(scene, &program);

	assert_true(record_is(&exec->header, exec->executable, program.path));
}

/* A copy of a mount that is in nobody's tree: /usr/bin/docker could be in there. */
static int change_to_a_loose_mount(const struct program *program)
{
	int fd = (int)syscall(__NR_open_tree, AT_FDCWD, program->context, OPEN_TREE_CLONE);

	return fd < 0 ? -1 : fchdir(fd);
}

static void a_program_on_a_mount_that_hangs_nowhere(struct scene *scene, const void *argument)
{
	char path[120];
	struct program program = { "./loose", .before = change_to_a_loose_mount,
				   .context = scene->folder };
	const struct wire_process_exec *exec;

	snprintf(path, sizeof(path), "%s/loose", scene->folder);
	copy_actor("leave", path, 0755);
	exec = exec_of(scene, &program);
	assert_true(record_is(&exec->header, exec->executable, ".../loose"));
}

static void nothing_was_lost(struct scene *scene, const void *argument)
{
	for (int message = WIRE_process_exec; message <= WIRE_process_exit; message++)
		assert_int_equal(
			scene_losses(scene, (enum wire_message)message, WIRE_LOSS_unreadable)
				.records,
			0);
}

#define NAME_OF_250                                                                                \
	"a-name-of-250-bytes-a-name-of-250-bytes-a-name-of-250-bytes-a-name-of-250-bytes-a-na"     \
	"me-of-250-bytes-a-name-of-250-bytes-a-name-of-250-bytes-a-name-of-250-bytes-a-name-of-"   \
	"250-bytes-a-name-of-250-bytes-a-name-of-250-bytes-a-name-of-250-bytes-a-name-of-"

int main(void)
{
	static const struct place sixty = { "folder", 60, true }, wide = { NAME_OF_250, 12, true },
				  too_deep = { "a-deep-folder", 700, false },
				  too_wide = { NAME_OF_250, 20, false };
	static const struct scene_test tests[] = {
		SCENE_TEST(a_life_of_a_millisecond),
		SCENE_TEST(a_start_is_that_of_proc),
		SCENE_TEST(the_status_is_what_the_parent_gets),
		SCENE_TEST(a_long_command_line_is_cut_and_says_so),
		SCENE_TEST(a_program_that_is_no_file),
		{ "a_program_deep_below, 60 folders", a_program_deep_below, &sixty },
		{ "a_program_deep_below, long names", a_program_deep_below, &wide },
		{ "a_program_deep_below, deeper than is kept", a_program_deep_below, &too_deep },
		{ "a_program_deep_below, longer than is kept", a_program_deep_below, &too_wide },
		SCENE_TEST(a_program_below_a_mount),
		SCENE_TEST(a_program_below_a_root_of_its_own),
		SCENE_TEST(a_program_on_a_mount_that_hangs_nowhere),
		SCENE_TEST(nothing_was_lost),
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
