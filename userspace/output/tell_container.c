// SPDX-License-Identifier: Apache-2.0
/* What a container was given, who came into it, how it ended. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "output/quantity.h"
#include "output/tell.h"

#define S(text) (int)(text).length, (text).data ? (text).data : ""

static void tell_which(const struct record *record, struct spans *spans)
{
	struct text name = record_text(record, FIELD_container_name);

	spans_add(spans, STYLE_id, 2, tell_short_id(record_text(record, FIELD_container_id)));
	if (name.length)
		spans_printf(spans, STYLE_plain, 2, "\"%.*s\"", S(name));
}

static const struct {
	enum field field;
	const char *name;
	bool usual; /* the engine shares it unless told otherwise */
} namespaces[] = {
	{ FIELD_namespaces_mnt, "mnt", false },      { FIELD_namespaces_pid, "pid", false },
	{ FIELD_namespaces_net, "net", false },      { FIELD_namespaces_ipc, "ipc", false },
	{ FIELD_namespaces_uts, "uts", false },      { FIELD_namespaces_user, "user", true },
	{ FIELD_namespaces_cgroup, "cgroup", true }, { FIELD_namespaces_time, "time", true },
};

static void tell_shared(const struct record *record, struct spans *spans)
{
	const char *before = "shares with the host:";

	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		if (!tell_is(record, namespaces[i].field, TEXT("host")))
			continue;
		spans_add(spans, namespaces[i].usual ? STYLE_dim : STYLE_alarm, before ? 2 : 0,
			  text_of(before ?: ","));
		spans_add(spans, namespaces[i].usual ? STYLE_dim : STYLE_alarm, 1,
			  text_of(namespaces[i].name));
		before = NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct text owner = record_text(record, namespaces[i].field);

		if (owner.length <= 10 || memcmp(owner.data, "container:", 10) != 0)
			continue;
		owner = tell_short_id((struct text){ owner.data + 10, owner.length - 10 });
		spans_printf(spans, STYLE_notice, 2, "%s of container %.*s", namespaces[i].name,
			     S(owner));
	}
}

static void tell_mounts(const struct record *record, struct spans *spans)
{
	struct text source, target;

	for (size_t i = 0; (source = record_item(record, FIELD_mounts_source, i)).length > 0; i++) {
		target = record_item(record, FIELD_mounts_target, i);
		spans_printf(spans, STYLE_alarm, 2, "has %.*s%s%.*s", S(source),
			     target.length ? " -> " : "", S(target));
		if (text_equal(record_item(record, FIELD_mounts_mode, i), TEXT("ro")))
			spans_add(spans, STYLE_plain, 1, TEXT("ro"));
	}
	if (record_has(record, FIELD_mounts_cut))
		spans_add(spans, STYLE_notice, 2, TEXT("and more of the host"));
}

/* Why it may be something else that is called like this container. */
static void tell_doubts(const struct record *record, struct spans *spans)
{
	struct text doubt;

	for (size_t i = 0; (doubt = record_item(record, FIELD_doubts, i)).length > 0; i++)
		spans_printf(spans, STYLE_alarm, 2, "doubtful: %.*s", S(doubt));
}

static void tell_limits(const struct record *record, struct spans *spans)
{
	char text[QUANTITY_MOST];

	if (record_has(record, FIELD_limits_memory))
		spans_printf(spans, STYLE_dim, 2, "memory %s",
			     quantity_bytes(record_number(record, FIELD_limits_memory), text));
	if (record_has(record, FIELD_limits_nano_cpus))
		spans_printf(spans, STYLE_dim, 2, "%.2g of a CPU",
			     (double)record_number(record, FIELD_limits_nano_cpus) / 1e9);
	if (record_has(record, FIELD_limits_pids))
		spans_printf(spans, STYLE_dim, 2, "%" PRIu64 " processes",
			     record_number(record, FIELD_limits_pids));
}

static void tell_differences(const struct record *record, struct spans *spans)
{
	size_t count = record_count(record, FIELD_difference_field);

	for (size_t i = 0; i < count; i++) {
		struct text request = record_item(record, FIELD_difference_request, i);

		spans_printf(spans, request.length ? STYLE_notice : STYLE_alarm, 2,
			     "%s%.*s is %.*s, declared %.*s",
			     request.length ? "updated: " : "NOT AS DECLARED: ",
			     S(record_item(record, FIELD_difference_field, i)),
			     S(record_item(record, FIELD_difference_actual, i)),
			     S(record_item(record, FIELD_difference_declared, i)));
		if (request.length)
			spans_printf(spans, STYLE_dim, 1, "(asked for by event %.*s)", S(request));
	}
}

