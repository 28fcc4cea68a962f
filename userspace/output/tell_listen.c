// SPDX-License-Identifier: Apache-2.0
/* Who listens in an engine's place. */
#include <inttypes.h>

#include "output/tell.h"

#define S(text) (int)(text).length, (text).data ? (text).data : ""

static struct text what_of(const struct record *record)
{
	if (tell_is(record, FIELD_socket_protocol, TEXT("http")))
		return TEXT("LISTENS WITHOUT TLS");
	if (record_number(record, FIELD_event_severity) >= 75)
		return record_has(record, FIELD_listener_previous_pid)
			       ? TEXT("LISTENS IN ITS PLACE")
			       : TEXT("LISTENS ON TCP");
	return TEXT("listens");
}

void tell_listen(const struct record *record, struct telling *telling)
{
	struct text program = record_text(record, FIELD_listener_previous_executable);
	struct text user = record_text(record, FIELD_listener_previous_user_id);
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));

	spans_add(&telling->what, style, 1, what_of(record));
	tell_socket(record, &telling->rest);
	spans_add_words(&telling->rest, STYLE_plain, 2, record_text(record, FIELD_listener_reason));
	if (!record_has(record, FIELD_listener_previous_pid))
		return;
	spans_printf(&telling->rest, STYLE_notice, 2, "before: %.*s[%" PRIu64 "]", S(program),
		     record_number(record, FIELD_listener_previous_pid));
	if (user.length)
		spans_printf(&telling->rest, STYLE_notice, 1, "of uid %.*s", S(user));
}
