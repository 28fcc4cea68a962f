// SPDX-License-Identifier: Apache-2.0
#include "trail/totals.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trail/summary.h"

#define SLOTS_LEAST 256u
#define LIST_MOST   TRAIL_HEADER_MOST /* bytes of one list that are kept: no element is longer */

struct trail_totals_item {
	uint64_t count;
	uint32_t hash;
	uint32_t offset; /* of its value in `values` */
	uint8_t type, length, encoding;
	bool met; /* by trail_totals_check() */
};

/* In the order in which they get room. */
static const uint8_t lists[] = { TRAIL_TERM_KIND, TRAIL_TERM_OPERATION, TRAIL_TERM_KEY,
				 TRAIL_TERM_USER, TRAIL_TERM_CONTAINER };

void trail_totals_clear(struct trail_totals *totals, uint64_t seed)
{
	if (totals->slots)
		memset(totals->slots, 0, totals->slot_count * sizeof(*totals->slots));
	buffer_clear(&totals->values);
	*totals = (struct trail_totals){
		.first_ns = UINT64_MAX,
		.items = totals->items,
		.item_room = totals->item_room,
		.values = totals->values,
		.slots = totals->slots,
		.slot_count = totals->slot_count,
		.seed = seed,
	};
}

void trail_totals_free(struct trail_totals *totals)
{
	free(totals->items);
	free(totals->slots);
	buffer_free(&totals->values);
	*totals = (struct trail_totals){};
}

/* ---- adding */

/* Its slot, or the free one where it would go. At least half of the table is free. */
static uint32_t *find_slot(const struct trail_totals *totals, unsigned int type,
			   const struct trail_summary_item *item, uint32_t hash)
{
	size_t mask = totals->slot_count - 1;

	for (size_t at = hash & mask;; at = (at + 1) & mask) {
		const struct trail_totals_item *other;

		if (!totals->slots[at])
			return &totals->slots[at];
		other = &totals->items[totals->slots[at] - 1];
		if (other->hash == hash && other->type == type && other->length == item->length &&
		    other->encoding == item->encoding &&
		    memcmp(totals->values.data + other->offset, item->value, item->length) == 0)
			return &totals->slots[at];
	}
}

static int grow_table(struct trail_totals *totals)
{
	size_t count = totals->slot_count ? 2 * totals->slot_count : SLOTS_LEAST;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < totals->item_count; i++) {
		size_t at = totals->items[i].hash & (count - 1);

		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(totals->slots);
	totals->slots = slots;
	totals->slot_count = count;
	return 0;
}

