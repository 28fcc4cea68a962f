// SPDX-License-Identifier: Apache-2.0
/* docktrail import: see docktrail-import(8). */
#include "commands/import.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "commands/command.h"
#include "commands/record_options.h"
#include "commands/record_value.h"
#include "output/paragraph.h"
#include "output/quantity.h"
#include "output/when.h"

#define DEFAULT_TRAIL     "/var/log/docktrail-imported"
#define PROGRESS_AFTER_NS (2 * NS_PER_SECOND)

static const char documentation[] =
	"Read logs of auditd's into a trail of their own: an incident that is older than the recorder is replayed "
	"beside what was recorded."
	"\v"
	"Logs are read in the order of their first records, whatever the order of their names; `-` is standard "
	"input. Both of auditd's formats are known, RAW and ENRICHED. Told is what a rule with a key recorded, "
	"connects to engines' sockets, logins, changes of audit itself, and what programs wrote, which is their own "
	"word. Secrets are masked as everywhere. A log says nothing of containers, and only the ENRICHED format "
	"has names of users.\n\n"
	"For example:\n"
	"  docktrail import /var/log/audit/audit.log*\n"
	"  docktrail replay " DEFAULT_TRAIL " /var/log/docktrail --user alice\n"
	"  zcat audit.log.7.gz | docktrail import --trail ./before --host web1 -\n\n"
	"Exit status: 0 all was read; 65 a file is no such log; 66 one cannot be read; 64 usage; 73 the trail "
	"cannot be written; 75 it is being recorded.";

enum {
	KEY_TRAIL = 't',
	KEY_CONFIG = 'c',
	KEY_JSON = 'j',
	KEY_SOCKET = 's',
	KEY_STATE = 0x100,
	KEY_HOST,
	KEY_PASSWD,
	KEY_COLOR
};

