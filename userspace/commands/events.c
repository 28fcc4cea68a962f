// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/terminal.h"
#include "commands/command.h"
#include "event/field.h"
#include "output/spans.h"

struct listing {
	const char *event; /* NULL: all */
	bool json, markdown;
	enum colour colour;
	/* For people. */
	bool coloured;
	size_t width;
	struct buffer out;
};

struct group_row {
	unsigned int bit;
	const char *name, *meaning;
};

static const struct group_row groups[] = {
#define GROUP_ROW(name, bit, meaning) { GROUP_##name, #name, meaning },
	GROUPS(GROUP_ROW)
#undef GROUP_ROW
};

static const struct {
	const char *name, *meaning;
} losses[] = {
#define LOSS_ROW(name, meaning) { #name, meaning },
	LOSSES(LOSS_ROW)
#undef LOSS_ROW
};

static const char documentation[] =
	"Explain the events that a trail can have, and their fields: the names in the JSON are the names that "
	"`replay --where` knows."
	"\v"
	"For example:\n"
	"  docktrail events\n"
	"  docktrail events api-request\n"
	"  docktrail events --json | jq -r '.fields[].name'\n\n"
	"Exit status: 0; 64 usage, also for an event that there is none of.";

static const char type_words[] =
	"str: text; list: a list of texts; u64, i64: a number; bool: true or false; time: RFC 3339 in UTC with "
	"nine digits. A field that is not known is absent. [] marks a list of objects.";

static void text(struct listing *listing, enum style style, const char *words, size_t column,
		 size_t indent)
{
	_cleanup_spans_ struct spans spans = {};
	struct layout layout = { .colour = listing->coloured,
				 .width = listing->width,
				 .column = column,
				 .indent = indent };

	spans_add_words(&spans, style, 1, text_of(words));
	spans_lay_out(&spans, &layout, &listing->out);
	if (spans_error(&spans) < 0)
		listing->out.error = spans_error(&spans);
}

static void cell(struct listing *listing, enum style style, const char *words, size_t width)
{
	size_t length = strlen(words);

	text(listing, style, words, 0, 0);
	do
		buffer_append_char(&listing->out, ' ');
	while (length++ < width + 1);
}

static void list_events(struct listing *listing)
{
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		const struct event_row *row = &event_rows[i];
		char severity[12];

		snprintf(severity, sizeof(severity), "%u", row->severity);
		cell(listing, STYLE_strong, row->action, 20);
		buffer_printf(&listing->out, "%*s", 3 - (int)strlen(severity), "");
		cell(listing, style_of_severity(row->severity), severity, strlen(severity));
		cell(listing, STYLE_dim, row->category, 8);
		text(listing, STYLE_plain, row->meaning, 37, 37);
		buffer_append_char(&listing->out, '\n');
	}
	buffer_append_string(
		&listing->out,
		"\nThe number is the event's own severity, which what was asked for can raise:\n"
		"0 routine, 25 a change, 50 worth a look, 75 isolation given away, 100 evidence "
		"attacked.\n\n`docktrail events EVENT` has the fields of one.\n");
}

static void list_fields(struct listing *listing, enum event event)
{
	const struct event_row *row = &event_rows[event];
	size_t width = 0, column;

	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (field_rows[i].group & row->groups && strlen(field_rows[i].path) > width)
			width = strlen(field_rows[i].path);
	column = 2 + width + 2 + 4 + 2;
	cell(listing, STYLE_strong, row->action, strlen(row->action) + 1);
	text(listing, STYLE_plain, row->meaning, strlen(row->action) + 2, strlen(row->action) + 2);
	buffer_printf(&listing->out,
		      "\nevent.category %s, event.type %s, event.severity %u or more\n",
		      row->category, row->type, row->severity);
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		if (!(row->groups & groups[g].bit))
			continue;
		buffer_append_char(&listing->out, '\n');
		text(listing, STYLE_person, groups[g].meaning, 0, 0);
		buffer_append_char(&listing->out, '\n');
		for (size_t i = 0; i < FIELD_COUNT; i++) {
			if (field_rows[i].group != groups[g].bit)
				continue;
			buffer_append(&listing->out, "  ", 2);
			cell(listing, STYLE_id, field_rows[i].path, width);
			cell(listing, STYLE_dim, field_type_name(field_rows[i].type), 4);
			text(listing, STYLE_plain, field_rows[i].meaning, column, column);
			buffer_append_char(&listing->out, '\n');
		}
	}
	buffer_append_char(&listing->out, '\n');
	text(listing, STYLE_dim, type_words, 0, 0);
	buffer_append_char(&listing->out, '\n');
}

