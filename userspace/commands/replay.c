// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "commands/command.h"
#include "commands/replay_count.h"
#include "commands/replay_run.h"
#include "event/filter.h"
#include "output/escape.h"
#include "output/time_range.h"

enum {
	KEY_TRAIL = 't',
	KEY_FORMAT = 'f',
	KEY_WHERE = 'w',
	KEY_CONTAINER = 'c',
	KEY_USER = 'u',
	KEY_FOLLOW = 'F',
	KEY_SINCE = 0x100,
	KEY_UNTIL,
	KEY_COLOR,
	KEY_LOCAL,
	KEY_COUNT_BY,
	KEY_JSON,
};

static const struct argp_option options[] = {
	{ "trail", KEY_TRAIL, "DIR", 0, "Folder of the trail (" COMMAND_DEFAULT_TRAIL ")", 1 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "How to show it: story (default), text or json", 1 },
	{ "json", KEY_JSON, NULL, 0, "The same as --format json", 1 },
	{ "count-by", KEY_COUNT_BY, "FIELD", 0,
	  "Count the events by the value of this field, the most frequent first, instead of showing them",
	  1 },
	{ "since", KEY_SINCE, "TIME", 0,
	  "What happened at TIME (local, unless it has a zone) and after", 2 },
	{ "until", KEY_UNTIL, "TIME", 0, "What happened before TIME", 2 },
	{ "container", KEY_CONTAINER, "ID|NAME", 0,
	  "The life of this container: what was asked of it, and what was done in it: name, id or its first digits, at least four",
	  2 },
	{ "user", KEY_USER, "NAME|UID", 0,
	  "What was done as this user, by somebody who logged in as this user, or in a container that this user had made, started or entered",
	  2 },
	{ "where", KEY_WHERE, "EXPR", 0, "What the expression is true of", 2 },
	{ "follow", KEY_FOLLOW, NULL, 0, "Then wait for more, until Ctrl-C", 3 },
	{ "local", KEY_LOCAL, NULL, 0, "Times in the local time zone instead of UTC", 3 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never", 3 },
	{ "colour", KEY_COLOR, NULL, OPTION_ALIAS, NULL, 3 },
	{},
};

static const char documentation[] =
	"Tell what was recorded: who used the Docker socket, what they asked for, what came of it."
	"\v"
	"TIME is 2026-11-22T14:05:30Z (RFC 3339), 2026-11-22, 14:05, today, yesterday, now, or so long ago: "
	"-2h -30m -1d12h. A TIME without a zone is LOCAL time, while what is shown is UTC unless --local is "
	"given: write 14:05Z for UTC.\n\n"
	"EXPR compares fields by the names that they have in the JSON (`docktrail events` lists them):\n"
	"  == != < <= > >=   in (a, b)   ~ (glob)   =~ (regular expression)   exists\n"
	"joined by and, or, not and parentheses. A comparison with a field that an event does not have is "
	"false.\n\n"
	"For example:\n"
	"  docktrail replay --since yesterday\n"
	"  docktrail replay --container web --format text\n"
	"  docktrail replay --where 'docktrail.declared.namespaces.pid == \"host\"'\n"
	"  docktrail replay --where 'event.severity >= 75 and user.id != 0'\n"
	"  docktrail replay --user alice --count-by docktrail.api.operation\n"
	"  docktrail replay --trail ./trail --follow\n\n"
	"Exit status: 0; 64 usage; 65 some of it could not be read and the rest was shown; 66 there is no "
	"trail; 74 reading or writing failed.";

/* The text with a caret below the column; what is between may be hostile, and is shown escaped. */
static void point_at(const char *text, size_t column)
{
	_cleanup_buffer_ struct buffer line = {};
	size_t before, length = strlen(text);

	if (column == 0)
		column = 1;
	if (column > length + 1)
		column = length + 1;
	escape_append(&line, (struct text){ text, column - 1 });
	before = escape_columns(line.data ? line.data : "", line.length);
	escape_append(&line, text_of(text + column - 1));
	fprintf(stderr, "  %s\n  %*s^\n", buffer_string(&line) ?: "", (int)before, "");
}

static int set_time(struct argp_state *state, const char *option, const char *text,
		    uint64_t *ret_ns)
{
	struct time_error error = {};

	if (time_parse(text, clock_wall_ns(), ret_ns, &error) == 0)
		return 0;
	fprintf(stderr, "%s: --%s: %s\n", state->name, option, error.message);
	point_at(text, error.column);
	exit(EX_USAGE);
}

static int set_filter(struct argp_state *state, const char *text, struct replay *replay)
{
	struct filter_error error = {};
	int r;

	filter_free(TAKE_PTR(replay->select.filter));
	r = filter_compile(text, &replay->select.filter, &error);
	if (r != -EINVAL)
		return -r;
	fprintf(stderr, "%s: --where: %s\n", state->name, error.message);
	point_at(text, error.column);
	exit(EX_USAGE);
}

/* Whether it is a word of the language of --where. */
static bool is_word(const char *name)
{
	return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_.@[]")] == '\0';
}

/* What --where says of a name that no field has, is said here too. */
static int set_count_by(struct argp_state *state, const char *name, struct replay *replay)
{
	static const char exists[] = "exists ";
	_cleanup_buffer_ struct buffer expression = {};
	struct filter_error error = { .column = sizeof(exists),
				      .message =
					      "that is not the name of a field: `docktrail events` "
					      "lists them" };
	struct filter *filter = NULL;
	int r = 0;

	replay->count_by = strcmp(name, "container") == 0 ? REPLAY_COUNT_CONTAINERS
							  : field_find(name, strlen(name));
	if (replay->count_by != FIELD_COUNT)
		return 0;
	buffer_printf(&expression, "%s%s", exists, name);
	if (is_word(name) && buffer_string(&expression))
		r = filter_compile(expression.data, &filter, &error);
	filter_free(filter);
	if (r == -ENOMEM)
		return ENOMEM;
	fprintf(stderr, "%s: --count-by: %s\n", state->name, error.message);
	point_at(name, error.column < sizeof(exists) ? 1 : error.column - (sizeof(exists) - 1));
	exit(EX_USAGE);
}

static void set_format(struct argp_state *state, const char *name, struct replay *replay)
{
	replay->format = format_find(name);
	if (replay->format)
		return;
	fprintf(stderr, "%s: --format: there is no format \"%.60s\". There are:\n", state->name,
		name);
	for (size_t i = 0; format_at(i); i++)
		fprintf(stderr, "  %-7s%s\n", format_at(i)->name, format_at(i)->summary);
	exit(EX_USAGE);
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct replay *replay = state->input;

	switch (key) {
	case KEY_TRAIL:
		replay->trail = argument;
		return 0;
	case KEY_FORMAT:
		set_format(state, argument, replay);
		return 0;
	case KEY_SINCE:
		return set_time(state, "since", argument, &replay->select.since_ns);
	case KEY_UNTIL:
		return set_time(state, "until", argument, &replay->select.until_ns);
	case KEY_CONTAINER:
		if (!*argument)
			argp_error(state, "--container needs a name or an id");
		replay->select.container = argument;
		return 0;
	case KEY_WHERE:
		return set_filter(state, argument, replay);
	case KEY_USER:
		if (!*argument)
			argp_error(state, "--user needs a name or a uid");
		replay->select.user = argument;
		return 0;
	case KEY_COUNT_BY:
		return set_count_by(state, argument, replay);
	case KEY_JSON:
		set_format(state, "json", replay);
		return 0;
	case KEY_FOLLOW:
		replay->follow = true;
		return 0;
	case KEY_LOCAL:
		replay->local = true;
		return 0;
	case KEY_COLOR:
		if (colour_parse(argument, &replay->colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
		return 0;
	case ARGP_KEY_ARGS:
		replay->paths = (const char *const *)state->argv + state->next;
		replay->path_count = (size_t)(state->argc - state->next);
		if (replay->path_count == 1 && is_folder(*replay->paths))
			replay->folder = *replay->paths;
		return 0;
	case ARGP_KEY_END:
		if (replay->select.since_ns >= replay->select.until_ns)
			argp_error(state, "--since is not before --until: nothing lies between");
		if (replay->path_count && replay->trail)
			argp_error(state, "either --trail DIR or segments, not both");
		if (replay->path_count && !replay->folder && replay->follow)
			argp_error(state, "--follow needs a trail's folder: segments do not grow");
		if (replay->follow && replay->count_by != FIELD_COUNT)
			argp_error(state, "--count-by counts to the end: --follow has none");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_replay(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[DIR|SEGMENT...]", documentation, NULL,
					  NULL,    NULL };
	struct replay replay = { .name = argv[0],
				 .select.until_ns = UINT64_MAX,
				 .count_by = FIELD_COUNT };
	int r;

	/* `replay | head`: a write that fails says so, and that is the end of it. */
	signal(SIGPIPE, SIG_IGN);
	replay.format = format_find("story");
	r = argp_parse(&argp, argc, argv, 0, NULL, &replay);
	if (r != 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(r));
		r = EX_OSERR;
	} else {
		if (!replay.trail)
			replay.trail = COMMAND_DEFAULT_TRAIL;
		if (replay.path_count == 0) {
			replay.paths = &replay.trail;
			replay.path_count = 1;
			replay.folder = replay.trail;
		}
		r = replay_run(&replay);
	}
	replay_select_clear(&replay.select);
	return r;
}
