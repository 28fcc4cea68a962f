// SPDX-License-Identifier: Apache-2.0
#include "commands/recorder.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
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

#define DRAIN_US  50000 /* a record waits in its ring this long at most */
#define SECOND_US 1000000

/* ---- what must be there before anything begins */

static int check_capabilities(void)
{
	static const struct {
		unsigned int capability;
		const char *name, *why;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF", "to load the probes" },
		{ CAP_PERFMON, "CAP_PERFMON", "to attach them" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
		  "to find the kernel's types and iterate over its sockets" },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to read programs and login uids in /proc" },
		{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "to read the engine's files" },
	};
	int missing = 0;

	if (capng_get_caps_process() < 0)
		return 0; /* attaching will tell */
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, needed[i].capability))
			continue;
		fprintf(stderr, "docktrail: %s is missing, %s\n", needed[i].name, needed[i].why);
		missing++;
	}
	if (missing)
		fprintf(stderr,
			"docktrail: run it as root, or as a service with these capabilities\n");
	return missing ? -EPERM : 0;
}

/* Field 22 of /proc/self/stat: with the pid it tells this recorder from a later one of the same
 * pid. */
static uint64_t own_start_ticks(void)
{
	_cleanup_buffer_ struct buffer contents = {};
	unsigned long long ticks = 0;
	const char *at;

	if (file_read(AT_FDCWD, "/proc/self/stat", 4096, &contents) < 0 ||
	    !buffer_string(&contents))
		return 0;
	at = strrchr(contents.data, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		sscanf(at, "%llu", &ticks);
	return ticks;
}

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
	scribe_tick(recorder->scribe);
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

static void check_disk(struct recorder *recorder)
{
	struct scribe_stats stats;

	scribe_get_stats(recorder->scribe, &stats);
	if (!stats.trail.error || recorder->disk_failed)
		return;
	recorder->disk_failed = true;
	fprintf(stderr,
		"docktrail: the trail %s cannot be written: %s. Recording ends: nothing of this would "
		"be kept\n",
		recorder->options->trail, strerror(-stats.trail.error));
	recorder->error = stats.trail.error;
	sd_event_exit(recorder->loop, stats.trail.error);
}

/* Written, synced and gone all the same: no write says so when somebody has removed the folder. */
static void check_folder(struct recorder *recorder)
{
	struct stat status;

	if (recorder->disk_failed || fstat(recorder->trail_folder, &status) < 0 ||
	    status.st_nlink > 0)
		return;
	recorder->disk_failed = true;
	fprintf(stderr,
		"docktrail: the trail %s was removed. Recording ends: nothing of this would be kept\n",
		recorder->options->trail);
	recorder->error = -ENOENT;
	sd_event_exit(recorder->loop, -ENOENT);
}

static void warn_if_others_write(const struct recorder *recorder)
{
	struct stat status;

	if (fstat(recorder->trail_folder, &status) < 0 ||
	    (status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH))))
		return;
	fprintf(stderr,
		"docktrail: others than its owner can write the folder %s and remove what is recorded "
		"there; `verify` would say so, but the evidence would be gone. chown it and chmod 0750\n",
		recorder->options->trail);
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

static int on_second(sd_event_source *timer, uint64_t due, void *user)
{
	struct recorder *recorder = user;
	uint64_t now = clock_boot_ns();
	int64_t step = scribe_clock_step(recorder->scribe);

	if (step)
		recorder_say_clock_step(recorder, step);
	if (bpf_source_refresh_sockets(recorder->source) > 0) {
		bpf_source_sweep(recorder->source);
		recorder_say_sockets(recorder);
	}
	look_who_is_alive(recorder, now);
	recorder_say_losses(recorder);
	if (now >= recorder->beat_at) {
		recorder_say_heartbeat(recorder);
		recorder->beat_at = now + recorder->options->heartbeat_s * NS_PER_SECOND;
	}
	measure_rate(recorder, now);
	check_disk(recorder);
	check_folder(recorder);
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

/* ---- beginning */

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	const struct recorder *recorder = user;

	return bpf_source_socket_path(recorder->source, inode, device);
}

/* Should it fail, more goes through the rings than is needed. */
static void handed_over(void *user, uint64_t connection)
{
	const struct recorder *recorder = user;

	bpf_source_handed_over(recorder->source, connection);
}

/* libbpf guesses at `ulimit -l` whenever something is refused: no kernel that is supported counts
 * the memory of BPF by it. */
static void say_diagnosis(const char *lines)
{
	while (*lines) {
		size_t length = strcspn(lines, "\n");
		const char *guess = strstr(lines, "ulimit -l");

		if (length > 0 && (!guess || guess > lines + length))
			fprintf(stderr, "%.*s\n", (int)length, lines);
		lines += length + (lines[length] == '\n');
	}
}

