// SPDX-License-Identifier: Apache-2.0
#include "correlate/declare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"
#include "correlate/declare_table.h"

#define MOST_OPTION_BYTES 256 /* of a security option; a longer one is a profile */
#define MOST_NAME_BYTES   256 /* of an environment variable */

bool declare_is_field(const char *field, struct text key)
{
	const unsigned char *p = (const unsigned char *)key.data, *end = p + key.length;

	for (; *field; field++) {
		unsigned char want = (unsigned char)(*field | 0x20);

		if (p == end)
			return false;
		if ((*p | 0x20) == want)
			p++;
		else if (want == 's' && end - p >= 2 && memcmp(p, "\xc5\xbf", 2) == 0)
			p += 2;
		else if (want == 'k' && end - p >= 3 && memcmp(p, "\xe2\x84\xaa", 3) == 0)
			p += 3;
		else
			return false;
	}
	return p == end;
}

/* Where the rows of a context stand, so that a key is not compared with all the others. */
static struct {
	uint8_t first, end;
} places[CONTEXTS];

__attribute__((constructor)) static void find_places(void)
{
	for (uint8_t i = ARRAY_SIZE(rows); i-- > 0;) {
		places[rows[i].context].first = i;
		if (!places[rows[i].context].end)
			places[rows[i].context].end = i + 1;
	}
}

static uint8_t find_row(uint8_t context, struct text key)
{
	/* Letters that Unicode folds into ASCII are not, and may begin any name. */
	bool ascii = key.length > 0 && (unsigned char)key.data[0] < 0x80;

	for (uint8_t i = places[context].first; i < places[context].end; i++)
		if (rows[i].context == context &&
		    !(ascii && (rows[i].name[0] ^ key.data[0]) & ~0x20) &&
		    declare_is_field(rows[i].name, key))
			return i;
	/* At the top of a create a host's fields may stand, as old clients have it. */
	return context == CONTEXT_CONTAINER ? find_row(CONTEXT_HOST, key) : ROW_NONE;
}

static struct frame *top_frame(struct declare *declare)
{
	return &declare->frames[declare->depth];
}

/* The fields of a host at the top of a create count only where there is no HostConfig. */
static struct host *host_of(struct declare *declare)
{
	for (unsigned i = declare->depth; i > 0; i--)
		if (declare->frames[i].context == CONTEXT_HOST)
			return &declare->inner;
	return declare->frames[1].context == CONTEXT_CONTAINER ? &declare->top : &declare->inner;
}

static void *place_of(struct declare *declare, const struct row *row)
{
	switch (row->where) {
	case IN_DECLARED:
		return (char *)&declare->declared + row->offset;
	case IN_HOST:
		return (char *)host_of(declare) + row->offset;
	case IN_ELEMENT:
		return (char *)&declare->element + row->offset;
	default:
		return (char *)declare + row->offset;
	}
}

static void clear_element(struct declare *declare)
{
	struct element *element = &declare->element;

	declare_clear_text(&element->type);
	declare_clear_text(&element->source);
	declare_clear_text(&element->target);
	declare_clear_text(&element->device);
	declare_clear_text(&element->driver);
	text_list_clear(&element->ids);
	text_list_clear(&element->capabilities);
	element->read_only = -1;
}

static void clear_mounts(struct host *host)
{
	for (size_t i = 0; i < host->mount_count; i++)
		declare_clear_mount(&host->mounts[i]);
	host->mount_count = 0;
	host->mounts_cut = false;
}

/* What a list or a null replaces. */
static void clear_row(struct declare *declare, const struct row *row)
{
	switch (row->keep) {
	case KEEP_LIST:
	case KEEP_OPTIONS:
	case KEEP_NAMES:
		text_list_clear(place_of(declare, row));
		break;
	case KEEP_OBJECTS:
		if (row->next == CONTEXT_MOUNT)
			clear_mounts(host_of(declare));
		else
			text_list_clear(place_of(declare, row));
		break;
	case KEEP_KEYS:
	case KEEP_PAIRS:
		text_list_clear(place_of(declare, row));
		break;
	case KEEP_DEVICE:
		declare_clear_text(place_of(declare, row));
		break;
	case KEEP_EMPTY:
		*(bool *)place_of(declare, row) = false;
		break;
	case KEEP_OBJECT:
		if (row->next == CONTEXT_HOST)
			declare_clear_host(&declare->inner);
		break;
	default:
		break;
	}
}

