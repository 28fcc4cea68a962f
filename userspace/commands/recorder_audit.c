// SPDX-License-Identifier: Apache-2.0
/* The kernel's audit beside the probes: its rules for the time of a recording, its records, what of
 * them was lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/audit.h"
#include "capture/audit_rule.h"
#include "commands/recorder.h"
#include "commands/rules.h"
#include "commands/rules_guard.h"
#include "event/record.h"

#define COMPARE_NS (10 * NS_PER_SECOND)

struct news {
	enum rules_guard_news what;
	char *rule; /* owned */
};

struct recorder_audit {
	struct audit_source *source;
	/* The looking thread's while it looks, else the recorder's: the kernel lets who asks audit
	 * for something wait as long as its backlog is full (audit_receive()). */
	struct rules_guard guard;
	struct news *news;
	size_t news_count;
	int error;
	/* The recorder's: how things were at the last look. */
	struct audit_status status;
	size_t wanted, loaded;
	uint32_t kernel_lost; /* as the kernel counted when this began */
	uint64_t told_overruns, told_missing, told_cut, told_lost, told_bad;
	/* What both saw, and one alone, at the last look; and for how many looks they have not
	 * agreed.
	 */
	struct witness_stats seen;
	unsigned int disagreed;
	uint64_t next; /* boot clock: when they are compared again */
	const char *warning;
};

/* Connects of which only one of them tells, within one look; and looks until it is no accident. */
#define UNMATCHED_LEAST 3
#define DISAGREED_LEAST 2

#define COST "every system call of every process begun from then on takes some 0.5 to 0.7 us longer"

static bool is_wanted(const struct recorder *recorder, const struct audit_status *status)
{
	switch (recorder->options->audit) {
	case RECORD_AUDIT_OFF:
		return false;
	case RECORD_AUDIT_ON:
	case RECORD_AUDIT_DAEMON:
		return true;
	default:
		if (status->failure == AUDIT_FAIL_PANIC && status->enabled != AUDIT_OFF) {
			fputs("docktrail: the kernel panics when audit cannot record (-f 2): no rules are "
			      "loaded, unless you say so (--audit=on)\n",
			      stderr);
			return false;
		}
		if (status->enabled != AUDIT_OFF || status->pid)
			return true;
		fputs("docktrail: the kernel's audit is off, and is left so: it would be a second "
		      "witness. Switched on (--audit=on), " COST "\n",
		      stderr);
		return false;
	}
}

static void say_rules(const struct rules_guard *guard)
{
	fprintf(stderr,
		"docktrail: audit is the second witness: %zu rules loaded for this recording, %zu were "
		"there, %zu wait for what they are about\n",
		guard->mine_count, guard->there, guard->waiting);
	fputs("docktrail: with what they record audit's own log gets the first 127 bytes of command lines, in "
	      "clear\n",
	      stderr);
	if (guard->refused)
		fprintf(stderr,
			"docktrail: %zu rules were refused: %s; `docktrail rules status` tells of each\n",
			guard->refused, strerror(-guard->error));
}

static bool knows_connects(const struct rules *rules)
{
	for (size_t i = 0; i < rules->loaded.count; i++)
		if (audit_rule_has_key(rules->loaded.items[i], TEXT(AUDIT_PLAN_KEY "connect")))
			return true;
	return false;
}

static int say_traps(const struct rules *rules)
{
	_cleanup_text_list_ struct text_list traps = {};
	int r = rules_traps(rules, &traps);

	for (size_t i = 0; r == 0 && i < traps.count; i++)
		fprintf(stderr, "docktrail: audit: %s\n", text_list_at(&traps, i).data);
	return r;
}

static int load_rules(const struct recorder *recorder, struct rules_guard *guard)
{
	_cleanup_buffer_ struct buffer state = {};
	int r = say_traps(&guard->rules);

	if (r == 0 && guard->rules.status.enabled == AUDIT_OFF) {
		fputs("docktrail: the kernel's audit is switched on: " COST
		      ", until it is switched off (auditctl -e 0)\n",
		      stderr);
		r = audit_kernel_enable(guard->rules.kernel);
	}
	if (r == 0 && guard->rules.status.enabled == AUDIT_IMMUTABLE) {
		fputs("docktrail: audit is immutable (-e 2): recording takes what its rules tell\n",
		      stderr);
		return 0;
	}
	buffer_append_string(&state, recorder->options->state ?: recorder->options->trail);
	if (!recorder->options->state)
		buffer_append_string(&state, "/state");
	if (!buffer_string(&state))
		return -ENOMEM;
	r = r ?: rules_guard_load(guard, state.data);
	if (r == 0)
		say_rules(guard);
	return r;
}

