// SPDX-License-Identifier: Apache-2.0
#include "trail/summary.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define INCOMPLETE_MOST 256 /* bytes of a list that lacks values */

void trail_summary_clear(struct trail_summary *summary, uint64_t seed)
{
	memset(summary->slots, 0, sizeof(summary->slots));
	summary->used_bytes = 0;
	summary->kind_bytes = 0;
	summary->kinds = 0;
	summary->others = 0;
	summary->incomplete = 0;
	summary->first_ns = UINT64_MAX;
	summary->last_ns = 0;
	summary->seed = seed;
}

bool trail_summary_is_list(unsigned int tag)
{
	return (tag >= TRAIL_TAG_KIND && tag <= TRAIL_TAG_OPERATION) || tag == TRAIL_TAG_KEY;
}

int trail_summary_check(const struct trail_term *terms, size_t count)
{
	size_t kinds = 0;

	if (count > TRAIL_TERMS_MOST)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (!trail_summary_is_list(terms[i].type))
			return -EINVAL;
		if (terms[i].type != TRAIL_TERM_KIND)
			continue;
		kinds++;
		if (terms[i].length < 1 || terms[i].length > TRAIL_KIND_LENGTH_MOST)
			return -EINVAL;
	}
	return kinds == 1 ? 0 : -EINVAL;
}

uint32_t trail_summary_hash(uint64_t seed, unsigned int type, const void *value, size_t length)
{
	uint64_t hash = seed ^ ((uint64_t)type << 56 | length), word;
	const char *at = value;
	size_t left = length;

	for (; left >= sizeof(word); at += sizeof(word), left -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, at, left);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(hash >> 32) ^ (uint32_t)hash;
}

static uint32_t term_hash(const struct trail_summary *summary, const struct trail_term *term)
{
	return trail_summary_hash(summary->seed, term->type, term->value, term->length);
}

/* Its slot, or the free one where it would go. The table is never full: the entries are bounded. */
static struct trail_summary_slot *find_slot(const struct trail_summary *summary,
					    const struct trail_term *term, uint32_t hash)
{
	uint32_t at = hash & (TRAIL_SUMMARY_SLOTS - 1);

	for (;; at = (at + 1) & (TRAIL_SUMMARY_SLOTS - 1)) {
		const struct trail_summary_slot *slot = &summary->slots[at];

		if (slot->count == 0 ||
		    (slot->hash == hash && slot->type == term->type &&
		     slot->length == term->length &&
		     memcmp(summary->bytes + slot->offset, term->value, term->length) == 0))
			return (struct trail_summary_slot *)slot;
	}
}

bool trail_summary_fits(const struct trail_summary *summary, const struct trail_term *terms,
			size_t count)
{
	if (summary->kinds < TRAIL_KINDS_MOST)
		return true;
	for (size_t i = 0; i < count; i++)
		if (terms[i].type == TRAIL_TERM_KIND &&
		    find_slot(summary, &terms[i], term_hash(summary, &terms[i]))->count == 0)
			return false;
	return true;
}

static bool has_room(const struct trail_summary *summary, const struct trail_term *term)
{
	if (term->type == TRAIL_TERM_KIND)
		return summary->kinds < TRAIL_KINDS_MOST;
	return summary->others < TRAIL_SUMMARY_ENTRIES &&
	       summary->used_bytes - summary->kind_bytes + term->length <= TRAIL_SUMMARY_BYTES;
}

static void add_term(struct trail_summary *summary, const struct trail_term *term)
{
	struct trail_summary_slot *slot;
	uint32_t hash;

	if (term->length > TRAIL_TERM_LENGTH_MOST) {
		summary->incomplete |= 1u << term->type;
		return;
	}
	hash = term_hash(summary, term);
	slot = find_slot(summary, term, hash);
	if (slot->count > 0) {
		slot->count++;
		return;
	}
	if (!has_room(summary, term)) {
		summary->incomplete |= 1u << term->type;
		return;
	}
	*slot = (struct trail_summary_slot){
		.hash = hash,
		.count = 1,
		.offset = summary->used_bytes,
		.type = term->type,
		.length = (uint8_t)term->length,
	};
	memcpy(summary->bytes + summary->used_bytes, term->value, term->length);
	summary->used_bytes += term->length;
	if (term->type == TRAIL_TERM_KIND) {
		summary->kinds++;
		summary->kind_bytes += term->length;
	} else {
		summary->others++;
	}
}

static bool stands_before(const struct trail_term *terms, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (terms[i].type == terms[at].type && terms[i].length == terms[at].length &&
		    memcmp(terms[i].value, terms[at].value, terms[at].length) == 0)
			return true;
	return false;
}

