/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event on its way to the trail, or read back from it: a value for each field that is known.
 * Unknown is absent, never 0 or "". Reused from event to event, so that the hot path does not
 * allocate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "event/field.h"

struct value {
	union {
		uint64_t number;            /* TYPE_u64, TYPE_time (ns since 1970) */
		int64_t integer;            /* TYPE_i64 */
		bool boolean;               /* TYPE_bool */
		struct text text;           /* TYPE_str */
		struct {                    /* TYPE_list */
			struct text *items; /* an item with data NULL is absent (a hole in a list of
					       objects) */
			size_t count;
		} list;
	};
};

/* Members of a line that are written already: those of the fields from `first` to `last`. */
struct record_part {
	enum field first, last;
	struct text json;
};

struct record {
	enum event event;
	uint64_t present[(FIELD_COUNT + 63) / 64];
	struct value values[FIELD_COUNT];
	struct arena *arena;     /* owns the bytes of the values */
	struct record_part part; /* json.data NULL: none */
	int error; /* sticky, of the setters: -ENOMEM, or -EINVAL: not the field's type */
};

/* A new, empty record. Returns 0 or -ENOMEM. */
int record_new(struct record **ret);
/* Takes NULL. */
void record_free(struct record *record);

/*
 * Empty it and begin an event: event.kind, category, type, action, severity and outcome "unknown"
 * are set from the table. Everything that was read from it before is gone. With EVENT_COUNT it is
 * only emptied.
 */
void record_begin(struct record *record, enum event event);

/*
 * Setters copy what they are given. An empty text is "known to be empty"; do not set what is not
 * known: a text whose data is NULL sets nothing. A setter that fails leaves the field as it was and
 * sets record->error.
 */
void record_set_text(struct record *record, enum field field, struct text text);
void record_set_string(struct record *record, enum field field, const char *string);
void record_set_number(struct record *record, enum field field,
		       uint64_t number); /* u64, time; a str field gets the digits */
void record_set_integer(struct record *record, enum field field, int64_t integer);
void record_set_boolean(struct record *record, enum field field, bool boolean);
void record_add_text(
	struct record *record, enum field field,
	struct text item); /* appends to a list; data NULL: a hole in a column, else nothing */
/* Known to have no items. For a column of a list of objects: the list has no objects, so that all
 * its columns become empty. */
void record_set_empty_list(struct record *record, enum field field);
/* The same as set_text and add_text without the copy: the bytes are static, lie in record->arena,
 * or stay where they are until the event has been written. */
void record_lend_text(struct record *record, enum field field, struct text text);
void record_lend_item(struct record *record, enum field field, struct text item);
/*
 * Lend all that `from` knows, which stays as it is until the event has been written. `part` is what
 * record_append_members() made of it: it goes into the line as it stands, unless one of its fields
 * is set otherwise.
 */
void record_lend_all(struct record *record, const struct record *from,
		     const struct record_part *part);
/* Become the same event, with bytes of its own. A failed allocation is kept in to->error. */
void record_copy(struct record *to, const struct record *from);

/* What `from` knows of these groups (GROUP_ bits), copied over what is there. */
void record_copy_groups(struct record *to, const struct record *from, unsigned int groups);

/* The field is absent again. */
void record_unset(struct record *record, enum field field);
/* event.severity becomes at least this. */
void record_raise_severity(struct record *record, unsigned int severity);

static inline bool record_has(const struct record *record, enum field field)
{
	return record->present[field / 64] >> (field % 64) & 1;
}

/* The value, or an empty text (data NULL) or 0 where it is absent. Valid until the next
 * record_begin(). */
struct text record_text(const struct record *record, enum field field);
uint64_t record_number(const struct record *record, enum field field);
/* How many items a list has, and one of them; 0 and an empty text where there is none. */
size_t record_count(const struct record *record, enum field field);
struct text record_item(const struct record *record, enum field field, size_t index);

#define _cleanup_record_ __attribute__((cleanup(record_freep)))
static inline void record_freep(struct record **record)
{
	record_free(*record);
}
