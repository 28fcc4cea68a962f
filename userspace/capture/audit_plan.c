// SPDX-License-Identifier: Apache-2.0
#include "capture/audit_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/text_list.h"
#include "capture/audit_paths.h"
#include "capture/audit_rule.h"

#define RULES_MOST 1024 /* more than that is no plan for a host */
#define LINKS_MOST 8    /* that lead to one another */

#define NOT_IN_A_RULE " \t\n\"'"

static const char template[] =
#include "capture/audit_template.inc"
	;

struct audit_plan {
	struct audit_plan_rule *rules;
	size_t count;
	size_t left_out;
	struct arena *texts;
	const char *cis, *about; /* of the paragraph of the template that is read */
};

struct planning {
	struct audit_plan *plan;
	struct audit_paths paths;
	bool no_exec;
	struct buffer *problem;
};

/* A copy that lives as long as the plan; NULL: no memory. */
static const char *keep(struct audit_plan *plan, struct text text)
{
	char *copy = arena_allocate(plan->texts, text.length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	return copy;
}

static bool is_known(const struct audit_plan *plan, const char *text)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strcmp(plan->rules[i].text, text) == 0)
			return true;
	return false;
}

/* A rule goes into files that are read line by line: a name must not bring lines of its own. */
static bool make_printable(char *text)
{
	bool was = true;

	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			*text = '?';
			was = false;
		}
	return was;
}

