// SPDX-License-Identifier: Apache-2.0
/* docktrail rules install, and remove. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "capture/audit_rule.h"
#include "commands/rules.h"
#include "commands/rules_note.h"

#define PERSIST_MODE 0640
#define FIRST_LINE   "## docktrail:" /* what a file of ours begins with, and no other */

/* ---- for the next boot */

/* What is made anew at every boot has no folder yet when auditd loads its rules. */
static const char *why_volatile(const struct audit_plan_rule *rule)
{
	struct text path = audit_rule_path(rule->data);
	char name[PATH_MAX];
	struct statfs system;

	if (path.length == 0 || path.length >= sizeof(name))
		return NULL;
	memcpy(name, path.data, path.length);
	name[path.length] = '\0';
	/* Of the folder: the file may not be there. */
	*(strrchr(name, '/') + (strrchr(name, '/') == name)) = '\0';
	if (statfs(name, &system) < 0 ||
	    (system.f_type != TMPFS_MAGIC && system.f_type != RAMFS_MAGIC))
		return NULL;
	return "made anew at boot, after audit";
}

/*
 * -c: auditctl goes on where a rule of the file cannot be loaded, and says so in the end. Without
 * it a folder that is gone at the next boot would keep out everybody's rules that come behind.
 */
static void write_file(const struct rules *rules, struct buffer *file)
{
	buffer_append_string(file, FIRST_LINE
			     " made by `docktrail rules install --persist`; docktrail-rules(8)\n"
			     "-c\n");
	audit_plan_print(rules->plan, why_volatile, file);
}

/* Whether there is a file of this name that docktrail wrote: 1, 0 of another one, -errno. */
static int is_ours(void)
{
	_cleanup_buffer_ struct buffer begin = {};
	int r = file_read(AT_FDCWD, RULES_FILE, strlen(FIRST_LINE), &begin);

	if (r < 0 && r != -EFBIG)
		return r;
	return begin.length == strlen(FIRST_LINE) &&
	       memcmp(begin.data, FIRST_LINE, begin.length) == 0;
}

static int persist(const struct rules *rules)
{
	_cleanup_buffer_ struct buffer file = {};
	int r;

	r = is_ours();
	if (r == 0) {
		fprintf(stderr,
			"docktrail rules install: %s is not as docktrail writes it, and stays: move it "
			"away first\n",
			RULES_FILE);
		return -EEXIST;
	}
	if (access(RULES_FOLDER, W_OK) < 0) {
		fprintf(stderr,
			"docktrail rules install: " RULES_FOLDER
			": %s. Nothing there loads rules at boot: install auditd, or let `docktrail "
			"record` load them (audit = on)\n",
			strerror(errno));
		return -ENOENT;
	}
	write_file(rules, &file);
	r = file.error ?: file_replace(AT_FDCWD, RULES_FILE, file.data, file.length, PERSIST_MODE);
	if (r < 0)
		fprintf(stderr, "docktrail rules install: %s: %s\n", RULES_FILE, strerror(-r));
	else
		printf("%s written: auditd loads it at boot; `augenrules --load` does now\n",
		       RULES_FILE);
	return r;
}

/* Of ours alone: a file of this name that somebody wrote stays. */
static int unpersist(void)
{
	int r = is_ours();

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r > 0) {
		if (unlink(RULES_FILE) == 0) {
			printf("%s removed\n", RULES_FILE);
			return 0;
		}
		r = -errno;
	} else if (r == 0) {
		fprintf(stderr,
			"docktrail rules remove: %s is not as docktrail writes it, and stays\n",
			RULES_FILE);
		return -EEXIST;
	}
	fprintf(stderr, "docktrail rules remove: %s: %s\n", RULES_FILE, strerror(-r));
	return r;
}

/* ---- the kernel */

static void say_immutable(const char *action)
{
	fprintf(stderr,
		"docktrail rules %s: audit is immutable (-e 2): its rules stay as they are until the "
		"next boot\n",
		action);
}

static const char *refusal(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
		return "its folder is not there";
	case -EINVAL:
		return "this kernel does not know a field of it";
	case -EPERM:
		return "the kernel refuses it: a capability is missing, or the rules are immutable";
	default:
		return strerror(-error);
	}
}

struct tally {
	size_t added, there, waiting, failed, removed;
};

static void add_all(struct rules *rules, struct tally *tally)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct audit_plan_rule *rule = &rules->wanted[i];
		int r;

		if (!rule->data) {
			tally->waiting++;
			continue;
		}
		if (rules_is_loaded(rules, rule->data)) {
			tally->there++;
			continue;
		}
		r = audit_kernel_add(rules->kernel, rule->data);
		if (r == 0 || r == -EEXIST) {
			tally->added++;
			continue;
		}
		tally->failed++;
		fprintf(stderr, "docktrail rules install: %s: %s\n", rule->text, refusal(r));
	}
}

