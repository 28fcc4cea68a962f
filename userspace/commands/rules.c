// SPDX-License-Identifier: Apache-2.0
/* docktrail rules: see docktrail-rules(8). */
#include "commands/rules.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "capture/audit_rule.h"
#include "commands/command.h"
#include "commands/record_value.h"

static const char documentation[] =
	"Print, install, remove or check the rules by which the kernel's own audit watches a container engine: its "
	"programs, units, configuration, state, and who connects to its sockets."
	"\v"
	"Actions:\n"
	"  print    the rules for this host, as a file for " RULES_FOLDER "\n"
	"  install  load them into the kernel; with --persist also into " RULES_FILE "\n"
	"  remove   take out of the kernel, and out of that file, what has a key that begins with " AUDIT_PLAN_KEY
	"\n"
	"  status   for each rule whether it is loaded, and whether it has effect: which is tried, by acts that "
	"change nothing\n\n"
	"For example:\n"
	"  docktrail rules print | less\n"
	"  docktrail rules install --persist --no-exec\n"
	"  docktrail rules status --json | jq '.rules[] | select(.effect != \"effective\")'\n\n"
	"Exit status: 0 done, or all that can be loaded is and has effect; 1 something is not; 64 usage; 69 the "
	"kernel has no audit; 77 a capability is missing (CAP_AUDIT_CONTROL, CAP_AUDIT_READ).";

enum {
	KEY_CONFIG = 'c',
	KEY_JSON = 'j',
	KEY_SOCKET = 's',
	KEY_NO_EXEC = 0x100,
	KEY_PERSIST,
	KEY_ENABLE,
	KEY_COLOR
};

