// SPDX-License-Identifier: Apache-2.0
#include "output/spans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "output/escape.h"

/* A script of 9 KB in one argument would bury the story; replay as text or JSON has all of it. */
#define ARGUMENT_MOST 400

#define STYLE_SGR(name, sgr) sgr,
static const char *const sgr_of[] = { STYLES(STYLE_SGR) };
#undef STYLE_SGR

enum style style_of_severity(uint64_t severity)
{
	return severity >= 100  ? STYLE_attack
	       : severity >= 75 ? STYLE_alarm
	       : severity >= 50 ? STYLE_notice
				: STYLE_plain;
}

static struct span *next_span(struct spans *spans, enum style style, unsigned int gap)
{
	struct span *items;
	size_t capacity;

	if (spans->bytes.error)
		return NULL;
	if (spans->bytes.length > UINT32_MAX / 2) {
		spans->bytes.error = -ENOMEM;
		return NULL;
	}
	if (spans->count == spans->capacity) {
		capacity = spans->capacity ? spans->capacity * 2 : 8;
		items = reallocarray(spans->items, capacity, sizeof(*items));
		if (!items) {
			spans->bytes.error = -ENOMEM;
			return NULL;
		}
		spans->items = items;
		spans->capacity = capacity;
	}
	items = &spans->items[spans->count++];
	*items = (struct span){ .offset = (uint32_t)spans->bytes.length,
				.style = (uint8_t)style,
				.gap = (uint8_t)gap };
	return items;
}

static void end_span(struct spans *spans, struct span *span)
{
	if (spans->bytes.error)
		return;
	span->length = (uint32_t)(spans->bytes.length - span->offset);
	span->columns = (uint32_t)escape_columns(spans->bytes.data + span->offset, span->length);
}

void spans_add(struct spans *spans, enum style style, unsigned int gap, struct text text)
{
	struct span *span;

	if (text.length == 0)
		return;
	span = next_span(spans, style, gap);
	if (!span)
		return;
	escape_append(&spans->bytes, text);
	end_span(spans, span);
}

void spans_add_words(struct spans *spans, enum style style, unsigned int gap, struct text text)
{
	while (text.length > 0) {
		const char *blank = memchr(text.data, ' ', text.length);
		size_t word = blank ? (size_t)(blank - text.data) : text.length;

		spans_add(spans, style, gap, (struct text){ text.data, word });
		gap = word > 0 ? 1 : gap;
		word += word < text.length;
		text.data += word;
		text.length -= word;
	}
}

void spans_printf(struct spans *spans, enum style style, unsigned int gap, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0)
		spans_add(spans, style, gap, text_of(text));
}

void spans_add_argument(struct spans *spans, enum style style, unsigned int gap,
			struct text argument)
{
	struct span *span = next_span(spans, style, gap);
	struct text shown = argument;

	if (!span)
		return;
	if (shown.length > ARGUMENT_MOST) {
		shown.length = ARGUMENT_MOST;
		while (shown.length > 0 && ((unsigned char)shown.data[shown.length] & 0xc0) == 0x80)
			shown.length--; /* not within a character */
	}
	escape_append_argument(&spans->bytes, shown);
	end_span(spans, span);
	if (shown.length < argument.length)
		spans_printf(spans, STYLE_dim, 0, "...[%zu bytes]", argument.length);
}

void spans_join(struct spans *spans, const struct spans *more, unsigned int gap)
{
	if (more->bytes.error && !spans->bytes.error)
		spans->bytes.error = more->bytes.error;
	for (size_t i = 0; i < more->count; i++) {
		const struct span *from = &more->items[i];
		struct span *span = next_span(spans, from->style, i == 0 ? gap : from->gap);

		if (!span)
			return;
		buffer_append(&spans->bytes, more->bytes.data + from->offset, from->length);
		span->length = from->length;
		span->columns = from->columns;
	}
}

size_t spans_columns(const struct spans *spans)
{
	size_t columns = 0;

	for (size_t i = 0; i < spans->count; i++)
		columns += spans->items[i].columns + (i == 0 ? 0 : spans->items[i].gap);
	return columns;
}

bool spans_equal(const struct spans *a, const struct spans *b)
{
	return a->count == b->count && text_equal((struct text){ a->bytes.data, a->bytes.length },
						  (struct text){ b->bytes.data, b->bytes.length });
}

static void append_blanks(struct buffer *out, size_t count)
{
	while (count-- > 0)
		buffer_append_char(out, ' ');
}

/* What cannot be parted from span `i`: itself and all that are joined on to it. */
static size_t word_columns(const struct spans *spans, size_t i)
{
	size_t columns = spans->items[i].columns;

	while (++i < spans->count && spans->items[i].gap == 0)
		columns += spans->items[i].columns;
	return columns;
}

/* From one style to the next: nothing where they are the same. */
static void change_style(struct buffer *out, enum style *current, enum style style)
{
	if (*current == style)
		return;
	if (*current != STYLE_plain)
		buffer_append_string(out, "\033[m");
	if (style != STYLE_plain)
		buffer_printf(out, "\033[%sm", sgr_of[style]);
	*current = style;
}

size_t spans_lay_out(const struct spans *spans, const struct layout *layout, struct buffer *out)
{
	enum style current = STYLE_plain;
	size_t column = layout->column;

	for (size_t i = 0; i < spans->count; i++) {
		const struct span *span = &spans->items[i];
		enum style style = layout->colour ? span->style : STYLE_plain;
		size_t gap = i == 0 ? 0 : span->gap;

		if (layout->width && gap > 0 && column > layout->indent &&
		    column + gap + word_columns(spans, i) > layout->width) {
			change_style(out, &current, STYLE_plain);
			buffer_append_char(out, '\n');
			append_blanks(out, layout->indent);
			column = layout->indent;
			gap = 0;
		}
		/* The blanks between words of one style may have it too, but for a background. */
		if (style != current || style == STYLE_attack)
			change_style(out, &current, STYLE_plain);
		append_blanks(out, gap);
		change_style(out, &current, style);
		buffer_append(out, spans->bytes.data + span->offset, span->length);
		column += gap + span->columns;
	}
	change_style(out, &current, STYLE_plain);
	return column;
}

int spans_error(const struct spans *spans)
{
	return spans->bytes.error;
}

void spans_clear(struct spans *spans)
{
	buffer_clear(&spans->bytes);
	spans->count = 0;
}

void spans_free(struct spans *spans)
{
	if (!spans)
		return;
	buffer_free(&spans->bytes);
	free(spans->items);
	*spans = (struct spans){};
}
