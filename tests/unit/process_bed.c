// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "process_bed.h"

int process_bed_set_up(void **state)
{
	struct process_bed *bed = calloc(1, sizeof(*bed));
	_cleanup_close_ int proc = -1;

	bed->folder = fake_folder();
	proc = open(bed->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(process_tree_new(proc, 0, 0, &bed->tree), 0);
	*state = bed;
	return 0;
}

int process_bed_tear_down(void **state)
{
	struct process_bed *bed = *state;

	process_tree_free(bed->tree);
	fake_remove(bed->folder);
	buffer_free(&bed->text);
	free(bed);
	return 0;
}

struct wire_task bed_task_of(uint32_t pid, uint64_t start, uint32_t parent, uint64_t parent_start,
			     const char *name)
{
	struct wire_task task = { .pid = pid,
				  .start = start,
				  .parent_pid = parent,
				  .parent_start = parent_start,
				  .login_uid = WIRE_UNSET,
				  .session = WIRE_UNSET };

	memcpy(task.name, name, strlen(name));
	return task;
}

void bed_forked(struct process_bed *bed, uint32_t pid, uint64_t start, uint32_t parent,
		uint64_t parent_start)
{
	struct wire_task task = bed_task_of(pid, start, parent, parent_start, "forked");

	assert_int_equal(process_tree_fork(bed->tree, &task, parent_start), 0);
}

void bed_executed(struct process_bed *bed, uint32_t pid, uint64_t start, const char *name)
{
	struct wire_task task = bed_task_of(pid, start, 0, 0, name);
	char path[64];
	struct process_exec exec = { .args = { "prog\0-a\0", 8 }, .args_length = 8 };

	snprintf(path, sizeof(path), "/bin/%s", name);
	exec.executable = text_of(path);
	assert_int_equal(process_tree_exec(bed->tree, &task, start, &exec), 0);
}

static void append_ancestor(void *context, uint32_t pid, const struct process *known)
{
	buffer_printf(context, "%s[%u] ", known ? known->name : "", pid);
}

const char *bed_ancestry(struct process_bed *bed, const struct process *process)
{
	buffer_clear(&bed->text);
	if (process_ancestry(bed->tree, process, append_ancestor, &bed->text))
		buffer_append_string(&bed->text, "...");
	return buffer_string(&bed->text);
}

void bed_assert_program(const struct process *process, const char *executable, const char *args,
			size_t args_length)
{
	bool cut;
	struct text path = process_executable(process), line = process_args(process, &cut);

	assert_int_equal(path.length, executable ? strlen(executable) : 0);
	if (executable)
		assert_memory_equal(path.data, executable, path.length);
	else
		assert_null(path.data);
	assert_int_equal(line.length, args_length);
	if (args_length)
		assert_memory_equal(line.data, args, args_length);
}
