// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/terminal.h"
#include "commands/command.h"
#include "commands/status_read.h"
#include "output/paragraph.h"
#include "output/quantity.h"
#include "trail/old.h"

struct options {
	const char *trail;
	bool json, checkpoint;
	enum colour colour;
};

static const char documentation[] =
	"Show whether a trail is being recorded now, by which hooks, and what was lost."
	"\v"
	"Reads what the recorder writes into the trail's folder every second, and asks whether the trail is "
	"locked; the recorder itself is not disturbed.\n\n"
	"For example:\n"
	"  docktrail status\n"
	"  docktrail status ./trail --json | jq .losses\n"
	"  docktrail status --checkpoint | ssh elsewhere 'cat >>anchors'\n\n"
	"Exit status: 0 it is being recorded, perhaps by less than all hooks, which is then said; 1 it is not; "
	"64 usage; 66 there is no trail.";

enum { KEY_TRAIL = 't', KEY_CHECKPOINT = 'c', KEY_JSON = 'j', KEY_COLOR = 0x100 };

static const struct argp_option argp_options[] = {
	{ "trail", KEY_TRAIL, "DIR", 0, "Folder of the trail (" COMMAND_DEFAULT_TRAIL ")", 1 },
	{ "checkpoint", KEY_CHECKPOINT, NULL, 0,
	  "Print how far the trail goes, and nothing else: keep it on another machine, for `docktrail "
	  "verify --anchor`",
	  1 },
	{ "json", KEY_JSON, NULL, 0, "As JSON", 1 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never", 1 },
	{ "colour", KEY_COLOR, NULL, OPTION_ALIAS, NULL, 1 },
	{},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_TRAIL:
		options->trail = argument;
		return 0;
	case KEY_CHECKPOINT:
		options->checkpoint = true;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case KEY_COLOR:
		if (colour_parse(argument, &options->colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
		return 0;
	case ARGP_KEY_ARG:
		if (options->trail)
			argp_error(state, "one trail at a time: \"%.80s\" is one too many",
				   argument);
		options->trail = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void say_recorder(const struct status *status, struct paragraph *page)
{
	struct json_object *root = status->root;
	char age[QUANTITY_MOST];

	paragraph_row(page, "recorder", STYLE_plain, "docktrail %s",
		      status_string(root, "version"));
	paragraph_more(page, STYLE_plain, "pid %" PRIu64, status_number(root, "pid"));
	if (*status_string(root, "since"))
		paragraph_more(page, STYLE_plain, "since %.19sZ", status_string(root, "since"));
	if (*status_string(root, "kernel"))
		paragraph_more(page, STYLE_plain, "on Linux %s", status_string(root, "kernel"));
	if (status->age_ns > 2 * NS_PER_SECOND)
		paragraph_more(page, STYLE_notice, "last sign of life %s ago",
			       quantity_duration(status->age_ns, age));
	if (*status_string(root, "trail_id"))
		paragraph_row(page, "trail", STYLE_id, "%s", status_string(root, "trail_id"));
	if (*status_string(root, "root"))
		paragraph_row(page, "root", STYLE_id, "%s", status_string(root, "root"));
}

static void say_sockets(const struct status *status, struct paragraph *page)
{
	struct json_object *sockets = status_list(status->root, "sockets");

	for (size_t i = 0; i < status_count(sockets); i++) {
		struct json_object *socket = status_item(sockets, i);
		const char *state = status_string(socket, "state");

		paragraph_row(page, i == 0 ? "sockets" : NULL, STYLE_plain, "%s",
			      status_string(socket, "path"));
		paragraph_more(page, strcmp(state, "absent") == 0 ? STYLE_notice : STYLE_good, "%s",
			       state);
		if (status_number(socket, "inode"))
			paragraph_more(page, STYLE_dim, "inode %" PRIu64 " on device %s",
				       status_number(socket, "inode"),
				       status_string(socket, "device"));
	}
}

static void say_hooks(const struct status *status, struct paragraph *page)
{
	struct json_object *hooks = status_list(status->root, "hooks");
	struct json_object *blind = status_list(status->root, "blind");
	size_t purposes = 0, names = 0;

	if (*status_string(status->root, "rung"))
		paragraph_row(page, "rung", STYLE_plain, "%s", status_string(status->root, "rung"));
	for (size_t i = 0; i < status_count(hooks); i++) {
		struct json_object *hook = status_item(hooks, i);
		size_t purpose = strlen(status_string(hook, "purpose"));
		size_t name = strlen(status_string(hook, "hook"));

		purposes = purpose > purposes ? purpose : purposes;
		names = name > names ? name : names;
	}
	for (size_t i = 0; i < status_count(hooks); i++) {
		struct json_object *hook = status_item(hooks, i);
		const char *state = status_string(hook, "state");

		paragraph_row(page, i == 0 ? "hooks" : NULL, STYLE_plain, "%s", "");
		paragraph_cell(page, STYLE_plain, purposes, status_string(hook, "purpose"));
		paragraph_cell(page, STYLE_plain, names, status_string(hook, "hook"));
		paragraph_more(page,
			       strcmp(state, "attached") == 0 ? STYLE_good
			       : strcmp(state, "silent") == 0 ? STYLE_alarm
							      : STYLE_notice,
			       "%s", state);
		if (*status_string(hook, "proven"))
			paragraph_more(page, STYLE_dim, "proven at %.19sZ",
				       status_string(hook, "proven"));
	}
	for (size_t i = 0; i < status_count(blind); i++)
		paragraph_row(page, i == 0 ? "cannot see" : NULL, STYLE_notice, "%s",
			      json_object_get_string(status_item(blind, i)) ?: "");
}

static void say_audit(const struct status *status, struct paragraph *page)
{
	struct json_object *audit = status_object(status->root, "audit");
	const char *state = status_string(audit, "state");
	bool on = strcmp(state, "on") == 0 || strcmp(state, "immutable") == 0;

	if (!*state)
		return;
	paragraph_row(page, "audit", on ? STYLE_good : STYLE_notice, "%s", state);
	if (!on && status_number(audit, "rules") == 0)
		return;
	paragraph_more(page, STYLE_plain, "%" PRIu64 " of %" PRIu64 " rules loaded",
		       status_number(audit, "loaded"), status_number(audit, "rules"));
	if (status_number(audit, "auditd_pid"))
		paragraph_more(page, STYLE_plain, "auditd is pid %" PRIu64,
			       status_number(audit, "auditd_pid"));
	paragraph_more(page, STYLE_plain,
		       "connects seen by both %" PRIu64 ", by audit alone %" PRIu64
		       ", by the probes alone %" PRIu64,
		       status_number(audit, "both"), status_number(audit, "audit_alone"),
		       status_number(audit, "probes_alone"));
}

static void say_progress(const struct status *status, struct paragraph *page)
{
	struct json_object *events = status_object(status->root, "events");
	struct json_object *commit = status_object(status->root, "commit");
	char text[QUANTITY_MOST];

	paragraph_row(page, "events", STYLE_plain, "%" PRIu64 " written",
		      status_number(events, "written"));
	paragraph_more(page, STYLE_plain, "%.1f a second", status_real(events, "per_second"));
	paragraph_more(page, STYLE_plain, "%" PRIu64 " connections open",
		       status_number(status->root, "connections"));
	if (status_number(status->root, "requests_waiting"))
		paragraph_more(page, STYLE_plain, "%" PRIu64 " requests without an answer yet",
			       status_number(status->root, "requests_waiting"));
	paragraph_row(page, "commit", STYLE_plain, "frame %" PRIu64,
		      status_number(commit, "frame"));
	if (*status_string(commit, "time"))
		paragraph_more(page, STYLE_plain, "at %.19sZ", status_string(commit, "time"));
	paragraph_more(page, STYLE_plain, "took %s",
		       quantity_duration(status_number(commit, "duration_ns"), text));
	paragraph_more(page, STYLE_dim, "longest %s",
		       quantity_duration(status_number(commit, "longest_ns"), text));
	if (status_number(commit, "queue_bytes"))
		paragraph_more(page, STYLE_dim, "%s waiting",
			       quantity_bytes(status_number(commit, "queue_bytes"), text));
	paragraph_row(page, "memory", STYLE_plain, "%s",
		      quantity_bytes(status_number(status->root, "memory_bytes"), text));
}

static void say_rings(const struct status *status, struct paragraph *page)
{
	struct json_object *rings = status_list(status->root, "rings");
	char size[QUANTITY_MOST], peak[QUANTITY_MOST];

	for (size_t i = 0; i < status_count(rings); i++) {
		struct json_object *ring = status_item(rings, i);

		paragraph_row(page, i == 0 ? "rings" : NULL, STYLE_plain, "%s", "");
		paragraph_cell(page, STYLE_plain, 6, status_string(ring, "name"));
		paragraph_more(page, STYLE_plain, "%s, at most %s in use",
			       quantity_bytes(status_number(ring, "size"), size),
			       quantity_bytes(status_number(ring, "peak"), peak));
	}
}

static void say_losses(const struct status *status, const char *list, const char *label,
		       enum style style, struct paragraph *page)
{
	struct json_object *losses = status_list(status->root, list);
	char bytes[QUANTITY_MOST];

	for (size_t i = 0; i < status_count(losses); i++) {
		struct json_object *loss = status_item(losses, i);

		paragraph_row(page, i == 0 ? label : NULL, style, "%s: %s",
			      status_string(loss, "message"), status_string(loss, "reason"));
		paragraph_more(page, style, "%" PRIu64 " records", status_number(loss, "records"));
		if (status_number(loss, "turns"))
			paragraph_more(page, style, "about %" PRIu64 " requests",
				       status_number(loss, "turns"));
		if (status_number(loss, "bytes"))
			paragraph_more(page, style, "%s",
				       quantity_bytes(status_number(loss, "bytes"), bytes));
	}
}

static void say_all(const struct status *status, struct paragraph *page)
{
	struct json_object *warnings = status_list(status->root, "warnings");

	for (size_t i = 0; i < status_count(warnings); i++)
		paragraph_row(page, i == 0 ? "warning" : NULL, STYLE_alarm, "%s",
			      json_object_get_string(status_item(warnings, i)) ?: "");
	if (status->set_aside)
		paragraph_row(page, "before", STYLE_alarm,
			      "%zu trail%s could not be continued and lie%s in " TRAIL_OLD_FOLDER
			      "/: `docktrail verify` says why, and judges them",
			      status->set_aside, status->set_aside == 1 ? "" : "s",
			      status->set_aside == 1 ? "s" : "");
	say_recorder(status, page);
	if (!status->recording)
		paragraph_row(page, "then", STYLE_notice, "what follows is how it was then");
	say_sockets(status, page);
	say_hooks(status, page);
	say_audit(status, page);
	say_progress(status, page);
	say_rings(status, page);
	if (status_count(status_list(status->root, "losses")) == 0)
		paragraph_row(page, "lost", STYLE_good, "nothing");
	say_losses(status, "losses", "lost", STYLE_alarm, page);
	say_losses(status, "by_design", "length only", STYLE_dim, page);
}

static int print_for_people(const struct options *options, const struct status *status)
{
	_cleanup_(paragraph_free)
	struct paragraph page = {
		.colour = terminal_colour(STDOUT_FILENO, options->colour),
		.width = terminal_width(STDOUT_FILENO),
	};
	enum style style = !status->recording ? STYLE_alarm
			   : status->degraded ? STYLE_notice
					      : STYLE_good;
	const char *headline = !status->recording ? "NOT RECORDING"
			       : status->degraded ? "RECORDING, DEGRADED"
						  : "RECORDING";

	paragraph_headline(&page, style, headline, status->why);
	if (status->root)
		say_all(status, &page);
	return paragraph_print(&page, stdout);
}

/* What the recorder wrote, and before it what was found out by looking. */
static int print_json(const struct status *status)
{
	struct json_object *object = json_object_new_object();
	const char *text;
	int r;

	json_object_object_add(object, "recording", json_object_new_boolean(status->recording));
	json_object_object_add(object, "degraded", json_object_new_boolean(status->degraded));
	json_object_object_add(object, "why", json_object_new_string(status->why));
	json_object_object_add(object, "set_aside", json_object_new_uint64(status->set_aside));
	if (status->root) {
		json_object_object_add(object, "age_ns", json_object_new_uint64(status->age_ns));
		json_object_object_foreach(status->root, key, value)
			json_object_object_add(object, key, json_object_get(value));
	}
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_NOSLASHESCAPE);
	r = text && puts(text) >= 0 ? 0 : -EIO;
	json_object_put(object);
	return r;
}

int command_status(int argc, char **argv)
{
	static const struct argp argp = { argp_options, parse, "[DIR]", documentation,
					  NULL,         NULL,  NULL };
	struct options options = {};
	_cleanup_(status_clear)
	struct status status = {};
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (!options.trail)
		options.trail = COMMAND_DEFAULT_TRAIL;
	if (options.checkpoint)
		return status_checkpoint(argv[0], options.trail, options.json);
	r = status_read(options.trail, &status);
	if (r == -ENOENT || r == -ENOTDIR) {
		fprintf(stderr,
			"%s: there is no trail at %s: is it recorded elsewhere? --trail DIR\n",
			argv[0], options.trail);
		return EX_NOINPUT;
	}
	if (r < 0) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], options.trail,
			r == -EACCES ? "may not be read: be root, or in the group that owns it"
				     : strerror(-r));
		return EX_NOINPUT;
	}
	r = options.json ? print_json(&status) : print_for_people(&options, &status);
	if (r < 0 || fflush(stdout) != 0)
		return EX_IOERR;
	return status.recording ? 0 : 1;
}