static void delete_own(struct rules *rules, bool stale_only, struct tally *tally)
{
	for (size_t i = 0; i < rules->loaded.count; i++) {
		const struct audit_rule_data *rule = rules->loaded.items[i];
		_cleanup_buffer_ struct buffer text = {};
		int r;

		if (stale_only ? !rules_is_stale(rules, rule) : !rules_is_own(rule))
			continue;
		r = audit_kernel_delete(rules->kernel, rule);
		if (r == 0 || r == -ENOENT) {
			tally->removed++;
			continue;
		}
		tally->failed++;
		audit_rule_append(rule, &text);
		fprintf(stderr, "docktrail rules: cannot remove %s: %s\n",
			buffer_string(&text) ?: "a rule", refusal(r));
	}
}

/* A recording that ends takes away what it loaded, but for what is ours from now on. */
static void note_installed(const struct rules *rules)
{
	_cleanup_free_ struct audit_rule_data **installed =
		calloc(rules->count, sizeof(struct audit_rule_data *));
	size_t count = 0;
	int r;

	for (size_t i = 0; installed && i < rules->count; i++)
		if (rules->wanted[i].data)
			installed[count++] = rules->wanted[i].data;
	r = installed ? rules_note_write(RULES_NOTE_INSTALLED, installed, count) : -ENOMEM;
	if (r < 0)
		fprintf(stderr,
			"docktrail rules install: %s: %s: a recording that ends may take rules away that "
			"it had loaded before\n",
			RULES_NOTE_INSTALLED, strerror(-r));
}

static void say_exec(void)
{
	puts("Who runs these programs is recorded with the whole command line, secrets in clear, in audit's "
	     "own log; docktrail masks them in its trail. --no-exec leaves that out.");
}

static void say_off(void)
{
	puts("Audit is off: nothing is recorded by these rules. Switched on, every system call of every "
	     "process begun from then on takes some 0.5 to 0.7 us longer, whatever it does, until the next "
	     "boot without audit; and without auditd each record goes into the kernel's log. `docktrail "
	     "rules install --enable` switches it on.");
}

static int enable(struct rules *rules)
{
	int r = audit_kernel_enable(rules->kernel);

	if (r < 0) {
		fprintf(stderr, "docktrail rules install: audit cannot be switched on: %s\n",
			rules_problem(r));
		return r;
	}
	puts("Audit is switched on. Processes that run already are not recorded: `docktrail rules status` "
	     "names them.");
	return 0;
}

int rules_install(struct rules *rules, const struct rules_options *options)
{
	struct tally tally = {};
	int r = 0;

	if (options->persist)
		r = persist(rules);
	if (rules->status.enabled == AUDIT_IMMUTABLE) {
		say_immutable("install");
		return 1;
	}
	add_all(rules, &tally);
	delete_own(rules, true, &tally);
	note_installed(rules);
	printf("%zu rules loaded, %zu were there, %zu wait for what they are about", tally.added,
	       tally.there, tally.waiting);
	if (tally.removed)
		printf(", %zu that are out of date removed", tally.removed);
	printf("%s\n", tally.failed ? ", some could not be loaded" : "");
	if (options->no_exec)
		puts("Who connects, changes or mounts is recorded with the first 127 bytes of his command line "
		     "(PROCTITLE), secrets in clear, in audit's own log; docktrail masks them in its trail.");
	else
		say_exec();
	r = r ?: rules_say_traps(rules, stdout, "Note: ");
	if (rules->status.enabled == AUDIT_OFF && options->enable)
		r = r ?: enable(rules);
	else if (rules->status.enabled == AUDIT_OFF)
		say_off();
	return r < 0 || tally.failed ? 1 : EX_OK;
}

int rules_remove(struct rules *rules)
{
	struct tally tally = {};
	int r = unpersist();

	if (rules->status.enabled == AUDIT_IMMUTABLE) {
		say_immutable("remove");
		return 1;
	}
	delete_own(rules, false, &tally);
	rules_note_write(RULES_NOTE_INSTALLED, NULL, 0);
	printf("%zu rules removed from the kernel\n", tally.removed);
	if (rules->status.enabled == AUDIT_ON && tally.removed == rules->loaded.count)
		puts("Audit stays on, without a rule: `auditctl -e 0` switches it off.");
	return r < 0 || tally.failed ? 1 : EX_OK;
}