/* `waits`: why it cannot be loaded, or NULL. */
static int add_rule(struct planning *planning, const char *given, bool folder, const char *waits)
{
	_cleanup_free_ char *text = strdup(given), *why = waits ? strdup(waits) : NULL;
	struct audit_plan *plan = planning->plan;
	struct audit_plan_rule *rule, *rules;

	if (!text || (waits && !why))
		return -ENOMEM;
	if (!make_printable(text))
		waits = "no rule can have a control character in its path";
	else if (why && make_printable(why))
		waits = why;
	if (is_known(plan, text))
		return 0;
	if (plan->count == RULES_MOST) {
		plan->left_out++;
		return 0;
	}
	rules = reallocarray(plan->rules, plan->count + 1, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	plan->rules = rules;
	rule = &rules[plan->count++];
	*rule = (struct audit_plan_rule){ .cis = plan->cis, .about = plan->about };
	rule->text = keep(plan, text_of(text));
	if (rule->text && waits)
		rule->waits = keep(plan, text_of(waits));
	if (!rule->text || (waits && !rule->waits))
		return -ENOMEM;
	return waits ? 0 : audit_rule_parse(text, folder, &rule->data, planning->problem);
}

/* ---- rules about paths */

/* A word of a rule in which a path, or a name for some, stands. */
struct place {
	const char *rule, *from, *to;
	enum { OF_WATCH, OF_FOLDER, OF_FILE } of; /* -w, dir=, path= */
};

static int add_at(struct planning *planning, const struct place *place, const char *path,
		  bool folder, const char *waits)
{
	_cleanup_buffer_ struct buffer rule = {};

	buffer_append(&rule, place->rule, (size_t)(place->from - place->rule));
	buffer_append_string(&rule, path);
	buffer_append_string(&rule, place->to);
	return buffer_string(&rule) ? add_rule(planning, rule.data, folder, waits) : -ENOMEM;
}

/* Of a link itself. With -w auditctl(8) would take the folder that it leads to, if it does. */
static int add_link(struct planning *planning, const struct place *place, const char *path)
{
	const char *letters = strstr(place->to, "-p "), *rest = letters ? letters + 3 : "";
	_cleanup_buffer_ struct buffer rule = {};

	buffer_printf(&rule, "-a always,exit -F path=%s -F perm=%.*s%s", path,
		      (int)strcspn(rest, " "), rest, rest + strcspn(rest, " "));
	return buffer_string(&rule) ? add_rule(planning, rule.data, false, NULL) : -ENOMEM;
}

/*
 * In a folder of a user's: what a link of his leads to is not watched. With it he would choose what
 * the host's audit records of everybody.
 */
static int add_users(struct planning *planning, const struct place *place, const char *path)
{
	_cleanup_buffer_ struct buffer real = {};
	enum audit_path_kind kind;
	const char *name, *waits = NULL;

	if (audit_paths_far(&planning->paths, path))
		return add_at(planning, place, path, false,
			      "it is an automount's, or a file server's, and is not touched");
	kind = audit_path_look(planning->paths.root, path, &real);
	name = buffer_string(&real);
	if (!name)
		return -ENOMEM;
	if (strpbrk(name, NOT_IN_A_RULE))
		waits = "no rule can have a blank or a quote in its path";
	else if (kind == AUDIT_PATH_NO_FOLDER)
		waits = "there is no folder for it";
	else if (kind == AUDIT_PATH_LINK && place->of != OF_WATCH)
		waits = "it is a user's link, and is not followed";
	else if (kind == AUDIT_PATH_LINK)
		return add_link(planning, place, name);
	return add_at(planning, place, name,
		      !waits && place->of == OF_WATCH && kind == AUDIT_PATH_FOLDER, waits);
}

static int add_path(struct planning *planning, const struct place *place, const char *path,
		    unsigned int links)
{
	_cleanup_buffer_ struct buffer real = {}, target = {}, waits = {};
	enum audit_path_kind kind = audit_path_look(planning->paths.root, path, &real);
	const char *name = buffer_string(&real);
	int r = 0;

	if (!name)
		return -ENOMEM;
	if (strpbrk(name, NOT_IN_A_RULE))
		buffer_append_string(&waits, "no rule can have a blank or a quote in its path");
	else if (kind == AUDIT_PATH_NO_FOLDER)
		buffer_printf(&waits, "there is no folder %.*s", (int)(strrchr(name, '/') - name),
			      name);
	else if (place->of == OF_FOLDER && kind != AUDIT_PATH_FOLDER && kind != AUDIT_PATH_LINK)
		buffer_printf(&waits, "there is no folder %s", name);
	if (waits.length > 0)
		return add_at(planning, place, name, false, buffer_string(&waits) ?: "");
	/* What a link leads to; and, of a watch, the link, which can be made to lead elsewhere. */
	if (kind == AUDIT_PATH_LINK && links < LINKS_MOST &&
	    audit_path_follow(planning->paths.root, path, &target) == 0) {
		_cleanup_buffer_ struct buffer end = {};

		r = add_path(planning, place, buffer_string(&target) ?: "/", links + 1);
		if (r == 0 && place->of == OF_WATCH && buffer_string(&target) &&
		    audit_path_look(planning->paths.root, target.data, &end) == AUDIT_PATH_FOLDER)
			return add_link(planning, place, name);
	}
	if (r == 0 && (kind != AUDIT_PATH_LINK || place->of == OF_WATCH))
		r = add_at(planning, place, name,
			   place->of == OF_WATCH && kind == AUDIT_PATH_FOLDER, NULL);
	return r;
}

static bool find_place(const char *rule, struct place *ret)
{
	static const char *const before[] = { "-w ", "-F dir=", "-F path=" };

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		const char *at = strstr(rule, before[i]);

		if (!at)
			continue;
		at += strlen(before[i]);
		*ret = (struct place){ rule, at, at + strcspn(at, " "), (int)i };
		return true;
	}
	return false;
}

static int add_place(struct planning *planning, const struct place *place)
{
	_cleanup_free_ char *name = strndup(place->from, (size_t)(place->to - place->from));
	_cleanup_(audit_found_clear)
	struct audit_found found = {};
	int r;

	if (!name)
		return -ENOMEM;
	if (name[0] != '@')
		return add_path(planning, place, name, 0);
	r = audit_paths_expand(&planning->paths, name + 1, &found);
	if (r == -EINVAL)
		buffer_printf(planning->problem, "there is no name %s", name);
	for (size_t i = 0; r == 0 && i < found.paths.count; i++) {
		const char *path = text_list_at(&found.paths, i).data;

		r = i < found.users_from ? add_path(planning, place, path, 0)
					 : add_users(planning, place, path);
	}
	if (r == 0 && found.paths.count == 0)
		r = add_at(planning, place, name, false, buffer_string(&found.why) ?: "");
	planning->plan->left_out += found.left_out;
	return r;
}