/* What is known of the rules, for whoever asks while they are looked at again. */
static void take_state(struct recorder_audit *audit)
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

/* Before anything is changed for it. */
static int check_readable(void)
{
	struct audit_source *source = NULL;
	int r = audit_source_open(false, &source);

	audit_source_free(source);
	return r;
}

/* Where somebody else is the daemon, records are read beside him. */
static int open_source(const struct recorder *recorder, struct recorder_audit *audit)
{
	bool daemon = recorder->options->audit == RECORD_AUDIT_DAEMON;
	uint32_t other = audit->guard.rules.status.pid;
	int r = daemon && !other ? audit_source_open(true, &audit->source) : -EEXIST;

	if (!daemon)
		return audit_source_open(false, &audit->source);
	if (r == 0)
		return 0;
	if (other)
		fprintf(stderr,
			"docktrail: the audit daemon is pid %u: records are read beside it\n",
			other);
	else
		fprintf(stderr,
			"docktrail: this cannot be the audit daemon (%s): records are read as any reader's\n",
			strerror(-r));
	return audit_source_open(false, &audit->source);
}

static int prepare(struct recorder *recorder, struct recorder_audit *audit)
{
	struct rules *rules = &audit->guard.rules;
	int r = rules_ask(rules);

	/* Where no plan has come yet nothing is loaded: that is made good when it comes. */
	if (recorder->plan)
		rules->count = audit_plan_rules(recorder->plan, &rules->wanted);
	if (r < 0 || !is_wanted(recorder, &rules->status))
		return r < 0 ? r : -ECANCELED;
	r = check_readable();
	if (r == 0)
		r = load_rules(recorder, &audit->guard);
	/* Only now: what we change ourselves is no news. */
	if (r == 0)
		r = open_source(recorder, audit);
	if (r == 0)
		r = rules_ask(rules);
	take_state(audit);
	audit->kernel_lost = audit->status.lost;
	return r ?: scribe_begin_audit(recorder->scribe, knows_connects(rules));
}

void recorder_begin_audit(struct recorder *recorder)
{
	struct recorder_audit *audit;
	int r = recorder->options->audit == RECORD_AUDIT_OFF ? -ECANCELED : 0;

	audit = r < 0 ? NULL : calloc(1, sizeof(*audit));
	if (r == 0)
		r = audit ? prepare(recorder, audit) : -ENOMEM;
	if (r == 0) {
		recorder->audit = audit;
		return;
	}
	if (r != -ECANCELED)
		fprintf(stderr, "docktrail: recording goes without the kernel's audit: %s\n",
			rules_problem(r));
	if (audit) {
		recorder->audit = audit;
		recorder_end_audit(recorder);
	}
}

int recorder_audit_fd(const struct recorder *recorder)
{
	return recorder->audit ? audit_source_fd(recorder->audit->source) : -1;
}

void recorder_drain_audit(struct recorder *recorder)
{
	if (recorder->audit)
		audit_source_drain(recorder->audit->source, scribe_audit, recorder->scribe);
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
	news[audit->news_count++] = (struct news){ what, TAKE_PTR(text.data) };
}