static int append_option(struct declare *declare, struct text_list *list, struct text option)
{
	size_t length = declare->json.text_length, name = 0;
	char whole[80];

	if (length <= MOST_OPTION_BYTES)
		return text_list_append(list, option);
	while (name < 32 && option.data[name] != '=' && option.data[name] != ':')
		name++;
	snprintf(whole, sizeof(whole), "%.*s=[profile len=%zu]", (int)name, option.data,
		 length - name - 1);
	return text_list_append(list, text_of(whole));
}

static int append_name(struct text_list *list, struct text pair)
{
	const char *equals = pair.length ? memchr(pair.data, '=', pair.length) : NULL;

	if (equals)
		pair.length = (size_t)(equals - pair.data);
	/* Without '=' it is a name to be taken from somewhere, unless it is none. */
	if (pair.length > MOST_NAME_BYTES) {
		pair.length = MOST_NAME_BYTES;
		list->cut = !equals;
		return 0;
	}
	return text_list_append(list, pair);
}

static int take_string(struct declare *declare, const struct row *row, bool element)
{
	struct text text = declare->json.text;
	void *place = place_of(declare, row);

	/* Of variables only the name is kept, of profiles the length. */
	declare->declared.cut |=
		declare->json.text_cut && row->keep != KEEP_NAMES && row->keep != KEEP_OPTIONS;
	switch (row->keep) {
	case KEEP_TEXT:
		return element ? 0 : declare_set_text(place, text);
	case KEEP_LIST:
	case KEEP_OPTIONS:
		if (!element)
			text_list_clear(place);
		return row->keep == KEEP_LIST ? text_list_append(place, text)
					      : append_option(declare, place, text);
	case KEEP_NAMES:
		return element ? append_name(place, text) : 0;
	default:
		return 0;
	}
}

/* A value in an object whose names are data. */
static int take_map_value(struct declare *declare, const struct row *row, enum json_event event)
{
	struct buffer *key = &declare->key;
	struct text name = { key->data, key->length };

	if (key->error)
		return key->error;
	switch (row->keep) {
	case KEEP_KEYS:
		return text_list_append(place_of(declare, row), name);
	case KEEP_PAIRS:
		buffer_append_char(key, '=');
		if (event == JSON_STRING)
			buffer_append(key, declare->json.text.data, declare->json.text.length);
		if (key->error)
			return key->error;
		return text_list_append(place_of(declare, row),
					(struct text){ key->data, key->length });
	case KEEP_DEVICE:
		if (event == JSON_STRING && text_equal(name, TEXT("device")))
			return declare_set_text(place_of(declare, row), declare->json.text);
		return 0;
	default:
		return 0;
	}
}

/* A request for devices: "driver:id", or what the driver has to be able to do. */
static int end_device_request(struct declare *declare, struct text_list *list)
{
	struct element *element = &declare->element;
	struct text base = element->driver;
	int r;

	if (base.length == 0)
		base = element->capabilities.count ? text_list_at(&element->capabilities, 0)
						   : TEXT("any");
	if (element->ids.count == 0)
		return text_list_append(list, base);
	for (size_t i = 0; i < element->ids.count; i++) {
		_cleanup_buffer_ struct buffer text = {};
		struct text id = text_list_at(&element->ids, i);

		buffer_append(&text, base.data, base.length);
		buffer_append_char(&text, ':');
		buffer_append(&text, id.data, id.length);
		r = text.error;
		if (r == 0)
			r = text_list_append(list, (struct text){ text.data, text.length });
		if (r < 0)
			return r;
	}
	list->cut |= element->ids.cut;
	return 0;
}

