/* SPDX-License-Identifier: Apache-2.0 */
/* A record as one line of JSON, and back; made from the table of fields. */
#pragma once

#include <stddef.h>

#include "event/field.h"

struct buffer;
struct record;

/*
 * Append the record as one JSON object (RFC 8259), no newline; fields in the order of the table,
 * save that those with a common prefix follow the first of them. An object of a list of objects has
 * the members that are known of it. An allocation that failed stands in the buffer's sticky error.
 *
 * The line is always UTF-8 and has no control character: C0, DEL, C1, U+2028, U+2029 and
 * bidirectional controls are escaped. Bytes that are not UTF-8 become U+FFFD, one each, and the
 * whole original follows as lower-case hexadecimal in a sibling "<name>_hex". Beside a list of
 * texts it is a list of the same length, with "" for each item that is right as it stands.
 *
 * The line begins {"@timestamp":"...","event":{"id":"...-N","sequence":N, where these are set, as
 * the trail's writer does; its verifier relies on it.
 */
void record_append_json(const struct record *record, struct buffer *buffer);

/*
 * The same for the fields from `first` to `last` alone, without the braces around the line: for a
 * record_part. They have to be all fields of one or more objects that stand in the line itself.
 */
void record_append_members(const struct record *record, enum field first, enum field last,
			   struct buffer *buffer);

/* A longer line, or one with a longer list, is no line of a trail. */
#define RECORD_LINE_MOST  (4u * 1024 * 1024)
#define RECORD_ITEMS_MOST 65536u

/*
 * Read one line of a trail into the record (emptied first), a newline at its end or not. Names that
 * this version does not know are skipped, and values that do not fit the type of their field; of a
 * name that stands twice the last one counts. A "<name>_hex" behind its field restores the original
 * bytes.
 *
 * What record_append_json() wrote is read back exactly, but for an object of a list of objects
 * without any member, if all are so.
 *
 * Returns 0; -EBADMSG if it is not a JSON object or its event.action is missing (an unknown action
 * is kept: record->event is EVENT_COUNT), deeper than 16 or larger than the bounds above; -ENOMEM.
 * On an error the record is empty.
 */
int record_parse_json(struct record *record, const char *line, size_t length);
