// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "output/escape.h"
#include "output/tell.h"

#define S(text) (int)(text).length, (text).data ? (text).data : ""

/* Of who came over the network no more is known than where from. */
static void tell_remote(const struct record *record, struct spans *spans)
{
	struct text source = record_text(record, FIELD_source_ip);
	struct text agent = record_text(record, FIELD_user_agent);

	if (!source.length)
		return;
	spans_printf(spans, STYLE_person, 2, "%.*s", S(source));
	spans_printf(spans, STYLE_plain, 1, "(over TCP, port %" PRIu64 ")",
		     record_number(record, FIELD_source_port));
	spans_add(spans, STYLE_plain, 3, agent);
}

void tell_user(const struct record *record, struct spans *spans)
{
	struct text name = record_text(record, FIELD_user_name),
		    id = record_text(record, FIELD_user_id);
	struct text audit_name = record_text(record, FIELD_user_audit_name);
	struct text audit_id = record_text(record, FIELD_user_audit_id);
	struct text effective = record_text(record, FIELD_user_effective_id);
	struct text address = record_text(record, FIELD_session_source_ip);
	bool other = audit_id.length && id.length && !text_equal(audit_id, id);
	struct text who = audit_name.length ? audit_name
			  : audit_id.length ? audit_id
			  : name.length     ? name
					    : id;

	if (!who.length) {
		tell_remote(record, spans);
		return;
	}
	spans_add(spans, STYLE_person, 2, who);
	if (audit_id.length)
		spans_printf(spans, STYLE_plain, 1, "(audit uid %.*s", S(audit_id));
	else
		spans_printf(spans, STYLE_plain, 1, "(uid %.*s, no login", S(id));
	if (record_has(record, FIELD_session_id))
		spans_printf(spans, STYLE_plain, 0, ", session %" PRIu64,
			     record_number(record, FIELD_session_id));
	if (address.length)
		spans_printf(spans, STYLE_person, 0, " from %.*s", S(address));
	spans_add(spans, STYLE_plain, 0, TEXT(")"));
	if (other) {
		spans_add(spans, STYLE_plain, 1, TEXT("as"));
		spans_add(spans, STYLE_notice, 1, name.length ? name : id);
	}
	if (effective.length && id.length && !text_equal(effective, id))
		spans_printf(spans, STYLE_notice, 1, "with the rights of uid %.*s", S(effective));
}

void tell_process(const struct record *record, enum style style, struct spans *spans)
{
	struct text name = record_text(record, FIELD_process_name);

	if (!record_has(record, FIELD_process_pid)) {
		spans_add(spans, style, 2, name);
		return;
	}
	spans_printf(spans, style, 2, "%.*s[%" PRIu64 "]", name.length ? (int)name.length : 1,
		     name.length ? name.data : "?", record_number(record, FIELD_process_pid));
}

static bool is_true(const struct record *record, enum field field)
{
	return record_has(record, field) && record->values[field].boolean;
}

static bool tell_arguments(const struct record *record, enum field field, enum field cut,
			   struct spans *spans)
{
	for (size_t i = 0; i < record_count(record, field); i++)
		spans_add_argument(spans, STYLE_strong, i == 0 ? 2 : 1,
				   record_item(record, field, i));
	if (record_count(record, field) && is_true(record, cut))
		spans_add(spans, STYLE_dim, 1, TEXT("... (longer than what is kept)"));
	return record_count(record, field) > 0;
}

void tell_command(const struct record *record, struct spans *spans)
{
	struct text executable = record_text(record, FIELD_process_executable);

	/* What the process runs, not what it says somebody else runs. */
	if (tell_arguments(record, FIELD_process_args, FIELD_process_args_cut, spans) ||
	    (!is_true(record, FIELD_audit_untrusted) &&
	     tell_arguments(record, FIELD_audit_command, FIELD_audit_cut, spans)))
		return;
	if (record_has(record, FIELD_source_ip) && !record_has(record, FIELD_process_pid))
		return;
	if (executable.length)
		spans_add(spans, STYLE_strong, 2, executable);
	else
		tell_process(record, STYLE_strong, spans);
	spans_add(spans, STYLE_dim, 1, TEXT("(command line not known)"));
}

/* "systemd[1]" stands above everything and tells nothing. */
static bool is_init(struct text ancestor)
{
	return ancestor.length > 3 && memcmp(ancestor.data + ancestor.length - 3, "[1]", 3) == 0;
}

static void tell_container(const struct record *record, struct spans *spans)
{
	struct text id = tell_short_id(record_text(record, FIELD_container_id));
	struct text name = record_text(record, FIELD_container_name);
	struct text image = record_text(record, FIELD_container_image_name);

	if (!id.length && !name.length)
		return;
	spans_add(spans, STYLE_notice, 2, TEXT("in container"));
	spans_add(spans, STYLE_id, 1, id);
	if (name.length)
		spans_printf(spans, STYLE_strong, 1, "\"%.*s\"", S(name));
	spans_add(spans, STYLE_plain, 1, image);
}

void tell_ancestry(const struct record *record, struct spans *spans)
{
	const struct value *ancestry = &record->values[FIELD_process_ancestry];
	size_t count = record_has(record, FIELD_process_ancestry) ? ancestry->list.count : 0;
	struct text parent = record_text(record, FIELD_process_parent_name);
	unsigned int gap = 2;

	tell_container(record, spans);
	if (count == 0 && parent.length) {
		spans_printf(spans, STYLE_dim, gap, "%.*s[%" PRIu64 "] >", S(parent),
			     record_number(record, FIELD_process_parent_pid));
		gap = 1;
	}
	for (size_t i = count; i-- > 0;) {
		struct text ancestor = ancestry->list.items[i];

		if (i == count - 1 && count > 1 && is_init(ancestor))
			continue;
		spans_printf(spans, STYLE_dim, gap, "%.*s >", S(ancestor));
		gap = 1;
	}
	if (record_has(record, FIELD_process_pid) || record_has(record, FIELD_process_name)) {
		size_t before = spans->count;

		tell_process(record, STYLE_plain, spans);
		if (spans->count > before)
			spans->items[before].gap = (uint8_t)gap;
	}
}
