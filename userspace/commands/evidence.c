// SPDX-License-Identifier: Apache-2.0
#include "commands/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "commands/command.h"
#include "output/paragraph.h"
#include "output/quantity.h"
#include "output/time_range.h"
#include "trail/io.h"

struct asked {
	struct evidence evidence;
	bool json;
	enum colour colour;
};

static const char documentation[] =
	"Put the evidence of a window of time into one file: whole frames of the trail, all headers and signatures "
	"from its first frame on, the verdict on the trail, what the recorder could see then, versions, hashes of "
	"everything, and a custody sheet. It is checked on another machine with stock tools; its README.txt says how."
	"\v"
	"The payloads outside the window are left out, so that nobody else's affairs are handed over with it; that "
	"nothing of the window is missing is proven all the same.\n\n"
	"For example:\n"
	"  docktrail evidence --since '2026-11-22 02:00' --until '2026-11-22 04:00' -o case-17.tar.zst\n"
	"  docktrail evidence --since -2h -o now.tar.zst --json | jq -r .sha256";

enum {
	KEY_TRAIL = 't',
	KEY_STATE = 's',
	KEY_SINCE = 'S',
	KEY_UNTIL = 'U',
	KEY_OUTPUT = 'o',
	KEY_JSON = 'j',
	KEY_COLOR = 0x100,
};

