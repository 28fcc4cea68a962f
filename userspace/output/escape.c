// SPDX-License-Identifier: Apache-2.0
#include "output/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "base/buffer.h"
#include "base/cleanup.h"

/* Ascending. Unicode 15: the categories Cc, Zl and Zp, the bidirectional controls (UAX 9), what
 * Default_Ignorable_Code_Point holds, and noncharacters that no terminal agrees on. */
static const struct range {
	uint32_t first, last;
} unsafe[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x009f },   { 0x00ad, 0x00ad },   { 0x034f, 0x034f },
	{ 0x061c, 0x061c }, { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },
	{ 0xfffe, 0xffff }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
};

static bool is_unsafe(uint32_t point)
{
	if (point >= 0x20 && point < 0x7f)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(unsafe) && unsafe[i].first <= point; i++)
		if (point <= unsafe[i].last)
			return true;
	return false;
}

/* One code point, as RFC 3629 allows it: no surrogate, no longer form than needed. Returns how many
 * bytes it took, 0 if it is none. */
static size_t decode(const char *text, size_t length, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = (unsigned char)text[0];
	size_t bytes = lead < 0x80   ? 1
		       : lead < 0xc2 ? 0
		       : lead < 0xe0 ? 2
		       : lead < 0xf0 ? 3
		       : lead < 0xf5 ? 4
				     : 0;
	uint32_t point = bytes == 1 ? lead : lead & (0x7fu >> bytes);

	if (bytes == 0 || bytes > length)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		unsigned char next = (unsigned char)text[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (next & 0x3f);
	}
	if (point < least[bytes] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*ret = point;
	return bytes;
}

static void append_escaped(struct buffer *buffer, uint32_t point)
{
	switch (point) {
	case '\n':
		buffer_append(buffer, "\\n", 2);
		break;
	case '\r':
		buffer_append(buffer, "\\r", 2);
		break;
	case '\t':
		buffer_append(buffer, "\\t", 2);
		break;
	default:
		buffer_printf(buffer,
			      point < 0x80      ? "\\x%02x"
			      : point < 0x10000 ? "\\u%04x"
						: "\\U%08x",
			      point);
	}
}

void escape_append(struct buffer *buffer, struct text text)
{
	size_t plain = 0;

	if (text.length == 0)
		return;
	for (size_t at = 0; at < text.length;) {
		uint32_t point = 0;
		size_t bytes = decode(text.data + at, text.length - at, &point);

		if (bytes > 0 && point != '\\' && !is_unsafe(point)) {
			at += bytes;
			continue;
		}
		buffer_append(buffer, text.data + plain, at - plain);
		if (bytes == 0)
			buffer_printf(buffer, "\\x%02x", (unsigned char)text.data[at]);
		else if (point == '\\')
			buffer_append(buffer, "\\\\", 2);
		else
			append_escaped(buffer, point);
		at += bytes ? bytes : 1;
		plain = at;
	}
	buffer_append(buffer, text.data + plain, text.length - plain);
}

static bool has_any(struct text argument, const char *characters)
{
	for (size_t i = 0; i < argument.length; i++)
		if (argument.data[i] && strchr(characters, argument.data[i]))
			return true;
	return false;
}

static bool needs_quotes(struct text argument)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_=+:,./@%^\\";

	if (argument.length == 0)
		return true;
	for (size_t i = 0; i < argument.length; i++) {
		unsigned char c = (unsigned char)argument.data[i];

		if (c > ' ' && c < 0x7f && !memchr(safe, c, sizeof(safe) - 1))
			return true;
		if (c <= ' ')
			return true;
	}
	return false;
}

void escape_append_argument(struct buffer *buffer, struct text argument)
{
	const char *quote;

	if (!needs_quotes(argument)) {
		escape_append(buffer, argument);
		return;
	}
	if (has_any(argument, "'") && !has_any(argument, "\"$`\\!")) {
		buffer_append_char(buffer, '"');
		escape_append(buffer, argument);
		buffer_append_char(buffer, '"');
		return;
	}
	buffer_append_char(buffer, '\'');
	while (argument.length > 0 && (quote = memchr(argument.data, '\'', argument.length))) {
		size_t before = (size_t)(quote - argument.data);

		escape_append(buffer, (struct text){ argument.data, before });
		buffer_append(buffer, "'\\''", 4);
		argument.data += before + 1;
		argument.length -= before + 1;
	}
	escape_append(buffer, argument);
	buffer_append_char(buffer, '\'');
}

size_t escape_columns(const char *text, size_t length)
{
	size_t columns = 0;

	for (size_t at = 0; at < length;) {
		uint32_t point = 0;
		size_t bytes = decode(text + at, length - at, &point);
		/* -1 outside of a UTF-8 locale, and for what it does not know: one, as terminals
		 * do. */
		int width = bytes > 1 ? wcwidth((wchar_t)point) : 1;

		columns += width < 0 ? 1 : (size_t)width;
		at += bytes ? bytes : 1;
	}
	return columns;
}
