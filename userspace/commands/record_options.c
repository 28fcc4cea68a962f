// SPDX-License-Identifier: Apache-2.0
#include "commands/record_options.h"

#include <argp.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "commands/record_sockets.h"
#include "correlate/redact.h"
#include "output/escape.h"
#include "output/format.h"

#define LINE_MOST 198 /* bytes, as inih is built: INI_MAX_LINE, the newline, a zero */

static int set_string(char **place, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*place);
	*place = copy;
	return 0;
}

static int add_string(struct string_list *list, const char *value)
{
	if (list->count >= RECORD_LIST_MOST)
		return -E2BIG;
	list->items[list->count] = strdup(value);
	if (!list->items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

static void clear_list(struct string_list *list)
{
	while (list->count > 0) {
		list->count--;
		free(list->items[list->count]);
		list->items[list->count] = NULL;
	}
}

static int parse_number(const char *value, uint32_t least, uint32_t most, uint32_t *ret)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno || end == value || *value == '-')
		return -EINVAL;
	if (*end == 'K' || *end == 'M') {
		number *= *end == 'K' ? 1024 : 1024 * 1024;
		end++;
	}
	if (*end || number < least || number > most)
		return -ERANGE;
	*ret = (uint32_t)number;
	return 0;
}

/* A ring is a power of two and at least a page (bpf_map_alloc of BPF_MAP_TYPE_RINGBUF). */
static int parse_ring(const char *value, uint32_t *ret)
{
	int r = parse_number(value, 4096, 1u << 30, ret);

	return r < 0 ? r : *ret & (*ret - 1) ? -ERANGE : 0;
}

static bool is_rung(const char *value)
{
	return strcmp(value, "fentry") == 0 || strcmp(value, "tracepoint") == 0;
}

/* Whether the redaction will take it: asked here, where the line is still known. */
static int check_mask(const char *value, struct redact_problem *ret_problem)
{
	const char *const values[] = { value, NULL };
	const struct redact_rules rules = { .masks = values, .names = values };
	struct redact *redact = NULL;
	int r = redact_new(&rules, &redact, ret_problem);

	if (r == 0)
		redact_free(redact);
	return r;
}

static int add_mask(struct string_list *list, const char *value)
{
	struct redact_problem problem;
	int r = check_mask(value, &problem);

	return r < 0 ? r : add_string(list, value);
}

enum { WANT_PATH, WANT_PATHS, WANT_PORTS, WANT_RUNG, WANT_MASKS, WANT_NUMBER, WANT_RING };

/* The keys of the configuration file. Lists are given by repeating the key. */
static const struct key {
	const char *name;
	int want;
	size_t offset;
	uint32_t least, most;
	const char *expected;
} keys[] = {
#define AT(member) offsetof(struct record_options, member)
	{ "trail", WANT_PATH, AT(trail), 0, 0, "an absolute path" },
	{ "state", WANT_PATH, AT(state), 0, 0, "an absolute path" },
	{ "socket", WANT_PATHS, AT(sockets), 0, 0, "an absolute path" },
	{ "connects", WANT_PATHS, AT(connects), 0, 0, "an absolute path" },
	{ "port", WANT_PORTS, AT(ports), 0, 0, "a TCP port, 1 to 65535" },
	{ "engine_root", WANT_PATHS, AT(engine_roots), 0, 0, "an absolute path" },
	{ "mask", WANT_MASKS, AT(masks), 0, 0,
	  "a POSIX extended regular expression of at most 256 bytes, without back references" },
	{ "mask_name", WANT_MASKS, AT(mask_names), 0, 0,
	  "a POSIX extended regular expression of at most 256 bytes, without back references" },
	{ "rung", WANT_RUNG, AT(rung), 0, 0, "fentry or tracepoint" },
	{ "ring_state", WANT_RING, AT(ring_bytes[WIRE_RING_state]), 0, 0,
	  "bytes, a power of two from 4K on" },
	{ "ring_api", WANT_RING, AT(ring_bytes[WIRE_RING_api]), 0, 0,
	  "bytes, a power of two from 4K on" },
	{ "ring_noise", WANT_RING, AT(ring_bytes[WIRE_RING_noise]), 0, 0,
	  "bytes, a power of two from 4K on" },
	{ "volume", WANT_NUMBER, AT(volume_bytes), 4096, 16u << 20,
	  "bytes kept of one turn, 4K to 16M" },
	{ "heartbeat", WANT_NUMBER, AT(heartbeat_s), 1, 3600, "seconds, 1 to 3600" },
	{ "queue", WANT_NUMBER, AT(queue_bytes), 1u << 20, 1u << 30, "bytes, 1M to 1024M" },
#undef AT
};