/* A bar ends a cell, and < begins a tag. */
static void markdown_cell(struct buffer *out, const char *words)
{
	buffer_append_string(out, " ");
	for (; *words; words++) {
		if (*words == '|' || *words == '<' || *words == '*')
			buffer_append_char(out, '\\');
		buffer_append_char(out, *words);
	}
	buffer_append_string(out, " |");
}

static void group_names(struct buffer *out, unsigned int set)
{
	const char *comma = " ";

	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		if (!(set & groups[g].bit))
			continue;
		buffer_append_string(out, comma);
		for (const char *c = groups[g].name; *c; c++)
			buffer_append_char(out, (char)tolower((unsigned char)*c));
		comma = ", ";
	}
	buffer_append_string(out, " |");
}

static void print_markdown(struct buffer *out)
{
	buffer_append_string(
		out,
		"<!-- Made by `docktrail events --markdown` from bpf/events.h: run `make docs`, do not edit. -->\n"
		"# Events and fields\n\n"
		"One line of JSON an event. Names are those of the Elastic Common Schema wherever it has one, and\n"
		"`docktrail.*` for the rest; `docktrail replay --where` knows the same names. Unknown is absent,\n"
		"never `0`, `\"\"` or `false`. Numbers of events are for ever.\n\n"
		"Severity: 0 routine, 25 a change, 50 worth a look, 75 isolation given away, 100 evidence attacked.\n"
		"The table has an event's own, which what was asked for can raise.\n\n"
		"## Events\n\n"
		"| `event.action` | id | `event.category` | `event.type` | severity | meaning | groups of fields |\n"
		"|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		const struct event_row *row = &event_rows[i];

		buffer_printf(out, "| `%s` | %u | %s | %s | %u |", row->action, row->id,
			      row->category, row->type, row->severity);
		markdown_cell(out, row->meaning);
		group_names(out, row->groups);
		buffer_append_char(out, '\n');
	}
	buffer_append_string(
		out,
		"\n## Fields\n\n`str` is text, `list` a list of texts, `u64` and `i64` are numbers, `bool` is true or\n"
		"false, `time` is RFC 3339 in UTC with nine digits. `[]` marks a list of objects.\n");
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		buffer_append_string(out, "\n### ");
		for (const char *c = groups[g].name; *c; c++)
			buffer_append_char(
				out, c == groups[g].name ? *c : (char)tolower((unsigned char)*c));
		buffer_printf(out, ": %s\n\n| field | type | meaning |\n|---|---|---|\n",
			      groups[g].meaning);
		for (size_t i = 0; i < FIELD_COUNT; i++) {
			if (field_rows[i].group != groups[g].bit)
				continue;
			buffer_printf(out, "| `%s` | %s |", field_rows[i].path,
				      field_type_name(field_rows[i].type));
			markdown_cell(out, field_rows[i].meaning);
			buffer_append_char(out, '\n');
		}
	}
	buffer_append_string(
		out,
		"\n## Losses\n\nThe reasons of a `recorder-loss`, behind the message that was lost (`socket_piece: ring_full`).\n"
		"`volume` and `stream` are bounds, not losses: they are counted in the heartbeat only.\n\n"
		"| reason | meaning |\n|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		buffer_printf(out, "| `%s` |", losses[i].name);
		markdown_cell(out, losses[i].meaning);
		buffer_append_char(out, '\n');
	}
}

