// SPDX-License-Identifier: Apache-2.0
/* docktrail rules status. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/audit_rule.h"
#include "commands/rules.h"
#include "commands/rules_prove.h"
#include "output/paragraph.h"

struct report {
	const struct rules *rules;
	struct rules_proof *proofs;
	bool has_exec;           /* rules about what is run are loaded, */
	struct rules_proof exec; /* and this is what comes of one */
	struct text_list traps;
	size_t loadable, loaded, effective;
	const char *untried; /* why nothing was tried */
};

static void fill_proofs(struct report *report)
{
	const struct rules *rules = report->rules;
	int r;

	for (size_t i = 0; i < rules->count; i++) {
		const struct audit_rule_data *rule = rules->wanted[i].data;
		bool loaded = rule && rules_is_loaded(rules, rule);

		report->loadable += rule != NULL;
		report->loaded += loaded;
		report->has_exec |= loaded && audit_rule_path(rule).length &&
				    audit_rule_permissions(rule) & AUDIT_PERM_EXEC;
		if (loaded && rules->status.enabled != AUDIT_OFF)
			report->proofs[i].rule = rule;
	}
	if (rules->status.enabled == AUDIT_OFF) {
		report->untried = "audit is off";
		return;
	}
	r = rules_prove(report->proofs, rules->count);
	if (r == 0 && report->has_exec)
		r = rules_prove_exec(rules->kernel, &report->exec);
	if (r < 0)
		report->untried = rules_problem(r);
	for (size_t i = 0; r == 0 && i < rules->count; i++)
		report->effective += report->proofs[i].effect == RULES_EFFECTIVE ||
				     report->proofs[i].effect == RULES_OF_OTHER;
}

/* ---- for people */

static const char *effect_word(enum rules_effect effect)
{
	static const char *const words[] = { "loaded", "effective", "effective", "NOT EFFECTIVE" };

	return words[effect];
}

static enum style style_of(enum rules_effect effect)
{
	static const enum style styles[] = { STYLE_plain, STYLE_good, STYLE_good, STYLE_alarm };

	return styles[effect];
}

#define CIS_COLUMNS   20
#define STATE_COLUMNS 13

static void say_rule(const struct report *report, size_t index, struct paragraph *page)
{
	const struct audit_plan_rule *rule = &report->rules->wanted[index];
	const struct rules_proof *proof = &report->proofs[index];
	bool loaded = rule->data && rules_is_loaded(report->rules, rule->data);

	enum rules_effect effect = report->untried ? RULES_UNTRIED : proof->effect;
	const char *why = !rule->data                         ? rule->waits
			  : effect == RULES_UNTRIED && loaded ? report->untried ?: proof->why
							      : NULL;

	paragraph_row(page, index == 0 ? "rules" : NULL, STYLE_plain, "%s", "");
	paragraph_cell(page, STYLE_dim, CIS_COLUMNS, rule->cis);
	paragraph_cell(page,
		       !rule->data ? STYLE_dim
		       : !loaded   ? STYLE_notice
				   : style_of(effect),
		       STATE_COLUMNS,
		       !rule->data ? "waits"
		       : !loaded   ? "not loaded"
				   : effect_word(effect));
	paragraph_more(page, STYLE_plain, "%s", rule->text);
	if (why)
		paragraph_more(page, STYLE_dim, "%s", why);
	if (loaded && effect == RULES_OF_OTHER)
		paragraph_more(page, STYLE_dim,
			       "recorded under the key %s of a rule that comes first", proof->key);
}

static int print_for_people(const struct report *report, const struct rules_options *options)
{
	_cleanup_(paragraph_free)
	struct paragraph page = {
		.colour = terminal_colour(STDOUT_FILENO, options->colour),
		.width = terminal_width(STDOUT_FILENO),
	};
	const struct audit_status *status = &report->rules->status;
	bool all = report->loaded == report->loadable;
	char words[120];

	snprintf(words, sizeof(words), "%zu of %zu loaded, %zu seen to have effect", report->loaded,
		 report->loadable, report->effective);
	paragraph_headline(&page, all ? STYLE_good : STYLE_notice,
			   all              ? "RULES LOADED"
			   : report->loaded ? "RULES LOADED IN PART"
					    : "NO RULES LOADED",
			   words);
	for (size_t i = 0; i < report->traps.count; i++)
		paragraph_row(&page, i == 0 ? "warning" : NULL, STYLE_notice, "%s",
			      text_list_at(&report->traps, i).data);
	paragraph_row(&page, "audit", STYLE_plain, "%s",
		      status->enabled == AUDIT_OFF  ? "off"
		      : status->enabled == AUDIT_ON ? "on"
						    : "on, immutable");
	if (status->pid)
		paragraph_more(&page, STYLE_plain, "auditd is pid %u", status->pid);
	paragraph_more(&page, STYLE_plain, "%u of %u records waiting", status->backlog,
		       status->backlog_limit);
	if (report->has_exec && !report->untried) {
		paragraph_row(&page, "exec", style_of(report->exec.effect), "%s",
			      effect_word(report->exec.effect));
		if (report->exec.effect == RULES_UNTRIED)
			paragraph_more(&page, STYLE_dim, "%s", report->exec.why);
	}
	for (size_t i = 0; i < report->rules->count; i++)
		say_rule(report, i, &page);
	return paragraph_print(&page, stdout);
}