void recorder_audit_look(struct recorder_audit *audit, const struct audit_plan *plan)
{
	int r = rules_guard_check(&audit->guard, plan, keep_news, audit);

	audit->error = audit->error ?: r;
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
		take_state(audit);
		check_state(recorder, was_off);
		scribe_expect_connects(recorder->scribe, knows_connects(&audit->guard.rules));
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

/* Names are as they were given: a relative one is none of ours, and its inode is not looked up. */
bool recorder_audit_watches(void *user, const char *path)
{
	const struct recorder *recorder = user;
	const struct audit_plan_rule *wanted;
	size_t count =
		recorder->audit && recorder->plan ? audit_plan_rules(recorder->plan, &wanted) : 0;

	for (size_t i = 0; i < count; i++) {
		struct text watched =
			wanted[i].data ? audit_rule_path(wanted[i].data) : (struct text){};

		if (watched.length && strncmp(path, watched.data, watched.length) == 0 &&
		    (path[watched.length] == '\0' || path[watched.length] == '/'))
			return true;
	}
	return false;
}

/* ---- losses */

static const char *const loss_reasons[RECORDER_AUDIT_LOSSES] = {
	"audit: the kernel had no room for records that were not read yet (times)",
	"audit: events whose serial never came",
	"audit: records of an event that is too large",
	"audit: records that the kernel lost (backlog, rate)",
	"audit: what is no record",
};

/* What is added to a count since it was told; the count is as told then. */
static uint64_t grown(uint64_t now, uint64_t *told)
{
	uint64_t more = now > *told ? now - *told : 0;

	*told = now;
	return more;
}

static uint64_t kernel_lost(struct recorder_audit *audit)
{
	const struct audit_status *status = &audit->status;

	if (!status->pid || status->lost < audit->kernel_lost)
		audit->kernel_lost = status->lost;
	return status->lost - audit->kernel_lost;
}

size_t recorder_audit_losses(struct recorder *recorder,
			     struct recorder_audit_loss ret[RECORDER_AUDIT_LOSSES])
{
	struct recorder_audit *audit = recorder->audit;
	struct audit_source_stats source;
	struct scribe_stats stats;
	size_t count = 0;

	if (!audit)
		return 0;
	audit_source_get_stats(audit->source, &source);
	scribe_get_stats(recorder->scribe, &stats);
	ret[count++] =
		(struct recorder_audit_loss){ loss_reasons[0],
					      grown(source.overruns, &audit->told_overruns) };
	ret[count++] = (struct recorder_audit_loss){ loss_reasons[1], grown(stats.witness.missing,
									    &audit->told_missing) };
	ret[count++] = (struct recorder_audit_loss){ loss_reasons[2],
						     grown(stats.witness.cut, &audit->told_cut) };
	/*
	 * It can be set to 0 by others. Without auditd it counts what finds no room in the queue of
	 * what is held for one (kauditd_hold_skb()), and that was delivered to us.
	 */
	ret[count++] = (struct recorder_audit_loss){ loss_reasons[3],
						     grown(kernel_lost(audit), &audit->told_lost) };
	ret[count++] =
		(struct recorder_audit_loss){ loss_reasons[4], grown(source.bad + stats.witness.bad,
								     &audit->told_bad) };
	return count;
}

void recorder_audit_state(const struct recorder *recorder, struct recorder_audit_state *ret)
{
	static const char *const states[] = { "off", "on", "immutable" };
	const struct recorder_audit *audit = recorder->audit;

	*ret = (struct recorder_audit_state){};
	if (!audit)
		return;
	ret->state = audit->status.enabled < ARRAY_SIZE(states) ? states[audit->status.enabled]
								: "unknown";
	ret->auditd = audit->status.pid;
	ret->wanted = audit->wanted;
	ret->loaded = audit->loaded;
	ret->warning =
		audit->status.enabled == AUDIT_OFF
			? "the kernel's audit was switched off: the probes are the only witness"
			: audit->warning;
	ret->losses[0] = (struct recorder_audit_loss){ loss_reasons[0], audit->told_overruns };
	ret->losses[1] = (struct recorder_audit_loss){ loss_reasons[1], audit->told_missing };
	ret->losses[2] = (struct recorder_audit_loss){ loss_reasons[2], audit->told_cut };
	ret->losses[3] = (struct recorder_audit_loss){ loss_reasons[3], audit->told_lost };
	ret->losses[4] = (struct recorder_audit_loss){ loss_reasons[4], audit->told_bad };
}

void recorder_end_audit(struct recorder *recorder)
{
	struct recorder_audit *audit = recorder->audit;
	size_t left;

	if (!audit)
		return;
	audit_source_free(audit->source);
	left = rules_guard_end(&audit->guard);
	if (left)
		fprintf(stderr,
			"docktrail: %zu rules could not be taken away: `docktrail rules remove` does, or "
			"the next recording\n",
			left);
	for (size_t i = 0; i < audit->news_count; i++)
		free(audit->news[i].rule);
	free(audit->news);
	free(audit);
	recorder->audit = NULL;
}