static int open_source(struct recorder *recorder)
{
	_cleanup_buffer_ struct buffer diagnosis = {};
	struct bpf_options options = {
		.sockets = (const char *const *)recorder->options->sockets.items,
		.rung = recorder->options->rung,
		.volume_bytes = recorder->options->volume_bytes
	};
	int r;

	memcpy(options.ring_bytes, recorder->options->ring_bytes, sizeof(options.ring_bytes));
	r = bpf_source_open(&options, &recorder->source, &diagnosis);
	if (r < 0) {
		fprintf(stderr, "docktrail: the probes cannot be attached: %s\n", strerror(-r));
		say_diagnosis(buffer_string(&diagnosis) ?: "");
		if (options.rung)
			fprintf(stderr,
				"docktrail: only the rung %s was tried: without --rung the best one that "
				"attaches is taken\n",
				options.rung);
		fprintf(stderr,
			"docktrail: without them nothing can be recorded. Needed are a kernel of 5.17 or "
			"later with BTF and root. Trails that exist can be replayed and verified all the "
			"same\n");
	}
	return r;
}

static int open_scribe(struct recorder *recorder)
{
	_cleanup_buffer_ struct buffer problem = {};
	struct scribe_options options = { .record = recorder->options,
					  .source = bpf_source_rung(recorder->source),
					  .socket_path = socket_path,
					  .handed_over = handed_over,
					  .user = recorder };
	int r = bpf_source_host_namespaces(recorder->source, options.host_namespaces);

	if (r < 0)
		fprintf(stderr,
			"docktrail: the host's own namespaces are not known (%s): only those with fixed "
			"numbers are told from others\n",
			strerror(-r));
	r = scribe_open(&options, &recorder->scribe, &problem);
	if (r < 0)
		fprintf(stderr, "docktrail: %s\n", buffer_string(&problem) ?: strerror(-r));
	return r;
}

/* The order matters: probes first, then /proc and open connections, so that nothing falls in
 * between. */
static int begin(struct recorder *recorder)
{
	int r = open_source(recorder);

	if (r == 0)
		r = open_scribe(recorder);
	if (r < 0)
		return r;
	recorder->trail_folder = open(recorder->options->trail, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (recorder->trail_folder < 0) {
		fprintf(stderr, "docktrail: cannot open %s: %m\n", recorder->options->trail);
		return -errno;
	}
	warn_if_others_write(recorder);
	recorder->started_wall_ns = clock_wall_ns();
	recorder->start_ticks = own_start_ticks();
	r = scribe_seed(recorder->scribe);
	if (r < 0)
		fprintf(stderr, "docktrail: not all that was there before is known: %s\n",
			strerror(-r));
	recorder_say_recovery(recorder);
	recorder_say_start(recorder);
	r = bpf_source_sweep(recorder->source);
	if (r < 0)
		fprintf(stderr, "docktrail: connections that were open before are not known: %s\n",
			strerror(-r));
	malloc_trim(0); /* the kernel's types and /proc took more than recording will */
	r = scribe_sync(recorder->scribe);
	if (r < 0)
		fprintf(stderr, "docktrail: the trail %s cannot be written: %s\n",
			recorder->options->trail, strerror(-r));
	return r;
}

static const char *socket_words(const struct bpf_socket_state *state)
{
	struct stat status;

	if (state->present)
		return "is watched";
	if (stat(state->path, &status) == 0 && !S_ISSOCK(status.st_mode))
		return "is no socket: it is watched as soon as an engine makes one there";
	return "is not there yet: it is watched as soon as it appears";
}

/* "sk_data_ready" of "tp_btf/sk_data_ready"; "unix" alone would say little of "iter/unix". */
static const char *short_name(const char *hook)
{
	const char *slash = strrchr(hook, '/');

	return slash && strncmp(hook, "iter/", 5) != 0 ? slash + 1 : hook;
}

static bool is_named_before(const struct bpf_hook_state *hooks, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (hooks[j].attached && strcmp(hooks[j].purpose, "process") != 0 &&
		    strcmp(short_name(hooks[j].hook), short_name(hooks[i].hook)) == 0)
			return true;
	return false;
}

static void announce_hooks(const struct recorder *recorder)
{
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(recorder->source, &hooks);
	const char *comma = "";

	fprintf(stderr, "recording to %s by rung %s:", recorder->options->trail,
		bpf_source_rung(recorder->source));
	for (size_t i = 0; i < count; i++) {
		if (!hooks[i].attached || strcmp(hooks[i].purpose, "process") == 0 ||
		    is_named_before(hooks, i))
			continue;
		fprintf(stderr, "%s %s", comma, short_name(hooks[i].hook));
		comma = ",";
	}
	fputc('\n', stderr);
}

/* Without its folder of containers a container has an id, but no name and no image. */
static void announce_engine_roots(const struct recorder *recorder)
{
	const struct string_list *roots = &recorder->options->engine_roots;
	_cleanup_buffer_ struct buffer path = {};

	for (unsigned int i = 0; i < roots->count; i++) {
		buffer_clear(&path);
		buffer_printf(&path, "%s/containers", roots->items[i]);
		if (!buffer_string(&path) || access(path.data, F_OK) == 0)
			return;
	}
	fprintf(stderr,
		"  %s has no containers: names of containers will be missing if the engine keeps them "
		"elsewhere; --engine-root DIR says where (`docker info`: Docker Root Dir)\n",
		roots->count == 1 ? roots->items[0] : "no engine's folder");
}

/* Verifying needs nothing but the trail's first key, and must not rest on a copy on this host. */
static void announce_root(const struct recorder *recorder)
{
	struct scribe_stats stats;

	if (scribe_recovery(recorder->scribe)->found == TRAIL_FOUND_NOTHING) {
		fprintf(stderr, "  a new trail; keep its root key somewhere else:\n  %s\n",
			scribe_root(recorder->scribe));
		return;
	}
	scribe_get_stats(recorder->scribe, &stats);
	fprintf(stderr, "  continues a trail of %llu events; its root key:\n  %s\n",
		(unsigned long long)(stats.trail.committed_event - stats.trail.events),
		scribe_root(recorder->scribe));
}

static void announce(struct recorder *recorder)
{
	const struct bpf_socket_state *sockets;
	size_t count = bpf_source_sockets(recorder->source, &sockets);

	announce_hooks(recorder);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "  %s %s\n", sockets[i].path, socket_words(&sockets[i]));
	for (const char *const *blind = bpf_source_blind(recorder->source); *blind; blind++)
		fprintf(stderr, "  not seen by this rung: %s\n", *blind);
	announce_engine_roots(recorder);
	announce_root(recorder);
	fflush(stderr);
}

