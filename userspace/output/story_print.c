// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "output/quantity.h"
#include "output/story_block.h"
#include "output/when.h"

/* "02:14:30  ": where all but the times begins. */
#define GUTTER     10
#define WHAT_LEAST 16
#define WHAT_MOST  30

static void blanks(struct buffer *out, size_t count)
{
	while (count-- > 0)
		buffer_append_char(out, ' ');
}

void story_page_begin(struct story_page *page, const struct format_options *options)
{
	page->options = *options;
	page->day = -1;
	page->second = UINT64_MAX;
	page->what_width = WHAT_LEAST + 5;
	page->parted = true;
}

static void part(struct story_page *page)
{
	if (!page->parted)
		buffer_append_char(&page->out, '\n');
	page->parted = true;
}

static void print_day(struct story_page *page, uint64_t time_ns)
{
	int day = when_day_number(time_ns, page->options.local);
	char text[WHEN_MOST];

	if (day == page->day)
		return;
	page->day = day;
	part(page);
	buffer_printf(&page->out, page->options.colour ? "\033[2m%s\033[m\n" : "%s\n",
		      when_day(time_ns, page->options.local, text));
}

/* The time, or as many blanks where it is still the same second. */
static void print_gutter(struct story_page *page, uint64_t time_ns, bool always)
{
	uint64_t second = time_ns / NS_PER_SECOND;
	char text[WHEN_MOST];

	if (second == page->second && !always) {
		blanks(&page->out, GUTTER);
		return;
	}
	page->second = second;
	buffer_append_string(&page->out, when_clock(time_ns, page->options.local, text));
	blanks(&page->out, GUTTER - 8);
}

static void lay_out(struct story_page *page, const struct spans *spans, size_t column,
		    size_t indent)
{
	struct layout layout = { .colour = page->options.colour,
				 .width = page->options.width,
				 .column = column,
				 .indent = indent };

	if (spans->bytes.error && !page->out.error)
		page->out.error = spans->bytes.error;
	spans_lay_out(spans, &layout, &page->out);
}

void story_print_header(struct story_page *page, struct story_block *block, uint64_t time_ns)
{
	print_day(page, time_ns);
	if (block->key || !page->alone)
		part(page);
	page->alone = !block->key;
	page->parted = false;
	if (page->alone) {
		page->second = UINT64_MAX;
		return;
	}
	print_gutter(page, time_ns, true);
	lay_out(page, &block->header, GUTTER, GUTTER + 4);
	if (block->told)
		buffer_append_string(&page->out, page->options.colour ? "  \033[2m(continued)\033[m"
								      : "  (continued)");
	buffer_append_char(&page->out, '\n');
	/* Coming back to a process that was told of above: its ancestors are still there. */
	if (!block->told && block->ancestry.count > 0) {
		blanks(&page->out, GUTTER);
		lay_out(page, &block->ancestry, GUTTER, GUTTER + 4);
		buffer_append_char(&page->out, '\n');
	}
	block->told = true;
}

static void print_what(struct story_page *page, const struct story_line *line, size_t *column)
{
	struct spans with_count = {};
	const struct spans *what = &line->what;

	if (line->count > 1) {
		spans_printf(&with_count, STYLE_dim, 0, "%u x", line->count);
		spans_join(&with_count, what, 1);
		what = &with_count;
	}
	lay_out(page, what, *column, *column + 4);
	*column += spans_columns(what);
	spans_free(&with_count);
}

void story_print_line(struct story_page *page, const struct story_line *line)
{
	size_t column = GUTTER + 2 * line->depth;
	size_t rest = GUTTER + 2 * line->depth + page->what_width + 2;
	char text[WHEN_MOST];

	print_day(page, line->time_ns);
	/* A remark about the whole block has no time of its own. */
	if (line->what.count == 0)
		blanks(&page->out, GUTTER);
	else
		print_gutter(page, line->time_ns, false);
	blanks(&page->out, 2 * line->depth);
	if (line->what.count == 0) {
		lay_out(page, &line->rest, column, column);
		buffer_append_char(&page->out, '\n');
		return;
	}
	print_what(page, line, &column);
	if (line->rest.count > 0) {
		size_t gap = rest > column + 2 ? rest - column : 2;

		blanks(&page->out, gap);
		column += gap;
		/* On a narrow terminal there is more room below than beside. */
		if (page->options.width && page->options.width < rest + 30)
			rest = GUTTER + 4;
		lay_out(page, &line->rest, column, rest);
	}
	if (line->last_ns / NS_PER_SECOND != line->time_ns / NS_PER_SECOND)
		buffer_printf(&page->out,
			      page->options.colour ? "  \033[2muntil %s\033[m" : "  until %s",
			      when_clock(line->last_ns, page->options.local, text));
	buffer_append_char(&page->out, '\n');
}

static bool comes_before(const struct story_line *line, const struct story_line *other)
{
	return line->time_ns < other->time_ns && other->what.count > 0;
}

/* A request is written when it was answered and told at the time when it was asked. The lines are
 * nearly in order: each moves up a few places at most. */
static void sort_by_time(struct story_block *block)
{
	for (size_t i = 1; i < block->count; i++) {
		struct story_line line = block->lines[i];
		size_t at = i;

		for (; line.what.count > 0 && at > 0 && comes_before(&line, &block->lines[at - 1]);
		     at--)
			block->lines[at] = block->lines[at - 1];
		block->lines[at] = line;
	}
}

void story_print_block(struct story_page *page, struct story_block *block)
{
	sort_by_time(block);
	page->what_width = WHAT_LEAST;
	for (size_t i = 0; i < block->count; i++) {
		const struct story_line *line = &block->lines[i];
		size_t columns = spans_columns(&line->what) + (line->count > 1 ? 5 : 0);

		if (columns <= WHAT_MOST && columns > page->what_width)
			page->what_width = columns;
	}
	story_print_header(page, block, block->count ? block->lines[0].time_ns : block->first_ns);
	for (size_t i = 0; i < block->count; i++)
		story_print_line(page, &block->lines[i]);
}