struct cause_fields {
	enum field entity, reason, sequence, process_name, process_pid;
	/* Who they were before sudo goes before who they acted as. */
	enum field who[4];
	const char *verb, *act;
};

static void tell_cause(const struct record *record, const struct cause_fields *fields,
		       struct spans *spans)
{
	struct text who = {};

	if (!record_has(record, fields->sequence))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(fields->who) && !who.length; i++)
		who = record_text(record, fields->who[i]);
	spans_printf(spans, STYLE_dim, 2, "%s %.*s%s%.*s[%" PRIu64 "]", fields->verb, S(who),
		     who.length ? ": " : "", S(record_text(record, fields->process_name)),
		     record_number(record, fields->process_pid));
	spans_printf(spans, STYLE_dim, 1, "(event %" PRIu64 ")",
		     record_number(record, fields->sequence));
}

static void tell_reason(const struct record *record, const struct cause_fields *fields,
			struct spans *spans)
{
	struct text reason = record_text(record, fields->reason);
	size_t act = strlen(fields->act);

	if (reason.length == 0)
		return;
	if (reason.length <= act || memcmp(reason.data, fields->act, act) != 0) {
		spans_printf(spans, STYLE_dim, 2, "%s:", fields->act);
		spans_add_words(spans, STYLE_dim, 1, reason);
	} else {
		spans_add_words(spans, STYLE_dim, 2, reason);
	}
}

void tell_causes(const struct record *record, struct text asker, struct spans *spans)
{
#define CAUSE(name, did, words)                                                                    \
	{                                                                                          \
		.entity = FIELD_##name##_process_entity_id, .reason = FIELD_##name##_reason,       \
		.sequence = FIELD_##name##_sequence, .process_name = FIELD_##name##_process_name,  \
		.process_pid = FIELD_##name##_process_pid,                                         \
		.who = { FIELD_##name##_user_audit_name, FIELD_##name##_user_audit_id,             \
			 FIELD_##name##_user_name, FIELD_##name##_user_id },                       \
		.verb = words, .act = did                                                          \
	}
	static const struct cause_fields causes[] = {
		CAUSE(created_by, "made", "made by"),
		CAUSE(started_by, "started", "started by"),
		CAUSE(entered_by, "entered", "entered for"),
	};
#undef CAUSE

	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (asker.length == 0 || !text_equal(asker, record_text(record, causes[i].entity)))
			tell_cause(record, &causes[i], spans);
		tell_reason(record, &causes[i], spans);
	}
}

/* What it was given beyond what Docker gives without being told otherwise. */
static void tell_capabilities(const struct record *record, struct spans *spans)
{
	static const char usual[] =
		" CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID"
		" CAP_SETUID CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL"
		" CAP_AUDIT_WRITE ";
	const struct value *effective = &record->values[FIELD_capabilities_effective];
	bool all = effective->list.count > 30;

	if (!record_has(record, FIELD_capabilities_effective))
		return;
	spans_printf(spans, all ? STYLE_alarm : STYLE_plain, 2, "%zu capabilities",
		     effective->list.count);
	for (size_t i = 0; !all && i < effective->list.count; i++) {
		struct text name = effective->list.items[i];
		char word[40];

		snprintf(word, sizeof(word), " %.*s ", S(name));
		if (name.length > 4 && !strstr(usual, word))
			spans_printf(spans, STYLE_alarm, 1, "+%.*s", (int)name.length - 4,
				     name.data + 4);
	}
}

void tell_container_start(const struct record *record, struct telling *telling)
{
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	struct spans *rest = &telling->rest;

	spans_add(&telling->what, style, 1, record_text(record, FIELD_event_action));
	tell_which(record, rest);
	if (record_has(record, FIELD_process_pid))
		spans_printf(rest, STYLE_plain, 2, "init %" PRIu64,
			     record_number(record, FIELD_process_pid));
	tell_shared(record, rest);
	tell_capabilities(record, rest);
	if (tell_is(record, FIELD_seccomp, TEXT("off")))
		spans_add(rest, STYLE_notice, 2, TEXT("seccomp off"));
	else if (record_has(record, FIELD_seccomp))
		spans_add(rest, STYLE_plain, 2, TEXT("seccomp on"));
	tell_limits(record, rest);
	tell_mounts(record, rest);
	tell_doubts(record, rest);
	tell_differences(record, rest);
}

