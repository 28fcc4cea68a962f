// SPDX-License-Identifier: Apache-2.0
#include "correlate/cause.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "event/record.h"

/* What a request says of who sent it; where a proxy passed it on, of who asked the proxy. */
static const struct {
	enum field sender, downstream, to[CAUSE_ROLES];
} parts[] = {
#define PART(sender, downstream, name)                                                             \
	{                                                                                          \
		sender, downstream,                                                                \
		{                                                                                  \
			FIELD_created_by_##name, FIELD_started_by_##name, FIELD_entered_by_##name  \
		}                                                                                  \
	}
	PART(FIELD_event_sequence, FIELD_event_sequence, sequence),
	PART(FIELD_user_id, FIELD_downstream_user_id, user_id),
	PART(FIELD_user_name, FIELD_downstream_user_name, user_name),
	PART(FIELD_user_audit_id, FIELD_COUNT, user_audit_id),
	PART(FIELD_user_audit_name, FIELD_COUNT, user_audit_name),
	PART(FIELD_session_id, FIELD_COUNT, session_id),
	PART(FIELD_process_pid, FIELD_downstream_process_pid, process_pid),
	PART(FIELD_process_entity_id, FIELD_downstream_process_entity_id, process_entity_id),
	PART(FIELD_process_name, FIELD_downstream_process_name, process_name),
	PART(FIELD_process_executable, FIELD_downstream_process_executable, process_executable),
#undef PART
};

#define SEQUENCE 0 /* its place among them */

/* A text with data NULL, and a number 0, are absent. */
struct cause {
	uint64_t numbers[ARRAY_SIZE(parts)];
	struct text texts[ARRAY_SIZE(parts)]; /* in `bytes` */
	char bytes[];
};

int cause_new(const struct record *record, struct cause **ret)
{
	bool passed_on = record_has(record, FIELD_downstream_process_pid);
	struct cause new = {}, *cause;
	size_t length = 0;
	char *at;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		enum field from = passed_on ? parts[i].downstream : parts[i].sender;

		if (from == FIELD_COUNT || !record_has(record, from))
			continue;
		if (field_rows[from].type == TYPE_str)
			new.texts[i] = record_text(record, from);
		else
			new.numbers[i] = record_number(record, from);
		length += new.texts[i].length;
	}
	cause = malloc(sizeof(*cause) + length);
	if (!cause)
		return -ENOMEM;
	*cause = new;
	at = cause->bytes;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!cause->texts[i].data)
			continue;
		memcpy(at, cause->texts[i].data, cause->texts[i].length);
		cause->texts[i].data = at;
		at += cause->texts[i].length;
	}
	*ret = cause;
	return 0;
}

void cause_free(struct cause *cause)
{
	free(cause);
}

uint64_t cause_sequence(const struct cause *cause)
{
	return cause->numbers[SEQUENCE];
}

bool cause_same_user(const struct cause *one, const struct cause *other)
{
	static const enum field same[] = { FIELD_created_by_user_id, FIELD_created_by_user_audit_id,
					   FIELD_created_by_session_id };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (size_t j = 0; j < ARRAY_SIZE(same); j++)
			if (parts[i].to[CAUSE_CREATED] == same[j] &&
			    (one->numbers[i] != other->numbers[i] ||
			     !text_equal(one->texts[i], other->texts[i])))
				return false;
	return true;
}

void cause_fill(const struct cause *cause, enum cause_role role, struct record *record)
{
	if (!cause || record_has(record, parts[SEQUENCE].to[role]))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (cause->texts[i].data)
			record_lend_text(record, parts[i].to[role], cause->texts[i]);
		else if (cause->numbers[i])
			record_set_number(record, parts[i].to[role], cause->numbers[i]);
	}
}
