// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_count.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->error = -ENOMEM)
#include <uthash.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "event/record.h"
#include "event/utf8.h"
#include "output/escape.h"
#include "output/format.h"
#include "trail/frame.h"
#include "trail/summary.h"

struct entry {
	UT_hash_handle hh;
	uint64_t order; /* numbers sort as such */
	uint64_t count, last_event;
	int error;
	bool absent;
	size_t length;
	char value[];
};

struct replay_count {
	enum field field;
	struct entry *entries;
	struct buffer text; /* a number on its way */
	uint64_t events, absent, others, bytes;
	size_t count;
};

int replay_count_new(enum field field, struct replay_count **ret)
{
	struct replay_count *count = calloc(1, sizeof(*count));

	if (!count)
		return -ENOMEM;
	count->field = field;
	*ret = count;
	return 0;
}

void replay_count_free(struct replay_count *count)
{
	struct entry *entry, *next;

	if (!count)
		return;
	HASH_ITER (hh, count->entries, entry, next) {
		HASH_DEL(count->entries, entry);
		free(entry);
	}
	buffer_free(&count->text);
	free(count);
}

uint64_t replay_count_others(const struct replay_count *count)
{
	return count->others;
}

static int new_entry(struct replay_count *count, struct text value, uint64_t order,
		     struct entry **ret)
{
	struct entry *entry = malloc(sizeof(*entry) + value.length);

	if (!entry)
		return -ENOMEM;
	*entry = (struct entry){ .order = order, .length = value.length };
	memcpy(entry->value, value.data, value.length);
	HASH_ADD_KEYPTR(hh, count->entries, entry->value, entry->length, entry);
	if (entry->error) {
		free(entry);
		return -ENOMEM;
	}
	count->count++;
	count->bytes += value.length;
	*ret = entry;
	return 0;
}

static int add_times(struct replay_count *count, struct text value, uint64_t order, uint64_t times)
{
	struct entry *entry;
	int r;

	if (!value.data)
		value.data = "";
	HASH_FIND(hh, count->entries, value.data, value.length, entry);
	if (!entry) {
		if (count->count == REPLAY_COUNT_VALUES_MOST ||
		    count->bytes + value.length > REPLAY_COUNT_BYTES_MOST) {
			count->others += times;
			return 0;
		}
		r = new_entry(count, value, order, &entry);
		if (r < 0)
			return r;
	}
	/* Twice in one list is one event. */
	if (entry->last_event != count->events)
		entry->count += times;
	entry->last_event = count->events;
	return 0;
}

static int add(struct replay_count *count, struct text value, uint64_t order)
{
	return add_times(count, value, order, 1);
}

static int add_number(struct replay_count *count, const struct value *value)
{
	uint64_t order = value->number;

	buffer_clear(&count->text);
	switch (field_rows[count->field].type) {
	case TYPE_time:
		clock_append_rfc3339(&count->text, value->number);
		break;
	case TYPE_i64:
		buffer_printf(&count->text, "%" PRId64, value->integer);
		order = (uint64_t)value->integer ^ 1ull << 63;
		break;
	case TYPE_bool:
		buffer_append_string(&count->text, value->boolean ? "true" : "false");
		order = value->boolean;
		break;
	default:
		buffer_printf(&count->text, "%" PRIu64, value->number);
	}
	if (count->text.error)
		return count->text.error;
	return add(count, (struct text){ count->text.data, count->text.length }, order);
}

/* As commands/ledger.c counts them for a frame's summary. */
static int add_containers(struct replay_count *count, const struct record *record)
{
	struct text own = record_text(record, FIELD_container_id);
	struct text target = record_text(record, FIELD_target_id);
	int r = own.length ? add(count, own, 0) : 0;

	if (r == 0 && target.length && !text_equal(own, target) &&
	    text_equal(record_text(record, FIELD_target_type), TEXT("container")))
		r = add(count, target, 0);
	return r;
}

int replay_count_add(struct replay_count *count, const struct record *record)
{
	const struct value *value;
	enum field_type type;
	int r = 0;

	count->events++;
	if (count->field == REPLAY_COUNT_CONTAINERS)
		return add_containers(count, record);
	value = &record->values[count->field];
	type = field_rows[count->field].type;
	if (!record_has(record, count->field) || (type == TYPE_list && value->list.count == 0)) {
		count->absent++;
		return 0;
	}
	if (type == TYPE_str)
		return add(count, value->text, 0);
	if (type != TYPE_list)
		return add_number(count, value);
	for (size_t i = 0; r == 0 && i < value->list.count; i++)
		if (value->list.items[i].data)
			r = add(count, value->list.items[i], 0);
	return r;
}

