// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <errno.h>

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* after '[' */
	EXPECT_KEY_OR_END,   /* after '{' */
	EXPECT_KEY,          /* after ',' in an object */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
	EXPECT_DONE, /* a whole value was given out, JSON_DONE was not yet */
};

enum token { TOKEN_NONE, TOKEN_STRING, TOKEN_NUMBER, TOKEN_LITERAL, TOKEN_SKIP };

enum escape { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_UNICODE };

#define REPLACEMENT "\xef\xbf\xbd"

/* What ends a run of bytes that a string takes as they are: '"', '\\', controls, bytes >= 0x80. */
static const uint8_t special[256] = {
	[0 ... 0x1f] = 1,
	['"'] = 1,
	['\\'] = 1,
	[0x80 ... 0xff] = 1,
};

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

static enum json_event fail(struct json_reader *reader, int error)
{
	reader->error = error;
	return JSON_ERROR;
}

/* What a value leaves behind: a comma, or the end of it all. */
static enum json_event value(struct json_reader *reader, enum json_event event)
{
	reader->token = TOKEN_NONE;
	reader->expect = reader->depth ? EXPECT_COMMA_OR_END : EXPECT_DONE;
	return event;
}

static enum json_event give_text(struct json_reader *reader, struct text text, size_t length)
{
	enum json_event event = reader->token == TOKEN_NUMBER ? JSON_NUMBER : JSON_STRING;

	/* Of an empty one nothing may have been kept yet. */
	text.data = text.data ?: "";
	reader->text_length = length;
	reader->text_cut = text.length < length;
	if (text.length > reader->most_text) {
		text.length = reader->most_text;
		while (text.length > 0 && (text.data[text.length] & 0xc0) == 0x80)
			text.length--;
		reader->text_cut = true;
	}
	reader->text = text;
	if (!reader->key)
		return value(reader, event);
	reader->key = false;
	reader->token = TOKEN_NONE;
	reader->expect = EXPECT_COLON;
	return JSON_KEY;
}

/* One whole character, or a run of single bytes, of a text that is being put together. */
static void keep(struct json_reader *reader, const char *data, size_t length, bool divisible)
{
	size_t room = reader->most_text - reader->kept.length;

	reader->text_length += length;
	if (reader->text_cut)
		return;
	if (length > room) {
		reader->text_cut = true;
		length = divisible ? room : 0;
	}
	buffer_append(&reader->kept, data, length);
}

static void keep_code_point(struct json_reader *reader, uint32_t c)
{
	char out[4];
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = length; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[length] | c);
	keep(reader, out, length, false);
}

