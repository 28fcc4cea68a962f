// SPDX-License-Identifier: Apache-2.0
#include "correlate/drift_diff.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TABLE_MOST (1u << 20) /* pairs of lines that are compared */

struct lines {
	struct text *items;
	size_t count;
};

static int split(struct text text, struct lines *ret)
{
	const char *at = text.data, *end = at + text.length;
	size_t room = 0;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)) ?: end;

		if (ret->count == room) {
			struct text *items;

			room = room ? 2 * room : 64;
			items = reallocarray(ret->items, room, sizeof(*items));
			if (!items)
				return -ENOMEM;
			ret->items = items;
		}
		ret->items[ret->count++] = (struct text){ at, (size_t)(newline - at) };
		at = newline + (newline < end);
	}
	return 0;
}

struct diff {
	struct text_list *ret;
	size_t most, line_most;
	bool cut; /* a list that is marked so takes no more */
	int error;
};

static void put(struct diff *diff, char sign, struct text line)
{
	_cleanup_buffer_ struct buffer text = {};

	if (diff->error)
		return;
	if (diff->ret->count == diff->most) {
		diff->cut = true;
		return;
	}
	if (line.length > diff->line_most) {
		line.length = diff->line_most;
		diff->cut = true;
	}
	buffer_append_char(&text, sign);
	buffer_append(&text, line.data, line.length);
	diff->error =
		text.error ?: text_list_append(diff->ret, (struct text){ text.data, text.length });
}

/* The longest common subsequence of what follows, by lengths (Wagner and Fischer, 1974). */
static void compare(struct diff *diff, const struct lines *a, const struct lines *b)
{
	size_t columns = b->count + 1, i = 0, j = 0;
	_cleanup_free_ uint16_t *table = NULL;

	if ((a->count + 1) * columns <= TABLE_MOST) {
		table = calloc((a->count + 1) * columns, sizeof(*table));
		if (!table) {
			diff->error = -ENOMEM;
			return;
		}
	}
	for (size_t row = a->count; table && row-- > 0;)
		for (size_t column = b->count; column-- > 0;) {
			uint16_t *at = &table[row * columns + column];

			*at = text_equal(a->items[row], b->items[column])
				      ? (uint16_t)(at[columns + 1] + 1)
			      : at[columns] > at[1] ? at[columns]
						    : at[1];
		}
	while (i < a->count || j < b->count) {
		if (i < a->count && j < b->count && table && text_equal(a->items[i], b->items[j])) {
			i++;
			j++;
		} else if (i < a->count &&
			   (j == b->count || !table ||
			    table[(i + 1) * columns + j] >= table[i * columns + j + 1])) {
			put(diff, '-', a->items[i++]);
		} else {
			put(diff, '+', b->items[j++]);
		}
	}
}

int drift_diff(struct text before, struct text after, size_t most, size_t line_most,
	       struct text_list *ret)
{
	struct diff diff = { .ret = ret, .most = most, .line_most = line_most };
	struct lines a = {}, b = {}, middle_a, middle_b;
	size_t begin = 0, end = 0;
	int r = split(before, &a);

	r = r ?: split(after, &b);
	if (r == 0) {
		while (begin < a.count && begin < b.count &&
		       text_equal(a.items[begin], b.items[begin]))
			begin++;
		while (end < a.count - begin && end < b.count - begin &&
		       text_equal(a.items[a.count - 1 - end], b.items[b.count - 1 - end]))
			end++;
		middle_a = (struct lines){ a.items + begin, a.count - begin - end };
		middle_b = (struct lines){ b.items + begin, b.count - begin - end };
		compare(&diff, &middle_a, &middle_b);
		r = diff.error;
		ret->cut |= diff.cut;
	}
	free(a.items);
	free(b.items);
	return r;
}
