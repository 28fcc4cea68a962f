// SPDX-License-Identifier: Apache-2.0
#include "output/story_shelf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SILENCE_NS       (600 * NS_PER_SECOND)
#define OPEN_MOST        256
#define HELD_BYTES_MOST  (32u << 20)
#define PROCESS_KEY_MOST 128

/* FNV-1a. Of ids that the recorder made: whoever forges a trail to make them collide is told his
 * own story. */
uint64_t story_hash(struct text text)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < text.length; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3ull;
	return hash ? hash : 1;
}

static int put(struct story *story)
{
	struct buffer *out = &story->page.out;
	int r = out->error;

	if (r == 0)
		r = format_put(story->out, (struct text){ out->data, out->length });
	buffer_clear(out);
	return r;
}

static void close_mark(struct story *story, struct story_block *block)
{
	if (block->closed)
		return;
	block->closed = true;
	story->open--;
	TAILQ_REMOVE(&story->active, block, activity);
}

static void unlink_block(struct story *story, struct story_block *block)
{
	close_mark(story, block);
	TAILQ_REMOVE(&story->blocks, block, order);
	story->held -= block->held;
	if (story->current == block)
		story->current = NULL;
	story_block_free(block);
}

void story_touch(struct story *story, struct story_block *block)
{
	if (story->now_ns > block->last_ns)
		block->last_ns = story->now_ns;
	TAILQ_REMOVE(&story->active, block, activity);
	TAILQ_INSERT_TAIL(&story->active, block, activity);
}

void story_account(struct story *story, const struct story_block *block, size_t held)
{
	story->held += block->held - held;
}

int story_end_noise(struct story *story, struct story_block *block, uint64_t time_ns)
{
	size_t held = block->held;
	int r;

	/* Another process came between: a header again, only to say that it pinged, is noise
	 * itself. */
	if (story->page.options.follow && block->told && story->current != block)
		story_block_drop_pings(block);
	r = story_block_end_noise(block, time_ns);
	story_account(story, block, held);
	return r;
}

/* What can only be said once nothing more comes. */
static int end_block(struct story *story, struct story_block *block)
{
	_cleanup_(telling_free)
	struct telling telling = {};
	size_t held;
	int r;

	r = story_end_noise(story, block, block->last_ns);
	held = block->held;
	if (r == 0 && block->count == 0 && block->connects > 0 && block->requests == 0 &&
	    block->closes == 0) {
		spans_add(&telling.what, STYLE_plain, 0, TEXT("connected"));
		spans_add(&telling.rest, STYLE_plain, 0, TEXT("and asked nothing so far"));
		r = story_block_add(block, &telling, block->first_ns, false, NULL);
	}
	story_account(story, block, held);
	close_mark(story, block);
	return r;
}

/* Follow: the lines from `from` on, under their header. */
static int print_new(struct story *story, struct story_block *block, size_t from)
{
	if (from >= block->count)
		return 0;
	if (story->current != block || !block->told)
		story_print_header(&story->page, block, block->lines[from].time_ns);
	story->current = block;
	for (size_t i = from; i < block->count; i++)
		story_print_line(&story->page, &block->lines[i]);
	return put(story);
}

void story_drop_line(struct story *story, struct story_block *block, size_t i)
{
	size_t held = block->held;

	story_block_drop(block, i);
	story_account(story, block, held);
}

/* What was printed is kept only while an answer or the end of a stream is to come. */
static int show(struct story *story, struct story_block *block, size_t from)
{
	int r = print_new(story, block, from);

	for (size_t i = block->count; i-- > from;)
		if (!block->lines[i].request && !block->lines[i].stream)
			story_drop_line(story, block, i);
	return r;
}

static int print_first(struct story *story)
{
	struct story_block *block = TAILQ_FIRST(&story->blocks);
	int r = 0;

	if (block->count > 0) {
		story_print_block(&story->page, block);
		r = put(story);
	}
	unlink_block(story, block);
	return r;
}

static int print_closed(struct story *story)
{
	int r = 0;

	while (r == 0 && !TAILQ_EMPTY(&story->blocks) && TAILQ_FIRST(&story->blocks)->closed)
		r = print_first(story);
	return r;
}

static int close_block(struct story *story, struct story_block *block)
{
	size_t from = block->count;
	int r = end_block(story, block);

	if (!story->page.options.follow)
		return r < 0 ? r : print_closed(story);
	if (r == 0)
		r = print_new(story, block, from);
	unlink_block(story, block);
	return r;
}