static int grow(struct trail_totals *totals)
{
	if (totals->item_count == totals->item_room) {
		size_t room = 2 * totals->item_room + 64;
		struct trail_totals_item *items = reallocarray(totals->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		totals->items = items;
		totals->item_room = room;
	}
	return 2 * (totals->item_count + 1) > totals->slot_count ? grow_table(totals) : 0;
}

static int add_item(struct trail_totals *totals, unsigned int type,
		    const struct trail_summary_item *item)
{
	uint32_t hash =
		trail_summary_hash(totals->seed ^ item->encoding, type, item->value, item->length);
	uint32_t *slot;
	int r = grow(totals);

	if (r < 0)
		return r;
	slot = find_slot(totals, type, item, hash);
	if (*slot) {
		totals->items[*slot - 1].count += item->count;
		return 0;
	}
	if (totals->list_bytes[type] > LIST_MOST) {
		totals->too_long |= 1u << type;
		return 0;
	}
	totals->list_bytes[type] += (uint32_t)sizeof(struct trail_disk_count) + item->length;
	totals->list_counts[type]++;
	totals->items[totals->item_count] = (struct trail_totals_item){
		.count = item->count,
		.hash = hash,
		.offset = (uint32_t)totals->values.length,
		.type = (uint8_t)type,
		.length = item->length,
		.encoding = item->encoding,
	};
	buffer_append(&totals->values, item->value, item->length);
	*slot = (uint32_t)++totals->item_count;
	return totals->values.error;
}

static int add_list(struct trail_totals *totals, const struct trail_summary_element *list)
{
	struct trail_summary_item item;
	size_t at = 0;
	int r;

	if (list->incomplete)
		totals->incomplete |= 1u << list->tag;
	while ((r = trail_summary_next_item(list, &at, &item)) > 0) {
		/* One that is known to lack values is not told. */
		if (totals->incomplete & 1u << list->tag)
			continue;
		r = add_item(totals, list->tag, &item);
		if (r < 0)
			return r;
	}
	return r;
}

static int add_frame(struct trail_totals *totals, const struct trail_header *header)
{
	struct trail_summary_element list;
	uint64_t first, last;
	size_t at = 0;
	int r;

	if (totals->frame_count == 0) {
		totals->first_frame = header->frame;
		totals->first_event = header->first_event;
	}
	totals->frame_count++;
	totals->event_count += header->event_count;
	if (header->first_event < totals->first_event)
		totals->first_event = header->first_event;
	r = trail_summary_time_range(header->summary, header->summary_length, &first, &last);
	if (r == 0 && first < totals->first_ns)
		totals->first_ns = first;
	if (r == 0 && last > totals->last_ns)
		totals->last_ns = last;
	if (r < 0 && r != -ENODATA)
		return r;
	while ((r = trail_summary_next(header->summary, header->summary_length, &at, &list)) > 0) {
		if (!trail_summary_is_list(list.tag))
			continue;
		r = add_list(totals, &list);
		if (r < 0)
			return r;
	}
	return r;
}

int trail_totals_add(struct trail_totals *totals, const struct trail_header *header)
{
	if (!totals->error)
		totals->error = add_frame(totals, header);
	return totals->error;
}

/* ---- telling */

static void encode_items(const struct trail_totals *totals, unsigned int type, struct buffer *out)
{
	for (size_t i = 0; i < totals->item_count; i++) {
		const struct trail_totals_item *item = &totals->items[i];
		uint32_t count = htole32((uint32_t)item->count);
		struct trail_disk_count disk = { .length = item->length,
						 .encoding = item->encoding };

		if (item->type != type)
			continue;
		memcpy(disk.count, &count, sizeof(disk.count));
		buffer_append(out, &disk, sizeof(disk));
		buffer_append(out, totals->values.data + item->offset, item->length);
	}
}

static bool counts_fit(const struct trail_totals *totals, unsigned int type)
{
	for (size_t i = 0; i < totals->item_count; i++)
		if (totals->items[i].type == type && totals->items[i].count > UINT32_MAX)
			return false;
	return true;
}

void trail_totals_encode(const struct trail_totals *totals, struct buffer *out)
{
	struct trail_disk_segment disk = { htole64(totals->first_frame),
					   htole64(totals->frame_count),
					   htole64(totals->first_event),
					   htole64(totals->event_count) };
	uint64_t range[2] = { htole64(totals->first_ns), htole64(totals->last_ns) };
	size_t begin = out->length, left = TRAIL_TOTALS_MOST;

	if (totals->error)
		return;
	trail_summary_append_tag(out, TRAIL_TAG_SEGMENT, 0, 0);
	buffer_append(out, &disk, sizeof(disk));
	if (totals->first_ns <= totals->last_ns)
		trail_summary_append(out, TRAIL_TAG_TIME_RANGE, range, sizeof(range));
	for (size_t i = 0; i < sizeof(lists); i++) {
		size_t length = totals->list_bytes[lists[i]];
		bool whole = !((totals->incomplete | totals->too_long) & 1u << lists[i]) &&
			     length <= left && counts_fit(totals, lists[i]);

		if (whole && length == 0)
			continue;
		trail_summary_append_tag(out, lists[i], whole ? 0 : TRAIL_TAG_INCOMPLETE,
					 whole ? length : 0);
		if (!whole)
			continue;
		encode_items(totals, lists[i], out);
		left -= length;
	}
	if (!out->error)
		trail_summary_set_length(out, begin);
}

/* ---- reading */

static int find_element(const struct trail_header *header, struct trail_summary_element *ret)
{
	size_t at = 0;
	int r;

	while ((r = trail_summary_next(header->summary, header->summary_length, &at, ret)) > 0)
		if (ret->tag == TRAIL_TAG_SEGMENT)
			return ret->length < sizeof(struct trail_disk_segment) ? -EBADMSG : 0;
	return r < 0 ? r : -ENOENT;
}

int trail_totals_decode(const struct trail_header *header, struct trail_header *ret_whole,
			uint64_t *ret_frame_count)
{
	struct trail_summary_element element;
	struct trail_disk_segment disk;
	int r = find_element(header, &element);

	if (r < 0)
		return r;
	memcpy(&disk, element.value, sizeof(disk));
	*ret_whole = (struct trail_header){
		.frame = le64toh(disk.first_frame),
		.first_event = le64toh(disk.first_event),
		.event_count = le64toh(disk.event_count),
		.summary = element.value + sizeof(disk),
		.summary_length = (uint32_t)(element.length - sizeof(disk)),
	};
	*ret_frame_count = le64toh(disk.frame_count);
	return 0;
}

/* A list that says that it is complete has the same items as this one; another one has none. */
static bool same_list(struct trail_totals *totals, const struct trail_summary_element *list)
{
	struct trail_summary_item item;
	size_t at = 0, count = 0;
	int r;

	if (list->incomplete)
		return list->length == 0;
	if ((totals->incomplete | totals->too_long) & 1u << list->tag)
		return false;
	while ((r = trail_summary_next_item(list, &at, &item)) > 0) {
		uint32_t hash = trail_summary_hash(totals->seed ^ item.encoding, list->tag,
						   item.value, item.length);
		uint32_t slot = totals->slot_count ? *find_slot(totals, list->tag, &item, hash) : 0;
		struct trail_totals_item *own = slot ? &totals->items[slot - 1] : NULL;

		if (!own || own->count != item.count || own->met)
			return false;
		own->met = true;
		count++;
	}
	return r == 0 && count == totals->list_counts[list->tag];
}

static bool same_lists(struct trail_totals *totals, const struct trail_header *whole)
{
	struct trail_summary_element list;
	uint32_t told = 0;
	size_t at = 0;
	int r;

	while ((r = trail_summary_next(whole->summary, whole->summary_length, &at, &list)) > 0) {
		if (!trail_summary_is_list(list.tag))
			continue;
		if (told & 1u << list.tag || !same_list(totals, &list))
			return false;
		told |= 1u << list.tag;
	}
	/* One that is not there says that no event has such a value. */
	for (size_t i = 0; i < sizeof(lists); i++)
		if (!(told & 1u << lists[i]) &&
		    (totals->list_counts[lists[i]] || totals->incomplete & 1u << lists[i]))
			return false;
	return r == 0;
}

int trail_totals_check(struct trail_totals *totals, const struct trail_header *header)
{
	uint64_t frame_count, first = UINT64_MAX, last = 0;
	struct trail_header whole;
	int r = trail_totals_decode(header, &whole, &frame_count);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = trail_summary_time_range(whole.summary, whole.summary_length, &first, &last);
	if (r < 0 && r != -ENODATA)
		return r;
	return whole.frame == totals->first_frame && frame_count == totals->frame_count &&
			       whole.first_event == totals->first_event &&
			       whole.event_count == totals->event_count &&
			       first == totals->first_ns && last == totals->last_ns &&
			       same_lists(totals, &whole)
		       ? 0
		       : -EBADMSG;
}