static const struct argp_option options[] = {
	{ "trail", KEY_TRAIL, "DIR", 0, "Folder of the trail (" COMMAND_DEFAULT_TRAIL ")", 0 },
	{ "state", KEY_STATE, "DIR", 0,
	  "Folder of its key, for the verdict (" COMMAND_DEFAULT_STATE
	  ", or DIR/state of another trail)",
	  0 },
	{ "since", KEY_SINCE, "TIME", 0, "The window begins here, as in replay", 0 },
	{ "until", KEY_UNTIL, "TIME", 0, "and ends before this moment (now)", 0 },
	{ "output", KEY_OUTPUT, "FILE", 0, "The file to make, by custom NAME.tar.zst", 0 },
	{ "json", KEY_JSON, NULL, 0, "Say as JSON what was made", 0 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto, always or never", 0 },
	{},
};

static void set_time(struct argp_state *state, const char *option, const char *text,
		     uint64_t *ret_ns)
{
	struct time_error error;

	if (time_parse(text, clock_wall_ns(), ret_ns, &error) < 0)
		argp_error(state, "--%s %.60s: %s", option, text, error.message);
}

static void check(struct argp_state *state, const struct evidence *evidence)
{
	if (!evidence->since_ns)
		argp_error(state, "which window? --since TIME, and --until TIME");
	if (evidence->since_ns >= evidence->until_ns)
		argp_error(state, "the window is empty: --since is not before --until");
	if (!evidence->output)
		argp_error(state, "where to? --output FILE.tar.zst");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct asked *asked = state->input;
	struct evidence *evidence = &asked->evidence;

	switch (key) {
	case KEY_TRAIL:
		evidence->trail = argument;
		return 0;
	case KEY_STATE:
		evidence->state = argument;
		return 0;
	case KEY_SINCE:
		set_time(state, "since", argument, &evidence->since_ns);
		return 0;
	case KEY_UNTIL:
		set_time(state, "until", argument, &evidence->until_ns);
		return 0;
	case KEY_OUTPUT:
		evidence->output = argument;
		return 0;
	case KEY_JSON:
		asked->json = true;
		return 0;
	case KEY_COLOR:
		if (colour_parse(argument, &asked->colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
		return 0;
	case ARGP_KEY_ARG:
		if (evidence->trail)
			argp_error(state, "one trail at a time: \"%.80s\" is one too many",
				   argument);
		evidence->trail = argument;
		return 0;
	case ARGP_KEY_END:
		check(state, evidence);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- gathering */

/* Lines in which the recorder tells of itself; that it is alive says nothing new. */
static int take_coverage(void *context, const char *data, size_t length)
{
	static const char mark[] = "\"action\":\"recorder-", alive[] = "heartbeat\"";
	struct evidence *evidence = context;
	const char *end = data + length;

	while (data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		size_t line = newline ? (size_t)(newline - data) : (size_t)(end - data);
		const char *found = memmem(data, line, mark, strlen(mark));

		if (found && memcmp(found + strlen(mark), alive, strlen(alive)) != 0) {
			buffer_append(&evidence->coverage, data, line);
			buffer_append_char(&evidence->coverage, '\n');
		}
		data += line + 1;
	}
	return evidence->coverage.error;
}

static int copy_trail(struct evidence *evidence)
{
	_cleanup_close_ int from = trail_io_open_folder(AT_FDCWD, evidence->trail, false, 0);
	_cleanup_close_ int to = trail_io_open_folder(evidence->at, "trail", true, 0750);

	evidence->excerpt.since_ns = evidence->since_ns;
	evidence->excerpt.until_ns = evidence->until_ns;
	evidence->excerpt.payload = take_coverage;
	evidence->excerpt.context = evidence;
	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	return trail_excerpt(from, to, &evidence->excerpt);
}

static int judge_trail(struct evidence *evidence)
{
	const struct trail_verify_options how = { .state = evidence->state };
	int r = trail_verify(evidence->trail, &how, &evidence->report.verdict);

	if (r == 0)
		r = verify_coverage_read(evidence->trail, &evidence->report.verdict,
					 &evidence->report.coverage);
	return r < 0 ? r
		     : verify_old(evidence->trail, &evidence->report.verdict, &how,
				  &evidence->report.olds);
}

/* Beside the output: on the same disk, and to be found if anything goes wrong. */
static int make_folder(struct evidence *evidence)
{
	time_t since = (time_t)(evidence->since_ns / NS_PER_SECOND);
	char host[64] = "host", when[32];
	struct tm parts;

	gethostname(host, sizeof(host) - 1);
	gmtime_r(&since, &parts);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &parts);
	snprintf(evidence->name, sizeof(evidence->name), "evidence-%.40s-%s", host, when);
	if (asprintf(&evidence->folder, "%s.XXXXXX", evidence->output) < 0) {
		evidence->folder = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(evidence->folder)) {
		int r = -errno;

		free(evidence->folder);
		evidence->folder = NULL;
		return r;
	}
	evidence->at = open(evidence->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return evidence->at < 0 ? -errno : 0;
}

static void remove_folder(struct evidence *evidence)
{
	char *const roots[] = { evidence->folder, NULL };
	FTS *tree = evidence->folder ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	const FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info != FTS_D)
			(void)remove(entry->fts_path);
	if (tree)
		fts_close(tree);
}

static void end(struct asked *asked)
{
	struct evidence *evidence = &asked->evidence;

	closep(&evidence->at);
	remove_folder(evidence);
	free(evidence->folder);
	buffer_free(&evidence->coverage);
	free(evidence->report.olds.items);
	verify_coverage_free(&evidence->report.coverage);
}

/* ---- saying it */

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

static void add_string(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static int say_json(const struct evidence *evidence)
{
	const struct trail_excerpt *excerpt = &evidence->excerpt;
	struct json_object *object = json_object_new_object();
	int r;

	add_string(object, "file", evidence->output);
	add_string(object, "sha256", evidence->hash);
	add_number(object, "bytes", evidence->bytes);
	add_string(object, "verdict", trail_verdict_name(evidence->report.verdict.code));
	add_number(object, "frames", excerpt->frames);
	add_number(object, "kept_frames", excerpt->kept_frames);
	add_number(object, "kept_events", excerpt->kept_events);
	add_number(object, "gone_events", excerpt->gone_events);
	add_number(object, "damaged_segments", excerpt->damaged_segments);
	r = puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return r < 0 ? -EIO : 0;
}

static int say(const struct asked *asked)
{
	const struct evidence *evidence = &asked->evidence;
	const struct trail_excerpt *excerpt = &evidence->excerpt;
	const struct trail_verdict *verdict = &evidence->report.verdict;
	_cleanup_(paragraph_free)
	struct paragraph page = { .colour = terminal_colour(STDOUT_FILENO, asked->colour),
				  .width = terminal_width(STDOUT_FILENO) };
	char bytes[QUANTITY_MOST];

	paragraph_row(&page, "package", STYLE_strong, "%s", evidence->output);
	paragraph_more(&page, STYLE_plain, "%s", quantity_bytes(evidence->bytes, bytes));
	paragraph_row(&page, "SHA-256", STYLE_id, "%s", evidence->hash);
	paragraph_row(&page, "window", STYLE_plain,
		      "%" PRIu64 " events in %" PRIu64 " frames, of %" PRIu64 " in the trail",
		      excerpt->kept_events, excerpt->kept_frames, excerpt->frames);
	if (excerpt->gone_frames)
		paragraph_more(&page, STYLE_notice, "dropped by policy before: %" PRIu64 " events",
			       excerpt->gone_events);
	if (excerpt->damaged_segments)
		paragraph_more(&page, STYLE_alarm,
			       "damaged segments: %" PRIu64 ", copied as they lay there",
			       excerpt->damaged_segments);
	paragraph_row(&page, "the trail",
		      verdict->code >= TRAIL_TAMPERED ? STYLE_alarm : STYLE_good, "%s",
		      trail_verdict_name(verdict->code));
	if (verdict->reason[0])
		paragraph_more(&page, STYLE_plain, "%s", verdict->reason);
	paragraph_row(&page, "next", STYLE_plain,
		      "write that SHA-256 on the custody sheet, and keep it apart from the file");
	return paragraph_print(&page, stdout);
}

int command_evidence(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "[DIR]", documentation, NULL, NULL, NULL
	};
	_cleanup_(end)
	struct asked asked = { .evidence = { .at = -1 } };
	struct evidence *evidence = &asked.evidence;
	const char *what = NULL;
	int r;

	evidence->made_ns = evidence->until_ns = clock_wall_ns();
	argp_parse(&argp, argc, argv, 0, NULL, &asked);
	if (!evidence->trail || strcmp(evidence->trail, COMMAND_DEFAULT_TRAIL) == 0) {
		evidence->trail = COMMAND_DEFAULT_TRAIL;
		evidence->state = evidence->state ?: COMMAND_DEFAULT_STATE;
	}
	if (access(evidence->output, F_OK) == 0) {
		fprintf(stderr, "%s: %s is there already: nothing is written over\n", argv[0],
			evidence->output);
		return EX_CANTCREAT;
	}
	r = make_folder(evidence);
	if (r < 0)
		what = evidence->output;
	if (r == 0) {
		r = copy_trail(evidence);
		if (r == 0)
			r = judge_trail(evidence);
		what = evidence->trail;
	}
	if (r == 0) {
		r = evidence_write(evidence);
		if (r == 0)
			r = evidence_archive(evidence);
		what = evidence->output;
	}
	if (r < 0) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], what,
			r == -ENOENT && what == evidence->trail ? "there is no trail here"
								: strerror(-r));
		return what == evidence->trail ? EX_NOINPUT : EX_CANTCREAT;
	}
	r = asked.json ? say_json(evidence) : say(&asked);
	return r < 0 || fflush(stdout) != 0 ? EX_IOERR : 0;
}
