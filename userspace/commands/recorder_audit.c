// SPDX-License-Identifier: Apache-2.0
/* The kernel's audit beside the probes: its rules for the time of a recording, its records, what of
 * them was lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "capture/audit.h"
#include "capture/audit_rule.h"
#include "commands/recorder_audit.h"
#include "event/record.h"

#define DRAIN_NS NS_PER_SECOND

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

static int load_rules(const struct recorder *recorder, struct rules_guard *guard)
{
	_cleanup_buffer_ struct buffer state = {};
	int r = rules_say_traps(&guard->rules, stderr, "docktrail: audit: ");

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
	bool was_off = r == 0 && rules->status.enabled == AUDIT_OFF;

	/* Where no plan has come yet nothing is loaded: that is made good when it comes. */
	if (recorder->plan)
		rules->count = audit_plan_rules(recorder->plan, &rules->wanted);
	if (r < 0 || !is_wanted(recorder, &rules->status))
		return r < 0 ? r : -ECANCELED;
	/* Switched on by us or by others later: records may be made of what we do. */
	file_identify_audited();
	r = check_readable();
	if (r == 0)
		r = load_rules(recorder, &audit->guard);
	/* Only now: what we change ourselves is no news. */
	if (r == 0)
		r = open_source(recorder, audit);
	if (r == 0)
		r = rules_ask(rules);
	audit->switched_on = was_off && rules->status.enabled != AUDIT_OFF;
	recorder_audit_take_state(audit);
	audit->kernel_lost = audit->status.lost;
	recorder_audit_find_sockets(audit);
	r = r ?: scribe_begin_audit(recorder->scribe);
	return r ?: scribe_expect_connects(recorder->scribe, audit->sockets, audit->socket_count);
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

void recorder_drain_audit_whole(struct recorder *recorder)
{
	uint64_t until = clock_boot_ns() + DRAIN_NS;

	while (recorder->audit && clock_boot_ns() < until &&
	       audit_source_drain(recorder->audit->source, scribe_audit, recorder->scribe) > 0)
		;
}

static bool is_at_or_below(const char *path, size_t length, const char *folder,
			   size_t folder_length)
{
	return folder_length > 0 && length >= folder_length &&
	       memcmp(path, folder, folder_length) == 0 &&
	       (length == folder_length || path[folder_length] == '/');
}

bool recorder_audit_watches(void *user, const char *path, uint64_t inode, uint32_t device,
			    bool above)
{
	const struct recorder *recorder = user;
	const struct audit_plan_rule *wanted;
	size_t count =
		recorder->audit && recorder->plan ? audit_plan_rules(recorder->plan, &wanted) : 0;

	for (size_t i = 0; i < count; i++) {
		struct text watched =
			wanted[i].data ? audit_rule_path(wanted[i].data) : (struct text){};

		if (is_at_or_below(path, strlen(path), watched.data, watched.length) ||
		    (above && is_at_or_below(watched.data, watched.length, path, strlen(path))))
			return true;
	}
	return inode && recorder_sweep_knows(recorder, inode, device);
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
	if (audit->switched_on)
		fputs("docktrail: the kernel's audit was off before this recording, and stays on: "
		      "`auditctl -e 0` switches it off\n",
		      stderr);
	for (size_t i = 0; i < audit->news_count; i++)
		free(audit->news[i].rule);
	free(audit->news);
	free(audit);
	recorder->audit = NULL;
}
