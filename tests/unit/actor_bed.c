// SPDX-License-Identifier: Apache-2.0
#include "actor_bed.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text_list.h"
#include "correlate/containers.h"
#include "correlate/entries.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/users.h"
#include "event/json.h"
#include "fake_proc.h"

#define BOOT "12345678-aaaa-bbbb-cccc-1234567890ab"

/* Masks what follows "-p", as the real one does with far more. */
static int redact(void *user, const struct text_list *arguments, struct text_list *ret)
{
	struct actor_bed *bed = user;

	bed->redactions++;
	bed->redact_cut = arguments->cut;
	for (size_t i = 0; i < arguments->count; i++) {
		bool secret = i > 0 && text_equal(text_list_at(arguments, i - 1), TEXT("-p"));

		text_list_append(ret, secret ? TEXT("[redacted]") : text_list_at(arguments, i));
	}
	return 0;
}

int actor_bed_set_up(void **state)
{
	static const char passwd[] = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n";
	static const char config[] = "{\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx:1\"}}";
	struct actor_bed *bed = calloc(1, sizeof(*bed));
	struct actor_context *context = &bed->context;
	_cleanup_close_ int proc = -1;
	char path[512];

	bed->folder = fake_folder();
	fake_file(bed->folder, "passwd", passwd, sizeof(passwd) - 1);
	fake_file(bed->folder, "containers/" ID "/config.v2.json", config, sizeof(config) - 1);
	proc = open(bed->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(process_tree_new(proc, 0, 0, &context->tree), 0);
	snprintf(path, sizeof(path), "%s/passwd", bed->folder);
	assert_int_equal(users_new(path, &context->users), 0);
	assert_int_equal(users_refresh(context->users, 0), 0);
	assert_int_equal(containers_new(&context->containers), 0);
	assert_int_equal(containers_add_root(context->containers, bed->folder), 0);
	assert_int_equal(namespaces_new(&context->namespaces), 0);
	assert_int_equal(entries_new(&context->entries), 0);
	context->boot_id = BOOT;
	context->wall_offset_ns = WALL;
	context->redact = redact;
	context->redact_user = bed;
	actor_connect(context);
	assert_int_equal(record_new(&bed->record), 0);
	record_begin(bed->record, EVENT_api_request);
	*state = bed;
	return 0;
}

int actor_bed_set_up_cache(void **state)
{
	int r = actor_bed_set_up(state);
	struct actor_bed *bed = *state;

	return r ?: actor_cache_new(&bed->context.cache);
}

int actor_bed_tear_down(void **state)
{
	struct actor_bed *bed = *state;

	record_free(bed->record);
	process_tree_free(bed->context.tree);
	users_free(bed->context.users);
	containers_free(bed->context.containers);
	namespaces_free(bed->context.namespaces);
	entries_free(bed->context.entries);
	actor_cache_free(bed->context.cache);
	buffer_free(&bed->json);
	fake_remove(bed->folder);
	free(bed);
	return 0;
}

struct wire_task bed_client(void)
{
	return (struct wire_task){ .start = START + 7,
				   .parent_start = START,
				   .pid = 20,
				   .parent_pid = 10,
				   .uid = 0,
				   .gid = 1000,
				   .effective_uid = 0,
				   .effective_gid = 0,
				   .login_uid = 1000,
				   .session = 42,
				   .name = "docker",
				   .tty = "pts3" };
}

void bed_run(struct actor_bed *bed, const struct wire_task *task, const char *executable,
	     struct text args)
{
	struct process_exec exec = { .executable = text_of(executable),
				     .args = args,
				     .args_length = (uint32_t)args.length };

	assert_int_equal(process_tree_exec(bed->context.tree, task, task->start, &exec), 0);
}

struct wire_task bed_run_client(struct actor_bed *bed)
{
	struct wire_task shell = { .pid = 10, .start = START, .name = "ba]sh" },
			 task = bed_client();

	bed_run(bed, &shell, "/bin/bash", TEXT("-bash\0"));
	assert_int_equal(process_tree_fork(bed->context.tree, &task, START), 0);
	bed_run(bed, &task, "/usr/bin/docker", TEXT("docker\0login\0-p\0hunter2\0"));
	return task;
}

const char *bed_json_of(struct actor_bed *bed)
{
	buffer_clear(&bed->json);
	record_append_json(bed->record, &bed->json);
	assert_int_equal(bed->record->error, 0);
	return buffer_string(&bed->json);
}

void bed_assert_text(struct actor_bed *bed, enum field field, const char *expected)
{
	struct text text = record_text(bed->record, field);

	assert_int_equal(record_has(bed->record, field), expected != NULL);
	if (expected) {
		assert_int_equal(text.length, strlen(expected));
		assert_memory_equal(text.data, expected, text.length);
	}
}

void bed_fill_again(struct actor_bed *bed, const struct wire_task *task)
{
	record_begin(bed->record, EVENT_api_request);
	actor_fill(&bed->context, task, bed->record);
}
