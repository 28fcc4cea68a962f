// SPDX-License-Identifier: Apache-2.0
/* Lines that several threads have found are those that one would show, in order. */
#include "tests/unit/trail_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "commands/replay_lines.h"
#include "commands/replay_source.h"
#include "event/filter.h"
#include "event/json.h"
#include "event/record.h"

#define COMMITS 40
#define MANY    15000 /* lines of one frame: more of them match than are found ahead */

static void append(struct bed *bed, unsigned int lines)
{
	for (unsigned int i = 0; i < lines; i++)
		assert_int_equal(bed_append(bed, TRAIL_DATA, TRAIL_EVIDENCE,
					    i % 3 ? "container-exit" : "api-request"),
				 0);
	assert_int_equal(trail_writer_sync(bed->writer), 0);
}

static void record_some(struct bed *bed)
{
	struct trail_options options = { .commit_bytes = 4 << 20 };

	bed_make(bed);
	assert_int_equal(bed_try_open(bed, &options), 0);
	for (unsigned int i = 0; i < COMMITS; i++)
		append(bed, 1 + i * i % 91);
	append(bed, MANY);
	append(bed, 5);
	bed_close(bed);
}

/* What was shown: how many events, and their numbers together. */
struct shown {
	struct replay_select *select;
	struct record *record;
	uint64_t count, last;
	uint64_t looked_at; /* of them, by who shows them */
	unsigned int frames, bad;
};

static void show(struct shown *shown, const struct replay_lines *lines, struct replay_frame *frame)
{
	struct replay_line line;

	shown->frames++;
	shown->bad += frame->error == -EBADMSG;
	if (frame->error)
		return;
	while (replay_lines_next_line(lines, frame, &line)) {
		uint64_t sequence;

		assert_int_equal(record_parse_json(shown->record, line.text.data, line.text.length),
				 0);
		if (!line.passes && !replay_select_record(shown->select, shown->record)) {
			shown->looked_at++;
			continue;
		}
		assert_true(replay_select_alone(shown->select, shown->record));
		shown->looked_at += !line.passes;
		sequence = record_number(shown->record, FIELD_event_sequence);
		assert_true(sequence > shown->last);
		shown->last = sequence;
		shown->count++;
	}
}

static void ignore_damage(void *context, const char *path, uint64_t offset, int error)
{
}

static struct shown replay(const struct bed *bed, const char *filter, bool whole)
{
	const char *paths[] = { bed->folder };
	struct replay_select select = { .until_ns = UINT64_MAX };
	struct replay_lines lines = { .select = &select, .whole = whole };
	struct shown shown = { .select = &select };
	struct replay_source *source;
	const struct trail_header *header;
	struct replay_frame *frame;
	struct filter_error error;

	if (filter)
		assert_int_equal(filter_compile(filter, &select.filter, &error), 0);
	assert_int_equal(record_new(&shown.record), 0);
	assert_int_equal(replay_source_open(paths, 1, ignore_damage, NULL, &source), 0);
	assert_int_equal(replay_lines_begin(&lines), 0);
	assert_null(replay_lines_first(&lines, true));
	while (replay_source_next(source, &header) > 0) {
		int r;

		while ((r = replay_lines_ask(&lines, source)) == 0) {
			show(&shown, &lines, replay_lines_first(&lines, true));
			replay_lines_take_back(&lines);
		}
		assert_int_equal(r, 1);
	}
	while ((frame = replay_lines_first(&lines, true))) {
		show(&shown, &lines, frame);
		replay_lines_take_back(&lines);
	}
	assert_int_equal(lines.bytes, 0);
	replay_lines_end(&lines);
	replay_source_close(source);
	replay_select_clear(&select);
	record_free(shown.record);
	shown.select = NULL;
	shown.record = NULL;
	return shown;
}

static uint64_t appended(uint64_t *ret_requests)
{
	uint64_t all = 0;

	*ret_requests = 0;
	for (unsigned int i = 0; i < COMMITS + 2; i++) {
		unsigned int lines = i < COMMITS ? 1 + i * i % 91 : i == COMMITS ? MANY : 5;

		all += lines;
		*ret_requests += (lines + 2) / 3;
	}
	return all;
}

static void test_all_of_them(void **state)
{
	static const char wanted[] = "event.action == \"api-request\"";
	uint64_t requests, all = appended(&requests);
	struct shown shown;
	struct bed bed;

	record_some(&bed);
	/* Without a filter there is nothing to look at. */
	shown = replay(&bed, NULL, true);
	assert_int_equal(shown.count, all);
	assert_int_equal(shown.looked_at, 0);
	assert_int_equal(shown.frames, COMMITS + 2);
	shown = replay(&bed, wanted, false);
	assert_int_equal(shown.count, requests);
	shown = replay(&bed, wanted, true);
	assert_int_equal(shown.count, requests);
	/* Of the long frame only the first part was looked at before. */
	assert_true(shown.looked_at > 0 && shown.looked_at < MANY / 10);
	shown = replay(&bed, "event.action != \"api-request\"", true);
	assert_int_equal(shown.count, all - requests);
	shown = replay(&bed, "event.action == \"oom-kill\"", true);
	assert_int_equal(shown.count, 0);
	bed_remove(&bed);
}

/* A payload that does not decode is told in its place, and the others are shown. */
static void test_damage(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_segment segment;
	struct trail_frame frame;
	struct shown sound, shown;
	uint64_t offset = 0;
	char path[128];
	struct bed bed;

	record_some(&bed);
	sound = replay(&bed, NULL, true);
	snprintf(path, sizeof(path), "%s/" BED_SEGMENT, bed.folder);
	assert_int_equal(trail_segment_open(AT_FDCWD, path, &segment), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(trail_segment_frame(&segment, offset, &frame), 1);
		offset = frame.end_offset;
	}
	trail_segment_close(&segment);
	bed_load(&bed, BED_SEGMENT, &bytes);
	/* The last bytes of a zstd frame are the checksum of what was compressed. */
	bytes.data[frame.stored_offset + frame.stored_length - 1] ^= 1;
	bed_store(&bed, BED_SEGMENT, bytes.data, bytes.length);
	shown = replay(&bed, NULL, true);
	assert_int_equal(shown.frames, sound.frames);
	assert_int_equal(shown.bad, 1);
	assert_int_equal(shown.count, sound.count - frame.header.event_count);
	assert_int_equal(shown.last, sound.last);
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_them),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("replay_lines", tests, NULL, NULL);
}