/* Of our own tables only: no byte of them needs more than this. */
static void json_text(struct buffer *out, const char *words)
{
	buffer_append_char(out, '"');
	for (; *words; words++) {
		if (*words == '"' || *words == '\\')
			buffer_append_char(out, '\\');
		buffer_append_char(out, *words);
	}
	buffer_append_char(out, '"');
}

static void json_member(struct buffer *out, const char *before, const char *name, const char *value)
{
	buffer_printf(out, "%s\"%s\":", before, name);
	json_text(out, value);
}

static void print_json(struct buffer *out, enum event event)
{
	unsigned int set = 0;
	const char *comma = "";

	buffer_append_string(out, "{\"events\":[");
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		const struct event_row *row = &event_rows[i];

		if (event != EVENT_COUNT && i != event)
			continue;
		set |= row->groups;
		buffer_append_string(out, comma);
		json_member(out, "{", "action", row->action);
		buffer_printf(out, ",\"id\":%u,\"severity\":%u", row->id, row->severity);
		json_member(out, ",", "category", row->category);
		json_member(out, ",", "type", row->type);
		json_member(out, ",", "meaning", row->meaning);
		buffer_append_char(out, '}');
		comma = ",";
	}
	buffer_append_string(out, "],\"fields\":[");
	comma = "";
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!(field_rows[i].group & set))
			continue;
		buffer_append_string(out, comma);
		json_member(out, "{", "name", field_rows[i].name);
		json_member(out, ",", "path", field_rows[i].path);
		json_member(out, ",", "type", field_type_name(field_rows[i].type));
		json_member(out, ",", "meaning", field_rows[i].meaning);
		buffer_append_char(out, '}');
		comma = ",";
	}
	buffer_append_string(out, "]}\n");
}

enum { KEY_JSON = 'j', KEY_MARKDOWN = 'm', KEY_COLOR = 0x100 };

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "As JSON", 1 },
	{ "markdown", KEY_MARKDOWN, NULL, 0, "As Markdown, all of it: docs/events.md", 1 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never", 2 },
	{ "colour", KEY_COLOR, NULL, OPTION_ALIAS, NULL, 2 },
	{},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct listing *listing = state->input;

	switch (key) {
	case KEY_JSON:
		listing->json = true;
		return 0;
	case KEY_MARKDOWN:
		listing->markdown = true;
		return 0;
	case KEY_COLOR:
		if (colour_parse(argument, &listing->colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
		return 0;
	case ARGP_KEY_ARG:
		if (listing->event)
			argp_error(state, "one event at a time");
		listing->event = argument;
		return 0;
	case ARGP_KEY_END:
		if (listing->markdown && (listing->json || listing->event))
			argp_error(state, "--markdown is all of it, and nothing else");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_events(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "[EVENT]", documentation, NULL, NULL, NULL
	};
	struct listing listing = {};
	enum event event = EVENT_COUNT;
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &listing);
	if (listing.event) {
		event = event_find(listing.event, strlen(listing.event));
		if (event == EVENT_COUNT) {
			fprintf(stderr,
				"%s: there is no event \"%.60s\"; `docktrail events` lists them\n",
				argv[0], listing.event);
			return EX_USAGE;
		}
	}
	listing.coloured = terminal_colour(STDOUT_FILENO, listing.colour);
	listing.width = terminal_width(STDOUT_FILENO);
	if (listing.markdown)
		print_markdown(&listing.out);
	else if (listing.json)
		print_json(&listing.out, event);
	else if (listing.event)
		list_fields(&listing, event);
	else
		list_events(&listing);
	if (!listing.out.error)
		fwrite(listing.out.data, 1, listing.out.length, stdout);
	r = listing.out.error ? EX_OSERR : fflush(stdout) != 0 ? EX_IOERR : 0;
	buffer_free(&listing.out);
	return r;
}
