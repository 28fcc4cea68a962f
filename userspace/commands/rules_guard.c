// SPDX-License-Identifier: Apache-2.0
#include "commands/rules_guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/audit_rule.h"
#include "commands/rules_note.h"

static int take(struct rules_guard *guard, const struct audit_rule_data *rule)
{
	size_t length = sizeof(*rule) + rule->buflen + 1;
	struct audit_rule_data **mine =
		reallocarray(guard->mine, guard->mine_count + 1, sizeof(*mine));

	if (!mine)
		return -ENOMEM;
	guard->mine = mine;
	mine[guard->mine_count] = calloc(1, length);
	if (!mine[guard->mine_count])
		return -ENOMEM;
	memcpy(mine[guard->mine_count++], rule, length - 1);
	return 0;
}

/* ---- whose they are, should this recording be killed */

/* Where it cannot be written the rules would stay until somebody removes them: no more than that.
 */
static void write_note(const struct rules_guard *guard)
{
	if (guard->note)
		rules_note_write(guard->note, guard->mine, guard->mine_count);
}

static int take_over(struct rules_guard *guard)
{
	_cleanup_buffer_ struct buffer note = {};
	int r = rules_note_read(guard->note, &note);

	for (size_t i = 0; r == 0 && i < guard->rules.loaded.count; i++) {
		const struct audit_rule_data *rule = guard->rules.loaded.items[i];

		if (rules_is_own(rule) && rules_note_has(&note, rule) && !rules_is_installed(rule))
			r = take(guard, rule);
	}
	return r;
}

/* Forget it. */
static void drop(struct rules_guard *guard, size_t place)
{
	free(guard->mine[place]);
	memmove(&guard->mine[place], &guard->mine[place + 1],
		(--guard->mine_count - place) * sizeof(*guard->mine));
}

static size_t find_mine(const struct rules_guard *guard, const struct audit_rule_data *rule)
{
	size_t i = 0;

	while (i < guard->mine_count && !audit_rule_equal(guard->mine[i], rule))
		i++;
	return i;
}

int rules_guard_load(struct rules_guard *guard, const char *state)
{
	const struct rules *rules = &guard->rules;
	size_t first;

	if (asprintf(&guard->note, "%s/audit-rules", state) < 0) {
		guard->note = NULL;
		return -ENOMEM;
	}
	if (take_over(guard) < 0)
		return -ENOMEM;

	first = guard->mine_count;
	for (size_t i = 0; i < rules->count; i++) {
		const struct audit_rule_data *rule = rules->wanted[i].data;

		guard->waiting += !rule;
		if (rule && rules_is_loaded(rules, rule))
			guard->there += find_mine(guard, rule) == guard->mine_count;
		else if (rule && take(guard, rule) < 0)
			return -ENOMEM;
	}
	/* Noted before they are there: whoever is killed in between leaves none behind. */
	write_note(guard);
	/* In their order: the first one that fits gives its key. */
	for (size_t i = first; i < guard->mine_count;) {
		int r = audit_kernel_add(rules->kernel, guard->mine[i]);

		if (r == 0) {
			i++;
			continue;
		}
		if (r != -EEXIST) {
			guard->refused++;
			guard->error = r;
		}
		drop(guard, i);
	}
	write_note(guard);
	return 0;
}

struct check {
	struct rules_guard *guard;
	const struct rules *before; /* as it was at the last look */
	void (*tell)(void *user, enum rules_guard_news news, const struct audit_rule_data *rule);
	void *user;
};

static int load_again(const struct check *check, const struct audit_rule_data *rule)
{
	struct rules_guard *guard = check->guard;
	bool was_there = rules_is_loaded(check->before, rule);
	int r;

	if (was_there)
		check->tell(check->user, RULES_GUARD_MISSING, rule);
	if (guard->rules.status.enabled == AUDIT_IMMUTABLE)
		return 0;
	r = audit_kernel_add(guard->rules.kernel, rule);
	if (r < 0)
		return 0; /* tried again at the next look */
	check->tell(check->user, was_there ? RULES_GUARD_RESTORED : RULES_GUARD_ADDED, rule);
	if (find_mine(guard, rule) < guard->mine_count)
		return 0;
	r = take(guard, rule);
	write_note(guard);
	return r;
}

static bool is_wanted(const struct rules *rules, const struct audit_rule_data *rule)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->wanted[i].data && audit_rule_equal(rules->wanted[i].data, rule))
			return true;
	return false;
}

/* A name that was watched became a folder, a socket is watched no more... */
static void drop_stale(const struct check *check)
{
	struct rules_guard *guard = check->guard;

	for (size_t i = guard->mine_count; i-- > 0;) {
		struct audit_rule_data *rule = guard->mine[i];

		if (is_wanted(&guard->rules, rule))
			continue;
		if (!rules_is_installed(rule) &&
		    audit_kernel_delete(guard->rules.kernel, rule) == 0)
			check->tell(check->user, RULES_GUARD_DROPPED, rule);
		drop(guard, i);
	}
}

int rules_guard_check(struct rules_guard *guard, const struct audit_plan *plan,
		      void (*tell)(void *user, enum rules_guard_news news,
				   const struct audit_rule_data *rule),
		      void *user)
{
	struct rules *rules = &guard->rules;
	struct rules before = { .loaded = rules->loaded };
	const struct check check = { guard, &before, tell, user };
	int r;

	rules->count = audit_plan_rules(plan, &rules->wanted);
	rules->loaded = (struct audit_kernel_rules){};
	r = rules_ask(rules);
	if (r < 0) {
		/* Compared at the next look with what was known before. */
		audit_kernel_rules_free(&rules->loaded);
		rules->loaded = before.loaded;
		return r;
	}
	for (size_t i = 0; r == 0 && i < rules->count; i++)
		if (rules->wanted[i].data && !rules_is_loaded(rules, rules->wanted[i].data))
			r = load_again(&check, rules->wanted[i].data);
	if (rules->status.enabled != AUDIT_IMMUTABLE)
		drop_stale(&check);
	/* With what was changed just now: the next look compares with it, or, if it cannot be had,
	 * with what there was before. */
	r = r ?: rules_ask(rules);
	if (r < 0)
		rules->loaded = before.loaded;
	else
		audit_kernel_rules_free(&before.loaded);
	return r;
}

size_t rules_guard_end(struct rules_guard *guard)
{
	size_t left;

	for (size_t i = guard->mine_count; i-- > 0;) {
		int r = rules_is_installed(guard->mine[i])
				? 0
				: audit_kernel_delete(guard->rules.kernel, guard->mine[i]);

		if (r == 0 || r == -ENOENT)
			drop(guard, i);
	}
	left = guard->mine_count;
	write_note(guard);
	while (guard->mine_count)
		drop(guard, guard->mine_count - 1);
	free(guard->mine);
	free(guard->note);
	rules_clear(&guard->rules);
	*guard = (struct rules_guard){};
	return left;
}
