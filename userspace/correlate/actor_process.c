// SPDX-License-Identifier: Apache-2.0
#include "correlate/actor_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/put.h"
#include "base/text_list.h"
#include "correlate/process.h"
#include "event/json.h"

/* The kernel calls the slave of a pseudo terminal "pts0" (tty_line_name), everybody else "pts/0".
 */
static void set_tty(struct record *record, const char tty[WIRE_TTY])
{
	bool pseudo = memcmp(tty, "pts", 3) == 0 && isdigit((unsigned char)tty[3]);
	char text[WIRE_TTY + 1], *at = text;

	if (!pseudo) {
		actor_set_fixed(record, FIELD_process_tty, tty, WIRE_TTY);
		return;
	}
	at = put_text(at, TEXT("pts/"));
	at = put_text(at, text_within(tty + 3, WIRE_TTY - 3));
	record_set_text(record, FIELD_process_tty, put_between(text, at));
}

static void add_ancestor(void *context, uint32_t pid, const struct process *known)
{
	struct record *record = context;
	char text[WIRE_COMM + 16], *at = text;

	if (!record_has(record, FIELD_process_parent_pid)) {
		record_set_number(record, FIELD_process_parent_pid, pid);
		if (known) {
			actor_set_fixed(record, FIELD_process_parent_name, known->name, WIRE_COMM);
			record_set_text(record, FIELD_process_parent_executable,
					process_executable(known));
		}
	}
	at = put_text(at, text_within(known ? known->name : "", WIRE_COMM));
	*at++ = '[';
	at = put_number(at, pid);
	*at++ = ']';
	record_add_text(record, FIELD_process_ancestry, put_between(text, at));
}

static int mask_args(const struct actor_context *context, const struct process *process)
{
	_cleanup_text_list_ struct text_list whole = {}, masked = {};
	bool cut;
	struct text args = process_args(process, &cut);
	int r = text_list_append_terminated(&whole, args.data, args.length);

	whole.cut |= cut;
	if (r == 0)
		r = context->redact(context->redact_user, &whole, &masked);
	if (r < 0)
		return r;
	/* Of no arguments there are no bytes: known to be none. */
	return process_tree_mask_args(context->tree, process,
				      (struct text){ masked.bytes.data ?: "", masked.bytes.length },
				      whole.cut || masked.cut);
}

/* Nothing of a command line is written that was not masked. */
static void fill_args(const struct actor_context *context, const struct process *process,
		      struct record *record)
{
	struct text args, arg;
	bool cut;

	if (!context->redact || !process_args(process, &cut).data)
		return;
	record_set_empty_list(record, FIELD_process_args);
	if (!process_args_masked(process) && mask_args(context, process) < 0) {
		record_set_boolean(record, FIELD_process_args_cut, true);
		return;
	}
	/* A copy of it all: the program may be gone before the event is written. */
	args = process_args(process, &cut);
	args.data = arena_copy(record->arena, args.data, args.length);
	if (!args.data)
		args.length = 0;
	while (process_next_arg(&args, &arg))
		record_lend_item(record, FIELD_process_args, arg);
	record_set_boolean(record, FIELD_process_args_cut, cut || !args.data);
}

static void fill_process(const struct actor_context *context, const struct wire_task *task,
			 const struct process *process, struct record *record)
{
	char entity[ENTITY_ID_MOST];

	if (task->pid)
		record_set_number(record, FIELD_process_pid, task->pid);
	if (task->pid && task->start) {
		actor_entity_id(context, task->pid, task->start, entity);
		record_set_string(record, FIELD_process_entity_id, entity);
		record_set_number(record, FIELD_process_start, actor_wall_ns(context, task->start));
	}
	actor_set_fixed(record, FIELD_process_name, task->name, WIRE_COMM);
	set_tty(record, task->tty);
	if (!process)
		return;
	record_set_text(record, FIELD_process_executable, process_executable(process));
	fill_args(context, process, record);
	if (process_ancestry(context->tree, process, add_ancestor, record))
		record_add_text(record, FIELD_process_ancestry, TEXT("..."));
}

static void describe(const struct actor_context *context, const struct wire_task *task,
		     struct record *record)
{
	fill_process(context, task, process_tree_find_or_read(context->tree, task), record);
}

/* ---- what was told last */

#define KNOWN_MOST 64

struct known {
	struct wire_task task;
	uint64_t changes; /* of the tree when it was told */
	int64_t wall_offset_ns;
	struct record *record; /* the object "process", */
	struct buffer json;    /* and how it stands in a line */
};

struct actor_cache {
	struct known known[KNOWN_MOST]; /* by pid */
};

int actor_cache_new(struct actor_cache **ret)
{
	struct actor_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	*ret = cache;
	return 0;
}

void actor_cache_free(struct actor_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < KNOWN_MOST; i++) {
		record_free(cache->known[i].record);
		buffer_free(&cache->known[i].json);
	}
	free(cache);
}

static bool is_current(const struct known *known, const struct actor_context *context,
		       const struct wire_task *task)
{
	return known->json.length > 0 && known->changes == process_tree_changes(context->tree) &&
	       known->wall_offset_ns == context->wall_offset_ns &&
	       memcmp(&known->task, task, sizeof(*task)) == 0;
}

static int tell(const struct actor_context *context, const struct wire_task *task,
		struct known *known)
{
	int r;

	buffer_clear(&known->json);
	if (!known->record) {
		r = record_new(&known->record);
		if (r < 0)
			return r;
	}
	record_begin(known->record, EVENT_COUNT);
	describe(context, task, known->record);
	record_append_members(known->record, FIELD_process_pid, FIELD_process_ancestry,
			      &known->json);
	r = known->record->error ?: known->json.error;
	if (r < 0) {
		buffer_clear(&known->json);
		return r;
	}
	known->task = *task;
	known->changes = process_tree_changes(context->tree);
	known->wall_offset_ns = context->wall_offset_ns;
	return 0;
}

static void describe_known(const struct actor_context *context, const struct wire_task *task,
			   struct record *record)
{
	struct known *known = &context->cache->known[task->pid % KNOWN_MOST];
	struct record_part part = { FIELD_process_pid, FIELD_process_ancestry, {} };

	if (!is_current(known, context, task) && tell(context, task, known) < 0) {
		describe(context, task, record);
		return;
	}
	part.json = (struct text){ known->json.data, known->json.length };
	record_lend_all(record, known->record, &part);
}

void actor_fill_process(const struct actor_context *context, const struct wire_task *task,
			bool complete, struct record *record)
{
	if (!complete)
		fill_process(context, task, NULL, record);
	else if (context->cache && task->start)
		describe_known(context, task, record);
	else
		describe(context, task, record);
}
