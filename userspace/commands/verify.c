// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/terminal.h"
#include "commands/command.h"
#include "commands/verify_old.h"
#include "commands/verify_report.h"
#include "output/quantity.h"
#include "output/time_range.h"
#include "trail/folder.h"
#include "trail/verify.h"

#define PROGRESS_AFTER_NS (2 * NS_PER_SECOND)
#define ANCHOR_FILE_MOST  (64u << 20)

struct verify {
	const char *trail, *state, *root_file;
	uint8_t root[TRAIL_KEY_BYTES];
	bool root_given, salvage, excerpt;
	uint64_t since_ns;
	struct trail_anchors anchors;
	struct verify_report report;
	uint64_t began_ns, progress_ns;
	bool progress_shown;
};

static const char documentation[] =
	"Prove that a trail is whole and unchanged, or say where it is not."
	"\v"
	"Verdicts, which are also the exit status:\n"
	"  0  VALID            intact from the root to the end, the end proven, nothing lost\n"
	"  1  VALID-WITH-GAPS  intact; signed notes tell of a crash, lost events, degraded hooks, an older trail\n"
	"  2  UNPROVEN-END     genuine; that nothing was cut off the end is not shown\n"
	"  3  TAMPERED         edited, cut, reordered, rolled back, missing, wrong root\n"
	"  4  UNREADABLE       it could not be read\n"
	"64 is for usage.\n\n"
	"Limits. Give --root: a root key that lies in the trail's own folder proves nothing against whoever "
	"can write there. Root on this machine during recording can stop the recorder, blind it or feed it: "
	"what follows a compromise rests on what was exported before. The batch in flight (up to 1 s, 100 ms "
	"for what is severe) is exposed. A snapshot of disk and key that is rolled back together shows only "
	"through a copy or an anchor kept elsewhere, or by its age. Old keys may survive in an SSD's flash, in snapshots, in "
	"backups: keep the state folder out of them.\n\n"
	"For example:\n"
	"  docktrail verify\n"
	"  docktrail verify ./trail --root ./root.pub\n"
	"  docktrail verify --anchor ./anchors\n"
	"  docktrail verify --since -7d\n"
	"  docktrail verify ./damaged --salvage >saved.jsonl\n"
	"  docktrail verify --trail ./copy --state none --json | jq .verdict";

enum {
	KEY_TRAIL = 't',
	KEY_STATE = 's',
	KEY_ROOT = 'r',
	KEY_ANCHOR = 'a',
	KEY_SALVAGE = 0x101,
	KEY_SINCE = 'S',
	KEY_EXCERPT = 0x102,
	KEY_JSON = 'j',
	KEY_COLOR = 0x100,
};

static const struct argp_option options[] = {
	{ "trail", KEY_TRAIL, "DIR", 0, "Folder of the trail (" COMMAND_DEFAULT_TRAIL ")", 1 },
	{ "state", KEY_STATE, "DIR|none", 0,
	  "Folder of the key, which proves the end (" COMMAND_DEFAULT_STATE
	  " for the default trail, DIR/state for any other); none: do without it",
	  1 },
	{ "root", KEY_ROOT, "HEX|FILE", 0,
	  "The key that was printed when the trail was begun: 64 digits, or a file with them", 1 },
	{ "anchor", KEY_ANCHOR, "ANCHOR|FILE", 0,
	  "What `docktrail status --checkpoint` printed, or a file with any number of such lines; may "
	  "be given again",
	  1 },
	{ "since", KEY_SINCE, "TIME", 0,
	  "Look at the payloads of frames that were made at TIME and after alone (as `docktrail replay "
	  "--since` takes it); the chain and every signature are checked all the same",
	  1 },
	{ "excerpt", KEY_EXCERPT, NULL, 0,
	  "It is one of an evidence package: payloads may have been left out", 0 },
	{ "salvage", KEY_SALVAGE, NULL, 0,
	  "Print the events that still verify, as JSON lines; the verdict goes to stderr", 2 },
	{ "json", KEY_JSON, NULL, 0, "As JSON", 2 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never", 2 },
	{ "colour", KEY_COLOR, NULL, OPTION_ALIAS, NULL, 2 },
	{},
};

static int parse_key(const char *text, size_t length, uint8_t *ret_key)
{
	uint8_t key[TRAIL_KEY_BYTES];

	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	if (length != 2 * sizeof(key))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(key); i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1] };

		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
			return -EINVAL;
		key[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	memcpy(ret_key, key, sizeof(key));
	return 0;
}