/* The bytes that the second byte of a sequence may take (Unicode, table 3-7); length 0: no lead. */
static unsigned sequence_of(uint8_t lead, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* The sequence that was begun will never be whole: as Go does, one U+FFFD for each of its bytes. */
static void sequence_break(struct json_reader *reader)
{
	for (; reader->sequence_length > 0; reader->sequence_length--)
		keep(reader, REPLACEMENT, 3, false);
	reader->sequence_need = 0;
}

static void surrogate_break(struct json_reader *reader)
{
	if (reader->surrogate)
		keep(reader, REPLACEMENT, 3, false);
	reader->surrogate = 0;
}

static void take_high_byte(struct json_reader *reader, uint8_t c)
{
	if (reader->sequence_need) {
		if (c >= reader->sequence_low && c <= reader->sequence_high) {
			reader->sequence[reader->sequence_length++] = (char)c;
			reader->sequence_low = 0x80;
			reader->sequence_high = 0xbf;
			if (--reader->sequence_need == 0) {
				keep(reader, reader->sequence, reader->sequence_length, false);
				reader->sequence_length = 0;
			}
			return;
		}
		sequence_break(reader);
	}
	reader->sequence_need =
		(uint8_t)sequence_of(c, &reader->sequence_low, &reader->sequence_high);
	if (!reader->sequence_need) {
		keep(reader, REPLACEMENT, 3, false);
		return;
	}
	reader->sequence_need--;
	reader->sequence[0] = (char)c;
	reader->sequence_length = 1;
}

static void take_unit(struct json_reader *reader, uint16_t unit)
{
	if (reader->surrogate && unit >= 0xdc00 && unit <= 0xdfff) {
		keep_code_point(reader,
				0x10000 + ((reader->surrogate - 0xd800u) << 10) + (unit - 0xdc00u));
		reader->surrogate = 0;
		return;
	}
	surrogate_break(reader);
	if (unit >= 0xd800 && unit <= 0xdbff)
		reader->surrogate = unit;
	else if (unit >= 0xdc00 && unit <= 0xdfff)
		keep(reader, REPLACEMENT, 3, false);
	else
		keep_code_point(reader, unit);
}

/* One byte of an escape. Returns false if there is no such escape. */
static bool take_escape(struct json_reader *reader, char c)
{
	static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *name;
	int digit;

	if (reader->escape == ESCAPE_BEGUN) {
		if (c == 'u') {
			reader->escape = ESCAPE_UNICODE;
			reader->escape_digits = 0;
			reader->unit = 0;
			return true;
		}
		surrogate_break(reader);
		reader->escape = ESCAPE_NONE;
		name = c ? strchr(names, c) : NULL;
		if (name)
			keep(reader, &meant[name - names], 1, true);
		return name;
	}
	digit = c >= '0' && c <= '9'   ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
	reader->unit = (uint16_t)(reader->unit << 4 | (digit & 15));
	if (++reader->escape_digits == 4) {
		reader->escape = ESCAPE_NONE;
		if (digit >= 0)
			take_unit(reader, reader->unit);
	}
	return digit >= 0;
}

/* A string that needs more than a slice: escapes, bytes that are not UTF-8, or cut by a piece. */
static enum json_event next_in_string(struct json_reader *reader)
{
	while (reader->at < reader->end) {
		const char *start = reader->at;
		uint8_t c = (uint8_t)*start;

		if (reader->escape) {
			reader->at++;
			if (!take_escape(reader, (char)c))
				return fail(reader, -EBADMSG);
			continue;
		}
		if (c < 0x80)
			sequence_break(reader);
		if (c != '\\')
			surrogate_break(reader);
		if (!special[c]) {
			do
				reader->at++;
			while (reader->at < reader->end && !special[(uint8_t)*reader->at]);
			keep(reader, start, (size_t)(reader->at - start), true);
			continue;
		}
		reader->at++;
		if (c == '"') {
			if (reader->kept.error)
				return fail(reader, -ENOMEM);
			return give_text(reader,
					 (struct text){ reader->kept.data, reader->kept.length },
					 reader->text_length);
		}
		if (c < 0x20)
			return fail(reader, -EBADMSG);
		if (c == '\\')
			reader->escape = ESCAPE_BEGUN;
		else
			take_high_byte(reader, c);
	}
	return JSON_MORE;
}

/* Behind the opening quote: mostly the string is a slice of the piece. */
static enum json_event begin_string(struct json_reader *reader, bool key)
{
	const char *start = reader->at, *p = start, *end = reader->end;

	reader->key = key;
	reader->token = TOKEN_STRING;
	for (;;) {
		uint8_t low, high;
		unsigned length, i;

		while (p < end && !special[(uint8_t)*p])
			p++;
		if (p == end || (uint8_t)*p < 0x80)
			break;
		length = sequence_of((uint8_t)*p, &low, &high);
		if (length == 0 || (size_t)(end - p) < length)
			break;
		for (i = 1; i < length && (uint8_t)p[i] >= low && (uint8_t)p[i] <= high; i++) {
			low = 0x80;
			high = 0xbf;
		}
		if (i < length)
			break;
		p += length;
	}
	if (p < end && *p == '"') {
		reader->at = p + 1;
		return give_text(reader, (struct text){ start, (size_t)(p - start) },
				 (size_t)(p - start));
	}
	buffer_clear(&reader->kept);
	reader->text_length = 0;
	reader->text_cut = false;
	reader->escape = ESCAPE_NONE;
	reader->sequence_length = reader->sequence_need = 0;
	reader->surrogate = 0;
	return next_in_string(reader);
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
		keep(reader, text.data, text.length, true);
		if (p == reader->end && !reader->finished)
			return JSON_MORE;
		if (reader->kept.error)
			return fail(reader, -ENOMEM);
		text = (struct text){ reader->kept.data, reader->kept.length };
	} else {
		reader->text_length = text.length;
	}
	/* Of a number that is too long only its beginning is known. */
	if (reader->text_length <= reader->most_text &&
	    !is_number(text.data, text.data + text.length))
		return fail(reader, -EBADMSG);
	return give_text(reader, text, reader->text_length);
}

static enum json_event next_in_literal(struct json_reader *reader)
{
	while (reader->literal[reader->literal_at]) {
		if (reader->at == reader->end)
			return JSON_MORE;
		if (*reader->at++ != reader->literal[reader->literal_at++])
			return fail(reader, -EBADMSG);
	}
	return value(reader, reader->literal[0] == 't'   ? JSON_TRUE
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
				return fail(reader, -EBADMSG);
		} else if (c == '}' || c == ']') {
			if (--reader->skip_depth == 0)
				return value(reader, JSON_TOO_DEEP);
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
		return fail(reader, -EBADMSG);
	reader->depth--;
	return value(reader, object ? JSON_OBJECT_END : JSON_ARRAY_END);
}

static enum json_event begin_value(struct json_reader *reader, char c)
{
	switch (c) {
	case '{':
	case '[':
		return open_level(reader, c == '{');
	case '"':
		return begin_string(reader, false);
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
		return fail(reader, -EBADMSG);
	}
}

static enum json_event next_in_token(struct json_reader *reader)
{
	switch (reader->token) {
	case TOKEN_STRING:
		return next_in_string(reader);
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
				return begin_string(reader, true);
			return fail(reader, -EBADMSG);
		case EXPECT_KEY:
			if (c != '"')
				return fail(reader, -EBADMSG);
			return begin_string(reader, true);
		case EXPECT_COLON:
			if (c != ':')
				return fail(reader, -EBADMSG);
			reader->expect = EXPECT_VALUE;
			break;
		default:
			if (c == '}' || c == ']')
				return close_level(reader, c == '}');
			if (c != ',')
				return fail(reader, -EBADMSG);
			reader->expect = reader->objects >> (reader->depth - 1) & 1 ? EXPECT_KEY
										    : EXPECT_VALUE;
		}
	}
	return JSON_MORE;
}