static const struct argp_option argp_options[] = {
	{ "no-exec", KEY_NO_EXEC, NULL, 0,
	  "Leave out who runs the programs: their command lines stand in clear in audit's log", 1 },
	{ "persist", KEY_PERSIST, NULL, 0, "install: also for the next boot", 1 },
	{ "enable", KEY_ENABLE, NULL, 0, "install: switch audit on where it is off", 1 },
	{ "socket", KEY_SOCKET, "PATH", 0, "As for docktrail record; may be repeated", 2 },
	{ "config", KEY_CONFIG, "FILE", 0, "Configuration (" RECORD_CONFIG_DEFAULT ")", 2 },
	{ "json", KEY_JSON, NULL, 0, "status: as JSON", 3 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never", 3 },
	{ "colour", KEY_COLOR, NULL, OPTION_ALIAS, NULL, 3 },
	{},
};

static const char *const actions[] = { "print", "install", "remove", "status" };
enum { PRINT, INSTALL, REMOVE, STATUS, NO_ACTION };

struct command_line {
	struct rules_options options;
	struct string_list sockets;
	size_t action;
};

static void set_action(struct command_line *line, const char *word, struct argp_state *state)
{
	if (line->action != NO_ACTION)
		argp_error(state, "one action at a time: \"%.60s\" is one too many", word);
	for (line->action = 0; line->action < NO_ACTION; line->action++)
		if (strcmp(word, actions[line->action]) == 0)
			return;
	argp_error(state, "there is no action \"%.60s\": print, install, remove or status", word);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct command_line *line = state->input;
	int r = 0;

	switch (key) {
	case KEY_CONFIG:
		line->options.config = argument;
		break;
	case KEY_JSON:
		line->options.json = true;
		break;
	case KEY_NO_EXEC:
		line->options.no_exec = true;
		break;
	case KEY_PERSIST:
		line->options.persist = true;
		break;
	case KEY_ENABLE:
		line->options.enable = true;
		break;
	case KEY_SOCKET:
		r = record_value_add(&line->sockets, argument);
		break;
	case KEY_COLOR:
		if (colour_parse(argument, &line->options.colour) < 0)
			argp_error(state, "--color is auto, always or never, not \"%.60s\"",
				   argument);
		break;
	case ARGP_KEY_ARG:
		set_action(line, argument, state);
		break;
	case ARGP_KEY_END:
		if (line->action == NO_ACTION)
			argp_error(state, "an action is missing: print, install, remove or status");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (r < 0)
		argp_error(state, "%s: %s", argument, strerror(-r));
	return 0;
}

/* ---- what there should be, and what there is */

int rules_make_plan(const struct record_options *record, bool no_exec, struct audit_plan **ret,
		    struct buffer *problem)
{
	const struct string_list *lists[] = { &record->sockets, &record->patterns,
					      &record->connects };
	const char *sockets[3 * RECORD_LIST_MOST + 1] = {};
	struct audit_plan_options options = { .sockets = sockets, .no_exec = no_exec };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (unsigned int k = 0; k < lists[i]->count; k++)
			sockets[count++] = lists[i]->items[k];
	return audit_plan_new(&options, ret, problem);
}

void rules_take_plan(struct rules *rules, struct audit_plan *plan)
{
	audit_plan_free(rules->plan);
	rules->plan = plan;
	rules->count = audit_plan_rules(plan, &rules->wanted);
}

int rules_plan(struct rules *rules, const struct record_options *record, bool no_exec)
{
	_cleanup_buffer_ struct buffer problem = {};
	struct audit_plan *plan;
	int r = rules_make_plan(record, no_exec, &plan, &problem);

	if (r < 0)
		fprintf(stderr, "docktrail: no rules for this host: %s\n",
			problem.length ? buffer_string(&problem) : strerror(-r));
	else
		rules_take_plan(rules, plan);
	return r;
}

int rules_ask(struct rules *rules)
{
	int r = rules->kernel ? 0 : audit_kernel_open(&rules->kernel);

	audit_kernel_rules_free(&rules->loaded);
	if (r == 0)
		r = audit_kernel_status(rules->kernel, &rules->status);
	if (r == 0)
		r = audit_kernel_rules(rules->kernel, &rules->loaded);
	return r;
}

const char *rules_problem(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return "CAP_AUDIT_CONTROL and CAP_AUDIT_READ are needed, in the host's own namespaces";
	case -ECONNREFUSED:
	case -ENOTSUP:
		return "this kernel has no audit, or does not let this pid or user namespace use it";
	case -ETIME:
		return "the kernel does not answer";
	default:
		return strerror(-error);
	}
}

bool rules_is_loaded(const struct rules *rules, const struct audit_rule_data *rule)
{
	for (size_t i = 0; i < rules->loaded.count; i++)
		if (audit_rule_equal(rules->loaded.items[i], rule))
			return true;
	return false;
}

bool rules_is_own(const struct audit_rule_data *rule)
{
	struct text keys = audit_rule_text(rule, AUDIT_FILTERKEY);

	return audit_rule_has_key(rule, TEXT(AUDIT_PLAN_KEY)) &&
	       !memchr(keys.data, AUDIT_KEY_SEPARATOR, keys.length);
}

bool rules_is_stale(const struct rules *rules, const struct audit_rule_data *rule)
{
	bool exec = audit_rule_permissions(rule) & AUDIT_PERM_EXEC;

	if (!rules_is_own(rule))
		return false;
	for (size_t i = 0; i < rules->count; i++) {
		const struct audit_rule_data *wanted = rules->wanted[i].data;

		if (wanted && (audit_rule_equal(wanted, rule) ||
			       (!exec && audit_rule_equal_but_exec(wanted, rule))))
			return false;
	}
	return true;
}

void rules_clear(struct rules *rules)
{
	audit_kernel_rules_free(&rules->loaded);
	audit_kernel_close(rules->kernel);
	audit_plan_free(rules->plan);
	*rules = (struct rules){};
}

/* ---- the command */

static int print(const struct rules *rules)
{
	_cleanup_buffer_ struct buffer file = {};

	buffer_append_string(&file, "## docktrail: made from this host by `docktrail rules print`; "
				    "docktrail-rules(8)\n");
	audit_plan_print(rules->plan, NULL, &file);
	if (!buffer_string(&file))
		return EX_OSERR;
	return fputs(file.data, stdout) < 0 || fflush(stdout) != 0 ? EX_IOERR : EX_OK;
}

static size_t count_loaded(const struct rules *rules)
{
	size_t count = 0;

	for (size_t i = 0; i < rules->count; i++)
		count += rules->wanted[i].data && rules_is_loaded(rules, rules->wanted[i].data);
	return count;
}

/* Rules that were installed with --no-exec are all there: they are what is wanted. */
static int plan_as_loaded(struct rules *rules, const struct record_options *record)
{
	struct rules other = { .loaded = rules->loaded };
	int r = rules_plan(&other, record, true);

	if (r == 0 && count_loaded(&other) > count_loaded(rules)) {
		struct audit_plan *plan = rules->plan;

		rules->plan = other.plan;
		rules->wanted = other.wanted;
		rules->count = other.count;
		other.plan = plan;
	}
	audit_plan_free(other.plan);
	return r;
}

static int act(struct rules *rules, const struct command_line *line,
	       const struct record_options *record)
{
	int r;

	if (line->action == PRINT)
		return print(rules);
	r = rules_ask(rules);
	if (r == 0 && line->action == STATUS && !line->options.no_exec)
		r = plan_as_loaded(rules, record);
	if (r < 0) {
		fprintf(stderr, "docktrail rules %s: %s\n", actions[line->action],
			rules_problem(r));
		return r == -EPERM || r == -EACCES           ? EX_NOPERM
		       : r == -ENOTSUP || r == -ECONNREFUSED ? EX_UNAVAILABLE
							     : EX_OSERR;
	}
	switch (line->action) {
	case INSTALL:
		return rules_install(rules, &line->options);
	case REMOVE:
		return rules_remove(rules);
	default:
		return rules_status(rules, &line->options);
	}
}

int command_rules(int argc, char **argv)
{
	static const struct argp argp = { argp_options,  parse, "print|install|remove|status",
					  documentation, NULL,  NULL,
					  NULL };
	struct command_line line = { .action = NO_ACTION };
	struct record_options record = {};
	struct rules rules = {};
	int r, status = EX_OSERR;

	argp_parse(&argp, argc, argv, 0, NULL, &line);
	r = record_options_read(&record, line.options.config, &line.sockets);
	/* What is removed is known by its key: no file server has to be waited for. */
	if (r == 0 && line.action != REMOVE)
		r = rules_plan(&rules, &record, line.options.no_exec);
	if (r == 0)
		status = act(&rules, &line, &record);
	else if (r == -EINVAL)
		status = EX_USAGE;
	rules_clear(&rules);
	record_options_clear(&record);
	record_value_clear(&line.sockets);
	return status;
}
