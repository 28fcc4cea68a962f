// SPDX-License-Identifier: Apache-2.0
/*
 * Watched files, looked at every ten seconds, and soon after somebody was seen at one: what is
 * different is told, whether audit recorded it or not. A thread of its own looks, since a file
 * server that does not answer must not stop the recording; everything else is done here.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/audit_plan.h"
#include "capture/watch_sweep.h"
#include "commands/recorder.h"
#include "commands/rules.h"

#define BEGIN_WAIT_NS  (2 * NS_PER_SECOND) /* for the first one, which reads nothing large */
#define END_WAIT_NS    (5 * NS_PER_SECOND)
#define STUCK_NS       (15 * NS_PER_SECOND) /* then it waits for something */
#define AFTER_HIT_NS   (300 * NS_PER_MS) /* who opened a file has written to it by then, mostly */
#define SETTLE_NS      (NS_PER_SECOND / 2)
#define SETTLE_MOST_NS (5 * NS_PER_SECOND)
#define PLAN_S         10 /* where files are not looked at */
#define LAZY           10 /* nice(2) */

enum sweep_state { SWEEP_IDLE, SWEEP_ASKED, SWEEP_DONE, SWEEP_END };

struct recorder_sweep {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turned; /* `state` is another one */
	enum sweep_state state;
	const struct record_options *options;
	pthread_mutex_t audit_lock;   /* of what `audit` points to, while the kernel is asked */
	struct recorder_audit *audit; /* NULL: it is not asked (yet, or any more) */
	/* The thread's while it is asked, else the recorder's. */
	struct audit_plan *plan;
	struct watch_sweep last, next;
	bool quick;
	int error;
	/* The recorder's. */
	uint64_t due, asked_at, done_at; /* boot clock; done_at 0: not yet */
	bool stuck_told, left_out_told;
};

/* ---- the thread */

static int look(struct recorder_sweep *sweep)
{
	_cleanup_buffer_ struct buffer problem = {};
	int r = rules_make_plan(sweep->options, true, &sweep->plan, &problem);

	pthread_mutex_lock(&sweep->audit_lock);
	if (r == 0 && sweep->audit)
		recorder_audit_look(sweep->audit, sweep->plan);
	pthread_mutex_unlock(&sweep->audit_lock);
	if (r == 0 && sweep->options->sweep_s)
		r = watch_sweep(sweep->plan, &sweep->last, sweep->quick, &sweep->next);
	return r;
}

static void *run(void *user)
{
	struct recorder_sweep *sweep = user;

	setpriority(PRIO_PROCESS, (id_t)gettid(), LAZY);
	pthread_mutex_lock(&sweep->lock);
	while (sweep->state != SWEEP_END) {
		if (sweep->state != SWEEP_ASKED) {
			pthread_cond_wait(&sweep->turned, &sweep->lock);
			continue;
		}
		pthread_mutex_unlock(&sweep->lock);
		sweep->error = look(sweep);
		pthread_mutex_lock(&sweep->lock);
		if (sweep->state == SWEEP_ASKED)
			sweep->state = SWEEP_DONE;
		pthread_cond_broadcast(&sweep->turned);
	}
	pthread_mutex_unlock(&sweep->lock);
	return NULL;
}

/* ---- the recorder's side */

static void ask(const struct recorder *recorder, uint64_t now)
{
	struct recorder_sweep *sweep = recorder->sweep;

	pthread_mutex_lock(&sweep->lock);
	sweep->audit = recorder->audit;
	sweep->state = SWEEP_ASKED;
	sweep->asked_at = now;
	pthread_cond_broadcast(&sweep->turned);
	pthread_mutex_unlock(&sweep->lock);
}

static enum sweep_state state_of(struct recorder_sweep *sweep)
{
	enum sweep_state state;

	pthread_mutex_lock(&sweep->lock);
	state = sweep->state;
	pthread_mutex_unlock(&sweep->lock);
	return state;
}

/* Returns whether it is done. */
static bool wait_for(struct recorder_sweep *sweep, uint64_t most_ns)
{
	struct timespec until;
	bool done;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(most_ns / NS_PER_SECOND);
	pthread_mutex_lock(&sweep->lock);
	while (sweep->state == SWEEP_ASKED && r == 0)
		r = pthread_cond_timedwait(&sweep->turned, &sweep->lock, &until);
	done = sweep->state == SWEEP_DONE;
	pthread_mutex_unlock(&sweep->lock);
	return done;
}

