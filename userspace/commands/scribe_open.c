// SPDX-License-Identifier: Apache-2.0
/* What the scribe needs to begin, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "commands/record_options.h"
#include "commands/scribe_private.h"
#include "correlate/causes.h"
#include "correlate/container.h"
#include "correlate/containers.h"
#include "correlate/entries.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/redact.h"
#include "correlate/servers.h"
#include "correlate/sessions.h"
#include "correlate/users.h"
#include "event/record.h"

/* The first word of a small file; an empty string where there is none. */
static void read_word(const char *path, char *word, size_t size)
{
	_cleanup_buffer_ struct buffer contents = {};
	size_t length = 0;

	word[0] = '\0';
	if (file_read(AT_FDCWD, path, 256, &contents) < 0)
		return;
	while (length < contents.length && length < size - 1 && contents.data[length] > ' ' &&
	       contents.data[length] < 127)
		length++;
	memcpy(word, contents.data, length);
	word[length] = '\0';
}

/* 32 hexadecimal digits, dashes between them or not, as 16 bytes. */
static void parse_id(const char *text, uint8_t id[16])
{
	size_t digits = 0;

	memset(id, 0, 16);
	for (; *text && digits < 32; text++) {
		unsigned int digit;

		if (sscanf((char[]){ *text, '\0' }, "%1x", &digit) != 1)
			continue;
		id[digits / 2] |= (uint8_t)(digit << (digits % 2 ? 0 : 4));
		digits++;
	}
}

static void learn_host(struct scribe *scribe)
{
	read_word("/etc/machine-id", scribe->host_id, sizeof(scribe->host_id));
	read_word("/proc/sys/kernel/hostname", scribe->host_name, sizeof(scribe->host_name));
	read_word("/proc/sys/kernel/random/boot_id", scribe->boot_id, sizeof(scribe->boot_id));
	/* Ids of connections tell one run of the recorder from another by when it began. */
	snprintf(scribe->prefix, sizeof(scribe->prefix), "%08x",
		 (unsigned int)(clock_wall_ns() / NS_PER_MS / 100));
}

static const char *trail_problem(int r, const struct trail_recovery *recovery)
{
	switch (r) {
	case -EBUSY:
		return "another recorder is writing this trail: stop it, or give this one a --trail of its own";
	case -EUCLEAN:
		return trail_damage_text(recovery->damage);
	case -EACCES:
	case -EPERM:
		return "the folder cannot be written: its parent must exist and be writable for this user";
	case -ENOTDIR:
		return "this is a file, or lies in one: a trail is a folder; give another --trail";
	case -ENOENT:
		return "the folder's parent does not exist: make it first";
	case -EROFS:
		return "the file system is mounted read-only";
	case -ENOSPC:
		return "no space is left there";
	default:
		return strerror(-r);
	}
}

static int open_trail(struct scribe *scribe, const struct record_options *record,
		      struct buffer *problem)
{
	struct trail_options options = { .folder = record->trail,
					 .state = record->state,
					 .queue_bytes = record->queue_bytes };
	int r;

	parse_id(scribe->boot_id, options.boot_id);
	parse_id(scribe->host_id, options.machine_id);
	r = trail_writer_open(&options, &scribe->writer, &scribe->recovery);
	if (r == 0)
		return 0;
	buffer_printf(problem, "trail %s: %s", record->trail, trail_problem(r, &scribe->recovery));
	if (r == -EUCLEAN)
		buffer_printf(
			problem,
			" (%s at byte %llu). Nothing was changed: keep this folder as evidence and "
			"record to a new one",
			scribe->recovery.segment[0] ? scribe->recovery.segment : "the key state",
			(unsigned long long)scribe->recovery.damage_offset);
	return r;
}

static int redact_arguments_of(void *user, const struct text_list *arguments, struct text_list *ret)
{
	struct scribe *scribe = user;

	return redact_arguments(scribe->redact, arguments, ret);
}

/* Who is who: the process tree, names of users and containers, namespaces. */
static int open_actors(struct scribe *scribe, const struct scribe_options *options)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct actor_context *actors = &scribe->actors;
	int r = process_tree_new(proc, 0, 0, &actors->tree);

	if (r == 0)
		r = servers_new(proc, &scribe->servers);
	if (r == 0)
		r = users_new("/etc/passwd", &actors->users);
	if (r == 0)
		r = containers_new(&actors->containers);
	if (r == 0)
		r = namespaces_new(&actors->namespaces);
	if (r == 0)
		r = entries_new(&actors->entries);
	if (r == 0)
		r = sessions_new(&actors->sessions);
	if (r == 0)
		r = actor_cache_new(&actors->cache);
	for (unsigned int i = 0; r == 0 && i < options->record->engine_roots.count; i++)
		r = containers_add_root(actors->containers, options->record->engine_roots.items[i]);
	if (r < 0)
		return r;
	namespaces_set_host(actors->namespaces, options->host_namespaces);
	actors->boot_id = scribe->boot_id;
	actors->wall_offset_ns = clock_wall_offset_ns();
	actors->redact = redact_arguments_of;
	actors->redact_user = scribe;
	actor_connect(actors);
	return 0;
}