/* ---- the template */

/* `-p wax` becomes `-p wa`. */
static void drop_exec(char *rule)
{
	char *letters = strstr(rule, "-p "), *x;

	if (!letters)
		return;
	x = strpbrk(letters + 3, "x ");
	if (x && *x == 'x')
		memmove(x, x + 1, strlen(x));
}

static int take_rule(struct planning *planning, char *rule)
{
	struct place place;

	if (planning->no_exec)
		drop_exec(rule);
	if (find_place(rule, &place))
		return add_place(planning, &place);
	return add_rule(planning, rule, false, NULL);
}

/* "# CIS 1.1.3 1.1.4: words", or "# words". */
static int take_comment(struct audit_plan *plan, const char *line)
{
	const char *words = line + strspn(line, "# "), *colon = strchr(words, ':');

	plan->cis = "";
	if (strncmp(words, "CIS ", 4) == 0 && colon) {
		plan->cis = keep(plan, (struct text){ words + 4, (size_t)(colon - words) - 4 });
		words = colon + 1 + strspn(colon + 1, " ");
	}
	plan->about = keep(plan, text_of(words));
	return plan->cis && plan->about ? 0 : -ENOMEM;
}

static int take_template(struct planning *planning)
{
	int r = 0;

	for (const char *line = template; r == 0 && *line;) {
		size_t length = strcspn(line, "\n");
		_cleanup_free_ char *copy = strndup(line, length);

		if (!copy)
			return -ENOMEM;
		if (line[0] == '#')
			r = take_comment(planning->plan, copy);
		else if (length > 0)
			r = take_rule(planning, copy);
		line += length + (line[length] == '\n');
	}
	return r;
}

int audit_plan_new(const struct audit_plan_options *options, struct audit_plan **ret,
		   struct buffer *problem)
{
	_cleanup_close_ int root = open(options->root ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct audit_plan *plan = calloc(1, sizeof(*plan));
	struct planning planning = { .plan = plan,
				     .paths = { .root = root, .sockets = options->sockets },
				     .no_exec = options->no_exec,
				     .problem = problem };
	int r = root < 0 ? -errno : 0;

	if (!plan)
		return -ENOMEM;
	if (r == 0)
		r = arena_new(&plan->texts);
	if (r == 0)
		r = audit_paths_read_mounts(&planning.paths);
	if (r == 0)
		r = take_template(&planning);
	text_list_free(&planning.paths.mounts);
	if (r < 0) {
		audit_plan_free(plan);
		return r;
	}
	*ret = plan;
	return 0;
}

size_t audit_plan_rules(const struct audit_plan *plan, const struct audit_plan_rule **ret)
{
	*ret = plan->rules;
	return plan->count;
}

size_t audit_plan_left_out(const struct audit_plan *plan)
{
	return plan->left_out;
}

void audit_plan_print(const struct audit_plan *plan,
		      const char *(*left_out)(const struct audit_plan_rule *rule),
		      struct buffer *file)
{
	const char *about = NULL;

	for (size_t i = 0; i < plan->count; i++) {
		const struct audit_plan_rule *rule = &plan->rules[i];
		const char *why = rule->waits || !left_out ? rule->waits : left_out(rule);

		if (rule->about != about)
			buffer_printf(file, "\n# %s%s%s%s\n", *rule->cis ? "CIS " : "", rule->cis,
				      *rule->cis ? ": " : "", rule->about);
		about = rule->about;
		if (why)
			buffer_printf(file, "# %s: %s\n", why, rule->text);
		else
			buffer_printf(file, "%s\n", rule->text);
	}
}

void audit_plan_free(struct audit_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++)
		free(plan->rules[i].data);
	free(plan->rules);
	arena_free(plan->texts);
	free(plan);
}
