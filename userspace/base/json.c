// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/json_private.h"

void json_init(struct json_reader *reader, size_t most_text)
{
	*reader = (struct json_reader){ .most_text = most_text };
}

void json_reset(struct json_reader *reader)
{
	struct buffer kept = reader->kept;
	size_t most_text = reader->most_text;

	buffer_clear(&kept);
	*reader = (struct json_reader){ .most_text = most_text, .kept = kept };
}

void json_free(struct json_reader *reader)
{
	if (!reader)
		return;
	buffer_free(&reader->kept);
	*reader = (struct json_reader){};
}

void json_feed(struct json_reader *reader, const void *data, size_t length)
{
	reader->at = data;
	reader->end = length ? reader->at + length : reader->at;
}

void json_finish(struct json_reader *reader)
{
	reader->finished = true;
}

bool json_is_between(const struct json_reader *reader)
{
	return !reader->error && reader->depth == 0 && reader->token == TOKEN_NONE;
}

/* RFC 8259, section 6. */
static bool is_number(const char *p, const char *end)
{
	const char *start;

	if (p < end && *p == '-')
		p++;
	start = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == start || (*start == '0' && p - start > 1))
		return false;
	if (p < end && *p == '.') {
		start = ++p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == start)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		start = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == start)
			return false;
	}
	return p == end;
}

static enum json_event next_in_number(struct json_reader *reader)
{
	const char *start = reader->at, *p = start;
	struct text text;

	while (p < reader->end && ((*p >= '0' && *p <= '9') || *p == '.' || *p == '-' ||
				   *p == '+' || *p == 'e' || *p == 'E'))
		p++;
	reader->at = p;
	text = (struct text){ start, (size_t)(p - start) };
	if ((p == reader->end && !reader->finished) || reader->text_length > 0) {
		json_keep(reader, text.data, text.length, true);
		if (p == reader->end && !reader->finished)
			return JSON_MORE;
		if (reader->kept.error)
			return json_fail(reader, -ENOMEM);
		text = (struct text){ reader->kept.data, reader->kept.length };
	} else {
		reader->text_length = text.length;
	}
	/* Of a number that is too long only its beginning is known. */
	if (reader->text_length <= reader->most_text &&
	    !is_number(text.data, text.data + text.length))
		return json_fail(reader, -EBADMSG);
	return json_give_text(reader, text, reader->text_length);
}

static enum json_event next_in_literal(struct json_reader *reader)
{
	while (reader->literal[reader->literal_at]) {
		if (reader->at == reader->end)
			return JSON_MORE;
		if (*reader->at++ != reader->literal[reader->literal_at++])
			return json_fail(reader, -EBADMSG);
	}
	return json_value(reader, reader->literal[0] == 't'   ? JSON_TRUE
				  : reader->literal[0] == 'f' ? JSON_FALSE
							      : JSON_NULL);
}

/* Deeper than the bound only strings and the count of brackets matter. */
static enum json_event next_in_skip(struct json_reader *reader)
{
	while (reader->at < reader->end) {
		char c = *reader->at++;

		if (reader->skip_in_string) {
			if (reader->skip_escaped)
				reader->skip_escaped = false;
			else if (c == '\\')
				reader->skip_escaped = true;
			else if (c == '"')
				reader->skip_in_string = false;
		} else if (c == '"') {
			reader->skip_in_string = true;
		} else if (c == '{' || c == '[') {
			if (++reader->skip_depth == 0)
				return json_fail(reader, -EBADMSG);
		} else if (c == '}' || c == ']') {
			if (--reader->skip_depth == 0)
				return json_value(reader, JSON_TOO_DEEP);
		}
	}
	return JSON_MORE;
}

static enum json_event open_level(struct json_reader *reader, bool object)
{
	if (reader->depth == JSON_MOST_DEPTH) {
		reader->token = TOKEN_SKIP;
		reader->skip_depth = 1;
		reader->skip_in_string = reader->skip_escaped = false;
		return next_in_skip(reader);
	}
	if (object)
		reader->objects |= 1ull << reader->depth;
	else
		reader->objects &= ~(1ull << reader->depth);
	reader->depth++;
	reader->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_event close_level(struct json_reader *reader, bool object)
{
	if (reader->depth == 0 || (reader->objects >> (reader->depth - 1) & 1) != object)
		return json_fail(reader, -EBADMSG);
	reader->depth--;
	return json_value(reader, object ? JSON_OBJECT_END : JSON_ARRAY_END);
}

static enum json_event begin_value(struct json_reader *reader, char c)
{
	switch (c) {
	case '{':
	case '[':
		return open_level(reader, c == '{');
	case '"':
		return json_begin_string(reader, false);
	case 't':
	case 'f':
	case 'n':
		reader->token = TOKEN_LITERAL;
		reader->literal = c == 't' ? "true" : c == 'f' ? "false" : "null";
		reader->literal_at = 1;
		return next_in_literal(reader);
	case '-':
	case '0' ... '9':
		reader->token = TOKEN_NUMBER;
		reader->at--;
		reader->text_length = 0;
		reader->text_cut = false;
		buffer_clear(&reader->kept);
		return next_in_number(reader);
	default:
		return json_fail(reader, -EBADMSG);
	}
}

static enum json_event next_in_token(struct json_reader *reader)
{
	switch (reader->token) {
	case TOKEN_STRING:
		return json_next_in_string(reader);
	case TOKEN_NUMBER:
		return next_in_number(reader);
	case TOKEN_LITERAL:
		return next_in_literal(reader);
	default:
		return next_in_skip(reader);
	}
}

enum json_event json_next(struct json_reader *reader)
{
	if (reader->error)
		return JSON_ERROR;
	if (reader->token != TOKEN_NONE)
		return next_in_token(reader);
	if (reader->expect == EXPECT_DONE) {
		reader->expect = EXPECT_VALUE;
		return JSON_DONE;
	}
	while (reader->at < reader->end) {
		char c = *reader->at++;

		if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
			continue;
		switch (reader->expect) {
		case EXPECT_VALUE_OR_END:
			if (c == ']')
				return close_level(reader, false);
			return begin_value(reader, c);
		case EXPECT_VALUE:
			return begin_value(reader, c);
		case EXPECT_KEY_OR_END:
			if (c == '}')
				return close_level(reader, true);
			if (c == '"')
				return json_begin_string(reader, true);
			return json_fail(reader, -EBADMSG);
		case EXPECT_KEY:
			if (c != '"')
				return json_fail(reader, -EBADMSG);
			return json_begin_string(reader, true);
		case EXPECT_COLON:
			if (c != ':')
				return json_fail(reader, -EBADMSG);
			reader->expect = EXPECT_VALUE;
			break;
		default:
			if (c == '}' || c == ']')
				return close_level(reader, c == '}');
			if (c != ',')
				return json_fail(reader, -EBADMSG);
			reader->expect = reader->objects >> (reader->depth - 1) & 1 ? EXPECT_KEY
										    : EXPECT_VALUE;
		}
	}
	return JSON_MORE;
}
