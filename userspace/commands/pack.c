// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "commands/command.h"
#include "commands/pack.h"
#include "output/quantity.h"
#include "trail/folder.h"
#include "trail/io.h"
#include "trail/pack.h"
#include "trail/rewrite.h"

static const char documentation[] =
	"Compress the closed segments of a trail again, harder, several payloads together. What was signed stays as it "
	"is, and so does what every reader finds in it; `zstd -dc` reads them as before."
	"\v"
	"Each segment is replaced at once, so that this may be ended at any time and goes on later where it was. It runs "
	"when nothing else wants the machine. While a recorder is at work on the trail this is not done: with pack = yes "
	"in its configuration it does so itself.\n\n"
	"A damaged segment stays as it is: damage is evidence.\n\n"
	"For example:\n"
	"  docktrail pack ./trail\n\n"
	"Exit status: 0; 64 usage; 65 some segment is damaged; 66 there is no trail; 74 reading or writing failed; 75 a "
	"recorder is at work; 130 it was ended.";

enum {
	KEY_TRAIL = 't',
	KEY_JSON = 'j',
	KEY_FOR = 0x100,
};

static const struct argp_option options[] = {
	{ "trail", KEY_TRAIL, "DIR", 0, "Folder of the trail (" COMMAND_DEFAULT_TRAIL ")", 0 },
	{ "json", KEY_JSON, NULL, 0, "Say as JSON what was done", 0 },
	{ PACK_FOR_RECORDER, KEY_FOR, "PID:SEGMENT", OPTION_HIDDEN, NULL, 0 },
	{},
};

struct asked {
	const char *trail;
	bool json;
	pid_t recorder;   /* whose process this is: it has the lock; 0: nobody's */
	uint64_t segment; /* that it writes to */
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct asked *asked = state->input;

	switch (key) {
	case KEY_TRAIL:
		asked->trail = argument;
		return 0;
	case KEY_JSON:
		asked->json = true;
		return 0;
	case KEY_FOR:
		if (sscanf(argument, "%d:%" SCNu64, &asked->recorder, &asked->segment) != 2)
			argp_error(state, "this option is the recorder's own");
		return 0;
	case ARGP_KEY_ARG:
		asked->trail = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static atomic_bool stop;

static void on_signal(int signal)
{
	stop = true;
}

/* ioprio_set(2), which glibc does not wrap: linux/ioprio.h. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE        (3 << 13)

static void be_lazy(void)
{
	const struct sched_param none = {};

	/* Where that is not allowed it is only less considerate. */
	(void)sched_setscheduler(0, SCHED_IDLE, &none);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

/* The lock is the recorder's as long as that lives, and so is this process. */
static bool belongs_to(pid_t recorder)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == recorder;
}

static void show_progress(const struct trail_pack *pack, bool last)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%" PRIu64 " segments packed%s", pack->segments,
			last ? "\r\033[K" : "");
}

static int pack_all(int folder, struct trail_pack *pack)
{
	int r;

	/* Where a recorder is at work this is known before anything is done. */
	if (!pack->locked && trail_is_live(folder) > 0)
		return -EBUSY;
	/* What was half done when another was killed. */
	r = pack->locked ? 0 : trail_rewrite_forget(folder);
	if (r < 0)
		return r;
	do {
		r = trail_pack_next(folder, pack);
		show_progress(pack, r <= 0);
	} while (r > 0);
	return r;
}

static void say(const struct asked *asked, const struct trail_pack *pack)
{
	char before[QUANTITY_MOST], after[QUANTITY_MOST];

	if (asked->json) {
		printf("{\"segments\":%" PRIu64 ",\"bytes_before\":%" PRIu64
		       ",\"bytes_after\":%" PRIu64 ",\"damaged\":%" PRIu64 "}\n",
		       pack->segments, pack->bytes_before, pack->bytes_after, pack->damaged);
		return;
	}
	quantity_bytes(pack->bytes_before, before);
	quantity_bytes(pack->bytes_after, after);
	if (pack->segments)
		printf("packed      %" PRIu64 " segments: %s were %s\n", pack->segments, after,
		       before);
	else
		puts("packed      nothing: every closed segment is packed, or there is none");
	if (pack->damaged)
		printf("damaged     %" PRIu64
		       " segments, which stay as they are: `docktrail verify` says where\n",
		       pack->damaged);
}

static int fail(const struct asked *asked, int error)
{
	if (error == -EBUSY) {
		fprintf(stderr,
			"docktrail pack: a recorder is at work on %s: with `pack = yes` in its configuration it "
			"packs by itself\n",
			asked->trail);
		return EX_TEMPFAIL;
	}
	if (error == -ECANCELED) {
		fputs("docktrail pack: ended before all was packed; the rest is packed the next time\n",
		      stderr);
		return 128 + SIGINT;
	}
	fprintf(stderr, "docktrail pack: %s: %s\n", asked->trail, strerror(-error));
	return error == -ENOENT || error == -ENOTDIR ? EX_NOINPUT
	       : error == -EACCES || error == -EPERM ? EX_NOPERM
						     : EX_IOERR;
}

int command_pack(int argc, char **argv)
{
	const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "[DIR]", .doc = documentation
	};
	struct asked asked = { .trail = COMMAND_DEFAULT_TRAIL };
	struct trail_pack pack = { .stop = &stop };
	_cleanup_close_ int folder = -1;
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &asked);
	if (asked.recorder && !belongs_to(asked.recorder))
		return EX_USAGE;
	folder = trail_io_open_folder(AT_FDCWD, asked.trail, false, 0);
	if (folder < 0)
		return fail(&asked, folder);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	be_lazy();
	pack.locked = asked.recorder != 0;
	pack.before = asked.segment;
	r = pack_all(folder, &pack);
	if (pack.segments && !asked.recorder)
		say(&asked, &pack);
	if (r < 0)
		return fail(&asked, r);
	if (!pack.segments && !asked.recorder)
		say(&asked, &pack);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "docktrail pack: what was done could not be printed: %s\n",
			strerror(errno));
		return EX_IOERR;
	}
	return pack.damaged ? EX_DATAERR : EX_OK;
}