int story_tidy(struct story *story)
{
	int r = 0;

	while (r == 0 && story->open > OPEN_MOST)
		r = close_block(story, TAILQ_FIRST(&story->active));
	/* In order: the first one holds back all that are behind it. */
	while (r == 0 && story->held > HELD_BYTES_MOST && !TAILQ_EMPTY(&story->blocks)) {
		struct story_block *first = TAILQ_FIRST(&story->blocks);

		r = first->closed ? print_first(story) : close_block(story, first);
	}
	for (struct story_block *block = TAILQ_FIRST(&story->active), *next; r == 0 && block;
	     block = next) {
		next = TAILQ_NEXT(block, activity);
		if (block->last_ns + SILENCE_NS >= story->now_ns)
			break;
		/* A request without its answer (a wait, an attach) is not silent. */
		if (block->waiting == 0)
			r = close_block(story, block);
	}
	return r;
}

struct story_block *story_find_open(struct story *story, struct text process)
{
	uint64_t hash = story_hash(process);
	struct story_block *block;

	TAILQ_FOREACH_REVERSE(block, &story->active, story_blocks, activity)
	if (block->hash == hash && text_equal(text_of(block->key), process))
		break;
	return block;
}

/* Of whom only audit tells: when it began is not known, so that a name helps its pid. */
static struct text process_key(const struct record *record, char text[PROCESS_KEY_MOST])
{
	struct text host = record_text(record, FIELD_host_name);
	struct text name = record_text(record, FIELD_process_name);

	snprintf(text, PROCESS_KEY_MOST, "%" PRIu64 "-%.*s-%.*s",
		 record_number(record, FIELD_process_pid), (int)name.length, name.data ?: "",
		 (int)host.length, host.data ?: "");
	return text_of(text);
}

int story_find(struct story *story, const struct record *record, struct story_block **ret)
{
	char pid[PROCESS_KEY_MOST];
	struct text key = record_text(record, FIELD_process_entity_id);
	struct story_block *block;
	size_t held;
	int r;

	if (!key.length)
		key = record_text(record, FIELD_connection_id);
	if (!key.length && record_has(record, FIELD_process_pid))
		key = process_key(record, pid);
	if (!key.length)
		key = TEXT("?");
	block = story_find_open(story, key);
	if (!block) {
		block = story_block_new(key.data, key.length, story->now_ns);
		if (!block)
			return -ENOMEM;
		block->hash = story_hash(key);
		TAILQ_INSERT_TAIL(&story->blocks, block, order);
		TAILQ_INSERT_TAIL(&story->active, block, activity);
		story->held += block->held;
		story->open++;
	}
	held = block->held;
	r = story_block_set_who(block, record);
	story_account(story, block, held);
	story_touch(story, block);
	if (r == 0)
		*ret = block;
	return r;
}

int story_add(struct story *story, struct story_block *block, bool fold,
	      struct story_line **ret_line)
{
	size_t held = block->held;
	int r = story_block_add(block, &story->telling, story->now_ns, fold, ret_line);

	story_account(story, block, held);
	return r;
}

int story_added(struct story *story, struct story_block *block, size_t from)
{
	int r = 0;

	if (story->page.options.follow)
		r = show(story, block, from);
	if (r == 0 && block->count >= STORY_LINES_MOST)
		r = close_block(story, block);
	return r;
}

int story_alone(struct story *story)
{
	struct story_block *block = story_block_new(NULL, 0, story->now_ns);
	int r;

	if (!block)
		return -ENOMEM;
	block->closed = true;
	r = story_block_add(block, &story->telling, story->now_ns, false, NULL);
	TAILQ_INSERT_TAIL(&story->blocks, block, order);
	story->held += block->held;
	if (r < 0 || !story->page.options.follow)
		return r < 0 ? r : print_closed(story);
	r = print_new(story, block, 0);
	unlink_block(story, block);
	return r;
}

struct story_line *story_find_line(struct story *story, uint64_t request, uint64_t stream,
				   struct story_block **ret_block)
{
	struct story_block *block;

	TAILQ_FOREACH(block, &story->active, activity)
	for (size_t i = block->count; i-- > 0;) {
		struct story_line *line = &block->lines[i];

		if ((request && line->request == request) || (stream && line->stream == stream)) {
			*ret_block = block;
			return line;
		}
	}
	return NULL;
}

int story_close_all(struct story *story)
{
	int r = 0;

	while (r == 0 && !TAILQ_EMPTY(&story->blocks)) {
		struct story_block *first = TAILQ_FIRST(&story->blocks);

		r = first->closed ? print_first(story) : close_block(story, first);
	}
	return r;
}

void story_clear(struct story *story)
{
	while (!TAILQ_EMPTY(&story->blocks))
		unlink_block(story, TAILQ_FIRST(&story->blocks));
	telling_free(&story->telling);
	buffer_free(&story->page.out);
}
