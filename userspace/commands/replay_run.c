// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "commands/replay_count.h"
#include "commands/replay_gather.h"
#include "commands/replay_lines.h"
#include "commands/replay_source.h"
#include "commands/replay_wait.h"
#include "event/json.h"
#include "event/record.h"
#include "output/escape.h"
#include "trail/folder.h"
#include "trail/old.h"

#define WARNINGS_MOST     20
#define PROGRESS_AFTER_NS (2 * NS_PER_SECOND)
#define PROGRESS_EVERY_NS (NS_PER_SECOND / 4)

struct run {
	struct replay *replay;
	struct replay_source *source;
	struct replay_lines lines;
	struct record *record;
	void *state;                 /* of the format */
	struct replay_count *values; /* counted instead, by --count-by */
	bool wrote;
	struct replay_gather gather;
	uint64_t frames, events, shown;
	uint64_t outside;       /* events of frames whose headers tell that none can match */
	uint64_t gone, gone_ns; /* events of frames whose payload was dropped, and when the last was
				   made */
	unsigned int warnings;
	bool damaged;
	int error; /* of what is done where nothing can be returned */
	bool progress, progress_shown;
	uint64_t began_ns, progress_ns;
};

static void hide_progress(struct run *run)
{
	if (run->progress_shown)
		fputs("\r\033[K", stderr);
	run->progress_shown = false;
}

static void show_progress(struct run *run)
{
	uint64_t now;

	if (!run->progress)
		return;
	now = clock_boot_ns();
	if (now < run->began_ns + PROGRESS_AFTER_NS || now < run->progress_ns + PROGRESS_EVERY_NS)
		return;
	run->progress_ns = now;
	run->progress_shown = true;
	fprintf(stderr, "\r\033[K%" PRIu64 " frames, %" PRIu64 " events read, %" PRIu64 " found",
		run->frames, run->events, run->shown);
	fflush(stderr);
}

static void warn_place(struct run *run, const char *path, uint64_t offset, const char *what)
{
	_cleanup_buffer_ struct buffer safe = {};

	if (++run->warnings > WARNINGS_MOST)
		return;
	hide_progress(run);
	fflush(stdout);
	escape_append(&safe, text_of(path));
	fprintf(stderr, "%s: %s at offset %" PRIu64 ": %s\n", run->replay->name,
		buffer_string(&safe) ?: "", offset, what);
	if (run->warnings == WARNINGS_MOST)
		fprintf(stderr, "%s: more of these are counted, not shown\n", run->replay->name);
}

static void tell_damage(struct run *run, const char *path, uint64_t offset, int error)
{
	if (error == -EINPROGRESS) {
		warn_place(run, path, offset,
			   "what lies behind was never acknowledged: a crash. It is not shown");
		return;
	}
	run->damaged = true;
	if (error == -EPIPE || error == -ENOENT) {
		warn_place(
			run, path, offset,
			error == -EPIPE
				? "CUT OFF: the segment ends within a frame. What comes before it "
				  "is shown; `docktrail verify` says what can still be relied on"
				: "CUT OFF: frames that were committed behind it are not there. "
				  "`docktrail verify` says what can still be relied on");
		return;
	}
	warn_place(
		run, path, offset,
		error == -EPROTONOSUPPORT
			? "WRITTEN BY A LATER VERSION: this frame cannot be read. The rest is shown"
			: "DAMAGED: this frame does not decode. The rest is shown; "
			  "`docktrail verify` says what can still be relied on");
}

static int show_line(void *context, const struct replay_line *line)
{
	struct run *run = context;
	int r;

	if (!line->passes || !run->lines.whole) {
		r = record_parse_json(run->record, line->text.data, line->text.length);
		if (r == -EBADMSG) {
			run->damaged = true;
			if (++run->warnings <= WARNINGS_MOST)
				fprintf(stderr, "%s: NOT AN EVENT: a line of the trail, left out\n",
					run->replay->name);
			return 0;
		}
		if (r < 0)
			return r;
		if (!line->passes && !replay_select_record(&run->replay->select, run->record))
			return 0;
	}
	run->shown++;
	if (run->values)
		return replay_count_add(run->values, run->record);
	hide_progress(run);
	return run->replay->format->write(run->state, run->record, line->text);
}

