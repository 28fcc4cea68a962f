/* SPDX-License-Identifier: Apache-2.0 */
/* A record as one line of JSON, and back; made from the table of fields. */
#pragma once

#include <stddef.h>

struct buffer;
struct record;

/*
 * Append the record as one JSON object (RFC 8259), fields in table order, no newline. Bytes that
 * are not UTF-8 become U+FFFD and the whole original follows as lower-case hex in a sibling
 * "<name>_hex"; control characters, DEL, U+2028, U+2029 and bidirectional controls are escaped. The
 * line always begins
 * {"@timestamp":"...","event":{"id":"...-N","sequence":N, : the trail's verifier relies on it.
 * An allocation that failed stands in the buffer's sticky error.
 */
void record_append_json(const struct record *record, struct buffer *buffer);

/*
 * Read one line of a trail into the record (emptied first). Names that this version does not know
 * are skipped. Returns 0; -EBADMSG if it is not a JSON object or its event.action is missing (an
 * unknown action is kept: record->event is EVENT_COUNT); -ENOMEM. Bounded in depth.
 */
int record_parse_json(struct record *record, const char *line, size_t length);
