// SPDX-License-Identifier: Apache-2.0
#include "commands/record_options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "commands/record_config.h"
#include "commands/record_sockets.h"
#include "commands/record_value.h"
#include "output/format.h"

enum {
	OPTION_SOCKET = 's',
	OPTION_ROOT = 'e',
	OPTION_STATE = 256,
	OPTION_RUNG,
	OPTION_LIVE,
	OPTION_HEARTBEAT,
	OPTION_AUDIT
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
	{ "audit", OPTION_AUDIT, "WHEN", 0,
	  "Ask the kernel's audit, too: auto (default: where it is on, or auditd runs), on (it is switched on "
	  "where it is off: every system call costs more), off, or daemon (on, and nobody else is the audit daemon)",
	  0 },
	{ "heartbeat", OPTION_HEARTBEAT, "SECONDS", 0, "Time between heartbeats (default 30)", 0 },
	{},
};

struct command_line {
	struct record_options *options;
	const char *config;
	struct string_list sockets, roots;
	struct {
		const char *trail, *state, *rung, *live, *heartbeat, *audit;
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
	case OPTION_AUDIT:
		line->given.audit = argument;
		break;
	case OPTION_SOCKET:
		r = record_value_add(&line->sockets, argument);
		break;
	case OPTION_ROOT:
		r = record_value_add(&line->roots, argument);
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
		r = record_value_set(&options->trail, RECORD_TRAIL_DEFAULT);
	if (r == 0 && !options->state && strcmp(options->trail, RECORD_TRAIL_DEFAULT) == 0)
		r = record_value_set(&options->state, RECORD_STATE_DEFAULT);
	if (r == 0 && options->sockets.count == 0)
		r = record_sockets_default(options);
	if (r == 0 && options->engine_roots.count == 0)
		r = record_value_add(&options->engine_roots, "/var/lib/docker");
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

static void take_sockets(struct record_options *options, struct string_list *sockets)
{
	if (sockets->count == 0)
		return;
	record_value_clear(&options->sockets);
	options->sockets = *sockets;
	*sockets = (struct string_list){};
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
			r = record_value_set(texts[i].place, texts[i].given);
	/* A trail of one's own keeps its state, unless that was named too. */
	if (r == 0 && line->given.trail && !line->given.state) {
		free(options->state);
		options->state = NULL;
	}
	if (r == 0)
		take_sockets(options, &line->sockets);
	if (r == 0 && line->roots.count > 0) {
		record_value_clear(&options->engine_roots);
		options->engine_roots = line->roots;
		line->roots = (struct string_list){};
	}
	if (r == 0 && line->given.audit &&
	    record_value_audit(line->given.audit, &options->audit) < 0) {
		fprintf(stderr, "docktrail: --audit=%s: expected auto, on, off or daemon\n",
			line->given.audit);
		return -EINVAL;
	}
	if (r == 0 && line->given.heartbeat &&
	    record_value_number(line->given.heartbeat, 1, 3600, &options->heartbeat_s) < 0) {
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
	if (options->rung && !record_value_is_rung(options->rung)) {
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

	*options = (struct record_options){ .heartbeat_s = 30,
					    .sweep_s = 10,
					    .checkpoint_s = 600,
					    .queue_bytes = 16u << 20,
					    .segment_bytes = 64u << 20,
					    .retention_bytes = 8ull << 30,
					    .retention_routine_s = 7 * 24 * 3600,
					    .retention_evidence_s = 30 * 24 * 3600,
					    .segment_s = 24 * 3600 };
	if (argp_parse(&argp, argc, argv, 0, NULL, &line))
		r = -EINVAL;
	else
		r = record_config_read(options, line.config ?: RECORD_CONFIG_DEFAULT,
				       line.config != NULL);
	if (r == 0)
		r = apply(options, &line);
	if (r == 0)
		r = set_defaults(options);
	if (r == 0)
		r = make_absolute(options);
	if (r == 0)
		r = check(options);
	record_value_clear(&line.sockets);
	record_value_clear(&line.roots);
	if (r == -ENOMEM)
		fprintf(stderr, "docktrail: out of memory\n");
	return r;
}

int record_options_read(struct record_options *options, const char *config,
			struct string_list *sockets)
{
	int r = record_config_read(options, config ?: RECORD_CONFIG_DEFAULT, config != NULL);

	if (r == 0) {
		take_sockets(options, sockets);
		r = set_defaults(options);
	}
	return r ?: make_absolute(options);
}

void record_options_clear(struct record_options *options)
{
	free(options->config);
	free(options->trail);
	free(options->state);
	free(options->rung);
	free(options->live);
	record_value_clear(&options->sockets);
	record_value_clear(&options->patterns);
	record_value_clear(&options->connects);
	record_value_clear(&options->ports);
	record_value_clear(&options->engine_roots);
	record_value_clear(&options->masks);
	record_value_clear(&options->mask_names);
	*options = (struct record_options){};
}
