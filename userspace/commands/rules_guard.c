// SPDX-License-Identifier: Apache-2.0
#include "commands/rules_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "capture/audit_rule.h"

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

static int boot(struct buffer *text)
{
	return file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, text);
}

/* Where it cannot be written the rules would stay until somebody removes them: no more than that.
 */
static void write_note(const struct rules_guard *guard)
{
	_cleanup_buffer_ struct buffer text = {};

	if (!guard->note)
		return;
	if (guard->mine_count == 0) {
		unlink(guard->note);
		return;
	}
	if (boot(&text) < 0)
		return;
	for (size_t i = 0; i < guard->mine_count; i++) {
		audit_rule_append(guard->mine[i], &text);
		buffer_append_char(&text, '\n');
	}
	if (!text.error)
		file_replace(AT_FDCWD, guard->note, text.data, text.length, 0600);
}

static bool is_noted(const struct buffer *note, const struct audit_rule_data *rule)
{
	_cleanup_buffer_ struct buffer line = {};

	buffer_append_char(&line, '\n');
	audit_rule_append(rule, &line);
	buffer_append_char(&line, '\n');
	return !line.error && memmem(note->data, note->length, line.data, line.length);
}

static int take_over(struct rules_guard *guard)
{
	_cleanup_buffer_ struct buffer note = {}, now = {};
	int r = 0;

	if (file_read(AT_FDCWD, guard->note, 1u << 20, &note) < 0 || boot(&now) < 0 ||
	    note.length < now.length || memcmp(note.data, now.data, now.length) != 0)
		return 0;
	for (size_t i = 0; r == 0 && i < guard->rules.loaded.count; i++)
		if (rules_is_own(guard->rules.loaded.items[i]) &&
		    is_noted(&note, guard->rules.loaded.items[i]))
			r = take(guard, guard->rules.loaded.items[i]);
	return r;
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

	if (asprintf(&guard->note, "%s/audit-rules", state) < 0) {
		guard->note = NULL;
		return -ENOMEM;
	}
	if (take_over(guard) < 0)
		return -ENOMEM;

	for (size_t i = 0; i < rules->count; i++) {
		const struct audit_rule_data *rule = rules->wanted[i].data;
		int r;

		if (!rule || rules_is_loaded(rules, rule)) {
			guard->waiting += !rule;
			guard->there += rule && find_mine(guard, rule) == guard->mine_count;
			continue;
		}
		r = audit_kernel_add(rules->kernel, rule);
		if (r == 0 && take(guard, rule) < 0)
			return -ENOMEM;
		if (r < 0 && r != -EEXIST) {
			guard->refused++;
			guard->error = r;
		}
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
		if (audit_kernel_delete(guard->rules.kernel, rule) == 0)
			check->tell(check->user, RULES_GUARD_DROPPED, rule);
		free(rule);
		guard->mine[i] = guard->mine[--guard->mine_count];
	}
}

int rules_guard_check(struct rules_guard *guard, struct audit_plan *plan,
		      void (*tell)(void *user, enum rules_guard_news news,
				   const struct audit_rule_data *rule),
		      void *user)
{
	struct rules *rules = &guard->rules;
	struct rules before = { .loaded = rules->loaded };
	const struct check check = { guard, &before, tell, user };
	int r;

	if (plan)
		rules_take_plan(rules, plan);
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
	audit_kernel_rules_free(&before.loaded);
	/* With what was changed just now: the next look compares with it. */
	return r ?: rules_ask(rules);
}

void rules_guard_end(struct rules_guard *guard)
{
	for (size_t i = 0; i < guard->mine_count; i++) {
		audit_kernel_delete(guard->rules.kernel, guard->mine[i]);
		free(guard->mine[i]);
	}
	guard->mine_count = 0;
	write_note(guard);
	free(guard->mine);
	free(guard->note);
	rules_clear(&guard->rules);
	*guard = (struct rules_guard){};
}
