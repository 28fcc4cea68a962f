// SPDX-License-Identifier: Apache-2.0
#include "correlate/witness.h"

#include <errno.h>
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "correlate/audit_assemble.h"
#include "correlate/audit_tell.h"
#include "correlate/sessions.h"
#include "correlate/started.h"
#include "correlate/witness_private.h"
#include "event/record.h"

/* The probes' messages of who was forked, and of its container, come up to this much later. */
#define SETTLE_NS 150000000ull
/*
 * Audit stamps a call when it begins, with the time of the last tick; a probe while it is under
 * way. A connect that has to wait for its place takes as long as that.
 */
#define BEFORE_NS (20 * NS_PER_MS)
#define AFTER_NS  (5 * NS_PER_SECOND)

/* ---- waiting */

static bool tell_same(struct witness *witness, const struct act *act);

static struct act *take_at(struct witness *witness, struct act **at)
{
	struct act *act = *at;

	*at = act->next;
	if (!act->next)
		witness->acts_end = at;
	witness->act_count--;
	witness->isolation_count -= witness_is_about_isolation(&act->act);
	return act;
}

static void give_back(struct witness *witness, struct act *act)
{
	act->next = witness->spare;
	witness->spare = act;
}

static void tell_first(struct witness *witness)
{
	struct act *act = take_at(witness, &witness->acts);

	witness_tell(witness, act);
	give_back(witness, act);
}

/* Kinds wait for different times: those that are due, in their order. */
static void tell_acts(struct witness *witness, uint64_t now)
{
	struct act **at = &witness->acts;

	while (*at) {
		struct act *act = *at;

		if (act->due > now) {
			at = &act->next;
			continue;
		}
		take_at(witness, at);
		witness_tell(witness, act);
		give_back(witness, act);
	}
}

/* The first rule that fits gives its key, and that may be somebody else's. */
static bool is_ours(const struct witness *witness, const struct act *act)
{
	static const struct text own = { "docktrail-", sizeof("docktrail-") - 1 };

	if (!witness->options.watched ||
	    (act->kind != EVENT_watch_hit && act->kind != EVENT_process_exec))
		return true;
	for (size_t i = 0; i < act->act.keys.count; i++) {
		struct text key = text_list_at(&act->act.keys, i);

		if (key.length > own.length && memcmp(key.data, own.data, own.length) == 0)
			return true;
	}
	return witness_is_watched(witness, &act->act);
}

/* Whether records of this type only add to what another one of their event says (audit_log_exit).
 */
static bool is_addition(uint32_t type)
{
	switch (type) {
	case AUDIT_PATH:
	case AUDIT_IPC:
	case AUDIT_SOCKETCALL:
	case AUDIT_SOCKADDR:
	case AUDIT_CWD:
	case AUDIT_EXECVE:
	case AUDIT_IPC_SET_PERM:
	case AUDIT_MQ_OPEN ... AUDIT_MQ_GETSETATTR:
	case AUDIT_FD_PAIR:
	case AUDIT_OBJ_PID:
	case AUDIT_BPRM_FCAPS:
	case AUDIT_CAPSET:
	case AUDIT_MMAP:
	case AUDIT_PROCTITLE:
		return true;
	default:
		return false;
	}
}

/* What is left of an event when the kernel had no room for the record that says what was done. */
static bool is_fragment(const struct audit_event *event)
{
	for (size_t i = 0; i < event->count; i++)
		if (!is_addition(event->records[i].type))
			return false;
	return true;
}

/* What auditd writes of itself has numbers of its own; nothing is told of a fragment: it is
 * missing. */
static void see_serial(struct witness *witness, const struct audit_event *event)
{
	uint32_t type = event->count ? event->records[0].type : 0;

	if ((type >= AUDIT_DAEMON_START && type < AUDIT_FIRST_EVENT) || is_fragment(event))
		return;
	if (witness->options.history &&
	    audit_serials_begin_anew(&witness->serials, event->serial, witness->wall_ms)) {
		audit_serials_end(&witness->serials);
		sessions_forget(witness->options.sessions);
	}
	audit_serials_seen(&witness->serials, event->serial, witness->wall_ms);
}

/* A connect to no file: to an address, or to what is not there. */
static bool has_inode(const struct audit_act *act)
{
	for (size_t i = 0; i < act->path_count; i++)
		if (act->paths[i].inode)
			return true;
	return false;
}

static bool concerns_us(const struct witness *witness, const struct act *act)
{
	if (act->kind == EVENT_COUNT || !is_ours(witness, act))
		return false;
	return act->kind != EVENT_socket_connect || witness->options.history ||
	       has_inode(&act->act);
}

/* Anybody may change his namespaces as often as he likes: what waits for the probes is not pushed
 * out for that. */
static bool has_room(const struct witness *witness, const struct act *act)
{
	return !witness_is_about_isolation(&act->act) ||
	       witness->isolation_count < WITNESS_MOST / 2;
}

