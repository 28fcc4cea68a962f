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

	if (!trail->full_error)
		return trail->reserve_error ? ROOM_WITHOUT_RESERVE : ROOM_ENOUGH;
	if (trail->queue_bytes < most - most / 4 - LINE_USUAL)
		return ROOM_IN_MEMORY;
	return trail->queue_bytes < most - LINE_USUAL ? ROOM_FOR_EVIDENCE : ROOM_NONE;
}

const char *recorder_room_words(enum recorder_room room)
{
	static const char *const words[] = {
		[ROOM_ENOUGH] = "there is room on the disk for the trail again",
		[ROOM_WITHOUT_RESERVE] = "the disk is nearly full: no room could be kept for the "
					 "trail's next segment",
		[ROOM_IN_MEMORY] = "the disk is full: events wait in memory",
		[ROOM_FOR_EVIDENCE] =
			"the disk is full, and so is most of the memory for what waits: "
			"only evidence is kept, the rest is counted",
		[ROOM_NONE] =
			"the disk is full, and so is the memory for what waits: events are only "
			"counted",
	};

	return words[room];
}

static void check_room(struct recorder *recorder, const struct trail_writer_stats *trail)
{
	enum recorder_room room = room_left(recorder, trail);

	if (room == recorder->room)
		return;
	recorder->room = room;
	say(recorder, recorder_room_words(room));
}

static void check_errors(struct recorder *recorder)
{
	struct scribe_stats stats;

	scribe_get_stats(recorder->scribe, &stats);
	check_rotation(recorder, stats.trail.rotation_error);
	check_room(recorder, &stats.trail);
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
