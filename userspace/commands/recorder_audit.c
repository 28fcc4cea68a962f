// SPDX-License-Identifier: Apache-2.0
/* The kernel's audit beside the probes: its rules for the time of a recording, its records, what of
 * them was lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/audit.h"
#include "capture/audit_rule.h"
#include "commands/recorder.h"
#include "commands/rules.h"

struct recorder_audit {
	struct audit_source *source;
	struct rules rules;
	bool *added;          /* by rule of the plan: it is ours to take away */
	uint32_t kernel_lost; /* as the kernel counted when this began */
	uint64_t told_overruns, told_missing, told_cut, told_lost, told_bad;
};

#define COST "every system call of every process begun from then on takes some 0.5 to 0.7 us longer"

static bool is_wanted(const struct recorder *recorder, const struct audit_status *status)
{
	switch (recorder->options->audit) {
	case RECORD_AUDIT_OFF:
		return false;
	case RECORD_AUDIT_ON:
		return true;
	default:
		if (status->enabled != AUDIT_OFF || status->pid)
			return true;
		fputs("docktrail: the kernel's audit is off, and is left so: it would be a second "
		      "witness. Switched on (--audit=on), " COST "\n",
		      stderr);
		return false;
	}
}

static void add_rules(struct recorder_audit *audit)
{
	struct rules *rules = &audit->rules;
	size_t added = 0, there = 0, waiting = 0, refused = 0;
	int error = 0;

	for (size_t i = 0; i < rules->count; i++) {
		const struct audit_rule_data *rule = rules->wanted[i].data;
		int r;

		if (!rule) {
			waiting++;
			continue;
		}
		if (rules_is_loaded(rules, rule)) {
			there++;
			continue;
		}
		r = audit_kernel_add(rules->kernel, rule);
		audit->added[i] = r == 0;
		added += r == 0;
		refused += r < 0 && r != -EEXIST;
		if (r < 0)
			error = r;
	}
	fprintf(stderr,
		"docktrail: audit is the second witness: %zu rules loaded for this recording, %zu were "
		"there, %zu wait for what they are about\n",
		added, there, waiting);
	if (refused)
		fprintf(stderr,
			"docktrail: %zu rules were refused: %s; `docktrail rules status` tells of each\n",
			refused, strerror(-error));
}

static bool knows_connects(const struct rules *rules)
{
	for (size_t i = 0; i < rules->loaded.count; i++)
		if (audit_rule_has_key(rules->loaded.items[i], TEXT(AUDIT_PLAN_KEY "connect")))
			return true;
	return false;
}

static int prepare(struct recorder *recorder, struct recorder_audit *audit)
{
	struct rules *rules = &audit->rules;
	int r = rules_plan(rules, recorder->options, true);

	if (r == 0)
		r = rules_ask(rules);
	if (r < 0 || !is_wanted(recorder, &rules->status))
		return r < 0 ? r : -ECANCELED;
	audit->added = calloc(rules->count + 1, sizeof(*audit->added));
	if (!audit->added)
		return -ENOMEM;
	if (rules->status.enabled == AUDIT_OFF) {
		fputs("docktrail: the kernel's audit is switched on: " COST
		      ", until it is switched off (auditctl -e 0)\n",
		      stderr);
		r = audit_kernel_enable(rules->kernel);
	}
	if (r == 0 && rules->status.enabled == AUDIT_IMMUTABLE)
		fputs("docktrail: audit is immutable (-e 2): recording takes what its rules tell\n",
		      stderr);
	else if (r == 0)
		add_rules(audit);
	/* Only now: what we change ourselves is no news. */
	if (r == 0)
		r = audit_source_open(&audit->source);
	if (r == 0)
		r = rules_ask(rules);
	audit->kernel_lost = rules->status.lost;
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

/* What is added to a count since it was told; the count is as told then. */
static uint64_t grown(uint64_t now, uint64_t *told)
{
	uint64_t more = now > *told ? now - *told : 0;

	*told = now;
	return more;
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
	audit_kernel_status(audit->rules.kernel, &audit->rules.status);
	ret[count++] = (struct recorder_audit_loss){
		"audit: the kernel had no room for records that were not read yet (times)",
		grown(source.overruns, &audit->told_overruns)
	};
	ret[count++] =
		(struct recorder_audit_loss){ "audit: events whose serial never came",
					      grown(stats.witness.missing, &audit->told_missing) };
	ret[count++] = (struct recorder_audit_loss){ "audit: records of an event that is too large",
						     grown(stats.witness.cut, &audit->told_cut) };
	/* It can be set to 0 by others. */
	ret[count++] = (struct recorder_audit_loss){
		"audit: records that the kernel lost (backlog, rate)",
		grown(audit->rules.status.lost > audit->kernel_lost
			      ? audit->rules.status.lost - audit->kernel_lost
			      : 0,
		      &audit->told_lost)
	};
	ret[count++] = (struct recorder_audit_loss){
		"audit: what is no record", grown(source.bad + stats.witness.bad, &audit->told_bad)
	};
	return count;
}

void recorder_end_audit(struct recorder *recorder)
{
	struct recorder_audit *audit = recorder->audit;

	if (!audit)
		return;
	for (size_t i = 0; audit->added && i < audit->rules.count; i++)
		if (audit->added[i])
			audit_kernel_delete(audit->rules.kernel, audit->rules.wanted[i].data);
	audit_source_free(audit->source);
	rules_clear(&audit->rules);
	free(audit->added);
	free(audit);
	recorder->audit = NULL;
}
