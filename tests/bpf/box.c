// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/box.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *cgroup_root(void)
{
	return access("/sys/fs/cgroup/cgroup.procs", W_OK) == 0 ? "/sys/fs/cgroup"
								: "/sys/fs/cgroup/unified";
}

void box_make(struct box *box)
{
	static unsigned int count;

	snprintf(box->id, sizeof(box->id), "%08x%056x", (unsigned int)getpid(), ++count);
	snprintf(box->parent, sizeof(box->parent), "%s/docktrail-test", cgroup_root());
	snprintf(box->cgroup, sizeof(box->cgroup), "%s/%s", box->parent, box->id);
	if ((mkdir(box->parent, 0755) < 0 && errno != EEXIST) || mkdir(box->cgroup, 0755) < 0) {
		print_message("# skip: no cgroup can be made at %s: %s\n", box->cgroup,
			      strerror(errno));
		skip();
	}
}

void box_make_another(struct box *box, const struct box *other)
{
	*box = *other;
	snprintf(box->parent, sizeof(box->parent), "%s/docktrail-false", cgroup_root());
	snprintf(box->cgroup, sizeof(box->cgroup), "%s/%s", box->parent, box->id);
	assert_int_equal(mkdir(box->parent, 0755), 0);
	assert_int_equal(mkdir(box->cgroup, 0755), 0);
}

void box_remove(struct box *box)
{
	assert_int_equal(rmdir(box->cgroup), 0);
	rmdir(box->parent);
}

int enter_cgroup(const struct box *box)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", box->cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -1;
}

int begin_box(const struct program *program)
{
	return enter_cgroup(program->context) < 0 || unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0;
}

bool is_of_box(const struct wire_task *task, const struct box *box)
{
	return memcmp(task->container, box->id, WIRE_CONTAINER) == 0;
}

const struct wire_container_start *only_start(const struct scene *scene, const struct box *box)
{
	const struct wire_container_start *found = NULL;

	SCENE_EACH (scene, container_start, record)
		if (is_of_box(&record->task, box)) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

const struct wire_container_exit *only_end(const struct scene *scene, const struct box *box)
{
	const struct wire_container_exit *found = NULL;

	SCENE_EACH (scene, container_exit, record)
		if (is_of_box(&record->task, box)) {
			assert_null(found);
			found = record;
		}
	assert_non_null(found);
	return found;
}

size_t count_entries(const struct scene *scene, const struct box *box)
{
	size_t count = 0;

	SCENE_EACH (scene, container_exec, record)
		count += is_of_box(&record->task, box);
	return count;
}

const struct wire_container_exec *only_entry(const struct scene *scene, const struct box *box)
{
	assert_int_equal(count_entries(scene, box), 1);
	SCENE_EACH (scene, container_exec, record)
		if (is_of_box(&record->task, box))
			return record;
	return NULL;
}

static int begin_first(const struct program *program)
{
	const struct first *first = program->context;

	return begin_box(&(struct program){ .context = &first->box }) ||
	       dup2(first->ends[0], STDIN_FILENO) < 0;
}

void first_begin(struct first *first, char *const *arguments)
{
	static char *const cat[] = { "cat", NULL };

	first->program = (struct program){ arguments ? "/bin/sh" : "/bin/cat", arguments ?: cat,
					   begin_first, first };
	assert_int_equal(pipe2(first->ends, O_CLOEXEC), 0);
	first->pid = process_start(run_program, &first->program);
}

void first_start(struct scene *scene, struct first *first, char *const *arguments)
{
	double until = scene_clock() + scene_seconds(20);

	first_begin(first, arguments);
	while (scene_clock() < until) {
		scene_settle(scene);
		SCENE_EACH (scene, container_start, record)
			if (is_of_box(&record->task, &first->box))
				return;
	}
	fail_msg("the container did not begin");
}

int first_stop(struct first *first)
{
	close(first->ends[0]);
	close(first->ends[1]);
	return process_wait(first->pid);
}

int join_mount_namespace(const struct first *first)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)first->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? setns(fd, CLONE_NEWNS) : -1;
}
