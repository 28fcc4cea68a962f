// SPDX-License-Identifier: Apache-2.0
/*
 * The writer stands on the hot path of the recorder: keys come ready-made from event/nesting.c,
 * room is asked for once a value, and a text is looked at and copied eight bytes at a time for as
 * long as it is plain.
 */
#include "event/json.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "event/nesting.h"
#include "event/record.h"
#include "event/utf8.h"

#define EACH_BYTE(byte) (0x0101010101010101ull * (byte))
#define REPLACEMENT     "\xef\xbf\xbd" /* U+FFFD */
#define ESCAPE_MOST     6u             /* bytes that one byte may become: \u0001 */

/* Room for `more` bytes behind the buffer's end, or NULL and a sticky error. */
static inline char *room_for(struct buffer *buffer, size_t more)
{
	if (__builtin_expect(buffer->error || buffer->capacity - buffer->length < more, 0) &&
	    buffer_reserve(buffer, more) < 0)
		return NULL;
	return buffer->data + buffer->length;
}

static inline void now_at(struct buffer *buffer, const char *at)
{
	buffer->length = (size_t)(at - buffer->data);
}

static inline uint64_t load(const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

/*
 * A high bit is set if some byte is a control, a quote, a backslash, DEL or not ASCII. (Borrows and
 * carries start only in such a byte, so that the sum never says so wrongly.)
 */
static inline uint64_t unusual(uint64_t word)
{
	uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');

	return (word | (word + EACH_BYTE(1)) | (word - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) |
		(backslash - EACH_BYTE(1))) &
	       EACH_BYTE(0x80);
}

/* Copies, and says whether all of it stands for itself in JSON. */
static inline bool copy_plain(char *to, const char *from, size_t length)
{
	uint64_t word, found = 0;

	if (length >= 8) {
		for (size_t i = 0; i + 8 < length; i += 8) {
			word = load(from + i);
			memcpy(to + i, &word, 8);
			found |= unusual(word);
		}
		word = load(from + length - 8);
		memcpy(to + length - 8, &word, 8);
		return !(found | unusual(word));
	}
	if (length >= 4) {
		uint32_t head, tail;

		memcpy(&head, from, 4);
		memcpy(&tail, from + length - 4, 4);
		memcpy(to, &head, 4);
		memcpy(to + length - 4, &tail, 4);
		return !unusual(head | (uint64_t)tail << 32);
	}
	word = EACH_BYTE(' ');
	for (size_t i = 0; i < length; i++) {
		to[i] = from[i];
		word = word << 8 | (unsigned char)from[i];
	}
	return !unusual(word);
}

static char *put_escape(char *at, unsigned int code)
{
	static const char digits[] = "0123456789abcdef";
	static const char letters[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
					['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };

	*at++ = '\\';
	if (code < sizeof(letters) && letters[code]) {
		*at++ = letters[code];
		return at;
	}
	*at++ = 'u';
	*at++ = digits[code >> 12];
	*at++ = digits[code >> 8 & 15];
	*at++ = digits[code >> 4 & 15];
	*at++ = digits[code & 15];
	return at;
}

/* Characters that do something to a terminal or to the order of what is read: C0, DEL, C1, line and
 * paragraph separators, and Unicode's bidirectional controls (UAX #9, section 2). */
static bool is_control(unsigned int code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* One character of two bytes or more, of which only those of the basic plane are of interest. */
static char *put_wide(char *at, const unsigned char *from, size_t length)
{
	unsigned int code = 0;

	if (length == 2)
		code = (from[0] & 0x1fu) << 6 | (from[1] & 0x3fu);
	else if (length == 3)
		code = (from[0] & 0xfu) << 12 | (from[1] & 0x3fu) << 6 | (from[2] & 0x3fu);
	if (length < 4 && is_control(code))
		return put_escape(at, code);
	memcpy(at, from, length);
	return at + length;
}

/* Any bytes as the inside of a JSON string. Returns whether they were UTF-8. */
static bool append_escaped(struct buffer *buffer, const char *data, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)data;
	bool exact = true;
	size_t i = 0;

	while (i < length) {
		size_t step = length - i < 512 ? length - i : 512, end = i + step;
		char *at = room_for(buffer, ESCAPE_MOST * (step + 4));

		if (!at)
			return true;
		while (i < end) {
			size_t wide;

			if (i + 8 <= end && !unusual(load(data + i))) {
				memcpy(at, data + i, 8);
				at += 8;
				i += 8;
			} else if (bytes[i] < 0x80) {
				if (is_control(bytes[i]) || bytes[i] == '"' || bytes[i] == '\\')
					at = put_escape(at, bytes[i]);
				else
					*at++ = data[i];
				i++;
			} else if ((wide = utf8_length(bytes + i, length - i))) {
				at = put_wide(at, bytes + i, wide);
				i += wide;
			} else {
				at = mempcpy(at, REPLACEMENT, 3);
				exact = false;
				i++;
			}
		}
		now_at(buffer, at);
	}
	return exact;
}

/* A JSON string. Returns false where it could not say all: the original was not UTF-8. */
static inline bool append_text(struct buffer *buffer, struct text text)
{
	char *at = room_for(buffer, text.length + 2);
	bool exact;

	if (!at)
		return true;
	*at = '"';
	if (__builtin_expect(copy_plain(at + 1, text.data, text.length), 1)) {
		at[text.length + 1] = '"';
		buffer->length += text.length + 2;
		return true;
	}
	buffer->length++;
	exact = append_escaped(buffer, text.data, text.length);
	buffer_append_char(buffer, '"');
	return exact;
}

/* ,"name_hex": where `key` is "name": */
static void append_hex_key(struct buffer *buffer, const char *key, size_t length)
{
	buffer_append_char(buffer, ',');
	buffer_append(buffer, key, length - 2);
	buffer_append_string(buffer, "_hex\":");
}

static void append_hex_text(struct buffer *buffer, struct text text)
{
	buffer_append_char(buffer, '"');
	buffer_append_hex(buffer, text.data, text.length);
	buffer_append_char(buffer, '"');
}

static bool is_utf8(struct text text)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	size_t wide;

	for (size_t i = 0; i < text.length; i += wide) {
		wide = utf8_length(bytes + i, text.length - i);
		if (!wide)
			return false;
	}
	return true;
}

static void append_list(struct buffer *buffer, const struct nesting *nesting,
			const struct value *value)
{
	bool exact = true;

	buffer_append_char(buffer, '[');
	for (size_t i = 0; i < value->list.count; i++) {
		if (i)
			buffer_append_char(buffer, ',');
		exact &= append_text(buffer, value->list.items[i]);
	}
	buffer_append_char(buffer, ']');
	if (exact)
		return;
	append_hex_key(buffer, nesting->opening + nesting->begins[nesting->depth],
		       (size_t)nesting->length - nesting->begins[nesting->depth]);
	for (size_t i = 0; i < value->list.count; i++) {
		buffer_append_char(buffer, i ? ',' : '[');
		if (is_utf8(value->list.items[i]))
			buffer_append(buffer, "\"\"", 2);
		else
			append_hex_text(buffer, value->list.items[i]);
	}
	buffer_append_char(buffer, ']');
}

/* Columns become rows: item i of each column is a member of object i. */
static void append_objects(struct buffer *buffer, const struct nesting *column,
			   const struct record *record)
{
	size_t count = 0;

	for (unsigned int place = column->first; place < column->end; place++) {
		enum field field = nestings[place].field;

		if (record_has(record, field) && record->values[field].list.count > count)
			count = record->values[field].list.count;
	}
	buffer_append_char(buffer, '[');
	for (size_t i = 0; i < count; i++) {
		char behind = '{';

		if (i)
			buffer_append_char(buffer, ',');
		for (unsigned int place = column->first; place < column->end; place++) {
			const struct nesting *at = &nestings[place];
			const struct value *value = &record->values[at->field];

			if (!record_has(record, at->field) || i >= value->list.count ||
			    !value->list.items[i].data)
				continue;
			buffer_append_char(buffer, behind);
			buffer_append(buffer, at->column, at->column_length);
			if (!append_text(buffer, value->list.items[i])) {
				append_hex_key(buffer, at->column, at->column_length);
				append_hex_text(buffer, value->list.items[i]);
			}
			behind = ',';
		}
		if (behind == '{')
			buffer_append_char(buffer, '{');
		buffer_append_char(buffer, '}');
	}
	buffer_append_char(buffer, ']');
}

/* Leaves the objects of the field before that this one is not in, and opens its own. */
static inline void append_key(struct buffer *buffer, const struct nesting *before,
			      const struct nesting *nesting)
{
	char *at = room_for(buffer, sizeof(nesting->opening) + 16);
	unsigned int common = 0;
	const char *from;
	size_t length;

	if (!at)
		return;
	if (before) {
		common = nesting_common(before, nesting);
		memcpy(at, "}}}}}}}}", 8);
		at += before->depth - common;
		*at++ = ',';
	}
	from = nesting->opening + nesting->begins[common];
	length = (size_t)nesting->length - nesting->begins[common];
	for (size_t i = 0; i < length; i += 16)
		memcpy(at + i, from + i, 16);
	now_at(buffer, at + length);
}

static inline void append_number(struct buffer *buffer, uint64_t number, bool negative)
{
	char digits[20], *room = room_for(buffer, sizeof(digits) + 1);
	size_t at = sizeof(digits);

	if (!room)
		return;
	if (negative)
		*room++ = '-';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	memcpy(room, digits + at, sizeof(digits) - at);
	now_at(buffer, room + sizeof(digits) - at);
}

static inline void append_time(struct buffer *buffer, uint64_t wall_ns)
{
	buffer_append_char(buffer, '"');
	clock_append_rfc3339(buffer, wall_ns);
	buffer_append_char(buffer, '"');
}

static inline void append_value(struct buffer *buffer, const struct nesting *nesting,
				const struct record *record)
{
	const struct value *value = &record->values[nesting->field];

	switch (field_rows[nesting->field].type) {
	case TYPE_str:
		if (append_text(buffer, value->text))
			return;
		append_hex_key(buffer, nesting->opening + nesting->begins[nesting->depth],
			       (size_t)nesting->length - nesting->begins[nesting->depth]);
		append_hex_text(buffer, value->text);
		return;
	case TYPE_list:
		if (nesting->column_length)
			append_objects(buffer, nesting, record);
		else
			append_list(buffer, nesting, value);
		return;
	case TYPE_u64:
		append_number(buffer, value->number, false);
		return;
	case TYPE_i64:
		append_number(buffer,
			      value->integer < 0 ? -(uint64_t)value->integer
						 : (uint64_t)value->integer,
			      value->integer < 0);
		return;
	case TYPE_bool:
		buffer_append_string(buffer, value->boolean ? "true" : "false");
		return;
	case TYPE_time:
		append_time(buffer, value->number);
		return;
	}
}

/* The same bits by their places in a line. */
static void in_order(const struct record *record, uint64_t *ret_places)
{
	if (nesting_is_table_order) {
		memcpy(ret_places, record->present, sizeof(record->present));
		return;
	}
	memset(ret_places, 0, sizeof(record->present));
	for (size_t i = 0; i < sizeof(record->present) / sizeof(record->present[0]); i++)
		for (uint64_t bits = record->present[i]; bits; bits &= bits - 1) {
			unsigned int place =
				nesting_places[i * 64 + (unsigned int)__builtin_ctzll(bits)];

			ret_places[place / 64] |= 1ull << (place % 64);
		}
}

#define PLACES_WORDS ((FIELD_COUNT + 63) / 64)

/* Instead of its fields one place stands for the part; FIELD_COUNT where there is none. */
static unsigned int place_part(const struct record_part *part, uint64_t *places)
{
	if (!part->json.data)
		return FIELD_COUNT;
	for (unsigned int place = part->first; place <= part->last; place++)
		places[place / 64] &= ~(1ull << (place % 64));
	places[part->first / 64] |= 1ull << (part->first % 64);
	return part->first;
}

static void append_part(struct buffer *buffer, const struct nesting *before, struct text json)
{
	buffer_append(buffer, "}}}}}}}}", before ? before->depth : 0);
	if (before)
		buffer_append_char(buffer, ',');
	buffer_append(buffer, json.data, json.length);
}

static void append_places(const struct record *record, uint64_t *places, struct buffer *buffer)
{
	static const struct nesting line = {}; /* in no object */
	const struct nesting *before = NULL;
	unsigned int columns_end = 0, part = place_part(&record->part, places);

	for (size_t i = 0; i < PLACES_WORDS; i++)
		for (uint64_t bits = places[i]; bits; bits &= bits - 1) {
			unsigned int place =
				(unsigned int)(i * 64) + (unsigned int)__builtin_ctzll(bits);
			const struct nesting *nesting = &nestings[place];

			/* Written with the first of its columns. */
			if (place < columns_end)
				continue;
			if (place == part) {
				append_part(buffer, before, record->part.json);
				before = &line;
				continue;
			}
			append_key(buffer, before, nesting);
			append_value(buffer, nesting, record);
			before = nesting;
			if (nesting->column_length)
				columns_end = nesting->end;
		}
	buffer_append(buffer, "}}}}}}}}", before ? before->depth : 0);
}

void record_append_members(const struct record *record, enum field first, enum field last,
			   struct buffer *buffer)
{
	uint64_t places[PLACES_WORDS];

	in_order(record, places);
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (field < first || field > last)
			places[nesting_places[field] / 64] &=
				~(1ull << (nesting_places[field] % 64));
	append_places(record, places, buffer);
}

void record_append_json(const struct record *record, struct buffer *buffer)
{
	uint64_t places[PLACES_WORDS];

	in_order(record, places);
	buffer_append_char(buffer, '{');
	append_places(record, places, buffer);
	buffer_append_char(buffer, '}');
}
