// SPDX-License-Identifier: Apache-2.0
/*
 * The story: one block per process that asked. Of a whole trail, blocks are gathered and printed in
 * the order in which they began, so that what belongs together stands together; with `follow`,
 * lines are printed as they come, under a header that is repeated when another process comes
 * between.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "output/quantity.h"
#include "output/story_shelf.h"

static int on_request(struct story *story, const struct record *record)
{
	bool pending = tell_is(record, FIELD_api_state, TEXT("pending"));
	bool stream = tell_is(record, FIELD_api_state, TEXT("hijacked")) ||
		      record_number(record, FIELD_http_response_status_code) == 101;
	bool fold = !story->page.options.follow && !pending && !stream &&
		    record_number(record, FIELD_event_severity) < 50;
	struct story_block *block;
	struct story_line *line;
	size_t from;
	int r;

	r = story_find(story, record, &block);
	if (r < 0)
		return r;
	block->requests++;
	if (story_block_add_noise(block, record))
		return 0;
	from = block->count;
	r = story_add(story, block, fold, &line);
	if (r < 0)
		return r;
	if (pending && record_has(record, FIELD_request_id)) {
		line->request = story_hash(record_text(record, FIELD_request_id));
		block->waiting++;
	}
	if (stream && record_has(record, FIELD_connection_id))
		line->stream = story_hash(record_text(record, FIELD_connection_id));
	return story_added(story, block, from);
}

/* The words before "pending" with the status in its place. */
static int retell_what(struct story_line *line, const struct record *record)
{
	if (line->what.count > 1)
		line->what.count--;
	tell_status(record, &line->what);
	return spans_error(&line->what);
}

static int on_answer(struct story *story, const struct record *record)
{
	uint64_t request = story_hash(record_text(record, FIELD_request_id));
	struct story_block *block = NULL;
	struct story_line *line = NULL;
	char text[QUANTITY_MOST];
	size_t i;
	int r;

	if (record_has(record, FIELD_request_id))
		line = story_find_line(story, request, 0, &block);
	if (!line)
		return story_alone(story);
	line->request = 0;
	block->waiting--;
	r = retell_what(line, record);
	if (r == 0 && record_has(record, FIELD_event_duration))
		spans_printf(&line->rest, STYLE_dim, 2, "after %s",
			     quantity_duration(record_number(record, FIELD_event_duration), text));
	if (r < 0 || !story->page.options.follow)
		return r;
	/* Said again, now that it is known: it goes to the end and to the time of the answer. */
	i = (size_t)(line - block->lines);
	line->time_ns = line->last_ns = story->now_ns;
	story_touch(story, block);
	{
		struct story_line moved = *line;

		memmove(line, line + 1, (block->count - i - 1) * sizeof(*line));
		block->lines[block->count - 1] = moved;
	}
	return story_added(story, block, block->count - 1);
}

static void tell_stream(const struct record *record, struct spans *rest)
{
	char text[QUANTITY_MOST];

	spans_add(rest, STYLE_dim, 2, TEXT("stream:"));
	if (record_has(record, FIELD_close_duration))
		spans_printf(rest, STYLE_dim, 1, "%s,",
			     quantity_duration(record_number(record, FIELD_close_duration), text));
	spans_printf(rest, STYLE_dim, 1, "%s in,",
		     quantity_bytes(record_number(record, FIELD_close_bytes_sent), text));
	spans_printf(rest, STYLE_dim, 1, "%s out",
		     quantity_bytes(record_number(record, FIELD_close_bytes_received), text));
}

/* The end of an attach or exec: its volume belongs to the request that opened it. */
static int end_stream(struct story *story, struct story_block *block, struct story_line *line,
		      const struct record *record)
{
	size_t i = (size_t)(line - block->lines), from = block->count;
	int r;

	line->stream = 0;
	if (!story->page.options.follow) {
		tell_stream(record, &line->rest);
		return spans_error(&line->rest);
	}
	telling_clear(&story->telling);
	spans_join(&story->telling.what, &line->what, 0);
	if (story->telling.what.count > 1)
		story->telling.what.count = 1;
	spans_add(&story->telling.what, STYLE_dim, 1, TEXT("ended"));
	tell_stream(record, &story->telling.rest);
	r = story_add(story, block, false, NULL);
	if (r == 0)
		r = story_added(story, block, from);
	if (r == 0 && !block->lines[i].request)
		story_drop_line(story, block, i);
	return r;
}

