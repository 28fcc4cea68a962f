// SPDX-License-Identifier: Apache-2.0
/*
 * Any values in any fields: the line that is written is strict JSON to json-c, has nothing in it
 * that a terminal obeys, and reads back as it was. Bytes: a field, a length, that many of its
 * value.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "event/json.h"
#include "event/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t number_of(const uint8_t *data, size_t length)
{
	uint64_t number = 0;

	memcpy(&number, data, length < sizeof(number) ? length : sizeof(number));
	return number;
}

static void set(struct record *record, enum field field, const uint8_t *data, size_t length)
{
	const struct text text = { (const char *)data, length };

	switch (field_rows[field].type) {
	case TYPE_str:
		/* The event's own name is what it is read back by. */
		if (strcmp(field_rows[field].path, "event.action") != 0)
			record_set_text(record, field, text);
		break;
	case TYPE_list:
		record_add_text(record, field, text);
		break;
	case TYPE_u64:
		record_set_number(record, field, number_of(data, length));
		break;
	case TYPE_time:
		/* To the year 2262, as the clock has it. */
		record_set_number(record, field, number_of(data, length) & INT64_MAX);
		break;
	case TYPE_i64:
		record_set_integer(record, field, (int64_t)number_of(data, length));
		break;
	case TYPE_bool:
		record_set_boolean(record, field, length % 2);
		break;
	}
}

static void check_bytes(const struct buffer *line)
{
	for (size_t i = 0; i < line->length; i++)
		if ((uint8_t)line->data[i] < ' ' || line->data[i] == 0x7f)
			abort();
	/* U+0080 to U+009F, U+2028, U+202E. */
	for (int c = 0x80; c < 0xa0; c++)
		if (memmem(line->data, line->length, (const char[]){ (char)0xc2, (char)c }, 2))
			abort();
	if (memmem(line->data, line->length, "\xe2\x80\xa8", 3) ||
	    memmem(line->data, line->length, "\xe2\x80\xae", 3))
		abort();
}

static void check_json(const struct buffer *line)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, line->data, (int)line->length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != line->length ||
	    !json_object_is_type(object, json_type_object))
		abort();
	json_object_put(object);
	json_tokener_free(tokener);
}

/* Texts are the same bytes again; of the rest, what is written again is the same. */
static void check_again(const struct record *record, struct record *again,
			const struct buffer *line)
{
	static struct buffer second;

	if (record_parse_json(again, line->data, line->length) < 0)
		abort();
	for (enum field field = 0; field < FIELD_COUNT; field++) {
		if (field_rows[field].type != TYPE_str)
			continue;
		if (record_has(record, field) != record_has(again, field) ||
		    !text_equal(record_text(record, field), record_text(again, field)))
			abort();
	}
	buffer_clear(&second);
	record_append_json(again, &second);
	if (second.length != line->length || memcmp(second.data, line->data, line->length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record *record, *again;
	static struct buffer line;

	if (size < 1 || (!record && (record_new(&record) < 0 || record_new(&again) < 0)))
		return 0;
	record_begin(record, (enum event)(*data % EVENT_COUNT));
	data++;
	size--;
	while (size > 3) {
		enum field field = (enum field)((data[0] | data[1] << 8) % FIELD_COUNT);
		size_t length = data[2] < size - 3 ? data[2] : size - 3;

		set(record, field, data + 3, length);
		data += 3 + length;
		size -= 3 + length;
	}
	if (record->error)
		abort();
	buffer_clear(&line);
	record_append_json(record, &line);
	if (line.error)
		abort();
	check_bytes(&line);
	check_json(&line);
	check_again(record, again, &line);
	return 0;
}