void trail_summary_add(struct trail_summary *summary, uint64_t time_ns,
		       const struct trail_term *terms, size_t count)
{
	if (time_ns < summary->first_ns)
		summary->first_ns = time_ns;
	if (time_ns > summary->last_ns)
		summary->last_ns = time_ns;
	for (size_t i = 0; i < count; i++)
		if (terms[i].length > 0 && !stands_before(terms, i))
			add_term(summary, &terms[i]);
}

/* ---- encoding ---- */

void trail_summary_append_tag(struct buffer *out, unsigned int tag, unsigned int flags,
			      size_t length)
{
	struct trail_disk_tag disk = { htole16((uint16_t)tag), htole16((uint16_t)flags),
				       htole32((uint32_t)length) };

	buffer_append(out, &disk, sizeof(disk));
}

void trail_summary_append(struct buffer *out, unsigned int tag, const void *value, size_t length)
{
	trail_summary_append_tag(out, tag, 0, length);
	buffer_append(out, value, length);
}

void trail_summary_set_length(struct buffer *out, size_t begin)
{
	uint32_t length = htole32((uint32_t)(out->length - begin - sizeof(struct trail_disk_tag)));

	memcpy(out->data + begin + offsetof(struct trail_disk_tag, length), &length,
	       sizeof(length));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Ids of 64 digits make up most of a summary: half the bytes as binary. */
static bool is_hex(const char *value, size_t length)
{
	if (length < 16 || length % 2 != 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if (hex_digit(value[i]) < 0)
			return false;
	return true;
}

static void append_count(struct buffer *out, const char *value,
			 const struct trail_summary_slot *slot)
{
	bool hex = is_hex(value, slot->length);
	uint32_t count = htole32(slot->count);
	struct trail_disk_count disk = {
		.length = hex ? slot->length / 2 : slot->length,
		.encoding = hex ? TRAIL_HEX : TRAIL_TEXT,
	};

	memcpy(disk.count, &count, sizeof(disk.count));
	buffer_append(out, &disk, sizeof(disk));
	if (!hex) {
		buffer_append(out, value, slot->length);
		return;
	}
	for (size_t i = 0; i < slot->length; i += 2)
		buffer_append_char(out, (char)(hex_digit(value[i]) << 4 | hex_digit(value[i + 1])));
}

static size_t encoded_length(const char *value, size_t length)
{
	return sizeof(struct trail_disk_count) + (is_hex(value, length) ? length / 2 : length);
}

static int by_count(const void *a, const void *b)
{
	const struct trail_summary_slot *const *left = a, *const *right = b;

	if ((*left)->count != (*right)->count)
		return (*left)->count < (*right)->count ? 1 : -1;
	return (*left)->offset < (*right)->offset ? -1 : (*left)->offset > (*right)->offset;
}

/* The values of a list; how many bytes they take when they are all written. */
static size_t collect(const struct trail_summary *summary, unsigned int type,
		      const struct trail_summary_slot **ret_slots, size_t *ret_count)
{
	size_t length = 0;

	*ret_count = 0;
	for (size_t i = 0; i < TRAIL_SUMMARY_SLOTS; i++) {
		const struct trail_summary_slot *slot = &summary->slots[i];

		if (slot->count == 0 || slot->type != type)
			continue;
		ret_slots[(*ret_count)++] = slot;
		length += encoded_length(summary->bytes + slot->offset, slot->length);
	}
	return length;
}

/*
 * One list, the most frequent values first, as long as `out` stays within `budget`. Where not all
 * of them fit, the frame has to be read for whatever is not named: such a list is short.
 */
static bool encode_list(const struct trail_summary *summary, unsigned int type, size_t budget,
			struct buffer *out)
{
	const struct trail_summary_slot *sorted[TRAIL_SUMMARY_ENTRIES + TRAIL_KINDS_MOST];
	bool incomplete = summary->incomplete & 1u << type;
	size_t count, begin = out->length;
	size_t length = collect(summary, type, sorted, &count);
	struct trail_disk_tag disk;

	if (count == 0 && !incomplete)
		return false;
	trail_summary_append_tag(out, type, 0, 0);
	incomplete |= out->length + length > budget;
	if (incomplete && budget > out->length + INCOMPLETE_MOST)
		budget = out->length + INCOMPLETE_MOST;
	qsort(sorted, count, sizeof(sorted[0]), by_count);
	for (size_t i = 0; i < count; i++) {
		const char *value = summary->bytes + sorted[i]->offset;

		if (out->length + encoded_length(value, sorted[i]->length) <= budget)
			append_count(out, value, sorted[i]);
	}
	if (out->error)
		return false;
	disk = (struct trail_disk_tag){
		.tag = htole16((uint16_t)type),
		.flags = htole16(incomplete ? TRAIL_TAG_INCOMPLETE : 0),
		.length = htole32((uint32_t)(out->length - begin - sizeof(disk))),
	};
	memcpy(out->data + begin, &disk, sizeof(disk));
	return incomplete;
}

bool trail_summary_encode(const struct trail_summary *summary, uint64_t raw_length,
			  struct buffer *out)
{
	size_t budget = raw_length / 8 < TRAIL_SUMMARY_MOST ? raw_length / 8 : TRAIL_SUMMARY_MOST;
	uint64_t range[2] = { htole64(summary->first_ns), htole64(summary->last_ns) };
	size_t begin = out->length;
	bool incomplete = false;

	if (summary->first_ns <= summary->last_ns) {
		trail_summary_append(out, TRAIL_TAG_TIME_RANGE, range, sizeof(range));
	}
	encode_list(summary, TRAIL_TERM_KIND, SIZE_MAX, out);
	incomplete |= encode_list(summary, TRAIL_TERM_OPERATION, begin + budget, out);
	incomplete |= encode_list(summary, TRAIL_TERM_KEY, begin + budget, out);
	incomplete |= encode_list(summary, TRAIL_TERM_USER, begin + budget, out);
	incomplete |= encode_list(summary, TRAIL_TERM_CONTAINER, begin + budget, out);
	return incomplete;
}

/* ---- reading ---- */

int trail_summary_next(const uint8_t *summary, size_t length, size_t *at,
		       struct trail_summary_element *ret_element)
{
	struct trail_disk_tag disk;
	size_t value_length;

	if (*at == length)
		return 0;
	if (length - *at < sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, summary + *at, sizeof(disk));
	value_length = le32toh(disk.length);
	if (length - *at - sizeof(disk) < value_length)
		return -EBADMSG;
	*ret_element = (struct trail_summary_element){
		.tag = le16toh(disk.tag),
		.incomplete = le16toh(disk.flags) & TRAIL_TAG_INCOMPLETE,
		.value = summary + *at + sizeof(disk),
		.length = value_length,
	};
	*at += sizeof(disk) + value_length;
	return 1;
}

int trail_summary_next_item(const struct trail_summary_element *list, size_t *at,
			    struct trail_summary_item *ret_item)
{
	struct trail_disk_count disk;
	uint32_t count;

	if (*at == list->length)
		return 0;
	if (list->length - *at < sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, list->value + *at, sizeof(disk));
	if (list->length - *at - sizeof(disk) < disk.length || disk.encoding > TRAIL_HEX)
		return -EBADMSG;
	memcpy(&count, disk.count, sizeof(count));
	*ret_item = (struct trail_summary_item){
		.count = le32toh(count),
		.encoding = disk.encoding,
		.length = disk.length,
		.value = list->value + *at + sizeof(disk),
	};
	*at += sizeof(disk) + disk.length;
	return 1;
}

int trail_summary_next_count(const struct trail_summary_element *list, size_t *at,
			     struct trail_summary_count *ret_count)
{
	static const char digits[] = "0123456789abcdef";
	struct trail_summary_item item;
	int r = trail_summary_next_item(list, at, &item);

	if (r <= 0)
		return r;
	ret_count->count = item.count;
	if (item.encoding == TRAIL_TEXT) {
		memcpy(ret_count->value, item.value, item.length);
		ret_count->length = item.length;
	} else {
		for (size_t i = 0; i < item.length; i++) {
			ret_count->value[2 * i] = digits[item.value[i] >> 4];
			ret_count->value[2 * i + 1] = digits[item.value[i] & 15];
		}
		ret_count->length = 2u * item.length;
	}
	ret_count->value[ret_count->length] = '\0';
	return 1;
}

int trail_summary_find(const uint8_t *summary, size_t length, const struct trail_term *term,
		       uint64_t *ret_count)
{
	struct trail_summary_element list;
	struct trail_summary_count item;
	size_t at = 0;
	int r;

	while ((r = trail_summary_next(summary, length, &at, &list)) > 0) {
		size_t in_list = 0;

		if (list.tag != term->type)
			continue;
		while ((r = trail_summary_next_count(&list, &in_list, &item)) > 0)
			if (item.length == term->length &&
			    memcmp(item.value, term->value, item.length) == 0) {
				*ret_count = item.count;
				return 0;
			}
		if (r < 0)
			return r;
		if (list.incomplete)
			return -ENODATA;
		break;
	}
	if (r < 0)
		return r;
	*ret_count = 0;
	return 0;
}

int trail_summary_time_range(const uint8_t *summary, size_t length, uint64_t *ret_first_ns,
			     uint64_t *ret_last_ns)
{
	struct trail_summary_element element;
	uint64_t range[2];
	size_t at = 0;
	int r;

	while ((r = trail_summary_next(summary, length, &at, &element)) > 0) {
		if (element.tag != TRAIL_TAG_TIME_RANGE)
			continue;
		if (element.length != sizeof(range))
			return -EBADMSG;
		memcpy(range, element.value, sizeof(range));
		*ret_first_ns = le64toh(range[0]);
		*ret_last_ns = le64toh(range[1]);
		return 0;
	}
	return r < 0 ? r : -ENODATA;
}
