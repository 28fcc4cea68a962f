// SPDX-License-Identifier: Apache-2.0
/* What makes rules of the kernel's audit see less than they say. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "capture/audit_rule.h"
#include "capture/bpf_unaudited.h"
#include "commands/rules.h"

#define BACKLOG_LEAST 1024

static int add(struct text_list *traps, struct buffer *words)
{
	return buffer_string(words)
		       ? text_list_append(traps, (struct text){ words->data, words->length })
		       : -ENOMEM;
}

static int trap_of_rule(const struct audit_rule_data *rule, struct text_list *traps)
{
	_cleanup_buffer_ struct buffer words = {};
	struct text watched = audit_rule_path(rule);
	uint32_t list = rule->flags & ~(uint32_t)AUDIT_FILTER_PREPEND;
	char path[4096];
	struct stat status;

	buffer_append_string(&words, "the rule `");
	audit_rule_append(rule, &words);
	if (list == AUDIT_FILTER_TASK && rule->action == AUDIT_NEVER) {
		buffer_append_string(
			&words, "` makes every process that begins under it invisible to "
				"rules about calls and to watches: take it out of the files in "
				"/etc/audit/rules.d");
		return add(traps, &words);
	}
	if (list == AUDIT_FILTER_EXIT && rule->action == AUDIT_NEVER) {
		buffer_append_string(&words, "` keeps out what rules behind it would record");
		return add(traps, &words);
	}
	if (list == AUDIT_FILTER_EXCLUDE) {
		buffer_append_string(&words,
				     "` leaves out records of that kind, whatever they are about");
		return add(traps, &words);
	}
	if (rules_is_own(rule) || watched.length == 0 || watched.length >= sizeof(path) ||
	    audit_rule_permissions(rule) & ~15u || rule->mask[0] != UINT32_MAX)
		return 0;
	memcpy(path, watched.data, watched.length);
	path[watched.length] = '\0';
	if (lstat(path, &status) < 0)
		return 0;
	if (S_ISSOCK(status.st_mode))
		buffer_append_string(&words,
				     "` is about a socket, and never tells who connects: the "
				     "permissions of a watch know bind(2), not connect(2)");
	else if (S_ISLNK(status.st_mode))
		buffer_append_string(&words,
				     "` is about a symbolic link, and does not see what is done to "
				     "the file behind it");
	else
		return 0;
	return add(traps, &words);
}

static int trap_of_state(const struct audit_status *status, struct text_list *traps)
{
	_cleanup_buffer_ struct buffer words = {};
	int r = 0;

	if (status->enabled == AUDIT_OFF)
		r = text_list_append(traps, TEXT("audit is off: no rule has an effect"));
	if (r == 0 && status->enabled == AUDIT_IMMUTABLE)
		r = text_list_append(traps,
				     TEXT("audit is immutable (-e 2): its rules cannot be changed "
					  "until the next boot"));
	if (r == 0 && status->rate_limit) {
		buffer_printf(&words,
			      "at most %u records a second are kept (-r): what is more is lost",
			      status->rate_limit);
		r = add(traps, &words);
	}
	buffer_clear(&words);
	if (r == 0 && status->enabled != AUDIT_OFF && status->backlog_limit &&
	    status->backlog_limit < BACKLOG_LEAST) {
		buffer_printf(&words,
			      "only %u records may wait (-b): a burst is lost, or makes processes "
			      "stand still for a while; `auditctl -b 8192`",
			      status->backlog_limit);
		r = add(traps, &words);
	}
	buffer_clear(&words);
	/* Without auditd it counts what finds no room to be held for one. */
	if (r == 0 && status->lost && status->pid) {
		buffer_printf(&words,
			      "%u records were lost since the boot, or since it was set to 0",
			      status->lost);
		r = add(traps, &words);
	}
	if (r == 0 && status->failure == 2)
		r = text_list_append(traps, TEXT("the kernel panics when it cannot record (-f 2)"));
	if (r == 0 && status->enabled != AUDIT_OFF && !status->pid)
		r = text_list_append(traps,
				     TEXT("no auditd runs: the kernel writes every record into its "
					  "log too, command lines in clear among them"));
	return r;
}

/* ---- processes older than audit */

#define NAMED_MOST 12

/* These do what rules are about, and run from before anybody thinks of audit. */
static const char *const first_of_all[] = { "dockerd", "containerd", "podman", "sshd", "systemd" };

struct unaudited {
	struct text_list important, others;
	size_t count;
};

static int on_unaudited(void *user, const struct wire_unaudited *process)
{
	struct unaudited *unaudited = user;
	char words[WIRE_COMM + 16];
	struct text name = text_within(process->name, sizeof(process->name));

	snprintf(words, sizeof(words), "%.*s[%u]", (int)name.length, name.data, process->pid);
	unaudited->count++;
	for (size_t i = 0; i < ARRAY_SIZE(first_of_all); i++)
		if (text_equal(name, text_of(first_of_all[i])))
			return text_list_append(&unaudited->important, text_of(words));
	return unaudited->others.count < NAMED_MOST
		       ? text_list_append(&unaudited->others, text_of(words))
		       : 0;
}

static void name_them(const struct text_list *names, size_t most, size_t *said,
		      struct buffer *words)
{
	for (size_t i = 0; i < names->count && *said < most; i++)
		buffer_printf(words, "%s%s", (*said)++ ? ", " : "", text_list_at(names, i).data);
}

static int trap_of_processes(struct text_list *traps)
{
	_cleanup_buffer_ struct buffer words = {};
	struct unaudited unaudited = {};
	size_t said = 0;
	int r = bpf_unaudited(on_unaudited, &unaudited);

	if (r < 0 && r != -ENOMEM)
		buffer_printf(&words,
			      "which processes are older than audit, and so are in no record, is "
			      "not known: %s",
			      r == -EPERM ? "CAP_BPF and CAP_PERFMON are missing" : strerror(-r));
	else if (unaudited.count)
		buffer_printf(
			&words,
			"%zu processes are older than audit, or were begun under a rule that says "
			"never: rules about calls and watches do not see them, until they are "
			"started anew (or the kernel is, with audit=1): ",
			unaudited.count);
	if (r == 0) {
		name_them(&unaudited.important, SIZE_MAX, &said, &words);
		name_them(&unaudited.others, NAMED_MOST, &said, &words);
		if (unaudited.count > said)
			buffer_printf(&words, " and %zu more", unaudited.count - said);
	}
	text_list_free(&unaudited.important);
	text_list_free(&unaudited.others);
	if (r == -ENOMEM || words.error)
		return -ENOMEM;
	return words.length ? add(traps, &words) : 0;
}

int rules_traps(const struct rules *rules, struct text_list *ret)
{
	int r = trap_of_state(&rules->status, ret);

	for (size_t i = 0; r == 0 && i < rules->loaded.count; i++)
		r = trap_of_rule(rules->loaded.items[i], ret);
	/* Where audit is off nobody is recorded anyway. */
	if (r == 0 && rules->status.enabled != AUDIT_OFF)
		r = trap_of_processes(ret);
	return r;
}

int rules_say_traps(const struct rules *rules, FILE *out, const char *before)
{
	_cleanup_text_list_ struct text_list traps = {};
	int r = rules_traps(rules, &traps);

	for (size_t i = 0; r == 0 && i < traps.count; i++)
		fprintf(out, "%s%s\n", before, text_list_at(&traps, i).data);
	return r;
}