/* ---- for programs */

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static const char *const effects[] = { "untried", "effective", "effective", "silent" };

static struct json_object *rule_object(const struct report *report, size_t index)
{
	const struct audit_plan_rule *rule = &report->rules->wanted[index];
	const struct rules_proof *proof = &report->proofs[index];
	bool loaded = rule->data && rules_is_loaded(report->rules, rule->data);
	struct json_object *object = json_object_new_object();
	const char *why = rule->waits       ? rule->waits
			  : report->untried ? report->untried
					    : proof->why;

	add_string(object, "rule", rule->text);
	add_string(object, "about", rule->about);
	if (*rule->cis)
		add_string(object, "cis", rule->cis);
	json_object_object_add(object, "loaded", json_object_new_boolean(loaded));
	if (loaded)
		add_string(object, "effect", effects[report->untried ? 0 : proof->effect]);
	if (why && (!loaded || report->untried || proof->effect == RULES_UNTRIED))
		add_string(object, "why", why);
	if (loaded && proof->effect == RULES_OF_OTHER)
		add_string(object, "key", proof->key);
	return object;
}

static int print_json(const struct report *report)
{
	static const char *const states[] = { "off", "on", "immutable" };
	const struct audit_status *status = &report->rules->status;
	struct json_object *object = json_object_new_object();
	struct json_object *rules = json_object_new_array(), *traps = json_object_new_array();
	const char *text;
	int r;

	add_string(object, "audit", status->enabled < 3 ? states[status->enabled] : "unknown");
	if (status->pid)
		json_object_object_add(object, "auditd_pid", json_object_new_uint64(status->pid));
	json_object_object_add(object, "lost", json_object_new_uint64(status->lost));
	json_object_object_add(object, "backlog", json_object_new_uint64(status->backlog));
	json_object_object_add(object, "backlog_limit",
			       json_object_new_uint64(status->backlog_limit));
	json_object_object_add(object, "rate_limit", json_object_new_uint64(status->rate_limit));
	for (size_t i = 0; i < report->traps.count; i++)
		json_object_array_add(traps,
				      json_object_new_string(text_list_at(&report->traps, i).data));
	json_object_object_add(object, "warnings", traps);
	for (size_t i = 0; i < report->rules->count; i++)
		json_object_array_add(rules, rule_object(report, i));
	json_object_object_add(object, "rules", rules);
	if (report->has_exec)
		add_string(object, "exec", effects[report->untried ? 0 : report->exec.effect]);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_NOSLASHESCAPE);
	r = text && puts(text) >= 0 ? 0 : -EIO;
	json_object_put(object);
	return r;
}

int rules_status(struct rules *rules, const struct rules_options *options)
{
	struct report report = { .rules = rules };
	size_t silent = 0;
	int r;

	report.proofs = calloc(rules->count + 1, sizeof(*report.proofs));
	if (!report.proofs || rules_traps(rules, &report.traps) < 0) {
		fprintf(stderr, "docktrail rules status: %s\n", strerror(ENOMEM));
		r = -ENOMEM;
	} else {
		fill_proofs(&report);
		r = options->json ? print_json(&report) : print_for_people(&report, options);
	}
	for (size_t i = 0; report.proofs && i < rules->count; i++)
		silent += report.proofs[i].effect == RULES_SILENT;
	silent += report.exec.effect == RULES_SILENT;
	free(report.proofs);
	text_list_free(&report.traps);
	if (r < 0 || fflush(stdout) != 0)
		return EX_IOERR;
	return report.loaded == report.loadable && !report.untried && !silent ? EX_OK : 1;
}
