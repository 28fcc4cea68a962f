// SPDX-License-Identifier: Apache-2.0
/* The kernel's audit while it records: whether its rules are still there, and whether it tells what
 * the probes tell. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/audit_rule.h"
#include "commands/recorder_audit.h"
#include "event/record.h"

#define COMPARE_NS (10 * NS_PER_SECOND)

/* Connects of which only one of them tells, within one look; and looks until it is no accident. */
#define UNMATCHED_LEAST 3
#define DISAGREED_LEAST 2

static bool is_known(const struct recorder_audit *audit, const struct witness_inode *socket)
{
	for (size_t i = 0; i < audit->socket_count; i++)
		if (audit->sockets[i].inode == socket->inode &&
		    audit->sockets[i].device == socket->device)
			return true;
	return false;
}

void recorder_audit_find_sockets(struct recorder_audit *audit)
{
	const struct rules *rules = &audit->guard.rules;

	audit->socket_count = 0;
	for (size_t i = 0; i < rules->count && audit->socket_count < SOCKETS_MOST; i++) {
		const struct audit_rule_data *rule = rules->wanted[i].data;
		struct text path = rule ? audit_rule_path(rule) : (struct text){};
		struct witness_inode socket;
		char name[PATH_MAX];
		struct stat status;

		if (path.length == 0 || path.length >= sizeof(name) ||
		    !audit_rule_has_key(rule, TEXT(AUDIT_PLAN_KEY "connect")) ||
		    !rules_is_loaded(rules, rule))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)path.length, path.data);
		if (lstat(name, &status) < 0)
			continue;
		socket = (struct witness_inode){ status.st_ino, major(status.st_dev) << 20 |
									minor(status.st_dev) };
		if (!is_known(audit, &socket))
			audit->sockets[audit->socket_count++] = socket;
	}
}

void recorder_audit_take_state(struct recorder_audit *audit)
{
	const struct rules *rules = &audit->guard.rules;

	audit->status = rules->status;
	audit->wanted = audit->loaded = 0;
	for (size_t i = 0; i < rules->count; i++) {
		const struct audit_rule_data *rule = rules->wanted[i].data;

		audit->wanted += rule != NULL;
		audit->loaded += rule && rules_is_loaded(rules, rule);
	}
}

/* ---- the rules, looked at again: in the looking thread */

static void keep_news(void *user, enum rules_guard_news what, const struct audit_rule_data *rule)
{
	struct recorder_audit *audit = user;
	_cleanup_buffer_ struct buffer text = {};
	struct news *news = reallocarray(audit->news, audit->news_count + 1, sizeof(*audit->news));

	audit_rule_append(rule, &text);
	if (news)
		audit->news = news;
	if (!news || !buffer_string(&text)) {
		audit->error = -ENOMEM;
		return;
	}
	news += audit->news_count++;
	news->what = what;
	news->rule = TAKE_PTR(text.data);
}

void recorder_audit_look(struct recorder_audit *audit, const struct audit_plan *plan)
{
	int r = rules_guard_check(&audit->guard, plan, keep_news, audit);

	audit->error = audit->error ?: r;
	if (r == 0)
		recorder_audit_find_sockets(audit);
}

/* ---- and told: in the recorder's own */

static void say_rule(struct recorder *recorder, const struct news *news)
{
	static const struct {
		const char *operation;
		unsigned int severity;
	} words[] = {
		[RULES_GUARD_MISSING] = { "rule-missing", 100 },
		[RULES_GUARD_RESTORED] = { "rule-restored", 25 },
		[RULES_GUARD_ADDED] = { "rule-added", 25 },
		[RULES_GUARD_DROPPED] = { "rule-dropped", 25 },
	};
	struct record *record = scribe_begin(recorder->scribe, EVENT_audit_config);

	record_set_string(record, FIELD_audit_operation, words[news->what].operation);
	record_set_string(record, FIELD_audit_message, news->rule);
	record_set_string(record, FIELD_event_outcome, "success");
	record_set_number(record, FIELD_event_severity, words[news->what].severity);
	scribe_emit(recorder->scribe, record);
}

/*
 * Both should see each connect, but of processes that are older than audit, which the probes' word
 * says. Once is a rule that was gone for a moment, or a loss; more often one of them is blind.
 */
static void check_unmatched(struct recorder *recorder)
{
	struct recorder_audit *audit = recorder->audit;
	const struct witness_stats before = audit->seen;
	struct scribe_stats stats;
	uint64_t both, one;
	char reason[200];

	scribe_get_stats(recorder->scribe, &stats);
	audit->seen = stats.witness;
	both = audit->seen.both - before.both;
	one = audit->seen.audit_alone - before.audit_alone + audit->seen.probes_alone -
	      before.probes_alone;
	if (both + one == 0)
		return; /* nothing new is known */
	audit->disagreed = one >= UNMATCHED_LEAST && one > both ? audit->disagreed + 1 : 0;
	if (audit->disagreed == DISAGREED_LEAST) {
		snprintf(
			reason, sizeof(reason),
			"the two witnesses do not agree: of the last %llu connects %llu were seen by "
			"audit alone and %llu by the probes alone",
			(unsigned long long)(both + one),
			(unsigned long long)(audit->seen.audit_alone - before.audit_alone),
			(unsigned long long)(audit->seen.probes_alone - before.probes_alone));
		recorder_say_degraded(recorder, reason);
		fprintf(stderr, "docktrail: %s\n", reason);
		audit->warning =
			"the two witnesses do not agree on who connects: see recorder-degraded";
	} else if (audit->disagreed == 0 && audit->warning) {
		audit->warning = NULL;
		recorder_say_degraded(recorder, "the two witnesses agree again");
	}
}

/* Who did it stands in the kernel's own record of it, where there is one. */
static void check_state(struct recorder *recorder, bool was_off)
{
	bool off = recorder->audit->status.enabled == AUDIT_OFF;

	if (off == was_off)
		return;
	recorder_say_degraded(recorder,
			      off ? "the kernel's audit was switched off: the probes are the only "
				    "witness"
				  : "the kernel's audit is on again");
	fprintf(stderr, "docktrail: the kernel's audit was switched %s\n", off ? "off" : "on");
}

void recorder_audit_tell(struct recorder *recorder)
{
	struct recorder_audit *audit = recorder->audit;
	bool was_off = audit->status.enabled == AUDIT_OFF;

	for (size_t i = 0; i < audit->news_count; i++) {
		say_rule(recorder, &audit->news[i]);
		free(audit->news[i].rule);
	}
	audit->news_count = 0;
	/* What cannot be asked now is asked again. */
	if (audit->error == 0) {
		recorder_audit_take_state(audit);
		check_state(recorder, was_off);
		scribe_expect_connects(recorder->scribe, audit->sockets, audit->socket_count);
	}
	audit->error = 0;
}

void recorder_audit_compare(struct recorder *recorder, uint64_t now)
{
	struct recorder_audit *audit = recorder->audit;

	if (!audit || now < audit->next)
		return;
	audit->next = now + COMPARE_NS;
	check_unmatched(recorder);
}
