// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "output/format.h"
#include "output/tell.h"
#include "output/when.h"

/* Wide enough for what is usual, from the first line on: a comm of 15 bytes and a pid of five
 * digits, the longest action. They grow with what they meet, but not without end. */
enum { COLUMN_user, COLUMN_process, COLUMN_action, COLUMN_COUNT };

static const size_t column_least[COLUMN_COUNT] = { 10, 22, 18 };
static const size_t column_most[COLUMN_COUNT] = { 24, 32, 24 };

struct text_state {
	FILE *out;
	struct format_options options;
	size_t columns[COLUMN_COUNT];
	struct telling telling;
	struct spans cell;
	struct buffer line;
};

int format_text_new(FILE *out, const struct format_options *options, void **ret_state)
{
	struct text_state *text = calloc(1, sizeof(*text));

	if (!text)
		return -ENOMEM;
	text->out = out;
	text->options = *options;
	memcpy(text->columns, column_least, sizeof(column_least));
	*ret_state = text;
	return 0;
}

static void put_cell(struct text_state *text, unsigned int column)
{
	struct layout layout = { .colour = text->options.colour };
	size_t used = spans_lay_out(&text->cell, &layout, &text->line);
	size_t *width = &text->columns[column];

	if (used > *width)
		*width = used < column_most[column] ? used : column_most[column];
	do
		buffer_append_char(&text->line, ' ');
	while (used++ <= *width);
	if (text->cell.bytes.error && !text->line.error)
		text->line.error = text->cell.bytes.error;
	spans_clear(&text->cell);
}

static struct text first_known(const struct record *record, const enum field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (record_text(record, fields[i]).length)
			return record_text(record, fields[i]);
	return TEXT("-");
}

/* What has no other name than its action, which has a column. */
static bool is_action(const struct spans *what, const struct record *record)
{
	return what->count == 1 && tell_is(record, FIELD_event_action,
					   (struct text){ what->bytes.data, what->bytes.length });
}

int format_text_write(void *state, const struct record *record, struct text line)
{
	static const enum field user_fields[] = { FIELD_user_audit_name, FIELD_user_name,
						  FIELD_user_audit_id, FIELD_user_id };
	struct text_state *text = state;
	uint64_t severity = record_number(record, FIELD_event_severity);
	enum style style = style_of_severity(severity);
	struct layout layout = { .colour = text->options.colour };
	const struct text nobody = {};
	char stamp[WHEN_MOST];
	int r;

	r = tell(record, &text->telling);
	if (r < 0)
		return r;
	tell_causes(record, nobody, &text->telling.rest);
	buffer_clear(&text->line);
	buffer_append_string(&text->line, when_stamp(record_number(record, FIELD_timestamp),
						     text->options.local, stamp));
	spans_printf(&text->cell, style, 0, "%3" PRIu64, severity);
	buffer_append(&text->line, "  ", 2);
	spans_lay_out(&text->cell, &layout, &text->line);
	spans_clear(&text->cell);
	buffer_append(&text->line, "  ", 2);
	spans_add(&text->cell, STYLE_person, 0,
		  first_known(record, user_fields, ARRAY_SIZE(user_fields)));
	put_cell(text, COLUMN_user);
	tell_process(record, STYLE_plain, &text->cell);
	if (text->cell.count == 0)
		spans_add(&text->cell, STYLE_dim, 0, TEXT("-"));
	put_cell(text, COLUMN_process);
	spans_add(&text->cell, style, 0, record_text(record, FIELD_event_action));
	put_cell(text, COLUMN_action);
	if (is_action(&text->telling.what, record))
		spans_clear(&text->telling.what);
	spans_join(&text->telling.what, &text->telling.rest, 2);
	spans_lay_out(&text->telling.what, &layout, &text->line);
	buffer_append_char(&text->line, '\n');
	r = text->line.error ?: spans_error(&text->telling.what);
	return r < 0 ? r
		     : format_put(text->out, (struct text){ text->line.data, text->line.length });
}

int format_text_finish(void *state)
{
	return 0;
}

void format_text_free(void *state)
{
	struct text_state *text = state;

	if (!text)
		return;
	telling_free(&text->telling);
	spans_free(&text->cell);
	buffer_free(&text->line);
	free(text);
}
