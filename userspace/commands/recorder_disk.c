// SPDX-License-Identifier: Apache-2.0
/* What the disk does to the trail, and an anchor of the trail where the disk does not matter. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "commands/recorder.h"

#define LINE_USUAL (64u << 10) /* bytes: what is left of a queue that takes no more */

static void say(struct recorder *recorder, const char *reason)
{
	recorder_say_degraded(recorder, reason);
	fprintf(stderr, "docktrail: %s\n", reason);
}

/* It is tried again after each commit: until then one segment grows. */
static void check_rotation(struct recorder *recorder, int error)
{
	char reason[160];

	if (error == recorder->rotation_error)
		return;
	recorder->rotation_error = error;
	if (error)
		snprintf(
			reason, sizeof(reason),
			"the trail goes on in a segment that is full: the next one cannot be made: %s",
			strerror(-error));
	else
		snprintf(reason, sizeof(reason), "the trail has begun its next segment");
	say(recorder, reason);
}

/* How far down the ladder it is: docktrail-record(8), on_full. */
static enum recorder_room room_left(const struct recorder *recorder,
				    const struct trail_writer_stats *trail)
{
	size_t most = recorder->options->queue_bytes;

	if (!trail->waiting_error)
		return trail->reserve_error ? ROOM_WITHOUT_RESERVE : ROOM_ENOUGH;
	if (trail->queue_bytes < most - most / 4 - LINE_USUAL)
		return ROOM_IN_MEMORY;
	return trail->queue_bytes < most - LINE_USUAL ? ROOM_FOR_EVIDENCE : ROOM_NONE;
}

void recorder_room_words(const struct recorder *recorder, struct buffer *out)
{
	static const char *const waiting[] = {
		[ROOM_IN_MEMORY] = ": events wait in memory",
		[ROOM_FOR_EVIDENCE] = ", and most of the memory for what waits is in use: only "
				      "evidence is kept, the rest is counted",
		[ROOM_NONE] = ", and all of the memory for what waits is in use: events are only "
			      "counted",
	};
	bool full = recorder->room_error == -ENOSPC || recorder->room_error == -EDQUOT;

	if (recorder->room == ROOM_ENOUGH)
		buffer_append_string(out, full ? "there is room on the disk for the trail again"
					       : "the disk takes the trail again");
	else if (recorder->room == ROOM_WITHOUT_RESERVE)
		buffer_append_string(out, "the disk is nearly full: no room could be kept for the "
					  "trail's next segment");
	else if (full)
		buffer_append_string(out, "the disk is full");
	else
		buffer_printf(out, "the disk does not take the trail (%s)",
			      strerror(-recorder->room_error));
	if (recorder->room >= ROOM_IN_MEMORY)
		buffer_append_string(out, waiting[recorder->room]);
}

static void check_room(struct recorder *recorder, const struct trail_writer_stats *trail)
{
	enum recorder_room room = room_left(recorder, trail);
	_cleanup_buffer_ struct buffer words = {};

	if (room == recorder->room)
		return;
	recorder->room = room;
	/* Whether it was room that there is again is told by what there was before. */
	recorder->room_error = trail->waiting_error ?: trail->reserve_error ?: recorder->room_error;
	recorder_room_words(recorder, &words);
	say(recorder, buffer_string(&words) ?: "");
}

/* What was to be written is written; that it went elsewhere is to be known. */
static void check_failures(struct recorder *recorder, const struct trail_writer_stats *trail)
{
	char reason[160];

	if (trail->failures == recorder->disk_failures || trail->waiting_error || trail->error)
		return;
	recorder->disk_failures = trail->failures;
	snprintf(reason, sizeof(reason),
		 "a write to the trail failed (%s): what it was to write is in a new file",
		 strerror(-trail->failure));
	say(recorder, reason);
}

static void check_errors(struct recorder *recorder)
{
	struct scribe_stats stats;

	scribe_get_stats(recorder->scribe, &stats);
	check_rotation(recorder, stats.trail.rotation_error);
	check_room(recorder, &stats.trail);
	check_failures(recorder, &stats.trail);
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

void recorder_check_disk(struct recorder *recorder)
{
	check_errors(recorder);
	check_folder(recorder);
}

/*
 * A line for the journal, by its native protocol (systemd, JOURNAL_NATIVE_PROTOCOL).
 * sd_journal_send() waits while the journal reads nothing, and recording would with it. Returns 0,
 * also where there is no journal; -errno.
 */
static int tell_journal(const char *message)
{
	static const struct sockaddr_un journal = { .sun_family = AF_UNIX,
						    .sun_path = "/run/systemd/journal/socket" };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[512];
	int length = snprintf(text, sizeof(text),
			      "SYSLOG_IDENTIFIER=docktrail\nPRIORITY=%d\nMESSAGE=%s\n", LOG_INFO,
			      message);

	if (fd < 0)
		return -errno;
	if (sendto(fd, text, (size_t)length, MSG_NOSIGNAL, (const struct sockaddr *)&journal,
		   sizeof(journal)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 0 : -errno;
	return 0;
}

/* A copy of how far the trail goes, where who changes the trail may not reach it. */
void recorder_leave_anchor(struct recorder *recorder, uint64_t now)
{
	struct scribe_stats stats;
	char message[sizeof("docktrail checkpoint ") + 2 * TRAIL_HASH_BYTES + 64], *at = message;

	if (!recorder->options->checkpoint_s || now < recorder->checkpoint_at)
		return;
	scribe_get_stats(recorder->scribe, &stats);
	if (!stats.trail.committed_frame)
		return;
	at += sprintf(at, "docktrail checkpoint %s:%" PRIu64 ":", scribe_trail_id(recorder->scribe),
		      stats.trail.committed_frame);
	hex_put(at, stats.trail.head, TRAIL_HASH_BYTES);
	if (tell_journal(message) == 0)
		recorder->checkpoint_at = now + recorder->options->checkpoint_s * NS_PER_SECOND;
}
