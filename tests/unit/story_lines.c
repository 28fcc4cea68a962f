// SPDX-License-Identifier: Apache-2.0
#include "story_lines.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "event/json.h"
#include "event/record.h"

void tell_begin(struct telling_of_lines *telling, const char *format,
		const struct format_options *options)
{
	*telling = (struct telling_of_lines){ .format = format_find(format) };
	assert_non_null(telling->format);
	telling->file = open_memstream(&telling->text, &telling->length);
	assert_non_null(telling->file);
	assert_int_equal(record_new(&telling->record), 0);
	assert_int_equal(telling->format->new (telling->file, options, &telling->state), 0);
}

void tell_line(struct telling_of_lines *telling, const char *line, size_t length)
{
	assert_int_equal(record_parse_json(telling->record, line, length), 0);
	assert_int_equal(telling->format->write(telling->state, telling->record,
						(struct text){ line, length }),
			 0);
}

static void read_file(const char *path, struct buffer *contents)
{
	if (file_read(AT_FDCWD, path, 16 << 20, contents) < 0)
		fail_msg("%s cannot be read: tests run at the top of the tree", path);
	assert_non_null(buffer_string(contents));
}

void tell_file(struct telling_of_lines *telling, const char *path)
{
	_cleanup_buffer_ struct buffer contents = {};
	char *at, *newline;

	read_file(path, &contents);
	for (at = contents.data; (newline = strchr(at, '\n')); at = newline + 1)
		tell_line(telling, at, (size_t)(newline - at));
}

void tell_flush(struct telling_of_lines *telling)
{
	assert_int_equal(fflush(telling->file), 0);
}

void tell_end(struct telling_of_lines *telling)
{
	telling->format->free(telling->state);
	record_free(telling->record);
	fclose(telling->file);
	free(telling->text);
}

void tell_expect(struct telling_of_lines *telling, const char *golden)
{
	_cleanup_buffer_ struct buffer expected = {};
	const char *got, *want;

	assert_int_equal(telling->format->finish(telling->state), 0);
	tell_flush(telling);
	/* To see them anew: GOLDEN=write build/tests/unit/test_story; then read each by eye. */
	if (getenv("GOLDEN") && !strstr(golden, ".jsonl")) {
		assert_int_equal(
			file_replace(AT_FDCWD, golden, telling->text, telling->length, 0644), 0);
		tell_end(telling);
		return;
	}
	read_file(golden, &expected);
	got = telling->text;
	want = expected.data;
	for (int line = 1; *got || *want; line++) {
		size_t got_length = strcspn(got, "\n"), want_length = strcspn(want, "\n");

		if (got_length != want_length || memcmp(got, want, got_length) != 0)
			fail_msg("%s:%d\n  wanted: %.*s\n  got:    %.*s", golden, line,
				 (int)want_length, want, (int)got_length, got);
		got += got_length + (got[got_length] == '\n');
		want += want_length + (want[want_length] == '\n');
	}
	tell_end(telling);
}
