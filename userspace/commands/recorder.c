// SPDX-License-Identifier: Apache-2.0
#include "commands/recorder.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "capture/audit_plan.h"

#define PAUSE_MOST_NS (5 * NS_PER_SECOND) /* between two looks that are a second apart */

#define DRAIN_US  50000 /* a record waits in its ring this long at most */
#define SECOND_US 1000000

/* ---- the loop */

static void drain(struct recorder *recorder, bool all)
{
	int r = bpf_source_drain(recorder->source, all, scribe_message, recorder->scribe);

	if (r < 0) {
		recorder->error = r;
		sd_event_exit(recorder->loop, r);
	}
}

static int on_ring(sd_event_source *event_source, int fd, uint32_t events, void *user)
{
	drain(user, false);
	return 0;
}

static int on_audit(sd_event_source *event_source, int fd, uint32_t events, void *user)
{
	recorder_drain_audit(user);
	return 0;
}

static int again(sd_event_source *timer, uint64_t in_us)
{
	uint64_t now;
	int r = sd_event_now(sd_event_source_get_event(timer), CLOCK_MONOTONIC, &now);

	if (r >= 0)
		r = sd_event_source_set_time(timer, now + in_us);
	if (r >= 0)
		r = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	return r;
}

static int on_drain(sd_event_source *timer, uint64_t due, void *user)
{
	struct recorder *recorder = user;

	drain(recorder, false);
	recorder_drain_audit(recorder);
	scribe_tick(recorder->scribe);
	recorder_sweep(recorder, clock_boot_ns());
	return again(timer, DRAIN_US);
}

static void tell_alive(void *user, const struct bpf_alive *alive)
{
	conversations_alive(user, alive->connection, alive->direction, alive->sent);
}

/*
 * Which connections still have a client: where no probe tells that one has ended, and where the
 * engine keeps its end. On that rung also those nothing was said on yet.
 */
static void look_who_is_alive(struct recorder *recorder, uint64_t now)
{
	struct conversations *conversations = scribe_conversations(recorder->scribe);

	if (!bpf_source_tells_close(recorder->source))
		bpf_source_sweep(recorder->source);
	drain(recorder, false);
	conversations_alive_begin(conversations);
	if (bpf_source_alive(recorder->source, tell_alive, conversations) < 0)
		return; /* asked again in a second; a half answer would end connections that live */
	conversations_alive_end(conversations, now);
}

static void measure_rate(struct recorder *recorder, uint64_t now)
{
	struct scribe_stats stats;

	scribe_get_stats(recorder->scribe, &stats);
	if (recorder->rate_at && now > recorder->rate_at)
		recorder->rate = (double)(stats.events - recorder->rate_events) * NS_PER_SECOND /
				 (double)(now - recorder->rate_at);
	recorder->rate_events = stats.events;
	recorder->rate_at = now;
}

/*
 * A recorder that is stopped (SIGSTOP, a debugger, a suspended host) reads nothing meanwhile: what
 * its rings could not hold is a loss, and that it stood still is said anyway.
 */
static void check_pause(struct recorder *recorder, uint64_t now)
{
	char reason[100];

	if (recorder->second_at && now > recorder->second_at + PAUSE_MOST_NS) {
		snprintf(reason, sizeof(reason), "the recorder stood still for %.1f s",
			 (double)(now - recorder->second_at) / NS_PER_SECOND);
		recorder_say_degraded(recorder, reason);
		fprintf(stderr, "docktrail: %s\n", reason);
	}
	recorder->second_at = now;
}

static int on_second(sd_event_source *timer, uint64_t due, void *user)
{
	struct recorder *recorder = user;
	uint64_t now = clock_boot_ns();
	int64_t step = scribe_clock_step(recorder->scribe);

	check_pause(recorder, now);
	if (step)
		recorder_say_clock_step(recorder, step);
	if (bpf_source_refresh_sockets(recorder->source) > 0) {
		bpf_source_sweep(recorder->source);
		recorder_say_sockets(recorder);
	}
	look_who_is_alive(recorder, now);
	recorder_audit_compare(recorder, now);
	recorder_say_losses(recorder, false);
	if (now >= recorder->beat_at) {
		bpf_source_capabilities(recorder->source, NULL, scribe_capability,
					recorder->scribe);
		recorder_say_heartbeat(recorder);
		recorder_sensitive_files(recorder);
		recorder_prove(recorder);
		recorder->beat_at = now + recorder->options->heartbeat_s * NS_PER_SECOND;
	}
	recorder_leave_anchor(recorder, now);
	recorder_prune(recorder, now);
	recorder_pack(recorder);
	measure_rate(recorder, now);
	recorder_check_disk(recorder);
	recorder_warn_names(recorder);
	recorder_write_status(recorder); /* a status that grows old is seen as such */
	sd_notify(0, "WATCHDOG=1");
	return again(timer, SECOND_US);
}

static int on_signal(sd_event_source *event_source, const struct signalfd_siginfo *info, void *user)
{
	struct recorder *recorder = user;

	return sd_event_exit(recorder->loop, 0);
}

static int add_timer(struct recorder *recorder, uint64_t in_us, sd_event_time_handler_t handler)
{
	uint64_t now;
	int r = sd_event_now(recorder->loop, CLOCK_MONOTONIC, &now);

	if (r < 0)
		return r;
	return sd_event_add_time(recorder->loop, NULL, CLOCK_MONOTONIC, now + in_us, 1000, handler,
				 recorder);
}

