// SPDX-License-Identifier: Apache-2.0
#include "output/tell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "output/quantity.h"

#define S(text) (int)(text).length, (text).data ? (text).data : ""

void tell_socket(const struct record *record, struct spans *spans)
{
	struct text source = record_text(record, FIELD_source_ip);

	spans_add(spans, STYLE_plain, 2, record_text(record, FIELD_socket_path));
	spans_add(spans, STYLE_plain, 2, record_text(record, FIELD_socket_address));
	if (source.length)
		spans_printf(spans, STYLE_plain, 1, "from %.*s port %" PRIu64, S(source),
			     record_number(record, FIELD_source_port));
}

/* The name is what the kernel returned; its meaning helps whoever does not know errno by heart. */
static const char *meaning_of_errno(struct text name)
{
	for (int number = 1; number < 134; number++) {
		const char *known = strerrorname_np(number);

		if (known && text_equal(text_of(known), name))
			return strerrordesc_np(number);
	}
	return NULL;
}

static void tell_connect(const struct record *record, struct telling *telling)
{
	struct text code = record_text(record, FIELD_error_code);
	const char *meaning = meaning_of_errno(code);

	if (!code.length) {
		spans_add(&telling->what, STYLE_plain, 1, TEXT("connected"));
		tell_socket(record, &telling->rest);
		return;
	}
	spans_add(&telling->what, STYLE_alarm, 1, TEXT("refused"));
	spans_add(&telling->what, STYLE_alarm, 1, code);
	tell_socket(record, &telling->rest);
	if (meaning)
		spans_add(&telling->rest, STYLE_dim, 2, text_of(meaning));
}

static void tell_present(const struct record *record, struct telling *telling)
{
	spans_add(&telling->what, STYLE_plain, 1, TEXT("connected before"));
	tell_socket(record, &telling->rest);
	spans_add(&telling->rest, STYLE_dim, 2,
		  TEXT("open when recording began: what it asked earlier was not seen"));
}

static void tell_close(const struct record *record, struct telling *telling)
{
	char text[QUANTITY_MOST];

	spans_add(&telling->what, STYLE_plain, 1, TEXT("disconnected"));
	tell_socket(record, &telling->rest);
	if (record_has(record, FIELD_close_requests)) {
		uint64_t requests = record_number(record, FIELD_close_requests);

		spans_printf(&telling->rest, STYLE_plain, 2, "%" PRIu64 " request%s", requests,
			     requests == 1 ? "" : "s");
	}
	if (record_has(record, FIELD_close_bytes_sent))
		spans_printf(&telling->rest, STYLE_plain, 2, "sent %s",
			     quantity_bytes(record_number(record, FIELD_close_bytes_sent), text));
	if (record_has(record, FIELD_close_bytes_received))
		spans_printf(
			&telling->rest, STYLE_plain, 2, "received %s",
			quantity_bytes(record_number(record, FIELD_close_bytes_received), text));
	if (record_has(record, FIELD_close_duration))
		spans_printf(&telling->rest, STYLE_dim, 2, "after %s",
			     quantity_duration(record_number(record, FIELD_close_duration), text));
}

static void tell_list(const struct record *record, enum field field, const char *before,
		      struct spans *spans)
{
	const struct value *value = &record->values[field];

	if (!record_has(record, field))
		return;
	for (size_t i = 0; i < value->list.count; i++) {
		struct text item = value->list.items[i];

		if (i == 0)
			spans_add_words(spans, STYLE_dim, 2, text_of(before));
		spans_add_words(spans, STYLE_plain, 1, item);
		if (i + 1 < value->list.count)
			spans_add(spans, STYLE_plain, 0, TEXT(";"));
	}
}

/* Of "ring_full", also where the message that was lost stands before it: "socket_piece: ring_full".
 */