static void on_event(void *user, const struct audit_event *event)
{
	struct witness *witness = user;
	struct act *act = witness->spare;
	int r;

	see_serial(witness, event);
	witness->stats.events++;
	if (event->count == 0)
		return;
	if (witness->act_count == WITNESS_MOST) {
		witness->stats.early++;
		tell_first(witness);
		act = witness->spare;
	}
	if (act)
		witness->spare = act->next;
	else
		act = calloc(1, sizeof(*act));
	r = act ? audit_act_read(event, &act->act) : -ENOMEM;
	if (r < 0) {
		witness->error = r;
		if (act)
			give_back(witness, act);
		return;
	}
	act->kind = audit_tell_kind(&act->act);
	if (!concerns_us(witness, act)) {
		witness->stats.left_out++;
		give_back(witness, act);
		return;
	}
	if (tell_same(witness, act)) {
		give_back(witness, act);
		return;
	}
	if (witness->options.history || !has_room(witness, act)) {
		witness->stats.early += !witness->options.history;
		witness_tell(witness, act);
		give_back(witness, act);
		return;
	}
	witness->isolation_count += witness_is_about_isolation(&act->act);
	act->due = witness->now + (act->kind == EVENT_socket_connect ? WITNESS_WAIT_NS : SETTLE_NS);
	act->next = NULL;
	*witness->acts_end = act;
	witness->acts_end = &act->next;
	witness->act_count++;
}

int witness_record(struct witness *witness, uint32_t type, struct text payload)
{
	struct audit_record record;
	int r;

	witness->stats.records++;
	if (audit_record_parse(type, payload, &record) < 0) {
		witness->stats.bad++;
		return 0;
	}
	witness->error = 0;
	r = audit_assembler_push(witness->assembler, &record);
	return r ?: witness->error;
}

int witness_line(struct witness *witness, struct text line, uint64_t *ret_ms)
{
	struct audit_record record;
	int r;

	witness->stats.records++;
	if (audit_record_parse_line(line, &record) < 0) {
		witness->stats.bad++;
		return -EBADMSG;
	}
	*ret_ms = record.time_ms;
	/* As if it were heard: what waits for time, waits for that of the log. */
	r = record.time_ms > witness->wall_ms
		    ? witness_tick(witness, record.time_ms, record.time_ms * NS_PER_MS)
		    : 0;
	witness->error = 0;
	r = r ?: audit_assembler_push(witness->assembler, &record);
	return r ?: witness->error;
}

/* ---- both */

static bool has_socket(const struct record *record, const struct audit_path *path)
{
	char device[24];

	snprintf(device, sizeof(device), "%u:%u", path->device >> 20,
		 path->device & ((1u << 20) - 1));
	return path->inode && path->inode == record_number(record, FIELD_socket_inode) &&
	       (!record_has(record, FIELD_socket_device) ||
		text_equal(record_text(record, FIELD_socket_device), text_of(device)));
}

/* What is not known of one of them may be anything. */
static bool has_outcome(const struct record *record, bool succeeded)
{
	return !text_equal(record_text(record, FIELD_event_outcome),
			   succeeded ? TEXT("failure") : TEXT("success"));
}

static bool is_same(const struct record *record, const struct act *act)
{
	uint64_t when = record_number(record, FIELD_timestamp);
	uint64_t call = act->act.time_ms * NS_PER_MS;

	if (!has_outcome(record, act->act.succeeded))
		return false;
	if (record_number(record, FIELD_process_pid) != act->act.pid || call > when + BEFORE_NS ||
	    when > call + AFTER_NS)
		return false;
	if (record->event == EVENT_namespace_enter)
		return strcmp(act->act.call, "setns") == 0;
	if (record->event == EVENT_namespace_create)
		return strcmp(act->act.call, "unshare") == 0;
	if (act->kind != record->event)
		return false;
	for (size_t i = 0; i < act->act.path_count; i++)
		if (has_socket(record, &act->act.paths[i]))
			return true;
	return false;
}

static void note_both(struct witness *witness, struct record *record, const struct audit_act *act)
{
	record_lend_text(record, FIELD_witness, TEXT("both"));
	record_set_number(record, FIELD_audit_serial, act->serial);
	for (size_t i = 0; i < act->keys.count; i++)
		record_add_text(record, FIELD_audit_keys, text_list_at(&act->keys, i));
	witness->stats.both++;
}

/* `act`: what audit said of it after all. */
static void tell_kept(struct witness *witness, struct kept **at, const struct audit_act *act)
{
	struct kept *kept = *at;

	*at = kept->next;
	if (!kept->next)
		witness->kept_end = at;
	witness->kept_count--;
	if (act)
		note_both(witness, kept->record, act);
	else if (has_outcome(kept->record, true))
		witness->stats.probes_alone++;
	witness->options.emit(witness->options.user, kept->record);
	record_free(kept->record);
	free(kept);
}

/* Whether one that waits is this act: then it is told. */
static bool tell_same(struct witness *witness, const struct act *act)
{
	for (struct kept **at = &witness->kept; *at; at = &(*at)->next)
		if (is_same((*at)->record, act)) {
			tell_kept(witness, at, &act->act);
			return true;
		}
	return false;
}

