// SPDX-License-Identifier: Apache-2.0
#include "correlate/declare.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"

static void push(struct declare *declare, enum context context, uint8_t row)
{
	declare->frames[++declare->depth] =
		(struct frame){ .context = (uint8_t)context, .row = row };
	declare->row = ROW_NONE;
}

static bool holds_objects(enum keep keep)
{
	return keep == KEEP_OBJECTS || keep == KEEP_EACH || keep == KEEP_PORTS;
}

static bool is_map(enum keep keep)
{
	return keep == KEEP_KEYS || keep == KEEP_PAIRS || keep == KEEP_LENGTHS ||
	       keep == KEEP_VOLUME_OPTIONS || keep == KEEP_NETWORK_OPTIONS || keep == KEEP_PORTS;
}

static void open_object(struct declare *declare, uint8_t row_number)
{
	const struct row *row = declare_row(row_number);
	bool element = declare_frame(declare)->context == CONTEXT_ELEMENTS;
	enum context context = CONTEXT_NONE;

	if (declare->depth == 0)
		context = declare->frames[0].context;
	else if (row && element && holds_objects(row->keep))
		context = row->next;
	else if (row && !element && row->keep == KEEP_OBJECT)
		context = row->next;
	else if (row && !element && is_map(row->keep))
		context = CONTEXT_MAP;
	if (context == CONTEXT_HOST && row)
		declare->inner.present = true;
	if (row && element && context != CONTEXT_NONE)
		declare_clear_element(&declare->element);
	push(declare, context, row_number);
}

static void open_array(struct declare *declare, uint8_t row_number)
{
	const struct row *row = declare_row(row_number);
	bool element = declare_frame(declare)->context == CONTEXT_ELEMENTS;
	/* An array in an array: DeviceRequests[].Capabilities. */
	bool known = row && (!element || row->keep == KEEP_LIST);

	if (row && !element && row->keep != KEEP_OBJECT)
		declare_clear_row(declare, row);
	if (row && !element && row->keep == KEEP_EMPTY)
		*(bool *)declare_place(declare, row) = true;
	push(declare, known ? CONTEXT_ELEMENTS : CONTEXT_NONE, known ? row_number : ROW_NONE);
}

static int close_level(struct declare *declare)
{
	struct frame frame = *declare_frame(declare);

	declare->depth--;
	return declare_end_element(declare, frame.context, declare_row(frame.row));
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
	struct frame *frame = declare_frame(declare);
	uint64_t bit;

	declare->row = ROW_NONE;
	if (frame->context == CONTEXT_MAP) {
		buffer_clear(&declare->key);
		buffer_append(&declare->key, declare->json.text.data, declare->json.text.length);
		declare->declared.cut |= declare->json.text_cut;
		return declare->key.error;
	}
	if (frame->context == CONTEXT_NONE || declare->json.text_cut)
		return 0;
	declare->row = declare_find_row(frame->context, declare->json.text);
	if (declare->row != ROW_NONE) {
		bit = 1ull << (declare->row % 64);
		declare->declared.repeated |= (frame->seen[declare->row / 64] & bit) != 0;
		frame->seen[declare->row / 64] |= bit;
	}
	return 0;
}

/* A value in an object whose names are data: it may be an object or an array itself. */
static int take_in_map(struct declare *declare, enum json_event event)
{
	uint8_t row_number = declare_frame(declare)->row;
	const struct row *row = declare_row(row_number);
	int r = declare_take_map_value(declare, row, event);

	if (event == JSON_ARRAY && row->keep == KEEP_PORTS)
		push(declare, CONTEXT_ELEMENTS, row_number);
	else if (event == JSON_ARRAY)
		push(declare, CONTEXT_NONE, ROW_NONE);
	else if (event == JSON_OBJECT)
		push(declare, row->keep == KEEP_PORTS ? CONTEXT_NONE : row->next, ROW_NONE);
	return r;
}

static int take(struct declare *declare, enum json_event event)
{
	struct frame *frame = declare_frame(declare);
	uint8_t row = frame->context == CONTEXT_ELEMENTS ? frame->row : declare->row;

	switch (event) {
	case JSON_KEY:
		return take_key(declare);
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		return close_level(declare);
	case JSON_DONE:
		/* Go's decoder reads one value and leaves the rest. */
		declare->declared.whole = true;
		declare->stopped = true;
		return 0;
	default:
		break;
	}
	if (frame->context == CONTEXT_MAP)
		return take_in_map(declare, event);
	if (event == JSON_OBJECT)
		open_object(declare, row);
	else if (event == JSON_ARRAY)
		open_array(declare, row);
	else
		return declare_take_scalar(declare, event);
	return 0;
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
	declare->declared.cut |= !declare->stopped;
	declare->stopped = true;
}

int declare_new(enum operation_declares declares, struct declare **ret)
{
	struct declare *declare = calloc(1, sizeof(*declare));

	if (!declare)
		return -ENOMEM;
	json_init(&declare->json, DECLARED_MOST_TEXT_BYTES);
	declare->frames[0].context = (uint8_t)declare_root(declares, &declare->row);
	declare->frames[0].row = declare->row;
	declare->declared.privileged = -1;
	declare->top.privileged = declare->inner.privileged = -1;
	declare->element.read_only = -1;
	declare->inner.present = declares != OPERATION_DECLARES_container;
	declare->is_volume = declares == OPERATION_DECLARES_volume;
	/* A tar is no JSON, and nothing of it is missed. */
	declare->stopped = declare->declared.whole = declares == OPERATION_DECLARES_query;
	*ret = declare;
	return 0;
}
