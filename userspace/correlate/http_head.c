// SPDX-License-Identifier: Apache-2.0
#include "correlate/http_head.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/http_line.h"

const char *http_problem_words(enum http_problem problem)
{
	static const char *const words[] = {
#define PROBLEM(name, words) words,
		HTTP_PROBLEMS(PROBLEM)
#undef PROBLEM
	};

	return words[problem];
}

bool http_is_token(char c)
{
	static const bool tokens[256] = {
		['0' ... '9'] = true,  ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['!'] = true,
		['#' ... '\''] = true, ['*'] = true,         ['+'] = true,         ['-'] = true,
		['.'] = true,          ['^' ... '`'] = true, ['|'] = true,         ['~'] = true,
	};

	return tokens[(unsigned char)c];
}

void http_head_init(struct http_head_reader *head, enum http_direction direction)
{
	memset(head, 0, offsetof(struct http_head_reader, start));
	head->direction = direction;
	/* Most are shorter; a failure shows with the first byte. */
	buffer_reserve(&head->kept, HTTP_START_BYTES);
}

void http_head_free(struct http_head_reader *head)
{
	if (head)
		buffer_free(&head->kept);
}

struct text http_head_text(const struct http_head_reader *head, struct http_span span)
{
	if (span.length == 0)
		return (struct text){};
	return (struct text){ head->kept.data + span.start, span.length };
}

/* Room for a whole line has to stay, or the end of the head would not be found. */
static void bound_kept(struct http_head_reader *head)
{
	struct http_span *const spans[] = { &head->target, &head->host, &head->content_type,
					    &head->upgrade, &head->user_agent };

	if (head->kept.length <= HTTP_MOST_KEPT_BYTES)
		return;
	head->kept.length = HTTP_MOST_KEPT_BYTES;
	head->truncated = true;
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (spans[i]->start >= HTTP_MOST_KEPT_BYTES)
			*spans[i] = (struct http_span){};
		else if (spans[i]->start + spans[i]->length > HTTP_MOST_KEPT_BYTES)
			spans[i]->length = HTTP_MOST_KEPT_BYTES - spans[i]->start;
	if (head->method.start + head->method.length > HTTP_MOST_KEPT_BYTES)
		head->method.length = HTTP_MOST_KEPT_BYTES;
}

/* The line that was read is whole: read it, and keep or drop its bytes. Returns 1 at the end. */
static int take_line(struct http_head_reader *head)
{
	struct text line = { head->kept.data + head->line, head->kept.length - head->line };
	int r;

	if (!head->line_cut && line.length > 0 && line.data[line.length - 1] == '\r')
		line.length--;
	if (head->lines == 0) {
		r = http_take_first_line(head, line);
		head->truncated |= head->line_cut;
		r = r < 0 ? r : 1;
	} else if (line.length == 0 && !head->line_cut) {
		return http_take_end(head);
	} else if (head->lines == 1 && http_is_space(line.data[0])) {
		r = http_refuse(head, HTTP_PROBLEM_header_line);
	} else {
		r = http_take_header_line(head, http_trim(line));
	}
	if (r < 0)
		return r;
	if (r == 0)
		head->kept.length = head->line;
	bound_kept(head);
	head->line = head->kept.length;
	head->lines++;
	head->line_cut = false;
	head->fold = 0;
	return 0;
}

static int keep_bytes(struct http_head_reader *head, const char *data, size_t length)
{
	size_t room = HTTP_MOST_HEAD_BYTES - head->kept.length;

	if (length > room) {
		length = room;
		head->line_cut = true;
	}
	buffer_append(&head->kept, data, length);
	return head->kept.error;
}

/* At the first byte behind a line feed: does the line before it go on with this one? */
static int begin_line(struct http_head_reader *head, char c)
{
	struct text line = { head->kept.data + head->line, head->kept.length - head->line };

	head->line_ended = false;
	if (!http_is_space(c))
		return take_line(head);
	/* Obsolete folding: one space in its place. */
	if (!head->line_cut && line.length > 0 && line.data[line.length - 1] == '\r')
		line.length--;
	while (line.length > 0 && http_is_space(line.data[line.length - 1]))
		line.length--;
	head->kept.length = head->line + line.length;
	head->folded = true;
	head->fold = head->kept.length;
	return keep_bytes(head, " ", 1);
}

static void keep_start(struct http_head_reader *head, const char *data, size_t length)
{
	size_t room = HTTP_START_BYTES - head->start_length;

	if (length > room)
		length = room;
	memcpy(head->start + head->start_length, data, length);
	head->start_length += length;
}

int http_head_feed(struct http_head_reader *head, const char *data, size_t length, size_t *ret_used)
{
	size_t used = 0, most = HTTP_MOST_READ_BYTES + HTTP_READ_AHEAD;
	int r = buffer_reserve(&head->kept, 1);

	if (head->direction == HTTP_REQUEST && length > most + 1 - head->bytes)
		length = most + 1 - head->bytes;
	while (used < length && r == 0) {
		const char *feed;
		size_t part;

		/* An empty line cannot be folded, nor can the first one. */
		if (head->line_ended) {
			r = begin_line(head, data[used]);
			continue;
		}
		if (head->folded && http_is_space(data[used])) {
			used++;
			continue;
		}
		head->folded = false;
		feed = memchr(data + used, '\n', length - used);
		part = feed ? (size_t)(feed - data) - used : length - used;
		r = keep_bytes(head, data + used, part);
		used += part;
		if (r < 0 || !feed)
			break;
		used++;
		part = head->kept.length - head->line;
		if (head->lines == 0 ||
		    (!head->line_cut &&
		     (part == 0 || (part == 1 && head->kept.data[head->line] == '\r'))))
			r = take_line(head);
		else
			head->line_ended = true;
	}
	keep_start(head, data, used);
	head->bytes += used;
	*ret_used = used;
	if (head->direction == HTTP_ANSWER || head->bytes <= HTTP_MOST_READ_BYTES || r < 0)
		return r;
	head->doubt = HTTP_PROBLEM_too_long;
	return head->bytes > most ? http_refuse(head, HTTP_PROBLEM_too_long) : r;
}

int http_head_cut(struct http_head_reader *head)
{
	if (head->line_ended && head->lines > 0 && !head->problem)
		return take_line(head);
	return 0;
}