/* The oldest act that it can be, which is taken out. */
static struct act *take_same(struct witness *witness, const struct record *record)
{
	for (struct act **at = &witness->acts; *at; at = &(*at)->next)
		if (is_same(record, *at))
			return take_at(witness, at);
	return NULL;
}

/* Whether audit has to tell of it as well. */
static bool is_expected(const struct witness *witness, const struct record *record)
{
	for (size_t i = 0; i < witness->socket_count; i++) {
		const struct audit_path path = { .inode = witness->sockets[i].inode,
						 .device = witness->sockets[i].device };

		if (has_socket(record, &path))
			return true;
	}
	return false;
}

/* Without memory it is told at once, as of one witness. */
static bool keep(struct witness *witness, const struct record *record)
{
	struct kept *kept;

	if (!is_expected(witness, record) || record_has(record, FIELD_witness_reason))
		return false;
	if (witness->kept_count == WITNESS_MOST) {
		witness->stats.early++;
		tell_kept(witness, &witness->kept, NULL);
	}
	kept = calloc(1, sizeof(*kept));
	if (!kept || record_new(&kept->record) < 0) {
		free(kept);
		return false;
	}
	record_copy(kept->record, record);
	kept->due = witness->now + WITNESS_WAIT_NS;
	*witness->kept_end = kept;
	witness->kept_end = &kept->next;
	witness->kept_count++;
	return true;
}

bool witness_keeps(struct witness *witness, struct record *record)
{
	bool change =
		record->event == EVENT_namespace_enter || record->event == EVENT_namespace_create;
	struct act *act;

	if (record->event == EVENT_container_start || record->event == EVENT_container_present)
		started_learn(witness->started, record_text(record, FIELD_container_id),
			      record_number(record, FIELD_timestamp));
	if (!change && record->event != EVENT_socket_connect)
		return false;
	act = take_same(witness, record);
	if (!act)
		return !change && keep(witness, record);
	note_both(witness, record, &act->act);
	give_back(witness, act);
	return false;
}

int witness_expect_connects(struct witness *witness, const struct witness_inode *sockets,
			    size_t count)
{
	struct witness_inode *copy = count ? calloc(count, sizeof(*copy)) : NULL;

	if (count && !copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, sockets, count * sizeof(*copy));
	free(witness->sockets);
	witness->sockets = copy;
	witness->socket_count = count;
	return 0;
}

int witness_tick(struct witness *witness, uint64_t wall_ms, uint64_t now)
{
	witness->wall_ms = wall_ms;
	witness->now = now;
	witness->error = 0;
	audit_assembler_flush(witness->assembler, wall_ms);
	audit_serials_tick(&witness->serials, wall_ms);
	tell_acts(witness, now);
	while (witness->kept && witness->kept->due <= now)
		tell_kept(witness, &witness->kept, NULL);
	return witness->error;
}

void witness_end(struct witness *witness)
{
	audit_assembler_flush(witness->assembler, UINT64_MAX);
	if (witness->options.history)
		audit_serials_end(&witness->serials);
	tell_acts(witness, UINT64_MAX);
	while (witness->kept)
		tell_kept(witness, &witness->kept, NULL);
}

int witness_new(const struct witness_options *options, struct witness **ret)
{
	struct witness *witness = calloc(1, sizeof(*witness));
	const struct audit_assembler_options assembler = { .event = on_event, .user = witness };
	int r;

	if (!witness)
		return -ENOMEM;
	witness->options = *options;
	witness->acts_end = &witness->acts;
	witness->kept_end = &witness->kept;
	if (!options->history) {
		witness->wall_ms = clock_wall_ns() / NS_PER_MS;
		witness->now = clock_boot_ns();
	}
	r = audit_assembler_new(&assembler, &witness->assembler);
	if (r == 0)
		r = record_new(&witness->record);
	if (r == 0)
		r = started_new(&witness->started);
	if (r < 0) {
		witness_free(witness);
		return r;
	}
	*ret = witness;
	return 0;
}

void witness_free(struct witness *witness)
{
	if (!witness)
		return;
	while (witness->acts)
		give_back(witness, take_at(witness, &witness->acts));
	while (witness->kept) {
		struct kept *kept = witness->kept;

		witness->kept = kept->next;
		record_free(kept->record);
		free(kept);
	}
	while (witness->spare) {
		struct act *act = witness->spare;

		witness->spare = act->next;
		audit_act_clear(&act->act);
		free(act);
	}
	free(witness->sockets);
	audit_assembler_free(witness->assembler);
	record_free(witness->record);
	started_free(witness->started);
	free(witness);
}

void witness_get_stats(const struct witness *witness, struct witness_stats *ret)
{
	struct audit_assembler_stats assembled;

	audit_assembler_get_stats(witness->assembler, &assembled);
	*ret = witness->stats;
	ret->missing = witness->serials.missing;
	ret->cut = assembled.cut;
	ret->early += assembled.early;
}
