// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
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
#include "output/paragraph.h"
#include "output/quantity.h"
#include "output/when.h"
#include "trail/folder.h"
#include "trail/verify.h"

#define PROGRESS_AFTER_NS (2 * NS_PER_SECOND)

struct verify {
	const char *trail, *state, *root_file;
	uint8_t root[TRAIL_KEY_BYTES];
	bool root_given, json;
	bool root_is_own; /* what was given is the file that lies in the trail */
	enum colour colour;
	uint64_t began_ns, progress_ns;
	bool progress_shown;
};

static const char documentation[] =
	"Prove that a trail is whole and unchanged, or say where it is not."
	"\v"
	"Verdicts, which are also the exit status:\n"
	"  0  VALID            intact from the root to the end, the end proven, nothing lost\n"
	"  1  VALID-WITH-GAPS  intact; signed notes tell of a crash, lost events, degraded hooks\n"
	"  2  UNPROVEN-END     genuine; that nothing was cut off the end is not shown\n"
	"  3  TAMPERED         edited, cut, reordered, rolled back, missing, wrong root\n"
	"  4  UNREADABLE       it could not be read\n"
	"64 is for usage.\n\n"
	"Limits. Give --root: a root key that lies in the trail's own folder proves nothing against whoever "
	"can write there. Root on this machine during recording can stop the recorder, blind it or feed it: "
	"what follows a compromise rests on what was exported before. The batch in flight (up to 1 s, 100 ms "
	"for what is severe) is exposed. A snapshot of disk and key that is rolled back together shows only "
	"through a copy kept elsewhere, or by its age. Old keys may survive in an SSD's flash, in snapshots, in "
	"backups: keep the state folder out of them.\n\n"
	"For example:\n"
	"  docktrail verify\n"
	"  docktrail verify ./trail --root ./root.pub\n"
	"  docktrail verify --trail ./copy --state none --json | jq .verdict";

enum { KEY_TRAIL = 't', KEY_STATE = 's', KEY_ROOT = 'r', KEY_JSON = 'j', KEY_COLOR = 0x100 };