/* What was recorded, and what to do next. */
static void say_totals(const struct recorder *recorder, const struct scribe_stats *stats)
{
	uint64_t lost = stats->losses.queue + stats->losses.memory + stats->losses.bad;

	for (int message = 0; message < WIRE_MESSAGES; message++)
		for (int loss = 0; loss < WIRE_LOSSES; loss++)
			if (loss != WIRE_LOSS_volume && loss != WIRE_LOSS_stream)
				lost += recorder->told[message][loss].records;
	fprintf(stderr, "recorded %llu events, ", (unsigned long long)stats->events);
	if (lost)
		fprintf(stderr, "LOST %llu records", (unsigned long long)lost);
	else
		fprintf(stderr, "lost none");
	fprintf(stderr, "; check it with:\n  docktrail verify --trail %s",
		recorder->options->trail);
	if (recorder->options->state &&
	    (strcmp(recorder->options->trail, RECORD_TRAIL_DEFAULT) != 0 ||
	     strcmp(recorder->options->state, RECORD_STATE_DEFAULT) != 0))
		fprintf(stderr, " --state %s", recorder->options->state);
	fprintf(stderr, " --root %s\n", scribe_root(recorder->scribe));
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
	struct scribe_stats stats;
	int r = 0, closed;

	if (recorder->scribe && recorder->source) {
		drain(recorder, true);
		scribe_end(recorder->scribe);
		recorder_say_losses(recorder);
		recorder_say_stop(recorder);
		r = scribe_sync(recorder->scribe);
		recorder_write_status(recorder);
		scribe_get_stats(recorder->scribe, &stats);
		if (r == 0)
			say_totals(recorder, &stats);
	}
	closed = scribe_close(recorder->scribe);
	if (r == 0)
		r = closed;
	if (r < 0)
		fprintf(stderr, "docktrail: the last events could not be written: %s\n",
			strerror(-r));
	return r;
}

static int block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
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
	announce(recorder);
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

int recorder_run(const struct record_options *options)
{
	struct recorder recorder = { .options = options, .trail_folder = -1 };
	int r;

	if (check_capabilities() < 0)
		return EX_NOPERM;
	r = block_signals();
	if (r == 0)
		r = begin(&recorder);
	if (r == 0)
		r = loop(&recorder);
	else
		scribe_close(recorder.scribe);
	sd_event_unref(recorder.loop);
	bpf_source_free(recorder.source);
	closep(&recorder.trail_folder);
	if (r == -EBUSY)
		return EX_TEMPFAIL;
	return r < 0 ? EX_OSERR : EX_OK;
}