/* A frame's lines: told at once, or gathered while the commit has more frames. */
static int show_frame(struct run *run, struct replay_frame *frame)
{
	const struct trail_header *header = &frame->frame.header;
	bool whole = header->commit_frames <= 1;
	struct replay_line line;
	int r = 0;

	if (whole || run->gather.commit != header->commit_first_event)
		r = replay_gather_show(&run->gather, show_line, run);
	if (r < 0)
		return r;
	run->gather.commit = header->commit_first_event;
	if (frame->error == -EBADMSG) {
		tell_damage(run, frame->path, frame->frame.offset, -EBADMSG);
		return 0;
	}
	if (frame->error < 0)
		return frame->error;
	run->events += header->event_count;
	while (r >= 0 && replay_lines_next_line(&run->lines, frame, &line))
		r = whole ? show_line(run, &line) : replay_gather_add(&run->gather, header, &line);
	if (r >= 0 && !whole && header->commit_index + 1 == header->commit_frames)
		r = replay_gather_show(&run->gather, show_line, run);
	return r < 0 ? r : 0;
}

/* The frames that were asked for and are ready; `wait`: all of them. */
static int show_frames(struct run *run, bool wait)
{
	struct replay_frame *frame;
	int r = 0;

	while (r == 0 && (frame = replay_lines_first(&run->lines, wait))) {
		r = show_frame(run, frame);
		replay_lines_take_back(&run->lines);
	}
	return r;
}