static const struct argp_option options[] = {
	{ "trail", KEY_TRAIL, "DIR", 0, "Folder of the trail (" COMMAND_DEFAULT_TRAIL ")", 1 },
	{ "state", KEY_STATE, "DIR|none", 0,
	  "Folder of the key, which proves the end (" COMMAND_DEFAULT_STATE
	  " for the default trail, DIR/state for any other); none: do without it",
	  1 },
	{ "root", KEY_ROOT, "HEX|FILE", 0,
	  "The key that was printed when the trail was begun: 64 digits, or a file with them", 1 },
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
	case KEY_JSON:
		verify->json = true;
		return 0;
	case KEY_COLOR:
		if (colour_parse(argument, &verify->colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
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

static const char *hex(const uint8_t *bytes, size_t count, char *text)
{
	for (size_t i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return text;
}

static void say_what_was_checked(const struct trail_verdict *verdict, struct paragraph *page)
{
	char raw[QUANTITY_MOST], stored[QUANTITY_MOST], when[WHEN_MOST];

	paragraph_row(page, "checked", STYLE_plain, "%" PRIu64 " events in %" PRIu64 " frames",
		      verdict->events, verdict->frames);
	paragraph_more(page, STYLE_plain, "%" PRIu64 " segment%s", verdict->segments,
		       verdict->segments == 1 ? "" : "s");
	paragraph_more(page, STYLE_dim, "%s, stored as %s", quantity_bytes(verdict->raw_bytes, raw),
		       quantity_bytes(verdict->stored_bytes, stored));
	if (verdict->bad_frame) {
		paragraph_row(page, "first bad", STYLE_alarm, "frame %" PRIu64, verdict->bad_frame);
		paragraph_more(page, STYLE_alarm, "%s at offset %" PRIu64, verdict->bad_segment,
			       verdict->bad_offset);
		paragraph_more(page, STYLE_plain, "%s", verdict->reason);
	}
	if (!verdict->good_frame)
		return;
	paragraph_row(page, "last good", STYLE_plain, "frame %" PRIu64 ", up to event %" PRIu64,
		      verdict->good_frame, verdict->good_event);
	paragraph_more(page, STYLE_plain, "%s", when_stamp(verdict->good_wall_ns, false, when));
}

/* A root that was given proves something only where frame 1 was found good by it. */
static void say_begin(const struct verify *verify, const struct trail_verdict *verdict,
		      struct paragraph *page)
{
	if (verdict->root_given && !verdict->good_frame) {
		paragraph_row(page, "begin", STYLE_alarm,
			      "not proven: it does not fit the root that was given");
		paragraph_more(page, STYLE_plain,
			       "a key that was mistyped, or is another trail's, shows as this too");
		return;
	}
	if (verify->root_is_own) {
		paragraph_row(page, "begin", STYLE_notice,
			      "only as good as that root: the file that was given as --root lies "
			      "in the trail itself, and proves nothing about it");
		paragraph_more(page, STYLE_plain,
			       "give the key that was printed when the trail began");
		return;
	}
	paragraph_row(
		page, "begin", verdict->root_given ? STYLE_good : STYLE_notice, "%s",
		verdict->root_given
			? "proven by the root that was given"
			: "only as good as that root, which was taken from the trail's own "
			  "folder: give --root, the key that was printed when the trail began");
}

static void say_what_is_proven(const struct verify *verify, const struct trail_verdict *verdict,
			       struct paragraph *page)
{
	char digits[2 * TRAIL_KEY_BYTES + 1], bytes[QUANTITY_MOST];
	const struct trail_gaps *gaps = &verdict->gaps;

	paragraph_row(page, "root", STYLE_id, "%s",
		      hex(verdict->root, sizeof(verdict->root), digits));
	say_begin(verify, verdict, page);
	paragraph_row(page, "end", verdict->end_proven ? STYLE_good : STYLE_notice, "%s",
		      verdict->end_proven ? "proven by the key state" : "not proven");
	if (verdict->live)
		paragraph_more(page, STYLE_plain,
			       "a recorder is writing: what it is committing was not looked at");
	if (verdict->torn_bytes)
		paragraph_more(page, STYLE_notice,
			       "%s behind the last whole commit were never acknowledged",
			       quantity_bytes(verdict->torn_bytes, bytes));
	paragraph_row(page, "notes", STYLE_plain, "%s", "");
	if (gaps->losses)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of lost events", gaps->losses);
	if (gaps->recoveries)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of recovery after a crash",
			       gaps->recoveries);
	if (gaps->degraded)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of degraded hooks", gaps->degraded);
	if (gaps->clock_steps)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of a clock step",
			       gaps->clock_steps);
	if (verdict->ended_without_stop)
		paragraph_more(page, STYLE_notice, "the recorder ended without saying so");
	if (verdict->committed_missing)
		paragraph_more(page, STYLE_notice, "`committed` is missing or damaged");
	if (!gaps->losses && !gaps->recoveries && !gaps->degraded && !gaps->clock_steps &&
	    !verdict->ended_without_stop && !verdict->committed_missing)
		paragraph_more(page, STYLE_plain, "none");
}

static int print_for_people(const struct verify *verify, const struct trail_verdict *verdict)
{
	static const enum style styles[] = { STYLE_good, STYLE_good, STYLE_notice, STYLE_attack,
					     STYLE_alarm };
	static const char *const meanings[] = {
		"intact from the root to the end, nothing lost",
		"intact from the root to the end; not everything was recorded",
		"what is shown is genuine; that nothing was cut off the end is not shown",
		"this is not what was recorded",
		"it could not be read",
	};
	_cleanup_(paragraph_free)
	struct paragraph page = {
		.colour = terminal_colour(STDOUT_FILENO, verify->colour),
		.width = terminal_width(STDOUT_FILENO),
	};

	paragraph_headline(&page, styles[verdict->code], trail_verdict_name(verdict->code),
			   meanings[verdict->code]);
	if (verdict->reason[0] && !verdict->bad_frame)
		paragraph_row(&page, "because", STYLE_plain, "%s", verdict->reason);
	if (verdict->code != TRAIL_UNREADABLE || verdict->frames) {
		say_what_was_checked(verdict, &page);
		say_what_is_proven(verify, verdict, &page);
	}
	return paragraph_print(&page, stdout);
}

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	add(object, key, json_object_new_uint64(number));
}

static void add_hex(struct json_object *object, const char *key, const uint8_t *bytes, size_t count)
{
	char text[2 * TRAIL_KEY_BYTES + 1];

	add(object, key, json_object_new_string(hex(bytes, count, text)));
}

static void add_frames(struct json_object *object, const struct trail_verdict *verdict)
{
	struct json_object *good = json_object_new_object(), *bad = json_object_new_object();
	_cleanup_buffer_ struct buffer time = {};

	if (verdict->good_frame) {
		clock_append_rfc3339(&time, verdict->good_wall_ns);
		add_number(good, "frame", verdict->good_frame);
		add_number(good, "event", verdict->good_event);
		add(good, "time", json_object_new_string(buffer_string(&time) ?: ""));
		add_hex(good, "hash", verdict->good_hash, sizeof(verdict->good_hash));
		add(object, "last_good", json_object_get(good));
	}
	if (verdict->bad_frame) {
		add_number(bad, "frame", verdict->bad_frame);
		add(bad, "segment", json_object_new_string(verdict->bad_segment));
		add_number(bad, "offset", verdict->bad_offset);
		add(object, "first_bad", json_object_get(bad));
	}
	json_object_put(good);
	json_object_put(bad);
}

static int print_json(const struct trail_verdict *verdict)
{
	struct json_object *object = json_object_new_object(), *gaps = json_object_new_object();
	int r;

	add(object, "verdict", json_object_new_string(trail_verdict_name(verdict->code)));
	add(object, "exit_status", json_object_new_int((int)verdict->code));
	add(object, "reason", json_object_new_string(verdict->reason));
	add_hex(object, "trail_id", verdict->trail_id, sizeof(verdict->trail_id));
	add_hex(object, "root", verdict->root, sizeof(verdict->root));
	add(object, "root_given", json_object_new_boolean(verdict->root_given));
	add(object, "end_proven", json_object_new_boolean(verdict->end_proven));
	add(object, "live", json_object_new_boolean(verdict->live));
	add_number(object, "segments", verdict->segments);
	add_number(object, "frames", verdict->frames);
	add_number(object, "events", verdict->events);
	add_number(object, "raw_bytes", verdict->raw_bytes);
	add_number(object, "stored_bytes", verdict->stored_bytes);
	add_frames(object, verdict);
	add_number(gaps, "losses", verdict->gaps.losses);
	add_number(gaps, "recoveries", verdict->gaps.recoveries);
	add_number(gaps, "degraded", verdict->gaps.degraded);
	add_number(gaps, "clock_steps", verdict->gaps.clock_steps);
	add(gaps, "ended_without_stop", json_object_new_boolean(verdict->ended_without_stop));
	add(gaps, "in_flight", json_object_new_boolean(verdict->in_flight));
	add(gaps, "committed_missing", json_object_new_boolean(verdict->committed_missing));
	add_number(gaps, "torn_bytes", verdict->torn_bytes);
	add(object, "gaps", gaps);
	r = puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return r < 0 ? -EIO : 0;
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

int command_verify(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "[DIR]", documentation, NULL, NULL, NULL
	};
	struct verify verify = {};
	struct trail_verify_options how = { .context = &verify };
	struct trail_verdict verdict = {};
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
	verify.root_is_own = is_own_root(&verify);
	how.root = verify.root_given && !verify.root_is_own ? verify.root : NULL;
	how.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
	verify.began_ns = clock_boot_ns();
	r = trail_verify(verify.trail, &how, &verdict);
	if (verify.progress_shown)
		fputs("\r\033[K", stderr);
	if (r < 0) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], verify.trail, strerror(-r));
		return TRAIL_UNREADABLE;
	}
	r = verify.json ? print_json(&verdict) : print_for_people(&verify, &verdict);
	if (r < 0 || fflush(stdout) != 0)
		fprintf(stderr, "%s: %s, but it could not be printed\n", argv[0],
			trail_verdict_name(verdict.code));
	return (int)verdict.code;
}