void tell_container_exit(const struct record *record, struct telling *telling)
{
	struct text signal = record_text(record, FIELD_exit_signal);
	struct spans *rest = &telling->rest;
	char text[QUANTITY_MOST];

	spans_add(&telling->what, STYLE_plain, 1, TEXT("container-exit"));
	tell_which(record, rest);
	if (record_has(record, FIELD_exit_code))
		spans_printf(rest,
			     record_number(record, FIELD_exit_code) ? STYLE_notice : STYLE_good, 2,
			     "exited %" PRIu64, record_number(record, FIELD_exit_code));
	if (signal.length)
		spans_printf(rest, STYLE_notice, 2, "killed by %.*s", S(signal));
	if (record_has(record, FIELD_event_duration))
		spans_printf(rest, STYLE_dim, 1, "after %s",
			     quantity_duration(record_number(record, FIELD_event_duration), text));
	if (record_has(record, FIELD_exit_out_of_memory) &&
	    record->values[FIELD_exit_out_of_memory].boolean)
		spans_add(rest, STYLE_alarm, 2, TEXT("out of memory"));
}

void tell_container_exec(const struct record *record, struct telling *telling)
{
	bool by_itself = tell_is(record, FIELD_exec_how, TEXT("namespaces"));
	struct spans *rest = &telling->rest;

	spans_add(&telling->what, by_itself ? STYLE_alarm : STYLE_notice, 1,
		  TEXT("container-exec"));
	tell_which(record, rest);
	tell_process(record, STYLE_plain, rest);
	tell_command(record, rest);
	if (by_itself)
		spans_add(rest, STYLE_alarm, 2, TEXT("by the container's namespaces"));
}

void tell_oom(const struct record *record, struct telling *telling)
{
	uint64_t memory = record_number(record, FIELD_oom_anonymous) +
			  record_number(record, FIELD_oom_file) +
			  record_number(record, FIELD_oom_shared);
	struct spans *rest = &telling->rest;
	char text[QUANTITY_MOST];

	spans_add(&telling->what, STYLE_alarm, 1, TEXT("oom-kill"));
	tell_which(record, rest);
	tell_process(record, STYLE_strong, rest);
	spans_printf(rest, STYLE_plain, 1, "with %s", quantity_bytes(memory, text));
	if (record_has(record, FIELD_oom_limit)) {
		spans_printf(rest, STYLE_plain, 2, "used %s",
			     quantity_bytes(record_number(record, FIELD_oom_usage), text));
		spans_printf(rest, STYLE_plain, 1, "of %s",
			     quantity_bytes(record_number(record, FIELD_oom_limit), text));
	} else {
		spans_add(rest, STYLE_alarm, 2, TEXT("the host had no memory left"));
	}
	if (record_number(record, FIELD_oom_trigger_process_pid) !=
	    record_number(record, FIELD_process_pid))
		spans_printf(rest, STYLE_plain, 2, "for %.*s[%" PRIu64 "]",
			     S(record_text(record, FIELD_oom_trigger_process_name)),
			     record_number(record, FIELD_oom_trigger_process_pid));
}

void tell_change(const struct record *record, struct telling *telling)
{
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	bool enters = record->event == EVENT_namespace_enter;
	bool host = tell_is(record, FIELD_target_type, TEXT("host"));
	const struct value *types = &record->values[FIELD_change_types];
	struct spans *rest = &telling->rest;

	spans_add(&telling->what, style, 1, record_text(record, FIELD_event_action));
	tell_which(record, rest);
	tell_process(record, STYLE_plain, rest);
	tell_command(record, rest);
	spans_add(rest, style, 2,
		  !enters ? TEXT("made its own:")
		  : host  ? TEXT("came into the host's:")
			  : TEXT("came into a container's:"));
	for (size_t i = 0; record_has(record, FIELD_change_types) && i < types->list.count; i++)
		spans_add(rest, style, 1, types->list.items[i]);
	if (enters && !host)
		tell_target(record, rest);
}

void tell_capability(const struct record *record, struct telling *telling)
{
	bool denied = tell_is(record, FIELD_capability_verdict, TEXT("denied"));
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	struct text program = record_text(record, FIELD_process_name);
	struct spans *rest = &telling->rest;

	if (!program.length)
		program = record_text(record, FIELD_process_executable);
	spans_add(&telling->what, style, 1, TEXT("capability-use"));
	tell_which(record, rest);
	spans_add(rest, style, 2, record_text(record, FIELD_capability_name));
	spans_add(rest, denied ? STYLE_notice : STYLE_plain, 1,
		  record_text(record, FIELD_capability_verdict));
	spans_printf(rest, STYLE_plain, 1, "x%" PRIu64,
		     record_number(record, FIELD_capability_count));
	if (record_has(record, FIELD_capability_borrowed))
		spans_add(rest, STYLE_dim, 1, TEXT("by the kernel's own credentials"));
	if (record_has(record, FIELD_capability_lumped))
		spans_add(rest, STYLE_dim, 1, TEXT("(any of its programs)"));
	else if (program.length)
		spans_printf(rest, STYLE_dim, 1, "(%.*s)", S(program));
}
