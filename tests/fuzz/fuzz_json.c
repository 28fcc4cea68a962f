// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as JSON, and as the body of each kind of request. However they are cut into pieces, the
 * same is read; what is taken for one whole value, json-c takes too.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "correlate/declare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_TEXT 24 /* short, so that it is met */

static void mix(uint64_t *hash, const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < length; i++)
		*hash = (*hash ^ p[i]) * 0x100000001b3ull;
	*hash = (*hash ^ length) * 0x100000001b3ull;
}

static bool is_utf8(struct text text)
{
	for (size_t i = 0, length; i < text.length; i += length) {
		uint8_t c = (uint8_t)text.data[i];

		length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
		if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || i + length > text.length)
			return false;
		for (size_t j = 1; j < length; j++)
			if (((uint8_t)text.data[i + j] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static uint64_t read_json(const uint8_t *data, size_t size, size_t piece, bool *ret_whole)
{
	struct json_reader reader;
	enum json_event event = JSON_MORE;
	uint64_t hash = 0;
	unsigned values = 0, depth = 0;
	bool vague = false; /* a number that is too long, or what is too deep, is not checked */

	json_init(&reader, MOST_TEXT);
	for (size_t i = 0, part; i < size && !reader.error; i += part) {
		part = size - i < piece ? size - i : piece;
		json_feed(&reader, data + i, part);
		if (i + part == size)
			json_finish(&reader);
		while ((event = json_next(&reader)) > JSON_MORE) {
			mix(&hash, &event, sizeof(event));
			depth += event == JSON_OBJECT || event == JSON_ARRAY;
			depth -= event == JSON_OBJECT_END || event == JSON_ARRAY_END;
			values += event == JSON_DONE;
			vague |= event == JSON_TOO_DEEP;
			if (depth != reader.depth || depth > JSON_MOST_DEPTH)
				abort();
			if (event < JSON_KEY || event > JSON_NUMBER)
				continue;
			if (reader.text.length > MOST_TEXT || !is_utf8(reader.text) ||
			    reader.text_cut != (reader.text.length < reader.text_length))
				abort();
			vague |= event == JSON_NUMBER && reader.text_cut;
			mix(&hash, reader.text.data, reader.text.length);
			mix(&hash, &reader.text_length, sizeof(reader.text_length));
		}
	}
	mix(&hash, &reader.error, sizeof(reader.error));
	*ret_whole = values == 1 && !vague && event == JSON_MORE && json_is_between(&reader);
	json_free(&reader);
	return hash;
}

static void mix_list(uint64_t *hash, const struct text_list *list)
{
	mix(hash, list->bytes.data, list->bytes.length);
}

static uint64_t read_declared(enum operation_declares declares, const uint8_t *data, size_t size,
			      size_t piece)
{
	const struct declared *declared;
	struct declare *declare;
	uint64_t hash = 0;
	unsigned severity;

	if (declare_new(declares, &declare) < 0)
		abort();
	for (size_t i = 0, part; i < size; i += part) {
		part = size - i < piece ? size - i : piece;
		if (declare_feed(declare, (const char *)data + i, part) < 0)
			abort();
	}
	if (declare_finish(declare, &declared) < 0)
		abort();
	mix(&hash, declared->image.data, declared->image.length);
	mix(&hash, declared->user.data, declared->user.length);
	mix(&hash, declared->name.data, declared->name.length);
	mix_list(&hash, &declared->command);
	mix_list(&hash, &declared->environment);
	mix_list(&hash, &declared->devices);
	mix_list(&hash, &declared->capabilities_add);
	mix_list(&hash, &declared->security_options);
	mix_list(&hash, &declared->sysctls);
	for (size_t i = 0; i < declared->mount_count; i++) {
		mix(&hash, declared->mounts[i].source.data, declared->mounts[i].source.length);
		mix(&hash, declared->mounts[i].target.data, declared->mounts[i].target.length);
	}
	severity = declare_severity(declared);
	mix(&hash, &severity, sizeof(severity));
	declare_free(declare);
	return hash;
}

static void agree_with_json_c(const uint8_t *data, size_t size)
{
	struct json_tokener *tokener;
	struct json_object *object;

	/* It ends at a zero byte, and has memory for its depth from the beginning. */
	if (size > 500 || memchr(data, 0, size))
		return;
	tokener = json_tokener_new_ex(501);
	if (!tokener)
		return;
	object = json_tokener_parse_ex(tokener, (const char *)data, (int)size);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		object = json_tokener_parse_ex(tokener, "", 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		abort();
	json_object_put(object);
	json_tokener_free(tokener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum operation_declares declares;
	bool whole, again;
	uint64_t hash = read_json(data, size, SIZE_MAX, &whole);

	for (size_t piece = 1; piece < 4; piece++)
		if (read_json(data, size, piece, &again) != hash || again != whole)
			abort();
	if (whole)
		agree_with_json_c(data, size);
	/* Mostly as a create, which reads the most. */
	declares = size % 3 ? OPERATION_DECLARES_container
			    : (enum operation_declares)(size / 3 % (OPERATION_DECLARES_member + 1));
	if (read_declared(declares, data, size, SIZE_MAX) != read_declared(declares, data, size, 1))
		abort();
	return 0;
}
