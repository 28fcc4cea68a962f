// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

int run_program(void *context)
{
	static char *const alone[] = { "leave", NULL };
	const struct program *program = context;

	if (program->before && program->before(program))
		return 90;
	execv(program->path, program->arguments ?: alone);
	return 91;
}

const struct wire_process_exec *only_exec(const struct scene *scene, pid_t pid)
{
	const struct wire_process_exec *found = NULL;

	SCENE_EACH (scene, process_exec, record)
		if (record->task.pid == (uint32_t)pid) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

const struct wire_process_fork *only_fork(const struct scene *scene, pid_t pid)
{
	const struct wire_process_fork *found = NULL;

	SCENE_EACH (scene, process_fork, record)
		if (record->task.pid == (uint32_t)pid) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

const struct wire_process_exit *only_exit(const struct scene *scene, pid_t pid)
{
	const struct wire_process_exit *found = NULL;

	SCENE_EACH (scene, process_exit, record)
		if (record->pid == (uint32_t)pid) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

const struct wire_process_exec *exec_of(struct scene *scene, const struct program *program)
{
	pid_t pid = process_do(run_program, (void *)program);

	scene_settle(scene);
	return only_exec(scene, pid);
}

void copy_actor(const char *actor, const char *path, mode_t mode)
{
	_cleanup_buffer_ struct buffer contents = {};

	assert_int_equal(file_read(AT_FDCWD, actor_path(actor), 16 * 1024 * 1024, &contents), 0);
	assert_int_equal(file_replace(AT_FDCWD, path, contents.data, contents.length, 0755), 0);
	assert_int_equal(chmod(path, mode), 0);
}
