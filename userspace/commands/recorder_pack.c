// SPDX-License-Identifier: Apache-2.0
/*
 * Closed segments are packed by a process of its own: what it takes of memory and time is not the
 * recorder's, and that may end it at any moment, as it does before payloads are dropped, for which
 * segments are written anew, too.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "commands/pack.h"
#include "commands/recorder.h"
#include "trail/rewrite.h"

static void tell_failure(struct recorder *recorder, int status)
{
	if (recorder->pack_failed)
		return;
	recorder->pack_failed = true;
	fprintf(stderr,
		"docktrail: the trail cannot be packed (exit status %d): it stays as it is, and is tried "
		"again with the next segment\n",
		status);
}

static int on_packer(sd_event_source *child, const siginfo_t *end, void *user)
{
	struct recorder *recorder = user;
	bool told_to_end = end->si_code == CLD_KILLED && end->si_status == SIGKILL;
	int status = end->si_code == CLD_EXITED ? end->si_status : EX_SOFTWARE;

	recorder->packer = 0;
	sd_event_source_unref(child);
	if (status == EX_OK)
		return 0;
	if (told_to_end)
		recorder->packed_segment = 0;
	else if (status != EX_DATAERR) /* damage is for `verify` to tell */
		tell_failure(recorder, status);
	/* What it left takes room that may be wanted. */
	(void)trail_rewrite_forget(recorder->trail_folder);
	return 0;
}

static int spawn(const struct recorder *recorder, uint64_t active, pid_t *pid)
{
	char program[] = "docktrail", command[] = "pack", trail[] = "--trail", here[] = ".";
	char parent[sizeof(PACK_FOR_RECORDER) + 48];
	char *arguments[] = { program, command, trail, here, parent, NULL };
	char *environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r = posix_spawnattr_init(&attributes);

	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0) {
		posix_spawnattr_destroy(&attributes);
		return -r;
	}
	snprintf(parent, sizeof(parent), "--" PACK_FOR_RECORDER "=%d:%" PRIu64, (int)getpid(),
		 active);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn_file_actions_addfchdir_np(&actions, recorder->trail_folder);
	if (r == 0)
		r = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, arguments,
				environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

void recorder_pack(struct recorder *recorder)
{
	sd_event_source *child = NULL;
	struct scribe_stats stats;
	int r;

	if (!recorder->options->pack)
		return;
	scribe_get_stats(recorder->scribe, &stats);
	/* There has to be room for a copy of a segment. */
	if (stats.trail.waiting_error || stats.trail.reserve_error) {
		(void)recorder_is_not_packing(recorder);
		return;
	}
	/* Once for each segment that was closed. */
	if (recorder->packer || recorder_is_pruning(recorder) ||
	    stats.trail.segment == recorder->packed_segment)
		return;
	r = spawn(recorder, stats.trail.segment, &recorder->packer);
	if (r < 0) {
		tell_failure(recorder, EX_OSERR);
		return;
	}
	recorder->packed_segment = stats.trail.segment;
	r = sd_event_add_child(recorder->loop, &child, recorder->packer, WEXITED, on_packer,
			       recorder);
	if (r < 0)
		recorder_end_pack(recorder);
}

/* What is half done is done anew later. */
bool recorder_is_not_packing(struct recorder *recorder)
{
	if (recorder->packer)
		kill(recorder->packer, SIGKILL);
	return !recorder->packer;
}

void recorder_end_pack(struct recorder *recorder)
{
	if (!recorder->packer)
		return;
	kill(recorder->packer, SIGKILL);
	waitpid(recorder->packer, NULL, 0);
	recorder->packer = 0;
	(void)trail_rewrite_forget(recorder->trail_folder);
}