static int on_close(struct story *story, const struct record *record)
{
	uint64_t stream = story_hash(record_text(record, FIELD_connection_id));
	struct story_block *block, *holder = NULL;
	struct story_line *line = NULL;
	size_t from;
	int r;

	r = story_find(story, record, &block);
	if (r < 0)
		return r;
	block->closes++;
	if (record_has(record, FIELD_connection_id))
		line = story_find_line(story, 0, stream, &holder);
	if (line)
		return end_stream(story, holder, line, record);
	from = block->count;
	if (record_has(record, FIELD_close_requests) &&
	    record_number(record, FIELD_close_requests) == 0) {
		/* What it said was lost, or was no request. */
		bool spoke = record_number(record, FIELD_close_bytes_sent) > 0;

		spans_clear(&story->telling.what);
		spans_add(&story->telling.what, spoke ? STYLE_alarm : STYLE_plain, 0,
			  spoke ? TEXT("NO REQUEST READ") : TEXT("asked nothing"));
		r = story_add(story, block, true, NULL);
	} else if (story->page.options.follow && block->closes >= block->connects) {
		r = story_end_noise(story, block, story->now_ns);
	}
	return r < 0 ? r : story_added(story, block, from);
}

static int on_connect(struct story *story, const struct record *record)
{
	bool tells = record_has(record, FIELD_error_code) ||
		     record->event == EVENT_socket_present ||
		     tell_is(record, FIELD_witness, TEXT("audit")) ||
		     record_number(record, FIELD_event_severity) >= 50;
	struct story_block *block;
	size_t from;
	int r;

	r = story_find(story, record, &block);
	if (r < 0)
		return r;
	/* A refusal is no connection that could ask. */
	block->connects += !record_has(record, FIELD_error_code);
	if (!tells)
		return 0;
	from = block->count;
	r = story_add(story, block, !story->page.options.follow, NULL);
	return r < 0 ? r : story_added(story, block, from);
}

/* What a container did, a login, an event of a later version: under its process, where it has one.
 */
static int on_other(struct story *story, const struct record *record)
{
	struct story_block *block;
	size_t from;
	int r;

	if (!record_has(record, FIELD_process_pid))
		return story_alone(story);
	r = story_find(story, record, &block);
	if (r < 0)
		return r;
	from = block->count;
	r = story_add(story, block, false, NULL);
	return r < 0 ? r : story_added(story, block, from);
}

/* What a container does stands under the request that made it do so, while that one's block is
 * open. */
static int on_contained(struct story *story, const struct record *record)
{
	static const enum field askers[] = { FIELD_entered_by_process_entity_id,
					     FIELD_started_by_process_entity_id,
					     FIELD_created_by_process_entity_id };
	struct story_block *block = NULL;
	struct text asker = {};
	struct story_line *line;
	size_t from;
	int r;

	/* It tells of the file system, not of the container; the other formats have it. */
	if (record_has(record, FIELD_capability_borrowed))
		return 0;
	/* Who came in by no known request did not come for who made the container. */
	for (size_t i = 0;
	     i < ARRAY_SIZE(askers) && !block && !record_has(record, FIELD_entered_by_reason); i++)
		if (record_has(record, askers[i]))
			block = story_find_open(story, record_text(record, askers[i]));
	if (block)
		asker = text_of(block->key);
	tell_causes(record, asker, &story->telling.rest);
	if (!block)
		return on_other(story, record);
	from = block->count;
	r = story_add(story, block, false, &line);
	if (r < 0)
		return r;
	line->depth = 1;
	story_touch(story, block);
	return story_added(story, block, from);
}

int format_story_write(void *state, const struct record *record, struct text line)
{
	struct story *story = state;
	int r;

	story->now_ns = record_number(record, FIELD_timestamp);
	/* Alive every 30 seconds is what a reader takes for granted. */
	if (record->event == EVENT_recorder_heartbeat)
		return story_tidy(story);
	r = tell(record, &story->telling);
	if (r < 0)
		return r;
	switch (record->event) {
	case EVENT_api_request:
		r = on_request(story, record);
		break;
	case EVENT_api_answer:
		r = on_answer(story, record);
		break;
	case EVENT_socket_connect:
	case EVENT_socket_present:
		r = on_connect(story, record);
		break;
	case EVENT_socket_close:
		r = on_close(story, record);
		break;
	case EVENT_container_start:
	case EVENT_container_present:
	case EVENT_container_exit:
	case EVENT_container_exec:
	case EVENT_namespace_enter:
	case EVENT_namespace_create:
	case EVENT_capability_use:
	case EVENT_oom_kill:
		r = on_contained(story, record);
		break;
	default:
		r = on_other(story, record);
	}
	return r < 0 ? r : story_tidy(story);
}

int format_story_new(FILE *out, const struct format_options *options, void **ret_state)
{
	struct story *story = calloc(1, sizeof(*story));

	if (!story)
		return -ENOMEM;
	story->out = out;
	TAILQ_INIT(&story->blocks);
	TAILQ_INIT(&story->active);
	story_page_begin(&story->page, options);
	*ret_state = story;
	return 0;
}

int format_story_finish(void *state)
{
	return story_close_all(state);
}

void format_story_free(void *state)
{
	if (!state)
		return;
	story_clear(state);
	free(state);
}