static int open_loop(struct recorder *recorder)
{
	int r = sd_event_new(&recorder->loop);

	for (int ring = 0; r >= 0 && ring < WIRE_RINGS; ring++)
		r = sd_event_add_io(recorder->loop, NULL,
				    bpf_source_fd(recorder->source, (enum wire_ring)ring), EPOLLIN,
				    on_ring, recorder);
	if (r >= 0 && recorder->audit)
		r = sd_event_add_io(recorder->loop, NULL, recorder_audit_fd(recorder), EPOLLIN,
				    on_audit, recorder);
	if (r >= 0)
		r = sd_event_add_signal(recorder->loop, NULL, SIGINT, on_signal, recorder);
	if (r >= 0)
		r = sd_event_add_signal(recorder->loop, NULL, SIGTERM, on_signal, recorder);
	if (r >= 0)
		r = add_timer(recorder, DRAIN_US, on_drain);
	if (r >= 0)
		r = add_timer(recorder, 0, on_second);
	return r;
}

/*
 * What was committed, told by a reader of its own: a terminal that is stopped must not stop the
 * recorder. Returns its pid, or -errno.
 */
static pid_t start_live(const struct recorder *recorder)
{
	_cleanup_buffer_ struct buffer since = {};
	pid_t child;

	clock_append_rfc3339(&since, recorder->started_wall_ns);
	if (!buffer_string(&since))
		return -ENOMEM;
	child = fork();
	if (child < 0)
		return -errno;
	if (child > 0)
		return child;
	/* Not in the terminal's foreground group: Ctrl-C ends the recorder, and that ends this one.
	 */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGTTOU, SIG_IGN);
	sigprocmask(SIG_SETMASK, &(sigset_t){}, NULL);
	execl("/proc/self/exe", "docktrail", "replay", "--trail", recorder->options->trail,
	      "--follow", "--format", recorder->options->live, "--since", since.data, NULL);
	_exit(EX_OSERR);
}

static void end_live(pid_t child)
{
	if (child <= 0)
		return;
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
}

/* ---- the end: nothing that a ring still holds is dropped */

static int end(struct recorder *recorder)
{
	struct scribe_stats stats = {};
	int r = 0, closed;

	if (recorder->scribe && recorder->source) {
		bpf_source_stop(recorder->source);
		recorder_drain_audit_whole(recorder);
		drain(recorder, true);
		bpf_source_capabilities(recorder->source, NULL, scribe_capability,
					recorder->scribe);
		scribe_end(recorder->scribe);
		recorder_end_pack(recorder);
		recorder_end_prune(recorder);
		recorder_end_sweep(recorder);
		/* A queue that is full has no room for what was lost. */
		r = scribe_sync(recorder->scribe);
		recorder_say_losses(recorder, true);
		recorder_say_stop(recorder);
		r = r ?: scribe_sync(recorder->scribe);
		recorder_leave_anchor(recorder, UINT64_MAX);
		recorder_write_status(recorder);
		scribe_get_stats(recorder->scribe, &stats);
		if (r == 0)
			recorder_say_totals(recorder, &stats);
	}
	closed = scribe_close(recorder->scribe);
	/* What waited for the disk may have been written now. */
	if (r == 0 || r == -EAGAIN)
		r = closed;
	if (r < 0)
		fprintf(stderr,
			"docktrail: the last events could not be written: %s. %" PRIu64
			" events are lost\n",
			strerror(-r), stats.events - stats.trail.events);
	return r;
}

static int block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	return sigprocmask(SIG_BLOCK, &signals, NULL) < 0 ? -errno : 0;
}

static int loop(struct recorder *recorder)
{
	pid_t live = 0;
	int r = open_loop(recorder);

	if (r < 0) {
		fprintf(stderr, "docktrail: cannot wait for events: %s\n", strerror(-r));
		return r;
	}
	recorder_announce(recorder);
	sd_notify(0, "READY=1");
	if (recorder->options->live)
		live = start_live(recorder);
	if (live < 0)
		fprintf(stderr, "docktrail: nothing is printed live: %s\n", strerror(-live));
	r = sd_event_loop(recorder->loop);
	sd_notify(0, "STOPPING=1");
	if (r < 0 && !recorder->error)
		fprintf(stderr, "docktrail: recording ends: %s\n", strerror(-r));
	if (end(recorder) < 0)
		r = -EIO;
	end_live(live);
	return r;
}

/*
 * What is masked on its way to the trail stands unmasked in memory: no core of it is written. A
 * limit alone would not hold where cores go to a program (fs/coredump.c, do_coredump).
 */
static void refuse_cores(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){});
}

int recorder_run(const struct record_options *options)
{
	struct recorder recorder = { .options = options, .trail_folder = -1 };
	int r, status;

	if (recorder_check_capabilities() < 0)
		return EX_NOPERM;
	refuse_cores();
	umask(027); /* what is made without permissions of its own is not for others either */
	r = block_signals();
	if (r == 0)
		r = recorder_begin(&recorder);
	if (r == 0)
		r = loop(&recorder);
	else {
		recorder_end_sweep(&recorder);
		scribe_close(recorder.scribe);
	}
	sd_event_unref(recorder.loop);
	recorder_end_audit(&recorder);
	status = r == -EBUSY ? EX_TEMPFAIL : r < 0 ? EX_OSERR : EX_OK;
	if (recorder.left_behind) {
		fflush(NULL);
		_exit(status);
	}
	audit_plan_free(recorder.plan);
	bpf_source_free(recorder.source);
	closep(&recorder.trail_folder);
	return status;
}