/* Both looks at each file, in which one of them may be absent; until `act` returns true. */
static bool compare(const struct recorder *recorder,
		    bool (*act)(struct scribe *scribe, const char *path,
				const struct file_look *before, const struct file_look *after,
				uint64_t since))
{
	static const struct file_look absent = {};
	const struct watch_sweep *last = &recorder->sweep->last, *next = &recorder->sweep->next;
	const struct watch_file *known;

	for (size_t i = 0; i < next->count; i++) {
		known = watch_sweep_find(last, next->files[i].path);
		if (next->files[i].unseen || (known && known->unseen) ||
		    (!known && watch_sweep_passes(last, next->files[i].path)))
			continue;
		if (act(recorder->scribe, next->files[i].path, known ? &known->look : &absent,
			&next->files[i].look, last->began_ns))
			return true;
	}
	for (size_t i = 0; i < last->count; i++)
		if (!last->files[i].unseen && !watch_sweep_find(next, last->files[i].path) &&
		    !watch_sweep_passes(next, last->files[i].path) &&
		    act(recorder->scribe, last->files[i].path, &last->files[i].look, &absent,
			last->began_ns))
			return true;
	return false;
}

static bool tell(struct scribe *scribe, const char *path, const struct file_look *before,
		 const struct file_look *after, uint64_t since)
{
	scribe_drift(scribe, path, before, after, since);
	return false;
}

/* What audit recorded comes a little later than it is seen, and later still where much is going on.
 */
static bool is_settled(const struct recorder *recorder, uint64_t now)
{
	const struct recorder_sweep *sweep = recorder->sweep;

	if (!recorder->audit || !sweep->last.began_ns || sweep->error)
		return true;
	if (now < sweep->done_at + SETTLE_NS)
		return false;
	return now >= sweep->done_at + SETTLE_MOST_NS || !compare(recorder, scribe_drift_waits);
}

static void tell_left_out(struct recorder *recorder)
{
	const struct watch_sweep *last = &recorder->sweep->last;
	size_t rules = audit_plan_left_out(recorder->plan);
	struct text first = last->cut.count ? text_list_at(&last->cut, 0) : TEXT("");
	char reason[400];

	if ((!last->left_out && !rules) || recorder->sweep->left_out_told)
		return;
	recorder->sweep->left_out_told = true;
	if (last->left_out)
		snprintf(
			reason, sizeof(reason),
			"some watched files are not looked at: there are too many (%d in all, %d below "
			"a folder), first of %.*s",
			WATCH_FILES_MOST, WATCH_FOLDER_MOST,
			first.length < 200 ? (int)first.length : 200, first.data);
	else
		snprintf(reason, sizeof(reason),
			 "there are too many users and rules: %zu are left out", rules);
	recorder_say_degraded(recorder, reason);
}

/* What was seen becomes what it is compared with. */
static void take(struct recorder *recorder)
{
	struct recorder_sweep *sweep = recorder->sweep;

	if (sweep->error == 0) {
		audit_plan_free(recorder->plan);
		recorder->plan = TAKE_PTR(sweep->plan);
		if (sweep->audit)
			recorder_audit_tell(recorder);
		if (sweep->last.began_ns)
			compare(recorder, tell);
		watch_sweep_clear(&sweep->last);
		sweep->last = sweep->next;
		sweep->next = (struct watch_sweep){};
		sweep->quick = false;
		tell_left_out(recorder);
	}
	audit_plan_free(TAKE_PTR(sweep->plan));
	pthread_mutex_lock(&sweep->lock);
	sweep->state = SWEEP_IDLE;
	pthread_mutex_unlock(&sweep->lock);
	if (sweep->stuck_told)
		recorder_say_degraded(recorder, "watched files are looked at again");
	sweep->stuck_told = false;
	sweep->done_at = 0;
}

static void check_stuck(struct recorder *recorder, uint64_t now)
{
	struct recorder_sweep *sweep = recorder->sweep;

	if (sweep->stuck_told || now < sweep->asked_at + STUCK_NS)
		return;
	sweep->stuck_told = true;
	recorder_say_degraded(
		recorder, "watched files cannot be looked at, nor audit's rules: a file system or "
			  "the kernel does not answer");
	fputs("docktrail: watched files cannot be looked at, nor audit's rules: a file system or the "
	      "kernel does not answer\n",
	      stderr);
}

