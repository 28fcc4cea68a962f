// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

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
		return false;
	case FIELD_container_name: /* both may come from a request, once */
	case FIELD_container_image_name:
		return true;
	default:
		return field_rows[field].group & (GROUP_REQUEST | GROUP_TARGET | GROUP_DECLARED);
	}
}

struct look {
	const struct redact *redact;
	struct record *record;
	struct buffer masked; /* room for one text after the other */
};

/* Returns 0 or -ENOMEM; what is masked lies in the record's arena. */
static int look_at_text(struct look *look, bool encoded, struct text *text)
{
	const char *copy;

	if (text->length == 0)
		return 0;
	buffer_clear(&look->masked);
	redact_path(look->redact, *text, encoded, &look->masked);
	if (look->masked.error)
		return look->masked.error;
	if (text_equal(*text, (struct text){ look->masked.data, look->masked.length }))
		return 0;
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

int redact_record(const struct redact *redact, struct record *record)
{
	struct look look = { .redact = redact, .record = record };
	int r = 0;

	for (size_t word = 0; word < ARRAY_SIZE(record->present); word++)
		for (uint64_t bits = record->present[word]; r == 0 && bits; bits &= bits - 1) {
			enum field field = (enum field)(64 * word + (size_t)__builtin_ctzll(bits));

			if (is_looked_at(field))
				r = look_at_field(&look, field);
		}
	buffer_free(&look.masked);
	if (r == 0 && record_has(record, FIELD_http_request_method))
		r = look_at_method(record);
	return r;
}