/* The list of a summary that has a field's values; 0: none has. */
static unsigned int list_of(enum field field)
{
	switch ((int)field) {
	case FIELD_event_action:
		return TRAIL_TAG_KIND;
	case FIELD_user_id:
		return TRAIL_TAG_USER;
	case FIELD_api_operation:
		return TRAIL_TAG_OPERATION;
	case REPLAY_COUNT_CONTAINERS:
		return TRAIL_TAG_CONTAINER;
	default:
		return 0;
	}
}

/* Returns 1, 0 when the list is incomplete, -EBADMSG. An absent one says that no event has a value.
 */
static int find_list(const struct trail_header *header, unsigned int tag,
		     struct trail_summary_element *ret_list)
{
	struct trail_summary_element element;
	size_t at = 0;
	int r;

	*ret_list = (struct trail_summary_element){};
	while ((r = trail_summary_next(header->summary, header->summary_length, &at, &element)) >
	       0) {
		if (element.tag != tag)
			continue;
		*ret_list = element;
		return !element.incomplete;
	}
	return r < 0 ? r : 1;
}

static uint64_t sum_of(const struct trail_summary_element *list)
{
	struct trail_summary_count item;
	uint64_t sum = 0;
	size_t at = 0;

	while (trail_summary_next_count(list, &at, &item) > 0)
		sum += item.count;
	return sum;
}

/* As a writer makes them. A header that was damaged is `verify`'s to find; it is not counted by. */
static bool kinds_add_up(const struct trail_header *header)
{
	struct trail_summary_element kinds;

	return find_list(header, TRAIL_TAG_KIND, &kinds) > 0 &&
	       sum_of(&kinds) == header->event_count;
}

int replay_count_add_frame(struct replay_count *count, const struct trail_header *header)
{
	unsigned int tag = list_of(count->field);
	struct trail_summary_element list;
	struct trail_summary_count item;
	uint64_t counted = 0;
	size_t at = 0;
	int r;

	if (!tag || !kinds_add_up(header) || find_list(header, tag, &list) <= 0)
		return 0;
	/* Looked at before anything is added: one that lies adds nothing. */
	while ((r = trail_summary_next_count(&list, &at, &item)) > 0)
		counted += item.count;
	if (r < 0 || (tag != TRAIL_TAG_CONTAINER && counted > header->event_count))
		return 0;
	count->events += header->event_count;
	at = 0;
	while (r == 0 && trail_summary_next_count(&list, &at, &item) > 0)
		r = add_times(count, (struct text){ item.value, item.length }, 0, item.count);
	if (tag != TRAIL_TAG_CONTAINER)
		count->absent += header->event_count - counted;
	return r < 0 ? r : 1;
}

/* ---- the table */

static const char *name_of(const struct replay_count *count)
{
	return count->field == REPLAY_COUNT_CONTAINERS ? "container"
						       : field_rows[count->field].name;
}

