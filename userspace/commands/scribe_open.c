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
#include "correlate/drift.h"
#include "correlate/entries.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/redact.h"
#include "correlate/servers.h"
#include "correlate/sessions.h"
#include "correlate/users.h"
#include "event/record.h"

static int redact_arguments_of(void *user, const struct text_list *arguments, struct text_list *ret)
{
	struct scribe *scribe = user;

	return redact_arguments(scribe->ledger.redact, arguments, ret);
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
		r = sessions_new(false, &actors->sessions);
	if (r == 0)
		r = actor_cache_new(&actors->cache);
	for (unsigned int i = 0; r == 0 && i < options->record->engine_roots.count; i++)
		r = containers_add_root(actors->containers, options->record->engine_roots.items[i]);
	if (r < 0)
		return r;
	namespaces_set_host(actors->namespaces, options->host_namespaces);
	actors->boot_id = scribe->ledger.boot_id;
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
	/* Ids of connections tell one run of the recorder from another by when it began. */
	snprintf(scribe->prefix, sizeof(scribe->prefix), "%08x",
		 (unsigned int)(clock_wall_ns() / NS_PER_MS / 100));
	scribe->ledger.recording = true;
	r = ledger_open(&scribe->ledger, options->record, problem);
	if (r == 0)
		r = open_actors(scribe, options);
	if (r == 0)
		r = record_new(&scribe->record);
	talk = (struct conversation_options){ .actors = &scribe->actors,
					      .redact = scribe->ledger.redact,
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
		r = drifts_new(&scribe->actors, &scribe->drifts);
	if (r < 0) {
		if (!problem->length)
			buffer_append_string(problem, strerror(-r));
		scribe_close(scribe);
		return r;
	}
	*ret = scribe;
	return 0;
}

int scribe_begin_audit(struct scribe *scribe)
{
	const struct witness_options options = { .actors = &scribe->actors,
						 .redact = scribe->ledger.redact,
						 .sessions = scribe->actors.sessions,
						 .emit = scribe_emit_witnessed,
						 .socket_path = scribe->socket_path,
						 .watched = scribe->watched,
						 .user = scribe,
						 .socket_user = scribe->count_user,
						 .own_pid = (uint32_t)getpid() };

	return witness_new(&options, &scribe->witness);
}

int scribe_expect_connects(struct scribe *scribe, const struct witness_inode *sockets, size_t count)
{
	scribe->actors.audit = count > 0;
	return witness_expect_connects(scribe->witness, sockets, count);
}

int scribe_close(struct scribe *scribe)
{
	int r;

	if (!scribe)
		return 0;
	r = ledger_close(&scribe->ledger);
	container_watch_free(scribe->watch);
	conversations_free(scribe->conversations);
	causes_free(scribe->causes);
	drifts_free(scribe->drifts);
	process_tree_free(scribe->actors.tree);
	users_free(scribe->actors.users);
	containers_free(scribe->actors.containers);
	namespaces_free(scribe->actors.namespaces);
	entries_free(scribe->actors.entries);
	sessions_free(scribe->actors.sessions);
	witness_free(scribe->witness);
	actor_cache_free(scribe->actors.cache);
	servers_free(scribe->servers);
	record_free(scribe->record);
	free(scribe);
	return r;
}
