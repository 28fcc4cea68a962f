// SPDX-License-Identifier: Apache-2.0
#include "output/story_block.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct story_block *story_block_new(const char *key, size_t key_length, uint64_t time_ns)
{
	struct story_block *block = calloc(1, sizeof(*block));

	if (!block)
		return NULL;
	if (key) {
		block->key = strndup(key, key_length);
		if (!block->key) {
			free(block);
			return NULL;
		}
	}
	block->first_ns = block->last_ns = time_ns;
	block->held = sizeof(*block) + key_length;
	return block;
}

static void line_clear(struct story_line *line)
{
	spans_free(&line->what);
	spans_free(&line->rest);
}

void story_block_free(struct story_block *block)
{
	if (!block)
		return;
	for (size_t i = 0; i < block->count; i++)
		line_clear(&block->lines[i]);
	free(block->lines);
	spans_free(&block->header);
	spans_free(&block->ancestry);
	free(block->key);
	free(block);
}

static size_t spans_held(const struct spans *spans)
{
	return spans->bytes.capacity + spans->capacity * sizeof(*spans->items);
}

int story_block_set_who(struct story_block *block, const struct record *record)
{
	bool known = record_has(record, FIELD_process_args);
	const struct text nobody = {};

	/* The first event of a process can come before its command line is known. */
	if (block->header.count > 0 && (block->told || block->command_known || !known))
		return 0;
	block->held -= spans_held(&block->header) + spans_held(&block->ancestry);
	spans_clear(&block->header);
	spans_clear(&block->ancestry);
	tell_user(record, &block->header);
	{
		size_t before = block->header.count;

		tell_command(record, &block->header);
		if (block->header.count > before)
			block->header.items[before].gap = 3;
	}
	tell_ancestry(record, &block->ancestry);
	/* Of what a container does its own line tells it. */
	if (record_has(record, FIELD_connection_id))
		tell_causes(record, nobody, &block->ancestry);
	block->held += spans_held(&block->header) + spans_held(&block->ancestry);
	block->command_known = known;
	return spans_error(&block->header) ?: spans_error(&block->ancestry);
}

bool story_block_add_noise(struct story_block *block, const struct record *record)
{
	static const char *const quiet[STORY_NOISE_KINDS] = { "SystemPing", "SystemPingHead",
							      "SystemVersion", "SystemInfo" };
	struct text operation = record_text(record, FIELD_api_operation);

	if (record_number(record, FIELD_event_severity) > 0 ||
	    record_number(record, FIELD_http_response_status_code) != 200 ||
	    !tell_is(record, FIELD_api_state, TEXT("complete")) ||
	    record_has(record, FIELD_connector_process_pid) ||
	    record_has(record, FIELD_proxy_listens))
		return false;
	for (size_t i = 0; i < STORY_NOISE_KINDS; i++) {
		if (!text_equal(operation, text_of(quiet[i])))
			continue;
		/* To a reader HEAD and GET of the same are the same. */
		i = i == 1 ? 0 : i;
		block->noise[i].operation = quiet[i];
		block->noise[i].count++;
		return true;
	}
	return false;
}

void story_block_drop_pings(struct story_block *block)
{
	/* 0 is the ping, by GET or HEAD. */
	for (size_t i = 1; i < STORY_NOISE_KINDS; i++)
		if (block->noise[i].count > 0)
			return;
	block->noise[0].count = 0;
}

int story_block_end_noise(struct story_block *block, uint64_t time_ns)
{
	_cleanup_(telling_free)
	struct telling telling = {};
	const char *comma = "";

	for (size_t i = 0; i < STORY_NOISE_KINDS; i++) {
		struct story_noise *noise = &block->noise[i];

		if (noise->count == 0)
			continue;
		spans_add(&telling.what, STYLE_dim, 0, text_of(comma));
		if (noise->count > 1)
			spans_printf(&telling.what, STYLE_dim, 1, "%u x %s", noise->count,
				     noise->operation);
		else
			spans_add(&telling.what, STYLE_dim, 1, text_of(noise->operation));
		noise->count = 0;
		comma = ",";
	}
	if (telling.what.count == 0)
		return 0;
	spans_add(&telling.rest, STYLE_dim, 1, TEXT("also"));
	/* Not in the column of `what`: it is a remark about the whole block. */
	spans_join(&telling.rest, &telling.what, 1);
	spans_clear(&telling.what);
	return story_block_add(block, &telling, time_ns, false, NULL);
}

static bool folds(const struct story_line *last, const struct telling *telling)
{
	return last->request == 0 && last->stream == 0 &&
	       spans_equal(&last->what, &telling->what) && spans_equal(&last->rest, &telling->rest);
}

int story_block_add(struct story_block *block, struct telling *telling, uint64_t time_ns, bool fold,
		    struct story_line **ret_line)
{
	struct story_line *line = block->count ? &block->lines[block->count - 1] : NULL;
	int r;

	r = spans_error(&telling->what) ?: spans_error(&telling->rest);
	if (r < 0)
		return r;
	if (fold && line && folds(line, telling)) {
		line->count++;
		line->last_ns = time_ns;
	} else {
		if (block->count == block->capacity) {
			size_t capacity = block->capacity ? block->capacity * 2 : 4;
			struct story_line *lines =
				reallocarray(block->lines, capacity, sizeof(*lines));

			if (!lines)
				return -ENOMEM;
			block->held += (capacity - block->capacity) * sizeof(*lines);
			block->lines = lines;
			block->capacity = capacity;
		}
		line = &block->lines[block->count++];
		*line = (struct story_line){ .time_ns = time_ns, .last_ns = time_ns, .count = 1 };
		line->what = telling->what;
		line->rest = telling->rest;
		*telling = (struct telling){};
		block->held += spans_held(&line->what) + spans_held(&line->rest);
	}
	if (time_ns > block->last_ns)
		block->last_ns = time_ns;
	if (ret_line)
		*ret_line = line;
	return 0;
}

void story_block_drop(struct story_block *block, size_t i)
{
	struct story_line *line = &block->lines[i];

	block->waiting -= line->request != 0;
	block->held -= spans_held(&line->what) + spans_held(&line->rest);
	line_clear(line);
	memmove(line, line + 1, (--block->count - i) * sizeof(*line));
}