void recorder_sweep(struct recorder *recorder, uint64_t now)
{
	struct recorder_sweep *sweep = recorder->sweep;

	if (!sweep)
		return;
	if (scribe_take_hit(recorder->scribe) && sweep->due > now + AFTER_HIT_NS)
		sweep->due = now + AFTER_HIT_NS;
	switch (state_of(sweep)) {
	case SWEEP_DONE:
		sweep->done_at = sweep->done_at ?: now;
		if (!is_settled(recorder, now))
			return;
		/* Rules wait for the first plan, and are loaded at the look after it. */
		if (recorder->audit && !recorder->plan)
			sweep->due = now;
		take(recorder);
		return;
	case SWEEP_ASKED:
		check_stuck(recorder, now);
		return;
	default:
		if (now < sweep->due)
			return;
		sweep->due = now + (recorder->options->sweep_s ?: PLAN_S) * NS_PER_SECOND;
		ask(recorder, now);
	}
}

bool recorder_sweep_knows(const struct recorder *recorder, uint64_t inode, uint32_t device)
{
	/* The thread only reads it. */
	const struct watch_sweep *last = recorder->sweep ? &recorder->sweep->last : NULL;
	uint64_t number = makedev(device >> 20, device & ((1u << 20) - 1));

	for (size_t i = 0; last && i < last->count; i++)
		if (last->files[i].look.inode == inode && last->files[i].look.device == number &&
		    last->files[i].look.type)
			return true;
	return false;
}

static int start(struct recorder_sweep *sweep)
{
	pthread_condattr_t clock;
	int r;

	pthread_mutex_init(&sweep->lock, NULL);
	pthread_mutex_init(&sweep->audit_lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&sweep->turned, &clock);
	pthread_condattr_destroy(&clock);
	r = pthread_create(&sweep->thread, NULL, run, sweep);
	return -r;
}

void recorder_begin_sweep(struct recorder *recorder)
{
	const struct record_options *options = recorder->options;
	bool wanted = options->sweep_s || options->audit != RECORD_AUDIT_OFF;
	struct recorder_sweep *sweep = wanted ? calloc(1, sizeof(*sweep)) : NULL;
	int r = sweep ? 0 : -ENOMEM;

	if (!wanted)
		return;
	if (sweep)
		sweep->options = options;
	r = r ?: start(sweep);
	if (r < 0) {
		free(sweep);
		fprintf(stderr, "docktrail: watched files are not looked at: %s\n", strerror(-r));
		return;
	}
	recorder->sweep = sweep;
	sweep->quick = true;
	ask(recorder, clock_boot_ns());
	sweep->due = clock_boot_ns() + (options->sweep_s ?: PLAN_S) * NS_PER_SECOND;
	/* What is changed from now on differs from it. */
	if (wait_for(sweep, BEGIN_WAIT_NS))
		take(recorder);
}

/*
 * It may come back while everything is taken down, or not at all: nothing that it uses is freed.
 * Unless it is the kernel that lets it wait, audit's rules are taken away all the same.
 */
static void leave_behind(struct recorder *recorder, struct recorder_sweep *sweep)
{
	struct timespec until;

	recorder->left_behind = true;
	fputs("docktrail: watched files could not be looked at a last time: a file system or the kernel does "
	      "not answer\n",
	      stderr);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	if (pthread_mutex_timedlock(&sweep->audit_lock, &until) == 0) {
		sweep->audit = NULL;
		pthread_mutex_unlock(&sweep->audit_lock);
	} else if (sweep->audit) {
		/* Noted, they are taken over by the next recording. */
		recorder->audit = NULL;
	}
}

/* What was changed since the last look; and who does not come back is left behind. */
void recorder_end_sweep(struct recorder *recorder)
{
	struct recorder_sweep *sweep = recorder->sweep;
	bool idle;

	if (!sweep)
		return;
	if (wait_for(sweep, END_WAIT_NS))
		take(recorder);
	idle = state_of(sweep) == SWEEP_IDLE;
	if (idle && recorder->options->sweep_s) {
		ask(recorder, clock_boot_ns());
		idle = wait_for(sweep, END_WAIT_NS);
		if (idle)
			take(recorder);
	}
	recorder->sweep = NULL;
	pthread_mutex_lock(&sweep->lock);
	sweep->state = SWEEP_END;
	pthread_cond_broadcast(&sweep->turned);
	pthread_mutex_unlock(&sweep->lock);
	if (!idle) {
		pthread_detach(sweep->thread);
		leave_behind(recorder, sweep);
		return;
	}
	pthread_join(sweep->thread, NULL);
	watch_sweep_clear(&sweep->last);
	pthread_cond_destroy(&sweep->turned);
	pthread_mutex_destroy(&sweep->lock);
	free(sweep);
}
