// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "correlate/redact_private.h"
#include "event/record.h"

/* Words of ours, and what was masked by more than its looks. */
static bool is_looked_at(enum field field)
{
	switch (field) {
	case FIELD_request_id:
	case FIELD_api_operation:
	case FIELD_api_version:
	case FIELD_api_state:
	case FIELD_api_reason:
	case FIELD_api_raw:
	case FIELD_api_form:
	case FIELD_url_query:
	case FIELD_http_request_method:
	case FIELD_target_type:
	case FIELD_declared_command:
	case FIELD_audit_command:
		return false;
	case FIELD_container_name: /* both may come from a request, once */
	case FIELD_container_image_name:
		return true;
	default:
		return field_rows[field].group & (GROUP_REQUEST | GROUP_TARGET | GROUP_DECLARED |
						  GROUP_AUDIT | GROUP_FILE | GROUP_DRIFT);
	}
}

static uint64_t looked_at[ARRAY_SIZE((struct record){}.present)];

__attribute__((constructor)) static void find_looked_at(void)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		if (is_looked_at((enum field)field))
			looked_at[field / 64] |= 1ull << (field % 64);
}

struct look {
	struct redact *redact;
	struct record *record;
	struct buffer masked; /* room for one text after the other */
};

/*
 * Names of images, settings, paths without an id come again and again: what was looked at and left
 * as it is need not be looked at again.
 */
static struct redact_clean *clean_place(struct redact *redact, struct text text)
{
	uint64_t hash = text.length, word;

	if (text.length > REDACT_CLEAN_BYTES)
		return NULL;
	for (size_t i = 0; i < text.length; i += sizeof(word)) {
		word = 0;
		memcpy(&word, text.data + i,
		       text.length - i < sizeof(word) ? text.length - i : sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return &redact_clean(redact)[hash % REDACT_CLEAN_PLACES];
}

static bool is_clean(const struct redact_clean *place, struct text text)
{
	return place && place->length == text.length &&
	       memcmp(place->text, text.data, text.length) == 0;
}

/* Returns 0 or -ENOMEM; what is masked lies in the record's arena. */
static int look_at_text(struct look *look, bool encoded, struct text *text)
{
	struct redact_clean *place;
	const char *copy;

	if (text->length == 0)
		return 0;
	/* The same bytes may hide more where they are encoded. */
	place = encoded && memchr(text->data, '%', text->length) ? NULL
								 : clean_place(look->redact, *text);
	if (is_clean(place, *text))
		return 0;
	buffer_clear(&look->masked);
	redact_path(look->redact, *text, encoded, &look->masked);
	if (look->masked.error)
		return look->masked.error;
	if (text_equal(*text, (struct text){ look->masked.data, look->masked.length })) {
		if (place) {
			place->length = (uint8_t)text->length;
			memcpy(place->text, text->data, text->length);
		}
		return 0;
	}
	copy = arena_copy(look->record->arena, look->masked.data, look->masked.length);
	if (!copy)
		return -ENOMEM;
	*text = (struct text){ copy, look->masked.length };
	return 0;
}

static int look_at_field(struct look *look, enum field field)
{
	struct value *value = &look->record->values[field];
	int r = 0;

	if (field_rows[field].type == TYPE_str)
		return look_at_text(look, field == FIELD_url_path, &value->text);
	if (field_rows[field].type != TYPE_list)
		return 0;
	for (size_t i = 0; r == 0 && i < value->list.count; i++)
		r = look_at_text(look, false, &value->list.items[i]);
	return r;
}

static bool is_method(struct text method)
{
	static const char *const methods[] = { "GET",   "HEAD",    "POST",    "PUT",   "DELETE",
					       "PATCH", "OPTIONS", "CONNECT", "TRACE", "PRI" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (text_equal(method, text_of(methods[i])))
			return true;
	return false;
}

/* Of what is no request for sure the first word may be anything: the rest of a body, too. */
static int look_at_method(struct record *record)
{
	struct text method = record_text(record, FIELD_http_request_method);
	_cleanup_buffer_ struct buffer masked = {};

	if (is_method(method) ||
	    !text_equal(record_text(record, FIELD_api_state), TEXT("ambiguous")))
		return 0;
	redact_mask(&masked, method);
	if (masked.error)
		return masked.error;
	record_set_text(record, FIELD_http_request_method,
			(struct text){ masked.data, masked.length });
	return record->error;
}

int redact_record(struct redact *redact, struct record *record)
{
	struct look look = { .redact = redact, .record = record };
	int r = 0;

	for (size_t word = 0; word < ARRAY_SIZE(record->present); word++)
		for (uint64_t bits = record->present[word] & looked_at[word]; r == 0 && bits;
		     bits &= bits - 1)
			r = look_at_field(&look,
					  (enum field)(64 * word + (size_t)__builtin_ctzll(bits)));
	buffer_free(&look.masked);
	if (r == 0 && record_has(record, FIELD_http_request_method))
		r = look_at_method(record);
	return r;
}