static void set_root(struct argp_state *state, const char *text, struct verify *verify)
{
	_cleanup_buffer_ struct buffer contents = {};
	int r;

	verify->root_given = true;
	verify->root_file = NULL;
	if (parse_key(text, strlen(text), verify->root) == 0)
		return;
	r = file_read(AT_FDCWD, text, 4096, &contents);
	if (r < 0)
		argp_error(state,
			   "--root is 64 hexadecimal digits or a file with them; \"%.80s\": %s",
			   text, strerror(-r));
	else if (parse_key(contents.data ? contents.data : "", contents.length, verify->root) < 0)
		argp_error(state, "--root: %.80s does not hold 64 hexadecimal digits", text);
	verify->root_file = text;
}

static void add_anchors(struct argp_state *state, const char *text, struct verify *verify)
{
	_cleanup_buffer_ struct buffer contents = {};
	int r = trail_anchors_add(&verify->anchors, text, strlen(text));

	if (r == 0) {
		r = file_read(AT_FDCWD, text, ANCHOR_FILE_MOST, &contents);
		if (r < 0)
			argp_error(
				state,
				"--anchor is TRAIL:FRAME:HASH or a file with such; \"%.80s\": %s",
				text, strerror(-r));
		r = trail_anchors_add(&verify->anchors, contents.data, contents.length);
		if (r == 0)
			argp_error(state, "--anchor: in %.80s there is none (TRAIL:FRAME:HASH)",
				   text);
	}
	if (r < 0)
		argp_failure(state, EX_OSERR, -r, "--anchor");
}