/* An element of Mounts, Devices or DeviceRequests is whole, or as much of it as there will be. */
static int end_element(struct declare *declare, uint8_t context, const struct row *row)
{
	struct element *element = &declare->element;
	struct declared_mount mount;
	struct host *host;
	int r;

	if (context == CONTEXT_DEVICE)
		return text_list_append(place_of(declare, row),
					element->source.data ? element->source : TEXT(""));
	if (context == CONTEXT_REQUEST)
		return end_device_request(declare, place_of(declare, row));
	host = host_of(declare);
	mount = (struct declared_mount){ .type = element->type,
					 .source = element->source,
					 .target = element->target,
					 .device = element->device };
	element->type = element->source = element->target = element->device = (struct text){};
	r = element->read_only == 1 ? declare_set_text(&mount.mode, TEXT("ro")) : 0;
	if (r == 0)
		r = declare_add_mount(&host->mounts, &host->mount_count, &mount, &host->mounts_cut);
	declare_clear_mount(&mount);
	return r;
}

static const struct row *row_at(uint8_t row)
{
	return row == ROW_NONE ? NULL : &rows[row];
}

static void push(struct declare *declare, enum context context, uint8_t row)
{
	declare->frames[++declare->depth] = (struct frame){ .context = context, .row = row };
	declare->row = ROW_NONE;
}

static void open_object(struct declare *declare, uint8_t row_number)
{
	const struct row *row = row_at(row_number);
	bool element = top_frame(declare)->context == CONTEXT_ELEMENTS;
	enum context context = CONTEXT_NONE;

	if (declare->depth == 0)
		context = declare->frames[0].context;
	else if (row &&
		 ((row->keep == KEEP_OBJECT && !element) || (row->keep == KEEP_OBJECTS && element)))
		context = row->next;
	else if (row && !element &&
		 (row->keep == KEEP_KEYS || row->keep == KEEP_PAIRS || row->keep == KEEP_DEVICE))
		context = CONTEXT_MAP;
	if (context == CONTEXT_HOST && row)
		declare->inner.present = true;
	if (row && row->keep == KEEP_OBJECTS && context != CONTEXT_NONE)
		clear_element(declare);
	push(declare, context, row_number);
}

static void open_array(struct declare *declare, uint8_t row_number)
{
	const struct row *row = row_at(row_number);
	/* An array in an array: DeviceRequests[].Capabilities. */
	bool element = top_frame(declare)->context == CONTEXT_ELEMENTS;

	if (row && !element && row->keep != KEEP_OBJECT)
		clear_row(declare, row);
	if (row && !element && row->keep == KEEP_EMPTY)
		*(bool *)place_of(declare, row) = true;
	push(declare, row ? CONTEXT_ELEMENTS : CONTEXT_NONE, row_number);
}

static int close_level(struct declare *declare)
{
	struct frame frame = *top_frame(declare);
	const struct row *row = row_at(frame.row);
	int r = 0;

	declare->depth--;
	if (frame.context == CONTEXT_MOUNT || frame.context == CONTEXT_DEVICE ||
	    frame.context == CONTEXT_REQUEST)
		r = end_element(declare, frame.context, row);
	return r;
}

int declare_close(struct declare *declare)
{
	int r = 0;

	while (r == 0 && declare->depth > 0)
		r = close_level(declare);
	return r;
}

static int take_key(struct declare *declare)
{
	struct frame *frame = top_frame(declare);

	declare->row = ROW_NONE;
	if (frame->context == CONTEXT_MAP) {
		buffer_clear(&declare->key);
		buffer_append(&declare->key, declare->json.text.data, declare->json.text.length);
		declare->declared.cut |= declare->json.text_cut;
		return declare->key.error;
	}
	if (frame->context == CONTEXT_NONE || declare->json.text_cut)
		return 0;
	declare->row = find_row(frame->context, declare->json.text);
	if (declare->row != ROW_NONE) {
		declare->declared.repeated |= frame->seen >> declare->row & 1;
		frame->seen |= 1ull << declare->row;
	}
	return 0;
}

