// SPDX-License-Identifier: Apache-2.0
/* The text of a key, a string or a number: escapes, UTF-8, its bound, and what a piece cuts. */
#include <errno.h>

#include "base/json_private.h"

enum escape { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_UNICODE };

#define REPLACEMENT "\xef\xbf\xbd"

/* What ends a run of bytes that a string takes as they are: '"', '\\', controls, bytes >= 0x80. */
static const uint8_t special[256] = {
	[0 ... 0x1f] = 1,
	['"'] = 1,
	['\\'] = 1,
	[0x80 ... 0xff] = 1,
};

enum json_event json_give_text(struct json_reader *reader, struct text text, size_t length)
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
		return json_value(reader, event);
	reader->key = false;
	reader->token = TOKEN_NONE;
	reader->expect = EXPECT_COLON;
	return JSON_KEY;
}

void json_keep(struct json_reader *reader, const char *data, size_t length, bool divisible)
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
	json_keep(reader, out, length, false);
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
		json_keep(reader, REPLACEMENT, 3, false);
	reader->sequence_need = 0;
}

static void surrogate_break(struct json_reader *reader)
{
	if (reader->surrogate)
		json_keep(reader, REPLACEMENT, 3, false);
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
				json_keep(reader, reader->sequence, reader->sequence_length, false);
				reader->sequence_length = 0;
			}
			return;
		}
		sequence_break(reader);
	}
	reader->sequence_need =
		(uint8_t)sequence_of(c, &reader->sequence_low, &reader->sequence_high);
	if (!reader->sequence_need) {
		json_keep(reader, REPLACEMENT, 3, false);
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
		json_keep(reader, REPLACEMENT, 3, false);
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
			json_keep(reader, &meant[name - names], 1, true);
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

enum json_event json_next_in_string(struct json_reader *reader)
{
	while (reader->at < reader->end) {
		const char *start = reader->at;
		uint8_t c = (uint8_t)*start;

		if (reader->escape) {
			reader->at++;
			if (!take_escape(reader, (char)c))
				return json_fail(reader, -EBADMSG);
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
			json_keep(reader, start, (size_t)(reader->at - start), true);
			continue;
		}
		reader->at++;
		if (c == '"') {
			if (reader->kept.error)
				return json_fail(reader, -ENOMEM);
			return json_give_text(
				reader, (struct text){ reader->kept.data, reader->kept.length },
				reader->text_length);
		}
		if (c < 0x20)
			return json_fail(reader, -EBADMSG);
		if (c == '\\')
			reader->escape = ESCAPE_BEGUN;
		else
			take_high_byte(reader, c);
	}
	return JSON_MORE;
}

enum json_event json_begin_string(struct json_reader *reader, bool key)
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
		return json_give_text(reader, (struct text){ start, (size_t)(p - start) },
				      (size_t)(p - start));
	}
	buffer_clear(&reader->kept);
	reader->text_length = 0;
	reader->text_cut = false;
	reader->escape = ESCAPE_NONE;
	reader->sequence_length = reader->sequence_need = 0;
	reader->surrogate = 0;
	return json_next_in_string(reader);
}