static bool is_starting(void *user, struct text container)
{
	const struct scribe *scribe = user;

	return conversations_starting(scribe->conversations, container);
}

static void count(void *user, const char container[WIRE_CONTAINER])
{
	const struct scribe *scribe = user;

	if (scribe->count)
		scribe->count(scribe->count_user, container);
}

static int open_containers(struct scribe *scribe)
{
	struct container_options options = { .actors = &scribe->actors,
					     .emit = scribe_emit,
					     .starting = is_starting,
					     .count = count,
					     .user = scribe };
	int r = causes_new(scribe->actors.containers, &scribe->causes);

	if (r < 0)
		return r;
	options.causes = scribe->causes;
	return container_watch_new(&options, &scribe->watch);
}

static int open_redact(struct scribe *scribe, const struct record_options *record,
		       struct buffer *problem)
{
	const struct redact_rules rules = {
		.masks = (const char *const *)record->masks.items,
		.names = (const char *const *)record->mask_names.items,
	};
	struct redact_problem wrong;
	int r = redact_new(&rules, &scribe->redact, &wrong);

	if (r == -EINVAL)
		buffer_printf(problem,
			      "%s: not a POSIX extended regular expression that can be used: %s",
			      wrong.pattern, wrong.words);
	return r;
}

int scribe_open(const struct scribe_options *options, struct scribe **ret, struct buffer *problem)
{
	struct scribe *scribe = calloc(1, sizeof(*scribe));
	struct conversation_options talk;
	int r;

	if (!scribe)
		return -ENOMEM;
	scribe->count = options->count;
	scribe->socket_path = options->socket_path;
	scribe->watched = options->watched;
	scribe->count_user = options->user;
	learn_host(scribe);
	r = open_redact(scribe, options->record, problem);
	if (r == 0)
		r = open_actors(scribe, options);
	if (r == 0)
		r = record_new(&scribe->record);
	talk = (struct conversation_options){ .actors = &scribe->actors,
					      .redact = scribe->redact,
					      .servers = scribe->servers,
					      .prefix = scribe->prefix,
					      .emit = scribe_emit,
					      .socket_path = options->socket_path,
					      .handed_over = options->handed_over,
					      .user = scribe,
					      .socket_user = options->user,
					      .source = options->source };
	if (r == 0)
		r = conversations_new(&talk, &scribe->conversations);
	if (r == 0)
		r = open_containers(scribe);
	if (r == 0)
		r = open_trail(scribe, options->record, problem);
	if (r < 0) {
		if (!problem->length)
			buffer_append_string(problem, strerror(-r));
		scribe_close(scribe);
		return r;
	}
	*ret = scribe;
	return 0;
}

int scribe_begin_audit(struct scribe *scribe, bool connects)
{
	const struct witness_options options = { .actors = &scribe->actors,
						 .redact = scribe->redact,
						 .sessions = scribe->actors.sessions,
						 .emit = scribe_emit_witnessed,
						 .socket_path = scribe->socket_path,
						 .watched = scribe->watched,
						 .user = scribe,
						 .socket_user = scribe->count_user,
						 .own_pid = (uint32_t)getpid() };
	int r = witness_new(&options, &scribe->witness);

	if (r < 0)
		return r;
	witness_expect_connects(scribe->witness, connects);
	scribe->actors.audit = connects;
	return 0;
}

int scribe_close(struct scribe *scribe)
{
	int r;

	if (!scribe)
		return 0;
	r = trail_writer_close(scribe->writer);
	container_watch_free(scribe->watch);
	conversations_free(scribe->conversations);
	causes_free(scribe->causes);
	process_tree_free(scribe->actors.tree);
	users_free(scribe->actors.users);
	containers_free(scribe->actors.containers);
	namespaces_free(scribe->actors.namespaces);
	entries_free(scribe->actors.entries);
	sessions_free(scribe->actors.sessions);
	witness_free(scribe->witness);
	actor_cache_free(scribe->actors.cache);
	redact_free(scribe->redact);
	servers_free(scribe->servers);
	record_free(scribe->record);
	buffer_free(&scribe->line);
	free(scribe);
	return r;
}
