// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/committed.h"

/* Where inotify is blind (a network file system, a folder mounted over) the trail is looked at
 * anyway. */
#define LOOK_AT_LEAST_EVERY_MS 5000

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
	asked_to_end = 1;
}

int replay_wait_begin(const char *folder)
{
	struct sigaction action = { .sa_handler = on_signal };
	_cleanup_close_ int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	_cleanup_free_ char *path = NULL;

	if (watch < 0)
		return -errno;
	if (asprintf(&path, "%s/%s", folder, TRAIL_COMMITTED_FILE) < 0)
		return -ENOMEM;
	/* It is written in place. Before the first commit it is not there yet. */
	if (inotify_add_watch(watch, path, IN_MODIFY | IN_CLOSE_WRITE) < 0 &&
	    inotify_add_watch(watch, folder, IN_CREATE | IN_MOVED_TO | IN_MODIFY) < 0)
		return -errno;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return TAKE_FD(watch);
}

int replay_wait(int watch)
{
	struct timespec most = { .tv_sec = LOOK_AT_LEAST_EVERY_MS / 1000 };
	struct pollfd poll = { .fd = watch, .events = POLLIN };
	sigset_t ours, before;
	char events[4096];
	int r;

	/* Blocked but while waiting: a signal between the look and the wait is not missed. */
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &before);
	r = asked_to_end ? 0 : ppoll(&poll, 1, &most, &before);
	if (r < 0)
		r = errno == EINTR ? 0 : -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r > 0)
		while (read(watch, events, sizeof(events)) > 0)
			;
	if (asked_to_end)
		return 0;
	return r < 0 ? r : 1;
}
