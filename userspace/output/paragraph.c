// SPDX-License-Identifier: Apache-2.0
#include "output/paragraph.h"

#include <errno.h>

#include "output/format.h"

#define LABEL_COLUMNS 12

static void end_row(struct paragraph *page)
{
	struct layout layout = { .colour = page->colour,
				 .width = page->width,
				 .indent = LABEL_COLUMNS,
				 .column = LABEL_COLUMNS };

	if (!page->open)
		return;
	spans_lay_out(&page->row, &layout, &page->out);
	if (spans_error(&page->row) < 0 && !page->out.error)
		page->out.error = spans_error(&page->row);
	buffer_append_char(&page->out, '\n');
	spans_clear(&page->row);
	page->open = false;
}

static void add_words(struct paragraph *page, enum style style, const char *format,
		      va_list arguments)
{
	char text[1024];

	if (vsnprintf(text, sizeof(text), format, arguments) > 0)
		spans_add_words(&page->row, style, 2, text_of(text));
}

void paragraph_headline(struct paragraph *page, enum style style, const char *headline,
			const char *meaning)
{
	struct layout layout = { .colour = page->colour };

	spans_add(&page->row, style, 0, text_of(headline));
	spans_add(&page->row, STYLE_plain, 2, text_of(meaning));
	spans_lay_out(&page->row, &layout, &page->out);
	buffer_append_char(&page->out, '\n');
	spans_clear(&page->row);
}

static void put_label(struct paragraph *page, const char *label)
{
	size_t length = label ? strlen(label) : 0;

	if (length)
		buffer_printf(&page->out, page->colour ? "\033[2m%s\033[m" : "%s", label);
	do
		buffer_append_char(&page->out, ' ');
	while (++length < LABEL_COLUMNS);
}

void paragraph_row(struct paragraph *page, const char *label, enum style style, const char *format,
		   ...)
{
	va_list arguments;

	end_row(page);
	page->open = true;
	put_label(page, label);
	va_start(arguments, format);
	add_words(page, style, format, arguments);
	va_end(arguments);
}

void paragraph_more(struct paragraph *page, enum style style, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_words(page, style, format, arguments);
	va_end(arguments);
}

void paragraph_cell(struct paragraph *page, enum style style, size_t width, const char *text)
{
	static const char blanks[] = "                                ";
	size_t before = spans_columns(&page->row), used;

	spans_add(&page->row, style, 2, text_of(text));
	used = spans_columns(&page->row) - before;
	used -= before && used >= 2 ? 2 : 0;
	if (used < width && width - used < sizeof(blanks))
		spans_add(&page->row, STYLE_plain, 0, (struct text){ blanks, width - used });
}

int paragraph_print(struct paragraph *page, FILE *out)
{
	end_row(page);
	if (page->out.error)
		return page->out.error;
	return format_put(out, (struct text){ page->out.data, page->out.length });
}

void paragraph_free(struct paragraph *page)
{
	if (!page)
		return;
	spans_free(&page->row);
	buffer_free(&page->out);
}