static int take_frame(struct run *run)
{
	struct replay_frame *frame;
	int r;

	while ((r = replay_lines_ask(&run->lines, run->source)) == 0) {
		frame = replay_lines_first(&run->lines, true);
		r = show_frame(run, frame);
		replay_lines_take_back(&run->lines);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : show_frames(run, false);
}

/* Behind what comes before it. */
static void on_damage(void *context, const char *path, uint64_t offset, int error)
{
	struct run *run = context;

	run->error = run->error ?: show_frames(run, true);
	tell_damage(run, path, offset, error);
}

/* What the header counts need not be looked at. Returns 1, 0 when it must be, -errno. */
static int count_frame(struct run *run, const struct trail_header *header)
{
	int r;

	if (!run->values || !replay_select_whole(&run->replay->select, header))
		return 0;
	r = replay_count_add_frame(run->values, header);
	if (r > 0) {
		run->events += header->event_count;
		run->shown += header->event_count;
	}
	return r;
}

/* A segment that need not be read: none of its events can match, or all are counted by what is
 * told of them. */
static bool leave_out(void *context, const struct trail_header *whole)
{
	struct run *run = context;
	int r;

	if (!replay_select_frame(&run->replay->select, whole)) {
		run->outside += whole->event_count;
		return true;
	}
	r = count_frame(run, whole);
	if (r < 0)
		run->error = r;
	return r > 0;
}

static int open_source(struct run *run)
{
	const struct replay *replay = run->replay;
	int r = replay_source_open(replay->paths, replay->path_count, on_damage, run, &run->source);

	if (r == 0)
		replay_source_set_skip(run->source, leave_out, run);
	return r;
}

/* All that there is now. */
static int catch_up(struct run *run)
{
	const struct trail_header *header;
	int r, shown;

	while ((r = replay_source_next(run->source, &header)) > 0) {
		run->frames++;
		show_progress(run);
		if (!replay_select_frame(&run->replay->select, header)) {
			run->outside += header->event_count;
			continue;
		}
		r = count_frame(run, header);
		if (r > 0)
			continue;
		if (r < 0)
			return r;
		if (replay_source_is_pruned(run->source)) {
			run->gone += header->event_count;
			run->gone_ns = header->wall_ns;
			continue;
		}
		r = run->error ?: take_frame(run);
		if (r < 0)
			return r;
	}
	/* Also where reading has failed. */
	shown = run->error ?: show_frames(run, true);
	r = r ?: shown;
	return r ?: replay_gather_show(&run->gather, show_line, run);
}

static int flush(void)
{
	errno = 0;
	return fflush(stdout) == 0 ? 0 : errno ? -errno : -EIO;
}

/* The trail was set aside, and a new one is there. */
static int follow_anew(struct run *run, int *watch)
{
	const struct replay *replay = run->replay;

	hide_progress(run);
	fprintf(stderr,
		"%s: THE TRAIL WAS BEGUN ANEW: what comes is of the new one; the one before lies in "
		"%s/" TRAIL_OLD_FOLDER "\n",
		replay->name, replay->folder);
	replay_source_close(run->source);
	run->source = NULL;
	closep(watch);
	*watch = replay_wait_begin(replay->folder);
	if (*watch < 0)
		return *watch;
	return open_source(run);
}

static int follow(struct run *run)
{
	_cleanup_close_ int watch = replay_wait_begin(run->replay->folder);
	int r;

	if (watch < 0)
		return watch;
	for (;;) {
		r = catch_up(run);
		if (r == 0 || r == -ESTALE) {
			int flushed = flush();

			r = flushed < 0 ? flushed : r;
		}
		if (r == -ESTALE) {
			r = follow_anew(run, &watch);
			if (r == 0)
				continue;
		}
		if (r < 0)
			return r;
		if (!replay_source_can_follow(run->source)) {
			fprintf(stderr,
				"%s: behind damage a trail cannot be followed; what is new: --since now --follow "
				"in a sound trail\n",
				run->replay->name);
			return 0;
		}
		r = replay_wait(watch);
		if (r <= 0)
			return r;
	}
}

static bool is_json(const struct replay *replay)
{
	return strcmp(replay->format->name, "json") == 0;
}

/* What was held back until now. */
static int finish(struct run *run)
{
	uint64_t others;

	if (!run->values)
		return run->replay->format->finish(run->state);
	hide_progress(run);
	others = replay_count_others(run->values);
	if (others)
		fprintf(stderr,
			"%s: TOO MANY VALUES: %" PRIu64 " events have others than the %u that are "
			"counted one by one; ask for less, or with a --where\n",
			run->replay->name, others, REPLAY_COUNT_VALUES_MOST);
	return replay_count_write(run->values, stdout, is_json(run->replay));
}

static int tell_all(struct run *run)
{
	int r;

	if (run->replay->follow)
		r = follow(run);
	else
		r = catch_up(run);
	if (r == -ESTALE) {
		fprintf(stderr,
			"%s: the trail was begun anew meanwhile: what is missing lies in "
			"its folder " TRAIL_OLD_FOLDER "\n",
			run->replay->name);
		run->damaged = true;
		r = 0;
	}
	/* What is gathered is told even where reading failed. */
	if (r != -EPIPE) {
		int finished = finish(run);

		hide_progress(run);
		r = r < 0 ? r : finished;
	}
	return r < 0 ? r : flush();
}

static int begin(struct run *run)
{
	const struct replay *replay = run->replay;
	struct format_options options = { .colour = terminal_colour(STDOUT_FILENO, replay->colour),
					  .local = replay->local,
					  .follow = replay->follow,
					  .width = terminal_width(STDOUT_FILENO) };
	int r;

	r = record_new(&run->record);
	if (r < 0)
		return r;
	run->lines = (struct replay_lines){ .select = &replay->select,
					    .whole = is_json(replay) &&
						     replay->count_by == FIELD_COUNT };
	r = replay_lines_begin(&run->lines);
	if (r < 0)
		return r;
	run->began_ns = clock_boot_ns();
	run->progress = isatty(STDERR_FILENO) && !replay->follow;
	if (replay->count_by != FIELD_COUNT)
		return replay_count_new(replay->count_by, &run->values);
	return replay->format->new (stdout, &options, &run->state);
}

static void end(struct run *run)
{
	if (run->state)
		run->replay->format->free(run->state);
	replay_count_free(run->values);
	replay_source_close(run->source);
	record_free(run->record);
	replay_lines_end(&run->lines);
	replay_gather_clear(&run->gather);
}

/* Nothing at all would look as if nothing had happened, or as if the name were right. */
static void say_nothing_matches(const struct run *run)
{
	fprintf(stderr, "%s: no event matches: %" PRIu64 " looked at", run->replay->name,
		run->events);
	if (run->outside)
		fprintf(stderr, ", %" PRIu64 " more in frames that hold none", run->outside);
	fputc('\n', stderr);
}

int replay_run(struct replay *replay)
{
	_cleanup_(end)
	struct run run = { .replay = replay };
	const char *other = replay_source_misfit(replay->paths, replay->path_count);
	int r;

	if (other) {
		fprintf(stderr, "%s: %s is no trail or segment\n", replay->name, other);
		return EX_NOINPUT;
	}
	r = open_source(&run);
	if (r == -ENOENT || r == -EACCES || r == -ENOTDIR)
		return replay_say_no_trail(replay, r);
	if (r == 0)
		r = begin(&run);
	if (r == 0)
		r = tell_all(&run);
	if (r < 0 && r != -EPIPE) {
		fprintf(stderr, "%s: %s\n", replay->name, strerror(-r));
		return r == -ENOMEM ? EX_OSERR : EX_IOERR;
	}
	if (run.gone)
		replay_say_gone(replay, run.gone, run.gone_ns);
	if (run.shown == 0 && !replay->follow && !replay_select_all(&replay->select))
		say_nothing_matches(&run);
	if (!replay->follow && replay->path_count <= 1)
		replay_say_older_trails(replay);
	replay_say_other_name(replay);
	if (run.warnings > WARNINGS_MOST)
		fprintf(stderr, "%s: %u places could not be read\n", replay->name, run.warnings);
	return run.damaged ? EX_DATAERR : 0;
}