/* Whoever can replace the trail can replace it too: that it fits proves nothing. */
static bool is_own_root(const struct verify *verify)
{
	_cleanup_close_ int folder = open(verify->trail, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat given, own;

	return verify->root_file && folder >= 0 && stat(verify->root_file, &given) == 0 &&
	       fstatat(folder, TRAIL_ROOT_FILE, &own, 0) == 0 && given.st_dev == own.st_dev &&
	       given.st_ino == own.st_ino;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct verify *verify = state->input;
	struct time_error error;

	switch (key) {
	case KEY_TRAIL:
		verify->trail = argument;
		return 0;
	case KEY_STATE:
		verify->state = argument;
		return 0;
	case KEY_ROOT:
		set_root(state, argument, verify);
		return 0;
	case KEY_ANCHOR:
		add_anchors(state, argument, verify);
		return 0;
	case KEY_SINCE:
		if (time_parse(argument, clock_wall_ns(), &verify->since_ns, &error) < 0)
			argp_error(state, "--since %.60s: %s", argument, error.message);
		return 0;
	case KEY_EXCERPT:
		verify->excerpt = true;
		return 0;
	case KEY_SALVAGE:
		verify->salvage = true;
		return 0;
	case KEY_JSON:
		verify->report.json = true;
		return 0;
	case KEY_COLOR:
		if (colour_parse(argument, &verify->report.colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
		return 0;
	case ARGP_KEY_END:
		if (verify->salvage && verify->since_ns)
			argp_error(state,
				   "--salvage shows all that is proven: --since is not for it");
		return 0;
	case ARGP_KEY_ARG:
		if (verify->trail)
			argp_error(state, "one trail at a time: \"%.80s\" is one too many",
				   argument);
		verify->trail = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void on_progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	struct verify *verify = context;
	uint64_t now = clock_boot_ns();
	char done[QUANTITY_MOST], all[QUANTITY_MOST];

	if (now < verify->began_ns + PROGRESS_AFTER_NS ||
	    now < verify->progress_ns + NS_PER_SECOND / 4)
		return;
	verify->progress_ns = now;
	verify->progress_shown = true;
	fprintf(stderr, "\r\033[K%s of %s checked", quantity_bytes(done_bytes, done),
		quantity_bytes(all_bytes, all));
	fflush(stderr);
}

/* What is missing and what to do, before the judge can only say that it read nothing. */
static bool is_there(const char *name, const char *folder)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return true;
	if (errno == ENOENT)
		fprintf(stderr,
			"%s: there is no trail at %s: was it recorded elsewhere? --trail DIR\n",
			name, folder);
	else if (errno == EACCES)
		fprintf(stderr, "%s: %s may not be read: be root, or in the group that owns it\n",
			name, folder);
	else if (errno == ENOTDIR)
		fprintf(stderr, "%s: %s is no folder: a trail is verified as a whole\n", name,
			folder);
	else
		fprintf(stderr, "%s: %s: %m\n", name, folder);
	return false;
}

static void conclude(struct verify_report *report, const char *reason, const char *detail)
{
	if (report->verdict.code >= TRAIL_TAMPERED)
		return;
	report->verdict.code = TRAIL_TAMPERED;
	snprintf(report->verdict.reason, sizeof(report->verdict.reason), "%s%s", reason, detail);
}

/* Who kept the key of a trail that was set aside since, as he was told to, is not to think that
 * this one was forged. */
static void explain_root(const struct verify *verify, struct trail_verdict *verdict)
{
	_cleanup_close_ int folder = open(verify->trail, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char(*names)[TRAIL_OLD_NAME_BYTES] = NULL;
	size_t count = 0;

	if (!verify->root_given || verdict->frames > 0 || folder < 0 ||
	    trail_old_list(folder, &names, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		char path[sizeof(TRAIL_OLD_FOLDER) + TRAIL_OLD_NAME_BYTES];
		uint8_t root[TRAIL_KEY_BYTES];
		_cleanup_close_ int old = -1;

		snprintf(path, sizeof(path), TRAIL_OLD_FOLDER "/%s", names[i]);
		old = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (old < 0 || trail_root_read(old, root) < 0 ||
		    memcmp(root, verify->root, sizeof(root)) != 0)
			continue;
		snprintf(
			verdict->reason, sizeof(verdict->reason),
			"the root key that was given is that of %s, which was set aside; this trail's "
			"was printed when it was begun",
			path);
		return;
	}
}

/* The trail, then those before it: each with the anchors that are about it. */
static int verify_all(struct verify *verify, struct trail_verify_options *how)
{
	struct verify_report *report = &verify->report;
	int r;

	how->anchors = verify->anchors.items;
	how->anchor_count = verify->anchors.count;
	how->others_expected = true;
	how->since_ns = verify->since_ns;
	how->excerpt = verify->excerpt;
	r = trail_verify(verify->trail, how, &report->verdict);
	if (r == 0)
		explain_root(verify, &report->verdict);
	if (r == 0)
		r = verify_coverage_read(verify->trail, &report->verdict, &report->coverage);
	if (r == 0)
		r = verify_old(verify->trail, &report->verdict, how, &report->olds);
	if (r < 0)
		return r;
	if (report->olds.unused_anchors)
		conclude(report,
			 "an anchor is of a trail that is neither this one nor quoted by it", "");
	for (size_t i = 0; i < report->olds.count; i++)
		if (report->olds.items[i].verdict.code == TRAIL_TAMPERED)
			conclude(report,
				 "until it is taken away: a trail before this one is not what was "
				 "recorded: ",
				 report->olds.items[i].folder);
	return 0;
}

int command_verify(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "[DIR]", documentation, NULL, NULL, NULL
	};
	struct verify verify = {};
	struct trail_verify_options how = { .context = &verify };
	struct verify_report *report = &verify.report;
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &verify);
	if (!verify.trail || strcmp(verify.trail, COMMAND_DEFAULT_TRAIL) == 0) {
		verify.trail = COMMAND_DEFAULT_TRAIL;
		verify.state = verify.state ?: COMMAND_DEFAULT_STATE;
	}
	if (!is_there(argv[0], verify.trail))
		return TRAIL_UNREADABLE;
	how.ignore_state = verify.state && strcmp(verify.state, "none") == 0;
	how.state = how.ignore_state ? NULL : verify.state;
	if (how.state && access(how.state, F_OK) < 0)
		fprintf(stderr, "%s: --state %s: %m; `--state none` does without it\n", argv[0],
			how.state);
	report->root_is_own = is_own_root(&verify);
	how.root = verify.root_given && !report->root_is_own ? verify.root : NULL;
	how.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
	verify.began_ns = clock_boot_ns();
	r = verify_all(&verify, &how);
	if (verify.progress_shown)
		fputs("\r\033[K", stderr);
	if (r < 0) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], verify.trail, strerror(-r));
		return TRAIL_UNREADABLE;
	}
	r = verify_report_print(report, verify.salvage ? stderr : stdout);
	if (r == 0 && verify.salvage)
		r = verify_salvage(argv[0], verify.trail, &how);
	if (r < 0 || fflush(stdout) != 0)
		fprintf(stderr, "%s: %s, but it could not be printed\n", argv[0],
			trail_verdict_name(report->verdict.code));
	free(report->olds.items);
	verify_coverage_free(&report->coverage);
	trail_anchors_free(&verify.anchors);
	return (int)report->verdict.code;
}
