// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that a proxy passes on. It is who sends them to the engine, and where it listens on a
 * watched socket itself its client's own request was recorded just before: the one that asks the
 * same, was read before this one was, and has no answer yet.
 */
#include <stdio.h>

#include "correlate/actor.h"
#include "correlate/connection.h"
#include "correlate/description.h"
#include "correlate/process.h"
#include "correlate/servers.h"
#include "event/record.h"

void proxy_learn(struct conversations *conversations, const struct front *front)
{
	if (!front->listener || !front->inode)
		return;
	for (unsigned int i = 0; i < conversations->front_count; i++) {
		struct front *known = &conversations->fronts[i];

		if (known->inode == front->inode && known->device == front->device) {
			known->listener = front->listener;
			return;
		}
	}
	conversations->fronts[conversations->front_next] = *front;
	conversations->front_next = (conversations->front_next + 1) % CONNECTION_FRONTS;
	if (conversations->front_count < CONNECTION_FRONTS)
		conversations->front_count++;
}

/* The one who listens may leave the work to children of its own (socat, a master of workers). */
static bool listens_on(const struct wire_task *who, const struct front *front)
{
	return front->listener == who->pid ||
	       (front->listener == who->parent_pid && who->parent_pid > 1);
}

/* The requests that may be the one that is passed on here. */
struct candidates {
	struct connection *connection;
	struct request *request; /* the oldest */
	bool several;            /* and not all of the same sender */
};

static void consider(struct candidates *candidates, struct connection *connection,
		     struct request *request)
{
	const struct wire_task *one, *other;

	if (!candidates->request) {
		candidates->connection = connection;
		candidates->request = request;
		return;
	}
	one = request_sender(candidates->connection, candidates->request);
	other = request_sender(connection, request);
	if (!one || !other || one->pid != other->pid || one->start != other->start)
		candidates->several = true;
	if (request->time < candidates->request->time) {
		candidates->connection = connection;
		candidates->request = request;
	}
}

static void look_at(struct candidates *candidates, struct connection *connection,
		    const struct request *passed)
{
	for (struct request *request = connection->first; request; request = request->next)
		if (!request->passed_on && request->time <= passed->time &&
		    (!request->answered || request->answered >= passed->time) &&
		    request->description && passed->description &&
		    description_same(request->description, passed->description))
			consider(candidates, connection, request);
}

static void fill_downstream(const struct candidates *candidates, struct record *record)
{
	const struct connection *connection = candidates->connection;
	const struct wire_task *sender = request_sender(connection, candidates->request);
	char id[REQUEST_ID_MOST];

	candidates->request->passed_on = true;
	record_set_text(record, FIELD_downstream_request_id,
			request_id(connection, candidates->request, id));
	if (sender)
		actor_fill_downstream(connection->conversations->options.actors, sender, record);
}

static void add_socket(struct record *record, const char *path)
{
	char address[WIRE_SUN_MOST + 8];

	snprintf(address, sizeof(address), "unix://%s", path);
	record_add_text(record, FIELD_proxy_listens, text_of(address));
}

/* A worker of the one who listens, which runs the same program. */
static bool is_worker(struct process_tree *tree, const struct wire_task *who)
{
	const struct process *process = process_tree_find(tree, who->pid, who->start);
	const struct process *parent = process_tree_find(tree, who->parent_pid, who->parent_start);

	return process && parent && process_executable(process).length > 0 &&
	       text_equal(process_executable(process), process_executable(parent));
}

/* Where nobody watches what it listens on, that it does is all that can be said. */
static void fill_servers(struct conversations *conversations, uint64_t now,
			 const struct wire_task *who, struct record *record)
{
	struct servers *servers = conversations->options.servers;
	struct process_tree *tree = conversations->options.actors->tree;
	const struct text_list *listens;

	if (!servers || !who->pid)
		return;
	listens = servers_find(servers, who->pid, who->start, now);
	if (!listens && tree && who->parent_pid > 1 && is_worker(tree, who))
		listens = servers_find(servers, who->parent_pid, who->parent_start, now);
	for (size_t i = 0; listens && i < listens->count; i++)
		record_add_text(record, FIELD_proxy_listens, text_list_at(listens, i));
}

void proxy_fill(struct connection *connection, const struct request *request,
		const struct wire_task *who, struct record *record)
{
	struct conversations *conversations = connection->conversations;
	const struct conversation_options *options = &conversations->options;
	struct candidates candidates = {};
	struct connection *other, *next;

	for (unsigned int i = 0; i < conversations->front_count; i++) {
		const struct front *front = &conversations->fronts[i];
		const char *path;

		if (!listens_on(who, front) ||
		    (front->inode == connection->inode && front->device == connection->device))
			continue;
		path = options->socket_path(options->socket_user, front->inode, front->device);
		add_socket(record, path ?: "?");
		HASH_ITER (hh, conversations->connections, other, next)
			if (other->inode == front->inode && other->device == front->device)
				look_at(&candidates, other, request);
	}
	if (candidates.request && !candidates.several)
		fill_downstream(&candidates, record);
	if (!record_has(record, FIELD_proxy_listens))
		fill_servers(conversations, request->time, who, record);
}