static int set_key(struct record_options *options, const struct key *key, const char *value)
{
	void *place = (char *)options + key->offset;
	uint16_t port;

	switch (key->want) {
	case WANT_PATH:
	case WANT_PATHS:
		if (value[0] != '/')
			return -EINVAL;
		return key->want == WANT_PATH ? set_string(place, value) : add_string(place, value);
	case WANT_PORTS:
		return record_port_parse(value, &port) < 0 ? -EINVAL : add_string(place, value);
	case WANT_RUNG:
		return is_rung(value) ? set_string(place, value) : -EINVAL;
	case WANT_MASKS:
		return add_mask(place, value);
	case WANT_RING:
		return parse_ring(value, place);
	default:
		return parse_number(value, key->least, key->most, place);
	}
}

struct config_reading {
	struct record_options *options;
	int error;
};

static void say_wrong_mask(const char *file, int line, const char *name, const char *value,
			   size_t column)
{
	_cleanup_buffer_ struct buffer safe = {};
	struct redact_problem problem;

	if (check_mask(value, &problem) != -EINVAL)
		return;
	escape_append(&safe, text_of(value));
	fprintf(stderr,
		"docktrail: %s:%d:%zu: %s = %s: %s: expected a POSIX extended regular expression "
		"of at most %d bytes, without back references\n",
		file, line, column + problem.column - 1, name, buffer_string(&safe) ?: "",
		problem.words, REDACT_MOST_PATTERN_BYTES);
}

/* `column`: where the value begins, from 1. */
static void say_wrong(const char *file, int line, const char *name, const char *value,
		      size_t column)
{
	_cleanup_buffer_ struct buffer safe = {};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0 && keys[i].want == WANT_MASKS) {
			say_wrong_mask(file, line, name, value, column);
			return;
		} else if (strcmp(keys[i].name, name) == 0) {
			escape_append(&safe, text_of(value));
			fprintf(stderr, "docktrail: %s:%d: %s = %s: expected %s\n", file, line,
				name, buffer_string(&safe) ?: "", keys[i].expected);
			return;
		}
	escape_append(&safe, text_of(name));
	fprintf(stderr, "docktrail: %s:%d: there is no key '%s'; known are:", file, line,
		buffer_string(&safe) ?: "");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		fprintf(stderr, " %s", keys[i].name);
	fputc('\n', stderr);
}

