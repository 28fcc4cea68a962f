// SPDX-License-Identifier: Apache-2.0
#include "commands/verify_coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "event/json.h"
#include "event/record.h"
#include "output/paragraph.h"
#include "trail/reader.h"
#include "trail/verify.h"

#define RUNS_SHOWN 3

struct reading {
	struct verify_coverage *coverage;
	struct trail_reader *reader;
	struct record *record;
	struct json_object *run; /* the one that goes on; borrowed */
	uint64_t last_ns;        /* when the last frame was made */
};

static void add_string(struct json_object *object, const char *key, struct text text)
{
	json_object_object_add(object, key,
			       json_object_new_string_len(text.data ?: "", (int)text.length));
}

static void add_time(struct json_object *object, const char *key, uint64_t wall_ns)
{
	_cleanup_buffer_ struct buffer text = {};

	clock_append_rfc3339(&text, wall_ns);
	add_string(object, key, (struct text){ text.data, text.length });
}

static void add_list(struct json_object *object, const char *key, const struct record *record,
		     enum field field)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < record_count(record, field); i++) {
		struct text item = record_item(record, field, i);

		json_object_array_add(list,
				      json_object_new_string_len(item.data, (int)item.length));
	}
	json_object_object_add(object, key, list);
}

/* The run that goes on has ended, at the latest when the last frame before was made. */
static void end_run(struct reading *reading, const char *how, uint64_t wall_ns)
{
	if (!reading->run)
		return;
	add_time(reading->run, "until", wall_ns);
	add_string(reading->run, "end", text_of(how));
	reading->run = NULL;
}

static void begin_run(struct reading *reading)
{
	struct verify_coverage *coverage = reading->coverage;
	const struct record *record = reading->record;

	end_run(reading, "cut short", reading->last_ns);
	if (json_object_array_length(coverage->runs) == VERIFY_RUNS_MOST) {
		json_object_array_del_idx(coverage->runs, 0, 1);
		coverage->left_out++;
	}
	reading->run = json_object_new_object();
	add_time(reading->run, "since", record_number(record, FIELD_timestamp));
	add_string(reading->run, "version", record_text(record, FIELD_recorder_version));
	add_string(reading->run, "kernel", record_text(record, FIELD_recorder_kernel));
	add_list(reading->run, "hooks", record, FIELD_recorder_hooks);
	add_list(reading->run, "blind", record, FIELD_recorder_blind);
	json_object_object_add(reading->run, "degraded", json_object_new_uint64(0));
	json_object_array_add(coverage->runs, reading->run);
}

static void degrade(struct reading *reading)
{
	struct json_object *count;

	if (!reading->run || !json_object_object_get_ex(reading->run, "degraded", &count))
		return;
	json_object_set_uint64(count, json_object_get_uint64(count) + 1);
	add_string(reading->run, "reason", record_text(reading->record, FIELD_recorder_reason));
}

static int take_line(struct reading *reading, const char *line, size_t length)
{
	int r = record_parse_json(reading->record, line, length);

	if (r < 0)
		return r == -EBADMSG ? 0 : r; /* it is no event of this version */
	switch (reading->record->event) {
	case EVENT_recorder_start:
		begin_run(reading);
		return 0;
	case EVENT_recorder_stop:
		end_run(reading, "stopped", record_number(reading->record, FIELD_timestamp));
		return 0;
	case EVENT_recorder_degraded:
		degrade(reading);
		return 0;
	default:
		return 0;
	}
}

static bool tells(const struct trail_header *header)
{
	static const struct trail_term degraded = { TRAIL_TERM_KIND, "recorder-degraded", 17 };
	uint64_t count;

	return header->types & (1u << TRAIL_START | 1u << TRAIL_STOP) ||
	       trail_summary_find(header->summary, header->summary_length, &degraded, &count) < 0 ||
	       count > 0;
}

static int take_frame(struct reading *reading, const struct trail_frame *frame)
{
	const char *data;
	size_t length;
	int r;

	if (frame->seal.stored_kind == TRAIL_STORED_PRUNED || !tells(&frame->header))
		return 0;
	r = trail_reader_payload(reading->reader, &data, &length);
	while (r == 0 && length > 0) {
		const char *newline = memchr(data, '\n', length);
		size_t line = newline ? (size_t)(newline - data) : length - 1;

		/* Most lines are of something else. */
		if (memmem(data, line, "\"recorder-", 10))
			r = take_line(reading, data, line);
		data += line + 1;
		length -= line + 1;
	}
	return r;
}