static const char *meaning_of_loss(struct text reason)
{
	const char *colon = reason.length ? memrchr(reason.data, ' ', reason.length) : NULL;

	if (colon) {
		reason.length -= (size_t)(colon + 1 - reason.data);
		reason.data = colon + 1;
	}
#define LOSS_MEANING(name, meaning)                                                                \
	if (text_equal(reason, TEXT(#name)))                                                       \
		return meaning;
	LOSSES(LOSS_MEANING)
#undef LOSS_MEANING
	return NULL;
}

static void tell_loss(const struct record *record, struct telling *telling)
{
	struct text reason = record_text(record, FIELD_loss_reason);
	struct text ring = record_text(record, FIELD_loss_ring);
	const char *meaning = meaning_of_loss(reason);
	uint64_t records = record_number(record, FIELD_loss_records);
	uint64_t turns = record_number(record, FIELD_loss_turns);
	struct spans *rest = &telling->rest;
	char text[QUANTITY_MOST];

	spans_add(&telling->what, STYLE_alarm, 1, TEXT("NOT RECORDED"));
	/* A turn is one request, but for a client that pipelines. */
	if (turns)
		spans_printf(rest, STYLE_alarm, 2, "about %" PRIu64 " request%s", turns,
			     turns == 1 ? "" : "s");
	if (record_has(record, FIELD_loss_records))
		spans_printf(rest, STYLE_notice, 2, "%" PRIu64 " record%s", records,
			     records == 1 ? "" : "s");
	if (record_number(record, FIELD_loss_bytes))
		spans_add(rest, STYLE_notice, 2,
			  text_of(quantity_bytes(record_number(record, FIELD_loss_bytes), text)));
	spans_add(rest, STYLE_plain, 2, reason);
	if (ring.length)
		spans_printf(rest, STYLE_plain, 1, "(%.*s)", S(ring));
	tell_socket(record, rest);
	if (meaning)
		spans_add_words(rest, STYLE_dim, 2, text_of(meaning));
}

/* "/run/docker.sock=2214": the path, and its inode or "absent". */
static struct text path_of_socket(struct text item, struct text *ret_state)
{
	const char *equals = item.length ? memrchr(item.data, '=', item.length) : NULL;

	*ret_state = (struct text){};
	if (!equals)
		return item;
	ret_state->data = equals + 1;
	ret_state->length = item.length - (size_t)(equals + 1 - item.data);
	item.length = (size_t)(equals - item.data);
	return item;
}

static bool ends_in(struct text text, struct text end)
{
	return text.length >= end.length &&
	       memcmp(text.data + text.length - end.length, end.data, end.length) == 0;
}

/* One file by two paths, as /run and /var/run are; where it is absent only the paths can tell. */
static bool is_same_socket(struct text item, struct text before)
{
	struct text state, state_before;
	struct text path = path_of_socket(item, &state);
	struct text path_before = path_of_socket(before, &state_before);

	if (!text_equal(state, state_before))
		return false;
	return !text_equal(state, TEXT("absent")) ||
	       (path.length == path_before.length + 4 && ends_in(path, path_before)) ||
	       (path_before.length == path.length + 4 && ends_in(path_before, path));
}

static void tell_sockets(const struct record *record, struct spans *spans)
{
	const struct value *value = &record->values[FIELD_recorder_sockets];
	const char *comma = "";

	if (!record_has(record, FIELD_recorder_sockets) || value->list.count == 0)
		return;
	spans_add(spans, STYLE_dim, 2, TEXT("watching"));
	for (size_t i = 0; i < value->list.count; i++) {
		struct text state, path = path_of_socket(value->list.items[i], &state);
		size_t j = 0;

		while (j < i && !is_same_socket(value->list.items[i], value->list.items[j]))
			j++;
		if (j < i)
			continue;
		spans_add(spans, STYLE_plain, 0, text_of(comma));
		spans_add(spans, STYLE_plain, 1, path);
		if (text_equal(state, TEXT("absent")))
			spans_add(spans, STYLE_notice, 1, TEXT("(absent)"));
		comma = ",";
	}
}

/* At the start a list of sentences would be all that is seen; where hooks degrade it is the news.
 */
static void tell_blind(const struct record *record, struct spans *spans)
{
	size_t count = record_has(record, FIELD_recorder_blind)
			       ? record->values[FIELD_recorder_blind].list.count
			       : 0;

	if (record->event != EVENT_recorder_start)
		tell_list(record, FIELD_recorder_blind, "cannot see:", spans);
	else if (count > 0)
		spans_printf(spans, STYLE_dim, 2,
			     "cannot see: %zu thing%s (docktrail status tells)", count,
			     count == 1 ? "" : "s");
}

static void tell_recorder(const struct record *record, struct telling *telling)
{
	static const struct {
		enum event event;
		const char *what;
	} words[] = {
		{ EVENT_recorder_start, "recording began" },
		{ EVENT_recorder_stop, "recording ended" },
		{ EVENT_recorder_heartbeat, "recorder alive" },
		{ EVENT_recorder_degraded, "RECORDER DEGRADED" },
		{ EVENT_recorder_recovery, "trail taken up again" },
		{ EVENT_recorder_sockets, "sockets changed" },
		{ EVENT_recorder_newchain, "TRAIL BEGUN ANEW" },
		{ EVENT_recorder_pruned, "old payloads dropped" },
		{ EVENT_clock_step, "clock was set" },
	};
	struct text version = record_text(record, FIELD_recorder_version);
	struct text kernel = record_text(record, FIELD_recorder_kernel);
	enum style style = style_of_severity(record_number(record, FIELD_event_severity));
	char text[QUANTITY_MOST];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].event == record->event)
			spans_add(&telling->what, style == STYLE_plain ? STYLE_strong : style, 1,
				  text_of(words[i].what));
	if (record->event == EVENT_recorder_heartbeat)
		return;
	spans_add_words(&telling->rest, STYLE_plain, 2, record_text(record, FIELD_recorder_reason));
	if (version.length)
		spans_printf(&telling->rest, STYLE_plain, 2, "docktrail %.*s", S(version));
	if (kernel.length)
		spans_printf(&telling->rest, STYLE_plain, 2, "Linux %.*s", S(kernel));
	if (record_has(record, FIELD_recorder_clock_step_ns)) {
		int64_t step = record->values[FIELD_recorder_clock_step_ns].integer;
		uint64_t amount = step < 0 ? -(uint64_t)step : (uint64_t)step;

		spans_printf(&telling->rest, STYLE_notice, 2, "%s by %s",
			     step < 0 ? "back" : "forward", quantity_duration(amount, text));
	}
	if (record_number(record, FIELD_recorder_pruned_frames))
		spans_printf(&telling->rest, STYLE_plain, 2, "%" PRIu64 " events of %.*s",
			     record_number(record, FIELD_recorder_pruned_events),
			     S(record_text(record, FIELD_recorder_pruned_class)));
	if (record_number(record, FIELD_recorder_torn_bytes))
		spans_printf(
			&telling->rest, STYLE_notice, 2, "%s of an unfinished end kept in torn/",
			quantity_bytes(record_number(record, FIELD_recorder_torn_bytes), text));
	tell_sockets(record, &telling->rest);
	tell_blind(record, &telling->rest);
}

/* Whose request it is that a proxy passes on. */
static void tell_proxy(const struct record *record, struct spans *spans)
{
	struct text name = record_text(record, FIELD_downstream_process_name);
	struct text user = record_text(record, FIELD_downstream_user_name);

	if (record_has(record, FIELD_downstream_process_pid))
		spans_printf(spans, STYLE_notice, 2, "passed on for %.*s[%" PRIu64 "]%s%.*s",
			     S(name), record_number(record, FIELD_downstream_process_pid),
			     user.length ? " by " : "", S(user));
	else if (record_has(record, FIELD_proxy_listens))
		spans_add(spans, STYLE_notice, 2, TEXT("behind a proxy"));
}

static void tell_request(const struct record *record, struct telling *telling)
{
	struct text state = record_text(record, FIELD_api_state);
	struct text reason = record_text(record, FIELD_api_reason);
	struct text connector = record_text(record, FIELD_connector_process_name);
	struct text connector_user = record_text(record, FIELD_connector_user_name);
	uint64_t severity = record_number(record, FIELD_event_severity);
	struct spans *rest = &telling->rest;
	char text[QUANTITY_MOST];
	bool pending = text_equal(state, TEXT("pending"));
	bool odd = state.length && !pending && !text_equal(state, TEXT("complete")) &&
		   !text_equal(state, TEXT("hijacked"));

	if (text_equal(state, TEXT("encrypted"))) {
		spans_add(&telling->what, STYLE_notice, 1, TEXT("encrypted"));
		tell_socket(record, rest);
		return;
	}
	tell_operation(record, style_of_severity(severity), &telling->what);
	tell_status(record, &telling->what);
	if (pending && !record_has(record, FIELD_http_response_status_code))
		spans_add(&telling->what, STYLE_dim, 1, TEXT("pending"));
	tell_target(record, rest);
	tell_query(record, rest);
	tell_declared(record, rest);
	if (odd)
		spans_printf(rest,
			     text_equal(state, TEXT("ambiguous")) ? STYLE_alarm : STYLE_notice, 2,
			     "%.*s%s%.*s", S(state), reason.length ? ": " : "", S(reason));
	else if (reason.length)
		spans_add(rest, STYLE_notice, 2, reason);
	if (record_has(record, FIELD_api_raw)) {
		spans_add(rest, STYLE_dim, 2, TEXT("received: "));
		spans_add(rest, STYLE_plain, 0, record_text(record, FIELD_api_raw));
	}
	if (record_has(record, FIELD_connector_process_pid))
		spans_printf(rest, STYLE_notice, 2, "over a connection of %.*s[%" PRIu64 "]%s%.*s",
			     S(connector), record_number(record, FIELD_connector_process_pid),
			     connector_user.length ? " by " : "", S(connector_user));
	tell_proxy(record, rest);
	if (!pending && record_number(record, FIELD_event_duration) >= NS_PER_SECOND)
		spans_printf(rest, STYLE_dim, 2, "after %s",
			     quantity_duration(record_number(record, FIELD_event_duration), text));
}

static void tell_answer(const struct record *record, struct telling *telling)
{
	char text[QUANTITY_MOST];

	if (record_has(record, FIELD_api_operation) || record_has(record, FIELD_url_path))
		tell_operation(record, STYLE_plain, &telling->what);
	else
		spans_add(&telling->what, STYLE_plain, 1, TEXT("answered"));
	tell_status(record, &telling->what);
	tell_target(record, &telling->rest);
	if (record_has(record, FIELD_event_duration))
		spans_printf(&telling->rest, STYLE_dim, 2, "after %s",
			     quantity_duration(record_number(record, FIELD_event_duration), text));
}

/* An event of a later version, or one that has no words of its own yet: its name is in the trail.
 */
static void tell_other(const struct record *record, struct telling *telling)
{
	uint64_t severity = record_number(record, FIELD_event_severity);
	struct text code = record_text(record, FIELD_error_code);

	spans_add(&telling->what, style_of_severity(severity), 1,
		  record_text(record, FIELD_event_action));
	tell_target(record, &telling->rest);
	spans_add_words(&telling->rest, STYLE_plain, 2, record_text(record, FIELD_recorder_reason));
	spans_add(&telling->rest, STYLE_notice, 2, code);
}

int tell(const struct record *record, struct telling *telling)
{
	static void (*const tellers[EVENT_COUNT])(const struct record *, struct telling *) = {
		[EVENT_socket_connect] = tell_connect,
		[EVENT_socket_close] = tell_close,
		[EVENT_socket_present] = tell_present,
		[EVENT_api_request] = tell_request,
		[EVENT_api_answer] = tell_answer,
		[EVENT_engine_listen] = tell_listen,
		[EVENT_container_start] = tell_container_start,
		[EVENT_container_present] = tell_container_start,
		[EVENT_container_exit] = tell_container_exit,
		[EVENT_container_exec] = tell_container_exec,
		[EVENT_namespace_enter] = tell_change,
		[EVENT_namespace_create] = tell_change,
		[EVENT_capability_use] = tell_capability,
		[EVENT_oom_kill] = tell_oom,
		[EVENT_watch_hit] = tell_watch,
		[EVENT_watch_drift] = tell_drift,
		[EVENT_audit_config] = tell_audit_config,
		[EVENT_user_login] = tell_session,
		[EVENT_user_logout] = tell_session,
		[EVENT_process_exec] = tell_exec,
		[EVENT_audit_message] = tell_audit_message,
		[EVENT_log_import] = tell_log_import,
		[EVENT_recorder_start] = tell_recorder,
		[EVENT_recorder_stop] = tell_recorder,
		[EVENT_recorder_heartbeat] = tell_recorder,
		[EVENT_recorder_loss] = tell_loss,
		[EVENT_recorder_degraded] = tell_recorder,
		[EVENT_recorder_recovery] = tell_recorder,
		[EVENT_recorder_sockets] = tell_recorder,
		[EVENT_recorder_newchain] = tell_recorder,
		[EVENT_recorder_pruned] = tell_recorder,
		[EVENT_clock_step] = tell_recorder,
	};

	telling_clear(telling);
	if (record->event < EVENT_COUNT && tellers[record->event])
		tellers[record->event](record, telling);
	else
		tell_other(record, telling);
	return spans_error(&telling->what) ?: spans_error(&telling->rest);
}

void telling_clear(struct telling *telling)
{
	spans_clear(&telling->what);
	spans_clear(&telling->rest);
}

void telling_free(struct telling *telling)
{
	if (!telling)
		return;
	spans_free(&telling->what);
	spans_free(&telling->rest);
}
