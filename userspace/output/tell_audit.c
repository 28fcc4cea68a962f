// SPDX-License-Identifier: Apache-2.0
/* What the kernel's audit recorded. */
#include <inttypes.h>

#include "output/tell.h"

#define DIFF_LINES_TOLD 12

#define S(text) (int)(text).length, (text).data ? (text).data : ""

static void tell_error(const struct record *record, struct spans *spans)
{
	spans_add(spans, STYLE_notice, 1, record_text(record, FIELD_audit_error));
}

static void tell_untrusted(const struct record *record, struct spans *spans)
{
	if (record_has(record, FIELD_audit_untrusted) &&
	    record->values[FIELD_audit_untrusted].boolean)
		spans_add(spans, STYLE_notice, 2, TEXT("(its own word)"));
}

void tell_watch(const struct record *record, struct telling *telling)
{
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	struct text operation = record_text(record, FIELD_audit_operation);
	struct text path = record_text(record, FIELD_file_path);
	struct text key = record_item(record, FIELD_audit_keys, 0);

	spans_add(&telling->what, style, 1, operation.length ? operation : TEXT("watch-hit"));
	tell_error(record, &telling->what);
	spans_add(&telling->rest, STYLE_strong, 2, path);
	if (!path.length)
		spans_add(&telling->rest, STYLE_plain, 2, record_text(record, FIELD_audit_syscall));
	if (text_equal(operation, TEXT("rename")) &&
	    record_count(record, FIELD_audit_paths_name) > 2)
		spans_printf(&telling->rest, STYLE_plain, 2, "from %.*s",
			     S(record_item(record, FIELD_audit_paths_name, 2)));
	spans_add(&telling->rest, STYLE_dim, 2, key);
}

/* `changed contents, mode  /etc/docker/daemon.json  - "debug": false  + "debug": true` */
void tell_drift(const struct record *record, struct telling *telling)
{
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	size_t lines = record_count(record, FIELD_drift_diff);

	spans_add(&telling->what, style, 1, TEXT("changed"));
	for (size_t i = 0; i < record_count(record, FIELD_drift_changed); i++) {
		if (i > 0)
			spans_add(&telling->what, style, 0, TEXT(","));
		spans_add(&telling->what, style, 1, record_item(record, FIELD_drift_changed, i));
	}
	spans_add(&telling->rest, STYLE_strong, 2, record_text(record, FIELD_file_path));
	for (size_t i = 0; i < lines && i < DIFF_LINES_TOLD; i++) {
		struct text line = record_item(record, FIELD_drift_diff, i);

		spans_add(&telling->rest,
			  line.length && *line.data == '+' ? STYLE_good : STYLE_notice, 2, line);
	}
	if (lines > DIFF_LINES_TOLD)
		spans_printf(&telling->rest, STYLE_dim, 2, "and %zu lines more",
			     lines - DIFF_LINES_TOLD);
	if (!record_has(record, FIELD_drift_hit))
		spans_add(&telling->rest, STYLE_alarm, 2, TEXT("nobody was seen at it"));
}

void tell_audit_config(const struct record *record, struct telling *telling)
{
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	struct text operation = record_text(record, FIELD_audit_operation);

	spans_add(&telling->what, style, 1, TEXT("audit"));
	spans_add(&telling->what, style, 1, operation);
	spans_add_words(&telling->rest, STYLE_plain, 2, record_text(record, FIELD_audit_message));
}

void tell_session(const struct record *record, struct telling *telling)
{
	bool begins = record->event == EVENT_user_login;
	struct text address = record_text(record, FIELD_source_ip);

	spans_add(&telling->what, STYLE_plain, 1, begins ? TEXT("login") : TEXT("logout"));
	if (record_has(record, FIELD_session_id))
		spans_printf(&telling->rest, STYLE_plain, 2, "session %" PRIu64,
			     record_number(record, FIELD_session_id));
	if (address.length)
		spans_printf(&telling->rest, STYLE_person, 2, "from %.*s", S(address));
	if (text_equal(record_text(record, FIELD_event_outcome), TEXT("failure")))
		spans_add(&telling->rest, STYLE_notice, 2, TEXT("refused"));
	tell_untrusted(record, &telling->rest);
}

void tell_exec(const struct record *record, struct telling *telling)
{
	spans_add(&telling->what, STYLE_plain, 1, TEXT("runs"));
	tell_error(record, &telling->what);
	for (size_t i = 0; i < record_count(record, FIELD_audit_command); i++)
		spans_add_argument(&telling->rest, STYLE_plain, i == 0 ? 2 : 1,
				   record_item(record, FIELD_audit_command, i));
}

void tell_audit_message(const struct record *record, struct telling *telling)
{
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	bool contained = record_has(record, FIELD_container_id);

	spans_add(&telling->what, style, 1, contained ? TEXT("WRITES INTO AUDIT") : TEXT("says"));
	spans_add(&telling->rest, STYLE_plain, 2, record_item(record, FIELD_audit_types, 0));
	tell_untrusted(record, &telling->rest);
	if (record_count(record, FIELD_audit_command))
		spans_add(&telling->rest, STYLE_strong, 2,
			  record_item(record, FIELD_audit_command, 0));
	else
		spans_add(&telling->rest, STYLE_plain, 2, record_text(record, FIELD_audit_message));
}

void tell_log_import(const struct record *record, struct telling *telling)
{
	spans_add(&telling->what, STYLE_strong, 1, TEXT("log read in"));
	spans_add(&telling->rest, STYLE_strong, 2, record_text(record, FIELD_file_path));
	spans_printf(&telling->rest, STYLE_plain, 2, "%" PRIu64 " records, %" PRIu64 " events",
		     record_number(record, FIELD_import_records),
		     record_number(record, FIELD_import_events));
	if (record_number(record, FIELD_import_bad))
		spans_printf(&telling->rest, STYLE_notice, 2, "%" PRIu64 " lines are no records",
			     record_number(record, FIELD_import_bad));
	spans_printf(&telling->rest, STYLE_dim, 2, "SHA-256 %.*s",
		     S(record_text(record, FIELD_file_sha256)));
}