static int read_all(struct reading *reading, const char *trail, const struct trail_verdict *verdict)
{
	const struct trail_frame *frame;
	const char *paths[] = { trail };
	int r = record_new(&reading->record);

	if (r == 0)
		r = trail_reader_open(paths, 1, TRAIL_READ_COMMITTED, &reading->reader);
	while (r == 0 && (r = trail_reader_next_frame(reading->reader, &frame)) > 0) {
		if (frame->header.frame > verdict->good_frame)
			return 0;
		r = take_frame(reading, frame);
		reading->last_ns = frame->header.wall_ns;
	}
	return r;
}

int verify_coverage_read(const char *trail, const struct trail_verdict *verdict,
			 struct verify_coverage *ret_coverage)
{
	struct verify_coverage coverage = { .runs = json_object_new_array() };
	struct reading reading = { .coverage = &coverage };
	int r = 0;

	if (verdict->good_frame > 0)
		r = read_all(&reading, trail, verdict);
	end_run(&reading, verdict->live ? "goes on" : "cut short", reading.last_ns);
	trail_reader_close(reading.reader);
	record_free(reading.record);
	*ret_coverage = coverage;
	/* What is damaged was told by the verdict. */
	return r == -EBADMSG || r == -EPROTONOSUPPORT || r == -ENOENT || r == -ESTALE ? 0 : r;
}

void verify_coverage_free(struct verify_coverage *coverage)
{
	json_object_put(coverage->runs);
	*coverage = (struct verify_coverage){};
}

static const char *string_of(struct json_object *run, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(run, key, &value) ? json_object_get_string(value) : "";
}

static size_t length_of(struct json_object *run, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(run, key, &value) ? json_object_array_length(value) : 0;
}

/* What does not change from run to run is said once. */
static void say_blind(struct json_object *run, struct json_object *before, struct paragraph *page)
{
	struct json_object *list, *as_before;

	if (!json_object_object_get_ex(run, "blind", &list) ||
	    (before && json_object_object_get_ex(before, "blind", &as_before) &&
	     json_object_equal(list, as_before)))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		paragraph_row(page, "", STYLE_notice, "blind to %s",
			      json_object_get_string(json_object_array_get_idx(list, i)));
}

static void say_run(struct json_object *run, struct json_object *before, struct paragraph *page)
{
	struct json_object *degraded;

	/* Seconds are enough for people. */
	paragraph_row(page, before ? "" : "recorded", STYLE_plain, "%.19sZ to %.19sZ",
		      string_of(run, "since"), string_of(run, "until"));
	paragraph_more(page, STYLE_plain, "%s", string_of(run, "end"));
	paragraph_more(page, STYLE_dim, "%zu hooks, docktrail %s, Linux %s",
		       length_of(run, "hooks"), string_of(run, "version"),
		       string_of(run, "kernel"));
	say_blind(run, before, page);
	if (json_object_object_get_ex(run, "degraded", &degraded) &&
	    json_object_get_uint64(degraded) > 0)
		paragraph_row(page, "", STYLE_notice, "%" PRIu64 " times it saw less, at last: %s",
			      json_object_get_uint64(degraded), string_of(run, "reason"));
}

void verify_coverage_say(const struct verify_coverage *coverage, struct paragraph *page)
{
	size_t count = coverage->runs ? json_object_array_length(coverage->runs) : 0;
	size_t begin = count > RUNS_SHOWN ? count - RUNS_SHOWN : 0;
	struct json_object *before = NULL;

	for (size_t i = begin; i < count; i++) {
		struct json_object *run = json_object_array_get_idx(coverage->runs, i);

		say_run(run, before, page);
		before = run;
	}
	if (begin + coverage->left_out > 0)
		paragraph_row(page, "", STYLE_dim, "and %" PRIu64 " times before: --json",
			      (uint64_t)begin + coverage->left_out);
}