static int compare_values(const struct entry *a, const struct entry *b)
{
	size_t both = a->length < b->length ? a->length : b->length;
	int order;

	if (a->absent != b->absent)
		return a->absent ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	order = memcmp(a->value, b->value, both);
	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int by_count(const void *left, const void *right)
{
	const struct entry *a = *(const struct entry *const *)left;
	const struct entry *b = *(const struct entry *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return compare_values(a, b);
}

/* Only ASCII, so that no terminal obeys what somebody has made up. */
static void append_json(struct buffer *line, struct text text, bool *ret_broken)
{
	buffer_append_char(line, '"');
	for (size_t i = 0, length; i < text.length; i += length) {
		const unsigned char *at = (const unsigned char *)text.data + i;
		uint32_t point;

		length = utf8_length(at, text.length - i);
		point = length == 1   ? at[0]
			: length == 2 ? (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu)
			: length == 3
				? (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu)
			: length == 4 ? (at[0] & 0x07u) << 18 | (at[1] & 0x3fu) << 12 |
						(at[2] & 0x3fu) << 6 | (at[3] & 0x3fu)
				      : 0xfffd;
		*ret_broken |= length == 0;
		length = length ? length : 1;
		if (point == '"' || point == '\\')
			buffer_append_char(line, '\\');
		if (point >= 0x10000)
			buffer_printf(line, "\\u%04x\\u%04x", 0xd7c0 + (point >> 10),
				      0xdc00 + (point & 0x3ff));
		else if (point < 0x20 || point >= 0x7f)
			buffer_printf(line, "\\u%04x", point);
		else
			buffer_append_char(line, (char)point);
	}
	buffer_append_char(line, '"');
}

static void append_json_value(const struct replay_count *count, struct text value,
			      struct buffer *line)
{
	enum field_type type =
		count->field == REPLAY_COUNT_CONTAINERS ? TYPE_str : field_rows[count->field].type;
	bool broken = false;

	if (type == TYPE_u64 || type == TYPE_i64 || type == TYPE_bool) {
		buffer_append(line, value.data, value.length);
		return;
	}
	append_json(line, value, &broken);
	if (!broken)
		return;
	buffer_append_string(line, ",\"value_hex\":\"");
	for (size_t i = 0; i < value.length; i++)
		buffer_printf(line, "%02x", (unsigned char)value.data[i]);
	buffer_append_char(line, '"');
}

enum row { ROW_VALUE, ROW_ABSENT, ROW_OTHERS };

static void append_json_row(const struct replay_count *count, enum row row, struct text value,
			    struct buffer *line)
{
	buffer_printf(line, "{\"field\":\"%s\",", name_of(count));
	if (row == ROW_OTHERS) {
		buffer_append_string(line, "\"others\":true");
		return;
	}
	buffer_append_string(line, "\"value\":");
	if (row == ROW_ABSENT)
		buffer_append_string(line, "null");
	else
		append_json_value(count, value, line);
}

/* A value that looks like a row without one stands in quotes, and so does an empty one. */
static void append_text_row(enum row row, struct text value, struct buffer *line)
{
	bool quotes = value.length == 0 || text_equal(value, TEXT("-")) || value.data[0] == '"' ||
		      value.data[0] == '(';

	if (row != ROW_VALUE) {
		buffer_append_string(line, row == ROW_ABSENT ? "-" : "(other values)");
		return;
	}
	if (quotes)
		buffer_append_char(line, '"');
	escape_append(line, value);
	if (quotes)
		buffer_append_char(line, '"');
}

static int put_row(const struct replay_count *count, const struct entry *entry, FILE *out,
		   int width)
{
	_cleanup_buffer_ struct buffer line = {};
	enum row row = entry->absent ? ROW_ABSENT : ROW_VALUE;
	struct text value = { entry->value, entry->length };

	if (width < 0) {
		append_json_row(count, row, value, &line);
		buffer_printf(&line, ",\"count\":%" PRIu64 "}\n", entry->count);
	} else {
		buffer_printf(&line, "%*" PRIu64 "  ", width, entry->count);
		append_text_row(row, value, &line);
		buffer_append_char(&line, '\n');
	}
	return line.error ?: format_put(out, (struct text){ line.data, line.length });
}

/* What is beyond the bounds is last, however much it is: it is no value. */
static int put_others(const struct replay_count *count, FILE *out, int width)
{
	_cleanup_buffer_ struct buffer line = {};

	if (count->others == 0)
		return 0;
	if (width < 0) {
		append_json_row(count, ROW_OTHERS, (struct text){}, &line);
		buffer_printf(&line, ",\"count\":%" PRIu64 "}\n", count->others);
	} else {
		buffer_printf(&line, "%*" PRIu64 "  ", width, count->others);
		append_text_row(ROW_OTHERS, (struct text){}, &line);
		buffer_append_char(&line, '\n');
	}
	return line.error ?: format_put(out, (struct text){ line.data, line.length });
}

static int width_of(const struct replay_count *count, const struct entry *most)
{
	uint64_t largest = most && most->count > count->others ? most->count : count->others;
	int width = 1;

	while (largest /= 10)
		width++;
	return width > 5 ? width : 5; /* "count" */
}

static int put_all(const struct replay_count *count, struct entry *const *sorted, size_t rows,
		   FILE *out, bool json)
{
	int width = json ? -1 : width_of(count, rows ? sorted[0] : NULL), r = 0;

	if (!json && (rows > 0 || count->others > 0) &&
	    fprintf(out, "%*s  %s\n", width, "count", name_of(count)) < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < rows; i++)
		r = put_row(count, sorted[i], out, width);
	return r == 0 ? put_others(count, out, width) : r;
}

int replay_count_write(const struct replay_count *count, FILE *out, bool json)
{
	struct entry absent = { .absent = true, .count = count->absent };
	_cleanup_free_ struct entry **sorted = calloc(count->count + 1, sizeof(*sorted));
	size_t rows = 0;

	if (!sorted)
		return -ENOMEM;
	for (struct entry *entry = count->entries; entry; entry = entry->hh.next)
		sorted[rows++] = entry;
	if (count->absent)
		sorted[rows++] = &absent;
	qsort(sorted, rows, sizeof(*sorted), by_count);
	return put_all(count, sorted, rows, out, json);
}