/* inih calls this for each `name = value`, in order; 0 says that the line is wrong. */
static int take_line(void *user, const char *section, const char *name, const char *value)
{
	struct config_reading *reading = user;
	int r = -ENOENT;

	for (size_t i = 0; !section[0] && i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			r = set_key(reading->options, &keys[i], value);
	if (r < 0 && !reading->error)
		reading->error = r;
	return r >= 0;
}

/* inih tells only the line's number: find its words again to say what was wrong with them. */
static void explain_line(const char *file, int wanted)
{
	_cleanup_fclose_ FILE *stream = fopen(file, "re");
	char line[4096], name[128] = "", value[3072] = "";
	bool section = false;
	int before = 0;

	for (int number = 1; stream && fgets(line, sizeof(line), stream); number++) {
		section = section || line[strspn(line, " \t")] == '[';
		if (number != wanted)
			continue;
		/* In a section no key is known, whatever its value. */
		if (section)
			break;
		if (sscanf(line, " %127[^ =\t] = %n%3071[^\n]", name, &before, value) >= 1 &&
		    strchr(line, '=')) {
			say_wrong(file, wanted, name, value, (size_t)before + 1);
			return;
		}
	}
	fprintf(stderr,
		"docktrail: %s:%d: expected `key = value`, one to a line, without sections\n", file,
		wanted);
}

/* inih takes the rest of a longer line for the next one, and says nothing. */
static int check_lengths(const char *file)
{
	_cleanup_fclose_ FILE *stream = fopen(file, "re");
	int line = 1, column = 0, c;

	while (stream && (c = getc(stream)) != EOF) {
		if (c == '\n') {
			line++;
			column = 0;
		} else if (++column > LINE_MOST) {
			fprintf(stderr, "docktrail: %s:%d:%d: a line has at most %d bytes\n", file,
				line, column, LINE_MOST);
			return -EINVAL;
		}
	}
	return 0;
}

static int read_config(struct record_options *options, const char *file, bool required)
{
	struct config_reading reading = { .options = options };
	struct stat status;
	int line, r;

	r = stat(file, &status);
	/* A folder opens, and then reads like an empty file. */
	if (r == 0 && S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		r = -1;
	}
	if (r < 0) {
		if (!required && errno == ENOENT)
			return 0;
		fprintf(stderr, "docktrail: cannot read the configuration %s: %m\n", file);
		return -EINVAL;
	}
	if (check_lengths(file) < 0)
		return -EINVAL;
	line = ini_parse(file, take_line, &reading);
	if (line == -2 || reading.error == -ENOMEM)
		return -ENOMEM;
	if (line < 0) {
		fprintf(stderr, "docktrail: cannot read the configuration %s: %m\n", file);
		return -EINVAL;
	}
	if (line > 0) {
		explain_line(file, line);
		return -EINVAL;
	}
	return set_string(&options->config, file);
}

enum {
	OPTION_SOCKET = 's',
	OPTION_ROOT = 'e',
	OPTION_STATE = 256,
	OPTION_RUNG,
	OPTION_LIVE,
	OPTION_HEARTBEAT
};

static const struct argp_option argp_options[] = {
	{ "trail", 't', "DIR", 0, "Folder of the trail (default " RECORD_TRAIL_DEFAULT ")", 0 },
	{ "state", OPTION_STATE, "DIR", 0,
	  "Folder of the signing key (default " RECORD_STATE_DEFAULT
	  " for the default trail, else DIR/state)",
	  0 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "An engine's socket to watch, `*` for the name of a folder; may be repeated (default /run/docker.sock, "
	  "/var/run/docker.sock and those of rootless Docker, Docker Desktop, Podman and containerd)",
	  0 },
	{ "engine-root", OPTION_ROOT, "DIR", 0,
	  "An engine's data folder, for the names of containers: what `docker info` calls Docker Root Dir; may be "
	  "repeated (default /var/lib/docker)",
	  0 },
	{ "config", 'c', "FILE", 0,
	  "Configuration (default " RECORD_CONFIG_DEFAULT ", if it is there)", 0 },
	{ "live", OPTION_LIVE, "FORMAT", OPTION_ARG_OPTIONAL,
	  "Print what is recorded, as `replay --follow` does: story (default), text or json; within about 1.3 s, "
	  "what is severe within about a quarter of a second",
	  0 },
	{ "rung", OPTION_RUNG, "NAME", 0,
	  "Use only this rung of probes, fentry or tracepoint, instead of the best that attaches",
	  0 },
	{ "heartbeat", OPTION_HEARTBEAT, "SECONDS", 0, "Time between heartbeats (default 30)", 0 },
	{},
};

struct command_line {
	struct record_options *options;
	const char *config;
	struct string_list sockets, roots;
	struct {
		const char *trail, *state, *rung, *live, *heartbeat;
	} given;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct command_line *line = state->input;
	int r = 0;

	switch (key) {
	case 't':
		line->given.trail = argument;
		break;
	case 'c':
		line->config = argument;
		break;
	case OPTION_STATE:
		line->given.state = argument;
		break;
	case OPTION_RUNG:
		line->given.rung = argument;
		break;
	case OPTION_LIVE:
		line->given.live = argument ?: "story";
		break;
	case OPTION_HEARTBEAT:
		line->given.heartbeat = argument;
		break;
	case OPTION_SOCKET:
		r = add_string(&line->sockets, argument);
		break;
	case OPTION_ROOT:
		r = add_string(&line->roots, argument);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option of record", argument);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (r < 0)
		argp_error(state, "%s: %s", argument,
			   r == -E2BIG ? "too many of them" : strerror(-r));
	return 0;
}

static const char doc[] =
	"Record every use of the container engine's socket into a trail, until SIGINT or SIGTERM.\v"
	"Needs root, or CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, and a "
	"kernel of 5.17 or later with BTF. The engine need not run yet: a socket is found when it appears.\n\n"
	"Examples:\n"
	"  docktrail record --trail ./trail --live\n"
	"  docktrail record --socket /run/docker.sock --socket /run/user/1000/docker.sock\n\n"
	"Read the trail with `docktrail replay`, check it with `docktrail verify`, watch the recorder with "
	"`docktrail status`.\n\n"
	"Exit status: 0 ended as asked; 64 usage, or a wrong line in the configuration; 71 the probes could not "
	"be attached, or the trail could not be opened or written; 75 another recorder writes this trail; 77 a "
	"capability is missing.";

static int set_defaults(struct record_options *options)
{
	int r = 0;

	if (!options->trail)
		r = set_string(&options->trail, RECORD_TRAIL_DEFAULT);
	if (r == 0 && !options->state && strcmp(options->trail, RECORD_TRAIL_DEFAULT) == 0)
		r = set_string(&options->state, RECORD_STATE_DEFAULT);
	if (r == 0 && options->sockets.count == 0)
		r = record_sockets_default(options);
	if (r == 0 && options->engine_roots.count == 0)
		r = add_string(&options->engine_roots, "/var/lib/docker");
	return r;
}

/* "/./" and "//" say nothing; ".." does, where a folder is a symbolic link, and stays. */
static void tidy_path(char *path)
{
	char *to = path;

	for (const char *from = path; *from;) {
		if (from[0] == '/' && from[1] == '/')
			from++;
		else if (from[0] == '/' && from[1] == '.' && (from[2] == '/' || !from[2]))
			from += 2;
		else
			*to++ = *from++;
	}
	if (to == path)
		*to++ = '/';
	if (to > path + 1 && to[-1] == '/')
		to--;
	*to = 0;
}

/* A socket and a trail are compared and shown as absolute paths; the command line may be relative.
 */
static int absolute(char **place, const char *option)
{
	char *folder, *path;
	int r;

	if (!*place)
		return 0;
	if (!**place) {
		fprintf(stderr, "docktrail: --%s needs a path, not an empty word\n", option);
		return -EINVAL;
	}
	if (**place != '/') {
		folder = getcwd(NULL, 0);
		if (!folder)
			return -errno;
		r = asprintf(&path, "%s/%s", folder, *place);
		free(folder);
		if (r < 0)
			return -ENOMEM;
		free(*place);
		*place = path;
	}
	tidy_path(*place);
	return 0;
}

static int apply(struct record_options *options, struct command_line *line)
{
	const struct {
		const char *given;
		char **place;
	} texts[] = {
		{ line->given.trail, &options->trail },
		{ line->given.state, &options->state },
		{ line->given.rung, &options->rung },
		{ line->given.live, &options->live },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		if (texts[i].given)
			r = set_string(texts[i].place, texts[i].given);
	/* A trail of one's own keeps its state, unless that was named too. */
	if (r == 0 && line->given.trail && !line->given.state) {
		free(options->state);
		options->state = NULL;
	}
	if (r == 0 && line->sockets.count > 0) {
		clear_list(&options->sockets);
		options->sockets = line->sockets;
		line->sockets = (struct string_list){};
	}
	if (r == 0 && line->roots.count > 0) {
		clear_list(&options->engine_roots);
		options->engine_roots = line->roots;
		line->roots = (struct string_list){};
	}
	if (r == 0 && line->given.heartbeat &&
	    parse_number(line->given.heartbeat, 1, 3600, &options->heartbeat_s) < 0) {
		fprintf(stderr, "docktrail: --heartbeat=%s: expected seconds, 1 to 3600\n",
			line->given.heartbeat);
		return -EINVAL;
	}
	return r;
}

static int make_absolute(struct record_options *options)
{
	int r = absolute(&options->trail, "trail");

	if (r == 0)
		r = absolute(&options->state, "state");
	for (unsigned int i = 0; r == 0 && i < options->sockets.count; i++)
		r = absolute(&options->sockets.items[i], "socket");
	for (unsigned int i = 0; r == 0 && i < options->engine_roots.count; i++)
		r = absolute(&options->engine_roots.items[i], "engine-root");
	if (r == 0)
		r = record_sockets_sort(options);
	return r;
}

static int check(const struct record_options *options)
{
	if (options->rung && !is_rung(options->rung)) {
		fprintf(stderr, "docktrail: there is no rung '%s': fentry or tracepoint\n",
			options->rung);
		return -EINVAL;
	}
	if (options->live && !format_find(options->live)) {
		fprintf(stderr, "docktrail: --live: there is no format '%s':", options->live);
		for (size_t i = 0; format_at(i); i++)
			fprintf(stderr, "%s %s", i == 0 ? "" : ",", format_at(i)->name);
		fputc('\n', stderr);
		return -EINVAL;
	}
	return 0;
}

int record_options_parse(struct record_options *options, int argc, char **argv)
{
	static const struct argp argp = { argp_options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct command_line line = { .options = options };
	int r;

	*options = (struct record_options){ .heartbeat_s = 30, .queue_bytes = 16u << 20 };
	if (argp_parse(&argp, argc, argv, 0, NULL, &line))
		r = -EINVAL;
	else
		r = read_config(options, line.config ?: RECORD_CONFIG_DEFAULT, line.config != NULL);
	if (r == 0)
		r = apply(options, &line);
	if (r == 0)
		r = set_defaults(options);
	if (r == 0)
		r = make_absolute(options);
	if (r == 0)
		r = check(options);
	clear_list(&line.sockets);
	clear_list(&line.roots);
	if (r == -ENOMEM)
		fprintf(stderr, "docktrail: out of memory\n");
	return r;
}

void record_options_clear(struct record_options *options)
{
	free(options->config);
	free(options->trail);
	free(options->state);
	free(options->rung);
	free(options->live);
	clear_list(&options->sockets);
	clear_list(&options->patterns);
	clear_list(&options->connects);
	clear_list(&options->ports);
	clear_list(&options->engine_roots);
	clear_list(&options->masks);
	clear_list(&options->mask_names);
	*options = (struct record_options){};
}