/* A value that is neither object nor array. */
static int take_scalar(struct declare *declare, enum json_event event)
{
	struct frame *frame = top_frame(declare);
	bool element = frame->context == CONTEXT_ELEMENTS;
	const struct row *row;

	if (frame->context == CONTEXT_MAP)
		return take_map_value(declare, row_at(frame->row), event);
	row = row_at(element ? frame->row : declare->row);
	if (!row)
		return 0;
	if (element && row->keep == KEEP_EMPTY)
		*(bool *)place_of(declare, row) = false;
	if (event == JSON_STRING)
		return take_string(declare, row, element);
	if (row->keep == KEEP_FLAG && !element && (event == JSON_TRUE || event == JSON_FALSE))
		*(signed char *)place_of(declare, row) = event == JSON_TRUE;
	if (event == JSON_NULL && !element)
		clear_row(declare, row);
	return 0;
}

static int take(struct declare *declare, enum json_event event)
{
	struct frame *frame = top_frame(declare);
	uint8_t row = frame->context == CONTEXT_ELEMENTS ? frame->row : declare->row;

	switch (event) {
	case JSON_KEY:
		return take_key(declare);
	case JSON_OBJECT:
	case JSON_ARRAY:
		if (frame->context == CONTEXT_MAP) {
			int r = take_map_value(declare, row_at(frame->row), event);

			push(declare, CONTEXT_NONE, ROW_NONE);
			return r;
		}
		if (event == JSON_OBJECT)
			open_object(declare, row);
		else
			open_array(declare, row);
		return 0;
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		return close_level(declare);
	case JSON_DONE:
		/* Go's decoder reads one value and leaves the rest. */
		declare->declared.whole = true;
		declare->stopped = true;
		return 0;
	default:
		return take_scalar(declare, event);
	}
}

int declare_feed(struct declare *declare, const char *data, size_t length)
{
	enum json_event event = JSON_MORE;
	int r = 0;

	if (declare->stopped)
		return 0;
	json_feed(&declare->json, data, length);
	while (r == 0 && !declare->stopped && (event = json_next(&declare->json)) > JSON_MORE)
		r = take(declare, event);
	if (event == JSON_ERROR) {
		if (declare->json.error == -ENOMEM)
			return -ENOMEM;
		declare->declared.broken = true;
		declare->stopped = true;
	}
	return r;
}

void declare_gap(struct declare *declare)
{
	declare->stopped = true;
}

int declare_new(enum operation_declares declares, struct declare **ret)
{
	static const enum context roots[] = {
		[OPERATION_DECLARES_none] = CONTEXT_NONE,
		[OPERATION_DECLARES_container] = CONTEXT_CONTAINER,
		[OPERATION_DECLARES_host] = CONTEXT_HOST,
		[OPERATION_DECLARES_exec] = CONTEXT_EXEC,
		[OPERATION_DECLARES_volume] = CONTEXT_VOLUME,
		[OPERATION_DECLARES_service] = CONTEXT_SERVICE,
		[OPERATION_DECLARES_name] = CONTEXT_NAME,
		[OPERATION_DECLARES_member] = CONTEXT_MEMBER,
	};
	struct declare *declare = calloc(1, sizeof(*declare));

	if (!declare)
		return -ENOMEM;
	json_init(&declare->json, DECLARED_MOST_TEXT_BYTES);
	declare->frames[0].context = (uint8_t)roots[declares];
	declare->row = ROW_NONE;
	declare->declared.privileged = -1;
	declare->top.privileged = declare->inner.privileged = -1;
	declare->element.read_only = -1;
	declare->inner.present = declares != OPERATION_DECLARES_container;
	declare->is_volume = declares == OPERATION_DECLARES_volume;
	*ret = declare;
	return 0;
}