static const struct argp_option argp_options[] = {
	{ "trail", KEY_TRAIL, "DIR", 0, "Trail to write (default " DEFAULT_TRAIL ")", 1 },
	{ "state", KEY_STATE, "DIR", 0, "Folder of its signing key (default DIR/state)", 1 },
	{ "host", KEY_HOST, "NAME", 0, "Host that the logs are of, where they do not say it", 2 },
	{ "passwd", KEY_PASSWD, "FILE", 0, "Its file of users, for names", 2 },
	{ "socket", KEY_SOCKET, "PATH", 0, "As for docktrail record; may be repeated", 2 },
	{ "config", KEY_CONFIG, "FILE", 0, "Configuration (" RECORD_CONFIG_DEFAULT ")", 2 },
	{ "json", KEY_JSON, NULL, 0, "Say what was read as JSON", 3 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never", 3 },
	{ "colour", KEY_COLOR, NULL, OPTION_ALIAS, NULL, 3 },
	{},
};

struct command_line {
	struct import_options options;
	const char *trail, *state, *config;
	struct string_list sockets;
	struct import_log *logs;
	size_t count;
	int worst; /* exit status of what could not be opened */
	uint64_t began_ns, progress_ns, all_bytes;
	bool json, progress_shown;
	enum colour colour;
};

/* ---- the logs */

static const char *open_problem(int r)
{
	switch (r) {
	case -EFBIG:
		return "it is compressed: zcat (or the like) FILE | docktrail import -";
	case -EBADMSG:
		return "it does not begin as a log of auditd's (type=... msg=audit(...)): nothing of it "
		       "was taken";
	default:
		return strerror(-r);
	}
}

static int open_log(struct command_line *line, const char *name)
{
	struct import_log *logs = reallocarray(line->logs, line->count + 1, sizeof(*logs));
	int r;

	if (!logs)
		return -ENOMEM;
	line->logs = logs;
	r = import_log_open(name, &logs[line->count]);
	if (r == 0) {
		line->all_bytes += logs[line->count++].size;
		return 0;
	}
	fprintf(stderr, "docktrail import: %s: %s\n",
		strcmp(name, "-") == 0 ? "standard input" : name, open_problem(r));
	line->worst = r == -EFBIG || r == -EBADMSG ? EX_DATAERR : EX_NOINPUT;
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct command_line *line = state->input;
	int r = 0;

	switch (key) {
	case KEY_TRAIL:
		line->trail = argument;
		break;
	case KEY_STATE:
		line->state = argument;
		break;
	case KEY_HOST:
		line->options.host = argument;
		break;
	case KEY_PASSWD:
		line->options.passwd = argument;
		break;
	case KEY_SOCKET:
		r = record_value_add(&line->sockets, argument);
		break;
	case KEY_CONFIG:
		line->config = argument;
		break;
	case KEY_JSON:
		line->json = true;
		break;
	case KEY_COLOR:
		if (colour_parse(argument, &line->colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
		break;
	case ARGP_KEY_ARG:
		r = open_log(line, argument);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name the logs to read, as in: docktrail import "
				  "/var/log/audit/audit.log*");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return r < 0 ? -r : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct import_log *left = a, *right = b;

	return left->first_ms < right->first_ms ? -1 : left->first_ms > right->first_ms;
}

/* ---- what is said */

static void on_progress(void *user, uint64_t done_bytes, uint64_t events)
{
	struct command_line *line = user;
	uint64_t now = clock_boot_ns();
	char done[QUANTITY_MOST], all[QUANTITY_MOST];

	if (now < line->began_ns + PROGRESS_AFTER_NS || now < line->progress_ns + NS_PER_SECOND / 4)
		return;
	line->progress_ns = now;
	line->progress_shown = true;
	fprintf(stderr, "\r\033[K%s", quantity_bytes(done_bytes, done));
	if (line->all_bytes)
		fprintf(stderr, " of %s", quantity_bytes(line->all_bytes, all));
	fprintf(stderr, " read, %" PRIu64 " events", events);
	fflush(stderr);
}

static size_t longest_name(const struct command_line *line)
{
	size_t longest = 0;

	for (size_t i = 0; i < line->count; i++)
		if (strlen(line->logs[i].name) > longest)
			longest = strlen(line->logs[i].name);
	return longest < 60 ? longest : 60;
}

static int print_for_people(const struct command_line *line, const struct import *import)
{
	_cleanup_(paragraph_free)
	struct paragraph page = { .colour = terminal_colour(STDOUT_FILENO, line->colour),
				  .width = terminal_width(STDOUT_FILENO) };
	char words[120], from[WHEN_MOST], to[WHEN_MOST];

	snprintf(words, sizeof(words), "%" PRIu64 " events in %s", import->imported, line->trail);
	paragraph_headline(&page, STYLE_good, "IMPORTED", words);
	for (size_t i = 0; i < line->count; i++) {
		const struct import_log *log = &line->logs[i];

		paragraph_row(&page, i == 0 ? "logs" : NULL, STYLE_plain, "%s", "");
		paragraph_cell(&page, STYLE_strong, longest_name(line), log->name);
		paragraph_more(&page, STYLE_plain, "%s to %s",
			       when_stamp(log->first_ms * NS_PER_MS, false, from),
			       when_stamp(log->last_ms * NS_PER_MS, false, to));
		paragraph_more(&page, STYLE_plain, "%" PRIu64 " records, %" PRIu64 " events",
			       log->records, log->events);
		if (log->bad)
			paragraph_more(&page, STYLE_notice, "%" PRIu64 " %s", log->bad,
				       log->bad == 1 ? "line is no record"
						     : "lines are no records");
	}
	if (import->stats.left_out)
		paragraph_row(&page, "left out", STYLE_dim,
			      "%" PRIu64 " events that no rule's key stands in, or of nothing that "
			      "is told",
			      import->stats.left_out);
	if (import->stats.missing)
		paragraph_row(&page, "missing", STYLE_notice,
			      "%" PRIu64 " %s: rotated away, or never written",
			      import->stats.missing,
			      import->stats.missing == 1 ? "event, by its serial"
							 : "events, by their serials");
	paragraph_row(&page, "replay", STYLE_plain, "docktrail replay %s", line->trail);
	return paragraph_print(&page, stdout);
}

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static int print_json(const struct command_line *line, const struct import *import)
{
	struct json_object *object = json_object_new_object(), *logs = json_object_new_array();
	char when[WHEN_MOST];
	const char *text;
	int r;

	add_string(object, "trail", line->trail);
	add_number(object, "events", import->imported);
	add_number(object, "left_out", import->stats.left_out);
	add_number(object, "missing", import->stats.missing);
	for (size_t i = 0; i < line->count; i++) {
		const struct import_log *log = &line->logs[i];
		struct json_object *one = json_object_new_object();

		add_string(one, "file", log->name);
		add_string(one, "sha256", log->sha256);
		add_number(one, "bytes", log->bytes);
		add_number(one, "records", log->records);
		add_number(one, "events", log->events);
		add_number(one, "bad", log->bad);
		add_string(one, "first", when_stamp(log->first_ms * NS_PER_MS, false, when));
		add_string(one, "last", when_stamp(log->last_ms * NS_PER_MS, false, when));
		json_object_array_add(logs, one);
	}
	json_object_object_add(object, "logs", logs);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_NOSLASHESCAPE);
	r = text && puts(text) >= 0 ? 0 : -EIO;
	json_object_put(object);
	return r;
}

/* ---- */

static int import_logs(struct command_line *line)
{
	_cleanup_buffer_ struct buffer problem = {};
	const struct import_log *bad = NULL;
	struct import import;
	int r = import_open(&line->options, &import, &problem), closed;

	if (r < 0)
		fprintf(stderr, "docktrail import: %s\n", buffer_string(&problem) ?: strerror(-r));
	else
		r = import_run(&import, line->logs, line->count, &bad);
	if (line->progress_shown)
		fputs("\r\033[K", stderr);
	if (r < 0 && bad && !import.error)
		fprintf(stderr, "docktrail import: %s: %s. What stood before was taken\n",
			bad->name, strerror(-r));
	else if (r < 0 && import.error)
		fprintf(stderr, "docktrail import: the trail %s cannot be written: %s\n",
			line->trail, strerror(-r));
	closed = import_close(&import);
	if (r == 0 && closed < 0)
		fprintf(stderr, "docktrail import: the last events could not be written: %s\n",
			strerror(-closed));
	if (r < 0 || closed < 0)
		return r == -EBUSY ? EX_TEMPFAIL : bad && !import.error ? EX_NOINPUT : EX_CANTCREAT;
	r = line->json ? print_json(line, &import) : print_for_people(line, &import);
	return r < 0 || fflush(stdout) != 0 ? EX_IOERR : line->worst;
}

/* A trail of its own: what was recorded stays apart from what others wrote before. */
static int take_trail(struct command_line *line, struct record_options *record)
{
	line->trail = line->trail ?: DEFAULT_TRAIL;
	if (strcmp(line->trail, record->trail) == 0) {
		fprintf(stderr,
			"docktrail import: %s is the trail that is recorded to: give the import a "
			"--trail of its own\n",
			line->trail);
		return -EINVAL;
	}
	free(record->state);
	record->state = NULL;
	if (record_value_set(&record->trail, line->trail) < 0 ||
	    (line->state && record_value_set(&record->state, line->state) < 0))
		return -ENOMEM;
	return 0;
}

int command_import(int argc, char **argv)
{
	static const struct argp argp = { argp_options, parse, "FILE...", documentation,
					  NULL,         NULL,  NULL };
	struct record_options record = {};
	struct command_line line = { .options = { .record = &record } };
	int status = EX_USAGE, r;

	argp_parse(&argp, argc, argv, 0, NULL, &line);
	r = record_options_read(&record, line.config, &line.sockets);
	if (r == 0)
		r = take_trail(&line, &record);
	if (r == 0 && line.count == 0)
		status = line.worst;
	if (r == 0 && line.count > 0) {
		qsort(line.logs, line.count, sizeof(*line.logs), by_time);
		line.began_ns = clock_boot_ns();
		line.options.user = &line;
		line.options.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
		status = import_logs(&line);
	}
	for (size_t i = 0; i < line.count; i++)
		import_log_close(&line.logs[i]);
	free(line.logs);
	record_value_clear(&line.sockets);
	record_options_clear(&record);
	return status;
}
